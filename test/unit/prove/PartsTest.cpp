// Parts of mesh axes, those among them of which no one splitting has all.
#include "dialects/comm/ir/Comm.h"
#include "test/unit/prove/Programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::test {
namespace {

constexpr const char *kProgram = R"(
import nn
import optim

axis Batch = 6, Plane = 2, Hidden = 3, Classes = 2

layer Mlp(x: f32[Batch, Plane]) -> f32[Batch, Classes] {
  layer first = nn.Linear[Plane, Hidden]
  layer last = nn.Linear[Hidden, Classes]
  return last(nn.relu(first(x)))
}

layer mlp = Mlp

entry train() -> (loss: f32) {
  let x[b: Batch, c: Plane] = normal()
  let label[b: Batch] = i32(b % 2)
  let loss = nn.cross_entropy(mlp(x), label)
  let g = grad(loss, mlp)
  update mlp with optim.Adam(g, lr: 1e-3)
  return loss
}
)";

std::unique_ptr<Compiled> compiledFor(const std::string &plan) {
  std::string text = kProgram + ("\nplan parts for any on mesh" + plan + "\n");
  std::unique_ptr<Compiled> compiled = compile({"parts.dsl", text, "parts", "", ""});
  EXPECT_FALSE(compiled->locals.empty()) << compiled->engine.render();
  return compiled;
}

class PartsTest : public testing::TestWithParam<const char *> {};

TEST_P(PartsTest, AreProved) { EXPECT_EQ(prove(*compiledFor(GetParam())), ""); }

// Every sum left out, and taken over another part of the axis.
TEST_P(PartsTest, AreRefusedWithoutASum) {
  std::unique_ptr<Compiled> compiled = compiledFor(GetParam());
  mlir::ModuleOp local = *compiled->locals[0];
  auto sumsOf = [](mlir::ModuleOp module) {
    std::vector<comm::AllReduceOp> sums;
    module.lookupSymbol<mlir::func::FuncOp>("train")->walk([&](comm::AllReduceOp op) {
      if (op.getCombiner() == model::Combiner::Sum && !op.getResult().use_empty())
        sums.push_back(op);
    });
    return sums;
  };
  size_t count = sumsOf(local).size();
  ASSERT_GE(count, 1u);
  for (size_t number = 0; number < count; ++number) {
    mlir::OwningOpRef<mlir::ModuleOp> kept = local.clone();
    comm::AllReduceOp sum = sumsOf(local)[number];
    sum.getResult().replaceAllUsesWith(sum.getInput());
    EXPECT_THAT(prove(*compiled), testing::HasSubstr("error[E960]")) << number;
    compiled->locals[0] = std::move(kept);
    local = *compiled->locals[0];
  }
}

INSTANTIATE_TEST_SUITE_P(Plans, PartsTest,
                         testing::Values("(x: 12) { shard Batch over x[1:6]\n shard Hidden over x[4:3] }",
                                         "(x: 12) { shard Batch over x[1:6]\n shard Classes over x[2:2] }",
                                         "(x: 6) { shard Classes over x[1:2]\n shard Hidden over x[1:3] }",
                                         "(x: 6) { shard Batch over x[1:2]\n shard Hidden over x[2:3] }"));

} // namespace
} // namespace cleave::test
