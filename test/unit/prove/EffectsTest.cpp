// What ranks print and assert is what the program does.
#include "dialects/comm/ir/Comm.h"
#include "test/unit/prove/Programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::test {
namespace {

using testing::HasSubstr;

constexpr const char *kProgram = R"(
import nn
import optim

axis Batch = 8, Plane = 2, Hidden = 4, Classes = 2, Blocks = 3

layer Block(x: f32[Batch, Hidden]) -> f32[Batch, Hidden] {
  layer up = nn.Linear[Hidden, Hidden]
  let y = nn.relu(up(x))
  let size[b] = mean(h) abs(y[b, h])
  print("size", size)
  return y
}

layer Mlp(x: f32[Batch, Plane]) -> f32[Batch, Classes] {
  layer first = nn.Linear[Plane, Hidden]
  repeat blocks[Blocks] = Block
  layer last = nn.Linear[Hidden, Classes]
  let h = blocks(nn.relu(first(x)))
  print("hidden", h)
  return last(h)
}

layer mlp = Mlp

entry train() -> (loss: f32) {
  let x[b: Batch, c: Plane] = normal()
  let label[b: Batch] = i32(b % 2)
  let loss = nn.cross_entropy(mlp(x), label)
  print("loss", loss)
  assert(loss >= 0, "a loss is not negative")
  let g = grad(loss, mlp)
  update mlp with optim.Adam(g, lr: 1e-3)
  return loss
}

plan alone for any on mesh(dp: 2) {
  shard Batch over dp
}
plan both for any on mesh(dp: 2, tp: 2) {
  shard Batch over dp
  shard Hidden over tp
}
plan micro for any on mesh(dp: 2) {
  shard Batch over dp
  accumulate 2 of Batch
}
)";

std::unique_ptr<Compiled> compiledFor(const std::string &plan) {
  std::unique_ptr<Compiled> compiled = compile({"effects.dsl", kProgram, plan, "", ""});
  EXPECT_EQ(compiled->locals.size(), 1u) << compiled->engine.render();
  return compiled;
}

template <typename Op> std::vector<Op> all(Compiled &compiled) {
  std::vector<Op> found;
  compiled.locals[0]->walk([&](Op op) { found.push_back(op); });
  return found;
}

TEST(Effects, OfSoundProgramsAreProved) {
  for (const char *plan : {"alone", "both", "micro"}) {
    std::unique_ptr<Compiled> compiled = compiledFor(plan);
    EXPECT_FALSE(all<model::PrintOp>(*compiled).empty());
    EXPECT_EQ(prove(*compiled), "");
  }
}

TEST(Effects, WithOtherValuesAreRefused) {
  unsigned changed = 0;
  for (unsigned number = 0; number < all<model::PrintOp>(*compiledFor("both")).size(); ++number) {
    std::unique_ptr<Compiled> compiled = compiledFor("both");
    model::PrintOp print = all<model::PrintOp>(*compiled)[number];
    mlir::Operation *from = print.getInputs()[0].getDefiningOp();
    if (!mlir::isa<comm::AllReduceOp, comm::AllGatherOp>(from))
      continue; // it is computed from whole values
    ++changed;
    mlir::Value other = from->getOperand(0);
    if (other.getType() != from->getResult(0).getType()) { // a whole made of one block again and again
      mlir::OpBuilder builder(print);
      auto type = mlir::cast<mlir::RankedTensorType>(from->getResult(0).getType());
      mlir::SmallVector<mlir::AffineExpr> exprs;
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        exprs.push_back(builder.getAffineDimExpr(dim) %
                        mlir::cast<mlir::RankedTensorType>(other.getType()).getDimSize(dim));
      other = model::IndexOp::create(
          builder, print.getLoc(), type, other,
          mlir::AffineMap::get(type.getRank(), 0, exprs, builder.getContext()), {}, model::axesOf(type),
          type.getShape(), type.getRank(), model::Combiner::None,
          [](mlir::OpBuilder &, mlir::Location, mlir::ValueRange values) { return values.front(); });
    }
    print->setOperand(0, other);
    std::string said = prove(*compiled);
    EXPECT_THAT(
        said, HasSubstr("error[E960]: what a rank has of a value is its part of what the program computes"));
    EXPECT_THAT(said, HasSubstr("print \"" + print.getLabel().str() + "\""));
  }
  EXPECT_GE(changed, 1u);
}

class ConditionTest : public testing::TestWithParam<std::pair<const char *, const char *>> {};

TEST_P(ConditionTest, ThatIsAnotherIsRefused) {
  std::unique_ptr<Compiled> compiled = compiledFor(GetParam().first);
  unsigned changed = 0;
  for (comm::AllReduceOp reduction : all<comm::AllReduceOp>(*compiled)) // of `min(...l) target[...l]`
    if (reduction.getCombiner() == model::Combiner::Min) {
      reduction.getResult().replaceAllUsesWith(reduction.getInput());
      ++changed;
    }
  EXPECT_EQ(changed, 1u);
  std::string said = prove(*compiled);
  EXPECT_THAT(said, HasSubstr("error[E960]"));
  EXPECT_THAT(said, HasSubstr("found 'assert \"cross_entropy: a target is no class\"': "));
  EXPECT_THAT(said, HasSubstr(GetParam().second));
}

INSTANTIATE_TEST_SUITE_P(
    Plans, ConditionTest,
    testing::Values(std::pair("alone", "its minimum is never taken over dp: each rank has a part of it"),
                    std::pair("micro", "ranks along dp have different values of it")));

TEST(Effects, LeftOutOrInAnotherOrderAreRefused) {
  std::string rule = "error[E964]: ranks print and assert what the program does, in its order, found ";
  std::unique_ptr<Compiled> compiled = compiledFor("alone");
  for (model::PrintOp print : all<model::PrintOp>(*compiled))
    if (print.getLabel() == "loss")
      print->erase();
  EXPECT_THAT(prove(*compiled),
              HasSubstr(rule + "'assert \"a loss is not negative\"' where 'print \"loss\"' is meant"));
  compiled = compiledFor("alone");
  all<model::AssertOp>(*compiled).back()->erase();
  EXPECT_THAT(prove(*compiled), HasSubstr(rule + "'assert \"a loss is not negative\"' left out"));
  compiled = compiledFor("alone");
  model::AssertOp last = all<model::AssertOp>(*compiled).back();
  mlir::OpBuilder builder(last);
  builder.setInsertionPointAfter(last);
  builder.clone(*last);
  EXPECT_THAT(prove(*compiled),
              HasSubstr(rule + "'assert \"a loss is not negative\"' once more than it does"));
}

} // namespace
} // namespace cleave::test
