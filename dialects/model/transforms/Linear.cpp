#include "dialects/model/transforms/Linear.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace cleave::model;

namespace {
enum class Degree { Zero, Fixed, Linear, Other }; // Zero: the constant 0, which is both fixed and linear
} // namespace

static Degree sumOf(Degree a, Degree b) {
  if (a == Degree::Zero)
    return b;
  if (b == Degree::Zero || a == b)
    return a;
  return Degree::Other; // fixed + linear is affine
}

static Degree productOf(Degree a, Degree b) {
  if (a == Degree::Zero || b == Degree::Zero) // 0 times infinity aside, which is NaN on either side
    return Degree::Zero;
  if (a == Degree::Fixed)
    return b;
  return b == Degree::Fixed ? a : Degree::Other;
}

bool cleave::model::isLinearIn(IndexOp op, ArrayRef<bool> marked) {
  if (op.getNumReductions() && op.getCombiner() != Combiner::Sum)
    return false;
  DenseMap<Value, Degree> degrees;
  for (auto [argument, isMarked] : llvm::zip_equal(op.getBodyBlock().getArguments(), marked))
    degrees[argument] = isMarked ? Degree::Linear : Degree::Fixed;
  for (unsigned i = 0; i < marked.size(); ++i) // what stands outside must add nothing
    if (TypedAttr outside = op.getOutsideValue(i);
        outside && marked[i] && !matchPattern(outside, m_AnyZeroFloat()))
      return false;
  for (Operation &inner : op.getBodyBlock().without_terminator()) {
    auto degree = [&](unsigned operand) { return degrees.lookup(inner.getOperand(operand)); };
    bool isFixed = llvm::all_of(inner.getOperands(), [&](Value operand) {
      Degree of = degrees.lookup(operand);
      return of == Degree::Fixed || of == Degree::Zero;
    });
    Degree made = Degree::Other;
    if (auto constant = dyn_cast<arith::ConstantOp>(inner))
      made = matchPattern(constant.getValue(), m_AnyZeroFloat()) ? Degree::Zero : Degree::Fixed;
    else if (isFixed)
      made = Degree::Fixed;
    else if (isa<arith::AddFOp, arith::SubFOp>(inner))
      made = sumOf(degree(0), degree(1));
    else if (isa<arith::MulFOp>(inner))
      made = productOf(degree(0), degree(1));
    else if (isa<arith::DivFOp>(inner) && degree(1) == Degree::Fixed)
      made = degree(0);
    else if (isa<arith::NegFOp, arith::ExtFOp, arith::TruncFOp>(inner))
      made = degree(0);
    else if (isa<arith::SelectOp>(inner) && degree(0) == Degree::Fixed)
      made = sumOf(degree(1), degree(2));
    for (Value result : inner.getResults())
      degrees[result] = made;
  }
  Degree result = degrees.lookup(cast<YieldOp>(op.getBodyBlock().getTerminator()).getValue());
  return result == Degree::Linear || result == Degree::Zero;
}
