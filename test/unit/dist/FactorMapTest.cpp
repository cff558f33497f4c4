// Factors against the maps they were read from, point by point.
#include "dialects/dist/ir/FactorMap.h"

#include "dialects/dist/ir/Digits.h"

#include "gtest/gtest.h"

#include <random>

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

namespace {

int64_t evaluate(AffineExpr expr, ArrayRef<int64_t> point) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return point[dim.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t left = evaluate(binary.getLHS(), point), right = evaluate(binary.getRHS(), point);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return left + right;
  case AffineExprKind::Mul:
    return left * right;
  case AffineExprKind::FloorDiv:
    return left >= 0 ? left / right : -((-left + right - 1) / right);
  default:
    return ((left % right) + right) % right;
  }
}

// Calls `visit` with every point of a space.
void forEachPoint(ArrayRef<int64_t> sizes, function_ref<void(ArrayRef<int64_t>)> visit) {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  SmallVector<int64_t> point(sizes.size());
  for (int64_t number = 0; number != count; ++number) {
    int64_t rest = number;
    for (size_t dim = sizes.size(); dim-- > 0; rest /= sizes[dim])
      point[dim] = rest % sizes[dim];
    visit(point);
  }
}

class Maps : public ::testing::Test {
protected:
  Maps() { context.loadDialect<model::ModelDialect, func::FuncDialect>(); }

  AffineExpr dim(unsigned number) { return getAffineDimExpr(number, &context); }

  // An index op over these dims, the last of which is summed, reading a tensor of one axis at `expr`.
  FactorMap factors(ArrayRef<int64_t> sizes, AffineExpr expr, int64_t extent) {
    OpBuilder builder(&context);
    Location loc = builder.getUnknownLoc();
    if (!module)
      module = ModuleOp::create(loc);
    builder.setInsertionPointToEnd(module->getBody());
    Type element = builder.getF32Type();
    Value zero = arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::get(model::tensorOf(element, {"X"}, {extent}), 0.0f));
    SmallVector<StringRef> axes = {"A", "B", "C"};
    axes.truncate(sizes.size());
    int64_t parallel = sizes.size() - 1;
    auto op = model::IndexOp::create(
        builder, loc, model::tensorOf(element, ArrayRef(axes).drop_back(), sizes.drop_back()),
        ValueRange{zero}, AffineMap::get(sizes.size(), 0, expr), ArrayRef<Attribute>(), axes, sizes, parallel,
        model::Combiner::Sum, [](OpBuilder &, Location, ValueRange scalars) { return scalars[0]; });
    return *factorMapOf(op);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

// The number of a factor at a point: a digit of its dim.
int64_t numberOf(const FactorMap &map, unsigned factor, ArrayRef<int64_t> point) {
  int64_t below = 1;
  for (unsigned other = factor + 1;
       other < map.factors.size() && map.factors[other].dim == map.factors[factor].dim; ++other)
    below *= map.factors[other].size;
  return point[map.factors[factor].dim] / below % map.factors[factor].size;
}

// What FactorMap.h says of each kind of read.
void checkRead(const FactorMap &map, const DimFactors &read, AffineExpr expr, int64_t extent) {
  if (read.read == Read::Whole)
    return;
  forEachPoint(map.dims, [&](ArrayRef<int64_t> point) {
    int64_t number = 0;
    for (unsigned factor : read.factors)
      number = number * map.factors[factor].size + numberOf(map, factor, point);
    int64_t position = evaluate(expr, point);
    if (read.read == Read::Plain) {
      ASSERT_EQ(position, number);
      ASSERT_LT(position, extent);
      return;
    }
    ASSERT_GE(position, read.stride * number + read.low);
    ASSERT_LE(position, read.stride * number + read.high);
  });
}

TEST_F(Maps, AxesThatAreJoinedAndSplit) {
  // 8 x 4 read as 2 x 16.
  FactorMap map = factors({2, 16, 1}, dim(0) * 4 + dim(1).floorDiv(4), 8);
  ASSERT_EQ(map.factors.size(), 4u);
  EXPECT_EQ(map.factors[1].size, 4);
  EXPECT_EQ(map.factors[2].size, 4);
  EXPECT_EQ(map.operands[0].dims[0].factors, (SmallVector<unsigned, 2>{0, 1}));
}

TEST_F(Maps, WindowsHaveAReach) {
  FactorMap map = factors({8, 3}, dim(0) + dim(1) - 1, 8);
  const DimFactors &read = map.operands[0].dims[0];
  EXPECT_EQ(read.read, Read::Window);
  EXPECT_EQ(read.low, -1);
  EXPECT_EQ(read.high, 1);
  EXPECT_EQ(factors({4, 2}, dim(0) * 2 + dim(1), 8).operands[0].dims[0].read, Read::Plain);
}

TEST_F(Maps, WhatFallsWithinNoDigitIsWhole) {
  EXPECT_EQ(factors({9, 1}, dim(0).floorDiv(2), 5).operands[0].dims[0].read, Read::Whole);
  EXPECT_EQ(factors({8, 1}, 7 - dim(0), 8).operands[0].dims[0].read, Read::Whole);
}

// Random sums of digits, divided again: whatever is read off holds at every point.
TEST_F(Maps, HoldAtEveryPoint) {
  std::mt19937 random(7);
  auto pick = [&](std::initializer_list<int64_t> from) { return from.begin()[random() % from.size()]; };
  unsigned plain = 0, windows = 0;
  for (int round = 0; round != 400; ++round) {
    SmallVector<int64_t> sizes = {pick({2, 4, 6, 8}), pick({1, 2, 3, 4, 8}), pick({1, 2, 3})};
    AffineExpr expr = dim(random() % 3) * pick({1, 1, 2, 4, 8}) + dim(random() % 3) * pick({0, 1, 2}) +
                      pick({0, 0, 0, 1, -1});
    if (random() % 3 == 0)
      expr = random() % 2 ? expr.floorDiv(pick({2, 3, 4})) : expr % pick({2, 4, 6});
    if (random() % 4 == 0)
      expr = expr + dim(2);
    int64_t most = 0;
    forEachPoint(sizes, [&](ArrayRef<int64_t> point) { most = std::max(most, evaluate(expr, point)); });
    for (int64_t extent : {most + 1, most + 3}) {
      FactorMap map = factors(sizes, expr, extent);
      const DimFactors &read = map.operands[0].dims[0];
      plain += read.read == Read::Plain;
      windows += read.read == Read::Window;
      checkRead(map, read, expr, extent);
    }
  }
  EXPECT_GT(plain, 40u);
  EXPECT_GT(windows, 100u);
}

} // namespace
