// What the members of a group must agree on, and the words for where they do not. For those who carry bytes.
#ifndef CLEAVE_RUNTIME_COMM_AGREEMENT_H
#define CLEAVE_RUNTIME_COMM_AGREEMENT_H

#include "runtime/core/Error.h"
#include "runtime/core/Program.h"

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

namespace cleave::rt {

// Of all but the sizes along dims that are cut: equal for all members of one collective.
uint64_t signatureOf(const Collective &collective, const Shape &in, const Shape &out);

// A rank and the collective it has started.
struct StartedBy {
  int64_t rank;
  std::string text;
};
// E716; in the order of members.
Error differentCollectives(const StartedBy &first, const StartedBy &second);

// E716. `where`: what those who are missing have last started, a line each.
Error missingMembers(double timeoutSeconds, const std::vector<int64_t> &missing,
                     std::vector<std::string> where, const StartedBy &waiting);

// The first failure of any rank, with which all waits end.
class Failure {
public:
  // `own`: of the rank itself, and not of a collective. Whether it is the first.
  bool set(int64_t rank, Error why, bool own);
  bool isSet() const { return has.load(std::memory_order_acquire); }
  // As a wait ends with it, at the collective `at`.
  Error at(const std::string &at) const;
  void clear();

  // What set() was given.
  struct Facts {
    int64_t rank = 0;
    Error why;
    bool own = false;
  };
  Facts facts() const;

private:
  mutable std::mutex mutex;
  std::atomic<bool> has{false};
  Facts first;
};

} // namespace cleave::rt

#endif
