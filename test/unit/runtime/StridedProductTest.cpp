// Products of strided memory against plain loops, with the vectors of every processor this one can stand for.
#include "runtime/device/cpu/StridedProduct.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace cleave::rt {
namespace {

int64_t points(const StridedProduct &product, bool units) {
  int64_t count = 1;
  if (units)
    for (int64_t i = 0; i < product.unitDims; ++i)
      count *= product.units[i].size;
  else
    for (int64_t i = 0; i < product.segmentDims; ++i)
      count *= product.segments[i].size;
  return count;
}

/// One result at a time, in f64.
void multiplyPlainly(const StridedProduct &product, const float *a, const float *b, std::vector<double> &c) {
  for (int64_t unit = 0; unit < points(product, true); ++unit) {
    int64_t rest = unit, inA = 0, inB = 0, inC = 0;
    for (int64_t i = product.unitDims - 1; i >= 0; --i) {
      const auto &dim = product.units[i];
      inA += rest % dim.size * dim.a;
      inB += rest % dim.size * dim.b;
      inC += rest % dim.size * dim.c;
      rest /= dim.size;
    }
    for (int64_t row = 0; row < product.rows; ++row)
      for (int64_t column = 0; column < product.columns; ++column) {
        double sum = 0;
        for (int64_t segment = 0; segment < points(product, false); ++segment) {
          int64_t left = segment, fromA = inA + row * product.aRow, fromB = inB + column;
          for (int64_t i = product.segmentDims - 1; i >= 0; --i) {
            const auto &dim = product.segments[i];
            fromA += left % dim.size * dim.a;
            fromB += left % dim.size * dim.b;
            left /= dim.size;
          }
          for (int64_t term = 0; term < product.terms; ++term)
            sum += static_cast<double>(a[fromA + term * product.aTerm]) * b[fromB + term * product.bTerm];
        }
        c[inC + row * product.cRow + column] = sum;
      }
  }
}

struct Case {
  StridedProduct product;
  int64_t aStart, aSize, bSize, cSize;
};

/// Images with an edge: x [n, h + 2, w + 2, c], w [3, 3, c, o].
Case convolution(int64_t n, int64_t h, int64_t w, int64_t c, int64_t o) {
  int64_t line = (w + 2) * c, image = (h + 2) * line;
  StridedProduct product = {w, c, o, o, 3 * c, 1, o, 2, 1, {{n, image, 0, h * w * o}, {h, line, 0, w * o}},
                            {}};
  product.segments[0] = {3, line, 3 * c * o};
  return {product, 0, n * image, 9 * c * o, n * h * w * o};
}

/// The same windows backwards: A is walked down.
Case inputGradient(int64_t n, int64_t h, int64_t w, int64_t o, int64_t c) {
  Case result = convolution(n, h, w, o, c);
  int64_t line = (w + 2) * o;
  result.product.terms = o;
  result.product.segmentDims = 2;
  result.product.segments[0] = {3, -line, 3 * o * c};
  result.product.segments[1] = {3, -o, o * c};
  result.aStart = 2 * line + 2 * o;
  return result;
}

/// dw [parts, 3, 3 * c, o] = sum over n, i, j; B differs between parts.
Case weightGradient(int64_t parts, int64_t n, int64_t h, int64_t w, int64_t c, int64_t o) {
  int64_t line = (w + 2) * c, image = (h + 2) * line;
  StridedProduct product = {3 * c, 1, o, o, w, c, o, 2, 2, {}, {}};
  product.units[0] = {parts, n * image, n * h * w * o, 9 * c * o};
  product.units[1] = {3, line, 0, 3 * c * o};
  product.segments[0] = {n, image, h * w * o};
  product.segments[1] = {h, line, w * o};
  return {product, 0, parts * n * image, parts * n * h * w * o, parts * 9 * c * o};
}

class StridedProductTest : public testing::TestWithParam<int> {};

TEST_P(StridedProductTest, EqualsPlainLoopsHoweverItIsCut) {
  std::mt19937 engine(1);
  std::normal_distribution<float> normal;
  const Case cases[] = {
      convolution(2, 5, 7, 3, 33),          convolution(1, 4, 16, 16, 64),
      inputGradient(2, 5, 9, 40, 17),       weightGradient(3, 2, 6, 11, 5, 40),
      weightGradient(1, 1, 40, 32, 4, 400), convolution(1, 2, 3, 300, 50)}; // terms beyond a block
  for (const Case &each : cases) {
    std::vector<float> a(each.aSize), b(each.bSize), c(each.cSize + 1, NAN);
    for (std::vector<float> *values : {&a, &b})
      for (float &value : *values)
        value = normal(engine);
    std::vector<double> expected(each.cSize);
    multiplyPlainly(each.product, a.data() + each.aStart, b.data(), expected);
    std::vector<float> first;
    int64_t units = points(each.product, true);
    for (int64_t step : {units, int64_t{1}, int64_t{4}}) {
      for (int64_t begin = 0; begin < units; begin += step)
        if (!multiplyStridedWith(GetParam(), each.product, a.data() + each.aStart, b.data(), c.data(), begin,
                                 std::min(units, begin + step)))
          GTEST_SKIP() << "this processor has no vectors of " << GetParam() << " bytes";
      for (int64_t i = 0; i < each.cSize; ++i)
        ASSERT_NEAR(c[i], expected[i], 1e-4 * std::sqrt(each.product.terms * points(each.product, false)))
            << i;
      ASSERT_TRUE(std::isnan(c.back()));
      if (first.empty())
        first = c;
      for (int64_t i = 0; i < each.cSize; ++i) // the same bits
        ASSERT_EQ(c[i], first[i]) << i;
    }
  }
}

TEST(StridedProduct, TakesTheWidestVectors) {
  Case each = convolution(1, 3, 4, 8, 32);
  std::vector<float> a(each.aSize, 1), b(each.bSize, 2), c(each.cSize);
  multiplyStrided(each.product, a.data(), b.data(), c.data(), 0, 3);
  for (float value : c)
    ASSERT_EQ(value, 2 * 9 * 8);
}

INSTANTIATE_TEST_SUITE_P(Vectors, StridedProductTest, testing::Values(16, 32, 64));

} // namespace
} // namespace cleave::rt
