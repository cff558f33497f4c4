// Kernels that hold products: causal attention by rows against a straightforward reference. Sizes that do and
// do not fill vectors, tiles and units; values at masked places that must not be read; any cut of the units.
#include "test/unit/codegen/KernelTester.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

namespace cleave::codegen::test {
namespace {

// q [2, S, D], k and v [2, T, D]; a key t is seen by rows s >= t - $SHIFT.
constexpr const char *kAttention = R"(
#in = affine_map<(h, s, t, d) -> (h, s, d)>
#key = affine_map<(h, s, t, d) -> (h, t, d)>
#score = affine_map<(h, s, t, d) -> (h, s, t)>
#st = affine_map<(h, s, t) -> (h, s, t)>
#s = affine_map<(h, s, t) -> (h, s)>
#weight = affine_map<(h, s, d, t) -> (h, s, t)>
#value = affine_map<(h, s, d, t) -> (h, t, d)>
#out = affine_map<(h, s, d, t) -> (h, s, d)>
#sd = affine_map<(h, s, d) -> (h, s, d)>
#row = affine_map<(h, s, d) -> (h, s)>
func.func private @attention(%q: tensor<2x$Sx$Dx$F>, %k: tensor<2x$Tx$Dx$F>, %v: tensor<2x$Tx$Dx$F>)
    -> tensor<2x$Sx$Dx$F> attributes {cleave.kernel, cleave.rows = array<i64: 2, $S>} {
  %zero = arith.constant 0.0 : $F
  %lowest = arith.constant $LOW : $F
  %shift = arith.constant $SHIFT : index
  %e0 = tensor.empty() : tensor<2x$Sx$Tx$F>
  %f0 = linalg.fill ins(%zero : $F) outs(%e0 : tensor<2x$Sx$Tx$F>) -> tensor<2x$Sx$Tx$F>
  %a = linalg.generic {indexing_maps = [#in, #key, #score],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%q, %k : tensor<2x$Sx$Dx$F>, tensor<2x$Tx$Dx$F>) outs(%f0 : tensor<2x$Sx$Tx$F>)
      attrs = {cleave.rows = array<i64: 0, 1>} {
  ^bb0(%x: $F, %y: $F, %o: $F):
    %p = arith.mulf %x, %y : $F
    %r = arith.addf %o, %p : $F
    linalg.yield %r : $F
  } -> tensor<2x$Sx$Tx$F>
  %e1 = tensor.empty() : tensor<2x$Sx$F>
  %f1 = linalg.fill ins(%lowest : $F) outs(%e1 : tensor<2x$Sx$F>) -> tensor<2x$Sx$F>
  %m = linalg.generic {indexing_maps = [#st, #s], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a : tensor<2x$Sx$Tx$F>) outs(%f1 : tensor<2x$Sx$F>) attrs = {cleave.rows = array<i64: 0, 1>} {
  ^bb0(%x: $F, %o: $F):
    %s = linalg.index 1 : index
    %t = linalg.index 2 : index
    %l = arith.addi %s, %shift : index
    %c = arith.cmpi sle, %t, %l : index
    %w = arith.select %c, %x, %lowest : $F
    %r = arith.maximumf %o, %w : $F
    linalg.yield %r : $F
  } -> tensor<2x$Sx$F>
  %p = linalg.generic {indexing_maps = [#st, #s, #st], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a, %m : tensor<2x$Sx$Tx$F>, tensor<2x$Sx$F>) outs(%e0 : tensor<2x$Sx$Tx$F>)
      attrs = {cleave.rows = array<i64: 0, 1>} {
  ^bb0(%x: $F, %y: $F, %o: $F):
    %s = linalg.index 1 : index
    %t = linalg.index 2 : index
    %l = arith.addi %s, %shift : index
    %c = arith.cmpi sge, %l, %t : index
    %d = arith.subf %x, %y : $F
    %e = math.exp %d : $F
    %r = arith.select %c, %e, %zero : $F
    linalg.yield %r : $F
  } -> tensor<2x$Sx$Tx$F>
  %f2 = linalg.fill ins(%zero : $F) outs(%e1 : tensor<2x$Sx$F>) -> tensor<2x$Sx$F>
  %z = linalg.generic {indexing_maps = [#st, #s], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%p : tensor<2x$Sx$Tx$F>) outs(%f2 : tensor<2x$Sx$F>) attrs = {cleave.rows = array<i64: 0, 1>} {
  ^bb0(%x: $F, %o: $F):
    %r = arith.addf %o, %x : $F
    linalg.yield %r : $F
  } -> tensor<2x$Sx$F>
  %e3 = tensor.empty() : tensor<2x$Sx$Dx$F>
  %f3 = linalg.fill ins(%zero : $F) outs(%e3 : tensor<2x$Sx$Dx$F>) -> tensor<2x$Sx$Dx$F>
  %y = linalg.generic {indexing_maps = [#weight, #value, #out],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%p, %v : tensor<2x$Sx$Tx$F>, tensor<2x$Tx$Dx$F>) outs(%f3 : tensor<2x$Sx$Dx$F>)
      attrs = {cleave.rows = array<i64: 0, 1>} {
  ^bb0(%x: $F, %b: $F, %o: $F):
    %s = linalg.index 1 : index
    %t = linalg.index 3 : index
    %l = arith.addi %s, %shift : index
    %c = arith.cmpi sle, %t, %l : index
    %n = arith.mulf %x, %b : $F
    %w = arith.select %c, %n, %zero : $F
    %r = arith.addf %o, %w : $F
    linalg.yield %r : $F
  } -> tensor<2x$Sx$Dx$F>
  %u = linalg.generic {indexing_maps = [#sd, #row, #sd], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%y, %z : tensor<2x$Sx$Dx$F>, tensor<2x$Sx$F>) outs(%e3 : tensor<2x$Sx$Dx$F>)
      attrs = {cleave.rows = array<i64: 0, 1>} {
  ^bb0(%x: $F, %b: $F, %o: $F):
    %r = arith.divf %x, %b : $F
    linalg.yield %r : $F
  } -> tensor<2x$Sx$Dx$F>
  return %u : tensor<2x$Sx$Dx$F>
})";

struct Sizes {
  int64_t s, t, d, shift;
};

std::string textOf(const Sizes &sizes, bool isDouble) {
  return substitute(kAttention, {{"SHIFT", std::to_string(sizes.shift)},
                                 {"LOW", isDouble ? "0xFFF0000000000000" : "0xFF800000"},
                                 {"S", std::to_string(sizes.s)},
                                 {"T", std::to_string(sizes.t)},
                                 {"D", std::to_string(sizes.d)},
                                 {"F", isDouble ? "f64" : "f32"}});
}

template <typename T>
std::vector<double> reference(const Sizes &sizes, const std::vector<T> &q, const std::vector<T> &k,
                              const std::vector<T> &v) {
  std::vector<double> y;
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t s = 0; s < sizes.s; ++s) {
      int64_t seen = std::max<int64_t>(0, std::min(sizes.t, s + sizes.shift + 1));
      std::vector<double> weights(seen);
      double top = -INFINITY, sum = 0;
      for (int64_t t = 0; t < seen; ++t) {
        for (int64_t d = 0; d < sizes.d; ++d)
          weights[t] +=
              static_cast<double>(q[(h * sizes.s + s) * sizes.d + d]) * k[(h * sizes.t + t) * sizes.d + d];
        top = std::isnan(weights[t]) ? NAN : std::max(top, weights[t]);
      }
      for (double &weight : weights)
        sum += weight = std::exp(weight - top);
      for (int64_t d = 0; d < sizes.d; ++d) {
        double mixed = 0;
        for (int64_t t = 0; t < seen; ++t)
          mixed += weights[t] * v[(h * sizes.t + t) * sizes.d + d];
        y.push_back(mixed / sum);
      }
    }
  return y;
}

template <typename T> void check(const Sizes &sizes, double tolerance, T odd = 0) {
  SCOPED_TRACE(testing::Message() << sizes.s << " x " << sizes.t << " x " << sizes.d << " + " << sizes.shift);
  Kernels kernels(textOf(sizes, std::is_same_v<T, double>));
  std::vector<T> q = normals<T>(2 * sizes.s * sizes.d, 1), k = normals<T>(2 * sizes.t * sizes.d, 2),
                 v = normals<T>(2 * sizes.t * sizes.d, 3);
  if (odd != 0) // one value that some rows see and others do not
    v[(sizes.t + sizes.t / 2) * sizes.d + 1] = odd;
  std::vector<T> whole(q.size(), -7), cut(q.size(), -7);
  kernels.run("attention", {q.data(), k.data(), v.data(), whole.data()});
  EXPECT_LE(distance(whole, reference(sizes, q, k, v)), tolerance);
  kernels.run("attention", {q.data(), k.data(), v.data(), cut.data()}, 1);
  EXPECT_EQ(std::memcmp(whole.data(), cut.data(), whole.size() * sizeof(T)), 0);
}

TEST(ChainKernel, SizesThatFillUnits) {
  check<float>({64, 64, 16, 0}, 1e-5);
  check<float>({128, 256, 64, 128}, 1e-5);
  check<double>({64, 64, 16, 0}, 1e-12);
}

TEST(ChainKernel, SizesThatDoNot) {
  check<float>({50, 50, 24, 0}, 1e-5);
  check<float>({33, 71, 19, 10}, 1e-5);
  check<float>({40, 37, 32, 0}, 1e-5);
  check<double>({21, 43, 11, 7}, 1e-12);
}

// What the mask excludes is not there: neither a NaN nor an infinity behind it reaches a row.
TEST(ChainKernel, ReadsNothingBehindTheMask) {
  check<float>({64, 64, 16, 0}, 1e-5, INFINITY);
  check<float>({50, 50, 24, 0}, 1e-5, NAN);
  check<double>({64, 64, 16, 0}, 1e-12, NAN);
}

// A row that sees nothing is 0 / 0, as its formula says.
TEST(ChainKernel, RowsThatSeeNothing) {
  check<float>({64, 64, 16, -40}, 1e-5);
  check<double>({64, 64, 16, -1}, 1e-12);
}

} // namespace
} // namespace cleave::codegen::test
