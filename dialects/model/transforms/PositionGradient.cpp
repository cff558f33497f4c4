// The gradients of model.gather and model.scatter, each other's converses.
#include "dialects/model/transforms/Gradients.h"

using namespace mlir;
using namespace cleave::model;

// Each table element gets the sum of the cotangents of what was read from it.
LogicalResult cleave::model::reverseGather(GatherOp op, Value cotangent, Reverse &reverse) {
  if (!reverse.isActive(op.getTable()))
    return success();
  OpBuilder &builder = reverse.builder;
  Value zeros = makeSplat(builder, op.getLoc(), rankedType(op.getTable()), 0);
  reverse.give(op.getTable(),
               ScatterOp::create(builder, op.getLoc(), zeros.getType(), zeros, op.getIndices(), cotangent,
                                 op.getTableMap(), op.getIndexMaps(), Combiner::Sum));
  return success();
}

namespace {
class ScatterReverse {
public:
  ScatterReverse(ScatterOp op, Value cotangent, Reverse &reverse)
      : op(op), cotangent(cotangent), reverse(reverse), builder(reverse.builder), loc(op.getLoc()),
        points(rankedType(op.getUpdates())), side(rankedType(op.getResult())) {}
  LogicalResult run();

private:
  // What a tensor shaped like the result holds where each update went (anything for dropped ones).
  Value read(Value table, RankedTensorType type) {
    return GatherOp::create(builder, loc, type, table, op.getIndices(), op.getResultMap(), op.getIndexMaps());
  }
  Value write(Value into, Value updates, Combiner combiner) {
    return ScatterOp::create(builder, loc, into.getType(), into, op.getIndices(), updates, op.getResultMap(),
                             op.getIndexMaps(), combiner);
  }
  Value whereEqual(RankedTensorType type, Value a, Value b, Value then);
  Value whereInside(Value value);
  void reverseExtremum();
  void reverseOverwrite();

  ScatterOp op;
  Value cotangent;
  Reverse &reverse;
  OpBuilder &builder;
  Location loc;
  RankedTensorType points, side;
};
} // namespace

// then where a == b, else 0; without `then`: 1 where a == b.
Value ScatterReverse::whereEqual(RankedTensorType type, Value a, Value b, Value then) {
  SmallVector<Value> inputs{a, b};
  if (then)
    inputs.push_back(then);
  return makeElementwise(
      builder, loc, type, inputs, [&](OpBuilder &body, Location at, ValueRange values) -> Value {
        Value same;
        if (isa<FloatType>(values[0].getType()))
          same = arith::CmpFOp::create(body, at, arith::CmpFPredicate::OEQ, values[0], values[1]);
        else
          same = arith::CmpIOp::create(body, at, arith::CmpIPredicate::eq, values[0], values[1]);
        Value yes = then ? values[2] : makeScalar(body, at, type.getElementType(), 1);
        return arith::SelectOp::create(body, at, same, yes, makeScalar(body, at, type.getElementType(), 0));
      });
}

// A value per update, 0 where the update was dropped for lying outside.
Value ScatterReverse::whereInside(Value value) {
  SmallVector<Value> inputs{value};
  unsigned rank = points.getRank();
  SmallVector<AffineMap> maps{leadingDims(builder.getContext(), rank, rank)};
  llvm::append_range(inputs, op.getIndices());
  llvm::append_range(maps, op.getIndexMaps().getAsValueRange<AffineMapAttr>());
  auto body = [&](OpBuilder &inner, Location at, ValueRange values) -> Value {
    Value inside;
    auto require = [&](arith::CmpIPredicate predicate, Value position, int64_t bound) {
      Value limit = makeScalar(inner, at, inner.getI64Type(), bound);
      Value holds = arith::CmpIOp::create(inner, at, predicate, position, limit);
      inside = inside ? arith::AndIOp::create(inner, at, inside, holds).getResult() : holds;
    };
    for (auto [expr, size] : llvm::zip(op.getResultMap().getResults(), side.getShape())) {
      if (!expr.isSymbolicOrConstant() && isa<AffineDimExpr>(expr))
        continue;
      Value position = makeAffine(inner, at, expr, values.drop_front());
      require(arith::CmpIPredicate::sge, position, 0);
      require(arith::CmpIPredicate::slt, position, size);
    }
    if (!inside)
      return values[0];
    return arith::SelectOp::create(inner, at, inside, values[0],
                                   makeScalar(inner, at, points.getElementType(), 0));
  };
  return IndexOp::create(builder, loc, rankedType(value), inputs, maps, ArrayRef<Attribute>(), axesOf(points),
                         points.getShape(), rank, Combiner::None, body);
}

// max, min: init and updates that attain the result share its cotangent equally.
void ScatterReverse::reverseExtremum() {
  Value result = op.getResult();
  Value attainsInit = whereEqual(side, op.getInit(), result, {});
  Value attains = whereInside(whereEqual(points, op.getUpdates(), read(result, points), {}));
  Value count = write(attainsInit, attains, Combiner::Sum);
  auto divide = [](OpBuilder &body, Location at, ValueRange values) -> Value {
    return arith::DivFOp::create(body, at, values[0], values[1]);
  };
  Value share = makeElementwise(builder, loc, side, {cotangent, count}, divide);
  reverse.give(op.getInit(), whereEqual(side, op.getInit(), result, share));
  if (reverse.isActive(op.getUpdates()))
    reverse.give(op.getUpdates(),
                 whereInside(whereEqual(points, op.getUpdates(), read(result, points), read(share, points))));
}

// The last update of an element wins and gets its cotangent; init gets what no update reached.
void ScatterReverse::reverseOverwrite() {
  Type i64 = builder.getI64Type();
  auto ranked = [&](RankedTensorType like) { return tensorOf(i64, axesOf(like), like.getShape()); };
  Value order =
      makeElementwise(builder, loc, ranked(points), {}, [&](OpBuilder &body, Location at, ValueRange) {
        AffineExpr linear = getAffineConstantExpr(0, builder.getContext());
        for (int64_t axis = 0; axis < points.getRank(); ++axis)
          linear = linear * points.getDimSize(axis) + getAffineDimExpr(axis, builder.getContext());
        return makeAffine(body, at, linear);
      });
  Value none = makeSplat(builder, loc, ranked(side), -1);
  Value winner = write(none, order, Combiner::None);
  reverse.give(op.getInit(), whereEqual(side, winner, none, cotangent));
  if (reverse.isActive(op.getUpdates()))
    reverse.give(op.getUpdates(), whereInside(whereEqual(points, read(winner, ranked(points)), order,
                                                         read(cotangent, points))));
}

LogicalResult ScatterReverse::run() {
  switch (op.getCombiner()) {
  case Combiner::Sum:
    reverse.give(op.getInit(), cotangent);
    if (reverse.isActive(op.getUpdates()))
      reverse.give(op.getUpdates(), whereInside(read(cotangent, points)));
    return success();
  case Combiner::Max:
  case Combiner::Min:
    reverseExtremum();
    return success();
  case Combiner::None:
    reverseOverwrite();
    return success();
  default:
    return op.emitOpError("a gradient needs a scatter that sums, takes extrema or sets, got: ")
           << stringifyCombiner(op.getCombiner());
  }
}

LogicalResult cleave::model::reverseScatter(ScatterOp op, Value cotangent, Reverse &reverse) {
  return ScatterReverse(op, cotangent, reverse).run();
}
