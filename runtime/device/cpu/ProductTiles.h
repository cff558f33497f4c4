// The bodies behind ProductKernels.h. Included by one file per instruction set, which is compiled for it and
// defines kVectorBytes and kVectorRegisters: all is of internal linkage, so that no other file is given such
// code.
#ifndef CLEAVE_RUNTIME_DEVICE_CPU_PRODUCTTILES_H
#define CLEAVE_RUNTIME_DEVICE_CPU_PRODUCTTILES_H

#include "runtime/device/cpu/ProductKernels.h"

#include <cstring>
#include <type_traits>
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
// Elements
//===----------------------------------------------------------------------===//

constexpr int kSide = 8;            // of the blocks that are transposed
constexpr int64_t kStepsAhead = 24; // of a prefetch of what is packed on the way

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

template <int Lanes> using Words = VectorOf<uint32_t, Lanes>;
template <int Lanes> using Halves = VectorOf<uint16_t, Lanes>;
template <int Lanes> using Floats = VectorOf<float, Lanes>;

template <typename To, typename From> inline To bitsAs(const From &value) {
  static_assert(sizeof(To) == sizeof(From), "bits of another width");
  To result;
  std::memcpy(&result, &value, sizeof result);
  return result;
}

/// Rounds to nearest, ties to even, into the low half of each word; NaN stays NaN.
template <int Lanes> inline Words<Lanes> roundToBFloat(const Floats<Lanes> &value) {
  auto bits = bitsAs<Words<Lanes>>(value);
  Words<Lanes> rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  Words<Lanes> isNan = (bits & 0x7fffffffu) > 0x7f800000u; // all ones where so
  return (isNan & ((bits >> 16) | 0x40u)) | (~isNan & rounded);
}

template <int Lanes> inline Words<Lanes> wordsAt(const char *at) {
  return __builtin_convertvector(readAs<Halves<Lanes>>(at), Words<Lanes>);
}

/// How `Lanes` neighbours of a type become floats.
template <int Lanes> inline Floats<Lanes> floatsAt(const char *at, float) {
  return readAs<Floats<Lanes>>(at);
}
template <int Lanes> inline Floats<Lanes> floatsAt(const char *at, BFloat) {
  return bitsAs<Floats<Lanes>>(wordsAt<Lanes>(at) << 16);
}
template <int Lanes> inline Floats<Lanes> floatsAt(const char *at, RoundedFloat) {
  return bitsAs<Floats<Lanes>>(roundToBFloat<Lanes>(readAs<Floats<Lanes>>(at)) << 16);
}
/// Subnormals by way of a multiplication.
template <int Lanes> inline Floats<Lanes> floatsAt(const char *at, Half) {
  Words<Lanes> bits = wordsAt<Lanes>(at);
  Words<Lanes> sign = (bits & 0x8000u) << 16, magnitude = (bits & 0x7fffu) << 13;
  Words<Lanes> special = (magnitude >= (0x7c00u << 13)) & 0x7f800000u;
  Floats<Lanes> scaled = bitsAs<Floats<Lanes>>(magnitude) * 0x1p112f; // an exponent's bias from 15 to 127
  return bitsAs<Floats<Lanes>>(bitsAs<Words<Lanes>>(scaled) | special | sign);
}

/// Reads `Lanes` units: along rows or columns (`across`, one address per term of the step) or along k
/// (`along`).
template <typename From, typename To, int Lanes> struct Reader {
  using Vector = VectorOf<To, Lanes>;
  static Vector across(const char *first, const char *) { return along(first); }
  static Vector along(const char *at) {
    if constexpr (sizeof(From) == 8)
      return readAs<Vector>(at);
    else
      return __builtin_convertvector(floatsAt<Lanes>(at, From()), Vector);
  }
};

template <int Lanes, size_t... Lane>
inline Words<Lanes> joinPairs(const Words<2 * Lanes> &words, std::index_sequence<Lane...>) {
  return __builtin_shufflevector(words, words, (2 * Lane)...) |
         (__builtin_shufflevector(words, words, (2 * Lane + 1)...) << 16);
}

template <typename From, int Lanes> struct Reader<From, BFloatPair, Lanes> {
  using Vector = Words<Lanes>;
  static Vector across(const char *first, const char *second) {
    if constexpr (sizeof(From) == 2)
      return wordsAt<Lanes>(first) | (wordsAt<Lanes>(second) << 16);
    else
      return roundToBFloat<Lanes>(floatsAt<Lanes>(first, From())) |
             (roundToBFloat<Lanes>(floatsAt<Lanes>(second, From())) << 16);
  }
  static Vector along(const char *at) {
    if constexpr (sizeof(From) == 2)
      return readAs<Vector>(at);
    else
      return joinPairs<Lanes>(roundToBFloat<2 * Lanes>(floatsAt<2 * Lanes>(at, From())),
                              std::make_index_sequence<Lanes>());
  }
};

/// One term a step.
template <typename T> struct PlainMath {
  using Sum = T;
  using Unit = T;
  using Sums = VectorOf<T, kVectorBytes / sizeof(T)>;
  static constexpr int kLanes = kVectorBytes / sizeof(T), kUnitBytes = sizeof(T), kGroup = 1;
  static void addProduct(Sums &sums, const char *a, const Sums &b) { sums += readAs<T>(a) * b; }
  static void addProduct(Sums &sums, const Sums &a, const Sums &b) { sums += a * b; }
  /// To bf16.
  template <int Lanes> static Halves<Lanes> rounded(const Floats<Lanes> &value) {
    return __builtin_convertvector(roundToBFloat<Lanes>(value), Halves<Lanes>);
  }
};

//===----------------------------------------------------------------------===//
// Register tiles
//===----------------------------------------------------------------------===//

/// A vector of units of B.
template <typename Math> using UnitsOf = typename Reader<float, typename Math::Unit, Math::kLanes>::Vector;

/// One step's units of B as they were packed, or of `From` as they lie; these are packed on the way.
template <typename Math, typename From, int Vectors>
inline void loadUnits(UnitsOf<Math> (&units)[Vectors], const TermWalk &walk, char *packed) {
#pragma GCC unroll 3
  for (int j = 0; j < Vectors; ++j)
    if constexpr (std::is_void_v<From>) {
      units[j] = readAs<UnitsOf<Math>>(packed + j * kVectorBytes);
    } else {
      const char *first = walk.at + j * Math::kLanes * static_cast<int64_t>(sizeof(From));
      units[j] = Reader<From, typename Math::Unit, Math::kLanes>::across(first, first + walk.term);
      write(packed + j * kVectorBytes, units[j]);
      __builtin_prefetch(first + kStepsAhead * walk.step);
    }
}

/// `Rows` units of A, packed for the broadcasts that follow and for later tiles.
template <typename Math, typename From, int Rows> inline void packUnits(const TermWalk &walk, char *packed) {
  write(packed, Reader<From, typename Math::Unit, Rows>::across(walk.at, walk.at + walk.term));
}

template <typename Math> inline void endSums(const typename Math::Sums &sums, char *to, bool adds) {
  using Sums = typename Math::Sums;
  write<Sums>(to, adds ? readAs<Sums>(to) + sums : sums);
}

/// `FromA`, `FromB`: types of what is packed on the way, else void.
template <typename Math, typename FromA, typename FromB, int Rows, int Vectors>
void multiplyTile(const RegisterTile &given) {
  const RegisterTile tile = given; // which no store can change
  typename Math::Sums sums[Rows][Vectors] = {};
  for (int i = 0; i < Rows; ++i)
    for (int j = 0; j < Vectors * kVectorBytes; j += 64)
      __builtin_prefetch(tile.c + i * tile.cRow + j, 1);
  const char *rows[Rows];
  for (int i = 0; i < Rows; ++i)
    rows[i] = tile.a + i * tile.aRow;
  TermWalk lyingA = tile.lyingA, lyingB = tile.lyingB;
  const char *ahead = tile.ahead.at;
  char *b = tile.b;
  int64_t at = 0;
  for (int64_t part = 0; part < tile.parts; ++part) {
    for (int64_t step = 0; step < tile.steps; ++step) {
      UnitsOf<Math> units[Vectors];
      loadUnits<Math, FromB>(units, lyingB, b);
      if constexpr (!std::is_void_v<FromA>)
        packUnits<Math, FromA, Rows>(lyingA, tile.packedA + at);
      __builtin_prefetch(ahead);
#pragma GCC unroll 8
      for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 3
        for (int j = 0; j < Vectors; ++j)
          Math::addProduct(sums[i][j], rows[i] + at, units[j]);
      at += tile.aStep;
      b += Vectors * kVectorBytes;
      lyingA.at += tile.lyingA.step;
      lyingB.at += tile.lyingB.step;
      ahead += tile.ahead.step;
    }
    at += tile.aJump;
    lyingA.at += tile.lyingA.jump;
    lyingB.at += tile.lyingB.jump;
    ahead += tile.ahead.jump;
  }
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 3
    for (int j = 0; j < Vectors; ++j) {
      char *to = tile.c + i * tile.cRow;
      if constexpr (sizeof(typename Math::Sum) == sizeof(float))
        if (tile.end == TileEnd::Round) {
          write(to + j * kVectorBytes / 2, Math::template rounded<Math::kLanes>(sums[i][j]));
          continue;
        }
      endSums<Math>(sums[i][j], to + j * kVectorBytes, tile.end == TileEnd::Add);
    }
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

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
  using Read = Reader<From, To, kSide>;
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
    // Two panels at a time, or a cache line of more: each line is read once.
    const int64_t together = 2 * width < kLineElements ? kLineElements : 2 * width;
    if (across)
      for (int64_t at = 0; at < wholeSize; at += together)
        packLines(at, wholeSize - at < together ? wholeSize - at : together, wholeSteps);
    else
      for (int64_t at = 0; at < wholeSize; at += kSide)
        packAlong(at, wholeSteps);
    if (across && wholeSize < source.size)
      packShortLines(wholeSize);
    for (int64_t at = 0; at < padded; at += kSide)
      for (int64_t step = at < wholeSize    ? wholeSteps
                          : at == wholeSize ? shortSteps
                                            : 0;
           step < steps; ++step)
        packEdge(at, step);
  }

private:
  static constexpr int64_t kLineElements = 64 / kElement;
  static constexpr int64_t kMostNeighbours = 128;

  /// Where the units of a step begin for rows or columns from `at` on.
  char *slot(int64_t at, int64_t step) const {
    return packed + ((at / width * steps + step) * width + at % width) * kUnit;
  }

  void packLines(int64_t at, int64_t count, int64_t wholeSteps) {
    char *slots[kMostNeighbours / kSide];
    for (int64_t i = 0; i < count; i += kSide)
      slots[i / kSide] = slot(at + i, 0);
    const char *line = source.data + at * kElement;
    for (int64_t step = 0; step < wholeSteps; ++step, line += Group * source.inner)
      for (int64_t i = 0; i < count; i += kSide) {
        const char *first = line + i * kElement;
        write(slots[i / kSide] + step * width * kUnit, Read::across(first, first + source.inner));
      }
  }

  /// The last neighbours, fewer than a side. What is read beyond them is memory of the next term, and goes to
  /// sums that nobody wants; so the last step is left out.
  void packShortLines(int64_t at) {
    if (source.inner < kSide * kElement || at + kSide < source.size)
      return;
    shortSteps = source.terms / Group - 1 > 0 ? source.terms / Group - 1 : 0;
    packLines(at, kSide, shortSteps);
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
  int64_t shortSteps = 0; // that the last neighbours are packed of
  char *packed;
};

//===----------------------------------------------------------------------===//
// Few rows
//===----------------------------------------------------------------------===//

template <typename Math, typename From> class SkinnyMultiplier {
  using Sums = typename Math::Sums;
  using Read = Reader<From, typename Math::Unit, Math::kLanes>;
  using Units = typename Read::Vector;
  static constexpr int64_t kLanes = Math::kLanes, kUnit = Math::kUnitBytes, kElement = sizeof(From);
  static constexpr int64_t kSum = sizeof(typename Math::Sum);
  static constexpr int64_t kTogether = 8;          // steps that a column takes at a time
  static constexpr int64_t kBytesAhead = 12 << 10; // of a prefetch, at least

public:
  explicit SkinnyMultiplier(const SkinnyProduct &product) : product(product) {
    steps = (product.terms + Math::kGroup - 1) / Math::kGroup;
    aRow = (steps + kLanes - 1) / kLanes * kLanes * kUnit;
    sumRow = (product.columns + kLanes - 1) / kLanes * kLanes * kSum;
  }

  /// Columns are neighbours: a few rows of B at a time, each in one go.
  void across() {
    const int64_t blockBytes = product.columns * kElement * kTogether * Math::kGroup;
    ahead = (1 + kBytesAhead / (blockBytes + 1)) * kTogether * Math::kGroup;
    const int64_t whole = product.terms / Math::kGroup / kTogether * kTogether;
    for (int64_t step = 0; step < whole; step += kTogether)
      for (int64_t column = 0; column < product.columns; column += kLanes)
        acrossSteps<kTogether>(step, column);
    for (int64_t step = whole; step < steps; ++step)
      for (int64_t column = 0; column < product.columns; column += kLanes)
        acrossSteps<1>(step, column);
    if (steps == 0)
      std::memset(product.sums, 0, static_cast<size_t>(product.rows * sumRow));
  }

  /// Terms are neighbours: a few columns of B side by side, each a stream of its own.
  void along() {
    int64_t column = 0;
    for (; column + 8 <= product.columns; column += 8)
      alongRows<8>(column);
    for (; column < product.columns; ++column)
      alongRows<1>(column);
  }

private:
  template <int64_t Count> void acrossSteps(int64_t step, int64_t column) {
    Units b[Count];
    const char *from = product.b + column * kElement + step * Math::kGroup * product.inner;
    const bool isWhole = column + kLanes <= product.columns && (step + Count) * Math::kGroup <= product.terms;
#pragma GCC unroll 8
    for (int64_t s = 0; s < Count; ++s) {
      const char *first = from + s * Math::kGroup * product.inner;
      b[s] = isWhole ? Read::across(first, first + product.inner) : edgeAcross(first, step + s, column);
      for (int64_t term = 0; Count > 1 && term < Math::kGroup; ++term)
        __builtin_prefetch(first + (ahead + term) * product.inner);
    }
    for (int64_t row = 0; row < product.rows; ++row) {
      char *to = product.sums + row * sumRow + column * kSum;
      Sums sums = step == 0 ? Sums{} : readAs<Sums>(to);
#pragma GCC unroll 8
      for (int64_t s = 0; s < Count; ++s)
        Math::addProduct(sums, product.a + row * aRow + (step + s) * kUnit, b[s]);
      write(to, sums);
    }
  }

  Units edgeAcross(const char *first, int64_t step, int64_t column) const {
    char terms[2][kLanes * sizeof(double)] = {};
    const int64_t count = product.columns - column < kLanes ? product.columns - column : kLanes;
    for (int64_t term = 0; term < Math::kGroup && step * Math::kGroup + term < product.terms; ++term)
      std::memcpy(terms[term], first + term * product.inner, static_cast<size_t>(count * kElement));
    return Read::across(terms[0], terms[1]);
  }

  /// Rows share what is read of B; what they read again is in the L1 cache.
  template <int Columns> void alongRows(int64_t column) {
    int64_t row = 0;
    if constexpr (Columns > 1) {
      const int64_t fours = product.rows / 4 * 4;
      for (int64_t half = 0; half < Columns; half += Columns / 2)
        for (row = 0; row < fours; row += 4)
          alongTerms<Columns / 2, 4>(row, column + half);
      for (; row + 2 <= product.rows; row += 2)
        alongTerms<Columns, 2>(row, column);
    }
    for (; row < product.rows; ++row)
      alongTerms<Columns, 1>(row, column);
  }

  template <int Columns, int Rows> void alongTerms(int64_t row, int64_t column) {
    constexpr int64_t kTerms = kLanes * Math::kGroup;
    Sums sums[Rows][Columns] = {};
    const char *a = product.a + row * aRow, *b = product.b + column * product.outer;
    int64_t term = 0;
    for (; term + kTerms <= product.terms; term += kTerms, a += kLanes * kUnit)
      addTerms<Columns, Rows>(sums, a,
                              [&](int j) { return Read::along(b + j * product.outer + term * kElement); });
    if (term < product.terms)
      addTerms<Columns, Rows>(sums, a, [&](int j) {
        char rest[kTerms * kElement] = {};
        std::memcpy(rest, b + j * product.outer + term * kElement,
                    static_cast<size_t>((product.terms - term) * kElement));
        return Read::along(rest);
      });
    for (int i = 0; i < Rows; ++i)
      for (int j = 0; j < Columns; ++j)
        write(product.sums + (row + i) * sumRow + (column + j) * kSum, total(sums[i][j]));
  }

  template <int Columns, int Rows, typename Load>
  void addTerms(Sums (&sums)[Rows][Columns], const char *a, Load load) {
    Units left[Rows];
    for (int i = 0; i < Rows; ++i)
      left[i] = readAs<Units>(a + i * aRow);
#pragma GCC unroll 8
    for (int j = 0; j < Columns; ++j) {
      const Units right = load(j);
      for (int i = 0; i < Rows; ++i)
        Math::addProduct(sums[i][j], left[i], right);
    }
  }

  /// Of all lanes, by halves.
  static typename Math::Sum total(const Sums &sums) {
    return totalOf<kLanes>(
        readAs<VectorOf<typename Math::Sum, kLanes>>(reinterpret_cast<const char *>(&sums)));
  }
  template <int Lanes> static typename Math::Sum totalOf(const VectorOf<typename Math::Sum, Lanes> &sums) {
    if constexpr (Lanes == 1) {
      return sums[0];
    } else {
      VectorOf<typename Math::Sum, Lanes / 2> halves[2];
      std::memcpy(halves, &sums, sizeof halves);
      return totalOf<Lanes / 2>(halves[0] + halves[1]);
    }
  }

  const SkinnyProduct &product;
  int64_t steps = 0, aRow = 0, sumRow = 0, ahead = 0;
};

/// Rows of A as a product of few rows takes them: [size][roundUp(steps, lanes)] units.
template <typename Math, typename From> void packRows(const PackSource &source, int64_t, char *packed) {
  constexpr int64_t kTerms = Math::kLanes * Math::kGroup, kElement = sizeof(From);
  using Read = Reader<From, typename Math::Unit, Math::kLanes>;
  for (int64_t row = 0; row < source.size; ++row)
    for (int64_t term = 0; term < source.terms; term += kTerms, packed += Math::kLanes * Math::kUnitBytes) {
      const char *from = source.data + row * source.outer + term * source.inner;
      const int64_t count = source.terms - term < kTerms ? source.terms - term : kTerms;
      if (source.inner == kElement && count == kTerms) {
        write(packed, Read::along(from));
        continue;
      }
      char terms[kTerms * kElement] = {};
      for (int64_t i = 0; i < count; ++i)
        std::memcpy(terms + i * kElement, from + i * source.inner, kElement);
      write(packed, Read::along(terms));
    }
}

template <typename Math, typename From> void multiplyAcross(const SkinnyProduct &product) {
  SkinnyMultiplier<Math, From>(product).across();
}
template <typename Math, typename From> void multiplyAlong(const SkinnyProduct &product) {
  SkinnyMultiplier<Math, From>(product).along();
}

//===----------------------------------------------------------------------===//
// Storing
//===----------------------------------------------------------------------===//

template <typename Math> inline void storeBFloat(const SumsToStore &store) {
  constexpr int kLanes = kVectorBytes / sizeof(float);
  using Wide = Floats<kLanes>;
  for (int64_t at = 0; at < store.count; at += kLanes) {
    const int64_t count = store.count - at < kLanes ? store.count - at : kLanes;
    if (count == kLanes && !store.accumulate) {
      write(store.to + at * 2, Math::template rounded<kLanes>(readAs<Wide>(store.sums + at * 4)));
      continue;
    }
    char sums[sizeof(Wide)] = {}, old[kLanes * sizeof(uint16_t)] = {};
    std::memcpy(sums, store.sums + at * 4, static_cast<size_t>(count) * 4);
    Wide value = readAs<Wide>(sums);
    if (store.accumulate) {
      std::memcpy(old, store.to + at * 2, static_cast<size_t>(count) * 2);
      value += floatsAt<kLanes>(old, BFloat());
    }
    write(old, Math::template rounded<kLanes>(value));
    std::memcpy(store.to + at * 2, old, static_cast<size_t>(count) * 2);
  }
}

template <typename Math> void storeSums(const SumsToStore &store) {
  using Sum = typename Math::Sum;
  if (store.asBFloat)
    return storeBFloat<Math>(store);
  constexpr int64_t kBytes = sizeof(Sum);
  if (!store.accumulate) {
    std::memcpy(store.to, store.sums, static_cast<size_t>(store.count * kBytes));
    return;
  }
  for (int64_t at = 0; at < store.count * kBytes; at += kBytes) {
    Sum value = readAs<Sum>(store.sums + at);
    write<Sum>(store.to + at, readAs<Sum>(store.to + at) + value);
  }
}

//===----------------------------------------------------------------------===//
// Sets
//===----------------------------------------------------------------------===//

template <typename Math, int Rows, int... Vectors>
void setRow(ProductKernels &kernels, std::integer_sequence<int, Vectors...>) {
  ((kernels.tiles[Rows - 1][Vectors] = multiplyTile<Math, void, void, Rows, Vectors + 1>), ...);
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
  kernels.store = storeSums<Math>;
  setRows<Math, Vectors>(kernels, std::make_integer_sequence<int, Rows>());
  return kernels;
}

template <typename From, typename To, int Group>
void pack(const PackSource &source, int64_t width, char *packed) {
  Packer<From, To, Group>(source, width, packed).run();
}

template <typename Math, typename From, int Rows, int... Vectors>
SourceFunctions sourceFunctions(std::integer_sequence<int, Vectors...>) {
  SourceFunctions functions = {pack<From, typename Math::Unit, Math::kGroup>, packRows<Math, From>,
                               multiplyAcross<Math, From>, multiplyAlong<Math, From>};
  ((functions.tilesOfA[Vectors] = multiplyTile<Math, From, void, Rows, Vectors + 1>), ...);
  ((functions.tilesOfB[Vectors] = multiplyTile<Math, void, From, Rows, Vectors + 1>), ...);
  return functions;
}

template <typename Math, int Rows, int Vectors> ProductKernels productsBy() {
  ProductKernels kernels = makeTiles<Math, Rows, Vectors>();
  constexpr std::make_integer_sequence<int, Vectors> kVectors;
  kernels.fromF32 = sourceFunctions<Math, float, Rows>(kVectors);
  kernels.fromBF16 = sourceFunctions<Math, BFloat, Rows>(kVectors);
  kernels.fromF16 = sourceFunctions<Math, Half, Rows>(kVectors);
  return kernels;
}

/// Everything by plain multiplications: bf16 widens to f32 when it is read.
template <int Rows, int Vectors, int DoubleVectors> ProductSet plainProducts() {
  using Single = PlainMath<float>;
  using Double = PlainMath<double>;
  ProductSet set;
  set.f32 = productsBy<Single, Rows, Vectors>();
  set.f64 = productsBy<Double, Rows, DoubleVectors>();
  set.f64.fromF64 = sourceFunctions<Double, double, Rows>(std::make_integer_sequence<int, DoubleVectors>());
  set.bf16 = set.f32;
  set.bf16.fromF32 = sourceFunctions<Single, RoundedFloat, Rows>(std::make_integer_sequence<int, Vectors>());
  return set;
}

} // namespace
} // namespace cleave::rt

#endif
