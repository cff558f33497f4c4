// Bytes that claim to be UTF-8: RFC 3629, table 3-7 of the Unicode standard.
#ifndef CLEAVE_LANG_DIAG_UTF8_H
#define CLEAVE_LANG_DIAG_UTF8_H

#include <string>
#include <string_view>

namespace cleave::diag {

// Bytes of the sequence at the start of `text`, 0 when it is not valid or `text` is empty.
size_t sequenceLength(std::string_view text);

// Offset of the first byte that is not part of a valid sequence; npos when all are.
size_t findInvalid(std::string_view text);

// `text` as it can be shown: what is not valid or would steer a terminal becomes U+FFFD; line ends and tabs
// stay.
std::string printable(std::string_view text);

} // namespace cleave::diag

#endif
