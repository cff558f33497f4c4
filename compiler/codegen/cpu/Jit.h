// Native code in memory from kernels in the LLVM dialect.
#ifndef CLEAVE_COMPILER_CODEGEN_CPU_JIT_H
#define CLEAVE_COMPILER_CODEGEN_CPU_JIT_H

#include "mlir/IR/BuiltinOps.h"
#include "runtime/core/Program.h"

#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace cleave::codegen {

struct JitOptions {
  unsigned threads = 2; // that compile; the code does not depend on it
  std::string cpu;      // empty: the host's
};

/// Owns the code; addresses are valid as long as it lives.
class Jit {
public:
  virtual ~Jit() = default;
  /// Null when there is no such kernel.
  virtual rt::KernelFunction lookup(llvm::StringRef kernel) const = 0;
};

/// Compiles the kernels (functions of the LLVM dialect with `cleave.kernel`) of a module that
/// buildKernelsPipeline has run on.
llvm::Expected<std::unique_ptr<Jit>> jit(mlir::ModuleOp module, const JitOptions &options = {});

/// The same kernels as assembly text.
llvm::Expected<std::string> emitAssembly(mlir::ModuleOp module, const JitOptions &options = {});

/// The same kernels as one relocatable object file.
llvm::Expected<std::string> emitObject(mlir::ModuleOp module, const JitOptions &options = {});

} // namespace cleave::codegen

#endif
