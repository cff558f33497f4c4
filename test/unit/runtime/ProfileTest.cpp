#include "runtime/core/Profile.h"

#include "runtime/core/Executor.h"
#include "runtime/device/cpu/ThreadPool.h"
#include "test/unit/runtime/Programs.h"

#include <chrono>
#include <gtest/gtest.h>

namespace cleave::rt {
namespace {

using test::at;
using test::launch;

// 100 operations and 10, 5, 1 bytes a second.
Roofline slowMachine(int threads = 1) {
  Roofline roofline;
  roofline.threads = threads;
  roofline.f32 = roofline.bf16 = 100;
  roofline.f64 = 50;
  roofline.levels = {{"L2", 100, 10, 10}, {"L3", 1000, 5, 5}, {"memory", 0, 1, 0.5}};
  return roofline;
}

Shape floats(int64_t count) { return {Type::F32, {count}, {""}}; }

// One launch of a kernel of two ops, on two lines.
Program twoLines() {
  Program program;
  program.kernels = {{"k", [](void *const *, int64_t, int64_t) {}, 1, 1, {{600, 40}, {200, 0}}}};
  program.states = {{"net.w", "param", floats(4), 64}};
  program.stateBytes = 128;
  Entry entry;
  entry.name = "train";
  entry.instructions = {
      launch(0, {at(Region::State, 0, floats(6)), at(Region::State, 64, floats(4))}, 1, "a.dsl:1:2")};
  entry.instructions[0].lines = {"a.dsl:3:4", "a.dsl:5:6"};
  program.entries = {entry};
  return program;
}

Profile measured(const Program &program, Roofline roofline) {
  Profile profile;
  profile.roofline = std::move(roofline);
  profile.runs = 2;
  profile.nanoseconds = 40'000'000'000;
  profile.instructions.resize(program.entries[0].instructions.size());
  profile.instructions[0] = {2, 32'000'000'000, 48'000'000'000, {24, 0, 0}, {16, 0, 0}};
  return profile;
}

TEST(Profile, AnOpIsJudgedByItsWork) {
  Program program = twoLines();
  std::vector<ProfileRow> rows = profileByOp(program, program.entries[0], measured(program, slowMachine(2)));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].name, "net.w"); // by its place
  EXPECT_EQ(rows[0].kernel, "k");
  EXPECT_EQ(rows[0].lines, (std::vector<std::string>{"a.dsl:3:4", "a.dsl:5:6"}));
  EXPECT_EQ(rows[0].calls, 2);
  EXPECT_DOUBLE_EQ(rows[0].seconds, 32);
  EXPECT_DOUBLE_EQ(rows[0].waiting, 16); // 2 threads, 48 of 64 seconds at work
  EXPECT_DOUBLE_EQ(rows[0].flops, 1600);
  EXPECT_DOUBLE_EQ(rows[0].bytes, 80);
  EXPECT_DOUBLE_EQ(rows[0].roofSeconds, 16); // of 8 for the bytes
  EXPECT_EQ(rows[0].roof, "arithmetic");
}

TEST(Profile, TheLevelOfMemoryDecides) {
  Program program = twoLines();
  Profile profile = measured(program, slowMachine());
  profile.instructions[0].read = {0, 0, 24};
  profile.instructions[0].written = {0, 0, 16};
  ProfileRow row = profileByOp(program, program.entries[0], profile)[0];
  EXPECT_EQ(row.roof, "memory");
  EXPECT_DOUBLE_EQ(row.roofSeconds, 2 * (32 / 0.5 + 8 / 1.0)); // 16 written with 16 read as a copy, 8 read
}

TEST(Profile, LinesShareTheTimeOfAnOp) {
  Program program = twoLines();
  std::vector<ProfileRow> rows = profileByLine(program, program.entries[0], measured(program, slowMachine()));
  ASSERT_EQ(rows.size(), 2u);
  // At least 600 / 100 + 40 / 1 seconds to 200 / 100.
  EXPECT_EQ(rows[0].lines[0], "a.dsl:3");
  EXPECT_DOUBLE_EQ(rows[0].seconds, 32.0 * 46 / 48);
  EXPECT_EQ(rows[1].lines[0], "a.dsl:5");
  EXPECT_DOUBLE_EQ(rows[1].seconds, 32.0 * 2 / 48);
  EXPECT_EQ(rows[1].calls, 2);
  EXPECT_DOUBLE_EQ(rows[1].flops, 400);
}

TEST(Profile, TheSummaryAddsUp) {
  Program program = twoLines();
  ProfileSummary summary = summarise(program, program.entries[0], measured(program, slowMachine(2)));
  EXPECT_EQ(summary.runs, 2);
  EXPECT_DOUBLE_EQ(summary.seconds, 40);
  EXPECT_DOUBLE_EQ(summary.between, 8);
  EXPECT_DOUBLE_EQ(summary.waiting, 16);
  EXPECT_DOUBLE_EQ(summary.roofSeconds, 16);
  EXPECT_EQ(summary.bound[0], (std::pair<std::string, double>("arithmetic", 32)));
}

TEST(Profile, WhatWasTouchedLongAgoIsFar) {
  Roofline roofline = slowMachine();
  ReuseDistance reuse(roofline);
  char memory[3];
  EXPECT_EQ(reuse.touch(memory, 60), 2u); // never before
  EXPECT_EQ(reuse.touch(memory, 60), 0u);
  EXPECT_EQ(reuse.touch(memory + 1, 80), 2u);
  EXPECT_EQ(reuse.touch(memory, 60), 1u); // 80 and its own 60 bytes are more than 100
  EXPECT_EQ(reuse.touch(memory + 2, 900), 2u);
  EXPECT_EQ(reuse.touch(memory, 60), 1u);
  EXPECT_EQ(reuse.touch(memory + 1, 80), 2u); // 1020 bytes later
}

TEST(Profile, RunsAreMeasured) {
  Program program = twoLines();
  program.kernels[0].function = [](void *const *, int64_t, int64_t) {
    auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(2))
      ;
  };
  std::vector<char> state(program.stateBytes);
  Executor executor(program, program.entries[0], {state.data(), nullptr, nullptr});
  EXPECT_EQ(executor.profile(), nullptr);
  executor.enableProfile(slowMachine());
  ThreadPool pool(1);
  for (int i = 0; i < 3; ++i)
    executor.run(pool, {});
  const Profile &profile = *executor.profile();
  EXPECT_EQ(profile.runs, 3);
  EXPECT_EQ(profile.instructions[0].times, 3);
  EXPECT_GE(profile.instructions[0].nanoseconds, 6'000'000);
  EXPECT_GE(profile.instructions[0].busy, 6'000'000);
  EXPECT_LE(profile.instructions[0].busy, profile.instructions[0].nanoseconds);
  EXPECT_EQ(profile.instructions[0].read, (std::vector<int64_t>{24, 0, 0}));
  EXPECT_EQ(profile.instructions[0].written, (std::vector<int64_t>{16, 0, 0}));
}

TEST(Roofline, NearerMemoryIsNotSlower) {
  ThreadPool pool(1);
  Roofline roofline = measureRoofline(pool);
  EXPECT_EQ(roofline.threads, 1);
  EXPECT_GT(roofline.f32, 1e9);
  EXPECT_GE(roofline.bf16, roofline.f32);
  ASSERT_GE(roofline.levels.size(), 2u);
  EXPECT_EQ(roofline.levels.back().name, "memory");
  EXPECT_EQ(roofline.levels.back().bytes, 0);
  for (const Roofline::Level &level : roofline.levels) {
    EXPECT_GT(level.copyPerSecond, 1e8) << level.name;
    EXPECT_GE(level.readPerSecond, level.copyPerSecond) << level.name;
  }
  EXPECT_GT(roofline.levels.front().readPerSecond, roofline.levels.back().readPerSecond);
}

} // namespace
} // namespace cleave::rt
