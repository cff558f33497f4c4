#include "test/unit/model/EvaluateScalar.h"

#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
namespace model = cleave::model;
using cleave::test::Scalar;
using cleave::test::ScalarFunction;

static Scalar real(double value) { return {value, 0}; }
static Scalar flag(bool value) { return {0, value}; }

// Keeps the type's bits, sign-extended (i1: 0 or 1).
static Scalar wrap(int64_t value, Type type) {
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  if (width == 1)
    return {0, value & 1};
  if (width == 64)
    return {0, value};
  return {0, llvm::SignExtend64(static_cast<uint64_t>(value), width)};
}

static uint64_t bits(Scalar value, Type type) {
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  uint64_t word = static_cast<uint64_t>(value.integer);
  return width == 64 ? word : word & ((uint64_t(1) << width) - 1);
}

Scalar cleave::test::scalarOf(Attribute value) {
  if (auto number = dyn_cast<FloatAttr>(value)) {
    APFloat exact = number.getValue();
    bool loses = false;
    exact.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &loses);
    return real(exact.convertToDouble());
  }
  auto integer = cast<IntegerAttr>(value);
  return wrap(integer.getValue().getSExtValue(), integer.getType());
}

static bool compare(arith::CmpFPredicate predicate, double a, double b) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case P::AlwaysFalse:
    return false;
  case P::AlwaysTrue:
    return true;
  case P::OEQ:
    return a == b;
  case P::OGT:
    return a > b;
  case P::OGE:
    return a >= b;
  case P::OLT:
    return a < b;
  case P::OLE:
    return a <= b;
  case P::ONE:
    return !unordered && a != b;
  case P::ORD:
    return !unordered;
  case P::UNO:
    return unordered;
  case P::UEQ:
    return unordered || a == b;
  case P::UGT:
    return unordered || a > b;
  case P::UGE:
    return unordered || a >= b;
  case P::ULT:
    return unordered || a < b;
  case P::ULE:
    return unordered || a <= b;
  case P::UNE:
    return unordered || a != b;
  }
  return false;
}

static bool compare(arith::CmpIPredicate predicate, Scalar a, Scalar b, Type type) {
  using P = arith::CmpIPredicate;
  uint64_t ua = bits(a, type), ub = bits(b, type);
  switch (predicate) {
  case P::eq:
    return a.integer == b.integer;
  case P::ne:
    return a.integer != b.integer;
  case P::slt:
    return a.integer < b.integer;
  case P::sle:
    return a.integer <= b.integer;
  case P::sgt:
    return a.integer > b.integer;
  case P::sge:
    return a.integer >= b.integer;
  case P::ult:
    return ua < ub;
  case P::ule:
    return ua <= ub;
  case P::ugt:
    return ua > ub;
  case P::uge:
    return ua >= ub;
  }
  return false;
}

// Philox4x32-10, Salmon et al. 2011: counter words index low, index high, step, site; key: the seed.
static uint32_t philox(uint64_t seed, uint64_t step, uint32_t site, uint64_t index) {
  uint32_t c[4] = {uint32_t(index), uint32_t(index >> 32), uint32_t(step), site};
  uint32_t k[2] = {uint32_t(seed), uint32_t(seed >> 32)};
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t(0xD2511F53) * c[0], p1 = uint64_t(0xCD9E8D57) * c[2];
    uint32_t n[4] = {uint32_t(p1 >> 32) ^ c[1] ^ k[0], uint32_t(p1), uint32_t(p0 >> 32) ^ c[3] ^ k[1],
                     uint32_t(p0)};
    std::copy(n, n + 4, c);
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c[0];
}

// The operands of an op of up to three, as real numbers.
struct Reals {
  double a, b, c;
};

static ScalarFunction onReals(double (*function)(const Reals &)) {
  return [function](ArrayRef<Scalar> v) {
    return real(function({v[0].real, v.size() > 1 ? v[1].real : 0, v.size() > 2 ? v[2].real : 0}));
  };
}

static ScalarFunction floatFunction(Operation *op) {
  if (isa<arith::AddFOp>(op))
    return onReals([](const Reals &x) { return x.a + x.b; });
  if (isa<arith::SubFOp>(op))
    return onReals([](const Reals &x) { return x.a - x.b; });
  if (isa<arith::MulFOp>(op))
    return onReals([](const Reals &x) { return x.a * x.b; });
  if (isa<arith::DivFOp>(op))
    return onReals([](const Reals &x) { return x.a / x.b; });
  if (isa<arith::RemFOp>(op))
    return onReals([](const Reals &x) { return std::fmod(x.a, x.b); });
  if (isa<arith::NegFOp>(op))
    return onReals([](const Reals &x) { return -x.a; });
  if (isa<arith::MaximumFOp>(op))
    return onReals([](const Reals &x) {
      return std::isnan(x.a) ? x.a : std::isnan(x.b) ? x.b : std::max(x.a, x.b);
    });
  if (isa<arith::MinimumFOp>(op))
    return onReals([](const Reals &x) {
      return std::isnan(x.a) ? x.a : std::isnan(x.b) ? x.b : std::min(x.a, x.b);
    });
  if (isa<arith::MaxNumFOp>(op))
    return onReals([](const Reals &x) { return std::fmax(x.a, x.b); });
  if (isa<arith::MinNumFOp>(op))
    return onReals([](const Reals &x) { return std::fmin(x.a, x.b); });
  if (isa<arith::ExtFOp>(op) || isa<arith::TruncFOp>(op))
    return onReals([](const Reals &x) { return x.a; });
  if (isa<math::ExpOp>(op))
    return onReals([](const Reals &x) { return std::exp(x.a); });
  if (isa<math::Exp2Op>(op))
    return onReals([](const Reals &x) { return std::exp2(x.a); });
  if (isa<math::ExpM1Op>(op))
    return onReals([](const Reals &x) { return std::expm1(x.a); });
  if (isa<math::LogOp>(op))
    return onReals([](const Reals &x) { return std::log(x.a); });
  if (isa<math::Log1pOp>(op))
    return onReals([](const Reals &x) { return std::log1p(x.a); });
  if (isa<math::Log2Op>(op))
    return onReals([](const Reals &x) { return std::log2(x.a); });
  if (isa<math::SqrtOp>(op))
    return onReals([](const Reals &x) { return std::sqrt(x.a); });
  if (isa<math::RsqrtOp>(op))
    return onReals([](const Reals &x) { return 1 / std::sqrt(x.a); });
  if (isa<math::TanhOp>(op))
    return onReals([](const Reals &x) { return std::tanh(x.a); });
  if (isa<math::ErfOp>(op))
    return onReals([](const Reals &x) { return std::erf(x.a); });
  if (isa<math::SinOp>(op))
    return onReals([](const Reals &x) { return std::sin(x.a); });
  if (isa<math::CosOp>(op))
    return onReals([](const Reals &x) { return std::cos(x.a); });
  if (isa<math::AbsFOp>(op))
    return onReals([](const Reals &x) { return std::fabs(x.a); });
  if (isa<math::FloorOp>(op))
    return onReals([](const Reals &x) { return std::floor(x.a); });
  if (isa<math::CeilOp>(op))
    return onReals([](const Reals &x) { return std::ceil(x.a); });
  if (isa<math::TruncOp>(op))
    return onReals([](const Reals &x) { return std::trunc(x.a); });
  if (isa<math::RoundOp>(op))
    return onReals([](const Reals &x) { return std::round(x.a); });
  if (isa<math::RoundEvenOp>(op))
    return onReals([](const Reals &x) { return std::nearbyint(x.a); });
  if (isa<math::PowFOp>(op))
    return onReals([](const Reals &x) { return std::pow(x.a, x.b); });
  if (isa<math::FmaOp>(op))
    return onReals([](const Reals &x) { return x.a * x.b + x.c; });
  if (isa<math::CopySignOp>(op))
    return onReals([](const Reals &x) { return std::copysign(x.a, x.b); });
  return nullptr;
}

// The operands of an op of one or two integers, with their signs and without.
struct Integers {
  int64_t a, b;
  uint64_t ua, ub;
  bool isBool;
};

static uint64_t wide(int64_t value) { return static_cast<uint64_t>(value); }

static ScalarFunction onIntegers(Operation *op, int64_t (*function)(const Integers &)) {
  Type type = op->getResult(0).getType(), from = op->getOperand(0).getType();
  return [=](ArrayRef<Scalar> v) {
    Scalar b = v.size() > 1 ? v[1] : Scalar();
    return wrap(function({v[0].integer, b.integer, bits(v[0], from), bits(b, from), from.isInteger(1)}),
                type);
  };
}

static ScalarFunction integerFunction(Operation *op) {
  if (isa<arith::AddIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return wide(x.a) + wide(x.b); });
  if (isa<arith::SubIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return wide(x.a) - wide(x.b); });
  if (isa<arith::MulIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return wide(x.a) * wide(x.b); });
  if (isa<arith::DivSIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.b ? x.a / x.b : 0; });
  if (isa<arith::RemSIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.b ? x.a % x.b : 0; });
  if (isa<arith::FloorDivSIOp>(op))
    return onIntegers(
        op, [](const Integers &x) -> int64_t { return x.b ? llvm::divideFloorSigned(x.a, x.b) : 0; });
  if (isa<arith::CeilDivSIOp>(op))
    return onIntegers(
        op, [](const Integers &x) -> int64_t { return x.b ? llvm::divideCeilSigned(x.a, x.b) : 0; });
  if (isa<arith::DivUIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.b ? x.ua / x.ub : 0; });
  if (isa<arith::RemUIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.b ? x.ua % x.ub : 0; });
  if (isa<arith::AndIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.a & x.b; });
  if (isa<arith::OrIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.a | x.b; });
  if (isa<arith::XOrIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.a ^ x.b; });
  if (isa<arith::ShLIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return wide(x.a) << x.b; });
  if (isa<arith::ShRUIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.ua >> x.b; });
  if (isa<arith::ShRSIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.a >> x.b; });
  if (isa<arith::MaxSIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return std::max(x.a, x.b); });
  if (isa<arith::MinSIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return std::min(x.a, x.b); });
  if (isa<arith::MaxUIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.ua >= x.ub ? x.a : x.b; });
  if (isa<arith::MinUIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.ua <= x.ub ? x.a : x.b; });
  if (isa<math::AbsIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return std::abs(x.a); });
  if (isa<arith::ExtSIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.isBool ? -x.a : x.a; });
  if (isa<arith::ExtUIOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.ua; });
  if (isa<arith::TruncIOp>(op) || isa<arith::IndexCastOp>(op))
    return onIntegers(op, [](const Integers &x) -> int64_t { return x.a; });
  return nullptr;
}

// What processors answer where no integer fits.
static int64_t integerOf(double value) {
  constexpr double kLimit = 9223372036854775808.0; // 2^63
  return value >= -kLimit && value < kLimit ? static_cast<int64_t>(value) : INT64_MIN;
}

// From floating point to integers and back.
static ScalarFunction conversion(Operation *op) {
  Type type = op->getResult(0).getType();
  Type from = op->getNumOperands() ? op->getOperand(0).getType() : type;
  if (isa<arith::FPToSIOp>(op) || isa<arith::FPToUIOp>(op))
    return [=](ArrayRef<Scalar> v) { return wrap(integerOf(v[0].real), type); };
  if (isa<arith::SIToFPOp>(op))
    return [=](ArrayRef<Scalar> v) {
      return real(from.isInteger(1) ? -double(v[0].integer) : double(v[0].integer));
    };
  if (isa<arith::UIToFPOp>(op))
    return [=](ArrayRef<Scalar> v) { return real(double(bits(v[0], from))); };
  return nullptr;
}

ScalarFunction cleave::test::scalarFunction(Operation *op) {
  if (isa<arith::SelectOp>(op))
    return [](ArrayRef<Scalar> v) { return v[0].integer ? v[1] : v[2]; };
  if (auto cmp = dyn_cast<arith::CmpFOp>(op))
    return [predicate = cmp.getPredicate()](ArrayRef<Scalar> v) {
      return flag(compare(predicate, v[0].real, v[1].real));
    };
  if (auto cmp = dyn_cast<arith::CmpIOp>(op))
    return [predicate = cmp.getPredicate(), type = cmp.getLhs().getType()](ArrayRef<Scalar> v) {
      return flag(compare(predicate, v[0], v[1], type));
    };
  if (isa<math::IsNaNOp>(op))
    return [](ArrayRef<Scalar> v) { return flag(std::isnan(v[0].real)); };
  if (isa<model::RandomBitsOp>(op))
    return [type = op->getResult(0).getType()](ArrayRef<Scalar> v) {
      return wrap(philox(v[0].integer, v[1].integer, uint32_t(v[2].integer), v[3].integer), type);
    };
  for (auto find : {floatFunction, integerFunction, conversion})
    if (ScalarFunction function = find(op))
      return function;
  llvm::report_fatal_error(llvm::Twine("the evaluator does not know ") + op->getName().getStringRef());
}
