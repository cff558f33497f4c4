// What must hold at the end of the sched and memory stages. Independent of the passes that make it so: a
// failure is a fault of the compiler, reported where it is found.
#ifndef CLEAVE_COMPILER_ANALYSIS_STAGECHECKS_H
#define CLEAVE_COMPILER_ANALYSIS_STAGECHECKS_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave {

// Entries hold pipe ops alone and launch kernels; kernels keep the contract of compiler/convert/README.md.
mlir::LogicalResult verifySchedStage(mlir::ModuleOp module);

// Runs every entry's list on a model of memory that knows which value each byte holds: every operand still
// holds what was put there, nothing is written outside its region or, before the last guard, to state;
// outputs and states end up where the caller looks for them. Long loops are run for three turns.
mlir::LogicalResult verifyMemoryStage(mlir::ModuleOp module);

} // namespace cleave

#endif
