#include "runtime/device/cpu/ThreadPool.h"

#include <chrono>
#include <ctime>
#include <gtest/gtest.h>
#include <numeric>
#include <thread>
#include <vector>

namespace cleave::rt {
namespace {

void countRows(void *const *arguments, int64_t begin, int64_t end) {
  auto *counts = static_cast<int *>(arguments[0]);
  for (int64_t i = begin; i < end; ++i)
    ++counts[i];
}

double processorSeconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

class ThreadPoolTest : public testing::TestWithParam<int> {};

TEST_P(ThreadPoolTest, EveryRowRunsOnce) {
  ThreadPool pool(GetParam());
  EXPECT_EQ(pool.threads(), GetParam());
  for (int64_t rows : {0, 1, 7, 64, 1000})
    for (int64_t grain : {1, 3, 64}) {
      std::vector<int> counts(rows + 1, 0);
      void *arguments[] = {counts.data()};
      for (int repeat = 0; repeat < 20; ++repeat)
        pool.run(countRows, arguments, rows, grain);
      for (int64_t i = 0; i < rows; ++i)
        ASSERT_EQ(counts[i], 20) << "row " << i << " of " << rows << ", grain " << grain;
      EXPECT_EQ(counts[rows], 0);
    }
}

// More threads than processors: the pool must not wait for a worker that is not running.
INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, testing::Values(1, 2, 3, 8));

TEST(ThreadPool, TasksBeginAtMultiplesOfTheGrain) {
  ThreadPool pool(2);
  auto check = [](void *const *arguments, int64_t begin, int64_t end) {
    if (begin % 16 != 0 || (end != begin + 16 && end != 100))
      *static_cast<std::atomic<bool> *>(arguments[0]) = true;
  };
  std::atomic<bool> wrong{false};
  void *arguments[] = {&wrong};
  for (int repeat = 0; repeat < 100; ++repeat)
    pool.run(check, arguments, 100, 16);
  EXPECT_FALSE(wrong);
}

TEST(ThreadPool, TellsHowLongItsThreadsWorked) {
  ThreadPool pool(2);
  auto spin = [](void *const *, int64_t begin, int64_t end) {
    auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(end - begin))
      ;
  };
  EXPECT_GE(pool.runTimed(spin, nullptr, 3, 4), 3'000'000); // one task
  EXPECT_GE(pool.runTimed(spin, nullptr, 8, 1), 8'000'000);
}

TEST(ThreadPool, WorksAfterItsWorkersFellAsleep) {
  ThreadPool pool(3);
  std::vector<int> counts(64, 0);
  void *arguments[] = {counts.data()};
  for (int repeat = 0; repeat < 5; ++repeat) {
    std::this_thread::sleep_for(std::chrono::milliseconds(repeat % 2 ? 3 : 40)); // naps, sleeps
    pool.run(countRows, arguments, 64, 1);
  }
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0), 5 * 64);
}

TEST(ThreadPool, AnIdlePoolBurnsNoProcessorTime) {
  ThreadPool pool(4);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  double before = processorSeconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(processorSeconds() - before, 0.05);
}

} // namespace
} // namespace cleave::rt
