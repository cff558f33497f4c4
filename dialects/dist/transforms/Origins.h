// Why values lie as they do, as attributes.
#ifndef CLEAVE_DIALECTS_DIST_TRANSFORMS_ORIGINS_H
#define CLEAVE_DIALECTS_DIST_TRANSFORMS_ORIGINS_H

#include "dialects/dist/transforms/Graph.h"

namespace cleave::dist {

// Sets `dist.origin`, `dist.origins` and, where something lost, `dist.conflict`, `dist.conflicts`.
void writeOrigins(const Graph &graph);

// A remark for each axis that lost, with what wanted it and what stood against it, and for each op whose
// operands or results lie differently along a factor. `plan` may be null.
void reportConflicts(const Graph &graph, PlanOp plan);

} // namespace cleave::dist

#endif
