// Blocks that are padded or not all equal, one thing at a time: each is proved, and what is wrong with it
// refused.
#include "compiler/prove/Prove.h"
#include "test/unit/prove/Mutations.h"
#include "test/unit/prove/Programs.h"

#include <gtest/gtest.h>

namespace cleave::test {
namespace {

struct Small {
  const char *name, *program, *plan;
};

std::ostream &operator<<(std::ostream &stream, const Small &it) { return stream << it.name; }

class BlocksTest : public testing::TestWithParam<Small> {};

TEST_P(BlocksTest, IsProvedAndItsFaultsAreRefused) {
  std::unique_ptr<Compiled> compiled =
      compile({"small.dsl", std::string(GetParam().program) + GetParam().plan, "small", "", ""});
  ASSERT_FALSE(compiled->locals.empty()) << compiled->engine.render();
  EXPECT_TRUE(isCovered(*compiled));
  EXPECT_EQ(prove(*compiled), "");
  std::vector<Mutation> mutations = mutationsOf(*compiled->locals[0]);
  EXPECT_FALSE(mutations.empty());
  for (const Mutation &mutation : mutations) {
    mlir::OwningOpRef<mlir::ModuleOp> right = std::move(compiled->locals[0]);
    compiled->locals[0] = right->clone();
    apply(*compiled->locals[0], mutation);
    EXPECT_NE(prove(*compiled), "") << nameOf(mutation);
    compiled->locals[0] = std::move(right);
  }
}

const Small kSmall[] = {
    // The sum over what a rank has of I is masked; a curve is over the sum.
    {"PaddedSumUnderACurve", R"(
axis Batch = 4, I = 7, O = 3
entry curve(x: f32[Batch, I], w: f32[I, O]) -> (y: f32[Batch, O]) {
  let h[b, o] = sum(i) x[b, i] * w[i, o]
  let y[b, o] = maximum(h[b, o], 0.0) * tanh(h[b, o])
  return y
}
)",
     "plan small on mesh(dp: 3) {\n  shard I over dp\n  remainder pad\n}\n"},
    // What a position in the padding would add to is nothing.
    {"PaddedPositions", R"(
axis Batch = 7, Buckets = 4
entry count(x: f32[Batch], place: i32[Batch]) -> (counted: f32[Buckets]) {
  let counted[v: Buckets] = scatter sum(b) x[b] at v = place[b]
  return counted
}
)",
     "plan small on mesh(dp: 2, tp: 2) {\n  shard Batch over dp\n  shard Buckets over tp\n  remainder "
     "pad\n}\n"},
    // A turn keeps the padding 0, so that the sum behind the loop may be over all of it.
    {"PaddingThatStaysZero", R"(
axis Batch = 5, Wide = 4, Wider = Wide, Time = 3
entry walk(x: f32[Time, Batch, Wide], w: f32[Wide, Wider]) -> (y: f32[Wide, Wider]) {
  let start[b: Batch, i: Wide] = 0.0
  let last = scan t over Time carry (h = start) {
    let mixed[b, i: Wide] = sum(j: Wider) (h[b, j] + x[t, b, j]) * w[i, j]
    next h = tanh(mixed)
  }
  let y[i, j: Wider] = sum(b) last[b, i] * last[b, j]
  return y
}
)",
     "plan small on mesh(dp: 2) {\n  shard Batch over dp\n  remainder pad\n}\n"},
    // Blocks that go from one order of three axes to another, of a dim with padding.
    {"OrdersOfAxes", R"(
axis Rows = 15, Columns = 4
entry scale(x: f32[Rows, Columns], y: f32[Rows]) -> (total: f32) {
  let mean[r] = sum(c) x[r, c]
  let total = sum(r, c) exp(x[r, c] * mean[r] * y[r])
  return total
}
)",
     "plan small on mesh(a: 2, b: 2, c: 2) {\n  shard Rows over a, b, c\n  layout mean: [Rows/c/b/a]\n  "
     "remainder "
     "pad\n}\n"},
    // The same for two axes of different sizes.
    {"OrdersOfUnlikeAxes", R"(
axis Rows = 11, Columns = 4
entry scale(x: f32[Rows, Columns], y: f32[Rows]) -> (total: f32) {
  let mean[r] = sum(c) x[r, c]
  let total = sum(r, c) exp(x[r, c] * mean[r] * y[r])
  return total
}
)",
     "plan small on mesh(a: 3, b: 2) {\n  shard Rows over a, b\n  layout mean: [Rows/b/a]\n  remainder "
     "pad\n}\n"},
    // A repeat that is taken apart: the first layer's rows are cut, the others' columns.
    {"SingleLayers", R"(
import nn
axis Batch = 4, Wide = 4, Deep = 3
layer Block(x: f32[Batch, Wide]) -> f32[Batch, Wide] {
  layer linear = nn.Linear[Wide, Wide]
  let h = linear(x)
  return x + tanh(h)
}
layer Net(x: f32[Batch, Wide]) -> f32[Batch, Wide] {
  repeat blocks[Deep] = Block
  return blocks(x)
}
layer net = Net
entry walk(x: f32[Batch, Wide]) -> (y: f32[Batch, Wide]) {
  return net(x)
}
)",
     "plan small on mesh(dp: 2) {\n  layout net.blocks[0].h: [Batch/dp, Wide]\n  layout net.blocks[1..2].h: "
     "[Batch, "
     "Wide/dp]\n}\n"},
};

INSTANTIATE_TEST_SUITE_P(Programs, BlocksTest, testing::ValuesIn(kSmall),
                         [](const auto &info) { return info.param.name; });

} // namespace
} // namespace cleave::test
