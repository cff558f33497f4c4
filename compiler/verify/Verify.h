// Whether a program under a plan computes what it computes on one rank, or under another plan.
//
//   VerifyOptions options;
//   options.program.file = "gpt.dsl";
//   options.program.plan = "megatron";
//   std::optional<Verdict> verdict = verify(options, engine);
//   if (verdict && verdict->comparison.first) ...   // names the value
#ifndef CLEAVE_COMPILER_VERIFY_VERIFY_H
#define CLEAVE_COMPILER_VERIFY_VERIFY_H

#include "compiler/driver/Driver.h"
#include "compiler/verify/Compare.h"
#include "compiler/verify/Runs.h"
#include "compiler/verify/Sizes.h"

namespace cleave::verify {

struct VerifyOptions {
  DriverOptions program; // file, sizes, plan, its mesh
  std::string against;   // a plan; empty: one rank
  std::string entry;     // empty: train, or the only one
  int64_t mostRanks = 8; // mesh axes are lowered until there are no more, not below what parts of them need
  bool shrink = true;    // lower axes that are declared as plain integers and not set
};

struct Verdict {
  std::string entry;
  std::string plan, against; // "" for one rank
  int64_t ranks = 1, againstRanks = 1;
  Sizes axes, mesh; // that it was run at
  int64_t terms = 1;
  Comparison comparison;
};

// None when the program or a plan was rejected, or cannot be run: the engine says why.
std::optional<Verdict> verify(const VerifyOptions &options, diag::Engine &engine);

// What people read of it: equal, or the first value that differs, with its place in the model.
std::string textOf(const Verdict &verdict);

// How the value lies under the plan, and the place of the model that computes it.
void locate(DriverOptions program, const std::string &entry, Difference &difference);

// What rounding may do to the values of a program, from two runs of it on one rank.
struct Reference {
  Values values;
  Bounds bounds;
  int64_t terms = 1;
  int64_t below = 1; // of the integer inputs
};

// `program` without its plan, promoted. `exposed`: with all named values, and the gradients of all states.
std::optional<Reference> referenceOf(DriverOptions program, const std::string &entry, bool exposed,
                                     diag::Engine &engine);

// `program` under its plan, promoted.
std::optional<Values> valuesUnder(DriverOptions program, const RunOptions &run, bool exposed, int64_t &ranks,
                                  diag::Engine &engine);

} // namespace cleave::verify

#endif
