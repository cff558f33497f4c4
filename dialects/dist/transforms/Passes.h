// Passes over the dist dialect: the `dist` stage. See Passes.td.
#ifndef CLEAVE_DIALECTS_DIST_TRANSFORMS_PASSES_H
#define CLEAVE_DIALECTS_DIST_TRANSFORMS_PASSES_H

#include "dialects/dist/ir/Dist.h"

#include "mlir/Pass/Pass.h"

namespace cleave::dist {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dialects/dist/transforms/Passes.h.inc"

} // namespace cleave::dist

#endif
