// Columns of text, and times as people read them.
#ifndef CLEAVE_COMPILER_EXPLAIN_TABLE_H
#define CLEAVE_COMPILER_EXPLAIN_TABLE_H

#include <cstddef>
#include <string>
#include <vector>

namespace cleave::explain {

// "12.3 us", "4.56 ms", "7.89 s"
std::string secondsText(double seconds);

// Rows of cells, columns as wide as their widest cell.
class Table {
public:
  // Which columns stand to the right.
  explicit Table(std::vector<bool> right) : right(std::move(right)) {}
  void row(std::vector<std::string> cells) { rows.push_back(std::move(cells)); }

  std::string text(size_t indent) const;

private:
  std::vector<bool> right;
  std::vector<std::vector<std::string>> rows;
};

} // namespace cleave::explain

#endif
