// The emitters of kernels that are not plain rows, and what they share.
#ifndef CLEAVE_COMPILER_CODEGEN_CPU_EMITTERS_H
#define CLEAVE_COMPILER_CODEGEN_CPU_EMITTERS_H

#include "compiler/codegen/common/Kernel.h"
#include "compiler/codegen/cpu/Lanes.h"

#include "dialects/model/ir/Model.h"

namespace cleave::codegen {

/// The function over memrefs that takes a kernel's place: arguments, results, begin, end.
class LoopFunction {
public:
  explicit LoopFunction(mlir::func::FuncOp kernel);
  /// Argument or, behind the arguments, result as flat memory.
  Place place(mlir::OpBuilder &builder, unsigned argument);
  mlir::Value begin() { return function.getArgument(function.getNumArguments() - 2); }
  mlir::Value end() { return function.getArgument(function.getNumArguments() - 1); }
  /// Sets the attributes the scheduler reads and drops the kernel.
  void finish(int64_t unitCount, int64_t grain);

  mlir::func::FuncOp function;

private:
  mlir::func::FuncOp kernel;
};

/// A large f32 product as calls of the library; nothing when the kernel is not one.
std::optional<mlir::LogicalResult> emitProduct(mlir::func::FuncOp func);
mlir::LogicalResult emitScatter(mlir::func::FuncOp func, model::ScatterOp scatter);
mlir::LogicalResult emitArgsort(mlir::func::FuncOp func, model::ArgsortOp argsort);

} // namespace cleave::codegen

#endif
