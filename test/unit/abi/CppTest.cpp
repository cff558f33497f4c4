#include "runtime/abi/cleave.hpp"
#include "runtime/abi/dlpack.h"
#include "test/unit/abi/Fixture.h"

#include <array>

namespace cleave::rt::test {
namespace {

using testing::HasSubstr;

// What a call throws, as its text; "" when it throws nothing.
template <class Call> std::string thrown(cleave_status status, Call &&call) {
  try {
    call();
  } catch (const cleave::Error &error) {
    EXPECT_EQ(error.status(), status);
    EXPECT_THAT(error.what(), HasSubstr(error.code()));
    return error.what();
  }
  return "";
}

cleave::Program makeTrainer() { return cleave::Program(handleOf(trainer())); }

TEST(CppInterface, TrainsWithTheCallersBuffers) {
  cleave::Program program = makeTrainer();
  cleave::Options options;
  options.threads = 2;
  cleave::Instance instance(program, options);
  instance.initialise(3);
  std::vector<float> x = {1, 2, 3, 4};
  std::array<float, 1> loss = {0};
  instance.bindInput("train", "x", x);
  instance.bindOutput("train", "loss", loss);
  instance.run("train");
  EXPECT_EQ(loss[0], 2.5f);
  x.assign(4, 0);
  instance.run("train");
  EXPECT_EQ(loss[0], 0);
  EXPECT_EQ(instance.output<float>("train", "loss"), std::vector<float>{0});
  EXPECT_EQ(instance.outputData<float>("train", "loss"), loss.data());
  EXPECT_EQ(instance.step(), 2);
  std::vector<float> w(4);
  instance.getState("net.layers[1].w", w);
  EXPECT_EQ(w, (std::vector<float>{2, 3, 4, 5}));
  instance.setState("net.layers[0].w", w);
  TemporaryFolder folder;
  instance.save(folder / "a.safetensors");
  cleave::Instance other(program);
  other.load(folder / "a.safetensors");
  other.getState("net.layers[0].w", w);
  EXPECT_EQ(w[3], 5);
  DLManagedTensorVersioned *state = instance.stateTensor("net.layers[0].w");
  ASSERT_NE(state, nullptr);
  state->deleter(state);
  other.unbindInput("train", "x");
}

TEST(CppInterface, DescribesWhatItHolds) {
  cleave::Program program = makeTrainer();
  EXPECT_EQ(program.info().entry_count, 2u);
  EXPECT_EQ(program.input("train", "x")->sizes[0], 4);
  EXPECT_EQ(program.output("train", "loss")->type, CLEAVE_F32);
  EXPECT_EQ(program.entry("none"), nullptr);
  EXPECT_EQ(program.input("none", "x"), nullptr);
  EXPECT_EQ(program.output("train", "x"), nullptr);
}

TEST(CppInterface, ErrorsAreThrown) {
  cleave::Program program = makeTrainer();
  cleave::Instance instance(program);
  EXPECT_THAT(thrown(CLEAVE_WRONG_ORDER, [&] { instance.run("train"); }),
              HasSubstr("E721: an entry runs once"));
  std::vector<double> doubles(2);
  EXPECT_THAT(thrown(CLEAVE_MISMATCH, [&] { instance.setInput("train", "x", doubles); }),
              HasSubstr("E731: values must have the type of what they are for, f32, found another for 'x'"));
  std::vector<float> five(5);
  EXPECT_THAT(thrown(CLEAVE_MISMATCH, [&] { instance.setInput("train", "x", five); }), HasSubstr("E511"));
  EXPECT_THAT(thrown(CLEAVE_UNKNOWN_NAME, [&] { instance.setInput("train", "z", five); }), HasSubstr("E510"));
  EXPECT_THAT(thrown(CLEAVE_UNKNOWN_NAME, [&] { instance.output<float>("train", "lost"); }),
              HasSubstr("'loss'"));
  cleave::Options options;
  options.memoryLimit = 1;
  EXPECT_THAT(thrown(CLEAVE_NO_MEMORY, [&] { cleave::Instance(program, options); }), HasSubstr("E703"));
}

TEST(CppInterface, WhatACallbackThrowsLeavesTheRun) {
  rt::Program source = trainer();
  Instruction print = simple(Opcode::Print, 0, {at(Region::State, kStep, scalar(Type::I64))});
  print.text = "at";
  source.entries[1].instructions.push_back(print);
  std::string seen;
  cleave::Options options;
  options.print = [&](const char *line) {
    seen = line;
    throw std::runtime_error("from the callback");
  };
  cleave::Instance instance(cleave::Program(handleOf(std::move(source))), options);
  instance.initialise();
  instance.setInput("train", "x", std::vector<float>{1, 2, 3, 4});
  try {
    instance.run("train");
    ADD_FAILURE() << "it threw";
  } catch (const std::runtime_error &error) {
    EXPECT_STREQ(error.what(), "from the callback");
  }
  EXPECT_EQ(seen, "at 1");
  EXPECT_EQ(instance.output<float>("train", "loss")[0], 2.5f) << "the run itself went on to its end";
}

TEST(CppInterface, ElementsOfTheLanguage) {
  EXPECT_TRUE(holds<const float>(CLEAVE_F32) && holds<double>(CLEAVE_F64) && holds<bool>(CLEAVE_BOOL));
  EXPECT_TRUE(holds<uint8_t>(CLEAVE_U8) && holds<uint8_t>(CLEAVE_BOOL) && holds<int8_t>(CLEAVE_I8));
  EXPECT_TRUE(holds<uint16_t>(CLEAVE_BF16) && holds<int32_t>(CLEAVE_I32) && holds<long long>(CLEAVE_I64));
  EXPECT_FALSE(holds<float>(CLEAVE_F64) || holds<uint32_t>(CLEAVE_I32) || holds<int16_t>(CLEAVE_F16));
}

} // namespace
} // namespace cleave::rt::test
