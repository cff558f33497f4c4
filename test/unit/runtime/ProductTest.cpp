// Products of the runtime: every instruction set the processor has, every type, edges of every kind.
#include "runtime/device/cpu/Product.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace cleave::rt {
namespace {

struct NamedSet {
  std::string name;
  ProductSet set;
};

std::vector<NamedSet> availableSets() {
  std::vector<NamedSet> sets = {{"baseline", baselineProductKernels()}};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    sets.push_back({"avx2", avx2ProductKernels()});
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
    sets.push_back({"avx512", avx512ProductKernels()});
  if (__builtin_cpu_supports("avx512bf16"))
    sets.push_back({"avx512bf16", avx512BFloatProductKernels()});
  return sets;
}

/// A matrix of one type, and its values as they are stored.
struct Matrix {
  Type type;
  std::vector<char> bytes;
  std::vector<double> values;
};

double roundTo(Type type, double value) {
  if (type == Type::F64)
    return value;
  auto single = static_cast<float>(value);
  if (type == Type::F32)
    return single;
  uint32_t bits;
  std::memcpy(&bits, &single, sizeof bits);
  if (type == Type::BF16)
    bits = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u;
  else
    bits &= 0xffffe000u; // f16: ten bits of fraction; values here are within its range
  std::memcpy(&single, &bits, sizeof single);
  return single;
}

void write(Matrix &matrix, size_t at, double value) {
  matrix.values[at] = value = roundTo(matrix.type, value);
  auto single = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &single, sizeof bits);
  auto brain = static_cast<uint16_t>(bits >> 16);
  auto half = static_cast<uint16_t>((bits >> 16 & 0x8000) | ((bits >> 13 & 0x3ffff) - ((127 - 15) << 10)));
  if (value == 0)
    half = 0;
  const void *source = matrix.type == Type::F64    ? static_cast<const void *>(&value)
                       : matrix.type == Type::BF16 ? static_cast<const void *>(&brain)
                       : matrix.type == Type::F16  ? static_cast<const void *>(&half)
                                                   : static_cast<const void *>(&single);
  std::memcpy(matrix.bytes.data() + at * sizeOf(matrix.type), source, sizeOf(matrix.type));
}

double read(const Matrix &matrix, size_t at) {
  const char *from = matrix.bytes.data() + at * sizeOf(matrix.type);
  if (matrix.type == Type::F64) {
    double value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  uint32_t bits = 0;
  std::memcpy(reinterpret_cast<char *>(&bits) + (matrix.type == Type::F32 ? 0 : 2), from,
              sizeOf(matrix.type));
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

Matrix random(Type type, size_t count, unsigned seed) {
  Matrix matrix{type, std::vector<char>(count * sizeOf(type)), std::vector<double>(count)};
  std::mt19937 engine(seed);
  std::uniform_real_distribution<double> distribution(0.25, 2);
  for (size_t at = 0; at < count; ++at)
    write(matrix, at, (engine() & 1 ? 1 : -1) * distribution(engine));
  return matrix;
}

struct Case {
  Type a, b, c, factors;
  int64_t m, n, k;
  bool transposeA, transposeB, accumulate;
};

/// The largest error, relative to what rounding k terms may add up to.
double errorOf(const Case &each, const ProductSet &set) {
  Matrix a = random(each.a, each.m * each.k, 1), b = random(each.b, each.k * each.n, 2),
         c = random(each.c, each.m * each.n, 3);
  Matrix before = c;
  ProductCall call;
  call.a = {each.a, a.bytes.data(), each.transposeA ? each.m : each.k, each.transposeA};
  call.b = {each.b, b.bytes.data(), each.transposeB ? each.k : each.n, each.transposeB};
  call.c = {each.c, c.bytes.data(), each.n};
  call.factors = each.factors;
  call.m = each.m;
  call.n = each.n;
  call.k = each.k;
  call.accumulate = each.accumulate;
  multiply(call, set);
  const double epsilon = each.factors == Type::F64 ? 1e-15 : 1e-6;
  double worst = 0;
  for (int64_t i = 0; i < each.m; ++i)
    for (int64_t j = 0; j < each.n; ++j) {
      double sum = each.accumulate ? before.values[i * each.n + j] : 0;
      for (int64_t t = 0; t < each.k; ++t)
        sum += roundTo(each.factors, a.values[each.transposeA ? t * each.m + i : i * each.k + t]) *
               roundTo(each.factors, b.values[each.transposeB ? j * each.k + t : t * each.n + j]);
      double allowed =
          epsilon * static_cast<double>(each.k + 1) + (each.c == Type::BF16 ? std::fabs(sum) / 256 : 0);
      worst = std::max(worst, std::fabs(read(c, i * each.n + j) - sum) / allowed);
    }
  return worst;
}

const std::vector<std::array<int64_t, 3>> kSizes = {
    {1, 1, 1},    {8, 48, 16},   {7, 47, 15},   {9, 50, 33},    {70, 10, 5},
    {3, 5, 1000}, {40, 130, 64}, {257, 50, 20}, {20, 400, 20},  {20, 24, 0},
    {2, 70, 300}, {5, 1100, 45}, {8, 33, 0},    {12, 96, 1024}, {19, 50, 2100}};

void checkTypes(Type a, Type b, Type c, Type factors) {
  for (const NamedSet &named : availableSets())
    for (auto [m, n, k] : kSizes)
      for (int flags = 0; flags < 8; ++flags) {
        Case each{a, b, c, factors, m, n, k, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0};
        EXPECT_LE(errorOf(each, named.set), 1)
            << named.name << " " << m << "x" << n << "x" << k << " flags " << flags;
      }
}

TEST(ProductTest, F32) { checkTypes(Type::F32, Type::F32, Type::F32, Type::F32); }
TEST(ProductTest, F64) { checkTypes(Type::F64, Type::F64, Type::F64, Type::F64); }
TEST(ProductTest, F64OfF32) { checkTypes(Type::F32, Type::F64, Type::F64, Type::F64); }
TEST(ProductTest, BF16) { checkTypes(Type::BF16, Type::BF16, Type::F32, Type::BF16); }
TEST(ProductTest, BF16RoundsSumsOnce) { checkTypes(Type::BF16, Type::BF16, Type::BF16, Type::BF16); }
TEST(ProductTest, F32RoundedToBF16) { checkTypes(Type::F32, Type::BF16, Type::F32, Type::BF16); }
TEST(ProductTest, F16) { checkTypes(Type::F16, Type::F16, Type::F32, Type::F32); }

// An element is one sum in one order, wherever a tile of more than a few rows that holds it begins.
TEST(ProductTest, PartsHaveTheBitsOfTheWhole) {
  constexpr int64_t m = 33, n = 100, k = 1100;
  for (const NamedSet &named : availableSets())
    for (Type factors : {Type::F32, Type::BF16}) {
      Matrix a = random(factors, m * k, 1), b = random(factors, k * n, 2);
      std::vector<float> whole(m * n), parts(m * n);
      ProductCall call;
      call.a = {factors, a.bytes.data(), k, false};
      call.b = {factors, b.bytes.data(), n, false};
      call.c = {Type::F32, whole.data(), n};
      call.factors = factors;
      call.m = m;
      call.n = n;
      call.k = k;
      multiply(call, named.set);
      for (int64_t i = 0; i < m; i += 11)
        for (int64_t j = 0; j < n; j += 37) {
          ProductCall part = call;
          part.m = 11;
          part.n = std::min<int64_t>(37, n - j);
          part.a.data = a.bytes.data() + i * k * sizeOf(factors);
          part.b.data = b.bytes.data() + j * sizeOf(factors);
          part.c.data = parts.data() + i * n + j;
          multiply(part, named.set);
        }
      EXPECT_EQ(whole, parts) << named.name;
    }
}

// Parts of a sum that lie apart: heads of a projection.
TEST(ProductTest, PartsAddUp) {
  constexpr int64_t parts = 5, k = 70, n = 60;
  for (const NamedSet &named : availableSets())
    for (int64_t m : {3, 20})
      for (Type to : {Type::F32, Type::BF16})
        for (Type factors : {Type::F32, Type::BF16}) {
          Matrix a = random(factors, m * parts * k, 1), b = random(factors, parts * k * n, 2),
                 c = random(to, m * n, 3);
          ProductCall call;
          call.a = {factors, a.bytes.data(), parts * k, false, k};
          call.b = {factors, b.bytes.data(), n, false, k * n};
          call.c = {to, c.bytes.data(), n};
          call.factors = factors;
          call.m = m;
          call.n = n;
          call.k = k;
          call.parts = parts;
          multiply(call, named.set);
          for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < n; ++j) {
              double sum = 0;
              for (int64_t t = 0; t < parts * k; ++t)
                sum += a.values[i * parts * k + t] * b.values[t * n + j];
              EXPECT_NEAR(read(c, i * n + j), sum, to == Type::BF16 ? std::fabs(sum) / 256 + 1e-3 : 1e-3)
                  << named.name;
            }
        }
}

// NaN and infinities reach the sums, and what is beside a matrix does not.
TEST(ProductTest, NaNAndInfinityAreKept) {
  for (const NamedSet &named : availableSets()) {
    std::vector<float> a(5 * 7, 1), b(7 * 9, 1), c(5 * 9);
    a[2 * 7 + 3] = NAN;
    b[4 * 9 + 8] = INFINITY;
    ProductCall call;
    call.a = {Type::F32, a.data(), 7, false};
    call.b = {Type::F32, b.data(), 9, false};
    call.c = {Type::F32, c.data(), 9};
    call.m = 5;
    call.n = 9;
    call.k = 7;
    for (Type factors : {Type::F32, Type::BF16}) {
      call.factors = factors;
      multiply(call, named.set);
      for (int64_t i = 0; i < 5; ++i)
        for (int64_t j = 0; j < 9; ++j)
          if (i == 2)
            EXPECT_TRUE(std::isnan(c[i * 9 + j])) << named.name;
          else
            EXPECT_EQ(c[i * 9 + j], j == 8 ? INFINITY : 7.0f) << named.name;
    }
  }
}

} // namespace
} // namespace cleave::rt
