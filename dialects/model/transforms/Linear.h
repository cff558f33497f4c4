// Linearity of index ops: what lets a pending sum pass.
#ifndef CLEAVE_DIALECTS_MODEL_TRANSFORMS_LINEAR_H
#define CLEAVE_DIALECTS_MODEL_TRANSFORMS_LINEAR_H

#include "dialects/model/ir/Model.h"

namespace cleave::model {

// Whether the op is a linear function of the marked inputs together, the others being fixed: op(a + b) =
// op(a) + op(b) up to rounding, and op(0) = 0. One flag per input. A reduction must be a sum. Casts between
// floating-point types count as linear.
bool isLinearIn(IndexOp op, llvm::ArrayRef<bool> marked);

} // namespace cleave::model

#endif
