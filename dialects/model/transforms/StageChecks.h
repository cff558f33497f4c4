// What must hold at the end of the `model` and `grad` stages, beyond what each op verifies.
#ifndef CLEAVE_DIALECTS_MODEL_TRANSFORMS_STAGECHECKS_H
#define CLEAVE_DIALECTS_MODEL_TRANSFORMS_STAGECHECKS_H

#include "dialects/model/ir/Model.h"

namespace cleave::model {

// Entries are well formed: every argument is a state or an input, every result a state or an output, states
// exist, have the type of their declaration and are returned once; data sources exist; every type is static;
// no recursion.
mlir::LogicalResult verifyModelStage(mlir::ModuleOp module);

// The same, and: no model.gradient is left, and functions that a differentiated body is linked to exist.
mlir::LogicalResult verifyGradStage(mlir::ModuleOp module);

} // namespace cleave::model

#endif
