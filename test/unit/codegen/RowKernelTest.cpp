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

} // namespace
} // namespace cleave::codegen::test
