// Over which mesh axes each op is computed: `dist.factors`.
#ifndef CLEAVE_DIALECTS_DIST_TRANSFORMS_CHOOSEFACTORS_H
#define CLEAVE_DIALECTS_DIST_TRANSFORMS_CHOOSEFACTORS_H

#include "dialects/dist/transforms/Graph.h"

namespace cleave::dist {

// Sets `dist.factors` on every op with iteration dims. Reductions are computed where all operands lie alike,
// the others where the result lies; then whatever else moves fewer bytes is taken, factor by factor.
void chooseFactors(const Graph &graph);

// How an op's operand must lie where the op is computed by this choice.
Cut neededLayout(const Graph &graph, const Rule &rule, unsigned operand);

} // namespace cleave::dist

#endif
