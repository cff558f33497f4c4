#include "compiler/explain/Table.h"

#include <algorithm>
#include <cstdio>

using namespace cleave::explain;

std::string cleave::explain::secondsText(double seconds) {
  char text[32];
  if (seconds >= 1)
    std::snprintf(text, sizeof(text), "%.2f s", seconds);
  else if (seconds >= 1e-3)
    std::snprintf(text, sizeof(text), "%.2f ms", seconds * 1e3);
  else
    std::snprintf(text, sizeof(text), "%.1f us", seconds * 1e6);
  return text;
}

static std::string padded(std::string text, size_t width) {
  if (text.size() < width)
    text.append(width - text.size(), ' ');
  return text;
}

static std::string rightAligned(const std::string &text, size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

std::string Table::text(size_t indent) const {
  std::vector<size_t> widths(right.size(), 0);
  for (const auto &cells : rows)
    for (size_t i = 0; i < cells.size(); ++i)
      widths[i] = std::max(widths[i], cells[i].size());
  std::string all;
  for (const auto &cells : rows) {
    std::string line(indent, ' ');
    for (size_t i = 0; i < cells.size(); ++i)
      line += (i ? "  " : "") + (right[i] ? rightAligned(cells[i], widths[i]) : padded(cells[i], widths[i]));
    all += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return all;
}
