// Gradients and simplification on random chains of index ops: permutations, windows, diagonals, constants,
// splits, reductions of every kind. A failure prints its module; the seed is the test's parameter.
#include "test/unit/model/Evaluate.h"
#include "test/unit/model/RandomProgram.h"

#include "dialects/model/transforms/Passes.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir;
using namespace cleave::model;
using cleave::test::Tensor;

namespace {
class RandomGradient : public ::testing::TestWithParam<unsigned> {};
} // namespace

TEST_P(RandomGradient, AgreesWithDifferences) {
  MLIRContext context;
  context.loadDialect<ModelDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect>();
  for (bool simplified : {false, true}) {
    OwningOpRef<ModuleOp> module = cleave::test::RandomProgram(context, GetParam()).make();
    ASSERT_TRUE(succeeded(verify(*module)));
    SmallVector<Tensor> arguments;
    for (Type type : module->lookupSymbol<func::FuncOp>("loss").getArgumentTypes())
      arguments.push_back(
          cleave::test::fill(cast<RankedTensorType>(type), 2 * GetParam() + arguments.size(), 0.3, 1.1));
    std::vector<Tensor> given(arguments.begin(), arguments.end());
    double before = cleave::test::evaluate(*module, "loss", given)[0].data[0].real;
    PassManager passes(&context);
    if (simplified)
      passes.addPass(createModelSimplify());
    passes.addPass(createModelGradients());
    if (simplified) {
      passes.addPass(createModelInline());
      passes.addPass(createModelSimplify());
    }
    ASSERT_TRUE(succeeded(passes.run(*module)));
    double after = cleave::test::evaluate(*module, "loss", given)[0].data[0].real;
    EXPECT_NEAR(before, after, 1e-9 * std::abs(before));
    double error = cleave::test::gradientError(*module, "loss", "gradient", given);
    EXPECT_LE(error, 1e-6);
    if (HasFailure()) {
      module->dump();
      return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGradient, ::testing::Range(0u, 200u));
