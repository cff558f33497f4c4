// Reverse mode over the scalar ops of an index body.
#ifndef CLEAVE_DIALECTS_MODEL_TRANSFORMS_SCALARGRADIENT_H
#define CLEAVE_DIALECTS_MODEL_TRANSFORMS_SCALARGRADIENT_H

#include "dialects/model/ir/Model.h"

namespace cleave::model {

// Appends to `builder`'s place in `block` the ops that carry `seed`, the derivative with respect to `result`,
// back to the block's arguments. Returns for each argument its derivative, null where `wanted` is false or it
// is zero.
//
// Conventions at kinks: `maximumf(a, b)` and `minimumf(a, b)` give a tie to b (so relu, maximum(x, 0), has
// derivative 0 at 0); abs has derivative 0 at 0; rounding and comparisons have none.
// Fails, with a diagnostic, on an op whose derivative is not known.
mlir::FailureOr<llvm::SmallVector<mlir::Value>> differentiateBody(mlir::OpBuilder &builder,
                                                                  mlir::Block &block, mlir::Value result,
                                                                  mlir::Value seed,
                                                                  llvm::ArrayRef<bool> wanted);

} // namespace cleave::model

#endif
