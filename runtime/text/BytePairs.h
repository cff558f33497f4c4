// The merges of a byte-pair encoding.
#ifndef CLEAVE_RUNTIME_TEXT_BYTEPAIRS_H
#define CLEAVE_RUNTIME_TEXT_BYTEPAIRS_H

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cleave::text {

class BytePairs {
public:
  BytePairs() { bytes.fill(-1); }

  // Tokens as bytes; then merges in order of rank, whose parts and whole must be tokens (else false).
  void addToken(std::string token, int32_t id);
  bool addMerge(const std::string &left, const std::string &right);
  // Words that are tokens are not taken apart first.
  void keepWholeWords() { wholeWords = true; }

  // Appends the tokens of a word: single bytes at first, then always the pair of least rank (the leftmost of
  // equal ones) is merged. Bytes that are no token are left out. O(n log n).
  void encode(std::string_view word, std::vector<int32_t> &ids) const;

  // -1 when there is none.
  int32_t find(const std::string &token) const;

private:
  struct Merge {
    int32_t rank = 0;
    int32_t id = 0;
  };
  static uint64_t keyOf(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }

  std::unordered_map<std::string, int32_t> tokens;
  std::unordered_map<uint64_t, Merge> merges;
  std::array<int32_t, 256> bytes; // tokens of one byte
  bool wholeWords = false;
};

} // namespace cleave::text

#endif
