#include "runtime/core/Instance.h"
#include "runtime/core/Footprint.h"
#include "test/unit/runtime/Programs.h"

#include <chrono>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::rt {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<Instance> make(Program program = trainer(), InstanceOptions options = {}) {
  options.threads = options.threads ? options.threads : 2;
  auto made =
      Instance::create(std::make_shared<const Program>(std::move(program)), nullptr, std::move(options));
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
  return made ? std::move(*made) : nullptr;
}

float lossOf(const Instance &instance) { return *instance.output("train", "loss")->as<float>(); }

constexpr float kX[4] = {1, 2, 3, 4};

TEST(Instance, TrainsFromInputsToOutputs) {
  auto instance = make();
  ASSERT_TRUE(instance->initialise(7).ok());
  EXPECT_EQ(instance->seed(), 7);
  ASSERT_TRUE(instance->setInput("train", "x", kX, sizeof(kX)).ok());
  std::vector<float> losses;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(instance->run("train").ok());
    losses.push_back(lossOf(*instance));
  }
  EXPECT_THAT(losses, ElementsAre(2.5f, 10.0f, 17.5f));
  EXPECT_EQ(instance->step(), 3);
  TensorView layer = *instance->state("net.layers[1].w");
  EXPECT_EQ(toString(layer.shape), "f32[N = 4]");
  EXPECT_EQ(layer.as<float>()[3], 13);
  EXPECT_EQ(toString(instance->state("net.layers[*].w")->shape), "f32[Layers = 2, N = 4]");
}

TEST(Instance, ReadsAndWritesTheCallersBuffers) {
  auto instance = make();
  ASSERT_TRUE(instance->initialise(0).ok());
  float x[4] = {8, 0, 0, 0}, loss = 0;
  int train = *instance->findEntry("train");
  ASSERT_TRUE(instance->bindInput(train, "x", x, sizeof(x)).ok());
  ASSERT_TRUE(instance->bindOutput(train, "loss", &loss, sizeof(loss)).ok());
  ASSERT_TRUE(instance->run(train).ok());
  EXPECT_EQ(loss, 2);
  x[0] = 0;
  ASSERT_TRUE(instance->run(train).ok());
  EXPECT_EQ(loss, 0);
}

// The best of many batches: others may use the machine.
TEST(Instance, ACallCostsMicroseconds) {
  using Clock = std::chrono::steady_clock;
  auto instance = make();
  ASSERT_TRUE(instance->initialise(0).ok());
  ASSERT_TRUE(instance->setInput("train", "x", kX, sizeof(kX)).ok());
  double best = 1;
  for (int batch = 0; batch < 50; ++batch) {
    auto start = Clock::now();
    for (int i = 0; i < 100; ++i)
      ASSERT_TRUE(instance->run("train").ok());
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count() / 100);
  }
  EXPECT_LT(best, 5e-6);
}

TEST(Instance, ReportsWhatIsUnknown) {
  auto instance = make();
  EXPECT_EQ(instance->run("tarin").error().code, "E701");
  EXPECT_EQ(instance->run("tarin").error().hint, "did you mean 'train'?");
  EXPECT_EQ(instance->setInput("train", "y", kX, sizeof(kX)).error().code, "E510");
  Status size = instance->setInput("train", "x", kX, 3);
  EXPECT_EQ(size.error().code, "E511");
  EXPECT_THAT(size.error().message, HasSubstr("found 3 bytes for 'x', f32[N = 4] of 16"));
  EXPECT_EQ(instance->output("train", "loss").error().code, "E513");
  Status missing = instance->run("train");
  EXPECT_EQ(missing.error().code, "E512");
  EXPECT_THAT(missing.error().message, HasSubstr("found none for 'x' of entry 'train'"));
  EXPECT_EQ(missing.error().location, "model.dsl:9:13");
  auto path = instance->state("net.layers[1].v");
  EXPECT_EQ(path.error().code, "E612");
  EXPECT_EQ(path.error().hint, "did you mean 'net.layers[1].w'?");
}

TEST(Instance, NanStopsBeforeTheStateChanges) {
  auto instance = make();
  ASSERT_TRUE(instance->initialise(0).ok());
  // Finite, but their products with the weights overflow when summed.
  float huge[4] = {3e38f, 3e38f, 3e38f, 3e38f};
  ASSERT_TRUE(instance->setInput("train", "x", huge, sizeof(huge)).ok());
  Status status = instance->run("train");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E710");
  EXPECT_THAT(status.error().message, HasSubstr("found 'loss' not to be in step 0 of entry 'train'"));
  EXPECT_THAT(status.error().notes, ElementsAre("first: 'loss', f32, is inf"));
  EXPECT_EQ(status.error().location, "model.dsl:10:14");
  EXPECT_EQ(instance->state("net.layers[0].w")->as<float>()[0], 1) << "the state is as it was";
  EXPECT_EQ(instance->step(), 0);
}

TEST(Instance, NanInAnInputOrStateIsSaidToBeThere) {
  auto instance = make();
  ASSERT_TRUE(instance->initialise(0).ok());
  float x[4] = {0, 0, NAN, 0};
  ASSERT_TRUE(instance->setInput("train", "x", x, sizeof(x)).ok());
  EXPECT_THAT(instance->run("train").error().notes,
              ElementsAre("first: input 'x', f32[N = 4], holds nan at [2] before the step"));
  x[2] = 0;
  ASSERT_TRUE(instance->setInput("train", "x", x, sizeof(x)).ok());
  instance->state("net.layers[1].w")->as<float>()[1] = INFINITY;
  EXPECT_THAT(instance->run("train").error().notes,
              ElementsAre("first: state 'net.layers[1].w', f32[N = 4], holds inf at [1] before the step"));
}

TEST(Instance, AllowNonFiniteGoesOn) {
  InstanceOptions options;
  options.allowNonFinite = true;
  auto instance = make(trainer(), std::move(options));
  ASSERT_TRUE(instance->initialise(0).ok());
  float x[4] = {NAN, 0, 0, 0};
  ASSERT_TRUE(instance->setInput("train", "x", x, sizeof(x)).ok());
  EXPECT_TRUE(instance->run("train").ok());
  EXPECT_TRUE(std::isnan(lossOf(*instance)));
  EXPECT_EQ(instance->step(), 1);
}

TEST(Instance, PrintsAndAsserts) {
  Program program = trainer();
  Instruction print = simple(Opcode::Print, 0,
                             {at(Region::State, kWeight, {Type::F32, {2, 4}, {"Layers", "N"}}),
                              at(Region::State, kStep, scalar(Type::I64))});
  print.text = "w";
  Instruction failing = simple(Opcode::Assert, 0, {at(Region::State, kStep, scalar(Type::Bool))});
  failing.text = "step is past zero";
  failing.source = "model.dsl:12:3";
  program.entries[1].instructions.insert(program.entries[1].instructions.begin(), {print, failing});
  for (auto at : {4, 6})
    program.entries[1].instructions[at].target += 2;
  std::vector<std::string> lines;
  InstanceOptions options;
  options.print = [&](const std::string &line) { lines.push_back(line); };
  auto instance = make(std::move(program), std::move(options));
  ASSERT_TRUE(instance->initialise(0).ok());
  ASSERT_TRUE(instance->setInput("train", "x", kX, sizeof(kX)).ok());
  Status status = instance->run("train");
  EXPECT_EQ(status.error().code, "E711");
  EXPECT_THAT(status.error().message, HasSubstr("found it false in step 0: step is past zero"));
  EXPECT_THAT(lines, ElementsAre("w f32[Layers = 2, N = 4] [1, 1, 1, 1, 1, 1, 1, 1] 0"));
}

TEST(Instance, RefusesWhatDoesNotFit) {
  Program program = trainer();
  program.entries[1].scratchBytes = int64_t{1} << 50;
  Operand scores = at(Region::Scratch, 0, {Type::F32, {1 << 20, 1 << 10}, {"Seq", "Keys"}}, {}, 0, "scores");
  program.entries[1].instructions.insert(program.entries[1].instructions.end(),
                                         launch(1, {scores}, 1, "m.dsl:5:7"));
  auto made = Instance::create(std::make_shared<const Program>(program), nullptr, {});
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, "E703");
  EXPECT_THAT(made.error().message, HasSubstr("found a peak of 1.0 PiB where "));
  ASSERT_EQ(made.error().notes.size(), 2u);
  EXPECT_THAT(made.error().notes[0], HasSubstr("it takes: scratch of entry 'train' 1.0 PiB, "));
  EXPECT_EQ(made.error().notes[1],
            "largest in scratch: 'scores', f32[Seq = 1048576, Keys = 1024]: 4.0 GiB, m.dsl:5:7");
  InstanceOptions options;
  options.memoryLimit = -1; // and the system itself refuses a petabyte, or hands out what is never touched
  auto tried = Instance::create(std::make_shared<const Program>(program), nullptr, options);
  if (!tried.ok())
    EXPECT_EQ(tried.error().code, "E702");
}

TEST(Instance, ResultsDoNotDependOnTheNumberOfThreads) {
  std::vector<float> losses[3];
  for (int threads = 1; threads <= 3; ++threads) {
    InstanceOptions options;
    options.threads = threads;
    auto instance = make(trainer(), std::move(options));
    ASSERT_TRUE(instance->initialise(0).ok());
    ASSERT_TRUE(instance->setInput("train", "x", kX, sizeof(kX)).ok());
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(instance->run("train").ok());
      losses[threads - 1].push_back(lossOf(*instance));
    }
  }
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(losses[0], losses[2]);
}

} // namespace
} // namespace cleave::rt
