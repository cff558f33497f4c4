// One instance is one thread's at a time; several instances of one program run side by side.
#include "test/unit/abi/Fixture.h"

#include <atomic>
#include <thread>

namespace cleave::rt::test {
namespace {

std::atomic<bool> entered{false}, mayLeave{false};

// The trainer, whose step stops inside a kernel until it is let go.
Program waiting() {
  Program program = trainer();
  program.kernels.push_back({"wait",
                             [](void *const *, int64_t, int64_t) {
                               entered = true;
                               while (!mayLeave)
                                 std::this_thread::yield();
                             },
                             1, 1});
  auto &instructions = program.entries[1].instructions;
  instructions.push_back(launch(5, {at(Region::State, kStep, scalar(Type::I64))}, 1));
  return program;
}

TEST_F(AbiTest, ASecondThreadOnOneInstanceIsAnError) {
  entered = mayLeave = false;
  cleave_program *handle = handleOf(waiting());
  cleave_instance *shared = create(handle);
  expectFine(cleave_initialise(shared, 0));
  expectFine(cleave_set_input(shared, "train", "x", kX, sizeof(kX)));
  std::thread first([&] { expectFine(cleave_run(shared, "train")); });
  while (!entered)
    std::this_thread::yield();
  float value[4];
  int64_t step;
  const char words[] = "E722: an instance must be used by one thread at a time, found a call under way";
  expectError(cleave_run(shared, "train"), CLEAVE_BUSY, words);
  expectError(cleave_initialise(shared, 1), CLEAVE_BUSY, words);
  expectError(cleave_get_output(shared, "train", "loss", value, 4), CLEAVE_BUSY, words);
  expectError(cleave_set_input(shared, "train", "x", kX, sizeof(kX)), CLEAVE_BUSY, words);
  expectError(cleave_get_state(shared, "net.layers[0].w", value, 16), CLEAVE_BUSY, words);
  expectError(cleave_step(shared, &step), CLEAVE_BUSY, words);
  expectError(cleave_instance_release(shared), CLEAVE_BUSY, words);
  mayLeave = true;
  first.join();
  expectFine(cleave_step(shared, &step)); // its turn now, and the refused release freed nothing
  EXPECT_EQ(step, 1);
  expectFine(cleave_instance_release(shared));
  cleave_program_release(handle);
}

TEST_F(AbiTest, APrintCallbackMayNotUseItsInstance) {
  struct Found {
    cleave_instance *instance = nullptr;
    cleave_status status = CLEAVE_OK;
    std::string line;
  } found;
  Program program = trainer();
  Instruction print = simple(Opcode::Print, 0, {at(Region::State, kStep, scalar(Type::I64))});
  print.text = "step";
  program.entries[1].instructions.push_back(print);
  cleave_program *handle = handleOf(std::move(program));
  cleave_instance_options options = CLEAVE_INSTANCE_OPTIONS;
  options.print_user = &found;
  options.print = [](void *user, const char *line) {
    auto &found = *static_cast<Found *>(user);
    found.line = line;
    found.status = cleave_run(found.instance, "train");
  };
  expectFine(cleave_instance_create(handle, &options, &found.instance));
  expectFine(cleave_initialise(found.instance, 0));
  expectFine(cleave_set_input(found.instance, "train", "x", kX, sizeof(kX)));
  expectFine(cleave_run(found.instance, "train"));
  EXPECT_EQ(found.line, "step 1");
  EXPECT_EQ(found.status, CLEAVE_BUSY);
  expectFine(cleave_instance_release(found.instance));
  cleave_program_release(handle);
}

std::vector<float> losses(const cleave_program *program, int threads, float seed) {
  cleave_instance_options options = CLEAVE_INSTANCE_OPTIONS;
  options.threads = threads;
  cleave_instance *instance = nullptr;
  EXPECT_EQ(cleave_instance_create(program, &options, &instance), CLEAVE_OK) << cleave_last_error();
  EXPECT_EQ(cleave_initialise(instance, 0), CLEAVE_OK);
  float x[4] = {seed, 0.1f * seed, 3, 1 / seed};
  std::vector<float> found;
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(cleave_bind_input(instance, "train", "x", x, sizeof(x)), CLEAVE_OK);
    EXPECT_EQ(cleave_run(instance, "train"), CLEAVE_OK) << cleave_last_error();
    EXPECT_EQ(cleave_get_output(instance, "train", "loss", &found.emplace_back(), sizeof(float)), CLEAVE_OK);
    x[i % 4] += 0.25f;
  }
  EXPECT_EQ(cleave_instance_release(instance), CLEAVE_OK);
  return found;
}

TEST_F(AbiTest, InstancesInSeveralThreadsGiveTheBitsOfOne) {
  constexpr int kInstances = 6;
  std::vector<float> alone[kInstances], together[kInstances];
  for (int i = 0; i < kInstances; ++i)
    alone[i] = losses(program, 1, i + 1.0f);
  std::vector<std::thread> threads;
  for (int i = 0; i < kInstances; ++i)
    threads.emplace_back([&, i] { together[i] = losses(program, 1 + i % 3, i + 1.0f); });
  for (std::thread &thread : threads)
    thread.join();
  for (int i = 0; i < kInstances; ++i)
    EXPECT_EQ(alone[i], together[i]) << "instance " << i;
  EXPECT_NE(alone[0], alone[1]);
}

// Threads that fight for one instance get an answer or CLEAVE_BUSY, and every answer counts once.
TEST_F(AbiTest, ContendedCallsRunOrAreRefused) {
  ready();
  std::atomic<int> ran{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 300; ++n) {
        cleave_status status = cleave_run(instance, "train");
        EXPECT_TRUE(status == CLEAVE_OK || status == CLEAVE_BUSY) << cleave_last_error();
        ran += status == CLEAVE_OK;
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  int64_t step = 0;
  expectFine(cleave_step(instance, &step));
  EXPECT_EQ(step, ran);
}

} // namespace
} // namespace cleave::rt::test
