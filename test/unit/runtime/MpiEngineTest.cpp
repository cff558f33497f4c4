// The engine of ranks in processes, over a library that is not one: what happens when others do not answer.
#include "runtime/comm/mpi/Engine.h"

#include <cstdio>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::rt {
namespace {

using testing::HasSubstr;

int32_t sendResult = 0; // what the next send gives

// Of two processes, of which the other one never says anything.
CleaveTransport silent() {
  CleaveTransport table = {};
  table.version = kCleaveTransportVersion;
  table.processes = [] { return 2; };
  table.process = [] { return 0; };
  table.largestTag = [] { return 32767; };
  table.send = [](const void *, int64_t, int32_t, int32_t, void *) { return sendResult; };
  table.receive = [](void *, int64_t, int32_t, int32_t, void *) { return 0; };
  table.poll = [](CleaveDone *, int32_t) { return 0; };
  table.forgetReceives = [] {};
  table.describe = [](int32_t error, char *text, int64_t bytes) {
    std::snprintf(text, static_cast<size_t>(bytes), "error %d", error);
  };
  return table;
}

class Told : public Sink {
public:
  void through(const Message &, const CleaveDone &done) override {
    ++times;
    bytes = done.bytes;
  }
  int times = 0;
  int64_t bytes = 0;
};

TEST(MpiEngine, AWaitEndsAfterItsTimeOut) {
  CleaveTransport table = silent();
  Engine engine(table);
  Status status = engine.pollUntil([] { return false; }, 0.05, "answer");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E754");
  EXPECT_EQ(status.error().message, "all processes must answer within 0.05 s, found that some have not");
  EXPECT_TRUE(engine.pollUntil([] { return true; }, 0.05, "answer").ok());
}

TEST(MpiEngine, WhatTheLibraryCannotSendEndsAllWaits) {
  CleaveTransport table = silent();
  Engine engine(table);
  Told told;
  Message message = {&told, 0, 0, 0};
  sendResult = 7;
  {
    std::lock_guard<std::mutex> lock(engine.mutex);
    engine.send("x", 1, 1, 20, &message);
  }
  sendResult = 0;
  Status status = engine.pollUntil([] { return false; }, 0, "answer");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E754");
  EXPECT_THAT(status.error().message, HasSubstr("found that MPI cannot: error 7"));
}

TEST(MpiEngine, OtherThreadsEndAWait) {
  CleaveTransport table = silent();
  Engine engine(table);
  std::thread watch([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    engine.abandon({"E738", "a process has died", "", {}, ""});
  });
  Status status = engine.pollUntil([] { return false; }, 0, "answer");
  watch.join();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E738");
}

TEST(MpiEngine, AProcessSendsToItself) {
  CleaveTransport table = silent();
  Engine engine(table);
  Told sent, received;
  Message from = {&sent, 0, 0, 0}, to = {&received, 0, 0, 0};
  char buffer[4] = "";
  {
    std::lock_guard<std::mutex> lock(engine.mutex);
    engine.receive(buffer, sizeof(buffer), 0, 20, &to);
    engine.send("abc", 3, 0, 20, &from);
    EXPECT_TRUE(engine.poll());
  }
  EXPECT_EQ(sent.times, 1);
  EXPECT_EQ(received.bytes, 3);
  EXPECT_STREQ(buffer, "abc");
}

TEST(MpiEngine, TagsAreGivenInTurnAndComeAgain) {
  CleaveTransport table = silent();
  Engine engine(table);
  std::lock_guard<std::mutex> lock(engine.mutex);
  int32_t first = engine.newTags(1), last = first;
  EXPECT_EQ(engine.newTags(1), first + 2);
  EXPECT_EQ(engine.newTags(0), first); // another process has its own
  for (int i = 0; i < 40000; ++i) {
    last = engine.newTags(1);
    ASSERT_LE(last + 1, 32767);
    ASSERT_GE(last, first);
  }
}

} // namespace
} // namespace cleave::rt
