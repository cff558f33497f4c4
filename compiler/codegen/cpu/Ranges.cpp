#include "compiler/codegen/cpu/Ranges.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace cleave::codegen {

namespace {

// Beyond this nothing is claimed: products of two such numbers still fit 64 bits.
constexpr int64_t kMost = int64_t{1} << 31;

std::optional<Range> checked(int64_t low, int64_t high, Type type) {
  unsigned bits = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  int64_t most = bits <= 32 ? (int64_t{1} << (bits - 1)) - 1 : kMost;
  if (low < -most || high > most)
    return std::nullopt;
  return Range{low, high};
}

std::optional<Range> constantRange(arith::ConstantOp op) {
  auto value = dyn_cast<IntegerAttr>(op.getValue());
  if (!value)
    return std::nullopt;
  if (op.getType().isInteger(1))
    return Range{value.getValue().getBoolValue(), value.getValue().getBoolValue()};
  if (value.getValue().getSignificantBits() > 32)
    return std::nullopt;
  return Range{value.getValue().getSExtValue(), value.getValue().getSExtValue()};
}

std::optional<Range> product(Range a, Range b, Type type) {
  int64_t corners[] = {a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high};
  return checked(*llvm::min_element(corners), *llvm::max_element(corners), type);
}

/// Whether a < b always (1) or never (0).
std::optional<bool> less(Range a, Range b) {
  if (a.high < b.low)
    return true;
  if (a.low >= b.high)
    return false;
  return std::nullopt;
}

std::optional<bool> negated(std::optional<bool> value) {
  return value ? std::optional<bool>(!*value) : std::nullopt;
}

/// As unsigned numbers; `b` is not negative.
std::optional<bool> unsignedLess(Range a, Range b) {
  if (a.low >= 0)
    return less(a, b);
  if (a.high < 0)
    return false;
  return std::nullopt;
}

std::optional<bool> decide(arith::CmpIPredicate predicate, Range a, Range b) {
  using Predicate = arith::CmpIPredicate;
  switch (predicate) {
  case Predicate::slt:
    return less(a, b);
  case Predicate::sge:
    return negated(less(a, b));
  case Predicate::sgt:
    return less(b, a);
  case Predicate::sle:
    return negated(less(b, a));
  case Predicate::ult:
    return b.low < 0 ? std::nullopt : unsignedLess(a, b);
  case Predicate::uge:
    return b.low < 0 ? std::nullopt : negated(unsignedLess(a, b));
  case Predicate::eq:
  case Predicate::ne: {
    bool differ = a.high < b.low || b.high < a.low, same = a.isPoint() && b.isPoint() && a.low == b.low;
    if (!differ && !same)
      return std::nullopt;
    return same == (predicate == Predicate::eq);
  }
  default:
    return std::nullopt;
  }
}

/// Division that rounds towards zero, by a positive constant.
std::optional<Range> quotient(Range a, Range b) {
  if (!b.isPoint() || b.low <= 0)
    return std::nullopt;
  return Range{a.low / b.low, a.high / b.low};
}

std::optional<Range> remainder(Range a, Range b) {
  if (!b.isPoint() || b.low <= 0 || a.low < 0)
    return std::nullopt;
  return a.high < b.low ? a : a.isPoint() ? Range{a.low % b.low, a.low % b.low} : Range{0, b.low - 1};
}

/// Logical and, or of truth values: one operand may decide.
std::optional<Range> logical(bool decides, std::optional<Range> a, std::optional<Range> b) {
  Range decided{decides, decides}, other{!decides, !decides};
  auto is = [](std::optional<Range> x, Range y) { return x && x->low == y.low && x->high == y.high; };
  if (is(a, decided) || is(b, decided))
    return decided;
  if (is(a, other) && is(b, other))
    return other;
  return std::nullopt;
}

std::optional<Range> binary(Operation *op, Range a, Range b) {
  Type type = op->getResult(0).getType();
  return llvm::TypeSwitch<Operation *, std::optional<Range>>(op)
      .Case<arith::AddIOp>([&](auto) { return checked(a.low + b.low, a.high + b.high, type); })
      .Case<arith::SubIOp>([&](auto) { return checked(a.low - b.high, a.high - b.low, type); })
      .Case<arith::MulIOp>([&](auto) { return product(a, b, type); })
      .Case<arith::MaxSIOp>([&](auto) { return Range{std::max(a.low, b.low), std::max(a.high, b.high)}; })
      .Case<arith::MinSIOp>([&](auto) { return Range{std::min(a.low, b.low), std::min(a.high, b.high)}; })
      .Case<arith::DivSIOp>([&](auto) { return quotient(a, b); })
      .Case<arith::RemSIOp>([&](auto) { return remainder(a, b); })
      .Case<arith::CmpIOp>([&](arith::CmpIOp compare) -> std::optional<Range> {
        std::optional<bool> outcome = decide(compare.getPredicate(), a, b);
        return outcome ? std::optional<Range>(Range{*outcome, *outcome}) : std::nullopt;
      })
      .Default([](auto) { return std::nullopt; });
}

} // namespace

std::optional<Range> rangeOf(Operation *op, ArrayRef<std::optional<Range>> operands) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return constantRange(constant);
  if (op->getNumResults() != 1 || !op->getResult(0).getType().isIntOrIndex())
    return std::nullopt;
  bool isTruth = op->getResult(0).getType().isInteger(1);
  if (isTruth && isa<arith::AndIOp, arith::OrIOp>(op))
    return logical(isa<arith::OrIOp>(op), operands[0], operands[1]);
  if (std::optional<unsigned> passed = passedOperand(op, operands))
    return operands[*passed];
  if (isa<arith::SelectOp>(op) && operands[1] && operands[2] && !isTruth)
    return Range{std::min(operands[1]->low, operands[2]->low),
                 std::max(operands[1]->high, operands[2]->high)};
  if (isa<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>(op) && operands[0] &&
      !op->getOperand(0).getType().isInteger(1) && !isTruth)
    return checked(operands[0]->low, operands[0]->high, op->getResult(0).getType());
  if (op->getNumOperands() == 2 && operands[0] && operands[1] && (!isTruth || isa<arith::CmpIOp>(op)))
    return binary(op, *operands[0], *operands[1]);
  return std::nullopt;
}

std::optional<unsigned> passedOperand(Operation *op, ArrayRef<std::optional<Range>> operands) {
  if (isa<arith::SelectOp>(op) && operands[0] && operands[0]->isPoint())
    return operands[0]->low ? 1 : 2;
  bool isTruth = op->getNumResults() == 1 && op->getResult(0).getType().isInteger(1);
  if (isTruth && isa<arith::AndIOp, arith::OrIOp>(op))
    for (unsigned side : {0u, 1u})
      if (operands[side] && operands[side]->isPoint() && operands[side]->low == isa<arith::AndIOp>(op))
        return 1 - side;
  if (!isa<arith::MaxSIOp, arith::MinSIOp>(op) || !operands[0] || !operands[1])
    return std::nullopt;
  bool first =
      isa<arith::MaxSIOp>(op) ? operands[0]->low >= operands[1]->high : operands[0]->high <= operands[1]->low;
  bool second =
      isa<arith::MaxSIOp>(op) ? operands[1]->low >= operands[0]->high : operands[1]->high <= operands[0]->low;
  return first ? std::optional<unsigned>(0) : second ? std::optional<unsigned>(1) : std::nullopt;
}

} // namespace cleave::codegen
