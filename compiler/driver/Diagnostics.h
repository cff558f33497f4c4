// MLIR's diagnostics as the user's: places in the program text, our codes, no MLIR types.
#ifndef CLEAVE_COMPILER_DRIVER_DIAGNOSTICS_H
#define CLEAVE_COMPILER_DRIVER_DIAGNOSTICS_H

#include "lang/diag/Engine.h"

#include "mlir/IR/Diagnostics.h"

namespace cleave {

// While it lives, every error a pass emits in `context` becomes an error of `engine`, with the place in the
// program text its location holds. What a pass rejects in a checked program is either something that only a
// later stage can see, or a defect of the compiler; a message names the code E7xx itself in the former case
// ("E703: ..."), all else is E999, which asks for a report.
class DiagnosticsBridge {
public:
  DiagnosticsBridge(mlir::MLIRContext &context, diag::Engine &engine);

private:
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace cleave

#endif
