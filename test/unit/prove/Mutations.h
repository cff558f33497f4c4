// Faults put into what ranks run: each changes what is computed.
#ifndef CLEAVE_TEST_UNIT_PROVE_MUTATIONS_H
#define CLEAVE_TEST_UNIT_PROVE_MUTATIONS_H

#include "dialects/comm/ir/Comm.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace cleave::test {

enum class Fault {
  Dropped,        // a reduction is left out
  Doubled,        // a sum is taken again
  Moved,          // a sum is taken behind a function that is not linear
  OtherAxis,      // over another mesh axis of the same size
  OtherReduction, // a maximum for a sum
  Scaled,         // twice a sum
  Shifted,        // what is sliced, scattered or gathered begins one element later
  Swapped,        // members in reverse order
  Kept            // in a ring a rank keeps its own for another's
};

struct Mutation {
  Fault fault;
  unsigned op; // number of the collective in the module
};

std::string nameOf(const Mutation &mutation);

// All that can be done to the collectives of a module.
std::vector<Mutation> mutationsOf(mlir::ModuleOp module);
void apply(mlir::ModuleOp module, const Mutation &mutation);

} // namespace cleave::test

#endif
