#include "lang/diag/Utf8.h"

#include <algorithm>

namespace cleave::diag {

static uint8_t byteAt(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

size_t sequenceLength(std::string_view text) {
  uint8_t lead = text.empty() ? 0xff : byteAt(text, 0);
  size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length == 0 || length > text.size())
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byteAt(text, i) & 0xc0) != 0x80)
      return 0;
  if (length >= 3) {
    uint8_t second = byteAt(text, 1);
    bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    bool surrogate = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
    if (overlong || surrogate)
      return 0;
  }
  return length;
}

size_t findInvalid(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    size_t length = sequenceLength(text.substr(at));
    if (length == 0)
      return at;
    at += length;
  }
  return std::string_view::npos;
}

std::string printable(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    uint8_t byte = byteAt(text, at);
    size_t length = sequenceLength(text.substr(at));
    bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f ||
                   (byte == 0xc2 && length == 2 && byteAt(text, at + 1) < 0xa0);
    if (length == 0 || control)
      out += "\xef\xbf\xbd";
    else
      out.append(text.substr(at, length));
    at += std::max<size_t>(1, length);
  }
  return out;
}

} // namespace cleave::diag
