#include "test/unit/model/EvaluateScalar.h"

#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
namespace model = cleave::model;
using cleave::test::Scalar;

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

static std::optional<Scalar> evaluateFloat(Operation *op, ArrayRef<Scalar> v) {
  double a = v.empty() ? 0 : v[0].real, b = v.size() < 2 ? 0 : v[1].real;
  if (isa<arith::AddFOp>(op))
    return real(a + b);
  if (isa<arith::SubFOp>(op))
    return real(a - b);
  if (isa<arith::MulFOp>(op))
    return real(a * b);
  if (isa<arith::DivFOp>(op))
    return real(a / b);
  if (isa<arith::RemFOp>(op))
    return real(std::fmod(a, b));
  if (isa<arith::NegFOp>(op))
    return real(-a);
  if (isa<arith::MaximumFOp>(op))
    return real(std::isnan(a) ? a : std::isnan(b) ? b : std::max(a, b));
  if (isa<arith::MinimumFOp>(op))
    return real(std::isnan(a) ? a : std::isnan(b) ? b : std::min(a, b));
  if (isa<arith::MaxNumFOp>(op))
    return real(std::fmax(a, b));
  if (isa<arith::MinNumFOp>(op))
    return real(std::fmin(a, b));
  if (isa<arith::ExtFOp>(op) || isa<arith::TruncFOp>(op))
    return real(a);
  if (isa<math::ExpOp>(op))
    return real(std::exp(a));
  if (isa<math::Exp2Op>(op))
    return real(std::exp2(a));
  if (isa<math::ExpM1Op>(op))
    return real(std::expm1(a));
  if (isa<math::LogOp>(op))
    return real(std::log(a));
  if (isa<math::Log1pOp>(op))
    return real(std::log1p(a));
  if (isa<math::Log2Op>(op))
    return real(std::log2(a));
  if (isa<math::SqrtOp>(op))
    return real(std::sqrt(a));
  if (isa<math::RsqrtOp>(op))
    return real(1 / std::sqrt(a));
  if (isa<math::TanhOp>(op))
    return real(std::tanh(a));
  if (isa<math::ErfOp>(op))
    return real(std::erf(a));
  if (isa<math::SinOp>(op))
    return real(std::sin(a));
  if (isa<math::CosOp>(op))
    return real(std::cos(a));
  if (isa<math::AbsFOp>(op))
    return real(std::fabs(a));
  if (isa<math::FloorOp>(op))
    return real(std::floor(a));
  if (isa<math::CeilOp>(op))
    return real(std::ceil(a));
  if (isa<math::TruncOp>(op))
    return real(std::trunc(a));
  if (isa<math::RoundOp>(op))
    return real(std::round(a));
  if (isa<math::RoundEvenOp>(op))
    return real(std::nearbyint(a));
  if (isa<math::PowFOp>(op))
    return real(std::pow(a, b));
  if (isa<math::FmaOp>(op))
    return real(a * b + v[2].real);
  if (isa<math::CopySignOp>(op))
    return real(std::copysign(a, b));
  return std::nullopt;
}

static std::optional<Scalar> evaluateInteger(Operation *op, ArrayRef<Scalar> v) {
  Type type = op->getResult(0).getType();
  Type from = op->getNumOperands() ? op->getOperand(0).getType() : type;
  int64_t a = v.empty() ? 0 : v[0].integer, b = v.size() < 2 ? 0 : v[1].integer;
  auto wide = [](int64_t x) { return static_cast<uint64_t>(x); };
  if (isa<arith::AddIOp>(op))
    return wrap(wide(a) + wide(b), type);
  if (isa<arith::SubIOp>(op))
    return wrap(wide(a) - wide(b), type);
  if (isa<arith::MulIOp>(op))
    return wrap(wide(a) * wide(b), type);
  if (isa<arith::DivSIOp>(op))
    return wrap(b ? a / b : 0, type);
  if (isa<arith::RemSIOp>(op))
    return wrap(b ? a % b : 0, type);
  if (isa<arith::FloorDivSIOp>(op))
    return wrap(b ? llvm::divideFloorSigned(a, b) : 0, type);
  if (isa<arith::CeilDivSIOp>(op))
    return wrap(b ? llvm::divideCeilSigned(a, b) : 0, type);
  if (isa<arith::DivUIOp>(op))
    return wrap(b ? bits(v[0], from) / bits(v[1], from) : 0, type);
  if (isa<arith::RemUIOp>(op))
    return wrap(b ? bits(v[0], from) % bits(v[1], from) : 0, type);
  if (isa<arith::AndIOp>(op))
    return wrap(a & b, type);
  if (isa<arith::OrIOp>(op))
    return wrap(a | b, type);
  if (isa<arith::XOrIOp>(op))
    return wrap(a ^ b, type);
  if (isa<arith::ShLIOp>(op))
    return wrap(wide(a) << b, type);
  if (isa<arith::ShRUIOp>(op))
    return wrap(bits(v[0], from) >> b, type);
  if (isa<arith::ShRSIOp>(op))
    return wrap(a >> b, type);
  if (isa<arith::MaxSIOp>(op))
    return wrap(std::max(a, b), type);
  if (isa<arith::MinSIOp>(op))
    return wrap(std::min(a, b), type);
  if (isa<arith::MaxUIOp>(op))
    return bits(v[0], from) >= bits(v[1], from) ? v[0] : v[1];
  if (isa<arith::MinUIOp>(op))
    return bits(v[0], from) <= bits(v[1], from) ? v[0] : v[1];
  if (isa<math::AbsIOp>(op))
    return wrap(std::abs(a), type);
  if (isa<arith::ExtSIOp>(op))
    return from.isInteger(1) ? wrap(-a, type) : wrap(a, type);
  if (isa<arith::ExtUIOp>(op))
    return wrap(bits(v[0], from), type);
  if (isa<arith::TruncIOp>(op) || isa<arith::IndexCastOp>(op))
    return wrap(a, type);
  if (isa<arith::FPToSIOp>(op) || isa<arith::FPToUIOp>(op))
    return wrap(static_cast<int64_t>(v[0].real), type);
  if (isa<arith::SIToFPOp>(op))
    return real(from.isInteger(1) ? -double(a) : double(a));
  if (isa<arith::UIToFPOp>(op))
    return real(double(bits(v[0], from)));
  return std::nullopt;
}

Scalar cleave::test::evaluateScalar(Operation *op, ArrayRef<Scalar> v) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return scalarOf(constant.getValue());
  if (auto select = dyn_cast<arith::SelectOp>(op))
    return v[0].integer ? v[1] : v[2];
  if (auto cmp = dyn_cast<arith::CmpFOp>(op))
    return flag(compare(cmp.getPredicate(), v[0].real, v[1].real));
  if (auto cmp = dyn_cast<arith::CmpIOp>(op))
    return flag(compare(cmp.getPredicate(), v[0], v[1], cmp.getLhs().getType()));
  if (isa<math::IsNaNOp>(op))
    return flag(std::isnan(v[0].real));
  if (isa<model::RandomBitsOp>(op))
    return wrap(philox(v[0].integer, v[1].integer, uint32_t(v[2].integer), v[3].integer),
                op->getResult(0).getType());
  if (std::optional<Scalar> result = evaluateFloat(op, v))
    return *result;
  if (std::optional<Scalar> result = evaluateInteger(op, v))
    return *result;
  llvm::report_fatal_error(llvm::Twine("the evaluator does not know ") + op->getName().getStringRef());
}
