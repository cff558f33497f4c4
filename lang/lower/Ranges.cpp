#include "lang/lower/Ranges.h"

#include "dialects/model/ir/Model.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::lower;

// How many ops in a row are looked through.
static constexpr unsigned kDepth = 32;

static Interval rangeOfTensor(Value tensor, unsigned depth);

static Interval rangeOfType(Type type) {
  unsigned width = type.getIntOrFloatBitWidth();
  if (width == 1)
    return {0, 1};
  return {llvm::minIntN(width), llvm::maxIntN(width)};
}

static Interval unite(Interval a, Interval b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

static Interval rangeOfComparison(arith::CmpIPredicate predicate, Interval a, Interval b) {
  using P = arith::CmpIPredicate;
  bool always = false, never = false;
  switch (predicate) {
  case P::slt:
    always = a.high < b.low, never = a.low >= b.high;
    break;
  case P::sle:
    always = a.high <= b.low, never = a.low > b.high;
    break;
  case P::sgt:
    always = a.low > b.high, never = a.high <= b.low;
    break;
  case P::sge:
    always = a.low >= b.high, never = a.high < b.low;
    break;
  case P::eq:
    never = a.high < b.low || a.low > b.high;
    break;
  case P::ne:
    always = a.high < b.low || a.low > b.high;
    break;
  default:
    break;
  }
  return {always, !never};
}

// Of a scalar in the body of an index op.
static Interval rangeOfScalar(Value value, unsigned depth) {
  Interval unknown = rangeOfType(value.getType());
  if (depth == 0)
    return unknown;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto op = cast<model::IndexOp>(argument.getOwner()->getParentOp());
    unsigned i = argument.getArgNumber();
    Interval range = rangeOfTensor(op.getInputs()[i], depth - 1);
    if (auto outside = dyn_cast_or_null<IntegerAttr>(op.getOutsideValue(i)))
      range = unite(range, {outside.getInt(), outside.getInt()});
    return range;
  }
  auto of = [&](Value operand) { return rangeOfScalar(operand, depth - 1); };
  return llvm::TypeSwitch<Operation *, Interval>(value.getDefiningOp())
      .Case([&](arith::ConstantOp op) {
        int64_t number = cast<IntegerAttr>(op.getValue()).getValue().getSExtValue();
        number = op.getType().isInteger(1) ? number & 1 : number;
        return Interval{number, number};
      })
      .Case([&](model::IterOp op) {
        auto index = cast<model::IndexOp>(op->getParentOp());
        return Interval{0, index.getSizes()[op.getDim()] - 1};
      })
      .Case([&](arith::ExtUIOp op) {
        unsigned width = op.getIn().getType().getIntOrFloatBitWidth();
        Interval range = of(op.getIn());
        return range.low >= 0 ? range : Interval{0, static_cast<int64_t>(llvm::maxUIntN(width))};
      })
      .Case([&](arith::ExtSIOp op) { return of(op.getIn()); })
      .Case([&](arith::TruncIOp op) {
        Interval range = of(op.getIn());
        return range.low >= unknown.low && range.high <= unknown.high ? range : unknown;
      })
      .Case([&](arith::SelectOp op) { return unite(of(op.getTrueValue()), of(op.getFalseValue())); })
      .Case([&](arith::CmpIOp op) {
        return rangeOfComparison(op.getPredicate(), of(op.getLhs()), of(op.getRhs()));
      })
      .Case([&](arith::AndIOp op) {
        Interval a = of(op.getLhs()), b = of(op.getRhs());
        return op.getType().isInteger(1) ? Interval{a.low & b.low, a.high & b.high} : unknown;
      })
      .Default([&](Operation *) { return unknown; });
}

static Interval rangeOfTensor(Value tensor, unsigned depth) {
  Interval unknown = rangeOfType(cast<RankedTensorType>(tensor.getType()).getElementType());
  if (depth == 0)
    return unknown;
  if (auto name = tensor.getDefiningOp<model::NameOp>())
    return rangeOfTensor(name.getInput(), depth - 1);
  auto op = tensor.getDefiningOp<model::IndexOp>();
  using model::Combiner;
  if (!op || op.getCombiner() == Combiner::Sum || op.getCombiner() == Combiner::Prod)
    return unknown;
  return rangeOfScalar(cast<model::YieldOp>(op.getBodyBlock().getTerminator()).getValue(), depth - 1);
}

Interval cleave::lower::rangeOf(Value tensor) { return rangeOfTensor(tensor, kDepth); }
