#include "runtime/device/cpu/ThreadPool.h"

#include "runtime/device/cpu/ControlGroups.h"

#include <algorithm>
#include <chrono>
#include <pthread.h>
#include <sched.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cleave::rt {

namespace {

constexpr uint64_t kOpen = uint64_t{1} << 15;
constexpr uint64_t kJoined = kOpen - 1;
constexpr int kLaunchShift = 16;

// Spins before a look at the clock; a pause takes 10-140 cycles.
constexpr int kSpins = 64;
constexpr auto kYieldAfter = std::chrono::microseconds(50);
constexpr auto kNapAfter = std::chrono::microseconds(200);
constexpr auto kNap = std::chrono::microseconds(20); // and what timers add
constexpr auto kSleepAfter = std::chrono::milliseconds(20);

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

using Clock = std::chrono::steady_clock;

int64_t nanosecondsSince(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
}

uint64_t launchOf(uint64_t gate) { return gate >> kLaunchShift; }

void pinToProcessor(int index) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
    return;
  int skip = index % std::max(1, CPU_COUNT(&allowed));
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || skip-- > 0)
      continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
    return;
  }
}

} // namespace

// What this process may run on, and no more than its control groups grant time for: threads beyond that
// would spin while the kernel holds others back.
int processorCount() {
  cpu_set_t allowed;
  int count = static_cast<int>(std::thread::hardware_concurrency());
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
    count = CPU_COUNT(&allowed);
  for (const ControlGroup &group : controlGroups("cpu")) {
    if (!group.unified)
      continue;
    std::vector<int64_t> quota = readNumbers(group.folder + "cpu.max", 2); // microseconds per period
    if (quota.size() == 2 && quota[0] > 0 && quota[1] > 0)
      count = static_cast<int>(std::min<int64_t>(count, (quota[0] + quota[1] - 1) / quota[1]));
  }
  return std::max(1, count);
}

ThreadPool::ThreadPool(int threads, bool pin) {
  int count = std::clamp(threads > 0 ? threads : processorCount(), 1, static_cast<int>(kJoined));
  shares = std::make_unique<Share[]>(count);
  for (int self = 1; self < count; ++self)
    workers.emplace_back([this, self, pin] {
      if (pin)
        pinToProcessor(self);
      work(self);
    });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopping.store(true);
  }
  launched.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

void ThreadPool::run(Function function, void *const *arguments, int64_t rows, int64_t grain) {
  if (rows <= grain || workers.empty()) {
    function(arguments, 0, rows);
    return;
  }
  share({function, arguments, rows, grain, false});
}

int64_t ThreadPool::runTimed(Function function, void *const *arguments, int64_t rows, int64_t grain) {
  if (rows <= grain || workers.empty()) {
    Clock::time_point start = Clock::now();
    function(arguments, 0, rows);
    return nanosecondsSince(start);
  }
  for (int i = 0; i < threads(); ++i)
    shares[i].busy = 0;
  share({function, arguments, rows, grain, true});
  int64_t busy = 0;
  for (int i = 0; i < threads(); ++i)
    busy += shares[i].busy;
  return busy;
}

// Cuts a launch into tasks and returns when all are done.
void ThreadPool::share(const Job &next) {
  int64_t tasks = (next.rows + next.grain - 1) / next.grain;
  int64_t count = threads();
  for (int64_t i = 0; i < count; ++i) {
    shares[i].next.store(tasks * i / count, std::memory_order_relaxed);
    shares[i].end = tasks * (i + 1) / count;
  }
  job = next;
  left.store(0, std::memory_order_relaxed);
  uint64_t launch = launchOf(gate.load(std::memory_order_relaxed)) + 1;
  // Sequentially consistent with `sleepers`: either the sleeper sees the launch or we see the sleeper.
  gate.store(launch << kLaunchShift | kOpen, std::memory_order_seq_cst);
  if (sleepers.load(std::memory_order_seq_cst) > 0) {
    {
      std::lock_guard<std::mutex> lock(mutex);
    }
    launched.notify_all();
  }
  takeTasks(0);
  uint32_t joined = gate.fetch_and(~kOpen, std::memory_order_acq_rel) & kJoined;
  for (int spins = 0; left.load(std::memory_order_acquire) != joined; ++spins) {
    if (spins < 4096)
      pause();
    else
      sched_yield(); // the worker's processor may be this one
  }
}

void ThreadPool::takeTasks(int self) {
  const Job mine = job;
  int count = threads();
  Clock::time_point start;
  if (mine.timed)
    start = Clock::now();
  for (int i = 0; i < count; ++i) {
    Share &share = shares[(self + i) % count];
    while (share.next.load(std::memory_order_relaxed) < share.end) {
      int64_t task = share.next.fetch_add(1, std::memory_order_relaxed);
      if (task >= share.end)
        break;
      int64_t begin = task * mine.grain;
      mine.function(mine.arguments, begin, std::min(begin + mine.grain, mine.rows));
    }
  }
  if (mine.timed)
    shares[self].busy = nanosecondsSince(start);
}

void ThreadPool::work(int self) {
  uint64_t last = 0;
  while (true) {
    uint64_t seen = awaitLaunch(last);
    if (stopping.load(std::memory_order_relaxed))
      return;
    if (!gate.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel))
      continue;
    last = launchOf(seen);
    takeTasks(self);
    left.fetch_add(1, std::memory_order_release);
  }
}

// The gate as soon as it is open for a launch after `last`; any value when the pool stops.
uint64_t ThreadPool::awaitLaunch(uint64_t last) {
  auto isNew = [&](uint64_t value) { return (value & kOpen) && launchOf(value) != last; };
  Clock::time_point start;
  for (int round = 0;; ++round) {
    for (int spin = 0; spin < kSpins; ++spin) {
      uint64_t value = gate.load(std::memory_order_acquire);
      if (isNew(value))
        return value;
      pause();
    }
    if (stopping.load(std::memory_order_relaxed))
      return 0;
    auto now = Clock::now();
    if (round == 0)
      start = now;
    else if (now - start > kSleepAfter)
      sleepUntilLaunch(last);
    else if (now - start > kNapAfter)
      std::this_thread::sleep_for(kNap); // nobody need wake it
    else if (now - start > kYieldAfter)
      sched_yield();
  }
}

void ThreadPool::sleepUntilLaunch(uint64_t last) {
  std::unique_lock<std::mutex> lock(mutex);
  sleepers.fetch_add(1, std::memory_order_seq_cst);
  launched.wait(lock, [&] {
    uint64_t value = gate.load(std::memory_order_seq_cst);
    return stopping.load() || ((value & kOpen) && launchOf(value) != last);
  });
  sleepers.fetch_sub(1, std::memory_order_seq_cst);
}

} // namespace cleave::rt
