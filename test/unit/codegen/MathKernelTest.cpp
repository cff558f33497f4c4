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
    {"math.exp", [](double x) { return std::exp(x); }, -86.6, 88.7},
    {"math.exp", [](double x) { return std::exp(x); }, -1, 1},
    {"math.expm1", [](double x) { return std::expm1(x); }, -20, 20},
    {"math.log", [](double x) { return std::log(x); }, 1e-30, 1e30},
    {"math.log", [](double x) { return std::log(x); }, 0.1, 10},
    {"math.log1p", [](double x) { return std::log1p(x); }, -0.99, 100},
    {"math.tanh", [](double x) { return std::tanh(x); }, -12, 12},
    {"math.tanh", [](double x) { return std::tanh(x); }, -0.1, 0.1},
    {"math.erf", [](double x) { return std::erf(x); }, -5, 5},
    {"math.sin", [](double x) { return std::sin(x); }, -30, 30},
    {"math.cos", [](double x) { return std::cos(x); }, -30, 30},
    {"math.sin", [](double x) { return std::sin(x); }, -1e6, 1e9},
    {"math.cos", [](double x) { return std::cos(x); }, -1e6, 1e9},
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
    EXPECT_LE(worstError<float>(function, 1e-30), 2e-6);
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
      if ((op == "math.sin" || op == "math.cos") && std::fabs(points[i]) > 0x1p50f)
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

TEST(MathKernel, WavesOfHugeNumbersStayBetweenOneAndMinusOne) {
  std::vector<float> x = {1e16f, -3e20f, 3e38f, -3e38f}, y(x.size());
  Kernels(elementWise("math.sin", x.size(), "f32")).run("f", {x.data(), y.data()});
  for (float value : y)
    EXPECT_LE(std::fabs(value), 1);
}

std::string powers(int64_t size) {
  std::string text = elementWise("math.powf %a,", size, "f32"); // x^b, b a second argument
  auto replaceAll = [&](const std::string &from, const std::string &to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  };
  std::string type = "tensor<" + std::to_string(size) + "xf32>";
  replaceAll("(%x: " + type + ")", "(%x: " + type + ", %b: " + type + ")");
  replaceAll("ins(%x : " + type + ")", "ins(%x, %b : " + type + ", " + type + ")");
  replaceAll("[affine_map<(i) -> (i)>, ", "[affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, ");
  replaceAll("%a: f32, %o", "%a: f32, %p: f32, %o");
  replaceAll("%a, %a", "%a, %p");
  return text;
}

TEST(MathKernel, PowersAreAccurate) {
  constexpr int64_t kSize = 40007;
  std::vector<float> x(kSize), b(kSize), y(kSize);
  for (int64_t i = 0; i < kSize; ++i) {
    x[i] = static_cast<float>(std::pow(10.0, -38 + 76.0 * i / kSize));
    b[i] = static_cast<float>(std::sin(static_cast<double>(i)) * 4);
  }
  Kernels(powers(kSize)).run("f", {x.data(), b.data(), y.data()});
  for (int64_t i = 0; i < kSize; ++i) {
    double exact = std::pow(static_cast<double>(x[i]), static_cast<double>(b[i]));
    if (exact < 1e-37)
      EXPECT_NEAR(y[i], exact, 1e-43);
    else if (exact > 3.4e38)
      EXPECT_EQ(y[i], INFINITY);
    else
      EXPECT_NEAR(y[i], exact, 3e-7 * exact) << x[i] << " ^ " << b[i];
  }
}

TEST(MathKernel, PowersAtSpecialPointsAreThoseOfLibm) {
  const std::vector<float> points = {-INFINITY, INFINITY, NAN,  0.0f,  -0.0f, 1.0f,   -1.0f,  2.0f, -2.0f,
                                     3.0f,      -3.0f,    0.5f, -0.5f, 2.5f,  1e-40f, -1e38f, 1e9f};
  std::vector<float> x, b;
  for (float base : points)
    for (float exponent : points) {
      x.push_back(base);
      b.push_back(exponent);
    }
  std::vector<float> y(x.size());
  Kernels(powers(x.size())).run("f", {x.data(), b.data(), y.data()});
  for (size_t i = 0; i < x.size(); ++i) {
    float exact = std::pow(x[i], b[i]);
    SCOPED_TRACE(testing::Message() << x[i] << " ^ " << b[i] << " = " << y[i] << ", libm says " << exact);
    if (std::isnan(exact)) {
      EXPECT_TRUE(std::isnan(y[i]));
      continue;
    }
    EXPECT_EQ(std::signbit(y[i]), std::signbit(exact));
    if (std::isinf(exact) || exact == 0)
      EXPECT_EQ(y[i], exact);
    else
      EXPECT_NEAR(y[i], exact, 3e-7 * std::fabs(exact) + 1e-43);
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
