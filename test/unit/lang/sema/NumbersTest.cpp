// Constants: checked integers, floats rounded as their types round.
#include "lang/sema/Numbers.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace cleave;
using namespace cleave::sema;
using ast::BinaryOp;
using ast::ElementType;

TEST(NumbersTest, IntegersAreCheckedAndRoundDown) {
  EXPECT_EQ(parseInteger("1_000"), 1000);
  EXPECT_EQ(parseInteger("9223372036854775807"), INT64_MAX);
  EXPECT_FALSE(parseInteger("9223372036854775808"));
  EXPECT_FALSE(parseInteger("_"));
  EXPECT_EQ(integerBinary("/", -7, 2), -4);
  EXPECT_EQ(integerBinary("%", -7, 2), 1);
  EXPECT_EQ(integerBinary("%", 7, -2), -1);
  EXPECT_FALSE(integerBinary("*", INT64_MAX, 2));
  EXPECT_FALSE(integerBinary("/", INT64_MIN, -1));
  EXPECT_FALSE(integerBinary("/", 1, 0));
}

TEST(NumbersTest, PowersEndForAnyExponent) {
  EXPECT_EQ(foldBinary(BinaryOp::Pow, int64_t(2), int64_t(10)), 1024);
  EXPECT_EQ(foldBinary(BinaryOp::Pow, int64_t(-1), INT64_MAX), -1);
  EXPECT_EQ(foldBinary(BinaryOp::Pow, int64_t(0), int64_t(0)), 1);
  EXPECT_FALSE(foldBinary(BinaryOp::Pow, int64_t(3), INT64_MAX));
}

TEST(NumbersTest, FloatsRoundToNearestEven) {
  EXPECT_EQ(roundTo(ElementType::F32, 0.1), static_cast<double>(0.1f));
  EXPECT_EQ(roundTo(ElementType::BF16, 1 + 1.0 / 256), 1.0);
  EXPECT_EQ(roundTo(ElementType::BF16, 1 + 3.0 / 256), 1 + 4.0 / 256);
  EXPECT_EQ(roundTo(ElementType::BF16, 1e39), INFINITY);
  EXPECT_EQ(roundTo(ElementType::F16, 65519.0), 65504.0);
  EXPECT_EQ(roundTo(ElementType::F16, 65520.0), INFINITY);
  EXPECT_EQ(roundTo(ElementType::F16, std::ldexp(1, -24)), std::ldexp(1, -24)); // least subnormal
  EXPECT_EQ(roundTo(ElementType::F16, std::ldexp(1, -26)), 0.0);
}

TEST(NumbersTest, NarrowIntegersWrap) {
  EXPECT_EQ(wrapTo(ElementType::U8, 300), 44);
  EXPECT_EQ(wrapTo(ElementType::I8, 200), -56);
  EXPECT_TRUE(holds(ElementType::U8, 255));
  EXPECT_FALSE(holds(ElementType::U8, -1));
}
