#include "compiler/codegen/cpu/MathPatterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace cleave::codegen {

namespace {

/// Operations on values of one shape. None has fast-math flags: the tricks below depend on each rounding.
class Writer {
public:
  Writer(PatternRewriter &rewriter, Operation *op)
      : rewriter(rewriter), loc(op->getLoc()), shape(dyn_cast<VectorType>(op->getResult(0).getType())) {}

  Type typed(Type element) const {
    return shape ? Type(VectorType::get(VectorType(shape).getShape(), element)) : element;
  }
  Type f32() const { return typed(rewriter.getF32Type()); }
  Type f64() const { return typed(rewriter.getF64Type()); }
  Type i32() const { return typed(rewriter.getI32Type()); }
  Type i64() const { return typed(rewriter.getI64Type()); }

  Value constant(Type type, double value) const {
    return splat(type, rewriter.getFloatAttr(getElementTypeOrSelf(type), value));
  }
  Value integer(Type type, int64_t value) const {
    return splat(type, rewriter.getIntegerAttr(getElementTypeOrSelf(type), value));
  }

  Value add(Value a, Value b) const { return arith::AddFOp::create(rewriter, loc, a, b); }
  Value add(Value a, double b) const { return add(a, constant(a.getType(), b)); }
  Value sub(Value a, Value b) const { return arith::SubFOp::create(rewriter, loc, a, b); }
  Value mul(Value a, Value b) const { return arith::MulFOp::create(rewriter, loc, a, b); }
  Value mul(Value a, double b) const { return mul(a, constant(a.getType(), b)); }
  Value div(Value a, Value b) const { return arith::DivFOp::create(rewriter, loc, a, b); }
  Value fma(Value a, Value b, Value c) const { return math::FmaOp::create(rewriter, loc, a, b, c); }
  Value fma(Value a, double b, Value c) const { return fma(a, constant(a.getType(), b), c); }
  Value abs(Value a) const { return math::AbsFOp::create(rewriter, loc, a); }
  Value negate(Value a) const { return arith::NegFOp::create(rewriter, loc, a); }
  Value bits(Value a, Type type) const { return arith::BitcastOp::create(rewriter, loc, type, a); }
  Value shiftLeft(Value a, int64_t by) const {
    return arith::ShLIOp::create(rewriter, loc, a, integer(a.getType(), by));
  }
  Value shiftRight(Value a, int64_t by) const { // keeps the sign
    return arith::ShRSIOp::create(rewriter, loc, a, integer(a.getType(), by));
  }
  Value addBits(Value a, int64_t b) const {
    return arith::AddIOp::create(rewriter, loc, a, integer(a.getType(), b));
  }
  Value subBits(Value a, Value b) const { return arith::SubIOp::create(rewriter, loc, a, b); }
  Value maskBits(Value a, int64_t mask) const {
    return arith::AndIOp::create(rewriter, loc, a, integer(a.getType(), mask));
  }
  Value flipBits(Value a, Value b) const { return arith::XOrIOp::create(rewriter, loc, a, b); }
  Value widen(Value a) const { return arith::ExtFOp::create(rewriter, loc, f64(), a); }
  Value narrow(Value a) const { return arith::TruncFOp::create(rewriter, loc, f32(), a); }
  Value toFloat(Value a) const { return arith::SIToFPOp::create(rewriter, loc, f64(), a); }
  Value truncateBits(Value a) const { return arith::TruncIOp::create(rewriter, loc, i32(), a); }
  Value floor(Value a) const { return math::FloorOp::create(rewriter, loc, a); }
  Value choose(Value condition, Value yes, Value no) const {
    return arith::SelectOp::create(rewriter, loc, condition, yes, no);
  }
  /// NaN compares as false.
  Value less(Value a, double b) const {
    return arith::CmpFOp::create(rewriter, loc, arith::CmpFPredicate::OLT, a, constant(a.getType(), b));
  }
  Value greater(Value a, double b) const {
    return arith::CmpFOp::create(rewriter, loc, arith::CmpFPredicate::OGT, a, constant(a.getType(), b));
  }
  Value equal(Value a, Value b) const {
    return arith::CmpFOp::create(rewriter, loc, arith::CmpFPredicate::OEQ, a, b);
  }
  Value equal(Value a, double b) const { return equal(a, constant(a.getType(), b)); }
  Value isSet(Value bits) const {
    return arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::ne, bits, integer(bits.getType(), 0));
  }
  Value both(Value a, Value b) const { return arith::AndIOp::create(rewriter, loc, a, b); }

  /// Within [low, high]; NaN stays.
  Value clamp(Value a, double low, double high) const {
    a = choose(less(a, low), constant(a.getType(), low), a);
    return choose(greater(a, high), constant(a.getType(), high), a);
  }
  /// coefficients[0] + x (coefficients[1] + x (...)).
  Value polynomial(Value x, ArrayRef<double> coefficients) const {
    Value sum = constant(x.getType(), coefficients.back());
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, constant(x.getType(), coefficient));
    return sum;
  }

private:
  Value splat(Type type, TypedAttr element) const {
    if (auto vector = dyn_cast<VectorType>(type))
      return arith::ConstantOp::create(rewriter, loc, DenseElementsAttr::get(vector, Attribute(element)));
    return arith::ConstantOp::create(rewriter, loc, element);
  }

  PatternRewriter &rewriter;
  Location loc;
  VectorType shape;
};

// 1.5 * 2^23 and 1.5 * 2^52: added to a smaller number they round it to an integer, which then stands in the
// lowest bits.
constexpr double kRoundF32 = 12582912.0, kRoundF64 = 6755399441055744.0;
constexpr int64_t kMantissaF32 = 23, kMantissaF64 = 52;
constexpr int64_t kHalfF32 = 0x3f000000, kOneF64 = 0x3ff0000000000000;

bool isF32(Operation *op) { return getElementTypeOrSelf(op->getResult(0).getType()).isF32(); }

struct ExpandExp : OpRewritePattern<math::ExpOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::ExpOp op, PatternRewriter &rewriter) const override {
    if (!isF32(op))
      return failure();
    Writer write(rewriter, op);
    // n runs from -126 to 128, so that 2^(n - 1) is a float (0 for the least); the polynomial is twice exp.
    Value x = write.clamp(op.getOperand(), -87.6, 88.8);
    Value rounded = write.fma(x, 1.4426950408889634, write.constant(x.getType(), kRoundF32));
    Value n = write.add(rounded, -kRoundF32);
    Value rest = write.fma(n, -0.693359375, x); // the high part of ln 2 has few bits: exact
    rest = write.fma(n, 2.12194440e-4, rest);
    Value twice =
        write.polynomial(rest, {2, 2 * 0.9999997063105687, 2 * 0.4999914783848579, 2 * 0.16667638135548501,
                                2 * 0.041898159870689726, 2 * 0.008290271593431282});
    Value scale = write.addBits(write.shiftLeft(write.bits(rounded, write.i32()), kMantissaF32), kHalfF32);
    rewriter.replaceOp(op, write.mul(twice, write.bits(scale, write.f32())));
    return success();
  }
};

/// sin and cos: the cosine is the sine a quarter turn on.
template <typename Op, int64_t kQuarters> struct ExpandWave : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!isF32(op))
      return failure();
    Writer write(rewriter, op);
    Value x = write.widen(op.getOperand());
    x = write.choose(write.less(write.abs(x), 0x1p50), x, write.mul(x, 0.0)); // infinity becomes NaN
    Value rounded = write.fma(x, 0.6366197723675814, write.constant(x.getType(), kRoundF64));
    Value n = write.add(rounded, -kRoundF64);
    Value rest = write.fma(n, -1.5707963267948966, x);
    rest = write.narrow(write.fma(n, -6.123233995736766e-17, rest));
    Value quarter = write.addBits(write.truncateBits(write.bits(rounded, write.i64())), kQuarters);
    Value square = write.mul(rest, rest);
    Value sine =
        write.polynomial(square, {-0.16666654873423473, 0.008332173540639387, -0.00019516655533449723});
    sine = write.fma(write.mul(sine, square), rest, rest);
    Value cosine = write.polynomial(
        square, {1, -0.4999999972290702, 0.04166662306454636, -0.0013886755322311851, 2.438963409990072e-05});
    Value value = write.choose(write.isSet(write.maskBits(quarter, 1)), cosine, sine);
    Value sign = write.shiftLeft(write.maskBits(quarter, 2), 30);
    value = write.bits(write.flipBits(write.bits(value, write.i32()), sign), write.f32());
    rewriter.replaceOp(op, value);
    return success();
  }
};

struct ExpandPow : OpRewritePattern<math::PowFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::PowFOp op, PatternRewriter &rewriter) const override {
    if (!isF32(op))
      return failure();
    Writer write(rewriter, op);
    Value base = op.getLhs(), exponent = op.getRhs(), size = write.abs(base);
    Value result =
        write.narrow(power(write, write.mul(logarithm(write, write.widen(size)), write.widen(exponent))));
    Value one = write.constant(write.f32(), 1);
    result = write.choose(write.equal(size, 1), one, result);
    // A negative base has a power where the exponent is an integer, of its sign where that is odd.
    Value half = write.mul(exponent, 0.5);
    Value isInteger = write.equal(write.floor(exponent), exponent);
    Value isEven = write.equal(write.floor(half), half);
    Value negative = write.isSet(write.maskBits(write.bits(base, write.i32()), int64_t{1} << 31));
    Value flipped = write.choose(write.both(isInteger, negative),
                                 write.choose(isEven, result, write.negate(result)), result);
    Value undefined = write.choose(isInteger, flipped, write.constant(write.f32(), std::nan("")));
    result = write.choose(write.both(write.less(base, 0), write.greater(size, 0)), undefined, flipped);
    // Powers of -infinity are never undefined.
    result = write.choose(write.equal(base, -kInfinity), flipped, result);
    result = write.choose(write.equal(base, 1), one, result);
    rewriter.replaceOp(op, write.choose(write.equal(exponent, 0.0), one, result));
    return success();
  }

private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();

  /// log2 of an f64 that was an f32 without sign, so never subnormal.
  static Value logarithm(const Writer &write, Value x) {
    constexpr int64_t kRootOfHalf = 0x3fe6a09e667f3bcd;
    Value bits = write.bits(x, write.i64());
    Value exponent = write.shiftRight(write.addBits(bits, -kRootOfHalf), kMantissaF64);
    Value mantissa = write.bits(write.subBits(bits, write.shiftLeft(exponent, kMantissaF64)), write.f64());
    Value s = write.div(write.add(mantissa, -1.0), write.add(mantissa, 1.0));
    Value series =
        write.polynomial(write.mul(s, s), {2.8853900817778495, 0.9617966941155466, 0.5770779416938823,
                                           0.41220932330856574, 0.3199026676333041, 0.28294504025725054});
    Value log = write.fma(s, series, write.toFloat(exponent));
    log = write.choose(write.equal(x, 0.0), write.constant(write.f64(), -kInfinity), log);
    return write.choose(write.less(x, kInfinity), log, x); // infinity and NaN
  }

  /// 2^x; beyond what an f32 holds, anything that narrows to 0 or infinity.
  static Value power(const Writer &write, Value x) {
    x = write.clamp(x, -200, 200);
    Value rounded = write.add(x, kRoundF64);
    Value rest = write.sub(x, write.add(rounded, -kRoundF64));
    Value value = write.polynomial(rest, {1, 0.6931471807056921, 0.24022651068775738, 0.05550410362985056,
                                          0.009618037769405167, 0.0013333936563418684, 0.00015466882411881155,
                                          1.5196043607646446e-05});
    Value scale = write.addBits(write.shiftLeft(write.bits(rounded, write.i64()), kMantissaF64), kOneF64);
    return write.mul(value, write.bits(scale, write.f64()));
  }
};

} // namespace

void populateMathPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandExp, ExpandWave<math::SinOp, 0>, ExpandWave<math::CosOp, 1>, ExpandPow>(
      patterns.getContext());
}

} // namespace cleave::codegen
