#include "runtime/device/cpu/KernelSupport.h"

#include "runtime/core/Program.h"
#include "runtime/device/cpu/Product.h"
#include "runtime/device/cpu/StridedProduct.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <type_traits>

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

extern "C" void cleave_rt_product(int64_t types, int64_t transpose, int64_t m, int64_t n, int64_t k,
                                  const void *a, int64_t lda, const void *b, int64_t ldb, void *c,
                                  int64_t ldc, int64_t accumulate, int64_t parts, int64_t partA,
                                  int64_t partB) {
  using cleave::rt::Type;
  auto type = [types](int number) { return static_cast<Type>(types >> (4 * number) & 15); };
  cleave::rt::ProductCall call;
  call.a = {type(0), a, lda, (transpose & 1) != 0, partA};
  call.b = {type(1), b, ldb, (transpose & 2) != 0, partB};
  call.c = {type(2), c, ldc};
  call.factors = type(3);
  call.m = m;
  call.n = n;
  call.k = k;
  call.parts = parts;
  call.accumulate = accumulate != 0;
  multiply(call, cleave::rt::productKernels());
}

extern "C" void cleave_rt_strided_product(const int64_t *description, const float *a, const float *b,
                                          float *c, int64_t begin, int64_t end) {
  const int64_t *next = description;
  auto take = [&] { return *next++; };
  cleave::rt::StridedProduct product;
  for (int64_t *field : {&product.rows, &product.aRow, &product.cRow, &product.columns, &product.terms,
                         &product.aTerm, &product.bTerm, &product.unitDims, &product.segmentDims})
    *field = take();
  for (int64_t i = 0; i < product.unitDims; ++i)
    for (int64_t *field :
         {&product.units[i].size, &product.units[i].a, &product.units[i].b, &product.units[i].c})
      *field = take();
  for (int64_t i = 0; i < product.segmentDims; ++i)
    for (int64_t *field : {&product.segments[i].size, &product.segments[i].a, &product.segments[i].b})
      *field = take();
  cleave::rt::multiplyStrided(product, a, b, c, begin, end);
}

//===----------------------------------------------------------------------===//
// Sorting
//===----------------------------------------------------------------------===//

namespace {

float fromBFloat(uint16_t bits) {
  uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

float fromHalf(uint16_t bits) {
  uint32_t sign = (bits & 0x8000u) << 16, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent == 0) { // zero or subnormal: fraction * 2^-24
    float value = std::ldexp(static_cast<float>(fraction), -24);
    return sign ? -value : value;
  }
  uint32_t wide = sign | ((exponent == 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

template <typename T> bool isNan(T value) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isnan(value);
  return false;
}

/// Merges the two sorted halves of `positions` bottom up. Stable in both directions: equal keys, and all NaN,
/// stay in order of position.
template <typename Key>
void mergeSort(Key key, int64_t count, bool descending, int32_t *positions, int32_t *work) {
  for (int64_t i = 0; i < count; ++i)
    positions[i] = static_cast<int32_t>(i);
  auto before = [&](int32_t a, int32_t b) {
    auto x = key(a), y = key(b);
    if (isNan(x) || isNan(y))
      return !isNan(x) && isNan(y);
    return descending ? y < x : x < y;
  };
  int32_t *from = positions, *to = work;
  for (int64_t width = 1; width < count; width *= 2) {
    for (int64_t low = 0; low < count; low += 2 * width) {
      int64_t middle = std::min(low + width, count), high = std::min(low + 2 * width, count);
      std::merge(from + low, from + middle, from + middle, from + high, to + low, before);
    }
    std::swap(from, to);
  }
  if (from != positions)
    std::copy(from, from + count, positions);
}

template <typename T>
void sortAs(const void *keys, int64_t count, bool descending, int32_t *positions, int32_t *work) {
  auto key = [values = static_cast<const T *>(keys)](int32_t i) { return values[i]; };
  mergeSort(key, count, descending, positions, work);
}

} // namespace

extern "C" void cleave_rt_argsort(int64_t type, const void *keys, int64_t count, int64_t descending,
                                  int32_t *positions, int32_t *work) {
  using cleave::rt::Type;
  auto halves = static_cast<const uint16_t *>(keys);
  switch (static_cast<Type>(type)) {
  case Type::F32:
    return sortAs<float>(keys, count, descending, positions, work);
  case Type::F64:
    return sortAs<double>(keys, count, descending, positions, work);
  case Type::BF16:
    return mergeSort([&](int32_t i) { return fromBFloat(halves[i]); }, count, descending, positions, work);
  case Type::F16:
    return mergeSort([&](int32_t i) { return fromHalf(halves[i]); }, count, descending, positions, work);
  case Type::I8:
    return sortAs<int8_t>(keys, count, descending, positions, work);
  case Type::I32:
    return sortAs<int32_t>(keys, count, descending, positions, work);
  case Type::I64:
    return sortAs<int64_t>(keys, count, descending, positions, work);
  case Type::U8:
  case Type::Bool:
    return sortAs<uint8_t>(keys, count, descending, positions, work);
  }
}

//===----------------------------------------------------------------------===//
// Half precision, where the processor has no instruction for it
//===----------------------------------------------------------------------===//

namespace {

// The calling convention passes half-precision floats in vector registers. A function that returns a float
// whose low 16 bits are the result has the same one, on compilers that lack the type.
float inLowBits(uint16_t bits) {
  uint32_t wide = bits;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

uint16_t lowBits(float value) {
  uint32_t wide;
  std::memcpy(&wide, &value, sizeof wide);
  return static_cast<uint16_t>(wide);
}

/// Rounds to nearest, ties to even; NaN stays NaN.
float truncateToBFloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if (std::isnan(value))
    return inLowBits(static_cast<uint16_t>((bits >> 16) | 0x40));
  return inLowBits(static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16));
}

/// Rounds so that rounding the result once more gives what rounding `value` once would.
float roundToOdd(double value) {
  float single = static_cast<float>(value);
  if (static_cast<double>(single) == value || std::isnan(value))
    return single;
  uint32_t bits;
  std::memcpy(&bits, &single, sizeof bits);
  if (std::fabs(static_cast<double>(single)) > std::fabs(value))
    --bits;
  bits |= 1;
  std::memcpy(&single, &bits, sizeof single);
  return single;
}

float truncateDoubleToBFloat(double value) { return truncateToBFloat(roundToOdd(value)); }

/// Rounds to nearest, ties to even. A half has 5 bits of exponent and 10 of fraction.
uint16_t toHalf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  uint32_t sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) // NaN
    return static_cast<uint16_t>(sign | 0x7e00);
  if (magnitude >= 0x47800000) // 65536 and above
    return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < 0x38800000) { // below 2^-14: a multiple of 2^-24
    float scaled;
    std::memcpy(&scaled, &magnitude, sizeof scaled);
    return static_cast<uint16_t>(sign | static_cast<uint32_t>(std::nearbyint(std::ldexp(scaled, 24))));
  }
  uint32_t rounded =
      magnitude + 0xfff + ((magnitude >> 13) & 1); // may carry into the exponent, up to infinity
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000) >> 13));
}

float truncateToHalf(float value) { return inLowBits(toHalf(value)); }
float truncateDoubleToHalf(double value) { return inLowBits(toHalf(roundToOdd(value))); }
float extendHalf(float low) { return fromHalf(lowBits(low)); }

} // namespace

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

namespace {

template <class T> void *unary(T (*function)(T)) { return reinterpret_cast<void *>(function); }
template <class T> void *binary(T (*function)(T, T)) { return reinterpret_cast<void *>(function); }
template <class T> void *ternary(T (*function)(T, T, T)) { return reinterpret_cast<void *>(function); }

// libm: mathematics that kernels have no code of their own for.
const cleave::rt::SupportSymbol kMath[] = {
    {"acos", unary<double>(acos)},
    {"acosf", unary<float>(acosf)},
    {"acosh", unary<double>(acosh)},
    {"acoshf", unary<float>(acoshf)},
    {"asin", unary<double>(asin)},
    {"asinf", unary<float>(asinf)},
    {"asinh", unary<double>(asinh)},
    {"asinhf", unary<float>(asinhf)},
    {"atan", unary<double>(atan)},
    {"atanf", unary<float>(atanf)},
    {"atanh", unary<double>(atanh)},
    {"atanhf", unary<float>(atanhf)},
    {"cbrt", unary<double>(cbrt)},
    {"cbrtf", unary<float>(cbrtf)},
    {"ceil", unary<double>(ceil)},
    {"ceilf", unary<float>(ceilf)},
    {"cos", unary<double>(cos)},
    {"cosf", unary<float>(cosf)},
    {"cosh", unary<double>(cosh)},
    {"coshf", unary<float>(coshf)},
    {"erf", unary<double>(erf)},
    {"erff", unary<float>(erff)},
    {"erfc", unary<double>(erfc)},
    {"erfcf", unary<float>(erfcf)},
    {"exp", unary<double>(exp)},
    {"expf", unary<float>(expf)},
    {"exp2", unary<double>(exp2)},
    {"exp2f", unary<float>(exp2f)},
    {"expm1", unary<double>(expm1)},
    {"expm1f", unary<float>(expm1f)},
    {"floor", unary<double>(floor)},
    {"floorf", unary<float>(floorf)},
    {"log", unary<double>(log)},
    {"logf", unary<float>(logf)},
    {"log10", unary<double>(log10)},
    {"log10f", unary<float>(log10f)},
    {"log1p", unary<double>(log1p)},
    {"log1pf", unary<float>(log1pf)},
    {"log2", unary<double>(log2)},
    {"log2f", unary<float>(log2f)},
    {"nearbyint", unary<double>(nearbyint)},
    {"nearbyintf", unary<float>(nearbyintf)},
    {"rint", unary<double>(rint)},
    {"rintf", unary<float>(rintf)},
    {"round", unary<double>(round)},
    {"roundf", unary<float>(roundf)},
    {"sin", unary<double>(sin)},
    {"sinf", unary<float>(sinf)},
    {"sinh", unary<double>(sinh)},
    {"sinhf", unary<float>(sinhf)},
    {"sqrt", unary<double>(sqrt)},
    {"sqrtf", unary<float>(sqrtf)},
    {"tan", unary<double>(tan)},
    {"tanf", unary<float>(tanf)},
    {"tanh", unary<double>(tanh)},
    {"tanhf", unary<float>(tanhf)},
    {"tgamma", unary<double>(tgamma)},
    {"tgammaf", unary<float>(tgammaf)},
    {"lgamma", unary<double>(lgamma)},
    {"lgammaf", unary<float>(lgammaf)},
    {"trunc", unary<double>(trunc)},
    {"truncf", unary<float>(truncf)},
    {"atan2", binary<double>(atan2)},
    {"atan2f", binary<float>(atan2f)},
    {"copysign", binary<double>(copysign)},
    {"copysignf", binary<float>(copysignf)},
    {"fmax", binary<double>(fmax)},
    {"fmaxf", binary<float>(fmaxf)},
    {"fmin", binary<double>(fmin)},
    {"fminf", binary<float>(fminf)},
    {"fmod", binary<double>(fmod)},
    {"fmodf", binary<float>(fmodf)},
    {"hypot", binary<double>(hypot)},
    {"hypotf", binary<float>(hypotf)},
    {"pow", binary<double>(pow)},
    {"powf", binary<float>(powf)},
    {"remainder", binary<double>(remainder)},
    {"remainderf", binary<float>(remainderf)},
    {"fma", ternary<double>(fma)},
    {"fmaf", ternary<float>(fmaf)},
};

} // namespace

namespace cleave::rt {

const std::vector<SupportSymbol> &supportSymbols() {
  static const std::vector<SupportSymbol> symbols = [] {
    std::vector<SupportSymbol> all = {
        {"cleave_rt_product", reinterpret_cast<void *>(cleave_rt_product)},
        {"cleave_rt_strided_product", reinterpret_cast<void *>(cleave_rt_strided_product)},
        {"cleave_rt_argsort", reinterpret_cast<void *>(cleave_rt_argsort)},
        {"__truncsfbf2", reinterpret_cast<void *>(truncateToBFloat)},
        {"__truncdfbf2", reinterpret_cast<void *>(truncateDoubleToBFloat)},
        {"__truncsfhf2", reinterpret_cast<void *>(truncateToHalf)},
        {"__truncdfhf2", reinterpret_cast<void *>(truncateDoubleToHalf)},
        {"__extendhfsf2", reinterpret_cast<void *>(extendHalf)},
        // What code generation makes of copies and fills.
        {"memcpy", reinterpret_cast<void *>(std::memcpy)},
        {"memmove", reinterpret_cast<void *>(std::memmove)},
        {"memset", reinterpret_cast<void *>(std::memset)},
        // Rows too long for the stack.
        {"malloc", reinterpret_cast<void *>(std::malloc)},
        {"aligned_alloc", reinterpret_cast<void *>(std::aligned_alloc)},
        {"free", reinterpret_cast<void *>(std::free)},
        // What code generation makes of a sine and a cosine of one value.
        {"sincos", reinterpret_cast<void *>(sincos)},
        {"sincosf", reinterpret_cast<void *>(sincosf)},
    };
    all.insert(all.end(), std::begin(kMath), std::end(kMath));
    return all;
  }();
  return symbols;
}

} // namespace cleave::rt
