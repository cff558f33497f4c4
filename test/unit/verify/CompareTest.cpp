#include "compiler/verify/Compare.h"

#include <gtest/gtest.h>

namespace cleave::verify {
namespace {

Value value(const std::string &name, std::vector<double> elements, rt::Type type = rt::Type::F64) {
  Value value;
  value.name = name;
  value.shape = {type, {static_cast<int64_t>(elements.size() / 2), 2}, {"I", "J"}};
  value.copies = {std::move(elements)};
  return value;
}

const Values kReference = {value("a", {1, 2, 3, 4}), value("b", {5, 6, 7, 8})};
Comparison compare(const Values &reference, const Values &jittered, const Values &candidate, int64_t terms) {
  return verify::compare(reference, candidate, boundsOf(reference, jittered, terms));
}

// What sums of some hundred terms make of 2^-36.
const Values kJittered = {value("a", {1 + 1e-10, 2, 3, 4}), value("b", {5, 6, 7 - 1e-10, 8})};

TEST(CompareTest, WhatTheOrderOfSumsExplainsIsNoDifference) {
  Values other = {value("a", {1 + 2e-15, 2, 3, 4}), value("b", {5, 6, 7, 8})};
  Comparison comparison = compare(kReference, kJittered, other, 100);
  EXPECT_FALSE(comparison.first);
  EXPECT_NEAR(comparison.values[0].largest, 2e-15, 1e-16);
  EXPECT_NEAR(comparison.values[0].bound, 8 * 100 * 0x1p-17 * 1e-10, 1e-16);
}

TEST(CompareTest, TheFirstValueBeyondItsBoundIsNamedWithItsWorstElement) {
  Values other = {value("a", {1, 2, 3, 4}), value("b", {5, 6.5, 7, 10})};
  Comparison comparison = compare(kReference, kJittered, other, 100);
  ASSERT_TRUE(comparison.first);
  EXPECT_EQ(comparison.first->place(), "b[1, 1]");
  EXPECT_EQ(comparison.first->expected, 8);
  EXPECT_EQ(comparison.first->found, 10);
  EXPECT_EQ(comparison.values[1].beyond, 2);
}

TEST(CompareTest, ATinyDifferenceOfAWellConditionedValueIsFound) {
  Values other = {value("a", {1 + 1e-11, 2, 3, 4}), value("b", {5, 6, 7, 8})};
  EXPECT_TRUE(compare(kReference, kJittered, other, 100).first);
}

TEST(CompareTest, IntegersMustBeEqual) {
  Values integers = {value("n", {1, 2, 3, 4}, rt::Type::I64)};
  Values others = {value("n", {1, 2, 3, 5}, rt::Type::I64)};
  EXPECT_FALSE(compare(integers, integers, integers, 100).first);
  EXPECT_TRUE(compare(integers, others, others, 100).first) << "jitter gives integers no slack";
}

TEST(CompareTest, NotANumberEqualsItselfOnly) {
  double nan = __builtin_nan(""), infinity = __builtin_inf();
  Values reference = {value("a", {nan, infinity, 0, 1})};
  EXPECT_FALSE(compare(reference, reference, reference, 1).first);
  Comparison comparison = compare(reference, reference, {value("a", {0, infinity, 0, 1})}, 1);
  ASSERT_TRUE(comparison.first);
  EXPECT_EQ(comparison.first->place(), "a[0, 0]");
}

TEST(CompareTest, EveryRanksCopyIsCompared) {
  Values other = kReference;
  other[1].copies.push_back(other[1].copies[0]);
  EXPECT_FALSE(compare(kReference, kJittered, other, 100).first);
  other[1].copies[1][2] = 0;
  Comparison comparison = compare(kReference, kJittered, other, 100);
  ASSERT_TRUE(comparison.first);
  EXPECT_EQ(comparison.first->place(), "b[1, 0]");
}

TEST(CompareTest, WhatARepeatMakesComesTurnByTurn) {
  // Turns are rows here: of each layer first q, then h; of gradients the last layer's first.
  Values made = {value("m.b[*].q", {1, 2, 3, 4}), value("m.b[*].h", {5, 6, 7, 8}), value("logits", {1, 1})};
  Values others = {value("m.b[*].q", {1, 2, 3, 0}), value("m.b[*].h", {5, 0, 0, 8}), value("logits", {0, 0})};
  for (Value &value : made)
    value.inTurns = true;
  Bounds none;
  EXPECT_EQ(verify::compare(made, others, none).first->place(), "m.b[*].h[0, 1]");
  others[1].copies = made[1].copies;
  EXPECT_EQ(verify::compare(made, others, none).first->place(), "m.b[*].q[1, 1]");
  made = {value("grad(m.b[*].v)", {1, 2, 3, 4}), value("grad(m.b[*].w)", {5, 6, 7, 8})};
  for (Value &value : made)
    value.inTurns = true;
  others = {value("grad(m.b[*].v)", {0, 2, 3, 4}), value("grad(m.b[*].w)", {5, 6, 7, 0})};
  EXPECT_EQ(verify::compare(made, others, none).first->place(), "grad(m.b[*].w)[1, 1]");
}

TEST(CompareTest, AValueThatIsMissingIsSaid) {
  Comparison comparison = compare(kReference, kJittered, {kReference[0]}, 1);
  EXPECT_FALSE(comparison.first);
  EXPECT_EQ(comparison.missing, std::vector<std::string>{"b"});
}

} // namespace
} // namespace cleave::verify
