#include "dialects/dist/ir/Axes.h"

#include "gtest/gtest.h"

using namespace cleave::dist;

namespace {

// Parts of an axis x (mesh position 0) and of another one.
constexpr Axis x(int64_t pre, int64_t size) { return {0, pre, size}; }
constexpr Axis y(int64_t pre, int64_t size) { return {1, pre, size}; }

TEST(Axes, OverlapIsOfDigits) {
  EXPECT_TRUE(overlap(x(1, 4), x(2, 4)));
  EXPECT_FALSE(overlap(x(1, 2), x(2, 4)));
  EXPECT_FALSE(overlap(x(1, 4), y(1, 4)));
  EXPECT_FALSE(overlap(x(1, 2), x(4, 2))); // a digit lies between them
}

TEST(Axes, PartsThatNoSplittingHasBothOfOverlap) {
  EXPECT_TRUE(overlap(x(1, 2), x(3, 2))); // of 6: 2 * 3 or 3 * 2
  EXPECT_FALSE(overlap(x(1, 3), x(3, 2)));
}

TEST(Axes, PrefixIsTheLargestThatIsFree) {
  EXPECT_EQ(prefixWithout(x(1, 16), {x(4, 2)}), x(1, 4));
  EXPECT_EQ(prefixWithout(x(1, 16), {y(1, 4)}), x(1, 16));
  EXPECT_EQ(prefixWithout(x(1, 16), {x(8, 2), x(4, 2)}), x(1, 4));
  EXPECT_EQ(prefixWithout(x(1, 16), {x(1, 2)}), std::nullopt);
  EXPECT_EQ(prefixWithout(x(1, 6), {x(3, 2)}), x(1, 3));
}

TEST(Axes, NeighboursJoin) {
  AxisList list;
  for (const Axis &axis : {x(1, 2), x(2, 4), y(1, 2), x(16, 2)})
    append(list, axis);
  EXPECT_EQ(list, (AxisList{x(1, 8), y(1, 2), x(16, 2)}));
  EXPECT_EQ(sizeOf(list), 32);
}

TEST(Axes, ListsBeginLists) {
  EXPECT_EQ(prefixOf({}, {}), Prefix::Equal);
  EXPECT_EQ(prefixOf({}, {x(1, 2)}), Prefix::Strict);
  EXPECT_EQ(prefixOf({x(1, 2)}, {x(1, 4)}), Prefix::Strict);
  EXPECT_EQ(prefixOf({x(1, 4)}, {x(1, 2)}), Prefix::No);
  EXPECT_EQ(prefixOf({x(1, 4)}, {x(1, 4), y(1, 2)}), Prefix::Strict);
  EXPECT_EQ(prefixOf({x(1, 2), y(1, 2)}, {x(1, 4), y(1, 2)}), Prefix::No);
}

TEST(Axes, LayoutsAgreeWhereOneIsOpenToTheOther) {
  auto cut = [](std::vector<DimCut> dims, AxisList replicated = {}) {
    return Cut{{dims.begin(), dims.end()}, std::move(replicated), {}};
  };
  DimCut open{{}, true, 0}, closed{{}, false, 0}, ax{{x(1, 4)}, false, 0}, axOpen{{x(1, 2)}, true, 0};
  std::optional<Cut> both = agreed(cut({axOpen, open}), cut({ax, {{y(1, 2)}, true, 0}}));
  ASSERT_TRUE(both);
  EXPECT_EQ(both->dims[0].axes, (AxisList{x(1, 4)}));
  EXPECT_FALSE(both->dims[0].open);
  EXPECT_EQ(both->dims[1].axes, (AxisList{y(1, 2)}));
  EXPECT_TRUE(both->dims[1].open);
  EXPECT_FALSE(agreed(cut({closed}), cut({ax})));
  EXPECT_FALSE(agreed(cut({ax, open}), cut({open, ax}))) << "an axis cuts one dim";
  EXPECT_FALSE(agreed(cut({open}, {x(1, 4)}), cut({ax}))) << "replicated for one, cut for the other";
  EXPECT_TRUE(agreed(cut({open}, {y(1, 2)}), cut({ax})));
}

} // namespace
