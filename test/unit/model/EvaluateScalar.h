// The scalar ops that stand in index bodies, evaluated one at a time.
#ifndef CLEAVE_TEST_UNIT_MODEL_EVALUATESCALAR_H
#define CLEAVE_TEST_UNIT_MODEL_EVALUATESCALAR_H

#include "test/unit/model/Evaluate.h"

namespace cleave::test {

// The value of an arith or math op, or of model.random_bits.
Scalar evaluateScalar(mlir::Operation *op, llvm::ArrayRef<Scalar> operands);

// A constant attribute's value.
Scalar scalarOf(mlir::Attribute value);

} // namespace cleave::test

#endif
