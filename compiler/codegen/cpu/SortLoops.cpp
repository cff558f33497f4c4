// Sorting positions: one call of the runtime's merge sort per row.
#include "compiler/codegen/cpu/Emitters.h"
#include "compiler/codegen/cpu/RowPlan.h"
#include "runtime/core/Program.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace cleave::codegen {

/// How the runtime reads keys of this type. Bytes are text, classes or booleans: unsigned.
static rt::Type keyType(Type element) {
  if (element.isF32())
    return rt::Type::F32;
  if (element.isF64())
    return rt::Type::F64;
  if (element.isBF16())
    return rt::Type::BF16;
  if (element.isF16())
    return rt::Type::F16;
  if (element.isInteger(64))
    return rt::Type::I64;
  return element.isInteger(32) ? rt::Type::I32 : rt::Type::U8;
}

LogicalResult emitArgsort(func::FuncOp func, model::ArgsortOp argsort) {
  auto input = dyn_cast<BlockArgument>(argsort.getInput());
  if (!input || func.getNumResults() != 1)
    return argsort.emitError("an argsort kernel sorts an argument into its one result; found something else");
  auto type = cast<RankedTensorType>(input.getType());
  int64_t count = type.getRank() ? type.getShape().back() : 1,
          rows = type.getNumElements() / std::max<int64_t>(count, 1);
  int64_t keyBytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);

  LoopFunction loops(func);
  OpBuilder builder(loops.function.front().getTerminator());
  LoopBuilder emit(builder, argsort.getLoc());
  Value work =
      memref::AllocaOp::create(builder, argsort.getLoc(), MemRefType::get({count}, builder.getI32Type()));
  Value keys = loops.function.getArgument(input.getArgNumber());
  Value positions = loops.function.getArgument(func.getNumArguments());
  emit.loop(loops.begin(), loops.end(), [&](Value row) {
    Value offset = emit.times(row, count);
    emit.call(loops.function, "cleave_rt_argsort",
              {emit.word(static_cast<int64_t>(keyType(type.getElementType()))),
               emit.address(keys, offset, keyBytes), emit.word(count),
               emit.word(int64_t{argsort.getDescending()}), emit.address(positions, offset, 4),
               emit.address(work, emit.index(0), 4)});
  });
  // About 3 ns per key and doubling.
  double rowNanoseconds = 3.0 * static_cast<double>(count) * (1 + llvm::Log2_64_Ceil(count));
  loops.finish(rows, chooseGrain(rows, rowNanoseconds));
  return success();
}

} // namespace cleave::codegen
