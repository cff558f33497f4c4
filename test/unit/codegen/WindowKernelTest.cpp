// Gradients of convolutions and of pooling: odd sizes, few channels, any cut of the units; and the intervals
// that take conditions out of them.
#include "test/unit/codegen/KernelTester.h"

#include "compiler/codegen/cpu/Ranges.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

namespace cleave::codegen::test {
namespace {

struct Sizes {
  int64_t batch, rows, columns, channels, features;
};

std::string text(int64_t number) { return std::to_string(number); }

/// w[u, v, c, o] = sum over n, i, j of y[n, i, j, o] * x[n, i + u - 1, j + v - 1, c], x outside is 0.
std::string weightGradientText(const Sizes &sizes) {
  return substitute(R"(
func.func private @gradient(%y: tensor<$Nx$Hx$Wx$Oxf32>, %x: tensor<$Nx$Hx$Wx$Cxf32>) -> tensor<3x3x$Cx$Oxf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 3, 3, $C, $O>} {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %less = arith.constant -1 : index
  %h = arith.constant $H : index
  %w = arith.constant $W : index
  %lastRow = arith.constant $LASTROW : index
  %lastColumn = arith.constant $LASTCOLUMN : index
  %e = tensor.empty() : tensor<3x3x$Cx$Oxf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<3x3x$Cx$Oxf32>) -> tensor<3x3x$Cx$Oxf32>
  %r = linalg.generic {indexing_maps = [affine_map<(u, v, c, o, n, i, j) -> (n, i, j, o)>,
                                        affine_map<(u, v, c, o, n, i, j) -> (u, v, c, o)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%y : tensor<$Nx$Hx$Wx$Oxf32>) outs(%f : tensor<3x3x$Cx$Oxf32>)
      attrs = {cleave.rows = array<i64: 0, 1, 2, 3>} {
  ^bb0(%a: f32, %o: f32):
    %u = linalg.index 0 : index
    %v = linalg.index 1 : index
    %c = linalg.index 2 : index
    %n = linalg.index 4 : index
    %i = linalg.index 5 : index
    %j = linalg.index 6 : index
    %p0 = arith.addi %u, %i : index
    %p = arith.addi %p0, %less : index
    %q0 = arith.addi %v, %j : index
    %q = arith.addi %q0, %less : index
    %rowInside = arith.cmpi ult, %p, %h : index
    %columnInside = arith.cmpi ult, %q, %w : index
    %inside = arith.andi %rowInside, %columnInside : i1
    %p1 = arith.maxsi %p, %c0 : index
    %p2 = arith.minsi %p1, %lastRow : index
    %q1 = arith.maxsi %q, %c0 : index
    %q2 = arith.minsi %q1, %lastColumn : index
    %read = tensor.extract %x[%n, %p2, %q2, %c] : tensor<$Nx$Hx$Wx$Cxf32>
    %value = arith.select %inside, %read, %zero : f32
    %m = arith.mulf %a, %value : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<3x3x$Cx$Oxf32>
  return %r : tensor<3x3x$Cx$Oxf32>
})",
                    {{"LASTROW", text(sizes.rows - 1)},
                     {"LASTCOLUMN", text(sizes.columns - 1)},
                     {"N", text(sizes.batch)},
                     {"H", text(sizes.rows)},
                     {"W", text(sizes.columns)},
                     {"C", text(sizes.channels)},
                     {"O", text(sizes.features)}});
}

std::vector<double> weightGradient(const Sizes &s, const std::vector<float> &y, const std::vector<float> &x) {
  std::vector<double> w(9 * s.channels * s.features);
  for (int64_t point = 0; point < s.batch * s.rows * s.columns; ++point)
    for (int64_t window = 0; window < 9; ++window) {
      int64_t row = point / s.columns % s.rows + window / 3 - 1, column = point % s.columns + window % 3 - 1;
      if (row < 0 || row >= s.rows || column < 0 || column >= s.columns)
        continue;
      int64_t read = (point / (s.rows * s.columns) * s.rows + row) * s.columns + column;
      for (int64_t c = 0; c < s.channels; ++c)
        for (int64_t o = 0; o < s.features; ++o)
          w[(window * s.channels + c) * s.features + o] +=
              static_cast<double>(y[point * s.features + o]) * x[read * s.channels + c];
    }
  return w;
}

TEST(WindowKernel, WeightGradientsOfConvolutions) {
  for (const Sizes &sizes : {Sizes{3, 5, 7, 1, 8}, Sizes{2, 9, 6, 3, 5}, Sizes{2, 16, 16, 8, 19},
                             Sizes{1, 2, 2, 1, 3}, Sizes{2, 8, 11, 7, 40}, Sizes{4, 1, 13, 16, 16}}) {
    Kernels kernels(weightGradientText(sizes));
    int64_t points = sizes.batch * sizes.rows * sizes.columns;
    std::vector<float> y = normals<float>(points * sizes.features),
                       x = normals<float>(points * sizes.channels, 2);
    std::vector<float> whole(9 * sizes.channels * sizes.features), cut(whole.size());
    kernels.run("gradient", {y.data(), x.data(), whole.data()});
    kernels.run("gradient", {y.data(), x.data(), cut.data()}, 1);
    EXPECT_EQ(whole, cut);
    EXPECT_LE(distance(whole, weightGradient(sizes, y, x)), 1e-4) << sizes.columns << " " << sizes.features;
  }
}

/// y[n, i, j, o] = sum over u, v, c of x[n, i + u, j + v, c] * w[u, v, c, o], or x[n, i + 2 - u, j + 2 - v,
/// c]; x has an edge.
std::string edgedConvolutionText(const Sizes &sizes, bool backwards) {
  return substitute(R"(
func.func private @convolution(%x: tensor<$Nx$EHx$EWx$Cxf32>, %w: tensor<3x3x$Cx$Oxf32>) -> tensor<$Nx$Hx$Wx$Oxf32>
    attributes {cleave.kernel, cleave.rows = array<i64: $N, $H, $W, $O>} {
  %zero = arith.constant 0.0 : f32
  %from = arith.constant $FROM : index
  %e = tensor.empty() : tensor<$Nx$Hx$Wx$Oxf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<$Nx$Hx$Wx$Oxf32>) -> tensor<$Nx$Hx$Wx$Oxf32>
  %r = linalg.generic {indexing_maps = [affine_map<(n, i, j, o, u, v, c) -> (u, v, c, o)>,
                                        affine_map<(n, i, j, o, u, v, c) -> (n, i, j, o)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%w : tensor<3x3x$Cx$Oxf32>) outs(%f : tensor<$Nx$Hx$Wx$Oxf32>)
      attrs = {cleave.rows = array<i64: 0, 1, 2, 3>} {
  ^bb0(%b: f32, %o: f32):
    %n = linalg.index 0 : index
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %u = linalg.index 4 : index
    %v = linalg.index 5 : index
    %c = linalg.index 6 : index
    %p0 = arith.$STEP %i, %u : index
    %p = arith.addi %p0, %from : index
    %q0 = arith.$STEP %j, %v : index
    %q = arith.addi %q0, %from : index
    %a = tensor.extract %x[%n, %p, %q, %c] : tensor<$Nx$EHx$EWx$Cxf32>
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<$Nx$Hx$Wx$Oxf32>
  return %r : tensor<$Nx$Hx$Wx$Oxf32>
})",
                    {{"STEP", backwards ? "subi" : "addi"},
                     {"FROM", backwards ? "2" : "0"},
                     {"EH", text(sizes.rows + 2)},
                     {"EW", text(sizes.columns + 2)},
                     {"N", text(sizes.batch)},
                     {"H", text(sizes.rows)},
                     {"W", text(sizes.columns)},
                     {"C", text(sizes.channels)},
                     {"O", text(sizes.features)}});
}

// Wide enough for the runtime's products, and not.
TEST(WindowKernel, ConvolutionsOfImagesWithAnEdge) {
  for (const Sizes &sizes : {Sizes{3, 12, 15, 16, 40}, Sizes{2, 5, 4, 3, 8}, Sizes{4, 32, 32, 3, 32}})
    for (bool backwards : {false, true}) {
      Kernels kernels(edgedConvolutionText(sizes, backwards));
      const auto &[batch, rows, columns, channels, features] = sizes;
      std::vector<float> x = normals<float>(batch * (rows + 2) * (columns + 2) * channels);
      std::vector<float> w = normals<float>(9 * channels * features, 2);
      std::vector<float> whole(batch * rows * columns * features), cut(whole.size());
      kernels.run("convolution", {x.data(), w.data(), whole.data()});
      kernels.run("convolution", {x.data(), w.data(), cut.data()}, 3);
      EXPECT_EQ(whole, cut);
      std::vector<double> expected(whole.size());
      for (int64_t point = 0; point < batch * rows * columns; ++point)
        for (int64_t window = 0; window < 9; ++window) {
          int64_t u = backwards ? 2 - window / 3 : window / 3, v = backwards ? 2 - window % 3 : window % 3;
          int64_t row = point / columns % rows + u, column = point % columns + v;
          int64_t read = (point / (rows * columns) * (rows + 2) + row) * (columns + 2) + column;
          for (int64_t c = 0; c < channels; ++c)
            for (int64_t o = 0; o < features; ++o)
              expected[point * features + o] +=
                  static_cast<double>(x[read * channels + c]) * w[(window * channels + c) * features + o];
        }
      EXPECT_LE(distance(whole, expected), 1e-4) << features << " " << backwards;
    }
}

/// The gradient of a maximum over windows of 2 columns, behind a relu: where x attains the maximum m and is
/// positive.
TEST(WindowKernel, GradientOfPooling) {
  for (const Sizes &sizes : {Sizes{3, 1, 6, 8, 8}, Sizes{5, 1, 7, 1, 1}, Sizes{2, 1, 16, 3, 3},
                             Sizes{7, 1, 10, 19, 19}, Sizes{1, 1, 9, 4, 4}}) {
    int64_t batch = sizes.batch, columns = sizes.columns, channels = sizes.channels;
    int64_t half = (columns + 1) / 2;
    Kernels kernels(
        substitute(R"(
func.func private @pool(%x: tensor<$Nx$Wx$Cxf32>, %m: tensor<$Nx$Mx$Cxf32>, %d: tensor<$Nx$Mx$Cxf32>) -> tensor<$Nx$Wx$Cxf32>
    attributes {cleave.kernel, cleave.inplace = array<i64: 0, 0>, cleave.rows = array<i64: $N, $W, $C>} {
  %zero = arith.constant 0.0 : f32
  %c2 = arith.constant 2 : index
  %e = tensor.empty() : tensor<$Nx$Wx$Cxf32>
  %r = linalg.generic {indexing_maps = [affine_map<(n, j, c) -> (n, j, c)>, affine_map<(n, j, c) -> (n, j, c)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<$Nx$Wx$Cxf32>) outs(%e : tensor<$Nx$Wx$Cxf32>) attrs = {cleave.rows = array<i64: 0, 1, 2>} {
  ^bb0(%a: f32, %o: f32):
    %n = linalg.index 0 : index
    %j = linalg.index 1 : index
    %c = linalg.index 2 : index
    %k = arith.divsi %j, %c2 : index
    %most = tensor.extract %m[%n, %k, %c] : tensor<$Nx$Mx$Cxf32>
    %dm = tensor.extract %d[%n, %k, %c] : tensor<$Nx$Mx$Cxf32>
    %attains = arith.cmpf oeq, %a, %most : f32
    %g = arith.select %attains, %dm, %zero : f32
    %positive = arith.cmpf ogt, %a, %zero : f32
    %s = arith.select %positive, %g, %zero : f32
    linalg.yield %s : f32
  } -> tensor<$Nx$Wx$Cxf32>
  return %r : tensor<$Nx$Wx$Cxf32>
})",
                   {{"N", text(batch)}, {"W", text(columns)}, {"M", text(half)}, {"C", text(channels)}}));
    std::vector<float> x = normals<float>(batch * columns * channels), m(batch * half * channels, -100);
    std::vector<float> d = normals<float>(m.size(), 2), expected(x.size()), whole = x, cut = x;
    auto pooled = [&](int64_t i) {
      int64_t row = i / channels;
      return (row / columns * half + row % columns / 2) * channels + i % channels;
    };
    for (size_t i = 0; i < x.size(); ++i)
      m[pooled(i)] = std::max(m[pooled(i)], x[i]);
    for (size_t i = 0; i < x.size(); ++i)
      expected[i] = x[i] == m[pooled(i)] && x[i] > 0 ? d[pooled(i)] : 0;
    kernels.run("pool", {x.data(), m.data(), d.data(), whole.data()});
    kernels.run("pool", {x.data(), m.data(), d.data(), cut.data()}, 1);
    EXPECT_EQ(whole, expected) << columns << " " << channels;
    EXPECT_EQ(cut, expected) << columns << " " << channels;
  }
}

/// The interval of the last operation of a body whose argument %i lies in `range`.
std::optional<Range> lastRange(const std::string &body, Range range) {
  mlir::MLIRContext context;
  context.loadDialect<mlir::arith::ArithDialect, mlir::func::FuncDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(
      "func.func @f(%i: index) {\n%c2 = arith.constant 2 : index\n%c8 = arith.constant 8 : index\n" + body +
          "\nreturn }",
      &context);
  llvm::DenseMap<mlir::Value, std::optional<Range>> known;
  auto function = *module->getOps<mlir::func::FuncOp>().begin();
  known[function.getArgument(0)] = range;
  std::optional<Range> last;
  for (mlir::Operation &op : function.front().without_terminator()) {
    auto operands = llvm::map_to_vector(op.getOperands(), [&](mlir::Value v) { return known.lookup(v); });
    last = known[op.getResult(0)] = rangeOf(&op, operands);
  }
  return last;
}

TEST(Ranges, DecideConditionsOnlyWhereTheyMust) {
  auto expect = [](const std::string &body, Range range, std::optional<Range> wanted) {
    std::optional<Range> found = lastRange(body, range);
    ASSERT_EQ(found.has_value(), wanted.has_value()) << body;
    EXPECT_TRUE(!found || (found->low == wanted->low && found->high == wanted->high)) << body;
  };
  expect("%r = arith.cmpi ult, %i, %c8 : index", {0, 7}, Range{1, 1});
  expect("%r = arith.cmpi ult, %i, %c8 : index", {0, 8}, std::nullopt);
  expect("%r = arith.cmpi ult, %i, %c8 : index", {-3, -1}, Range{0, 0});
  expect("%r = arith.cmpi ult, %i, %c8 : index", {-1, 7}, std::nullopt);
  expect("%r = arith.cmpi slt, %i, %c8 : index", {-1, 7}, Range{1, 1});
  expect("%r = arith.cmpi sle, %i, %c8 : index", {9, 12}, Range{0, 0});
  expect("%r = arith.cmpi eq, %i, %c8 : index", {0, 7}, Range{0, 0});
  expect("%r = arith.minsi %i, %c8 : index", {0, 20}, Range{0, 8});
  expect("%r = arith.subi %c8, %i : index", {1, 3}, Range{5, 7});
  expect("%r = arith.muli %i, %c2 : index", {-1, 3}, Range{-2, 6});
  expect("%r = arith.divsi %i, %c2 : index", {-3, 5}, Range{-1, 2});
  expect("%r = arith.remsi %i, %c8 : index", {0, 100}, Range{0, 7});
  expect("%r = arith.remsi %i, %c8 : index", {-1, 100}, std::nullopt);
  expect("%s = arith.cmpi slt, %i, %c8 : index\n%r = arith.select %s, %i, %c8 : index", {0, 9}, Range{0, 9});
  expect("%s = arith.cmpi slt, %i, %c8 : index\n%r = arith.select %s, %c2, %c8 : index", {0, 7}, Range{2, 2});
}

} // namespace
} // namespace cleave::codegen::test
