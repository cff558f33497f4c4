#include "compiler/verify/Sizes.h"

#include <algorithm>

using namespace cleave::verify;

static constexpr int64_t kElements = 2; // of a part: one is a special case of too much

static bool divides(const Shrinkable &axis, int64_t size) { return size % axis.parts == 0; }

// What a size may become, smallest first.
static std::vector<int64_t> candidates(const Shrinkable &axis) {
  std::vector<int64_t> found;
  int64_t most = std::min<int64_t>(axis.size - 1, 64 * axis.parts);
  for (int64_t size = kElements * axis.parts; size <= most; size += size < 8 * axis.parts ? 1 : axis.parts)
    if (divides(axis, size) == divides(axis, axis.size))
      found.push_back(size);
  return found;
}

static Sizes current(const std::vector<Shrinkable> &axes) {
  Sizes sizes;
  for (const Shrinkable &axis : axes)
    sizes.emplace_back(axis.name, axis.size);
  return sizes;
}

// All sizes divided by one power of two, as long as none loses what it must keep.
static Sizes scaled(const std::vector<Shrinkable> &given, const Sizes &from, int64_t factor) {
  Sizes sizes = from;
  for (size_t i = 0; i < given.size(); ++i) {
    int64_t size = from[i].second / factor;
    bool keeps = from[i].second % factor == 0 && size >= kElements * given[i].parts &&
                 divides(given[i], size) == divides(given[i], given[i].size);
    sizes[i].second = keeps ? size : from[i].second;
  }
  return sizes;
}

Sizes cleave::verify::smallest(const std::vector<Shrinkable> &given,
                               const std::function<bool(const Sizes &)> &accepts) {
  Sizes sizes = current(given);
  for (int64_t factor : {64, 16, 4, 2})
    if (Sizes lower = scaled(given, sizes, factor); lower != sizes && accepts(lower))
      sizes = lower;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < given.size(); ++i) {
      Shrinkable axis = given[i];
      axis.size = sizes[i].second;
      for (int64_t size : candidates(axis)) {
        Sizes lower = sizes;
        lower[i].second = size;
        if (!accepts(lower))
          continue;
        sizes = lower;
        changed = true;
        break;
      }
    }
  }
  return sizes;
}
