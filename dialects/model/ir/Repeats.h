// What a scan says of the `repeat` it runs.
#ifndef CLEAVE_DIALECTS_MODEL_IR_REPEATS_H
#define CLEAVE_DIALECTS_MODEL_IR_REPEATS_H

#include "llvm/ADT/StringRef.h"

namespace cleave::model {

// On a scan, until dist-split-repeats: the path of the stack of layers, "gpt.blocks[*]".
inline constexpr llvm::StringLiteral kRepeatAttr = "model.repeat";

} // namespace cleave::model

#endif
