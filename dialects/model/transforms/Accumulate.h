// Gradient accumulation: see ModelAccumulate.cpp.
#ifndef CLEAVE_DIALECTS_MODEL_TRANSFORMS_ACCUMULATE_H
#define CLEAVE_DIALECTS_MODEL_TRANSFORMS_ACCUMULATE_H

#include "dialects/model/ir/Model.h"

namespace cleave::model {

// Every entry that gives parameters new values runs `axis` of its inputs in `count` micro-batches. Errors:
// E940 where a step needs the whole axis at once, E941 where count does not divide it; `plan` is the place of
// the line that asked.
mlir::LogicalResult accumulate(mlir::ModuleOp module, llvm::StringRef axis, int64_t count,
                               mlir::Location plan);

} // namespace cleave::model

#endif
