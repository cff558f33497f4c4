// The model of memory that checks plans.
#include "compiler/analysis/MemoryModel.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace cleave::analysis;

TEST(MemoryModel, KnowsWhatWasWritten) {
  RegionModel region;
  region.write(16, {{1, 0, 32}});
  EXPECT_EQ(region.read(16, 32), (Content{{1, 0, 32}}));
  EXPECT_EQ(region.read(24, 8), (Content{{1, 8, 8}}));
  EXPECT_EQ(region.read(0, 64), (Content{{0, 0, 16}, {1, 0, 32}, {0, 0, 16}}));
}

TEST(MemoryModel, OverwritingKeepsTheRest) {
  RegionModel region;
  region.write(0, {{1, 0, 64}});
  region.write(16, {{2, 0, 16}});
  EXPECT_EQ(region.read(0, 64), (Content{{1, 0, 16}, {2, 0, 16}, {1, 32, 32}}));
  region.write(16, {{1, 16, 16}});
  EXPECT_EQ(region.read(0, 64), (Content{{1, 0, 64}}));
}

TEST(MemoryModel, SlicesAndJoins) {
  Content content{{1, 0, 8}, {1, 8, 8}, {2, 4, 8}};
  EXPECT_EQ(normalized(content), (Content{{1, 0, 16}, {2, 4, 8}}));
  EXPECT_EQ(slice(content, 4, 16), (Content{{1, 4, 12}, {2, 4, 4}}));
}

TEST(MemoryModel, BlursWhatBranchesLeaveDifferent) {
  RegionModel a, b;
  a.write(0, {{1, 0, 64}});
  b.write(0, {{1, 0, 32}, {2, 0, 32}});
  a.blur(b, 9);
  EXPECT_EQ(a.read(0, 32), (Content{{1, 0, 32}}));
  EXPECT_EQ(a.read(32, 1)[0].token, 9);
}
