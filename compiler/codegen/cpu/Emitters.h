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
  mlir::ValueRange results() {
    return function.getArguments().drop_front(kernel.getNumArguments()).drop_back(2);
  }
  mlir::Value begin() { return function.getArgument(function.getNumArguments() - 2); }
  mlir::Value end() { return function.getArgument(function.getNumArguments() - 1); }
  /// Sets the attributes the scheduler reads and drops the kernel.
  void finish(int64_t unitCount, int64_t grain);

  mlir::func::FuncOp function;

private:
  mlir::func::FuncOp kernel;
};

/// Stores results that are too large for any cache past the caches. Of loops that are complete.
void streamResults(LoopFunction &loops);

/// Index arithmetic and loops, shortened.
class LoopBuilder {
public:
  LoopBuilder(mlir::OpBuilder &builder, mlir::Location loc) : builder(builder), loc(loc) {}

  mlir::Value index(int64_t value);
  mlir::Value times(mlir::Value value, int64_t factor);
  mlir::Value plus(mlir::Value a, mlir::Value b);
  /// As i64, the only type the runtime's functions take.
  mlir::Value word(mlir::Value value);
  mlir::Value word(int64_t value);
  /// The last digit of `number` in base `base`, and `number` without it.
  mlir::Value takeDigit(mlir::Value &number, int64_t base);
  /// The address of an element `offset` elements behind the start of a memref.
  mlir::Value address(mlir::Value memref, mlir::Value offset, int64_t elementBytes);
  /// A loop from 0 or `low`; `body` emits its inside.
  void loop(mlir::Value low, mlir::Value high, llvm::function_ref<void(mlir::Value)> body);
  /// Calls a function of the runtime that takes words, declaring it on first use.
  void call(mlir::func::FuncOp user, llvm::StringRef name, mlir::ValueRange words);

protected:
  mlir::OpBuilder &builder;
  mlir::Location loc;
};

/// A large product as calls of the runtime; nothing when the kernel is not one.
std::optional<mlir::LogicalResult> emitProduct(mlir::func::FuncOp func);
/// A large f32 sum of products over windows likewise.
std::optional<mlir::LogicalResult> emitStridedProduct(mlir::func::FuncOp func);
mlir::LogicalResult emitScatter(mlir::func::FuncOp func, model::ScatterOp scatter);
mlir::LogicalResult emitArgsort(mlir::func::FuncOp func, model::ArgsortOp argsort);

} // namespace cleave::codegen

#endif
