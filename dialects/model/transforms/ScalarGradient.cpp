#include "dialects/model/transforms/ScalarGradient.h"
#include "dialects/model/transforms/Build.h"

#include "mlir/IR/Matchers.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace cleave::model;

namespace {
// One op at a time: `g` is the derivative with respect to its result, `give` adds to that of an operand.
class ScalarReverse {
public:
  ScalarReverse(OpBuilder &builder) : b(builder) {}

  bool isActive(Value value) const { return active.contains(value); }
  void activate(Value value) { active.insert(value); }

  void give(Value to, Value g) {
    if (!isActive(to))
      return;
    Value &slot = adjoints[to];
    slot = slot ? add(slot, g) : g;
  }
  Value adjointOf(Value value) const { return adjoints.lookup(value); }

  LogicalResult visit(Operation *op, Value g);

private:
  Value constant(double value, Value like) { return makeScalar(b, loc, like.getType(), value); }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  Value mul(Value x, double y) { return mul(x, constant(y, x)); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
  Value neg(Value x) { return arith::NegFOp::create(b, loc, x); }
  Value zero(Value like) { return constant(0, like); }
  Value select(Value condition, Value x, Value y) { return arith::SelectOp::create(b, loc, condition, x, y); }
  bool isConstant(Value value) { return matchPattern(value, m_Constant()); }
  Value greater(Value x, Value y) { return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, y); }

  // Gives one of two operands the whole derivative.
  bool either(Value condition, Value first, Value second, Value g) {
    if (isActive(first))
      give(first, select(condition, g, zero(g)));
    if (isActive(second))
      give(second, select(condition, zero(g), g));
    return true;
  }
  bool visitArith(Operation *op, Value g);
  bool visitMath(Operation *op, Value g);
  bool visitPower(math::PowFOp op, Value g);

  OpBuilder &b;
  Location loc = b.getUnknownLoc();
  DenseSet<Value> active;
  DenseMap<Value, Value> adjoints;
};
} // namespace

bool ScalarReverse::visitArith(Operation *op, Value g) {
  Value x = op->getOperand(0), y = op->getNumOperands() > 1 ? op->getOperand(1) : Value();
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](arith::AddFOp) { return give(x, g), give(y, g), true; })
      .Case([&](arith::SubFOp) {
        give(x, g);
        if (isActive(y))
          give(y, neg(g));
        return true;
      })
      .Case([&](arith::MulFOp) {
        if (isActive(x))
          give(x, mul(g, y));
        if (isActive(y))
          give(y, mul(g, x));
        return true;
      })
      .Case([&](arith::DivFOp) {
        if (!isActive(y))
          return give(x, div(g, y)), true;
        Value share = div(g, y);
        give(x, share);
        give(y, neg(mul(share, op->getResult(0))));
        return true;
      })
      .Case([&](arith::RemFOp) {
        give(x, g);
        if (isActive(y))
          give(y, neg(mul(g, math::TruncOp::create(b, loc, div(x, y)))));
        return true;
      })
      .Case([&](arith::NegFOp) { return give(x, neg(g)), true; })
      // With a constant, the value tells as well which of the two it is.
      .Case<arith::MaximumFOp, arith::MaxNumFOp>(
          [&](auto) { return either(greater(isConstant(y) ? op->getResult(0) : x, y), x, y, g); })
      .Case<arith::MinimumFOp, arith::MinNumFOp>(
          [&](auto) { return either(greater(y, isConstant(y) ? op->getResult(0) : x), x, y, g); })
      .Case([&](arith::SelectOp choice) {
        return either(choice.getCondition(), choice.getTrueValue(), choice.getFalseValue(), g);
      })
      .Case([&](arith::ExtFOp) { return give(x, arith::TruncFOp::create(b, loc, x.getType(), g)), true; })
      .Case([&](arith::TruncFOp) { return give(x, arith::ExtFOp::create(b, loc, x.getType(), g)), true; })
      .Default([](Operation *) { return false; });
}

// d(x^y) = y x^(y-1) dx + x^y log(x) dy; the second is taken as 0 where x is not positive, as its limit at 0
// is.
bool ScalarReverse::visitPower(math::PowFOp op, Value g) {
  Value x = op.getLhs(), y = op.getRhs();
  if (isActive(x)) {
    Value below = math::PowFOp::create(b, loc, x, sub(y, constant(1, y)));
    give(x, mul(g, mul(y, below)));
  }
  if (isActive(y)) {
    Value slope = mul(op.getResult(), math::LogOp::create(b, loc, x));
    give(y, mul(g, select(greater(x, zero(x)), slope, zero(x))));
  }
  return true;
}

bool ScalarReverse::visitMath(Operation *op, Value g) {
  Value x = op->getOperand(0), y = op->getResult(0);
  auto with = [&](Value value) { return give(x, value), true; };
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](math::ExpOp) { return with(mul(g, y)); })
      .Case([&](math::Exp2Op) { return with(mul(mul(g, y), llvm::numbers::ln2)); })
      .Case([&](math::ExpM1Op) { return with(mul(g, add(y, constant(1, y)))); })
      .Case([&](math::LogOp) { return with(div(g, x)); })
      .Case([&](math::Log2Op) { return with(div(mul(g, 1 / llvm::numbers::ln2), x)); })
      .Case([&](math::Log1pOp) { return with(div(g, add(x, constant(1, x)))); })
      .Case([&](math::SqrtOp) { return with(div(mul(g, 0.5), y)); })
      .Case([&](math::RsqrtOp) { return with(mul(mul(g, -0.5), mul(y, mul(y, y)))); })
      .Case([&](math::TanhOp) { return with(mul(g, sub(constant(1, y), mul(y, y)))); })
      .Case([&](math::ErfOp) {
        return with(mul(mul(g, 2 * llvm::numbers::inv_sqrtpi), math::ExpOp::create(b, loc, neg(mul(x, x)))));
      })
      .Case([&](math::SinOp) { return with(mul(g, math::CosOp::create(b, loc, x))); })
      .Case([&](math::CosOp) { return with(neg(mul(g, math::SinOp::create(b, loc, x)))); })
      .Case([&](math::AtanOp) { return with(div(g, add(constant(1, x), mul(x, x)))); })
      .Case([&](math::AbsFOp) {
        Value below = select(greater(zero(x), x), neg(g), zero(g));
        return with(select(greater(x, zero(x)), g, below));
      })
      .Case([&](math::CopySignOp copy) {
        Value one = constant(1, x);
        Value same = mul(math::CopySignOp::create(b, loc, one, x),
                         math::CopySignOp::create(b, loc, one, copy.getRhs()));
        return with(mul(g, same));
      })
      .Case([&](math::FmaOp fma) {
        if (isActive(x))
          give(x, mul(g, fma.getB()));
        if (isActive(fma.getB()))
          give(fma.getB(), mul(g, x));
        give(fma.getC(), g);
        return true;
      })
      .Case([&](math::PowFOp power) { return visitPower(power, g); })
      .Case<math::FloorOp, math::CeilOp, math::RoundOp, math::RoundEvenOp, math::TruncOp>(
          [](auto) { return true; })
      .Default([](Operation *) { return false; });
}

LogicalResult ScalarReverse::visit(Operation *op, Value g) {
  loc = op->getLoc();
  if (visitArith(op, g) || visitMath(op, g))
    return success();
  return op->emitError("a gradient needs the derivative of every scalar op on its way, got: ")
         << op->getName();
}

FailureOr<SmallVector<Value>> cleave::model::differentiateBody(OpBuilder &builder, Block &block, Value result,
                                                               Value seed, ArrayRef<bool> wanted) {
  ScalarReverse reverse(builder);
  for (auto [argument, want] : llvm::zip(block.getArguments(), wanted))
    if (want)
      reverse.activate(argument);
  SmallVector<Operation *> path;
  for (Operation &op : block)
    if (op.getNumResults() == 1 && isa<FloatType>(op.getResult(0).getType()) &&
        llvm::any_of(op.getOperands(), [&](Value v) { return reverse.isActive(v); })) {
      reverse.activate(op.getResult(0));
      path.push_back(&op);
    }
  reverse.give(result, seed);
  for (Operation *op : llvm::reverse(path))
    if (Value g = reverse.adjointOf(op->getResult(0)))
      if (failed(reverse.visit(op, g)))
        return failure();
  SmallVector<Value> adjoints;
  for (auto [argument, want] : llvm::zip(block.getArguments(), wanted))
    adjoints.push_back(want ? reverse.adjointOf(argument) : Value());
  return adjoints;
}
