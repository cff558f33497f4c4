// Links made slow: a collective takes the time it is said to, and a link carries one at a time.
#include "runtime/comm/SlowLinks.h"

#include <chrono>
#include <gtest/gtest.h>
#include <thread>

using namespace cleave::rt;

namespace {

// Done at once.
class Instant : public Operation {
public:
  Status start(const void *, void *) override { return {}; }
  Status wait() override { return {}; }
};

Collective over(uint32_t axis, double seconds) {
  Collective it;
  it.over = {{axis, 2, 1}};
  it.seconds = seconds;
  return it;
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

TEST(SlowLinksTest, TakesItsTimeFromTheStart) {
  LinkClocks clocks;
  auto it = makeSlow(std::make_unique<Instant>(), over(0, 0.02), clocks);
  double start = now();
  ASSERT_TRUE(it->start(nullptr, nullptr));
  EXPECT_LT(now() - start, 0.015);
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(it->wait());
  EXPECT_GE(now() - start, 0.02);
  EXPECT_NEAR(it->doneAt() * 1e-9 - start, 0.02, 0.005);
}

TEST(SlowLinksTest, OneLinkCarriesOneAtATimeAndOthersBeside) {
  LinkClocks clocks;
  auto first = makeSlow(std::make_unique<Instant>(), over(0, 0.02), clocks);
  auto second = makeSlow(std::make_unique<Instant>(), over(0, 0.02), clocks);
  auto other = makeSlow(std::make_unique<Instant>(), over(1, 0.02), clocks);
  double start = now();
  for (Operation *it : {first.get(), second.get(), other.get()})
    ASSERT_TRUE(it->start(nullptr, nullptr));
  for (Operation *it : {first.get(), second.get(), other.get()})
    ASSERT_TRUE(it->wait());
  EXPECT_GE(second->doneAt() - first->doneAt(), 19'000'000);
  EXPECT_LT(other->doneAt(), second->doneAt());
  EXPECT_GE(now() - start, 0.04);
}

} // namespace
