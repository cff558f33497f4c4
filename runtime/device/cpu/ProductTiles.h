// The bodies behind ProductKernels.h. Included by one file per instruction set, which is compiled for it and
// defines kVectorBytes and kVectorRegisters: all is of internal linkage, so that no other file is given such
// code.
#ifndef CLEAVE_RUNTIME_DEVICE_CPU_PRODUCTTILES_H
#define CLEAVE_RUNTIME_DEVICE_CPU_PRODUCTTILES_H

#include "runtime/device/cpu/ProductKernels.h"

#include <cstring>
#include <utility>

namespace cleave::rt {
namespace {

template <typename T, int Count> struct Pack {
  typedef T Type __attribute__((vector_size(sizeof(T) * Count)));
};
template <typename T, int Count> using VectorOf = typename Pack<T, Count>::Type;

template <typename T> inline T readAs(const char *at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <typename T> inline void write(char *at, const T &value) { std::memcpy(at, &value, sizeof value); }

//===----------------------------------------------------------------------===//
// Register tiles
//===----------------------------------------------------------------------===//

/// One term a step.
template <typename T> struct PlainMath {
  using Sum = T;
  using Sums = VectorOf<T, kVectorBytes / sizeof(T)>;
  static constexpr int kLanes = kVectorBytes / sizeof(T), kUnitBytes = sizeof(T), kGroup = 1;
  static void step(Sums &sums, const char *a, const char *b) { sums += readAs<T>(a) * readAs<Sums>(b); }
};

template <typename Math, int Rows, int Vectors> void multiplyTile(const RegisterTile &tile) {
  using Sums = typename Math::Sums;
  Sums sums[Rows][Vectors] = {};
  const char *rows[Rows];
  for (int i = 0; i < Rows; ++i)
    rows[i] = tile.a + i * tile.aRow;
  const char *b = tile.b;
  const int64_t stop = tile.steps * tile.aStep;
  for (int64_t at = 0; at < stop; at += tile.aStep, b += Vectors * kVectorBytes)
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 3
      for (int j = 0; j < Vectors; ++j)
        Math::step(sums[i][j], rows[i] + at, b + j * kVectorBytes);
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 3
    for (int j = 0; j < Vectors; ++j) {
      char *to = tile.c + i * tile.cRow + j * kVectorBytes;
      write<Sums>(to, tile.accumulate ? readAs<Sums>(to) + sums[i][j] : sums[i][j]);
    }
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

constexpr int kSide = 8; // of the blocks that are transposed

struct BFloat {
  uint16_t bits;
};
struct Half {
  uint16_t bits;
};
struct BFloatPair {};
struct RoundedFloat { // an f32 that is rounded to bf16
  float value;
};

using Words = VectorOf<uint32_t, kSide>;
using Halves = VectorOf<uint16_t, kSide>;
using Floats = VectorOf<float, kSide>;

inline Floats asFloats(Words words) {
  Floats floats;
  std::memcpy(&floats, &words, sizeof floats);
  return floats;
}
inline Words asWords(Floats floats) {
  Words words;
  std::memcpy(&words, &floats, sizeof words);
  return words;
}

/// Rounds to nearest, ties to even, into the low half of each word; NaN stays NaN.
inline Words roundToBFloat(Floats value) {
  Words bits = asWords(value);
  Words rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  Words isNan = (bits & 0x7fffffffu) > 0x7f800000u; // all ones where so
  return (isNan & ((bits >> 16) | 0x40u)) | (~isNan & rounded);
}

/// f16 as f32, subnormals by way of a multiplication.
inline Floats widenHalf(Halves halves) {
  Words bits = __builtin_convertvector(halves, Words);
  Words sign = (bits & 0x8000u) << 16, magnitude = (bits & 0x7fffu) << 13;
  Words special = (magnitude >= (0x7c00u << 13)) & 0x7f800000u;
  Floats scaled = asFloats(magnitude) * 0x1p112f; // moves the exponent from a bias of 15 to one of 127
  return asFloats(asWords(scaled) | special | sign);
}

/// How `kSide` neighbours of type From become floats.
inline Floats floatsAt(const char *at, float) { return readAs<Floats>(at); }
inline Floats floatsAt(const char *at, BFloat) {
  return asFloats(__builtin_convertvector(readAs<Halves>(at), Words) << 16);
}
inline Floats floatsAt(const char *at, RoundedFloat) {
  return asFloats(roundToBFloat(readAs<Floats>(at)) << 16);
}
inline Floats floatsAt(const char *at, Half) { return widenHalf(readAs<Halves>(at)); }

/// Reads `kSide` units: along rows or columns (`across`, one address per term of the step) or along k
/// (`along`).
template <typename From, typename To> struct Reader {
  using Vector = VectorOf<To, kSide>;
  static Vector across(const char *first, const char *) { return along(first); }
  static Vector along(const char *at) {
    if constexpr (sizeof(From) == 8)
      return readAs<Vector>(at);
    else
      return __builtin_convertvector(floatsAt(at, From()), Vector);
  }
};

template <typename From> struct Reader<From, BFloatPair> {
  using Vector = Words;
  static Words across(const char *first, const char *second) {
    if constexpr (sizeof(From) == 2)
      return __builtin_convertvector(readAs<Halves>(first), Words) |
             (__builtin_convertvector(readAs<Halves>(second), Words) << 16);
    else
      return roundToBFloat(floatsAt(first, From())) | (roundToBFloat(floatsAt(second, From())) << 16);
  }
  static Words along(const char *at) {
    if constexpr (sizeof(From) == 2)
      return readAs<Words>(at);
    Words low = roundToBFloat(floatsAt(at, From()));
    Words high = roundToBFloat(floatsAt(at + kSide * sizeof(From), From()));
    return __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14) |
           (__builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15) << 16);
  }
};

template <typename Vector> void transpose(Vector (&rows)[kSide]) {
  for (int stage = 0; stage < 3; ++stage) {
    Vector next[kSide];
    for (int i = 0; i < kSide / 2; ++i) {
      next[2 * i] = __builtin_shufflevector(rows[i], rows[i + kSide / 2], 0, 8, 1, 9, 2, 10, 3, 11);
      next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + kSide / 2], 4, 12, 5, 13, 6, 14, 7, 15);
    }
    std::memcpy(rows, next, sizeof next);
  }
}

template <typename From, typename To, int Group> class Packer {
  using Read = Reader<From, To>;
  using Vector = typename Read::Vector;
  static constexpr int64_t kUnit = sizeof(Vector) / kSide, kElement = sizeof(From);

public:
  Packer(const PackSource &source, int64_t width, char *packed)
      : source(source), width(width), packed(packed) {}

  void run() {
    steps = (source.terms + Group - 1) / Group;
    const bool across = source.outer == kElement;
    const int64_t wholeSize = source.size / kSide * kSide, padded = (source.size + width - 1) / width * width;
    const int64_t wholeSteps = across ? source.terms / Group : source.terms / Group / kSide * kSide;
    if (across)
      for (int64_t at = 0; at < wholeSize; at += kLineElements)
        packLines(at, wholeSize - at < kLineElements ? wholeSize - at : kLineElements, wholeSteps);
    else
      for (int64_t at = 0; at < wholeSize; at += kSide)
        packAlong(at, wholeSteps);
    for (int64_t at = 0; at < padded; at += kSide)
      for (int64_t step = at < wholeSize ? wholeSteps : 0; step < steps; ++step)
        packEdge(at, step);
  }

private:
  static constexpr int64_t kLineElements = 64 / kElement;

  /// Where the units of a step begin for rows or columns from `at` on.
  char *slot(int64_t at, int64_t step) const {
    return packed + ((at / width * steps + step) * width + at % width) * kUnit;
  }

  /// A cache line's worth of rows or columns: each line is read once.
  void packLines(int64_t at, int64_t count, int64_t wholeSteps) {
    char *slots[kLineElements / kSide];
    for (int64_t i = 0; i < count; i += kSide)
      slots[i / kSide] = slot(at + i, 0);
    const char *line = source.data + at * kElement;
    for (int64_t step = 0; step < wholeSteps; ++step, line += Group * source.inner)
      for (int64_t i = 0; i < count; i += kSide) {
        const char *first = line + i * kElement;
        write(slots[i / kSide] + step * width * kUnit, Read::across(first, first + source.inner));
      }
  }

  void packAlong(int64_t at, int64_t wholeSteps) {
    char *to = slot(at, 0);
    const char *from = source.data + at * source.outer;
    for (int64_t step = 0; step < wholeSteps; step += kSide, from += kSide * Group * kElement) {
      Vector rows[kSide];
      for (int i = 0; i < kSide; ++i)
        rows[i] = Read::along(from + i * source.outer);
      transpose(rows);
      for (int i = 0; i < kSide; ++i, to += width * kUnit)
        write(to, rows[i]);
    }
  }

  void packEdge(int64_t at, int64_t step) {
    char terms[2][kSide * sizeof(double)] = {};
    for (int64_t term = 0; term < Group && step * Group + term < source.terms; ++term)
      for (int64_t i = 0; i < kSide && at + i < source.size; ++i)
        std::memcpy(terms[term] + i * kElement,
                    source.data + (at + i) * source.outer + (step * Group + term) * source.inner, kElement);
    write(slot(at, step), Read::across(terms[0], terms[1]));
  }

  const PackSource &source;
  int64_t width, steps = 0;
  char *packed;
};

//===----------------------------------------------------------------------===//
// Storing
//===----------------------------------------------------------------------===//

inline void storeBFloat(const SumsToStore &store) {
  for (int64_t at = 0; at < store.count; at += kSide) {
    const int64_t count = store.count - at < kSide ? store.count - at : kSide;
    if (count == kSide && !store.accumulate) {
      write(store.to + at * 2,
            __builtin_convertvector(roundToBFloat(readAs<Floats>(store.sums + at * 4)), Halves));
      continue;
    }
    char sums[kSide * sizeof(float)] = {}, old[kSide * sizeof(uint16_t)] = {};
    std::memcpy(sums, store.sums + at * 4, static_cast<size_t>(count) * 4);
    Floats value = readAs<Floats>(sums);
    if (store.accumulate) {
      std::memcpy(old, store.to + at * 2, static_cast<size_t>(count) * 2);
      value += floatsAt(old, BFloat());
    }
    write(old, __builtin_convertvector(roundToBFloat(value), Halves));
    std::memcpy(store.to + at * 2, old, static_cast<size_t>(count) * 2);
  }
}

template <typename Sum> void storeSums(const SumsToStore &store) {
  if (store.asBFloat)
    return storeBFloat(store);
  constexpr int64_t kBytes = sizeof(Sum);
  for (int64_t at = 0; at < store.count * kBytes; at += kBytes) {
    Sum value = readAs<Sum>(store.sums + at);
    write<Sum>(store.to + at, store.accumulate ? readAs<Sum>(store.to + at) + value : value);
  }
}

//===----------------------------------------------------------------------===//
// Sets
//===----------------------------------------------------------------------===//

template <typename Math, int Rows, int... Vectors>
void setRow(ProductKernels &kernels, std::integer_sequence<int, Vectors...>) {
  ((kernels.tiles[Rows - 1][Vectors] = multiplyTile<Math, Rows, Vectors + 1>), ...);
}

template <typename Math, int Vectors, int... Rows>
void setRows(ProductKernels &kernels, std::integer_sequence<int, Rows...>) {
  (setRow<Math, Rows + 1>(kernels, std::make_integer_sequence<int, Vectors>()), ...);
}

template <typename Math, int Rows, int Vectors> ProductKernels makeTiles() {
  ProductKernels kernels;
  kernels.tileRows = Rows;
  kernels.tileVectors = Vectors;
  kernels.lanes = Math::kLanes;
  kernels.group = Math::kGroup;
  kernels.unitBytes = Math::kUnitBytes;
  kernels.store = storeSums<typename Math::Sum>;
  setRows<Math, Vectors>(kernels, std::make_integer_sequence<int, Rows>());
  return kernels;
}

template <typename From, typename To, int Group>
void pack(const PackSource &source, int64_t width, char *packed) {
  Packer<From, To, Group>(source, width, packed).run();
}

template <typename To, int Group> void setPacking(ProductKernels &kernels) {
  kernels.fromF32 = pack<float, To, Group>;
  kernels.fromBF16 = pack<BFloat, To, Group>;
  kernels.fromF16 = pack<Half, To, Group>;
}

/// Everything by plain multiplications: bf16 widens to f32 when it is packed.
template <int Rows, int Vectors, int DoubleVectors> ProductSet plainProducts() {
  ProductSet set;
  set.f32 = makeTiles<PlainMath<float>, Rows, Vectors>();
  setPacking<float, 1>(set.f32);
  set.f64 = makeTiles<PlainMath<double>, Rows, DoubleVectors>();
  setPacking<double, 1>(set.f64);
  set.f64.fromF64 = pack<double, double, 1>;
  set.bf16 = set.f32;
  set.bf16.fromF32 = pack<RoundedFloat, float, 1>;
  return set;
}

} // namespace
} // namespace cleave::rt

#endif
