// What a plan saves for the backward pass is kept as it is read.
#ifndef CLEAVE_DIALECTS_DIST_TRANSFORMS_KEEPGATHERED_H
#define CLEAVE_DIALECTS_DIST_TRANSFORMS_KEEPGATHERED_H

#include "dialects/dist/transforms/Graph.h"

namespace cleave::dist {

// A value that a loop's body makes, stacks for a later loop, and marks `model.kept`: where an op of the body
// reads it less cut than it lies, the stack and what the later loop takes of it lie so too. Gathered once, it
// is kept whole.
void keepGathered(mlir::ModuleOp module, Graph &graph);

} // namespace cleave::dist

#endif
