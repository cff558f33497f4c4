#include "compiler/verify/Sizes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::verify {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(SizesTest, APartKeepsTwoElements) {
  auto all = [](const Sizes &) { return true; };
  EXPECT_THAT(smallest({{"Batch", 64, 4}, {"Seq", 1024, 1}, {"One", 1, 1}}, all),
              ElementsAre(Pair("Batch", 8), Pair("Seq", 2), Pair("One", 1)));
}

TEST(SizesTest, WhatDoesNotDivideStaysSo) {
  auto all = [](const Sizes &) { return true; };
  EXPECT_THAT(smallest({{"Batch", 65, 4}, {"Seq", 66, 3}}, all),
              ElementsAre(Pair("Batch", 9), Pair("Seq", 6)));
}

TEST(SizesTest, ConstraintsBetweenSizesHold) {
  // Head = Embed / Heads is whole and at least two; Embed is a multiple of 16.
  auto accepts = [](const Sizes &sizes) {
    int64_t embed = sizes[0].second, heads = sizes[1].second;
    return embed % heads == 0 && embed / heads >= 2 && embed % 16 == 0;
  };
  EXPECT_THAT(smallest({{"Embed", 192, 1}, {"Heads", 6, 2}}, accepts),
              ElementsAre(Pair("Embed", 16), Pair("Heads", 4)));
}

TEST(SizesTest, SizesThatMustBeEqualAreLoweredTogether) {
  auto accepts = [](const Sizes &sizes) { return sizes[0].second == sizes[1].second; };
  EXPECT_THAT(smallest({{"A", 256, 1}, {"B", 256, 1}}, accepts), ElementsAre(Pair("A", 2), Pair("B", 2)));
}

} // namespace
} // namespace cleave::verify
