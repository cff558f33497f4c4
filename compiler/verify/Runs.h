// One run of a program for `verify`: initial values, one run of an entry, and all it leaves.
#ifndef CLEAVE_COMPILER_VERIFY_RUNS_H
#define CLEAVE_COMPILER_VERIFY_RUNS_H

#include "compiler/driver/Driver.h"
#include "compiler/verify/Compare.h"
#include "runtime/core/Error.h"

namespace cleave::verify {

struct RunOptions {
  std::string entry;
  int64_t seed = 1;
  int64_t below = 0; // exclusive bound of integer inputs; 0: the largest that the program's assertions accept
};

struct RunResult {
  Values values; // parameters at first, the entry's outputs, all states
  int64_t below = 0;
};

// Runs `entry` of a compiled program once, from initial values, with made-up inputs, on as many local ranks
// as it is for. E7xx where it cannot run.
rt::Result<RunResult> runOnce(const rt::Artefact &artefact, const RunOptions &options);

} // namespace cleave::verify

#endif
