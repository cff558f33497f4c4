#include "runtime/core/Convert.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace cleave::rt {

namespace {

constexpr int64_t kBlock = 32; // elements a side of a transposition

struct BFloat16 {
  uint16_t bits;
};

// An element of a file, which may lie at any byte.
template <class T> struct __attribute__((packed)) Unaligned {
  T value;
};

// What arithmetic a type takes part in: float, but for double.
float widen(float value) { return value; }
double widen(double value) { return value; }
float widen(_Float16 value) { return static_cast<float>(value); }
float widen(BFloat16 value) {
  uint32_t bits = uint32_t{value.bits} << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof(wide));
  return wide;
}

template <class To, class Wide> To narrow(Wide value) {
  if constexpr (std::is_same_v<To, BFloat16>) {
    auto single = static_cast<float>(value);
    uint32_t bits;
    std::memcpy(&bits, &single, sizeof(bits));
    if (std::isnan(single))
      return {static_cast<uint16_t>((bits >> 16) | 0x40)};
    return {static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
  } else {
    return static_cast<To>(value);
  }
}

template <class To, class From> To converted(From value) {
  if constexpr (std::is_same_v<To, From>)
    return value;
  else
    return narrow<To>(widen(value));
}

// The two innermost axes.
template <class To, class From>
void copyPlane(To *to, const Unaligned<From> *from, const CopyDim &outer, const CopyDim &inner) {
  for (int64_t i0 = 0; i0 < outer.size; i0 += kBlock)
    for (int64_t j0 = 0; j0 < inner.size; j0 += kBlock) {
      int64_t iEnd = std::min(outer.size, i0 + kBlock), jEnd = std::min(inner.size, j0 + kBlock);
      for (int64_t i = i0; i < iEnd; ++i) {
        To *row = to + i * outer.to;
        const Unaligned<From> *column = from + i * outer.from;
        for (int64_t j = j0; j < jEnd; ++j)
          row[j * inner.to] = converted<To>(From(column[j * inner.from].value));
      }
    }
}

template <class To, class From>
void copyAll(void *toData, const void *fromData, const std::vector<CopyDim> &dims) {
  auto *to = static_cast<To *>(toData);
  auto *from = static_cast<const Unaligned<From> *>(fromData);
  CopyDim inner = dims.empty() ? CopyDim() : dims.back();
  CopyDim outer = dims.size() < 2 ? CopyDim() : dims[dims.size() - 2];
  std::vector<int64_t> at(dims.size() < 2 ? 0 : dims.size() - 2, 0);
  while (true) {
    if (inner.to == 1 && inner.from == 1 && std::is_same_v<To, From>)
      for (int64_t i = 0; i < outer.size; ++i)
        std::memcpy(static_cast<void *>(to + i * outer.to), from + i * outer.from, inner.size * sizeof(To));
    else
      copyPlane(to, from, outer, inner);
    size_t k = at.size();
    for (; k > 0; --k) {
      const CopyDim &dim = dims[k - 1];
      to += dim.to;
      from += dim.from;
      if (++at[k - 1] < dim.size)
        break;
      to -= dim.size * dim.to;
      from -= dim.size * dim.from;
      at[k - 1] = 0;
    }
    if (k == 0)
      return;
  }
}

template <class To>
void copyFrom(void *to, Type fromType, const void *from, const std::vector<CopyDim> &dims) {
  switch (fromType) {
  case Type::F32:
    return copyAll<To, float>(to, from, dims);
  case Type::F64:
    return copyAll<To, double>(to, from, dims);
  case Type::BF16:
    return copyAll<To, BFloat16>(to, from, dims);
  case Type::F16:
    return copyAll<To, _Float16>(to, from, dims);
  default:
    return;
  }
}

void copySame(int64_t bytes, void *to, const void *from, const std::vector<CopyDim> &dims) {
  switch (bytes) {
  case 1:
    return copyAll<uint8_t, uint8_t>(to, from, dims);
  case 2:
    return copyAll<uint16_t, uint16_t>(to, from, dims);
  case 4:
    return copyAll<uint32_t, uint32_t>(to, from, dims);
  default:
    return copyAll<uint64_t, uint64_t>(to, from, dims);
  }
}

// Neighbours that are one axis in both, as one; then the axis along which the source is read in order beside
// the innermost, so that a transposition has both in its block.
std::vector<CopyDim> normalised(const std::vector<CopyDim> &dims) {
  std::vector<CopyDim> merged;
  for (const CopyDim &dim : dims) {
    if (dim.size == 1)
      continue;
    if (!merged.empty() && merged.back().to == dim.size * dim.to && merged.back().from == dim.size * dim.from)
      merged.back() = {merged.back().size * dim.size, dim.to, dim.from};
    else
      merged.push_back(dim);
  }
  auto nearest = std::min_element(merged.begin(), merged.end(),
                                  [](const CopyDim &a, const CopyDim &b) { return a.from < b.from; });
  if (merged.size() > 2 && nearest < merged.end() - 1)
    std::rotate(nearest, nearest + 1, merged.end() - 1);
  return merged;
}

} // namespace

bool isConvertible(Type from, Type to) { return from == to || (isFloat(from) && isFloat(to)); }

void copyStrided(Type toType, void *to, Type fromType, const void *from, std::vector<CopyDim> dims) {
  for (const CopyDim &dim : dims)
    if (dim.size == 0)
      return;
  dims = normalised(dims);
  if (toType == fromType)
    return copySame(sizeOf(toType), to, from, dims);
  switch (toType) {
  case Type::F32:
    return copyFrom<float>(to, fromType, from, dims);
  case Type::F64:
    return copyFrom<double>(to, fromType, from, dims);
  case Type::BF16:
    return copyFrom<BFloat16>(to, fromType, from, dims);
  case Type::F16:
    return copyFrom<_Float16>(to, fromType, from, dims);
  default:
    return;
  }
}

} // namespace cleave::rt
