// Passes over the comm dialect, from the `dist` stage to the end of the `comm` stage. See Passes.td.
#ifndef CLEAVE_DIALECTS_COMM_TRANSFORMS_PASSES_H
#define CLEAVE_DIALECTS_COMM_TRANSFORMS_PASSES_H

#include "dialects/comm/ir/Comm.h"

#include "mlir/Pass/Pass.h"

namespace cleave::comm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dialects/comm/transforms/Passes.h.inc"

} // namespace cleave::comm

#endif
