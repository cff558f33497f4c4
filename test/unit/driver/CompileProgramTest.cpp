// The compiler behind the C and C++ interfaces.
#include "compiler/driver/Cache.h"
#include "compiler/driver/Driver.h"
#include "lang/diag/Engine.h"
#include "runtime/abi/compiler.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace {

using testing::AllOf;
using testing::HasSubstr;

const char kProgram[] = R"(import nn
import optim

axis Batch = 16, In = 6, Hidden = 48
hyper lr: f64 = 1e-2

layer Net(x: f32[Batch, In]) -> f32[Batch, In] {
  layer up = nn.Linear[In, Hidden]
  layer down = nn.Linear[Hidden, In]
  return down(nn.gelu(up(x)))
}
layer net = Net

entry train(x: f32[Batch, In]) -> (loss: f32) {
  let noisy[b, i] = x[b, i] + 0.1 * normal()
  let loss = nn.mean_squared_error(net(noisy), x)
  update net with optim.Adam(grad(loss, net), lr: lr)
  return loss
}

entry apply(x: f32[Batch, In]) -> (y: f32[Batch, In]) {
  return net(x)
}
)";

class CompileProgramTest : public testing::Test {
protected:
  CompileProgramTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cleave-unit-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    file = write("program.dsl", kProgram);
  }
  ~CompileProgramTest() override { std::filesystem::remove_all(folder); }

  std::string write(const std::string &name, const std::string &text) {
    std::ofstream(folder + "/" + name) << text;
    return folder + "/" + name;
  }
  void refused(const cleave_compile_options &options, cleave_status wanted, const std::string &words) {
    cleave_program *program = nullptr;
    EXPECT_EQ(cleave_compile(file.c_str(), &options, &program), wanted);
    EXPECT_THAT(cleave_last_error(), HasSubstr(words));
    EXPECT_EQ(program, nullptr);
  }

  std::string folder, file;
};

// Losses of some steps with a batch of its own.
std::vector<float> train(const cleave::Program &program, int threads, float scale) {
  cleave::Options options;
  options.threads = threads;
  cleave::Instance instance(program, options);
  instance.initialise(5);
  std::vector<float> x(16 * 6), loss(1), losses;
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = scale * (static_cast<float>(i % 13) - 6);
  instance.bindInput("train", "x", x);
  instance.bindOutput("train", "loss", loss);
  for (int step = 0; step < 40; ++step) {
    instance.run("train");
    losses.push_back(loss[0]);
  }
  return losses;
}

TEST_F(CompileProgramTest, TrainsWhatItCompiled) {
  std::vector<float> losses = train(cleave::compile(file), 2, 0.2f);
  EXPECT_LT(losses.back(), 0.5f * losses.front());
}

cleave::CompileOptions shared(const std::string &plan, const std::string &axis, int ranks) {
  cleave::CompileOptions options;
  options.plan = plan;
  options.mesh[axis] = std::to_string(ranks);
  return options;
}

TEST_F(CompileProgramTest, RunsOnTheRanksOfAPlan) {
  std::vector<float> alone = train(cleave::compile(file), 1, 0.2f);
  cleave::Program program = cleave::compile(file, shared("fsdp", "dp", 2));
  EXPECT_EQ(program.info().ranks, 2);
  EXPECT_STREQ(program.info().plan, "plans.fsdp");
  EXPECT_EQ(program.input("train", "x")->sizes[0], 16);
  std::vector<float> together = train(program, 1, 0.2f);
  ASSERT_EQ(together.size(), alone.size());
  for (size_t i = 0; i < alone.size(); ++i)
    EXPECT_NEAR(together[i], alone[i], 1e-5f * alone[i]) << "step " << i;
}

TEST_F(CompileProgramTest, BuffersAndStatesAreWholeWhateverRanksHave) {
  cleave::Program program = cleave::compile(file, shared("tensor", "tp", 2));
  cleave::Instance instance(program);
  instance.initialise(5);
  cleave::Instance one(cleave::compile(file));
  one.initialise(5);
  std::vector<float> weight(6 * 48), same(6 * 48), x(16 * 6, 0.5f), y(16 * 6, -1.0f), wanted(16 * 6);
  instance.getState("net.up.w", weight);
  one.getState("net.up.w", same);
  EXPECT_EQ(weight, same);
  instance.bindInput("apply", "x", x);
  instance.bindOutput("apply", "y", y);
  for (float value : {0.5f, -0.25f}) { // a bound input is read at each run
    std::fill(x.begin(), x.end(), value);
    instance.run("apply");
    one.setInput("apply", "x", x);
    one.run("apply");
    wanted = one.output<float>("apply", "y");
    for (size_t i = 0; i < y.size(); ++i)
      EXPECT_NEAR(y[i], wanted[i], 1e-5f);
  }
  instance.unbindOutput("apply", "y");
  std::fill(x.begin(), x.end(), 2.0f);
  instance.run("apply");
  EXPECT_NE(instance.output<float>("apply", "y"), y) << "an unbound buffer is left alone";
  instance.unbindInput("apply", "x");
  EXPECT_THROW(instance.run("apply"), cleave::Error) << "an unbound input has no value";
}

TEST_F(CompileProgramTest, PlansAreRefusedInTheWordsOfTheInterface) {
  cleave_compile_options options = CLEAVE_COMPILE_OPTIONS;
  options.plan = "zero9";
  refused(options, CLEAVE_REJECTED, "zero9");
  const char *const mesh[] = {"dp"};
  options.plan = "data";
  options.mesh = mesh;
  options.mesh_count = 1;
  refused(options, CLEAVE_INVALID_ARGUMENT, "a mesh axis must be AXIS=SIZE, found 'dp'");
  cleave::Options few;
  few.mostRanks = 1;
  try {
    cleave::Instance instance(cleave::compile(file, shared("data", "dp", 2)), few);
    FAIL() << "two ranks are started where one may be";
  } catch (const cleave::Error &error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("at most 1"), HasSubstr("allow more with most_ranks")));
  }
  few.mostRanks = 2;
  cleave::Instance instance(cleave::compile(file, shared("data", "dp", 2)), few);
}

TEST_F(CompileProgramTest, SetsSizesAndChoosesEntries) {
  cleave::CompileOptions options;
  options.sets["In"] = "9";
  options.entries = {"apply"};
  cleave::Program program = cleave::compile(file, options);
  ASSERT_NE(program.input("apply", "x"), nullptr);
  EXPECT_EQ(program.input("apply", "x")->sizes[1], 9);
  EXPECT_STREQ(program.input("apply", "x")->axes[1], "In");
  EXPECT_EQ(program.entry("train"), nullptr);
}

TEST_F(CompileProgramTest, InstancesInSeveralThreadsGiveTheBitsOfOne) {
  constexpr int kInstances = 4;
  cleave::Program program = cleave::compile(file);
  std::vector<float> alone[kInstances], together[kInstances];
  for (int i = 0; i < kInstances; ++i)
    alone[i] = train(program, 1, 0.1f * (i + 1));
  std::vector<std::thread> threads;
  for (int i = 0; i < kInstances; ++i)
    threads.emplace_back([&, i] { together[i] = train(program, 1 + i % 3, 0.1f * (i + 1)); });
  for (std::thread &thread : threads)
    thread.join();
  for (int i = 0; i < kInstances; ++i)
    EXPECT_EQ(alone[i], together[i]) << "instance " << i;
  EXPECT_NE(alone[0], alone[1]);
}

TEST_F(CompileProgramTest, ThreadsMayCompileAtOnce) {
  std::vector<float> losses[3];
  std::vector<std::thread> threads;
  for (auto &found : losses)
    threads.emplace_back([&] { found = train(cleave::compile(file), 1, 0.2f); });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(losses[0], losses[2]);
}

TEST_F(CompileProgramTest, AnArtefactIsTheProgramThatWasCompiled) {
  cleave::diag::Engine engine;
  cleave::DriverOptions options;
  options.file = file;
  cleave::Driver driver(options, engine);
  auto contents = driver.build();
  ASSERT_TRUE(contents) << engine.render();
  std::string bytes = cleave::rt::encodeArtefact(*contents);
  cleave::Program compiled = cleave::compile(file);
  cleave::Program fromFile = cleave::Program::load(write("a.cleave", bytes));
  cleave::Program fromMemory = cleave::Program::load(bytes.data(), bytes.size());
  bytes.assign(bytes.size(), 'x'); // it was copied
  std::vector<float> losses = train(compiled, 1, 0.2f);
  EXPECT_EQ(losses, train(fromFile, 2, 0.2f));
  EXPECT_EQ(losses, train(fromMemory, 1, 0.2f));
  EXPECT_STREQ(compiled.info().metadata, fromMemory.info().metadata);
  EXPECT_THAT(compiled.info().metadata,
              AllOf(HasSubstr("\"program\": \"program\""), HasSubstr("\"net.up.w\"")));
}

TEST_F(CompileProgramTest, AnAlteredArtefactIsAnError) {
  cleave::diag::Engine engine;
  cleave::DriverOptions options;
  options.file = file;
  auto contents = cleave::Driver(options, engine).build();
  ASSERT_TRUE(contents) << engine.render();
  std::string whole = cleave::rt::encodeArtefact(*contents);
  auto expectCode = [](const std::string &bytes, cleave_status wanted, const char *code) {
    cleave_program *program = nullptr;
    EXPECT_EQ(cleave_program_load_memory(bytes.data(), bytes.size(), &program), wanted);
    EXPECT_STREQ(cleave_last_error_code(), code) << cleave_last_error();
  };
  expectCode(whole.substr(0, whole.size() / 2), CLEAVE_BAD_FILE, "E804");
  std::string altered = whole;
  altered[whole.size() / 2] ^= 1;
  expectCode(altered, CLEAVE_BAD_FILE, "E805");
  std::string newer = whole;
  newer[8] ^= 2;
  expectCode(newer, CLEAVE_INCOMPATIBLE, "E803");
  contents->facts.features = {"+a-feature-of-tomorrow"};
  expectCode(cleave::rt::encodeArtefact(*contents), CLEAVE_INCOMPATIBLE, "E806");
}

TEST_F(CompileProgramTest, ACacheKeepsWhatWasCompiled) {
  cleave::CompileOptions options;
  options.cache = folder + "/cache";
  auto kept = [&] { return cleave::Cache(folder + "/cache").list().size(); };
  std::vector<float> losses = train(cleave::compile(file, options), 1, 0.2f);
  EXPECT_EQ(kept(), 1u);
  EXPECT_EQ(losses, train(cleave::compile(file, options), 1, 0.2f));
  EXPECT_EQ(kept(), 1u) << "it was found";
  options.sets["Hidden"] = "40";
  cleave::compile(file, options);
  EXPECT_EQ(kept(), 2u) << "another size is another program";
  options.cache.reset();
  options.sets["Hidden"] = "41";
  cleave::compile(file, options);
  EXPECT_EQ(kept(), 2u);
}

TEST_F(CompileProgramTest, ARejectedProgramGivesEveryDiagnostic) {
  std::string bad = write("bad.dsl", "axis N = 4\nentry main(x: f32[M]) -> (y: f32) {\n  return zero\n}\n");
  try {
    cleave::compile(bad);
    ADD_FAILURE() << "it is rejected";
  } catch (const cleave::Error &error) {
    EXPECT_EQ(error.status(), CLEAVE_REJECTED);
    EXPECT_EQ(error.code()[0], 'E');
    EXPECT_THAT(error.what(), AllOf(HasSubstr("bad.dsl:2:"), HasSubstr("error[E"), HasSubstr("f32[M]")));
  }
  EXPECT_THROW(cleave::compile(folder + "/none.dsl"), cleave::Error);
}

TEST_F(CompileProgramTest, WrongArgumentsAreErrors) {
  cleave_program *program = nullptr;
  EXPECT_EQ(cleave_compile(nullptr, nullptr, &program), CLEAVE_INVALID_ARGUMENT);
  EXPECT_EQ(cleave_compile(file.c_str(), nullptr, nullptr), CLEAVE_INVALID_ARGUMENT);
  const cleave_compile_options good = CLEAVE_COMPILE_OPTIONS;
  cleave_compile_options options = good;
  options.set_count = 1;
  refused(options, CLEAVE_INVALID_ARGUMENT, "E720: an argument must not be NULL, found 'sets' to be");
  const char *const sets[] = {"Hidden"};
  options.sets = sets;
  refused(options, CLEAVE_INVALID_ARGUMENT, "E720: a set must be NAME=VALUE, found 'Hidden'");
  const char *const unknownSets[] = {"Hiden=3"};
  options.sets = unknownSets;
  refused(options, CLEAVE_REJECTED, "Hiden");
  options = good;
  const char *const entries[] = {"aply"};
  options.entries = entries;
  options.entry_count = 1;
  refused(options, CLEAVE_UNKNOWN_NAME, "E701: an entry must be one of the program's, found 'aply'");
  options = good;
  options.struct_size = 3;
  refused(options, CLEAVE_INCOMPATIBLE, "E723: options must begin as CLEAVE_COMPILE_OPTIONS");
  options = good;
  options.stdlib = "/nowhere";
  refused(options, CLEAVE_REJECTED, "nn");
}

} // namespace
