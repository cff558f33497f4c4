// An instance of the trainer of ../runtime/Programs.h behind the C interface.
#ifndef CLEAVE_TEST_UNIT_ABI_FIXTURE_H
#define CLEAVE_TEST_UNIT_ABI_FIXTURE_H

#include "runtime/abi/Programs.h"
#include "runtime/abi/cleave.h"
#include "test/unit/runtime/Programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::rt::test {

inline cleave_program *handleOf(Program program, std::string metadata = "{}") {
  Artefact artefact;
  artefact.program = std::make_shared<const Program>(std::move(program));
  artefact.metadata = std::move(metadata);
  return abi::makeProgram(artefact);
}

class AbiTest : public testing::Test {
protected:
  AbiTest() : program(handleOf(trainer())) { instance = create(program); }
  ~AbiTest() override {
    EXPECT_EQ(cleave_instance_release(instance), CLEAVE_OK);
    cleave_program_release(program);
  }

  static cleave_instance *create(const cleave_program *program, int threads = 2) {
    cleave_instance_options options = CLEAVE_INSTANCE_OPTIONS;
    options.threads = threads;
    cleave_instance *made = nullptr;
    EXPECT_EQ(cleave_instance_create(program, &options, &made), CLEAVE_OK) << cleave_last_error();
    return made;
  }

  void ready() {
    expectFine(cleave_initialise(instance, 7));
    expectFine(cleave_set_input(instance, "train", "x", kX, sizeof(kX)));
  }
  float train() {
    expectFine(cleave_run(instance, "train"));
    float loss = -1;
    expectFine(cleave_get_output(instance, "train", "loss", &loss, sizeof(loss)));
    return loss;
  }

  static void expectFine(cleave_status status) { EXPECT_EQ(status, CLEAVE_OK) << cleave_last_error(); }
  // A failure of this kind, with these words.
  static void expectError(cleave_status found, cleave_status wanted, const std::string &words) {
    EXPECT_STREQ(cleave_status_name(found), cleave_status_name(wanted));
    EXPECT_THAT(cleave_last_error(), testing::HasSubstr(words));
    EXPECT_EQ(std::string(cleave_last_error()).find(cleave_last_error_code()) == std::string::npos, false);
  }

  static constexpr float kX[4] = {1, 2, 3, 4};
  cleave_program *program;
  cleave_instance *instance;
};

} // namespace cleave::rt::test

#endif
