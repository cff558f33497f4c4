#include "dialects/dist/ir/Digits.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace cleave::dist;

// Splits a sum at a multiple of `at`: what it is divided by `at`, and what remains. None where a digit
// straddles it in no whole number of parts, or where the remainder could reach `at` and carry.
static std::optional<std::pair<DigitSum, DigitSum>> splitAt(const DigitSum &sum, int64_t at) {
  DigitSum high, low;
  int64_t reach = 0; // of the remainder
  for (const Digit &digit : sum.digits) {
    if (digit.coefficient < 0)
      return std::nullopt;
    if (digit.coefficient % at == 0) {
      high.digits.push_back({digit.dim, digit.low, digit.size, digit.coefficient / at});
      continue;
    }
    int64_t parts = digit.size;
    if (at % digit.coefficient == 0 && digit.size > at / digit.coefficient) {
      parts = at / digit.coefficient;
      if (digit.size % parts != 0)
        return std::nullopt;
      high.digits.push_back({digit.dim, digit.low * parts, digit.size / parts, 1});
    }
    low.digits.push_back({digit.dim, digit.low, parts, digit.coefficient});
    reach += (parts - 1) * digit.coefficient;
  }
  // Of constants, what is a multiple goes up.
  int64_t rest = sum.constant % at;
  if (rest < 0)
    rest += at;
  high.constant = (sum.constant - rest) / at;
  low.constant = rest;
  if (reach + rest >= at)
    return std::nullopt;
  return std::make_pair(std::move(high), std::move(low));
}

static std::optional<DigitSum> add(std::optional<DigitSum> a, std::optional<DigitSum> b) {
  if (!a || !b)
    return std::nullopt;
  for (const Digit &digit : b->digits) {
    Digit *same = llvm::find_if(a->digits, [&](const Digit &other) {
      return other.dim == digit.dim && other.low == digit.low && other.size == digit.size;
    });
    if (same == a->digits.end())
      a->digits.push_back(digit);
    else if ((same->coefficient += digit.coefficient) == 0)
      a->digits.erase(same);
  }
  a->constant += b->constant;
  return a;
}

std::optional<DigitSum> cleave::dist::digitsOf(AffineExpr expr, ArrayRef<int64_t> sizes) {
  DigitSum sum;
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    sum.constant = constant.getValue();
    return sum;
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    if (sizes[dim.getPosition()] != 1) // the only number of a dim of one is 0
      sum.digits.push_back({dim.getPosition(), 1, sizes[dim.getPosition()], 1});
    return sum;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  std::optional<DigitSum> left = digitsOf(binary.getLHS(), sizes);
  if (expr.getKind() == AffineExprKind::Add)
    return add(std::move(left), digitsOf(binary.getRHS(), sizes));
  auto right = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (!left || !right)
    return std::nullopt;
  int64_t by = right.getValue();
  if (expr.getKind() == AffineExprKind::Mul) {
    for (Digit &digit : left->digits)
      digit.coefficient *= by;
    left->constant *= by;
    if (by == 0)
      left->digits.clear();
    return left;
  }
  if (by <= 0 || expr.getKind() == AffineExprKind::CeilDiv)
    return std::nullopt;
  std::optional<std::pair<DigitSum, DigitSum>> parts = splitAt(*left, by);
  if (!parts)
    return std::nullopt;
  return expr.getKind() == AffineExprKind::FloorDiv ? std::move(parts->first) : std::move(parts->second);
}
