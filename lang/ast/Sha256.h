// SHA-256, for the front end, which does not see LLVM. Source: FIPS 180-4, sections 4.1.2, 5.1.1 and 6.2.
#ifndef CLEAVE_LANG_AST_SHA256_H
#define CLEAVE_LANG_AST_SHA256_H

#include <string>
#include <string_view>

namespace cleave::ast {

// 64 hexadecimal digits.
std::string sha256(std::string_view text);

} // namespace cleave::ast

#endif
