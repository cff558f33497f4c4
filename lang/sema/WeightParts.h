// Which positions along one axis of a file's tensor a parameter reads. Seen by lang/sema only.
//
//   (h, d) of 2 heads of 4            [0, 8)
//   (h, d) + 8                        [8, 16)
//   h * 12 + d, every third head      [0, 4) [12, 16)
#ifndef CLEAVE_LANG_SEMA_WEIGHTPARTS_H
#define CLEAVE_LANG_SEMA_WEIGHTPARTS_H

#include "lang/ast/Tree.h"

#include <optional>

namespace cleave::sema {

// Disjoint intervals [begin, end) in order.
class FilePart {
public:
  int64_t size() const;
  int64_t end() const { return intervals.empty() ? 0 : intervals.back().second; }
  bool operator==(const FilePart &other) const { return intervals == other.intervals; }
  bool meets(const FilePart &other) const;

  std::vector<std::pair<int64_t, int64_t>> intervals;
};

// What a position runs over while each index runs along its axis; none where two elements would fall
// together, where numbers leave 63 bits, or where it is scattered beyond a million intervals.
std::optional<FilePart> partOf(const ast::WeightPosition &position,
                               const std::vector<const ast::Axis *> &axes);

// Whether two boxes (one part per axis) have an element in common.
bool meet(const std::vector<FilePart> &a, const std::vector<FilePart> &b);

} // namespace cleave::sema

#endif
