// Support of generated kernels.
#include "runtime/device/cpu/KernelSupport.h"

#include "gtest/gtest.h"

#include <csignal>
#include <sys/time.h>
#include <vector>

namespace {

volatile std::sig_atomic_t signalsSeen = 0;

// A timer's signals, every 0.2 ms, as long as this lives.
class Alarms {
public:
  Alarms() {
    struct sigaction action = {};
    action.sa_handler = [](int) { signalsSeen = signalsSeen + 1; };
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, &before);
    setPeriod(200);
  }
  ~Alarms() {
    setPeriod(0);
    sigaction(SIGALRM, &before, nullptr);
  }

private:
  static void setPeriod(suseconds_t microseconds) {
    itimerval period = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &period, nullptr);
  }
  struct sigaction before = {};
};

// A handler that ran inside a product overwrote memory: Ctrl-C while training ended in a crash.
TEST(KernelSupportTest, SignalsDoNotDisturbProducts) {
  constexpr int64_t sizes[][3] = {
      {192, 64, 64}, {192, 256, 64}, {64, 256, 192}, {48, 48, 16}, {192, 64, 256}};
  Alarms alarms;
  for (int round = 0; round < 4000; ++round) {
    auto [m, n, k] = sizes[round % 5];
    std::vector<float> a(m * k, 1.0f), b(k * n, 1.0f), c(m * n);
    for (int64_t transpose = 0; transpose < 4; ++transpose) {
      cleave_rt_product(0, transpose, m, n, k, a.data(), transpose & 1 ? m : k, b.data(),
                        transpose & 2 ? k : n, c.data(), n, 0, 1, 0, 0);
      for (float value : c)
        ASSERT_EQ(value, static_cast<float>(k));
    }
  }
  EXPECT_GT(signalsSeen, 10);
}

} // namespace
