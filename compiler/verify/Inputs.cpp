#include "compiler/verify/Inputs.h"

#include "runtime/core/Convert.h"

#include <algorithm>
#include <cstring>
#include <set>

using namespace cleave;
using namespace cleave::verify;

// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
static uint64_t hashOf(uint64_t index) {
  uint64_t bits = (index + 1) * 0x9e3779b97f4a7c15u;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
  return bits ^ (bits >> 31);
}

template <class T> static void put(char *at, T value) { std::memcpy(at, &value, sizeof(T)); }

std::vector<char> cleave::verify::inputValues(const rt::Shape &shape, uint64_t number, int64_t below) {
  std::vector<char> bytes(static_cast<size_t>(shape.bytes()));
  int64_t size = rt::sizeOf(shape.type);
  for (int64_t i = 0; i < shape.elements(); ++i) {
    uint64_t bits = hashOf(number * 0x100000001b3u + static_cast<uint64_t>(i));
    double real = 2 * (static_cast<double>(bits >> 11) / 9007199254740992.0) - 1;
    int64_t integer = static_cast<int64_t>(bits % static_cast<uint64_t>(std::max<int64_t>(below, 1)));
    char *at = bytes.data() + i * size;
    switch (shape.type) {
    case rt::Type::F64:
      put(at, real);
      break;
    case rt::Type::F32:
      put(at, static_cast<float>(real));
      break;
    case rt::Type::I64:
      put(at, integer);
      break;
    case rt::Type::I32:
      put(at, static_cast<int32_t>(integer));
      break;
    case rt::Type::I8:
    case rt::Type::U8:
      put(at, static_cast<int8_t>(integer % 128));
      break;
    case rt::Type::Bool:
      put(at, static_cast<int8_t>(bits & 1));
      break;
    case rt::Type::BF16:
    case rt::Type::F16:
      break; // no program that is promoted has them
    }
  }
  return bytes;
}

std::vector<int64_t> cleave::verify::integerRanges(const std::vector<rt::Shape> &shapes) {
  std::set<int64_t, std::greater<>> sizes = {1, 2};
  for (const rt::Shape &shape : shapes)
    sizes.insert(shape.sizes.begin(), shape.sizes.end());
  return {sizes.begin(), sizes.end()};
}
