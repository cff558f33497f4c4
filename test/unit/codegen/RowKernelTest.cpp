// Row kernels against straightforward references: sizes that do and do not fill vectors, f32 and f64, NaN and
// infinities, any cut of the units.
#include "test/unit/codegen/KernelTester.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

namespace cleave::codegen::test {
namespace {

constexpr const char *kSoftmax = R"(
func.func private @softmax(%x: tensor<$SHAPEx$T>) -> tensor<$SHAPEx$T>
    attributes {cleave.kernel, cleave.rows = array<i64: $R>} {
  %zero = arith.constant 0.0 : $T
  %lowest = arith.constant $LOW : $T
  %e1 = tensor.empty() : tensor<$Rx$T>
  %e2 = tensor.empty() : tensor<$SHAPEx$T>
  %f1 = linalg.fill ins(%lowest : $T) outs(%e1 : tensor<$Rx$T>) -> tensor<$Rx$T>
  %f0 = linalg.fill ins(%zero : $T) outs(%e1 : tensor<$Rx$T>) -> tensor<$Rx$T>
  %m = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
                       iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<$SHAPEx$T>) outs(%f1 : tensor<$Rx$T>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: $T, %o: $T):
    %r = arith.maximumf %a, %o : $T
    linalg.yield %r : $T
  } -> tensor<$Rx$T>
  %e = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>,
                                        affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x, %m : tensor<$SHAPEx$T>, tensor<$Rx$T>) outs(%e2 : tensor<$SHAPEx$T>)
      attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: $T, %b: $T, %o: $T):
    %d = arith.subf %a, %b : $T
    %r = math.exp %d : $T
    linalg.yield %r : $T
  } -> tensor<$SHAPEx$T>
  %z = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
                       iterator_types = ["parallel", "reduction"]}
      ins(%e : tensor<$SHAPEx$T>) outs(%f0 : tensor<$Rx$T>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: $T, %o: $T):
    %r = arith.addf %a, %o : $T
    linalg.yield %r : $T
  } -> tensor<$Rx$T>
  %p = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>,
                                        affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%e, %z : tensor<$SHAPEx$T>, tensor<$Rx$T>) outs(%e2 : tensor<$SHAPEx$T>)
      attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: $T, %b: $T, %o: $T):
    %r = arith.divf %a, %b : $T
    linalg.yield %r : $T
  } -> tensor<$SHAPEx$T>
  return %p : tensor<$SHAPEx$T>
})";

std::string softmaxText(int64_t rows, int64_t size, bool isDouble) {
  return substitute(kSoftmax, {{"SHAPE", std::to_string(rows) + "x" + std::to_string(size)},
                               {"R", std::to_string(rows)},
                               {"LOW", isDouble ? "0xFFF0000000000000" : "0xFF800000"},
                               {"T", isDouble ? "f64" : "f32"}});
}

template <typename T> std::vector<double> softmax(const std::vector<T> &x, int64_t size) {
  std::vector<double> result(x.size());
  for (size_t row = 0; row < x.size(); row += size) {
    double top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < size; ++j)
      top = std::isnan(x[row + j]) ? NAN : std::max<double>(top, x[row + j]);
    for (int64_t j = 0; j < size; ++j)
      sum += result[row + j] = std::exp(static_cast<double>(x[row + j]) - top);
    for (int64_t j = 0; j < size; ++j)
      result[row + j] /= sum;
  }
  return result;
}

template <typename T> void checkSoftmax(int64_t rows, int64_t size, double tolerance) {
  SCOPED_TRACE(testing::Message() << rows << " x " << size);
  std::string text = softmaxText(rows, size, std::is_same_v<T, double>);
  Kernels kernels(text);
  std::vector<T> x = normals<T>(rows * size), y(x.size(), -7), cut(x.size(), -7);
  if (size > 1)
    x[1] = -INFINITY;
  if (size > 2)
    x[size + 2] = NAN; // makes the second row NaN, and no other
  kernels.run("softmax", {x.data(), y.data()});
  EXPECT_LE(distance(y, softmax(x, size)), tolerance);
  kernels.run("softmax", {x.data(), cut.data()}, 1);
  EXPECT_EQ(std::memcmp(y.data(), cut.data(), y.size() * sizeof(T)), 0);
}

TEST(RowKernel, SoftmaxMatchesTheReference) {
  for (int64_t size : {1, 3, 16, 17, 64, 100, 256})
    checkSoftmax<float>(5, size, 2e-6);
  for (int64_t size : {1, 9, 100})
    checkSoftmax<double>(3, size, 1e-14);
}

TEST(RowKernel, RowsTooLongForTheStackLieOnTheHeap) {
  constexpr int64_t kSize = 3 << 20; // 12 MiB a row
  Kernels kernels(softmaxText(2, kSize, false));
  std::vector<float> x = normals<float>(2 * kSize), y(x.size());
  kernels.run("softmax", {x.data(), y.data()});
  EXPECT_LE(distance(y, softmax(x, kSize)), 1e-9);
}

/// One generic over loop dims (i, j): maps and iterators as MLIR writes them.
std::string genericText(const std::string &in, const std::string &out, const std::string &rows,
                        const std::string &rowDims, const std::string &inMap, const std::string &outMap,
                        const std::string &iterators, bool sums) {
  return substitute(R"(
func.func private @k(%x: tensor<$IN>) -> tensor<$OUT> attributes {cleave.kernel, cleave.rows = array<i64$ROWS>} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<$OUT>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<$OUT>) -> tensor<$OUT>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> $MIN>, affine_map<(i, j) -> $MOUT>],
                       iterator_types = [$ITERATORS]}
      ins(%x : tensor<$IN>) outs(%f : tensor<$OUT>) attrs = {cleave.rows = array<i64$DIMS>} {
  ^bb0(%a: f32, %o: f32):
    $BODY
    linalg.yield %s : f32
  } -> tensor<$OUT>
  return %r : tensor<$OUT>
})",
                    {{"MIN", inMap},
                     {"MOUT", outMap},
                     {"ITERATORS", iterators},
                     {"IN", in},
                     {"OUT", out},
                     {"ROWS", rows},
                     {"DIMS", rowDims},
                     {"BODY", sums ? "%s = arith.addf %o, %a : f32" : "%s = arith.addf %a, %a : f32"}});
}

struct Extent {
  int64_t rows, columns;
};

const std::vector<Extent> kExtents = {{1, 1},  {1, 40}, {7, 1},    {3, 15},
                                      {5, 16}, {9, 33}, {70, 131}, {2, 9000}};

std::string shape(std::initializer_list<int64_t> sizes) {
  std::string text;
  for (int64_t size : sizes)
    text += std::to_string(size) + "x";
  return text + "f32";
}

/// Runs `text` on x whole and unit by unit; both must give `expected`.
void checkKernel(const std::string &text, std::vector<float> x, const std::vector<double> &expected,
                 double tolerance) {
  SCOPED_TRACE(text);
  Kernels kernels(text);
  std::vector<float> y(expected.size(), -7), cut(expected.size(), -7);
  kernels.run("k", {x.data(), y.data()});
  EXPECT_LE(distance(y, expected), tolerance);
  kernels.run("k", {x.data(), cut.data()}, 1);
  EXPECT_EQ(y, cut);
}

TEST(RowKernel, SumsOverColumnsRowsAndAll) {
  const std::string both = R"("parallel", "reduction")";
  for (auto [m, n] : kExtents) {
    std::vector<float> x = normals<float>(m * n);
    std::vector<double> rows(m), columns(n), all(1);
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        rows[i] += x[i * n + j];
        columns[j] += x[i * n + j];
        all[0] += x[i * n + j];
      }
    std::string in = shape({m, n}), size = ": " + std::to_string(m), other = ": " + std::to_string(n);
    checkKernel(genericText(in, shape({m}), size, ": 0", "(i, j)", "(i)", both, true), x, rows, 1e-5);
    checkKernel(genericText(in, shape({n}), other, ": 0", "(j, i)", "(i)", both, true), x, columns, 1e-5);
    checkKernel(genericText(in, "f32", "", "", "(i, j)", "()", R"("reduction", "reduction")", true), x, all,
                1e-4);
  }
}

TEST(RowKernel, TransposesAndBroadcasts) {
  const std::string parallel = R"("parallel", "parallel")";
  for (auto [m, n] : kExtents) {
    std::vector<float> x = normals<float>(m * n), row(x.begin(), x.begin() + n);
    std::vector<double> transposed(m * n), repeated(m * n);
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        transposed[j * m + i] = 2 * x[i * n + j];
        repeated[i * n + j] = 2 * row[j];
      }
    std::string rows = ": " + std::to_string(n) + ", " + std::to_string(m);
    checkKernel(
        genericText(shape({m, n}), shape({n, m}), rows, ": 0, 1", "(j, i)", "(i, j)", parallel, false), x,
        transposed, 0);
    std::string leading = ": " + std::to_string(m);
    checkKernel(genericText(shape({n}), shape({m, n}), leading, ": 0", "(j)", "(i, j)", parallel, false), row,
                repeated, 0);
  }
}

TEST(RowKernel, AResultMayLieWhereAnArgumentLies) {
  std::string text =
      genericText("1003xf32", "1003xf32", ": 1003", ": 0", "(i)", "(i)", R"("parallel")", false);
  for (size_t at; (at = text.find("(i, j)")) != std::string::npos;)
    text.replace(at, 6, "(i)");
  text.replace(text.find("cleave.kernel"), 13, "cleave.kernel, cleave.inplace = array<i64: 0, 0>");
  Kernels kernels(text);
  std::vector<float> x = normals<float>(1003), expected = x;
  for (float &value : expected)
    value *= 2;
  kernels.run("k", {x.data(), x.data()});
  EXPECT_EQ(x, expected);
}

// Large enough to be stored past the caches: from the beginning of a line, and not.
TEST(RowKernel, ResultsBeyondTheCaches) {
  for (int64_t size : {int64_t{8} << 20, (int64_t{8} << 20) + 5}) {
    Kernels kernels(substitute(R"(
func.func private @twice(%x: tensor<$Nxf32>) -> tensor<$Nxf32> attributes {cleave.kernel, cleave.rows = array<i64: $N>} {
  %e = tensor.empty() : tensor<$Nxf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<$Nxf32>) outs(%e : tensor<$Nxf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %o: f32):
    %m = arith.addf %a, %a : f32
    linalg.yield %m : f32
  } -> tensor<$Nxf32>
  return %r : tensor<$Nxf32>
})",
                               {{"N", std::to_string(size)}}));
    std::vector<float> x(size), y(size);
    for (int64_t i = 0; i < size; ++i)
      x[i] = static_cast<float>(i % 1000);
    kernels.run("twice", {x.data(), y.data()});
    for (int64_t i = 0; i < size; ++i)
      ASSERT_EQ(y[i], 2 * x[i]) << i;
  }
}

} // namespace
} // namespace cleave::codegen::test
