// The ops of a step from one layout to the next.
#include "dialects/comm/transforms/Reshard.h"
#include "dialects/model/transforms/Build.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

static RankedTensorType resized(RankedTensorType type, int64_t dim, int64_t size) {
  SmallVector<int64_t> sizes(type.getShape());
  sizes[dim] = size;
  return RankedTensorType::get(sizes, type.getElementType(), type.getEncoding());
}

// The first `size` elements along a dim; what lies behind the end is zero.
static Value resize(OpBuilder &builder, Location loc, Value value, int64_t dim, int64_t size) {
  RankedTensorType type = model::rankedType(value), result = resized(type, dim, size);
  if (type == result)
    return value;
  Attribute zero = builder.getZeroAttr(type.getElementType());
  Attribute outside = size > type.getDimSize(dim) ? zero : Attribute(builder.getUnitAttr());
  return model::IndexOp::create(
      builder, loc, result, value, model::leadingDims(builder.getContext(), type.getRank(), type.getRank()),
      outside, model::axesOf(result), result.getShape(), result.getRank(), model::Combiner::None,
      [](OpBuilder &, Location, ValueRange values) { return values.front(); });
}

Value cleave::comm::emitStep(OpBuilder &builder, Location loc, const Shards &shards, RankedTensorType whole,
                             Value value, LayoutAttr before, const Step &step, ReasonAttr reason) {
  MLIRContext *context = builder.getContext();
  StringRef mesh = shards.getMeshName().getValue();
  ArrayAttr over = overOf(context, step.over);
  RankedTensorType after = shards.localType(whole, step.after);
  auto attribute = [&](Operation *op) {
    if (reason)
      op->setAttr("reason", reason);
    return op->getResult(0);
  };
  // A whole dim has its own size; where it is cut, or joined from blocks, that of the padded whole.
  auto open = [&](int64_t dim) {
    if (before.getDims()[dim].getAxes().empty())
      value = resize(builder, loc, value, dim, shards.padded(whole.getDimSize(dim)));
  };
  auto joined = [&](RankedTensorType type, int64_t dim) {
    bool isWhole = step.after.getDims()[dim].getAxes().empty();
    return isWhole ? resized(type, dim, shards.padded(whole.getDimSize(dim))) : type;
  };
  switch (step.move) {
  case Move::Slice:
    open(step.dim);
    return SliceOp::create(builder, loc, after, value, mesh, over, step.dim, nullptr, nullptr, nullptr);
  case Move::AllGather: {
    RankedTensorType type = joined(after, step.dim);
    Value result = attribute(
        AllGatherOp::create(builder, loc, type, value, mesh, over, step.dim, nullptr, nullptr, nullptr));
    return resize(builder, loc, result, step.dim, after.getDimSize(step.dim));
  }
  case Move::AllToAll: {
    open(step.dim);
    RankedTensorType type = joined(after, step.concat);
    Value result = attribute(AllToAllOp::create(builder, loc, type, value, mesh, over, step.dim, step.concat,
                                                nullptr, nullptr, nullptr));
    return resize(builder, loc, result, step.concat, after.getDimSize(step.concat));
  }
  case Move::Permute:
    return attribute(
        PermuteOp::create(builder, loc, after, value, mesh, over, step.sources, nullptr, nullptr, nullptr));
  case Move::ReduceScatter:
    open(step.dim);
    return attribute(ReduceScatterOp::create(builder, loc, after, value, mesh, over, step.combiner, step.dim,
                                             nullptr, nullptr, nullptr));
  case Move::AllReduce:
    return attribute(AllReduceOp::create(builder, loc, after, value, mesh, over, step.combiner, nullptr,
                                         nullptr, nullptr));
  case Move::Only:
    return OnlyOp::create(builder, loc, after, value, mesh, over, step.combiner, nullptr, nullptr, nullptr);
  }
  llvm_unreachable("a move is one of those");
}
