// A regular expression over Unicode text, as tokenizer files write them (the dialect of Oniguruma).
#ifndef CLEAVE_RUNTIME_TEXT_PATTERN_H
#define CLEAVE_RUNTIME_TEXT_PATTERN_H

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleave::text {

class Pattern {
public:
  // Null when it is no pattern; `why` then has the reason.
  static std::unique_ptr<Pattern> compile(const std::string &pattern, std::string &why);
  ~Pattern();

  // Every match in a valid UTF-8 text, as (begin, end), in order; empty matches are left out.
  std::vector<std::pair<size_t, size_t>> matches(std::string_view text) const;

private:
  explicit Pattern(void *code) : code(code) {}
  void *code;
};

} // namespace cleave::text

#endif
