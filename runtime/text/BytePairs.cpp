#include "runtime/text/BytePairs.h"

#include <queue>

namespace cleave::text {

void BytePairs::addToken(std::string token, int32_t id) {
  if (token.size() == 1)
    bytes[static_cast<unsigned char>(token[0])] = id;
  tokens[std::move(token)] = id;
}

int32_t BytePairs::find(const std::string &token) const {
  auto found = tokens.find(token);
  return found == tokens.end() ? -1 : found->second;
}

bool BytePairs::addMerge(const std::string &left, const std::string &right) {
  int32_t a = find(left), b = find(right), whole = find(left + right);
  if (a < 0 || b < 0 || whole < 0)
    return false;
  // A pair that stands twice has its first rank.
  merges.try_emplace(keyOf(a, b), Merge{static_cast<int32_t>(merges.size()), whole});
  return true;
}

namespace {

// A symbol of the word: a token, and its neighbours that are still there.
struct Symbol {
  int32_t id;
  int32_t previous, next; // -1: none
};

// A merge that may be done, unless one of its parts has changed meanwhile.
struct Candidate {
  int32_t rank;
  int32_t at; // of its left part
  int32_t left, right, whole;
  bool operator<(const Candidate &other) const {
    return rank != other.rank ? rank > other.rank : at > other.at;
  }
};

} // namespace

void BytePairs::encode(std::string_view word, std::vector<int32_t> &ids) const {
  if (wholeWords)
    if (int32_t id = find(std::string(word)); id >= 0)
      return ids.push_back(id);
  std::vector<Symbol> symbols;
  for (char c : word)
    if (int32_t id = bytes[static_cast<unsigned char>(c)]; id >= 0) {
      auto at = static_cast<int32_t>(symbols.size());
      symbols.push_back({id, at - 1, at + 1});
    }
  if (symbols.empty())
    return;
  symbols.back().next = -1;
  std::priority_queue<Candidate> candidates;
  auto consider = [&](int32_t at) {
    if (at < 0 || symbols[at].next < 0)
      return;
    int32_t left = symbols[at].id, right = symbols[symbols[at].next].id;
    auto merge = merges.find(keyOf(left, right));
    if (merge != merges.end())
      candidates.push({merge->second.rank, at, left, right, merge->second.id});
  };
  for (size_t i = 0; i + 1 < symbols.size(); ++i)
    consider(static_cast<int32_t>(i));
  for (; !candidates.empty();) {
    Candidate best = candidates.top();
    candidates.pop();
    Symbol &left = symbols[best.at];
    if (left.id != best.left || left.next < 0 || symbols[left.next].id != best.right)
      continue;
    Symbol &right = symbols[left.next];
    left.id = best.whole;
    right.id = -1;
    left.next = right.next;
    if (left.next >= 0)
      symbols[left.next].previous = best.at;
    consider(left.previous);
    consider(best.at);
  }
  for (int32_t at = 0; at >= 0; at = symbols[at].next)
    ids.push_back(symbols[at].id);
}

} // namespace cleave::text
