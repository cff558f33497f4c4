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

// Runs `entry` of a compiled program once, from initial values, with made-up inputs. Gives the entry's
// outputs (named values that were exposed come first, in program order), then all states. E7xx where it
// cannot run; `used` is the bound of integer inputs it ran with.
rt::Result<Values> runOnce(const rt::Artefact &artefact, const RunOptions &options, int64_t *used = nullptr);

} // namespace cleave::verify

#endif
