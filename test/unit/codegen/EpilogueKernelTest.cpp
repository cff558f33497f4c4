// Products with what is computed at each of their points: bias, activation, residual.
#include "test/unit/codegen/KernelTester.h"

#include <gtest/gtest.h>

namespace cleave::codegen::test {
namespace {

/// y[b, h, s, d] = tanh(sum(e) x[b, s, e] * w[e, h, d] + bias[h, d]) + r[b, h, s, d] where d does not exceed
/// s, else the bias; sizes and the order of the result's axes are the test's.
struct Epilogue {
  int64_t b, h, s, d, e;
  std::string order; // of "b", "h", "s", "d" in the result
  bool keepsProduct; // the sum is a result too
};

std::string subscripts(const std::string &letters) {
  std::string text;
  for (char letter : letters)
    text += std::string(text.empty() ? "" : ", ") + letter;
  return "(" + text + ")";
}

int64_t sizeOf(const Epilogue &sizes, char letter) {
  switch (letter) {
  case 'b':
    return sizes.b;
  case 'h':
    return sizes.h;
  case 's':
    return sizes.s;
  case 'd':
    return sizes.d;
  default:
    return sizes.e;
  }
}

std::string tensorOf(const Epilogue &sizes, const std::string &letters) {
  std::string text = "tensor<";
  for (char letter : letters)
    text += std::to_string(sizeOf(sizes, letter)) + "x";
  return text + "f32>";
}

int64_t count(const Epilogue &sizes, const std::string &letters) {
  int64_t product = 1;
  for (char letter : letters)
    product *= sizeOf(sizes, letter);
  return product;
}

std::string kernelText(const Epilogue &sizes) {
  std::string rows;
  for (char letter : sizes.order)
    rows += (rows.empty() ? "" : ", ") + std::to_string(sizeOf(sizes, letter));
  auto position = [&](char letter) { return std::to_string(sizes.order.find(letter)); };
  return substitute(R"(
func.func private @kernel(%x: $X, %w: $W, %bias: $B, %r: $C) -> ($RESULTS)
    attributes {cleave.kernel, cleave.rows = array<i64: $ROWS>} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : $C
  %f = linalg.fill ins(%zero : f32) outs(%e : $C) -> $C
  %p = linalg.generic {indexing_maps = [affine_map<$LOOPS -> (b, s, e)>, affine_map<$LOOPS -> (e, h, d)>,
                                        affine_map<$LOOPS -> $ORDER>],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : $X, $W) outs(%f : $C) attrs = {cleave.rows = array<i64: 0, 1, 2, 3>} {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %m = arith.mulf %a, %c : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> $C
  %t = linalg.generic {indexing_maps = [affine_map<$ORDER -> $ORDER>, affine_map<$ORDER -> (h, d)>, affine_map<$ORDER -> $ORDER>],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%p, %bias : $C, $B) outs(%e : $C) attrs = {cleave.rows = array<i64: 0, 1, 2, 3>} {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %m = arith.addf %a, %c : f32
    %s = math.tanh %m : f32
    linalg.yield %s : f32
  } -> $C
  %y = linalg.generic {indexing_maps = [affine_map<$ORDER -> $ORDER>, affine_map<$ORDER -> $ORDER>, affine_map<$ORDER -> (h, d)>,
                                        affine_map<$ORDER -> $ORDER>],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t, %r, %bias : $C, $C, $B) outs(%e : $C) attrs = {cleave.rows = array<i64: 0, 1, 2, 3>} {
  ^bb0(%a: f32, %c: f32, %k: f32, %o: f32):
    %i = linalg.index $S : index
    %j = linalg.index $D : index
    %in = arith.cmpi ule, %j, %i : index
    %m = arith.addf %a, %c : f32
    %s = arith.select %in, %m, %k : f32
    linalg.yield %s : f32
  } -> $C
  return $VALUES : $RESULTS
})",
                    {{"RESULTS", sizes.keepsProduct ? "$C, $C" : "$C"},
                     {"VALUES", sizes.keepsProduct ? "%p, %y" : "%y"},
                     {"LOOPS", subscripts(sizes.order + "e")},
                     {"ORDER", subscripts(sizes.order)},
                     {"ROWS", rows},
                     {"S :", position('s') + " :"},
                     {"D :", position('d') + " :"},
                     {"X", tensorOf(sizes, "bse")},
                     {"W", tensorOf(sizes, "ehd")},
                     {"B", tensorOf(sizes, "hd")},
                     {"C", tensorOf(sizes, sizes.order)}});
}

struct Expected {
  std::vector<double> product, result;
};

Expected reference(const Epilogue &sizes, const std::vector<float> &x, const std::vector<float> &w,
                   const std::vector<float> &bias, const std::vector<float> &r) {
  Expected expected;
  int64_t at[128] = {};
  for (int64_t i = 0; i < count(sizes, sizes.order); ++i) {
    int64_t rest = i;
    for (size_t axis = sizes.order.size(); axis-- > 0;) {
      at[static_cast<int>(sizes.order[axis])] = rest % sizeOf(sizes, sizes.order[axis]);
      rest /= sizeOf(sizes, sizes.order[axis]);
    }
    double sum = 0, added = bias[at['h'] * sizes.d + at['d']];
    for (int64_t e = 0; e < sizes.e; ++e)
      sum += static_cast<double>(x[(at['b'] * sizes.s + at['s']) * sizes.e + e]) *
             w[(e * sizes.h + at['h']) * sizes.d + at['d']];
    expected.product.push_back(sum);
    expected.result.push_back(at['d'] <= at['s'] ? std::tanh(sum + added) + r[i] : added);
  }
  return expected;
}

void check(const Epilogue &sizes) {
  std::string text = kernelText(sizes);
  SCOPED_TRACE(text);
  Kernels kernels(text);
  auto x = normals<float>(count(sizes, "bse"), 1), w = normals<float>(count(sizes, "ehd"), 2),
       bias = normals<float>(count(sizes, "hd"), 3), r = normals<float>(count(sizes, sizes.order), 4);
  std::vector<float> product(r.size(), -7), y(r.size(), -7), again(r.size(), -7);
  auto arguments = [&](std::vector<float> &out) {
    std::vector<void *> all = {x.data(), w.data(), bias.data(), r.data()};
    if (sizes.keepsProduct)
      all.push_back(product.data());
    all.push_back(out.data());
    return all;
  };
  Expected expected = reference(sizes, x, w, bias, r);
  kernels.run("kernel", arguments(y));
  EXPECT_LE(distance(y, expected.result), 1e-4);
  if (sizes.keepsProduct)
    EXPECT_LE(distance(product, expected.product), 1e-4);
  kernels.run("kernel", arguments(again), 1);
  EXPECT_EQ(y, again);
}

// Rows and columns of one dim and of several, tiles at edges, batches, and the product kept or not.
TEST(EpilogueKernel, TilesAreFinishedWhereTheyAreMade) {
  for (bool keepsProduct : {false, true}) {
    check({1, 1, 300, 70, 40, "bhsd", keepsProduct});
    check({2, 1, 150, 900, 33, "bshd", keepsProduct});
    check({2, 6, 40, 64, 48, "bshd", keepsProduct});
    check({2, 12, 40, 80, 48, "bshd", keepsProduct});
    check({2, 3, 260, 48, 32, "bhsd", keepsProduct});
    check({1, 4, 300, 32, 32, "hbsd", keepsProduct});
  }
}

TEST(EpilogueKernel, FewRows) {
  check({1, 1, 1, 1000, 128, "bshd", false});
  check({1, 1, 5, 700, 64, "bshd", true});
}

// Small products, and lanes that are no columns: generated loops.
TEST(EpilogueKernel, WhatMakesNoTilesIsStillRight) {
  check({2, 3, 5, 4, 6, "bshd", false});
  check({2, 3, 40, 32, 16, "bsdh", true});
}

TEST(EpilogueKernel, TilesAreUnits) {
  Kernels kernels(kernelText({8, 6, 256, 64, 384, "bshd", false}));
  EXPECT_EQ(kernels.units("kernel"), 8);
}

} // namespace
} // namespace cleave::codegen::test
