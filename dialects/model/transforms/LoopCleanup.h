// Removing what loops carry in vain.
#ifndef CLEAVE_DIALECTS_MODEL_TRANSFORMS_LOOPCLEANUP_H
#define CLEAVE_DIALECTS_MODEL_TRANSFORMS_LOOPCLEANUP_H

#include "dialects/model/ir/Model.h"

namespace cleave::model {

// Erases scans, ifs, whiles and calls that neither print nor assert and whose results are unused. True if
// any.
bool eraseUnusedControl(mlir::ModuleOp module);

// For every scan body, over all scans that run it: removes stacks and carries that nothing needs, unused
// consts and slices; carries that never change become consts; constants move into the body; work on consts
// alone moves out of a body that one scan runs, where its result is no larger than what it reads. True if
// anything changed.
bool cleanUpScans(mlir::ModuleOp module);

// For every if whose branches nothing else runs: removes unused results and inputs that neither branch reads.
// True if any.
bool cleanUpIfs(mlir::ModuleOp module);

} // namespace cleave::model

#endif
