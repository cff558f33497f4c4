#include "lang/sema/WeightParts.h"

#include <algorithm>

namespace cleave::sema {

constexpr size_t kMostIntervals = size_t(1) << 20;

int64_t FilePart::size() const {
  int64_t total = 0;
  for (auto [begin, end] : intervals)
    total += end - begin;
  return total;
}

bool FilePart::meets(const FilePart &other) const {
  for (size_t i = 0, j = 0; i < intervals.size() && j < other.intervals.size();) {
    if (intervals[i].second <= other.intervals[j].first)
      ++i;
    else if (other.intervals[j].second <= intervals[i].first)
      ++j;
    else
      return true;
  }
  return false;
}

bool meet(const std::vector<FilePart> &a, const std::vector<FilePart> &b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (!a[i].meets(b[i]))
      return false;
  return true;
}

// From the index that moves slowest outwards: what the faster ones run over must lie between two of its
// steps.
std::optional<FilePart> partOf(const ast::WeightPosition &position,
                               const std::vector<const ast::Axis *> &axes) {
  std::vector<std::pair<int64_t, int64_t>> terms; // stride, size
  for (size_t i = 0; i < axes.size(); ++i)
    if (position.strides[i] > 0 && axes[i]->size > 1)
      terms.push_back({position.strides[i], axes[i]->size});
  std::sort(terms.begin(), terms.end());
  FilePart part;
  part.intervals = {{0, 1}};
  for (auto [stride, size] : terms) {
    int64_t last;
    if (stride < part.end() || __builtin_mul_overflow(stride, size - 1, &last) ||
        __builtin_add_overflow(last, part.end(), &last))
      return std::nullopt;
    if (part.intervals.size() == 1 && stride == part.end()) {
      part.intervals[0].second = stride * size;
      continue;
    }
    if (static_cast<size_t>(size) > kMostIntervals / part.intervals.size())
      return std::nullopt;
    std::vector<std::pair<int64_t, int64_t>> once = std::move(part.intervals);
    part.intervals.clear();
    for (int64_t i = 0; i < size; ++i)
      for (auto [begin, end] : once)
        part.intervals.push_back({begin + i * stride, end + i * stride});
  }
  for (auto &[begin, end] : part.intervals)
    if (__builtin_add_overflow(begin, position.offset, &begin) ||
        __builtin_add_overflow(end, position.offset, &end))
      return std::nullopt;
  return part;
}

} // namespace cleave::sema
