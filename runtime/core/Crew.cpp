#include "runtime/core/Crew.h"

#include <chrono>
#include <sched.h>

namespace cleave::rt {

namespace {

constexpr auto kSpin = std::chrono::microseconds(50); // before a thread sleeps
constexpr auto kBetweenLooks = std::chrono::milliseconds(50);

template <class Condition> bool spinFor(Condition condition) {
  auto start = std::chrono::steady_clock::now();
  while (!condition()) {
    if (std::chrono::steady_clock::now() - start > kSpin)
      return false;
    sched_yield();
  }
  return true;
}

// Processors [first, first + count) of those that this thread may use, counted round.
void keepTo(int64_t first, int count) {
  cpu_set_t allowed, mine;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
    return;
  std::vector<int> all;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed))
      all.push_back(cpu);
  CPU_ZERO(&mine);
  for (int i = 0; i < count && !all.empty(); ++i)
    CPU_SET(all[(first + i) % all.size()], &mine);
  sched_setaffinity(0, sizeof(mine), &mine);
}

} // namespace

Crew::Crew(int64_t ranks, int processors) {
  threads.reserve(ranks);
  for (int64_t rank = 0; rank < ranks; ++rank)
    threads.emplace_back([this, rank, processors] { work(rank, processors); });
}

Crew::~Crew() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopping = true;
    called.fetch_add(1);
  }
  started.notify_all();
  for (std::thread &thread : threads)
    thread.join();
}

bool Crew::run(std::shared_ptr<const Job> job, const std::function<bool()> &goOn) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    current = std::move(job);
    left.store(static_cast<int64_t>(threads.size()));
    called.fetch_add(1);
  }
  started.notify_all();
  auto done = [&] { return left.load() == 0; };
  if (spinFor(done))
    return true;
  std::unique_lock<std::mutex> lock(mutex);
  while (!ended.wait_for(lock, kBetweenLooks, done))
    if (!goOn())
      return false;
  return true;
}

void Crew::work(int64_t rank, int processors) {
  if (processors > 0)
    keepTo(rank * processors, processors);
  for (uint64_t seen = 0;; ++seen) {
    auto isCalled = [&] { return called.load() != seen; };
    spinFor(isCalled);
    std::shared_ptr<const Job> job;
    {
      std::unique_lock<std::mutex> lock(mutex);
      started.wait(lock, isCalled);
      if (stopping)
        return;
      job = current;
    }
    (*job)(rank);
    if (left.fetch_sub(1) != 1)
      continue;
    std::lock_guard<std::mutex> lock(mutex);
    ended.notify_all();
  }
}

} // namespace cleave::rt
