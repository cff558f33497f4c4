// Packing: its answers go through a check of their own; sizes against the lower bound.
#include "compiler/analysis/Packing.h"

#include "gtest/gtest.h"

#include <random>

using namespace cleave::analysis;

static void expectApart(llvm::ArrayRef<Interval> intervals, int64_t bytes) {
  for (size_t i = 0; i < intervals.size(); ++i) {
    const Interval &a = intervals[i];
    EXPECT_EQ(a.offset % alignmentOf(a.bytes), 0);
    EXPECT_GE(a.offset, 0);
    EXPECT_LE(a.offset + a.bytes, bytes);
    for (size_t k = 0; k < i; ++k) {
      const Interval &b = intervals[k];
      bool sameTime = a.begin <= b.end && b.begin <= a.end;
      bool sameBytes = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
      EXPECT_FALSE(sameTime && sameBytes) << i << " and " << k;
    }
  }
}

TEST(Packing, NothingNeedsNothing) {
  std::vector<Interval> none;
  EXPECT_EQ(packIntervals(none), 0);
  EXPECT_EQ(lowerBound(none), 0);
}

TEST(Packing, ReusesWhatIsFree) {
  std::vector<Interval> chain = {{640, 0, 1}, {640, 1, 2}, {640, 2, 3}, {640, 3, 4}};
  EXPECT_EQ(packIntervals(chain), 1280);
  EXPECT_EQ(lowerBound(chain), 1280);
  expectApart(chain, 1280);
}

TEST(Packing, FillsHolesWithSmallBuffers) {
  // The small one lives while the first large one is dead.
  std::vector<Interval> intervals = {{6400, 0, 4}, {6400, 5, 9}, {64, 0, 9}, {640, 5, 9}};
  int64_t bytes = packIntervals(intervals);
  EXPECT_EQ(bytes, 6400 + 640 + 64);
  expectApart(intervals, bytes);
}

TEST(Packing, AlignsLargeBuffersToPages) {
  std::vector<Interval> intervals = {{100, 0, 1}, {(1 << 20) + 4, 0, 1}, {(1 << 20) + 4, 0, 1}};
  expectApart(intervals, packIntervals(intervals));
}

TEST(Packing, StaysNearTheLowerBound) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::vector<Interval> intervals;
    for (int i = 0; i < 200; ++i) {
      int64_t begin = random() % 1000, length = random() % 60;
      intervals.push_back({int64_t(64 * (1 + random() % 512)), begin, begin + length});
    }
    int64_t bytes = packIntervals(intervals);
    expectApart(intervals, bytes);
    EXPECT_LE(bytes, lowerBound(intervals) * 5 / 4);
  }
}

// Each is counted in 63 bits, all together are not.
TEST(Packing, SaysWhatCannotBeCounted) {
  constexpr int64_t kHuge = INT64_MAX - 100;
  std::vector<Interval> together = {{kHuge, 0, 1}, {kHuge, 0, 1}, {64, 0, 1}, {kHuge, 1, 2}};
  EXPECT_GT(packIntervals(together), kMostBytes);
  EXPECT_EQ(lowerBound(together), INT64_MAX);
  std::vector<Interval> apart = {{kMostBytes, 0, 1}, {kMostBytes, 2, 3}};
  EXPECT_EQ(packIntervals(apart), kMostBytes);
}
