// --model-jitter: every term that an index op computes is off by a factor 1 + d or 1 - d, d = 2^-36.
//
//   model.yield %v : f64   ->   %s = select (a hash of the op and its point is odd), 1 + 2^-36, 1 - 2^-36
//                               %w = mulf %v, %s
//                               model.yield %w : f64
//
// How far the run of such a program is from the run of the program itself says how far rounding may take it:
// errors of first order are linear in the terms' errors, so those of a sum of terms x that is taken in
// another order are at most n 2^-53 sum |x| where the jitter's is about 2^-36 sqrt(sum x^2). This is Monte
// Carlo arithmetic with one sample (D. S. Parker, "Monte Carlo Arithmetic", UCLA CSD-970002, 1997). The bound
// that is made of it stands in compiler/verify/Compare.h.
//
// Ops marked `exact`, integers, and ops that neither compute nor sum stay as they are: they do not round.
//
// Before and after: legal grad stage, floating-point types all f64 (model-promote).
#include "dialects/model/transforms/Build.h"
#include "dialects/model/transforms/Passes.h"

namespace cleave::model {
#define GEN_PASS_DEF_MODELJITTER
#include "dialects/model/transforms/Passes.h.inc"
} // namespace cleave::model

using namespace mlir;
using namespace cleave::model;

static constexpr double kJitter = 0x1p-36;

// Whether the op's value depends on how it is rounded.
static bool rounds(IndexOp op) {
  if (op->hasAttr("exact") || !isa<Float64Type>(elementType(op.getResult())))
    return false;
  if (op.getCombiner() == Combiner::Sum || op.getCombiner() == Combiner::Prod)
    return true;
  return llvm::any_of(op.getBodyBlock(), [](Operation &inner) {
    return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp>(inner) ||
           isa<math::MathDialect>(inner.getDialect());
  });
}

// 1 + d or 1 - d, by a hash of the op's number and the point (Knuth's multiplicative hash, twice).
static Value factorAt(OpBuilder &builder, Location loc, IndexOp op, int64_t number) {
  auto integer = [&](int64_t value) {
    return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(value)).getResult();
  };
  auto real = [&](double value) {
    return arith::ConstantOp::create(builder, loc, builder.getF64FloatAttr(value)).getResult();
  };
  Value position = integer(number);
  for (auto [dim, size] : llvm::enumerate(op.getSizes())) {
    Value scaled = arith::MulIOp::create(builder, loc, position, integer(size));
    position = arith::AddIOp::create(builder, loc, scaled, IterOp::create(builder, loc, dim));
  }
  for (int64_t factor : {int64_t(0x9E3779B97F4A7C15), int64_t(0xD1B54A32D192ED03)}) {
    Value product = arith::MulIOp::create(builder, loc, position, integer(factor));
    position = arith::XOrIOp::create(builder, loc, product,
                                     arith::ShRUIOp::create(builder, loc, product, integer(32)));
  }
  Value bit = arith::AndIOp::create(builder, loc, position, integer(1));
  Value odd = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, bit, integer(0));
  return arith::SelectOp::create(builder, loc, odd, real(1 + kJitter), real(1 - kJitter));
}

namespace {
struct ModelJitter : cleave::model::impl::ModelJitterBase<ModelJitter> {
  using ModelJitterBase::ModelJitterBase;

  void runOnOperation() override {
    int64_t number = 0;
    getOperation().walk([&](IndexOp op) {
      if (!rounds(op))
        return;
      Operation *end = op.getBodyBlock().getTerminator();
      OpBuilder builder(end);
      Value factor = factorAt(builder, op.getLoc(), op, ++number);
      end->setOperand(0, arith::MulFOp::create(builder, op.getLoc(), end->getOperand(0), factor));
    });
  }
};
} // namespace
