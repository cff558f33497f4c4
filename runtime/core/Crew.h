// Threads that do the same thing at once, each for a rank of its own.
#ifndef CLEAVE_RUNTIME_CORE_CREW_H
#define CLEAVE_RUNTIME_CORE_CREW_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace cleave::rt {

class Crew {
public:
  // `processors`: how many each thread has to itself, in the order of the ranks; 0: all may run anywhere.
  explicit Crew(int64_t ranks, int processors = 0);
  ~Crew();
  Crew(const Crew &) = delete;
  Crew &operator=(const Crew &) = delete;

  // Runs `job` on every thread with its rank and returns when all are done. One caller at a time.
  void run(const std::function<void(int64_t rank)> &job);

private:
  void work(int64_t rank, int processors);

  const std::function<void(int64_t)> *current = nullptr;
  std::atomic<uint64_t> called{0};
  std::atomic<int64_t> left{0};
  bool stopping = false;
  std::mutex mutex;
  std::condition_variable started, ended;
  std::vector<std::thread> threads;
};

} // namespace cleave::rt

#endif
