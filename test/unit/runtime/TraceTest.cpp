// What a trace's file says, read again: times under way, waits, and whose program it is of.
#include "runtime/trace/Trace.h"

#include "runtime/comm/Communicator.h"
#include "runtime/core/Executor.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

using namespace cleave::rt;

namespace {

// Two ranks; a launch, then a sum that is begun and waited for.
Program program() {
  Program p;
  p.mesh = {"m", {{"dp", 2}}};
  Collective sum;
  sum.over = {{0, 2, 1}};
  sum.name = "w";
  sum.seconds = 0.002;
  sum.hidden = 0.001;
  p.collectives = {sum};
  p.kernels = {{"k", nullptr, 1, 1}};
  Operand w = {{Region::Scratch, 0, 0, {}}, {Type::F32, {4}, {"N"}}, "w"};
  Entry train = {"train", {}, {}, {}, {}, 16};
  Instruction launch, start, wait;
  launch.operands = {w};
  launch.source = "m.dsl:1:2";
  start.op = Opcode::Start;
  start.operands = {w, w};
  wait = start;
  wait.op = Opcode::Wait;
  train.instructions = {launch, start, wait};
  p.entries = {train};
  return p;
}

constexpr int64_t kMs = 1'000'000;

// Rank 1 begins `late` ms behind rank 0.
TraceLog logOf(int64_t late) {
  TraceLog log;
  int64_t zero = 5000 * kMs;
  log.add({0, 0, zero, zero + kMs});
  log.add({1, 0, zero + (1 + late) * kMs, zero + (1 + late) * kMs + 1000});
  log.add({2, 0, zero + 3 * kMs, zero + 6 * kMs, zero + (1 + late) * kMs, zero + 5 * kMs});
  return log;
}

std::string written(const std::string &text) {
  std::string path = testing::TempDir() + "/trace.json";
  std::ofstream(path) << text;
  return path;
}

TEST(TraceTest, IsReadAsItWasWritten) {
  Program p = program();
  TraceLog first = logOf(0), second = logOf(3);
  std::string text = traceText({{&p, &first, 0}, {&p, &second, 1}}, 0);
  for (const char *part :
       {"\"rank 0\"", "\"rank 1\"", "\"kernel\":\"k\"", "m.dsl:1:2", "\"estimated_us\":2000.0",
        "wait all_reduce over \\\"dp\\\" of w", "\"hidden_us\":1000.0"})
    EXPECT_THAT(text, testing::HasSubstr(part));
  Result<TraceFacts> facts = readTrace(written(text));
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->entry, "train");
  EXPECT_EQ(facts->ranks, 2);
  EXPECT_EQ(facts->hash, traceHash(p, p.entries[0]));
  EXPECT_NEAR(facts->seconds, 0.006, 1e-9);
  ASSERT_EQ(facts->messages.size(), 1u);
  const MessageTimes &sum = facts->messages[0];
  EXPECT_EQ(sum.times, 1);
  EXPECT_NEAR(sum.seconds, (0.004 + 0.001) / 2, 1e-9);
  // Both wait from 3 to 6 ms; all have begun at 4 ms, and it is there at 5.
  EXPECT_NEAR(sum.waited, 0.001, 1e-9);
  EXPECT_NEAR(sum.others, 0.001, 1e-9);
}

// Of 2 ms under way, 1 can be hidden: in the last run half of it is, for the wait is of 1.5 ms.
TEST(TraceTest, WhatIsHiddenIsTheMedianOfRuns) {
  Program p = program();
  TraceLog log;
  for (double waitAt : {2.5, 4.0, 2.0, 3.0, 1.5}) { // of a message from 1 to 3 ms
    int64_t zero = 100 * kMs * (log.run + 1);
    auto at = static_cast<int64_t>(waitAt * kMs);
    log.add({0, 0, zero, zero + kMs});
    log.add({1, 0, zero + kMs, zero + kMs});
    log.add({2, 0, zero + at, zero + 5 * kMs, zero + kMs, zero + 3 * kMs});
    ++log.run;
  }
  Result<TraceFacts> facts = readTrace(written(traceText({{&p, &log, 0}}, 0)));
  ASSERT_TRUE(facts) << facts.error().message;
  ASSERT_EQ(facts->hiddenParts.size(), 5u);
  const double wanted[] = {1, 1, 1, 1, 0.5};
  for (size_t i = 0; i < 5; ++i)
    EXPECT_NEAR(facts->hiddenParts[i], wanted[i], 1e-6) << i;
  facts->hiddenParts = {0.1, 0.9, 0.3, 0.5};
  EXPECT_EQ(facts->hiddenPart(), 0.5);
  facts->hiddenParts = {0.1};
  EXPECT_EQ(facts->hiddenPart(), 0.1);
}

// Rank 1's clock is 7 s ahead, then 7.002 s: it runs a part in 1000 too fast over 2 s.
TEST(TraceTest, ClocksOfOtherProcessesAreTranslated) {
  ClockReading first = ClockReading::of(1000, 1000 + 7000 * kMs + 20, 1040);
  EXPECT_EQ(first.ahead, 7000 * kMs);
  EXPECT_EQ(first.within, 20);
  ClockRelation clock = {first, {first.at + 2002 * kMs, first.ahead + 2 * kMs, 1500}};
  EXPECT_EQ(clock.within(), 1500);
  EXPECT_EQ(clock.translate(first.at), first.at - 7000 * kMs);
  EXPECT_EQ(clock.translate(first.at + 1001 * kMs), first.at - 7000 * kMs + 1000 * kMs);

  Program p = program();
  TraceLog one = logOf(0), two;
  ClockRelation ahead = {{0, 7000 * kMs, 3000}, {0, 7000 * kMs, 3000}};
  for (TraceEvent event : one.events) {
    for (int64_t *time : {&event.begin, &event.end, &event.sent, &event.received})
      *time += *time != 0 ? 7000 * kMs : 0;
    two.add(event);
  }
  Result<TraceFacts> facts = readTrace(written(traceText({{&p, &one, 0}, {&p, &two, 1, ahead}}, 0)));
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_NEAR(facts->seconds, 0.006, 1e-9);
  EXPECT_NEAR(facts->clocksWithin, 3e-6, 1e-12);
  EXPECT_EQ(facts->messages[0].times, 1);
  EXPECT_NEAR(facts->messages[0].others, 0, 1e-9);
}

TEST(TraceTest, APartSaysSo) {
  Program p = program();
  TraceLog log = logOf(0), last = lastOf(log, 2);
  EXPECT_EQ(last.events.size(), 2u);
  EXPECT_EQ(last.left, 1);
  EXPECT_EQ(last.events.front().instruction, 1u);
  Result<TraceFacts> facts = readTrace(written(traceText({{&p, &last, 1}}, 0)));
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->ranks, 1);
  EXPECT_EQ(facts->ofRanks, 2);
  EXPECT_NEAR(facts->seconds, 0.005, 1e-9);
}

// Sums that take 20 ms, in their start or in their wait, and are known to be there after 5 in the latter.
class Slow : public Operation {
public:
  explicit Slow(bool inStart) : inStart(inStart) {}
  Status start(const void *, void *) override {
    done = steadyNanoseconds() + 5 * kMs;
    if (inStart)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return {};
  }
  Status wait() override {
    if (!inStart)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return {};
  }
  int64_t doneAt() const override { return inStart ? 0 : done; }

private:
  bool inStart;
  int64_t done = 0;
};

class SlowCommunicator : public Communicator {
public:
  explicit SlowCommunicator(bool inStart) : inStart(inStart) {}
  int64_t rank() const override { return 0; }
  int64_t ranks() const override { return 2; }
  void fail(const Error &) override {}
  void lose(int64_t, const Error &) override {}
  void recover() override {}

protected:
  Result<std::unique_ptr<Operation>> prepareGroup(const Mesh &, const Collective &, const Shape &,
                                                  const Shape &) override {
    return std::unique_ptr<Operation>(std::make_unique<Slow>(inStart));
  }

private:
  bool inStart;
};

// What two runs of the program log, without its launch.
TraceLog logged(bool inStart) {
  Program p = program();
  Entry &train = p.entries[0];
  train.instructions.erase(train.instructions.begin());
  float w[4] = {};
  Executor executor(p, train, {nullptr, reinterpret_cast<char *>(w), nullptr});
  SlowCommunicator communicator(inStart);
  TraceLog log;
  ThreadPool pool(1);
  EXPECT_TRUE(executor.connect(communicator).ok());
  executor.enableTrace(log);
  for (int run = 0; run < 2; ++run)
    executor.run(pool, {});
  return log;
}

TEST(TraceTest, AMessageBeginsWithItsStartAndEndsWhenItWasThere) {
  TraceLog log = logged(/*inStart=*/false);
  ASSERT_EQ(log.events.size(), 4u);
  for (size_t run : {0, 1}) {
    const TraceEvent &start = log.events[2 * run], &wait = log.events[2 * run + 1];
    EXPECT_EQ(start.run, run);
    EXPECT_EQ(wait.run, run);
    EXPECT_EQ(start.sent, 0);
    EXPECT_GE(wait.sent, start.begin);
    EXPECT_LE(wait.sent, start.end);
    EXPECT_GE(wait.received - wait.sent, 5 * kMs);
    EXPECT_GE(wait.end - wait.received, 10 * kMs);
    EXPECT_LT(wait.starting, 5 * kMs);
  }
}

TEST(TraceTest, AStartThatWaitsCountsAgainstItsMessage) {
  TraceLog log = logged(/*inStart=*/true);
  ASSERT_EQ(log.events.size(), 4u);
  EXPECT_GE(log.events[1].starting, 20 * kMs);
  EXPECT_GE(log.events[0].end - log.events[1].sent, 20 * kMs);
}

TEST(TraceTest, HashTellsProgramsApart) {
  Program p = program(), other = program();
  std::string hash = traceHash(p, p.entries[0]);
  EXPECT_EQ(traceHash(other, other.entries[0]), hash);
  other.entries[0].instructions[1].operands[0].shape.sizes = {8};
  EXPECT_NE(traceHash(other, other.entries[0]), hash);
  other = program();
  other.planHash = "ab";
  EXPECT_NE(traceHash(other, other.entries[0]), hash);
  other = program();
  other.mesh.axes[0].size = 4;
  EXPECT_NE(traceHash(other, other.entries[0]), hash);
}

TEST(TraceTest, RefusesOtherFiles) {
  auto codeOf = [](const std::string &path) {
    Result<TraceFacts> facts = readTrace(path);
    return facts ? std::string() : facts.error().code + " " + facts.error().message;
  };
  EXPECT_THAT(codeOf("/nowhere/trace.json"),
              testing::HasSubstr("E741 a trace is a file that `cleave run --trace` "));
  EXPECT_THAT(codeOf(written("{}")), testing::HasSubstr("is another file"));
  EXPECT_THAT(codeOf(written("[1, 2")), testing::HasSubstr("is another file"));
  EXPECT_THAT(codeOf(written(R"({"otherData": {"format": "cleave-trace-1"}})")),
              testing::HasSubstr("was changed"));
  EXPECT_THAT(codeOf(written(R"({"otherData": 3})")), testing::HasSubstr("E741"));
}

} // namespace
