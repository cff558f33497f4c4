#include "runtime/core/Executor.h"
#include "runtime/core/Verify.h"
#include "runtime/device/cpu/ThreadPool.h"
#include "test/unit/runtime/Programs.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::rt {
namespace {

using namespace test;

// Kernels that note what they see: arguments 0 and 1 are i64, 1 is the log's next place.
void append(void *const *arguments, int64_t, int64_t) {
  auto *log = static_cast<int64_t *>(arguments[1]);
  log[++log[0]] = *static_cast<int64_t *>(arguments[0]);
}

class ExecutorTest : public testing::Test {
protected:
  ExecutorTest() {
    program.kernels = {{"append", append, 1, 1}};
    program.stateBytes = 1024;
    for (int64_t i = 0; i < 128; ++i)
      state[i] = i;
  }

  Executor::End run(std::vector<Instruction> instructions, bool allowNonFinite = false) {
    Entry entry;
    entry.name = "test";
    entry.instructions = std::move(instructions);
    entry.scratchBytes = 1024;
    program.entries = {entry};
    Status status = verify(program);
    EXPECT_TRUE(status.ok()) << status.error().message;
    executor = std::make_unique<Executor>(program, program.entries[0],
                                          Bases{reinterpret_cast<char *>(state), scratch, nullptr});
    Executor::Hooks hooks;
    hooks.allowNonFinite = allowNonFinite;
    hooks.print = [&](const Instruction &print, void *const *values) {
      printed.push_back(print.text + std::to_string(*static_cast<int64_t *>(values[0])));
    };
    return executor->run(pool, hooks);
  }

  static Operand number(int64_t index, std::vector<Stride> strides = {}) {
    return at(Region::State, 8 * index, scalar(Type::I64), std::move(strides));
  }
  static Operand flag(int64_t offset, std::vector<Stride> strides = {}) {
    return at(Region::Scratch, offset, scalar(Type::Bool), std::move(strides));
  }
  Instruction note(Operand value) { return launch(0, {value, number(64)}, 1); }
  std::vector<int64_t> noted() const { return {state + 65, state + 65 + (state[64] - base)}; }
  void SetUp() override { state[64] = base = 0; }

  Program program;
  ThreadPool pool{2};
  alignas(64) int64_t state[128];
  alignas(64) char scratch[1024] = {};
  int64_t base = 0;
  std::unique_ptr<Executor> executor;
  std::vector<std::string> printed;
};

using testing::ElementsAre;

TEST_F(ExecutorTest, LoopsMoveOperandsByTheirStrides) {
  run({simple(Opcode::LoopBegin, 2, {}, 3), note(number(10, {{0, 16}})), simple(Opcode::LoopEnd, 0),
       note(number(10))});
  EXPECT_THAT(noted(), ElementsAre(10, 12, 14, 10));
}

TEST_F(ExecutorTest, AReverseLoopRunsItsCounterDown) {
  run({simple(Opcode::LoopBegin, 3, {}, 3, true), note(number(10, {{0, 8}})),
       simple(Opcode::Counter, 0, {number(5)}), simple(Opcode::LoopEnd, 0), note(number(5))});
  EXPECT_THAT(noted(), ElementsAre(12, 11, 10, 0));
}

TEST_F(ExecutorTest, NestedLoopsAddTheirStrides) {
  run({simple(Opcode::LoopBegin, 4, {}, 2), simple(Opcode::LoopBegin, 3, {}, 3, true),
       note(number(20, {{0, 80}, {1, 8}})), simple(Opcode::LoopEnd, 1), simple(Opcode::LoopEnd, 0)});
  EXPECT_THAT(noted(), ElementsAre(22, 21, 20, 32, 31, 30));
  state[64] = 0;
  executor->run(pool, {});
  EXPECT_THAT(noted(), ElementsAre(22, 21, 20, 32, 31, 30)) << "a second run finds everything in place";
}

TEST_F(ExecutorTest, ALoopOfNoIterationsIsPassedOver) {
  run({simple(Opcode::LoopBegin, 2, {}, 0), note(number(1)), simple(Opcode::LoopEnd, 0), note(number(2))});
  EXPECT_THAT(noted(), ElementsAre(2));
}

TEST_F(ExecutorTest, LeaveUnlessEndsTheInnermostLoop) {
  scratch[0] = scratch[1] = 1; // and scratch[2] is false
  run({simple(Opcode::LoopBegin, 3, {}, 5), simple(Opcode::LeaveUnless, 0, {flag(0, {{0, 1}})}),
       note(number(10, {{0, 8}})), simple(Opcode::LoopEnd, 0), note(number(3))});
  EXPECT_THAT(noted(), ElementsAre(10, 11, 3));
  state[64] = 0;
  executor->run(pool, {});
  EXPECT_THAT(noted(), ElementsAre(10, 11, 3)) << "leaving a loop puts its operands back";
}

TEST_F(ExecutorTest, BranchesChooseOneSide) {
  std::vector<Instruction> both = {simple(Opcode::Branch, 3, {flag(0)}), note(number(1)),
                                   simple(Opcode::Jump, 4), note(number(2)), note(number(3))};
  run(both);
  EXPECT_THAT(noted(), ElementsAre(2, 3));
  scratch[0] = 1;
  state[64] = 0;
  run(both);
  EXPECT_THAT(noted(), ElementsAre(1, 3));
}

TEST_F(ExecutorTest, CopiesAndPrints) {
  Instruction print = simple(Opcode::Print, 0, {number(1)});
  print.text = "one ";
  run({simple(Opcode::Copy, 0, {number(9), number(1)}), print});
  EXPECT_THAT(printed, ElementsAre("one 9"));
}

TEST_F(ExecutorTest, AFalseAssertionStopsTheEntry) {
  Executor::End end = run({simple(Opcode::Assert, 0, {flag(0)}), note(number(1))});
  EXPECT_EQ(end.outcome, Executor::Outcome::AssertFailed);
  EXPECT_TRUE(noted().empty());
}

TEST_F(ExecutorTest, AGuardStopsOnWhatIsNotFinite) {
  auto *value = reinterpret_cast<float *>(scratch);
  Operand loss = at(Region::Scratch, 0, scalar(Type::F32));
  *value = 1;
  EXPECT_EQ(run({simple(Opcode::Guard, 0, {loss})}).outcome, Executor::Outcome::Done);
  for (float bad : {NAN, INFINITY, -INFINITY}) {
    *value = bad;
    EXPECT_EQ(run({simple(Opcode::Guard, 0, {loss})}).outcome, Executor::Outcome::NotFinite);
    EXPECT_EQ(run({simple(Opcode::Guard, 0, {loss})}, true).outcome, Executor::Outcome::Done);
  }
}

TEST_F(ExecutorTest, ACheckedRunFindsTheFirstNan) {
  // Writes 0 / 0 in iteration 2 of 4, at element 1.
  program.kernels.push_back({"divide",
                             [](void *const *a, int64_t, int64_t) {
                               auto *out = static_cast<float *>(a[1]);
                               auto i = *static_cast<int64_t *>(a[0]);
                               out[0] = -INFINITY;
                               out[1] = i == 12 ? NAN : 1;
                             },
                             1, 1});
  Operand out = at(Region::Scratch, 64, {Type::F32, {2}, {"N"}}, {}, 0, "net[*].y");
  Operand loss = at(Region::Scratch, 68, scalar(Type::F32));
  Executor::End end = run({simple(Opcode::LoopBegin, 3, {}, 4), launch(1, {number(10, {{0, 8}}), out}, 1),
                           simple(Opcode::Guard, 0, {loss}), simple(Opcode::LoopEnd, 0)});
  ASSERT_EQ(end.outcome, Executor::Outcome::NotFinite);
  CheckReport report = executor->runChecked(pool, program.entries[0].instructions.data() + 3);
  ASSERT_TRUE(report.first);
  EXPECT_EQ(report.first->kernel, "divide");
  EXPECT_EQ(report.first->value, "nan");
  EXPECT_EQ(report.first->element, 1);
  EXPECT_THAT(report.first->counters, ElementsAre(2));
  ASSERT_TRUE(report.firstNegative);
  EXPECT_THAT(report.firstNegative->counters, ElementsAre(0));
}

TEST(Elements, HalvesAndBrainFloats) {
  uint16_t halves[] = {0x3c00, 0x0001, 0x7c00, 0xfe00, 0xfc00};
  EXPECT_EQ(elementAsDouble(Type::F16, halves, 0), 1);
  EXPECT_EQ(elementAsDouble(Type::F16, halves, 1), 0x1p-24);
  EXPECT_EQ(findNonFinite(Type::F16, halves, 5, Wanted::NanOrPositive), 2);
  EXPECT_EQ(findNonFinite(Type::F16, halves + 3, 2, Wanted::NanOrPositive), 0);
  EXPECT_EQ(findNonFinite(Type::F16, halves, 5, Wanted::Negative), 4);
  uint16_t brains[] = {0x3f80, 0x7fc0, 0xff80};
  EXPECT_EQ(elementAsDouble(Type::BF16, brains, 0), 1);
  EXPECT_EQ(findNonFinite(Type::BF16, brains, 3, Wanted::NanOrPositive), 1);
  EXPECT_EQ(findNonFinite(Type::BF16, brains, 3, Wanted::Negative), 2);
}

TEST(Verify, MalformedProgramsAreRefused) {
  auto messageOf = [](auto change) {
    Program program = trainer();
    change(program);
    Status status = verify(program);
    EXPECT_FALSE(status.ok());
    return status.ok() ? "" : status.error().code + ": " + status.error().message;
  };
  using testing::HasSubstr;
  EXPECT_TRUE(verify(trainer()).ok());
  EXPECT_THAT(
      messageOf([](Program &p) { p.entries[1].instructions[4].target = 1; }),
      HasSubstr("E799: the compiled program is malformed: entry 'train', instruction 4: a loop's end"));
  EXPECT_THAT(messageOf([](Program &p) { p.entries[1].instructions[3].target = 99; }),
              HasSubstr("there is no such kernel"));
  EXPECT_THAT(messageOf([](Program &p) { p.stateBytes = 150; }), HasSubstr("outside its region"));
  EXPECT_THAT(messageOf([](Program &p) { p.entries[1].instructions[2].count = 3; }),
              HasSubstr("operand 'net.layers[*].w' lies at [128, 176) in a region of 160 bytes"));
  EXPECT_THAT(messageOf([](Program &p) { p.entries[1].instructions[2].count = -1; }),
              HasSubstr("negative number of times"));
  EXPECT_THAT(messageOf([](Program &p) { p.kernels[0].grain = 0; }), HasSubstr("no valid number of rows"));
}

// What only an artefact made by other hands holds.
TEST(Verify, NoNumberLeadsOutside) {
  auto messageOf = [](auto change) {
    Program program = trainer();
    change(program, program.entries[1].instructions);
    Status status = verify(program);
    return status.ok() ? "" : status.error().message;
  };
  using testing::HasSubstr;
  using List = std::vector<Instruction>;
  constexpr int64_t kHuge = INT64_MAX - 7;
  auto jump = [](uint32_t target) { return simple(Opcode::Jump, target); };
  EXPECT_EQ(messageOf([&](Program &, List &list) {
              list.insert(list.begin(), jump(1));
              list[3].target = 5;
              list[5].target = 3;
            }),
            "");
  EXPECT_THAT(messageOf([&](Program &, List &list) {
                list.insert(list.begin(), jump(4));
                list[3].target = 5;
                list[5].target = 3;
              }),
              HasSubstr("a jump leaves its loop, or enters one"));
  EXPECT_THAT(messageOf([&](Program &, List &list) { list[3] = jump(5); }),
              HasSubstr("a jump leaves its loop"));
  EXPECT_EQ(messageOf([&](Program &, List &list) { list[3] = jump(4); }), "");
  EXPECT_THAT(messageOf([](Program &, List &list) {
                list.push_back(simple(Opcode::LoopBegin, 7, {}, 1));
                list.push_back(simple(Opcode::LoopEnd, 6));
                list[2].target = 7;
              }),
              HasSubstr("a loop's end does not match its begin"));
  EXPECT_THAT(
      messageOf([](Program &, List &list) { list[3].operands[0].address.strides[0].bytes = kHuge - 4; }),
      HasSubstr("lies at"));
  EXPECT_THAT(messageOf([](Program &, List &list) { list[0].operands[0].shape.sizes = {kHuge, kHuge}; }),
              HasSubstr("has no valid shape"));
  EXPECT_THAT(messageOf([](Program &, List &list) { list[0].operands[0].shape.sizes = {-1}; }),
              HasSubstr("has no valid shape"));
  EXPECT_THAT(messageOf([](Program &, List &list) { list[0].operands[0].address.offset = 2; }),
              HasSubstr("multiple of its element's size"));
  EXPECT_THAT(messageOf([](Program &, List &list) { list[0].operands[0].address.offset = -4; }),
              HasSubstr("lies at [-4"));
  EXPECT_THAT(messageOf([](Program &, List &list) { list[0].operands[2].address.region = Region::Input; }),
              HasSubstr("written where a program only reads"));
  EXPECT_THAT(messageOf([](Program &p, List &) { p.states[2].offset = kHuge; }),
              HasSubstr("outside its region"));
  EXPECT_THAT(messageOf([](Program &p, List &) { p.states[0].offset = 4; }),
              HasSubstr("multiple of its element's"));
  EXPECT_THAT(messageOf([](Program &p, List &) { p.states[0].path = "step[*]"; }),
              HasSubstr("no valid shape"));
  EXPECT_THAT(messageOf([](Program &p, List &) { p.stateBytes = -8; }), HasSubstr("has no valid size"));
  EXPECT_THAT(messageOf([](Program &p, List &) { p.entries[0].scratchBytes = -1; }),
              HasSubstr("no valid size of scratch"));
  EXPECT_THAT(messageOf([](Program &p, List &) { p.entries[0].inputs[0].shape.sizes = {kHuge, 2}; }),
              HasSubstr("'seed' of entry 'init' has no valid shape"));
}

} // namespace
} // namespace cleave::rt
