#include "lang/diag/Engine.h"

#include <algorithm>
#include <cctype>

namespace cleave::diag {

// Damerau-Levenshtein (adjacent swaps count once); a change of case alone costs half as much as another
// letter. Costs are doubled to stay whole numbers.
static unsigned distance(std::string_view a, std::string_view b) {
  std::vector<unsigned> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    above[j] = 2 * j;
  auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = 2 * i;
    for (size_t j = 1; j <= b.size(); ++j) {
      unsigned change = a[i - 1] == b[j - 1] ? 0 : lower(a[i - 1]) == lower(b[j - 1]) ? 1 : 2;
      row[j] = std::min({above[j] + 2, row[j - 1] + 2, above[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 2);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

std::string nearest(std::string_view name, const std::vector<std::string> &candidates) {
  std::string best;
  if (name.size() > 64)
    return best;
  // About one error in three letters is still a misspelling; for one or two letters, only a change of case.
  unsigned limit = name.size() <= 2 ? 1 : std::max<unsigned>(2, 2 * (name.size() / 3));
  unsigned bestDistance = limit + 1;
  for (const std::string &candidate : candidates) {
    size_t longer = std::max(candidate.size(), name.size()),
           shorter = std::min(candidate.size(), name.size());
    if (2 * (longer - shorter) > limit || candidate == name)
      continue;
    unsigned d = distance(name, candidate);
    if (d < bestDistance) {
      bestDistance = d;
      best = candidate;
    }
  }
  return best;
}

} // namespace cleave::diag
