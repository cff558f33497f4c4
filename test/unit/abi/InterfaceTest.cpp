#include "runtime/core/SafeTensors.h"
#include "test/unit/abi/Fixture.h"
#include "test/unit/abi/HeadersInC.h"

#include <cmath>
#include <thread>

namespace cleave::rt::test {
namespace {

using testing::HasSubstr;

TEST_F(AbiTest, VersionsAgree) {
  EXPECT_STREQ(cleave_version(), CLEAVE_VERSION);
  EXPECT_EQ(cleave_api_version(), CLEAVE_API_VERSION);
  EXPECT_EQ(std::string(CLEAVE_VERSION), std::to_string(CLEAVE_VERSION_MAJOR) + "." +
                                             std::to_string(CLEAVE_VERSION_MINOR) + "." +
                                             std::to_string(CLEAVE_VERSION_PATCH));
}

TEST_F(AbiTest, TypesHaveNamesAndSizes) {
  EXPECT_STREQ(cleave_type_name(CLEAVE_BF16), "bf16");
  EXPECT_EQ(cleave_type_bytes(CLEAVE_BF16), 2u);
  EXPECT_EQ(cleave_type_name(42), nullptr);
  EXPECT_EQ(cleave_type_bytes(-1), 0u);
  EXPECT_STREQ(cleave_status_name(99), "CLEAVE_STATUS_?");
}

TEST_F(AbiTest, DescribesAProgram) {
  const cleave_program_info *info = cleave_program_describe(program);
  ASSERT_EQ(info->entry_count, 2u);
  const cleave_entry_info *train = info->entries[1];
  EXPECT_STREQ(train->name, "train");
  ASSERT_EQ(train->input_count, 1u);
  EXPECT_STREQ(train->inputs[0]->name, "x");
  EXPECT_STREQ(train->inputs[0]->kind, "input");
  EXPECT_EQ(train->inputs[0]->source, nullptr);
  EXPECT_STREQ(train->outputs[0]->name, "loss");
  EXPECT_EQ(train->outputs[0]->rank, 0);
  EXPECT_EQ(train->outputs[0]->bytes, 4);
  ASSERT_EQ(train->update_count, 2u);
  EXPECT_STREQ(train->updates[1], "net.layers[*].w");
  ASSERT_EQ(info->state_count, 3u);
  const cleave_tensor_info *weight = info->states[2];
  EXPECT_STREQ(weight->name, "net.layers[*].w");
  EXPECT_STREQ(weight->kind, "param");
  EXPECT_EQ(weight->type, CLEAVE_F32);
  ASSERT_EQ(weight->rank, 2);
  EXPECT_EQ(weight->sizes[1], 4);
  EXPECT_STREQ(weight->axes[0], "Layers");
  EXPECT_EQ(info->state_bytes, kStateBytes);
  EXPECT_STREQ(info->metadata, "{}");
  EXPECT_EQ(cleave_program_describe(nullptr), nullptr);
  EXPECT_EQ(countElementsInC(program), 1 + 1 + 8);
}

TEST_F(AbiTest, TrainsSavesAndLoads) {
  ready();
  EXPECT_EQ(train(), 2.5f);
  EXPECT_EQ(train(), 10.0f);
  int64_t step = 0;
  expectFine(cleave_step(instance, &step));
  EXPECT_EQ(step, 2);
  float layer[4];
  expectFine(cleave_get_state(instance, "net.layers[1].w", layer, sizeof(layer)));
  EXPECT_EQ(layer[3], 9);
  TemporaryFolder folder;
  std::string file = folder / "state.safetensors";
  expectFine(cleave_save(instance, file.c_str()));
  cleave_instance *other = create(program);
  expectFine(cleave_load(other, file.c_str()));
  float loss = 0;
  expectFine(cleave_bind_input(other, "train", "x", kX, sizeof(kX)));
  expectFine(cleave_bind_output(other, "train", "loss", &loss, sizeof(loss)));
  expectFine(cleave_run(other, "train"));
  EXPECT_EQ(loss, train()) << "a loaded state goes on as the one that was saved";
  expectFine(cleave_instance_release(other));
}

TEST_F(AbiTest, StatesAreSet) {
  ready();
  float zero[4] = {0, 0, 0, 0};
  expectFine(cleave_set_state(instance, "net.layers[0].w", zero, sizeof(zero)));
  EXPECT_EQ(train(), 1.25f);
}

TEST_F(AbiTest, BoundBuffersAreReadAndWrittenInPlace) {
  expectFine(cleave_initialise(instance, 0));
  float x[4] = {8, 0, 0, 0}, loss = 0;
  expectFine(cleave_bind_input(instance, "train", "x", x, sizeof(x)));
  expectFine(cleave_bind_output(instance, "train", "loss", &loss, sizeof(loss)));
  expectFine(cleave_run(instance, "train"));
  EXPECT_EQ(loss, 2);
  const void *where = nullptr;
  expectFine(cleave_output_data(instance, "train", "loss", &where));
  EXPECT_EQ(where, &loss);
  x[0] = 0;
  expectFine(cleave_run(instance, "train"));
  EXPECT_EQ(loss, 0);
  expectFine(cleave_unbind_output(instance, "train", "loss"));
  x[0] = 4;
  expectFine(cleave_run(instance, "train"));
  EXPECT_EQ(loss, 0) << "it is the caller's again";
  expectFine(cleave_unbind_input(instance, "train", "x"));
  expectError(cleave_run(instance, "train"), CLEAVE_WRONG_ORDER,
              "hint: give one with cleave_set_input() or cleave_bind_input()");
}

TEST_F(AbiTest, UnknownNamesAreErrors) {
  ready();
  expectError(cleave_run(instance, "tarin"), CLEAVE_UNKNOWN_NAME, "hint: did you mean 'train'?");
  expectError(cleave_set_input(instance, "train", "y", kX, sizeof(kX)), CLEAVE_UNKNOWN_NAME,
              "E510: an input must be one of the entry's, found 'y'");
  float out[4];
  expectError(cleave_get_output(instance, "train", "lost", out, 4), CLEAVE_UNKNOWN_NAME,
              "E510: an output must be one of the entry's, found 'lost'");
  expectError(cleave_get_state(instance, "net.layers[2].w", out, 16), CLEAVE_UNKNOWN_NAME, "E612:");
}

TEST_F(AbiTest, WrongSizesAreErrors) {
  ready();
  train();
  float out[8];
  expectError(cleave_set_input(instance, "train", "x", kX, 3), CLEAVE_MISMATCH,
              "found 3 bytes for 'x', f32[N = 4] of 16");
  expectError(cleave_bind_input(instance, "train", "x", kX, 8), CLEAVE_MISMATCH, "E511");
  expectError(cleave_bind_output(instance, "train", "loss", out, 8), CLEAVE_MISMATCH, "E511");
  expectError(cleave_get_output(instance, "train", "loss", out, 2), CLEAVE_MISMATCH,
              "found 2 bytes for 'loss', f32 of 4");
  expectError(cleave_get_state(instance, "step", out, 4), CLEAVE_MISMATCH, "found 4 bytes for 'step'");
  expectError(cleave_set_state(instance, "step", out, 4), CLEAVE_MISMATCH, "E511");
  EXPECT_EQ(train(), 10.0f) << "nothing of it has changed the instance";
}

TEST_F(AbiTest, TheWrongOrderIsAnError) {
  float out[4];
  TemporaryFolder folder;
  std::string file = folder / "state.safetensors";
  expectError(
      cleave_run(instance, "train"), CLEAVE_WRONG_ORDER,
      "E721: an entry runs once its instance is initialised or loaded, found 'train' to be run before");
  expectError(cleave_get_state(instance, "net.layers[0].w", out, 16), CLEAVE_WRONG_ORDER, "E721");
  expectError(cleave_set_state(instance, "net.layers[0].w", out, 16), CLEAVE_WRONG_ORDER, "E721");
  expectError(cleave_save(instance, file.c_str()), CLEAVE_WRONG_ORDER, "E721: a state is saved once");
  expectFine(cleave_initialise(instance, 0));
  expectError(cleave_run(instance, "train"), CLEAVE_WRONG_ORDER,
              "E512: every input must have a value, found none for 'x' of entry 'train'");
  expectFine(cleave_set_input(instance, "train", "x", kX, sizeof(kX)));
  expectError(cleave_get_output(instance, "train", "loss", out, 4), CLEAVE_WRONG_ORDER,
              "E513: an output has a value once its entry has run, found none for 'loss'");
  EXPECT_EQ(train(), 2.5f);
  float other = 0;
  expectFine(cleave_bind_output(instance, "train", "loss", &other, sizeof(other)));
  const void *where;
  expectError(cleave_output_data(instance, "train", "loss", &where), CLEAVE_WRONG_ORDER, "E513");
}

TEST_F(AbiTest, NullIsAnError) {
  ready();
  float value[4];
  const void *where = nullptr;
  cleave_instance *made = nullptr;
  const cleave_status found[] = {
      cleave_instance_create(nullptr, nullptr, &made),
      cleave_instance_create(program, nullptr, nullptr),
      cleave_initialise(nullptr, 0),
      cleave_run(nullptr, "train"),
      cleave_run(instance, nullptr),
      cleave_set_input(nullptr, "train", "x", kX, 16),
      cleave_set_input(instance, nullptr, "x", kX, 16),
      cleave_set_input(instance, "train", nullptr, kX, 16),
      cleave_set_input(instance, "train", "x", nullptr, 16),
      cleave_bind_input(instance, "train", "x", nullptr, 16),
      cleave_bind_output(instance, "train", "loss", nullptr, 4),
      cleave_bind_output(instance, "train", nullptr, value, 4),
      cleave_unbind_input(instance, "train", nullptr),
      cleave_unbind_output(nullptr, "train", "loss"),
      cleave_output_data(instance, "train", "loss", nullptr),
      cleave_output_data(nullptr, "train", "loss", &where),
      cleave_get_state(instance, nullptr, value, 16),
      cleave_get_state(instance, "net.layers[0].w", nullptr, 16),
      cleave_set_state(instance, "net.layers[0].w", nullptr, 16),
      cleave_step(instance, nullptr),
      cleave_save(instance, nullptr),
      cleave_load(instance, nullptr),
      cleave_load(nullptr, "x"),
  };
  for (size_t i = 0; i < std::size(found); ++i)
    EXPECT_EQ(found[i], CLEAVE_INVALID_ARGUMENT) << "call " << i;
  expectError(cleave_run(nullptr, "train"), CLEAVE_INVALID_ARGUMENT,
              "E720: an argument must not be NULL, found 'instance' to be");
  cleave_program_release(nullptr);
  expectFine(cleave_instance_release(nullptr));
}

TEST_F(AbiTest, BuffersAreAlignedAndApart) {
  ready();
  alignas(8) char bytes[64] = {};
  expectError(
      cleave_bind_input(instance, "train", "x", bytes + 2, 16), CLEAVE_MISMATCH,
      "E724: a buffer must be aligned to its elements, found an address 2 bytes past a multiple of 4");
  expectFine(cleave_bind_input(instance, "train", "x", bytes + 4, 16));
  expectError(cleave_bind_output(instance, "train", "loss", bytes + 16, 4), CLEAVE_INVALID_ARGUMENT,
              "E725: an output's buffer must not overlap another of its entry, found 'loss' and 'x' to do");
  expectFine(cleave_bind_output(instance, "train", "loss", bytes + 20, 4));
  expectError(cleave_bind_input(instance, "train", "x", bytes + 8, 16), CLEAVE_INVALID_ARGUMENT,
              "found 'x' and 'loss' to do");
  expectFine(cleave_bind_output(instance, "train", "loss", bytes + 20, 4)); // its own place again
  expectFine(cleave_run(instance, "train"));
}

TEST_F(AbiTest, OptionsOfAnotherVersionAreRefusedOrFilledIn) {
  cleave_instance_options options = CLEAVE_INSTANCE_OPTIONS;
  cleave_instance *made = nullptr;
  options.struct_size = sizeof(options) + 8;
  expectError(cleave_instance_create(program, &options, &made), CLEAVE_INCOMPATIBLE,
              "E723: options must begin");
  options.struct_size = 0;
  expectError(cleave_instance_create(program, &options, &made), CLEAVE_INCOMPATIBLE, "a struct_size of 0");
  options.struct_size = offsetof(cleave_instance_options, pin_threads); // as an older header had it
  options.threads = 1;
  options.memory_limit = 1; // past what it says: not read
  expectFine(cleave_instance_create(program, &options, &made));
  expectFine(cleave_instance_release(made));
  options = CLEAVE_INSTANCE_OPTIONS;
  options.threads = -1;
  expectError(cleave_instance_create(program, &options, &made), CLEAVE_INVALID_ARGUMENT,
              "E720: threads must be 0 or a number up to 4096, found -1");
  EXPECT_EQ(made, nullptr);
  options.threads = 1;
  options.memory_limit = 100;
  expectError(cleave_instance_create(program, &options, &made), CLEAVE_NO_MEMORY, "E703");
}

TEST_F(AbiTest, MalformedStateFilesAreErrors) {
  TemporaryFolder folder;
  expectError(cleave_load(instance, (folder / "none").c_str()), CLEAVE_BAD_FILE, "E601");
  write(folder / "short", "abc");
  expectError(cleave_load(instance, (folder / "short").c_str()), CLEAVE_BAD_FILE, "E602");
  expectError(cleave_run(instance, "train"), CLEAVE_WRONG_ORDER, "E721");
}

TEST_F(AbiTest, PublishedWeightsComeByTheProgramsMapping) {
  Program source = trainer();
  WeightMap map;
  map.name = "hf";
  map.object = "net";
  map.weights = {{"net.layers[*].w", {{"h.{0}.w", {4}, {{0, {0, 1}}}}}}};
  source.weights = {map};
  cleave_program *handle = handleOf(std::move(source));
  cleave_instance *made = create(handle);
  TemporaryFolder folder;
  std::string file = folder / "model.safetensors";
  float first[4] = {1, 2, 3, 4}, second[4] = {5, 6, 7, 8}, found[4];
  ASSERT_TRUE(writeSafeTensors(
                  file, {{"h.0.w", {Type::F32, {4}, {}}, first}, {"h.1.w", {Type::F32, {4}, {}}, second}}, {})
                  .ok());
  expectError(cleave_load_weights(made, file.c_str(), nullptr), CLEAVE_WRONG_ORDER,
              "E721: weights are loaded once");
  expectFine(cleave_initialise(made, 0));
  expectFine(cleave_load_weights(made, file.c_str(), "hf"));
  expectFine(cleave_get_state(made, "net.layers[1].w", found, sizeof(found)));
  EXPECT_EQ(found[3], 8);
  expectError(cleave_load_weights(made, file.c_str(), "gguf"), CLEAVE_UNKNOWN_NAME, "E618");
  expectError(cleave_load_weights(made, nullptr, nullptr), CLEAVE_INVALID_ARGUMENT, "found 'path' to be");
  ASSERT_TRUE(writeSafeTensors(file, {{"h.0.w", {Type::F32, {4}, {}}, first}}, {}).ok());
  expectError(cleave_load_weights(made, file.c_str(), nullptr), CLEAVE_BAD_FILE, "E614");
  expectFine(cleave_instance_release(made));
  cleave_program_release(handle);
}

TEST_F(AbiTest, AFailedRunLeavesTheStateAndSaysWhere) {
  ready();
  const float huge[4] = {3e38f, 3e38f, 3e38f, 3e38f};
  expectFine(cleave_set_input(instance, "train", "x", huge, sizeof(huge)));
  expectError(cleave_run(instance, "train"), CLEAVE_RUN_FAILED, "model.dsl:10:14: E710:");
  EXPECT_THAT(cleave_last_error(), HasSubstr("note: first: 'loss', f32, is inf"));
  float loss;
  expectError(cleave_get_output(instance, "train", "loss", &loss, 4), CLEAVE_WRONG_ORDER, "E513");
  int64_t step = -1;
  expectFine(cleave_step(instance, &step));
  EXPECT_EQ(step, 0);
}

TEST_F(AbiTest, MalformedProgramsAreAFault) {
  Program broken = trainer();
  broken.entries[1].instructions[0].operands[0].address.offset = 1 << 20;
  cleave_program *handle = handleOf(std::move(broken));
  cleave_instance *made = nullptr;
  expectError(cleave_instance_create(handle, nullptr, &made), CLEAVE_INTERNAL, "E799");
  cleave_program_release(handle);
}

TEST_F(AbiTest, ProgramsOutliveTheirHandle) {
  cleave_program *handle = handleOf(trainer());
  cleave_instance *made = nullptr;
  ASSERT_EQ(createInC(handle, &made), CLEAVE_OK);
  cleave_program_release(handle);
  expectFine(cleave_initialise(made, 0));
  expectFine(cleave_set_input(made, "train", "x", kX, sizeof(kX)));
  expectFine(cleave_run(made, "train"));
  expectFine(cleave_instance_release(made));
}

TEST_F(AbiTest, WhatIsNoArtefactIsNotLoaded) {
  TemporaryFolder folder;
  cleave_program *made = program;
  expectError(cleave_program_load((folder / "none").c_str(), &made), CLEAVE_BAD_FILE, "E801");
  EXPECT_EQ(made, nullptr);
  write(folder / "text", "once upon a time");
  expectError(cleave_program_load((folder / "text").c_str(), &made), CLEAVE_BAD_FILE, "E802");
  expectError(cleave_program_load_memory("abc", 3, &made), CLEAVE_BAD_FILE, "E802");
  expectError(cleave_program_load_memory("", 0, &made), CLEAVE_BAD_FILE, "E802");
  expectError(cleave_program_load(nullptr, &made), CLEAVE_INVALID_ARGUMENT, "found 'path' to be");
  expectError(cleave_program_load_memory(nullptr, 1, &made), CLEAVE_INVALID_ARGUMENT, "found 'data' to be");
  expectError(cleave_program_load("x", nullptr), CLEAVE_INVALID_ARGUMENT, "found 'program' to be");
}

TEST_F(AbiTest, EachThreadHasItsLastError) {
  expectError(cleave_run(instance, "here"), CLEAVE_UNKNOWN_NAME, "found 'here'");
  std::thread([&] {
    EXPECT_STREQ(cleave_last_error(), "");
    expectError(cleave_run(instance, "there"), CLEAVE_UNKNOWN_NAME, "found 'there'");
  }).join();
  EXPECT_THAT(cleave_last_error(), HasSubstr("found 'here'"));
}

} // namespace
} // namespace cleave::rt::test
