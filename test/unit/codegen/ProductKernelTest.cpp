// Products: in every layout the library takes, in those it does not, and by generated code.
#include "test/unit/codegen/KernelTester.h"

#include <gtest/gtest.h>

namespace cleave::codegen::test {
namespace {

/// One product kernel; shapes as "2x3", maps over loop dims as MLIR writes them.
struct Layout {
  const char *dims; // "(b, m, n, k)"
  std::vector<int64_t> sizes;
  std::string a, b, c; // subscripts: "(b, m, k)"
  unsigned parallel;   // leading loop dims that are parallel
};

std::vector<unsigned> axes(const Layout &layout, const std::string &subscripts) {
  std::vector<unsigned> result;
  std::string names;
  for (char letter : std::string(layout.dims))
    if (std::isalpha(letter))
      names += letter;
  for (char letter : subscripts)
    if (std::isalpha(letter))
      result.push_back(names.find(letter));
  return result;
}

std::string shape(const Layout &layout, const std::string &subscripts) {
  std::string text;
  for (unsigned axis : axes(layout, subscripts))
    text += std::to_string(layout.sizes[axis]) + "x";
  return text;
}

int64_t count(const Layout &layout, const std::string &subscripts) {
  int64_t product = 1;
  for (unsigned axis : axes(layout, subscripts))
    product *= layout.sizes[axis];
  return product;
}

/// Types of a product: what is stored, what is multiplied and summed.
struct Types {
  std::string stored, sum;
};

/// What makes the factors %x and %y of the stored elements %p and %q.
std::string casts(const Types &types) {
  if (types.stored == types.sum)
    return "";
  return substitute("%x = arith.extf %p : $S to $T\n    %y = arith.extf %q : $S to $T",
                    {{"S", types.stored}, {"T", types.sum}});
}

std::string kernelText(const Layout &layout, const Types &types) {
  std::string iterators, rows, sizes;
  for (unsigned dim = 0; dim < layout.sizes.size(); ++dim) {
    bool parallel = dim < layout.parallel;
    iterators += std::string(dim ? ", " : "") + (parallel ? "\"parallel\"" : "\"reduction\"");
    if (parallel) {
      rows += std::string(dim ? ", " : ": ") + std::to_string(dim);
      sizes += std::string(dim ? ", " : ": ") + std::to_string(layout.sizes[dim]);
    }
  }
  return substitute(R"(
func.func private @product(%a: tensor<$SA$S>, %b: tensor<$SB$S>) -> tensor<$SC$T>
    attributes {cleave.kernel, cleave.rows = array<i64$SIZES>} {
  %zero = arith.constant 0.0 : $T
  %e = tensor.empty() : tensor<$SC$T>
  %f = linalg.fill ins(%zero : $T) outs(%e : tensor<$SC$T>) -> tensor<$SC$T>
  %r = linalg.generic {indexing_maps = [affine_map<$DIMS -> $MA>, affine_map<$DIMS -> $MB>, affine_map<$DIMS -> $MC>],
                       iterator_types = [$ITERATORS]}
      ins(%a, %b : tensor<$SA$S>, tensor<$SB$S>) outs(%f : tensor<$SC$T>)
      attrs = {cleave.rows = array<i64$ROWS>} {
  ^bb0($P: $S, $Q: $S, %o: $T):
    $CASTS
    %m = arith.mulf %x, %y : $T
    %s = arith.addf %o, %m : $T
    linalg.yield %s : $T
  } -> tensor<$SC$T>
  return %r : tensor<$SC$T>
})",
                    {{"SIZES", sizes},
                     {"SA", shape(layout, layout.a)},
                     {"SB", shape(layout, layout.b)},
                     {"SC", shape(layout, layout.c)},
                     {"DIMS", layout.dims},
                     {"MA", layout.a},
                     {"MB", layout.b},
                     {"MC", layout.c},
                     {"ITERATORS", iterators},
                     {"ROWS", rows},
                     {"CASTS", casts(types)},
                     {"P", types.stored == types.sum ? "%x" : "%p"},
                     {"Q", types.stored == types.sum ? "%y" : "%q"},
                     {"S", types.stored},
                     {"T", types.sum}});
}

/// Walks all points of the layout and adds up products.
template <typename T>
std::vector<double> reference(const Layout &layout, const std::vector<T> &a, const std::vector<T> &b) {
  std::vector<double> c(count(layout, layout.c));
  std::vector<int64_t> point(layout.sizes.size());
  auto offset = [&](const std::vector<unsigned> &dims) {
    int64_t position = 0;
    for (unsigned axis : dims)
      position = position * layout.sizes[axis] + point[axis];
    return position;
  };
  std::vector<unsigned> inA = axes(layout, layout.a), inB = axes(layout, layout.b),
                        inC = axes(layout, layout.c);
  for (;;) {
    c[offset(inC)] += static_cast<double>(a[offset(inA)]) * b[offset(inB)];
    size_t dim = point.size();
    while (dim > 0 && ++point[dim - 1] == layout.sizes[dim - 1])
      point[--dim] = 0;
    if (dim == 0)
      return c;
  }
}

template <typename T> void check(const Layout &layout, double tolerance) {
  std::string type = std::is_same_v<T, double> ? "f64" : "f32";
  std::string text = kernelText(layout, {type, type});
  SCOPED_TRACE(text);
  Kernels kernels(text);
  std::vector<T> a = normals<T>(count(layout, layout.a), 1), b = normals<T>(count(layout, layout.b), 2);
  std::vector<T> c(count(layout, layout.c), -7), cut(c.size(), -7);
  kernels.run("product", {a.data(), b.data(), c.data()});
  EXPECT_LE(distance(c, reference(layout, a, b)), tolerance);
  kernels.run("product", {a.data(), b.data(), cut.data()}, 1);
  EXPECT_EQ(c, cut);
}

float widen(uint16_t bits) {
  uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

/// Factors stored as bf16; `Sum` is float, or uint16_t for bf16.
template <typename Sum> void checkBFloat(const Layout &layout, double tolerance) {
  std::string text = kernelText(layout, {"bf16", std::is_same_v<Sum, float> ? "f32" : "bf16"});
  SCOPED_TRACE(text);
  Kernels kernels(text);
  auto values = [](int64_t count, unsigned seed) {
    std::vector<uint16_t> bits;
    for (float value : normals<float>(count, seed)) {
      uint32_t wide;
      std::memcpy(&wide, &value, sizeof wide);
      bits.push_back(static_cast<uint16_t>(wide >> 16));
    }
    return bits;
  };
  auto asFloats = [](const auto &numbers) {
    std::vector<float> floats;
    for (auto number : numbers)
      if constexpr (std::is_same_v<decltype(number), uint16_t>)
        floats.push_back(widen(number));
      else
        floats.push_back(number);
    return floats;
  };
  std::vector<uint16_t> a = values(count(layout, layout.a), 1), b = values(count(layout, layout.b), 2);
  std::vector<Sum> c(count(layout, layout.c), 7), cut(c.size(), 7);
  kernels.run("product", {a.data(), b.data(), c.data()});
  EXPECT_LE(distance(asFloats(c), reference(layout, asFloats(a), asFloats(b))), tolerance);
  kernels.run("product", {a.data(), b.data(), cut.data()}, 1);
  EXPECT_EQ(c, cut);
}

const std::vector<Layout> kLayouts = {
    {"(m, n, k)", {70, 50, 33}, "(m, k)", "(k, n)", "(m, n)", 2},
    {"(m, n, k)", {70, 50, 33}, "(k, m)", "(k, n)", "(m, n)", 2},
    {"(m, n, k)", {70, 50, 33}, "(m, k)", "(n, k)", "(m, n)", 2},
    {"(n, m, k)", {50, 70, 33}, "(m, k)", "(k, n)", "(n, m)", 2},
    {"(m, n, k)", {300, 800, 40}, "(m, k)", "(n, k)", "(m, n)", 2},
    // Heads: q[b, s, h, d] * k[b, t, h, d] -> a[b, h, s, t], and what follows from it.
    {"(b, h, s, t, d)", {2, 3, 40, 48, 32}, "(b, s, h, d)", "(b, t, h, d)", "(b, h, s, t)", 4},
    {"(b, s, h, d, t)", {2, 40, 3, 32, 48}, "(b, h, s, t)", "(b, t, h, d)", "(b, s, h, d)", 4},
    {"(b, s, e, h, d)", {2, 20, 48, 3, 16}, "(b, s, h, d)", "(h, d, e)", "(b, s, e)", 3},
    {"(e, h, d, b, s)", {40, 3, 16, 4, 30}, "(b, s, e)", "(b, s, h, d)", "(e, h, d)", 3},
    // Dims of the sum that lie apart: several products added up.
    {"(m, n, i, j)", {40, 50, 3, 32}, "(i, m, j)", "(j, i, n)", "(m, n)", 2},
    // C by columns.
    {"(n, m, k)", {40, 40, 40}, "(m, k)", "(n, k)", "(n, m)", 2},
    // No matrix anywhere: the innermost dim of every operand is a batch.
    {"(m, n, b, k)", {20, 20, 5, 40}, "(m, k, b)", "(k, n, b)", "(m, n, b)", 3},
    // Few rows: of a large matrix that lies either way, and of one per head.
    {"(m, n, k)", {3, 700, 130}, "(m, k)", "(k, n)", "(m, n)", 2},
    {"(m, n, k)", {1, 700, 130}, "(m, k)", "(n, k)", "(m, n)", 2},
    {"(n, m, k)", {700, 1, 130}, "(m, k)", "(n, k)", "(n, m)", 2},
    {"(b, s, h, t, d)", {1, 1, 6, 900, 64}, "(b, s, h, d)", "(b, t, h, d)", "(b, s, h, t)", 4},
    {"(b, s, h, d, t)", {1, 1, 6, 64, 900}, "(b, s, h, t)", "(b, t, h, d)", "(b, s, h, d)", 4},
    // A vector, a dot product, an outer product.
    {"(m, k)", {300, 200}, "(m, k)", "(k)", "(m)", 1},
    {"(n, k)", {300, 200}, "(k)", "(k, n)", "(n)", 1},
    {"(k)", {1000}, "(k)", "(k)", "()", 0},
    {"(m, n)", {30, 50}, "(m)", "(n)", "(m, n)", 2},
};

TEST(ProductKernel, F32MatchesTheReferenceInEveryLayout) {
  for (const Layout &layout : kLayouts)
    check<float>(layout, 1e-4);
}

TEST(ProductKernel, F64MatchesTheReferenceInEveryLayout) {
  for (const Layout &layout : kLayouts)
    check<double>(layout, 1e-12);
}

TEST(ProductKernel, BF16SumsInF32InEveryLayout) {
  for (const Layout &layout : kLayouts)
    checkBFloat<float>(layout, 1e-4);
}

// Each sum is rounded once: within half a unit of the last place, 2^-8, of its value or of 1.
TEST(ProductKernel, BF16RoundsEachSumOnce) {
  for (const Layout &layout : kLayouts)
    checkBFloat<uint16_t>(layout, 0.0040);
}

TEST(ProductKernel, LargeProductsAreCutIntoTiles) {
  Layout layout{"(m, n, k)", {2048, 384, 384}, "(m, k)", "(k, n)", "(m, n)", 2};
  Kernels kernels(kernelText(layout, {"f32", "f32"}));
  EXPECT_GE(kernels.units("product"), 8);
}

} // namespace
} // namespace cleave::codegen::test
