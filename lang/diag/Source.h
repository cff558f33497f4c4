// Program text and places in it.
#ifndef CLEAVE_LANG_DIAG_SOURCE_H
#define CLEAVE_LANG_DIAG_SOURCE_H

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleave::diag {

// One file's text, with its line table.
class Source {
public:
  Source(std::string path, std::string text);

  const std::string &getPath() const { return path; }
  const std::string &getText() const { return text; }

  // Line and column of a byte offset, both from 1; a column counts bytes.
  std::pair<uint32_t, uint32_t> getLineColumn(uint32_t offset) const;

  // A line (from 1) without its line end; empty past the end.
  std::string_view getLine(uint32_t line) const;

private:
  std::string path;
  std::string text;
  std::vector<uint32_t> lineStarts;
};

// A range of text. Without a source it is "no place" (command line, built-ins).
struct Location {
  const Source *source = nullptr;
  uint32_t begin = 0; // byte offsets, end excluded
  uint32_t end = 0;

  explicit operator bool() const { return source != nullptr; }
  uint32_t getLine() const { return source ? source->getLineColumn(begin).first : 0; }
  uint32_t getColumn() const { return source ? source->getLineColumn(begin).second : 0; }
};

} // namespace cleave::diag

#endif
