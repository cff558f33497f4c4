// Passes from the model to the encoded program. Each is documented where it is defined.
#ifndef CLEAVE_COMPILER_CONVERT_PASSES_H
#define CLEAVE_COMPILER_CONVERT_PASSES_H

#include "mlir/Pass/Pass.h"

namespace cleave {

// Model stage -> sched stage.
std::unique_ptr<mlir::Pass> createConvertModelToKernelsPass();
// Sched stage -> memory stage.
std::unique_ptr<mlir::Pass> createPlanMemoryPass();

// Registers them for cleave-opt.
void registerConvertPasses();

} // namespace cleave

#endif
