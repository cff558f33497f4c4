// Single elements of the types a program may hold.
#include "runtime/core/Executor.h"

#include <cmath>
#include <cstring>

namespace cleave::rt {

namespace {

template <class T> T load(const void *data, int64_t index) {
  T value;
  std::memcpy(&value, static_cast<const char *>(data) + index * sizeof(T), sizeof(T));
  return value;
}

double fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits.
double fromHalf(uint16_t half) {
  int exponent = (half >> 10) & 31;
  int fraction = half & 1023;
  double magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
                     : exponent == 0 ? std::ldexp(fraction, -24)
                                     : std::ldexp(1024 + fraction, exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

template <class T, class Convert>
int64_t find(const void *data, int64_t elements, Wanted wanted, Convert convert) {
  for (int64_t i = 0; i < elements; ++i) {
    auto value = convert(load<T>(data, i));
    if (std::isfinite(value))
      continue;
    bool negative = std::isinf(value) && value < 0;
    if (negative == (wanted == Wanted::Negative))
      return i;
  }
  return -1;
}

} // namespace

double elementAsDouble(Type type, const void *data, int64_t index) {
  switch (type) {
  case Type::F32:
    return load<float>(data, index);
  case Type::F64:
    return load<double>(data, index);
  case Type::BF16:
    return fromBits(uint32_t{load<uint16_t>(data, index)} << 16);
  case Type::F16:
    return fromHalf(load<uint16_t>(data, index));
  case Type::I8:
    return load<int8_t>(data, index);
  case Type::I32:
    return load<int32_t>(data, index);
  case Type::I64:
    return static_cast<double>(load<int64_t>(data, index));
  case Type::U8:
  case Type::Bool:
    return load<uint8_t>(data, index);
  }
  return 0;
}

int64_t findNonFinite(Type type, const void *data, int64_t elements, Wanted wanted) {
  switch (type) {
  case Type::F32:
    return find<float>(data, elements, wanted, [](float value) { return value; });
  case Type::F64:
    return find<double>(data, elements, wanted, [](double value) { return value; });
  case Type::BF16:
    return find<uint16_t>(data, elements, wanted,
                          [](uint16_t value) { return fromBits(uint32_t{value} << 16); });
  case Type::F16:
    return find<uint16_t>(data, elements, wanted, fromHalf);
  default:
    return -1;
  }
}

} // namespace cleave::rt
