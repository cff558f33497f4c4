// Small texts of diagnostics: sizes, near misses, lists.
#ifndef CLEAVE_RUNTIME_CORE_TEXT_H
#define CLEAVE_RUNTIME_CORE_TEXT_H

#include <cstdint>
#include <string>
#include <vector>

namespace cleave::rt {

// "512 B", "1.5 KiB", "3.2 GiB".
std::string bytesText(int64_t bytes);

// The candidate nearest to `name` by edit distance, or empty when none is near.
std::string nearest(const std::string &name, const std::vector<std::string> &candidates);

// Names of one side, each with the nearest of the other (or none, where none is near); nearest pairs first,
// at most `most` of them.
struct NamePair {
  std::string first, second;
};
std::vector<NamePair> nearestPairs(const std::vector<std::string> &names,
                                   const std::vector<std::string> &others, size_t most = 8);

// "a, b and 3 more": at most `most` of the items.
std::string listText(const std::vector<std::string> &items, size_t most = 5);

} // namespace cleave::rt

#endif
