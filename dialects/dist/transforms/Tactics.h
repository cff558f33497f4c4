// A plan's tactics, applied one after the other to the graph.
#ifndef CLEAVE_DIALECTS_DIST_TRANSFORMS_TACTICS_H
#define CLEAVE_DIALECTS_DIST_TRANSFORMS_TACTICS_H

#include "dialects/dist/transforms/Propagate.h"

namespace cleave::dist {

// Applies the tactics of `plan` in order, propagating after each, the first `count` of them (negative: all).
// Fails with one diagnostic where a tactic cannot be followed.
mlir::LogicalResult applyTactics(PlanOp plan, MeshOp mesh, Graph &graph, const PropagateOptions &options,
                                 int count);

} // namespace cleave::dist

#endif
