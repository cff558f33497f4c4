// Programs of several classes of ranks share the kernels that are equal.
#ifndef CLEAVE_COMPILER_CONVERT_SHAREKERNELS_H
#define CLEAVE_COMPILER_CONVERT_SHAREKERNELS_H

#include "runtime/core/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace cleave::convert {

// The module from which code is generated, with the kernels of all classes: of two with equal text one.
class SharedKernels {
public:
  // `first` has the kernels of the first class, at the memory stage; it lives longer than this.
  explicit SharedKernels(mlir::ModuleOp first);

  // Moves another class's kernels into the module, but for those it has, and gives `program`, which was
  // encoded from `other`, the names they have there.
  void add(mlir::ModuleOp other, rt::Program &program);

private:
  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  llvm::StringMap<std::string> names; // of kernels by their text
};

} // namespace cleave::convert

#endif
