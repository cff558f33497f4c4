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

std::string kernelText(const Layout &layout, const std::string &type) {
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
func.func private @product(%a: tensor<$SA$T>, %b: tensor<$SB$T>) -> tensor<$SC$T>
    attributes {cleave.kernel, cleave.rows = array<i64$SIZES>} {
  %zero = arith.constant 0.0 : $T
  %e = tensor.empty() : tensor<$SC$T>
  %f = linalg.fill ins(%zero : $T) outs(%e : tensor<$SC$T>) -> tensor<$SC$T>
  %r = linalg.generic {indexing_maps = [affine_map<$DIMS -> $MA>, affine_map<$DIMS -> $MB>, affine_map<$DIMS -> $MC>],
                       iterator_types = [$ITERATORS]}
      ins(%a, %b : tensor<$SA$T>, tensor<$SB$T>) outs(%f : tensor<$SC$T>)
      attrs = {cleave.rows = array<i64$ROWS>} {
  ^bb0(%x: $T, %y: $T, %o: $T):
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
                     {"T", type}});
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
  std::string text = kernelText(layout, std::is_same_v<T, double> ? "f64" : "f32");
  SCOPED_TRACE(text);
  Kernels kernels(text);
  std::vector<T> a = normals<T>(count(layout, layout.a), 1), b = normals<T>(count(layout, layout.b), 2);
  std::vector<T> c(count(layout, layout.c), -7), cut(c.size(), -7);
  kernels.run("product", {a.data(), b.data(), c.data()});
  EXPECT_LE(distance(c, reference(layout, a, b)), tolerance);
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

TEST(ProductKernel, LargeProductsAreCutIntoTiles) {
  Layout layout{"(m, n, k)", {2048, 384, 384}, "(m, k)", "(k, n)", "(m, n)", 2};
  Kernels kernels(kernelText(layout, "f32"));
  EXPECT_GE(kernels.units("product"), 8);
}

} // namespace
} // namespace cleave::codegen::test
