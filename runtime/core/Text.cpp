#include "runtime/core/Text.h"

#include <algorithm>
#include <cstdio>
#include <tuple>

namespace cleave::rt {

std::string bytesText(int64_t bytes) {
  static const char *const kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1024 && unit < 6; ++unit)
    value /= 1024;
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

namespace {

// Levenshtein's distance.
size_t distance(const std::string &a, const std::string &b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

} // namespace

std::string nearest(const std::string &name, const std::vector<std::string> &candidates) {
  std::string best;
  size_t least = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string &candidate : candidates)
    if (size_t found = distance(name, candidate); found < least) {
      least = found;
      best = candidate;
    }
  return best;
}

std::vector<NamePair> nearestPairs(const std::vector<std::string> &names,
                                   const std::vector<std::string> &others, size_t most) {
  constexpr size_t kCompared = 64;                      // of each side: names of a model's layers repeat
  std::vector<std::tuple<size_t, size_t, size_t>> near; // distance, name, other
  for (size_t i = 0; i < names.size() && i < kCompared; ++i)
    for (size_t j = 0; j < others.size() && j < kCompared; ++j)
      if (size_t found = distance(names[i], others[j]); found <= std::max<size_t>(2, names[i].size() / 2))
        near.push_back({found, i, j});
  std::sort(near.begin(), near.end());
  std::vector<NamePair> result;
  std::vector<bool> isNamed(names.size()), isTaken(others.size());
  for (auto [found, i, j] : near) {
    if (isNamed[i] || isTaken[j] || result.size() == most)
      continue;
    isNamed[i] = isTaken[j] = true;
    result.push_back({names[i], others[j]});
  }
  for (size_t i = 0; i < names.size() && result.size() < most; ++i)
    if (!isNamed[i])
      result.push_back({names[i], ""});
  return result;
}

std::string listText(const std::vector<std::string> &items, size_t most) {
  std::string text;
  size_t shown = std::min(items.size(), most);
  for (size_t i = 0; i < shown; ++i) {
    bool last = i + 1 == items.size();
    text += (i == 0 ? "" : last ? " and " : ", ") + items[i];
  }
  if (shown < items.size())
    text += " and " + std::to_string(items.size() - shown) + " more";
  return text;
}

} // namespace cleave::rt
