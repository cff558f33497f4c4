#include "runtime/comm/local/World.h"

#include "runtime/device/cpu/ThreadPool.h"

namespace cleave::rt {

World::World(int64_t ranks, double timeoutSeconds)
    : ranks(ranks), timeoutSeconds(timeoutSeconds), crowded(ranks > processorCount()),
      last(new Place[ranks]) {}

Group &World::group(const std::vector<int64_t> &members, bool channel) {
  std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<Group> &made = groups[{channel, members}];
  if (!made)
    made = std::make_unique<Group>(members);
  return *made;
}

int64_t World::addName(std::string text) {
  std::lock_guard<std::mutex> lock(mutex);
  names.push_back(std::move(text));
  return static_cast<int64_t>(names.size()) - 1;
}

std::string World::nameOf(int64_t name) {
  std::lock_guard<std::mutex> lock(mutex);
  return names[name];
}

std::string World::whereIs(int64_t rank) {
  int64_t name = last[rank].name.load(std::memory_order_relaxed);
  std::string text = "rank " + std::to_string(rank);
  return name == kNothing ? text + " has started no collective" : text + " has last started " + nameOf(name);
}

void World::recover() {
  std::lock_guard<std::mutex> lock(mutex);
  first.clear();
  for (auto &[key, group] : groups)
    for (size_t member = 0; member < group->ranks.size(); ++member) {
      Seat &seat = group->seats[member];
      seat.posted.store(0);
      seat.started = 0;
      for (std::atomic<uint64_t> &done : seat.done)
        done.store(0);
    }
}

} // namespace cleave::rt
