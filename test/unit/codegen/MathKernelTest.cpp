// Math functions: accuracy over their range, and what they do with infinities and NaN.
#include "test/unit/codegen/KernelTester.h"

#include <cmath>
#include <functional>
#include <gtest/gtest.h>

namespace cleave::codegen::test {
namespace {

struct Function {
  const char *op;
  std::function<double(double)> exact;
  double low, high; // range that is sampled
};

const std::vector<Function> kFunctions = {
    {"math.exp", [](double x) { return std::exp(x); }, -87, 88},
    {"math.expm1", [](double x) { return std::expm1(x); }, -20, 20},
    {"math.log", [](double x) { return std::log(x); }, 1e-30, 1e30},
    {"math.log", [](double x) { return std::log(x); }, 0.1, 10},
    {"math.log1p", [](double x) { return std::log1p(x); }, -0.99, 100},
    {"math.tanh", [](double x) { return std::tanh(x); }, -12, 12},
    {"math.tanh", [](double x) { return std::tanh(x); }, -0.1, 0.1},
    {"math.erf", [](double x) { return std::erf(x); }, -5, 5},
    {"math.sin", [](double x) { return std::sin(x); }, -30, 30},
    {"math.cos", [](double x) { return std::cos(x); }, -30, 30},
    {"math.sqrt", [](double x) { return std::sqrt(x); }, 0, 1e6},
    {"math.rsqrt", [](double x) { return 1 / std::sqrt(x); }, 1e-6, 1e6},
    {"math.absf", [](double x) { return std::fabs(x); }, -5, 5},
    {"math.floor", [](double x) { return std::floor(x); }, -5, 5},
    {"math.ceil", [](double x) { return std::ceil(x); }, -5, 5},
    {"math.roundeven", [](double x) { return std::nearbyint(x); }, -5, 5},
};

std::string elementWise(const std::string &op, int64_t size, const std::string &type) {
  return substitute(R"(
func.func private @f(%x: tensor<$Nx$T>) -> tensor<$Nx$T> attributes {cleave.kernel, cleave.rows = array<i64: $N>} {
  %e = tensor.empty() : tensor<$Nx$T>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<$Nx$T>) outs(%e : tensor<$Nx$T>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: $T, %o: $T):
    %m = $OP %a : $T
    linalg.yield %m : $T
  } -> tensor<$Nx$T>
  return %r : tensor<$Nx$T>
})",
                    {{"N", std::to_string(size)}, {"T", type}, {"OP", op}});
}

template <typename T> double worstError(const Function &function, double floor) {
  constexpr int64_t kSize = 20011;
  Kernels kernels(elementWise(function.op, kSize, sizeof(T) == 8 ? "f64" : "f32"));
  std::vector<T> x(kSize), y(kSize);
  for (int64_t i = 0; i < kSize; ++i)
    x[i] = static_cast<T>(function.low + (function.high - function.low) * i / (kSize - 1));
  kernels.run("f", {x.data(), y.data()});
  double worst = 0;
  for (int64_t i = 0; i < kSize; ++i) {
    double exact = function.exact(x[i]);
    worst = std::max(worst, std::fabs(y[i] - exact) / std::max(std::fabs(exact), floor));
  }
  return worst;
}

TEST(MathKernel, F32FunctionsAreAccurate) {
  for (const Function &function : kFunctions) {
    SCOPED_TRACE(testing::Message() << function.op << " in [" << function.low << ", " << function.high
                                    << "]");
    // Near a zero of sin and cos the error is relative to 1: their argument is rounded.
    bool wave = std::string(function.op) == "math.sin" || std::string(function.op) == "math.cos";
    EXPECT_LE(worstError<float>(function, wave ? 1 : 1e-30), 2e-6);
  }
}

TEST(MathKernel, F64FunctionsAreExactToTheLastPlaces) {
  for (const Function &function : kFunctions) {
    SCOPED_TRACE(function.op);
    EXPECT_LE(worstError<double>(function, 1e-300), 7e-16);
  }
}

/// f at special points must be what libm says: the same infinity, NaN or, to 2e-6, value.
TEST(MathKernel, InfinitiesAndNanPassThrough) {
  std::vector<float> points = {-INFINITY, INFINITY, NAN,    0.0f,  -0.0f, 1.0f,
                               -200.0f,   200.0f,   1e-40f, -1.0f, 3e38f};
  for (const Function &function : kFunctions) {
    std::string op = function.op;
    Kernels kernels(elementWise(op, points.size(), "f32"));
    std::vector<float> y(points.size());
    kernels.run("f", {points.data(), y.data()});
    for (size_t i = 0; i < points.size(); ++i) {
      float exact = static_cast<float>(function.exact(points[i]));
      if ((op == "math.sin" || op == "math.cos") && std::fabs(points[i]) > 1e6)
        continue;
      if (op == "math.log" && points[i] < 1e-38f && points[i] > 0)
        continue; // the polynomial takes a subnormal number for the smallest normal one
      SCOPED_TRACE(testing::Message() << op << "(" << points[i] << ") = " << y[i] << ", libm says " << exact);
      if (std::isnan(exact))
        EXPECT_TRUE(std::isnan(y[i]));
      else if (std::isinf(exact) || exact == 0)
        EXPECT_EQ(y[i], exact);
      else
        EXPECT_NEAR(y[i], exact, 2e-6 * std::fabs(exact) + 1e-37);
    }
  }
}

TEST(MathKernel, DividingByInfinityGivesZero) {
  std::string text = elementWise("math.exp", 40, "f32");
  text.replace(text.find("linalg.yield %m"), 15, R"(%one = arith.constant 1.0 : f32
    %d = arith.addf %m, %one : f32
    %q = arith.divf %one, %d : f32
    linalg.yield %q)");
  Kernels kernels(text);
  std::vector<float> x(40, 200), y(40);
  kernels.run("f", {x.data(), y.data()});
  EXPECT_EQ(y, std::vector<float>(40, 0));
}

} // namespace
} // namespace cleave::codegen::test
