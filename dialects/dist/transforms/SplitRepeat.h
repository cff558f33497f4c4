// One repeat taken apart: see DistSplitRepeats.cpp.
#ifndef CLEAVE_DIALECTS_DIST_TRANSFORMS_SPLITREPEAT_H
#define CLEAVE_DIALECTS_DIST_TRANSFORMS_SPLITREPEAT_H

#include "dialects/dist/ir/Dist.h"
#include "runtime/core/Paths.h"

namespace cleave::dist {

// `path`: of the repeat, "gpt.blocks[*]"; `ranges`: of its layers, in order and all of them. States, names
// and functions below it are then known by their range: "gpt.blocks[0..2].up.w".
void splitRepeat(mlir::ModuleOp module, llvm::StringRef path, llvm::ArrayRef<rt::Layers> ranges);

} // namespace cleave::dist

#endif
