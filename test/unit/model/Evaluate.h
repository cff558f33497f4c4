// A slow, plain reference for model IR: every floating-point type is computed as f64, every op as its
// description says. An oracle for tests, never part of a product.
#ifndef CLEAVE_TEST_UNIT_MODEL_EVALUATE_H
#define CLEAVE_TEST_UNIT_MODEL_EVALUATE_H

#include "dialects/model/ir/Model.h"

#include <functional>
#include <string>
#include <vector>

namespace cleave::test {

// One element; which member counts is said by the tensor's element type.
struct Scalar {
  double real = 0;
  int64_t integer = 0; // sign-extended; bool is 0 or 1
};

struct Tensor {
  llvm::SmallVector<int64_t> shape;
  std::vector<Scalar> data; // row-major
};

// What a run printed and the messages of assertions that failed.
struct Effects {
  std::vector<std::string> printed;
  std::vector<std::string> failed;
};

// Runs an op that is none of the model dialect's.
using OtherOp = std::function<std::vector<Tensor>(mlir::Operation *, llvm::ArrayRef<Tensor>)>;

// The results of `function` for these arguments.
std::vector<Tensor> evaluate(mlir::ModuleOp module, llvm::StringRef function, std::vector<Tensor> arguments,
                             Effects *effects = nullptr, const OtherOp &other = nullptr);

// How a reduction combines two values.
Scalar combine(model::Combiner combiner, bool isFloat, Scalar a, Scalar b);

// The largest, over the floating-point arguments of `@loss`, of the Frobenius error of `@gradient`'s results
// (one per floating-point argument, in order) against central differences of fourth order of `@loss`'s first
// result, relative to the larger of the tensor's norm and a thousandth of the whole gradient's norm.
double gradientError(mlir::ModuleOp module, llvm::StringRef loss, llvm::StringRef gradient,
                     std::vector<Tensor> arguments, double step = 1e-4);

// A tensor of this type filled with fixed pseudo-random values in [low, high) (integers: rounded down).
Tensor fill(mlir::RankedTensorType type, uint64_t seed, double low, double high);

} // namespace cleave::test

#endif
