// What the ranks of makeLocal() share. Internal to local/.
#ifndef CLEAVE_RUNTIME_COMM_LOCAL_WORLD_H
#define CLEAVE_RUNTIME_COMM_LOCAL_WORLD_H

#include "runtime/comm/Agreement.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace cleave::rt {

// What a member has put up for one collective of its group.
struct Post {
  const void *in = nullptr;
  void *out = nullptr;
  uint64_t signature = 0; // must be every member's
  int64_t name = 0;       // World::nameOf
};

// A member's place in a group. Its collectives are numbered from 1; number n uses slot n % kSlots, which is
// free again once all members are done with number n - kSlots.
struct alignas(64) Seat {
  static constexpr uint64_t kSlots = 64;
  std::atomic<uint64_t> posted{0}; // the last number put up
  uint64_t started = 0;            // the same; the member's own
  Post posts[kSlots];
  std::atomic<uint64_t> done[kSlots] = {}; // the last number with this slot whose work the member has done
};

struct Group {
  explicit Group(std::vector<int64_t> ranks) : ranks(std::move(ranks)), seats(new Seat[this->ranks.size()]) {}
  std::vector<int64_t> ranks;
  std::unique_ptr<Seat[]> seats;
};

class World {
public:
  World(int64_t ranks, double timeoutSeconds);

  const int64_t ranks;
  const double timeoutSeconds;
  bool crowded = false; // more ranks than processors: to spin takes time from those that are waited for

  // The group of these ranks; a Send and its Recv have one of their own.
  Group &group(const std::vector<int64_t> &members, bool channel);

  // A text for messages, and its number.
  int64_t addName(std::string text);
  std::string nameOf(int64_t name);

  // What a rank has started last; kNothing: nothing yet.
  static constexpr int64_t kNothing = -1;
  void setLast(int64_t rank, int64_t name) { last[rank].name.store(name, std::memory_order_relaxed); }
  std::string whereIs(int64_t rank);

  // The first failure stays; every wait ends with it.
  void fail(int64_t rank, Error why, bool own) { first.set(rank, std::move(why), own); }
  bool failed() const { return first.isSet(); }
  Error failure(const std::string &at) const { return first.at(at); }
  // As if nothing had been started; no rank is inside.
  void recover();

private:
  struct alignas(64) Place {
    std::atomic<int64_t> name{kNothing};
  };
  std::mutex mutex;
  std::map<std::pair<bool, std::vector<int64_t>>, std::unique_ptr<Group>> groups;
  std::deque<std::string> names;
  std::unique_ptr<Place[]> last;
  Failure first;
};

} // namespace cleave::rt

#endif
