// Spinning threads that share the tasks of one launch at a time.
//
// A launch costs 0.05-0.2 microseconds while the workers spin. An idle worker yields, then takes naps, then
// sleeps, so an idle process burns no processor time. Who runs a task never shows in the result: tasks are
// cut by the caller, by shapes alone, and are independent of each other.
#ifndef CLEAVE_RUNTIME_DEVICE_CPU_THREADPOOL_H
#define CLEAVE_RUNTIME_DEVICE_CPU_THREADPOOL_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace cleave::rt {

class ThreadPool {
public:
  using Function = void (*)(void *const *arguments, int64_t begin, int64_t end);

  // `threads` counts the calling thread: a pool of 1 starts none. 0 means one per processor this process may
  // use. `pin` ties each worker to a processor of its own.
  explicit ThreadPool(int threads = 0, bool pin = false);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int threads() const { return static_cast<int>(workers.size()) + 1; }

  // Runs `function` on [0, rows) cut into tasks of `grain` rows, and returns when all are done. One task runs
  // right here. One caller at a time.
  void run(Function function, void *const *arguments, int64_t rows, int64_t grain);
  // Likewise; returns the nanoseconds that threads spent on tasks, all together.
  int64_t runTimed(Function function, void *const *arguments, int64_t rows, int64_t grain);

private:
  // The tasks one thread takes first; the others help when they are done with theirs.
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
    int64_t busy = 0; // nanoseconds its thread spent on tasks, where they are measured
  };
  struct Job {
    Function function = nullptr;
    void *const *arguments = nullptr;
    int64_t rows = 0;
    int64_t grain = 1;
    bool timed = false;
  };

  void share(const Job &next);
  void work(int self);
  void takeTasks(int self);
  uint64_t awaitLaunch(uint64_t last);
  void sleepUntilLaunch(uint64_t last);

  // Launch number above bit 16, bit 15: open to workers, below: how many have joined. A worker that comes too
  // late (its processor was busy elsewhere) is not waited for.
  alignas(64) std::atomic<uint64_t> gate{0};
  alignas(64) std::atomic<uint32_t> left{0}; // workers that joined this launch and have finished
  alignas(64) std::atomic<int> sleepers{0};
  std::atomic<bool> stopping{false};
  Job job;
  std::unique_ptr<Share[]> shares;
  std::mutex mutex;
  std::condition_variable launched;
  std::vector<std::thread> workers;
};

// Processors this process may run on.
int processorCount();

} // namespace cleave::rt

#endif
