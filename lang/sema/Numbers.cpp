#include "lang/sema/Numbers.h"

#include <cmath>
#include <cstdlib>
#include <string>

namespace cleave::sema {

using ast::BinaryOp;
using ast::ElementType;
using ast::UnaryOp;

std::optional<int64_t> parseInteger(std::string_view text) {
  int64_t value = 0;
  bool any = false;
  for (char c : text) {
    if (c == '_')
      continue;
    if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, c - '0', &value))
      return std::nullopt;
    any = true;
  }
  return any ? std::optional<int64_t>(value) : std::nullopt;
}

std::optional<double> parseFloat(std::string_view text) {
  std::string digits;
  for (char c : text)
    if (c != '_')
      digits += c;
  if (digits.empty())
    return std::nullopt;
  char *end = nullptr;
  double value = std::strtod(digits.c_str(), &end);
  return *end == 0 ? std::optional<double>(value) : std::nullopt;
}

static int64_t floorDiv(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

std::optional<int64_t> integerBinary(std::string_view op, int64_t a, int64_t b) {
  int64_t out;
  bool bad = op.size() != 1 || b == 0;
  switch (op.empty() ? 0 : op[0]) {
  case '+':
    return __builtin_add_overflow(a, b, &out) || op.size() != 1 ? std::nullopt : std::optional<int64_t>(out);
  case '-':
    return __builtin_sub_overflow(a, b, &out) || op.size() != 1 ? std::nullopt : std::optional<int64_t>(out);
  case '*':
    return __builtin_mul_overflow(a, b, &out) || op.size() != 1 ? std::nullopt : std::optional<int64_t>(out);
  case '/':
    return bad || (a == INT64_MIN && b == -1) ? std::nullopt : std::optional<int64_t>(floorDiv(a, b));
  case '%':
    return bad ? std::nullopt : b == -1 ? std::optional<int64_t>(0) : (a - floorDiv(a, b) * b);
  default:
    return std::nullopt;
  }
}

// Rounds to `digits` binary digits of significand with least exponent `least`, ties to even.
static double roundSignificand(double value, int digits, int least, double greatest) {
  if (!std::isfinite(value) || value == 0)
    return value;
  int exponent;
  std::frexp(value, &exponent); // value = 0.1xxx * 2^exponent
  int shift = digits - std::max(exponent, least);
  double rounded = std::ldexp(std::nearbyint(std::ldexp(value, shift)), -shift);
  return std::fabs(rounded) > greatest ? std::copysign(INFINITY, value) : rounded;
}

double roundTo(ElementType type, double value) {
  if (type == ElementType::F32)
    return static_cast<float>(value);
  if (type == ElementType::BF16)
    return roundSignificand(value, 8, -125, 3.3895313892515355e38);
  if (type == ElementType::F16)
    return roundSignificand(value, 11, -13, 65504);
  return value;
}

bool holds(ElementType type, int64_t value) { return wrapTo(type, value) == value; }

int64_t wrapTo(ElementType type, int64_t value) {
  switch (type) {
  case ElementType::I8:
    return static_cast<int8_t>(value);
  case ElementType::U8:
    return static_cast<uint8_t>(value);
  case ElementType::I32:
    return static_cast<int32_t>(value);
  case ElementType::Bool:
    return value != 0;
  default:
    return value;
  }
}

static double signOf(double a) { return a > 0 ? 1 : a < 0 ? -1 : 0; }

std::optional<double> foldUnary(UnaryOp op, ElementType type, double a) {
  switch (op) {
  case UnaryOp::Neg:
    return -a;
  case UnaryOp::Exp:
    return roundTo(type, std::exp(a));
  case UnaryOp::Log:
    return roundTo(type, std::log(a));
  case UnaryOp::Log1p:
    return roundTo(type, std::log1p(a));
  case UnaryOp::Expm1:
    return roundTo(type, std::expm1(a));
  case UnaryOp::Sqrt:
    return roundTo(type, std::sqrt(a));
  case UnaryOp::Rsqrt:
    return roundTo(type, 1 / std::sqrt(a));
  case UnaryOp::Tanh:
    return roundTo(type, std::tanh(a));
  case UnaryOp::Erf:
    return roundTo(type, std::erf(a));
  case UnaryOp::Sin:
    return roundTo(type, std::sin(a));
  case UnaryOp::Cos:
    return roundTo(type, std::cos(a));
  case UnaryOp::Abs:
    return std::fabs(a);
  case UnaryOp::Floor:
    return std::floor(a);
  case UnaryOp::Ceil:
    return std::ceil(a);
  case UnaryOp::Round:
    return std::nearbyint(a);
  case UnaryOp::Sign:
    return signOf(a);
  case UnaryOp::IsNan:
    return std::isnan(a);
  case UnaryOp::Not:
    return std::nullopt;
  }
  return std::nullopt;
}

// a op b for the six comparisons; none for any other operation.
template <typename T> static std::optional<bool> compare(BinaryOp op, T a, T b) {
  switch (op) {
  case BinaryOp::Lt:
    return a < b;
  case BinaryOp::Le:
    return a <= b;
  case BinaryOp::Gt:
    return a > b;
  case BinaryOp::Ge:
    return a >= b;
  case BinaryOp::Eq:
    return a == b;
  case BinaryOp::Ne:
    return a != b;
  default:
    return std::nullopt;
  }
}

std::optional<double> foldBinary(BinaryOp op, ElementType type, double a, double b) {
  switch (op) {
  case BinaryOp::Add:
    return roundTo(type, a + b);
  case BinaryOp::Sub:
    return roundTo(type, a - b);
  case BinaryOp::Mul:
    return roundTo(type, a * b);
  case BinaryOp::Div:
    return roundTo(type, a / b);
  case BinaryOp::Mod: {
    double r = std::fmod(a, b);
    return roundTo(type, r != 0 && (r < 0) != (b < 0) ? r + b : r);
  }
  case BinaryOp::Pow:
    return roundTo(type, std::pow(a, b));
  case BinaryOp::Max:
    return std::isnan(a) ? a : std::isnan(b) || b > a ? b : a;
  case BinaryOp::Min:
    return std::isnan(a) ? a : std::isnan(b) || b < a ? b : a;
  default:
    return compare(op, a, b);
  }
}

std::optional<int64_t> foldBinary(BinaryOp op, int64_t a, int64_t b) {
  switch (op) {
  case BinaryOp::Add:
    return integerBinary("+", a, b);
  case BinaryOp::Sub:
    return integerBinary("-", a, b);
  case BinaryOp::Mul:
    return integerBinary("*", a, b);
  case BinaryOp::Div:
    return integerBinary("/", a, b);
  case BinaryOp::Mod:
    return integerBinary("%", a, b);
  case BinaryOp::Pow: {
    if (b < 0)
      return std::nullopt;
    if (a == 0 || a == 1)
      return b == 0 ? 1 : a;
    if (a == -1)
      return b % 2 ? -1 : 1;
    std::optional<int64_t> out = 1;
    for (int64_t i = 0; i < b && out; ++i) // at most 63 rounds before it overflows
      out = integerBinary("*", *out, a);
    return out;
  }
  case BinaryOp::Max:
    return std::max(a, b);
  case BinaryOp::Min:
    return std::min(a, b);
  case BinaryOp::And:
    return a && b;
  case BinaryOp::Or:
    return a || b;
  default:
    return compare(op, a, b);
  }
}

} // namespace cleave::sema
