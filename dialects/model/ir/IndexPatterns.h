// Names of patterns of index ops, for passes that leave some out.
#ifndef CLEAVE_DIALECTS_MODEL_IR_INDEXPATTERNS_H
#define CLEAVE_DIALECTS_MODEL_IR_INDEXPATTERNS_H

#include "llvm/ADT/StringRef.h"

namespace cleave::model {

// The one that drops reductions over dims that change nothing.
inline constexpr llvm::StringLiteral kDropDims = "model-drop-dims";

} // namespace cleave::model

#endif
