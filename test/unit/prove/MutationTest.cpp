// Broken lowerings are refused, with the value and the reason.
#include "dialects/comm/ir/Comm.h"
#include "test/unit/prove/Programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::test {
namespace {

using testing::HasSubstr;

TEST(Mutation, OfADroppedReductionIsRefused) {
  std::unique_ptr<Compiled> compiled =
      compile({CLEAVE_SOURCE_DIR "/examples/02_mlp/mlp.dsl", "", "data", "dp=2", ""});
  ASSERT_EQ(compiled->locals.size(), 1u) << compiled->engine.render();
  EXPECT_EQ(prove(*compiled), "");
  auto train = compiled->locals[0]->lookupSymbol<mlir::func::FuncOp>("train");
  auto reductions = llvm::to_vector(train.getOps<comm::AllReduceOp>());
  ASSERT_FALSE(reductions.empty());
  reductions.back().getResult().replaceAllUsesWith(reductions.back().getInput());
  std::string said = prove(*compiled);
  EXPECT_THAT(said,
              HasSubstr("error[E960]: what a rank has of a value is its part of what the program computes, "
                        "found '"));
  EXPECT_THAT(said, HasSubstr("it is never summed over dp: each rank has a part of it"));
}

TEST(Mutation, AnOpThatHasNoRuleIsSaid) {
  std::unique_ptr<Compiled> compiled =
      compile({CLEAVE_SOURCE_DIR "/examples/02_mlp/mlp.dsl", "", "data", "dp=2", ""});
  ASSERT_EQ(compiled->locals.size(), 1u) << compiled->engine.render();
  auto train = compiled->locals[0]->lookupSymbol<mlir::func::FuncOp>("train");
  mlir::OpBuilder builder = mlir::OpBuilder::atBlockBegin(&train.getBody().front());
  mlir::tensor::EmptyOp::create(builder, train.getLoc(), llvm::ArrayRef<int64_t>{4}, builder.getF32Type());
  EXPECT_THAT(prove(*compiled),
              HasSubstr("error[E961]: what ranks run is made of ops that the checker knows, found an op "
                        "'tensor.empty'"));
}

} // namespace
} // namespace cleave::test
