// UTF-8 by the byte. Source: the Unicode standard, section 3.9, table 3-7 and "U+FFFD substitution of maximal
// subparts".
#ifndef CLEAVE_RUNTIME_TEXT_UTF8_H
#define CLEAVE_RUNTIME_TEXT_UTF8_H

#include <cstdint>
#include <string>
#include <string_view>

namespace cleave::text {

inline constexpr char kReplacement[] = "\xEF\xBF\xBD";

// What stands at the beginning of a text.
struct Utf8Unit {
  size_t bytes = 0;     // that belong together: a character, or an ill-formed part
  uint32_t code = 0;    // of a character
  bool valid = false;   // a character
  bool partial = false; // not valid, but might become one with more bytes behind it
};
Utf8Unit firstUnit(std::string_view text);

void appendUtf8(std::string &text, uint32_t code);

// The text with U+FFFD for each ill-formed part.
std::string validUtf8(std::string_view text);

} // namespace cleave::text

#endif
