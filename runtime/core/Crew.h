// Threads that do the same thing at once, each for a rank of its own.
#ifndef CLEAVE_RUNTIME_CORE_CREW_H
#define CLEAVE_RUNTIME_CORE_CREW_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
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

  using Job = std::function<void(int64_t rank)>;

  // Runs `job` on every thread with its rank; true when all are done. While some are not, `goOn` is asked
  // now and then; where it says no, the answer is false: those that are late go on with the job, which they
  // keep, and the crew must neither be used nor be deleted any more. One caller at a time.
  bool run(std::shared_ptr<const Job> job, const std::function<bool()> &goOn);

private:
  void work(int64_t rank, int processors);

  std::shared_ptr<const Job> current;
  std::atomic<uint64_t> called{0};
  std::atomic<int64_t> left{0};
  bool stopping = false;
  std::mutex mutex;
  std::condition_variable started, ended;
  std::vector<std::thread> threads;
};

} // namespace cleave::rt

#endif
