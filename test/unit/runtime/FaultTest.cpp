#include "runtime/core/Fault.h"

#include "runtime/core/Ranks.h"
#include "test/unit/runtime/Programs.h"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::rt {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using namespace test;

// train: x = rank's own 1; sum = all_reduce x; step += 1; a copy behind it that waits for nobody.
std::shared_ptr<Program> summing(int64_t ranks) {
  auto made = std::make_shared<Program>();
  Program &p = *made;
  p.mesh = {"line", {{"dp", ranks}}};
  p.kernels = {{"one", [](void *const *a, int64_t, int64_t) { *static_cast<float *>(a[0]) = 1; }},
               {"next", [](void *const *a, int64_t, int64_t) { ++*static_cast<int64_t *>(a[0]); }}};
  Shape counter = scalar(Type::I64), number = scalar(Type::F32);
  p.states = {{"step", "counter", counter, 0}, {"seed", "counter", counter, 8}};
  p.stateBytes = 16;
  Collective sum;
  sum.over = {{0, ranks, 1}};
  sum.name = "loss";
  p.collectives = {sum};
  Entry init = {"init", {{"seed", counter, "", false, ""}}, {}, {}, {}, 8};
  init.instructions = {
      simple(Opcode::Copy, 0, {at(Region::Input, 0, counter), at(Region::State, 8, counter)})};
  Entry train = {"train", {}, {{"loss", number, "", false, ""}}, {}, {}, 64};
  Operand mine = at(Region::Scratch, 0, number), out = at(Region::Output, 0, number);
  train.instructions = {launch(0, {mine}, 1, "m.dsl:3:4"), simple(Opcode::Collective, 0, {mine, out}),
                        launch(1, {at(Region::State, 0, counter)}, 1, "m.dsl:5:6")};
  train.instructions[1].source = "m.dsl:4:5";
  p.entries = {init, train};
  return made;
}

class Faults : public testing::Test {
protected:
  ~Faults() override { unsetenv("CLEAVE_FAULT"); }

  std::unique_ptr<Ranks> with(const std::string &fault, int64_t ranks = 3, double timeout = 0.3) {
    setenv("CLEAVE_FAULT", fault.c_str(), 1);
    RanksOptions options;
    options.timeoutSeconds = timeout;
    options.threadsPerRank = 1;
    auto made = Ranks::create({summing(ranks)}, {}, nullptr, options);
    EXPECT_TRUE(made.ok()) << made.error().message;
    EXPECT_TRUE((*made)->initialise(1).ok());
    return std::move(*made);
  }
};

TEST_F(Faults, AreReadFromText) {
  Result<Fault> fault = parseFault("kind=stall,rank=2,step=7,entry=eval,instruction=31");
  ASSERT_TRUE(fault.ok()) << fault.error().message;
  EXPECT_EQ(fault->kind, FaultKind::Stall);
  EXPECT_TRUE(fault->strikes(2, "eval", 7));
  EXPECT_FALSE(fault->strikes(1, "eval", 7) || fault->strikes(2, "train", 7) || fault->strikes(2, "eval", 6));
  EXPECT_EQ(fault->instruction, 31u);
  EXPECT_TRUE(parseFault("kind=kill")->strikes(0, "train", 100));
  EXPECT_FALSE(parseFault("kind=kill")->strikes(0, "init", 0));
  fault = parseFault("kind=kill,rank=2,moment=join");
  ASSERT_TRUE(fault.ok()) << fault.error().message;
  EXPECT_EQ(fault->moment, "join");
  EXPECT_FALSE(fault->strikes(2, "train", 0)); // it has no ranks then
  for (const char *text :
       {"", "kind=crash", "kind=kill,moment=never", "kind=fail,moment=join", "rank=1", "kind=kill,rank=-1",
        "kind=kill,step=", "kind=kill,,", "kind=kill,when=1", "kind=kill,instruction=99999999999", "kind"}) {
    Result<Fault> wrong = parseFault(text);
    ASSERT_FALSE(wrong.ok()) << text;
    EXPECT_EQ(wrong.error().code, "E736");
    EXPECT_THAT(wrong.error().message,
                HasSubstr("a fault on demand must be kind=kill|stall|fail|mismatch with rank="));
  }
}

TEST_F(Faults, MustBeAtAnInstruction) {
  setenv("CLEAVE_FAULT", "kind=dust", 1);
  EXPECT_EQ(Ranks::create({summing(2)}, {}, nullptr, {}).error().code, "E736");
  for (const char *text : {"kind=fail,instruction=3", "kind=mismatch,instruction=2"}) {
    auto ranks = with(text);
    Status status = ranks->run(1);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, "E736");
    EXPECT_THAT(status.error().message, HasSubstr("where entry 'train' has 3"));
  }
  EXPECT_TRUE(with("kind=fail,step=9")->run(1).ok()); // which does not come
}

TEST_F(Faults, ARankThatFailsIsToldWithThoseWhoWait) {
  auto ranks = with("kind=fail,rank=1,step=2,instruction=0");
  ASSERT_TRUE(ranks->run(1).ok());
  ASSERT_TRUE(ranks->run(1).ok());
  Status status = ranks->run(1);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E737");
  EXPECT_EQ(status.error().location, "m.dsl:3:4");
  std::string waits = "at instruction 1 of entry 'train', in step 2: all_reduce 'loss' of f32 over \"dp\", "
                      "m.dsl:4:5";
  EXPECT_THAT(
      status.error().notes,
      ElementsAre("on rank 1 (dp = 1)",
                  "rank 1 (dp = 1) is at instruction 0 of entry 'train', in step 2: kernel 'one', m.dsl:3:4",
                  StartsWith("rank 0 (dp = 0) is"), StartsWith("rank 2 (dp = 2) is")));
  EXPECT_THAT(status.error().notes, Contains(HasSubstr(waits)));
  // It comes once, and the ranks go on.
  ASSERT_TRUE(ranks->run(1).ok());
  EXPECT_EQ(ranks->step(), 3);
}

TEST_F(Faults, ARankThatStallsIsNamedByThoseWhoWait) {
  auto ranks = with("kind=stall,rank=2,instruction=0");
  Status status = ranks->run(1);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E716");
  EXPECT_EQ(status.error().location, "m.dsl:4:5");
  EXPECT_THAT(status.error().message,
              AllOf(HasSubstr("must be reached by all its members within 0.3 s, found rank"),
                    HasSubstr("2 missing at all_reduce 'loss' of f32 over \"dp\", where rank ")));
  EXPECT_THAT(status.error().notes,
              Contains("rank 2 (dp = 2) has not ended and is at instruction 0 of entry 'train', in step 0: "
                       "kernel 'one', m.dsl:3:4"));
  EXPECT_THAT(
      status.error().notes,
      Contains("rank 0 (dp = 0) is at instruction 1 of entry 'train', in step 0: all_reduce 'loss' of "
               "f32 over \"dp\", m.dsl:4:5"));
  // Nothing can be run with it.
  EXPECT_EQ(ranks->run(1).error().message, status.error().message);
}

TEST_F(Faults, ARankThatStallsWhereNobodyWaitsIsFoundToo) {
  auto ranks = with("kind=stall,rank=1,instruction=2");
  Status status = ranks->run(1);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E739");
  EXPECT_THAT(status.error().message,
              HasSubstr("ranks must end an entry within 0.3 s of each other, found rank 1 (dp = 1) at work"));
  EXPECT_THAT(status.error().notes,
              Contains("rank 1 (dp = 1) has not ended and is at instruction 2 of entry 'train', in step 0: "
                       "kernel 'next', m.dsl:5:6"));
}

TEST_F(Faults, AMismatchIsNamedOnBothSides) {
  auto ranks = with("kind=mismatch,rank=1,step=1", 3, 30);
  ASSERT_TRUE(ranks->run(1).ok());
  Status status = ranks->run(1);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E716");
  EXPECT_EQ(status.error().location, "m.dsl:4:5");
  std::string right = "at all_reduce 'loss' of f32 over \"dp\"",
              wrong = "at all_reduce 'fault on demand' of u8[N = 3] over \"dp\"";
  EXPECT_THAT(status.error().message, AllOf(HasSubstr("must start the same collectives"), HasSubstr(right),
                                            HasSubstr("rank 1 " + wrong)));
  for (int rank : {0, 1, 2})
    EXPECT_THAT(status.error().notes,
                Contains(StartsWith("rank " + std::to_string(rank) + " (dp = " + std::to_string(rank) +
                                    ") is at instruction 1 of entry 'train', in step 1: all_reduce 'loss'")));
  ASSERT_TRUE(ranks->run(1).ok()); // as without it
}

TEST_F(Faults, AKillEndsTheProcess) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe"; // ranks of other tests may be stalled
  EXPECT_EXIT((void)with("kind=kill,rank=1,instruction=2")->run(1), testing::KilledBySignal(SIGKILL), "");
}

} // namespace
} // namespace cleave::rt
