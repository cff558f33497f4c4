// The check at the end of the `comm` stage.
#ifndef CLEAVE_DIALECTS_COMM_TRANSFORMS_STAGECHECKS_H
#define CLEAVE_DIALECTS_COMM_TRANSFORMS_STAGECHECKS_H

#include "dialects/comm/ir/Comm.h"

namespace cleave::comm {

// Nothing of the dist stage is left; every collective is over axes that the mesh has, each once, and its
// sizes are blocks of each other; what goes in and out of entries is a block of its global type. And all that
// verifyGradStage asks.
mlir::LogicalResult verifyCommStage(mlir::ModuleOp module);

} // namespace cleave::comm

#endif
