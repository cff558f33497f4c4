// Passes over the model dialect, from the `model` stage to what the scheduler takes. See Passes.td.
#ifndef CLEAVE_DIALECTS_MODEL_TRANSFORMS_PASSES_H
#define CLEAVE_DIALECTS_MODEL_TRANSFORMS_PASSES_H

#include "dialects/model/ir/Model.h"

#include "mlir/Pass/Pass.h"

namespace cleave::model {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dialects/model/transforms/Passes.h.inc"

} // namespace cleave::model

#endif
