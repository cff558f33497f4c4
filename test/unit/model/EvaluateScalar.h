// The scalar ops that stand in index bodies, evaluated one at a time.
#ifndef CLEAVE_TEST_UNIT_MODEL_EVALUATESCALAR_H
#define CLEAVE_TEST_UNIT_MODEL_EVALUATESCALAR_H

#include "test/unit/model/Evaluate.h"

#include <functional>

namespace cleave::test {

// From the values of an op's operands to its own.
using ScalarFunction = std::function<Scalar(llvm::ArrayRef<Scalar>)>;

// Of an arith or math op, or of model.random_bits. It is looked for once and called for each element.
ScalarFunction scalarFunction(mlir::Operation *op);

// A constant attribute's value.
Scalar scalarOf(mlir::Attribute value);

} // namespace cleave::test

#endif
