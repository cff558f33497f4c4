// Random numbers, windows, gathers, half precision, booleans, scatters and sorting.
#include "test/unit/codegen/KernelTester.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

namespace cleave::codegen::test {
namespace {

//===----------------------------------------------------------------------===//
// Random numbers
//===----------------------------------------------------------------------===//

/// Bits at logical index start + i.
std::string randomText(int64_t size, int64_t seed, int64_t step, int64_t site, int64_t start) {
  return substitute(R"(
func.func private @bits() -> tensor<$Nxi32> attributes {cleave.kernel, cleave.rows = array<i64: $N>} {
  %e = tensor.empty() : tensor<$Nxi32>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      outs(%e : tensor<$Nxi32>) attrs = {cleave.rows = array<i64: 0>, cleave.exact} {
  ^bb0(%o: i32):
    %seed = arith.constant $SEED : i64
    %step = arith.constant $STEP : i64
    %site = arith.constant $SITE : i32
    %start = arith.constant $BEGIN : i64
    %i = linalg.index 0 : index
    %j = arith.index_cast %i : index to i64
    %index = arith.addi %start, %j : i64
    %b = model.random_bits %seed, %step, %site, %index
    linalg.yield %b : i32
  } -> tensor<$Nxi32>
  return %r : tensor<$Nxi32>
})",
                    {{"N", std::to_string(size)},
                     {"SEED", std::to_string(seed)},
                     {"STEP", std::to_string(step)},
                     {"SITE", std::to_string(site)},
                     {"BEGIN", std::to_string(start)}});
}

/// Philox4x32-10 as the paper writes it.
uint32_t philox(uint64_t seed, uint32_t step, uint32_t site, uint64_t index) {
  uint32_t c[4] = {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), step, site};
  uint32_t k[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t{0xD2511F53} * c[0], p1 = uint64_t{0xCD9E8D57} * c[2];
    uint32_t next[4] = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(p1),
                        static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(p0)};
    std::copy(next, next + 4, c);
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c[0];
}

std::vector<uint32_t> randomBits(int64_t size, int64_t seed, int64_t step, int64_t site, int64_t start) {
  Kernels kernels(randomText(size, seed, step, site, start));
  std::vector<uint32_t> bits(size);
  kernels.run("bits", {bits.data()});
  return bits;
}

TEST(SpecialKernel, RandomBitsAreThePublishedOnes) {
  // Known answers of the Random123 distribution, first word.
  EXPECT_EQ(randomBits(20, 0, 0, 0, 0)[0], 0x6627e8d5u);
  EXPECT_EQ(randomBits(20, -1, -1, -1, -1)[0], 0x408f276du);
  EXPECT_EQ(randomBits(1, -1, -1, -1, -1)[0], 0x408f276du);
  int64_t seed = 0x123456789abcdef0, start = 0xfffffff0;
  std::vector<uint32_t> bits = randomBits(100, seed, 7, 42, start);
  for (int64_t i = 0; i < 100; ++i)
    EXPECT_EQ(bits[i], philox(seed, 7, 42, start + i));
}

//===----------------------------------------------------------------------===//
// Reads by index
//===----------------------------------------------------------------------===//

/// y[b, i] = x[b, i + shift], or -1 outside.
std::string windowText(int64_t rows, int64_t size, int64_t shift) {
  return substitute(R"(
func.func private @window(%x: tensor<$Rx$Nxf32>) -> tensor<$Rx$Nxf32>
    attributes {cleave.kernel, cleave.rows = array<i64: $R, $N>} {
  %c0 = arith.constant 0 : index
  %shift = arith.constant $SHIFT : index
  %size = arith.constant $N : index
  %last = arith.constant $LAST : index
  %outside = arith.constant -1.0 : f32
  %e = tensor.empty() : tensor<$Rx$Nxf32>
  %r = linalg.generic {indexing_maps = [affine_map<(b, i) -> (b, i)>], iterator_types = ["parallel", "parallel"]}
      outs(%e : tensor<$Rx$Nxf32>) attrs = {cleave.rows = array<i64: 0, 1>} {
  ^bb0(%o: f32):
    %b = linalg.index 0 : index
    %i = linalg.index 1 : index
    %p = arith.addi %i, %shift : index
    %inside = arith.cmpi ult, %p, %size : index
    %low = arith.maxsi %p, %c0 : index
    %q = arith.minsi %low, %last : index
    %v = tensor.extract %x[%b, %q] : tensor<$Rx$Nxf32>
    %s = arith.select %inside, %v, %outside : f32
    linalg.yield %s : f32
  } -> tensor<$Rx$Nxf32>
  return %r : tensor<$Rx$Nxf32>
})",
                    {{"N", std::to_string(size)},
                     {"R", std::to_string(rows)},
                     {"SHIFT", std::to_string(shift)},
                     {"LAST", std::to_string(size - 1)}});
}

TEST(SpecialKernel, WindowsReadTheOutsideValueBeyondTheEdge) {
  for (int64_t size : {1, 5, 16, 37, 100})
    for (int64_t shift : {-20, -1, 0, 1, 3, 50}) {
      int64_t rows = 3;
      Kernels kernels(windowText(rows, size, shift));
      // The rows around are not the program's: what is read there must not show.
      std::vector<float> x = normals<float>(rows * size), y(x.size(), -7), expected(x.size(), -1);
      for (int64_t b = 0; b < rows; ++b)
        for (int64_t i = std::max<int64_t>(0, -shift); i < size && i + shift < size; ++i)
          expected[b * size + i] = x[b * size + i + shift];
      kernels.run("window", {x.data(), y.data()}, 1);
      EXPECT_EQ(y, expected) << size << " shifted by " << shift;
    }
}

/// A convolution: y[i, o] = sum over d, c of x[i + d, c] * w[d, c, o].
TEST(SpecialKernel, WindowsInsideAReductionMakeAConvolution) {
  constexpr int64_t kOut = 21, kWindow = 3, kChannels = 5, kFeatures = 19;
  Kernels kernels(R"(
func.func private @convolve(%x: tensor<23x5xf32>, %w: tensor<3x5x19xf32>) -> tensor<21x19xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 21, 19>} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<21x19xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<21x19xf32>) -> tensor<21x19xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, o, d, c) -> (d, c, o)>, affine_map<(i, o, d, c) -> (i, o)>],
                       iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%w : tensor<3x5x19xf32>) outs(%f : tensor<21x19xf32>) attrs = {cleave.rows = array<i64: 0, 1>} {
  ^bb0(%a: f32, %o: f32):
    %i = linalg.index 0 : index
    %d = linalg.index 2 : index
    %c = linalg.index 3 : index
    %p = arith.addi %i, %d : index
    %v = tensor.extract %x[%p, %c] : tensor<23x5xf32>
    %m = arith.mulf %v, %a : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<21x19xf32>
  return %r : tensor<21x19xf32>
})");
  std::vector<float> x = normals<float>(23 * kChannels),
                     w = normals<float>(kWindow * kChannels * kFeatures, 2);
  std::vector<float> y(kOut * kFeatures);
  std::vector<double> expected(y.size());
  for (int64_t i = 0; i < kOut; ++i)
    for (int64_t o = 0; o < kFeatures; ++o)
      for (int64_t d = 0; d < kWindow; ++d)
        for (int64_t c = 0; c < kChannels; ++c)
          expected[i * kFeatures + o] +=
              static_cast<double>(x[(i + d) * kChannels + c]) * w[(d * kChannels + c) * kFeatures + o];
  kernels.run("convolve", {x.data(), w.data(), y.data()});
  EXPECT_LE(distance(y, expected), 1e-5);
}

TEST(SpecialKernel, GathersReadRowsOfATable) {
  Kernels kernels(R"(
func.func private @embed(%table: tensor<11x37xf32>, %ids: tensor<6xi8>) -> tensor<6x37xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 6, 37>} {
  %c0 = arith.constant 0 : index
  %last = arith.constant 10 : index
  %e = tensor.empty() : tensor<6x37xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(s, e) -> (s)>, affine_map<(s, e) -> (s, e)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%ids : tensor<6xi8>) outs(%e : tensor<6x37xf32>) attrs = {cleave.rows = array<i64: 0, 1>} {
  ^bb0(%id: i8, %o: f32):
    %j = linalg.index 1 : index
    %p = arith.index_castui %id : i8 to index
    %low = arith.maxsi %p, %c0 : index
    %q = arith.minsi %low, %last : index
    %v = tensor.extract %table[%q, %j] : tensor<11x37xf32>
    linalg.yield %v : f32
  } -> tensor<6x37xf32>
  return %r : tensor<6x37xf32>
}
func.func private @pick(%logits: tensor<40x11xf32>, %ids: tensor<40xi32>) -> tensor<40xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 40>} {
  %c0 = arith.constant 0 : index
  %last = arith.constant 10 : index
  %e = tensor.empty() : tensor<40xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(s) -> (s)>, affine_map<(s) -> (s)>], iterator_types = ["parallel"]}
      ins(%ids : tensor<40xi32>) outs(%e : tensor<40xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%id: i32, %o: f32):
    %s = linalg.index 0 : index
    %p = arith.index_cast %id : i32 to index
    %low = arith.maxsi %p, %c0 : index
    %q = arith.minsi %low, %last : index
    %v = tensor.extract %logits[%s, %q] : tensor<40x11xf32>
    linalg.yield %v : f32
  } -> tensor<40xf32>
  return %r : tensor<40xf32>
})");
  std::vector<float> table = normals<float>(11 * 37), rows(6 * 37);
  std::vector<uint8_t> ids = {3, 10, 0, 255, 3, 7}; // 255 is clamped
  kernels.run("embed", {table.data(), ids.data(), rows.data()});
  for (int s = 0; s < 6; ++s)
    for (int e = 0; e < 37; ++e)
      EXPECT_EQ(rows[s * 37 + e], table[std::min<int>(ids[s], 10) * 37 + e]);
  std::vector<float> logits = normals<float>(40 * 11), picked(40);
  std::vector<int32_t> targets(40);
  for (int s = 0; s < 40; ++s)
    targets[s] = s % 13 - 1; // some are clamped
  kernels.run("pick", {logits.data(), targets.data(), picked.data()});
  for (int s = 0; s < 40; ++s)
    EXPECT_EQ(picked[s], logits[s * 11 + std::clamp(targets[s], 0, 10)]);
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

float fromBFloat(uint16_t bits) {
  uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

TEST(SpecialKernel, HalfPrecisionIsComputedInF32AndRounded) {
  Kernels kernels(R"(
func.func private @square(%x: tensor<100xf32>) -> (tensor<100xbf16>, tensor<100xf16>)
    attributes {cleave.kernel, cleave.rows = array<i64: 100>} {
  %e = tensor.empty() : tensor<100xbf16>
  %h = tensor.empty() : tensor<100xf16>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<100xf32>) outs(%e : tensor<100xbf16>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %o: bf16):
    %t = arith.truncf %a : f32 to bf16
    %m = arith.mulf %t, %t : bf16
    linalg.yield %m : bf16
  } -> tensor<100xbf16>
  %s = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<100xf32>) outs(%h : tensor<100xf16>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %o: f16):
    %t = arith.truncf %a : f32 to f16
    linalg.yield %t : f16
  } -> tensor<100xf16>
  return %r, %s : tensor<100xbf16>, tensor<100xf16>
}
func.func private @sum(%x: tensor<100xbf16>) -> tensor<bf16> attributes {cleave.kernel, cleave.rows = array<i64>} {
  %zero = arith.constant 0.0 : bf16
  %e = tensor.empty() : tensor<bf16>
  %f = linalg.fill ins(%zero : bf16) outs(%e : tensor<bf16>) -> tensor<bf16>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : tensor<100xbf16>) outs(%f : tensor<bf16>) attrs = {cleave.rows = array<i64>} {
  ^bb0(%a: bf16, %o: bf16):
    %s = arith.addf %o, %a : bf16
    linalg.yield %s : bf16
  } -> tensor<bf16>
  return %r : tensor<bf16>
})");
  std::vector<float> x = normals<float>(100);
  std::vector<uint16_t> squares(100), halves(100);
  kernels.run("square", {x.data(), squares.data(), halves.data()});
  double total = 0;
  for (int i = 0; i < 100; ++i) {
    EXPECT_NEAR(fromBFloat(squares[i]), x[i] * x[i], 0.012 * x[i] * x[i] + 1e-30);
    EXPECT_EQ(squares[i] & 0x8000, 0);
    total += fromBFloat(squares[i]);
  }
  uint16_t sum = 0;
  kernels.run("sum", {squares.data(), &sum});
  EXPECT_NEAR(fromBFloat(sum), total, 0.005 * total);
}

/// y = x rounded to `to` and widened again, from f64.
std::string roundTripText(const std::string &to) {
  return substitute(R"(
func.func private @round(%x: tensor<40xf64>) -> tensor<40xf64> attributes {cleave.kernel, cleave.rows = array<i64: 40>} {
  %e = tensor.empty() : tensor<40xf64>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<40xf64>) outs(%e : tensor<40xf64>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f64, %o: f64):
    %t = arith.truncf %a : f64 to $TO
    %w = arith.extf %t : $TO to f64
    linalg.yield %w : f64
  } -> tensor<40xf64>
  return %r : tensor<40xf64>
})",
                    {{"TO", to}});
}

TEST(SpecialKernel, DoublesRoundOnceToHalfPrecision) {
  // Just above and below a tie, which rounding to f32 first would take for the tie itself; then the ends.
  const double tiny = 1e-12;
  std::vector<double> x = {1 + 0x1p-11 + tiny,
                           1 + 0x1p-11 - tiny,
                           1 + 0x1p-11,
                           1 + 3 * 0x1p-11,
                           65519.9,
                           65520.0,
                           -1e9,
                           0x1p-24,
                           0x1p-25 + tiny * 0x1p-20,
                           0x1p-25,
                           3 * 0x1p-25,
                           0.0,
                           -0.5,
                           1.0 / 3,
                           1e-30};
  std::vector<double> expected = {1 + 0x1p-10, 1,         1,       1 + 0x1p-9,     65504,
                                  INFINITY,    -INFINITY, 0x1p-24, 0x1p-24,        0,
                                  0x1p-23,     0.0,       -0.5,    0.333251953125, 0};
  x.resize(40);
  expected.resize(40);
  std::vector<double> y(40);
  Kernels halves(roundTripText("f16"));
  halves.run("round", {x.data(), y.data()});
  EXPECT_EQ(y, expected);
  x = {1 + 0x1p-8 + tiny, 1 + 0x1p-8 - tiny, 1 + 0x1p-8, 1 + 3 * 0x1p-8, -2.5};
  expected = {1 + 0x1p-7, 1, 1, 1 + 0x1p-6, -2.5};
  x.resize(40);
  expected.resize(40);
  Kernels brains(roundTripText("bf16"));
  brains.run("round", {x.data(), y.data()});
  EXPECT_EQ(y, expected);
}

TEST(SpecialKernel, BooleansAreBytes) {
  Kernels kernels(R"(
func.func private @positive(%x: tensor<50xf32>, %keep: tensor<50xi1>) -> tensor<50xi1>
    attributes {cleave.kernel, cleave.rows = array<i64: 50>} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<50xi1>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
                       iterator_types = ["parallel"]}
      ins(%x, %keep : tensor<50xf32>, tensor<50xi1>) outs(%e : tensor<50xi1>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %k: i1, %o: i1):
    %p = arith.cmpf ogt, %a, %zero : f32
    %m = arith.andi %p, %k : i1
    linalg.yield %m : i1
  } -> tensor<50xi1>
  return %r : tensor<50xi1>
})");
  std::vector<float> x = normals<float>(50);
  std::vector<uint8_t> keep(50), y(50, 9);
  for (int i = 0; i < 50; ++i)
    keep[i] = i % 3 != 0;
  kernels.run("positive", {x.data(), keep.data(), y.data()});
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(y[i], keep[i] && x[i] > 0 ? 1 : 0);
}

//===----------------------------------------------------------------------===//
// Scatter and argsort
//===----------------------------------------------------------------------===//

TEST(SpecialKernel, ScatterAddsInOrderAndDropsWhatLiesOutside) {
  for (int64_t columns : {1, 40, 64, 200}) {
    std::string text = substitute(R"(
func.func private @add(%init: tensor<11x$Exf32>, %ids: tensor<2x9xi32>, %u: tensor<2x9x$Exf32>) -> tensor<11x$Exf32>
    attributes {cleave.kernel, cleave.rows = array<i64>} {
  %r = model.scatter sum %u into %init at(%ids) affine_map<(b, s, e)[i] -> (i, e)> [affine_map<(b, s, e) -> (b, s)>]
      : tensor<2x9x$Exf32>, (tensor<2x9xi32>) -> tensor<11x$Exf32>
  return %r : tensor<11x$Exf32>
})",
                                  {{"E", std::to_string(columns)}});
    Kernels kernels(text);
    std::vector<float> init = normals<float>(11 * columns), u = normals<float>(18 * columns, 2),
                       y(init.size());
    std::vector<int32_t> ids = {0, 3, 3, 10, 11, -1, 5, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 3};
    std::vector<float> expected = init;
    for (int p = 0; p < 18; ++p)
      for (int64_t e = 0; e < columns && ids[p] >= 0 && ids[p] < 11; ++e)
        expected[ids[p] * columns + e] += u[p * columns + e];
    kernels.run("add", {init.data(), ids.data(), u.data(), y.data()}, 1);
    EXPECT_EQ(y, expected) << columns;
    kernels.run("add", {init.data(), ids.data(), u.data(), init.data()});
    EXPECT_EQ(init, expected) << "in place, " << columns;
  }
}

TEST(SpecialKernel, ScatterOfScalarsByAnIndexOfTheLastAxis) {
  Kernels kernels(R"(
func.func private @set(%init: tensor<3x7xf32>, %ids: tensor<3xi32>, %u: tensor<3xf32>) -> tensor<3x7xf32>
    attributes {cleave.kernel, cleave.rows = array<i64>} {
  %r = model.scatter none %u into %init at(%ids) affine_map<(b)[i] -> (b, i)> [affine_map<(b) -> (b)>]
      : tensor<3xf32>, (tensor<3xi32>) -> tensor<3x7xf32>
  return %r : tensor<3x7xf32>
})");
  std::vector<float> init(21, 1), u = {5, 6, 7}, y(21);
  std::vector<int32_t> ids = {6, 0, 9};
  kernels.run("set", {init.data(), ids.data(), u.data(), y.data()});
  std::vector<float> expected = init;
  expected[6] = 5;
  expected[7] = 6;
  EXPECT_EQ(y, expected);
}

TEST(SpecialKernel, ArgsortIsStableWithNanLast) {
  for (bool descending : {false, true}) {
    Kernels kernels(substitute(R"(
func.func private @sort(%x: tensor<2x9xf32>) -> tensor<2x9xi32> attributes {cleave.kernel, cleave.rows = array<i64>} {
  %r = model.argsort %x {descending = $D} : tensor<2x9xf32> -> tensor<2x9xi32>
  return %r : tensor<2x9xi32>
})",
                               {{"D", descending ? "true" : "false"}}));
    std::vector<float> x = {3, NAN, 1, 3, -INFINITY, INFINITY, NAN, 1, 0, 9, 8, 7, 6, 5, 4, 3, 2, 1};
    std::vector<int32_t> y(18);
    kernels.run("sort", {x.data(), y.data()}, 1);
    std::vector<int32_t> expected = descending ? std::vector<int32_t>{5, 0, 3, 2, 7, 8, 4, 1, 6}
                                               : std::vector<int32_t>{4, 8, 2, 7, 0, 3, 5, 1, 6};
    for (int i = 0; i < 9; ++i)
      expected.push_back(descending ? i : 8 - i);
    EXPECT_EQ(y, expected);
  }
}

} // namespace
} // namespace cleave::codegen::test
