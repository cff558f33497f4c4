#include "runtime/text/Utf8.h"

namespace cleave::text {

Utf8Unit firstUnit(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  if (lead < 0x80)
    return {1, lead, true, false};
  size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                  : lead >= 0xE0 && lead <= 0xEF ? 3
                  : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                 : 0;
  if (length == 0)
    return {1, 0, false, false};
  uint32_t code = lead & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    if (i == text.size())
      return {i, 0, false, true};
    // The second byte's range depends on the first: no overlong forms, no surrogates, nothing above 10FFFF.
    unsigned char low = i == 1 && lead == 0xE0 ? 0xA0 : i == 1 && lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = i == 1 && lead == 0xED ? 0x9F : i == 1 && lead == 0xF4 ? 0x8F : 0xBF;
    if (byte(i) < low || byte(i) > high)
      return {i, 0, false, false};
    code = (code << 6) | (byte(i) & 0x3F);
  }
  return {length, code, true, false};
}

void appendUtf8(std::string &text, uint32_t code) {
  auto add = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80)
    return add(code);
  if (code < 0x800) {
    add(0xC0 | (code >> 6));
  } else {
    if (code < 0x10000) {
      add(0xE0 | (code >> 12));
    } else {
      add(0xF0 | (code >> 18));
      add(0x80 | ((code >> 12) & 0x3F));
    }
    add(0x80 | ((code >> 6) & 0x3F));
  }
  add(0x80 | (code & 0x3F));
}

std::string validUtf8(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    Utf8Unit unit = firstUnit(text);
    result += unit.valid ? text.substr(0, unit.bytes) : std::string_view(kReplacement);
    text.remove_prefix(unit.bytes);
  }
  return result;
}

} // namespace cleave::text
