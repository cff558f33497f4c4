#include "runtime/text/Pattern.h"

#include <algorithm>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace cleave::text {

// White space is Unicode's property; PCRE2's \s has one character more (U+180E), Oniguruma's has not.
static std::string translated(const std::string &pattern) {
  std::string result;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '\\' || i + 1 == pattern.size()) {
      result += pattern[i];
      continue;
    }
    char next = pattern[++i];
    if (next == 's' || next == 'S')
      result += next == 's' ? "\\p{White_Space}" : "\\P{White_Space}";
    else
      result.append("\\").append(1, next);
  }
  return result;
}

std::unique_ptr<Pattern> Pattern::compile(const std::string &pattern, std::string &why) {
  std::string own = translated(pattern);
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code *code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(own.data()), own.size(),
                                   PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr);
  if (!code) {
    unsigned char text[256];
    pcre2_get_error_message(error, text, sizeof(text));
    why = reinterpret_cast<const char *>(text);
    return nullptr;
  }
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); // where it cannot, matching is slower
  return std::unique_ptr<Pattern>(new Pattern(code));
}

Pattern::~Pattern() { pcre2_code_free(static_cast<pcre2_code *>(code)); }

std::vector<std::pair<size_t, size_t>> Pattern::matches(std::string_view text) const {
  auto *compiled = static_cast<pcre2_code *>(code);
  auto *subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  pcre2_match_data *data = pcre2_match_data_create_from_pattern(compiled, nullptr);
  const PCRE2_SIZE *range = pcre2_get_ovector_pointer(data);
  std::vector<std::pair<size_t, size_t>> result;
  for (size_t at = 0; at < text.size();) {
    int found = pcre2_match(compiled, subject, text.size(), at, PCRE2_NO_UTF_CHECK, data, nullptr);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
      found =
          pcre2_match(compiled, subject, text.size(), at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, nullptr);
    if (found < 0)
      break;
    if (range[1] > range[0])
      result.push_back({range[0], range[1]});
    at = std::max(range[1], range[0] == range[1] ? at + 1 : range[1]);
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80)
      ++at;
  }
  pcre2_match_data_free(data);
  return result;
}

} // namespace cleave::text
