// The memory stage as the program the runtime executes.
#ifndef CLEAVE_COMPILER_CONVERT_ENCODEPROGRAM_H
#define CLEAVE_COMPILER_CONVERT_ENCODEPROGRAM_H

#include "dialects/pipe/ir/Pipe.h"
#include "runtime/core/Program.h"

namespace cleave::convert {

// Encodes the entries, states, data sources and constants of a module at the memory stage or later. Kernels
// are the ops marked `cleave.kernel`, in the module's order; their functions are null, their rows and grain
// those code generation set, or 1.
rt::Program encodeProgram(mlir::ModuleOp module);

} // namespace cleave::convert

#endif
