#include "lang/diag/Source.h"

#include <algorithm>

namespace cleave::diag {

Source::Source(std::string path, std::string text) : path(std::move(path)), text(std::move(text)) {
  lineStarts.push_back(0);
  for (uint32_t i = 0; i < this->text.size(); ++i)
    if (this->text[i] == '\n')
      lineStarts.push_back(i + 1);
}

std::pair<uint32_t, uint32_t> Source::getLineColumn(uint32_t offset) const {
  auto next = std::upper_bound(lineStarts.begin(), lineStarts.end(), offset);
  uint32_t line = static_cast<uint32_t>(next - lineStarts.begin());
  return {line, offset - lineStarts[line - 1] + 1};
}

std::string_view Source::getLine(uint32_t line) const {
  if (line == 0 || line > lineStarts.size())
    return {};
  uint32_t begin = lineStarts[line - 1];
  size_t end = line < lineStarts.size() ? lineStarts[line] - 1 : text.size();
  std::string_view view = std::string_view(text).substr(begin, end - begin);
  if (!view.empty() && view.back() == '\r')
    view.remove_suffix(1);
  return view;
}

} // namespace cleave::diag
