#include "runtime/comm/SlowLinks.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

namespace cleave::rt {

namespace {

using Clock = std::chrono::steady_clock;

// Sleeping takes this much longer than it is asked to; the rest is waited for awake.
constexpr auto kAwake = std::chrono::microseconds(100);

int64_t nanoseconds(Clock::time_point time) {
  return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

class SlowOperation : public Operation {
public:
  SlowOperation(std::unique_ptr<Operation> operation, const Collective &collective, LinkClocks &clocks)
      : operation(std::move(operation)), clocks(clocks), takes(std::llround(collective.seconds * 1e9)) {
    for (const AxisPart &part : collective.over)
      axes.push_back(part.axis);
  }

  Status start(const void *in, void *out) override {
    end = nanoseconds(Clock::now());
    for (uint32_t axis : axes)
      end = std::max(end, clocks[axis]);
    end += takes;
    for (uint32_t axis : axes)
      clocks[axis] = end;
    return operation->start(in, out);
  }

  Status wait() override {
    if (Status status = operation->wait(); !status)
      return status;
    Clock::time_point until{std::chrono::nanoseconds(end)};
    if (Clock::now() + kAwake < until)
      std::this_thread::sleep_until(until - kAwake);
    while (Clock::now() < until)
      std::this_thread::yield();
    return {};
  }

  int64_t doneAt() const override { return std::max(end, operation->doneAt()); }

private:
  std::unique_ptr<Operation> operation;
  LinkClocks &clocks;
  std::vector<uint32_t> axes;
  int64_t takes, end = 0;
};

} // namespace

std::unique_ptr<Operation> makeSlow(std::unique_ptr<Operation> operation, const Collective &collective,
                                    LinkClocks &clocks) {
  for (const AxisPart &part : collective.over)
    clocks.resize(std::max(clocks.size(), size_t{part.axis} + 1));
  return std::make_unique<SlowOperation>(std::move(operation), collective, clocks);
}

} // namespace cleave::rt
