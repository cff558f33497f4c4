// What must hold at the end of the `dist` stage, beyond what each op verifies.
#ifndef CLEAVE_DIALECTS_DIST_TRANSFORMS_STAGECHECKS_H
#define CLEAVE_DIALECTS_DIST_TRANSFORMS_STAGECHECKS_H

#include "dialects/dist/ir/Dist.h"

namespace cleave::dist {

// Every argument, result and value has a layout that fits it, with each mesh axis once. Every op with
// iteration dims has factors, and each result's layout follows from these: cut as it is computed, cut
// further, or scattered where it is pending; anything else is marked `dist.gathers`. What a loop carries,
// what both branches give and what all entries keep of a state have one layout; each body is run from one
// place.
mlir::LogicalResult verifyDistStage(mlir::ModuleOp module);

} // namespace cleave::dist

#endif
