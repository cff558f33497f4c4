// Arithmetic of compile-time constants: checked integers, floats rounded as each element type rounds.
#ifndef CLEAVE_LANG_SEMA_NUMBERS_H
#define CLEAVE_LANG_SEMA_NUMBERS_H

#include "lang/ast/Tree.h"

#include <optional>
#include <string_view>

namespace cleave::sema {

// Digits with underscores; nothing when it does not fit in 63 bits.
std::optional<int64_t> parseInteger(std::string_view text);
std::optional<double> parseFloat(std::string_view text);

// + - * / % on 64-bit integers, / and % rounding down; nothing on overflow, division by zero or another
// operator.
std::optional<int64_t> integerBinary(std::string_view op, int64_t a, int64_t b);

// The value nearest to `value` (ties to even) that the float type holds.
double roundTo(ast::ElementType type, double value);

// Whether an integer type holds the value (bool: 0 and 1).
bool holds(ast::ElementType type, int64_t value);
// What a cast to a narrower integer type leaves of the value.
int64_t wrapTo(ast::ElementType type, int64_t value);

// The operation on constants of one type; null where it is not computed at compile time. `type` is the
// operands'.
std::optional<double> foldUnary(ast::UnaryOp op, ast::ElementType type, double a);
std::optional<double> foldBinary(ast::BinaryOp op, ast::ElementType type, double a, double b);
std::optional<int64_t> foldBinary(ast::BinaryOp op, int64_t a, int64_t b);

} // namespace cleave::sema

#endif
