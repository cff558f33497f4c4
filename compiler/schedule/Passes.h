// Passes on the ordered list of actions of the `sched` stage. Each is documented where it is defined, and in
// README.md.
#ifndef CLEAVE_COMPILER_SCHEDULE_PASSES_H
#define CLEAVE_COMPILER_SCHEDULE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace cleave {

std::unique_ptr<mlir::Pass> createSchedChunksPass();
std::unique_ptr<mlir::Pass> createSchedPrefetchPass();
std::unique_ptr<mlir::Pass> createSchedReductionsPass();
std::unique_ptr<mlir::Pass> createSchedBucketsPass();
std::unique_ptr<mlir::Pass> createSchedOverlapPass();

// Registers them for cleave-opt.
void registerSchedulePasses();

} // namespace cleave

#endif
