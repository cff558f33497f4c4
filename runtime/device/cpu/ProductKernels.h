// Register tiles and packing of matrix products, one set per instruction set. Internal to the runtime.
//
// A step of k is what one instruction takes: one term, or two of bf16. Its operand for one row or column is a
// unit: a float, a double, or two bf16 side by side.
//
//   packed A: [rows / 8][steps][8 units]       packed B: [columns / width][steps][width units]
//
// so that a tile reads neighbouring memory alone. What is missing at an edge is filled with zeros. The first
// tile that needs a panel of B may read it as it lies, and leaves it packed for the tiles below.
#ifndef CLEAVE_RUNTIME_DEVICE_CPU_PRODUCTKERNELS_H
#define CLEAVE_RUNTIME_DEVICE_CPU_PRODUCTKERNELS_H

#include <cstdint>

namespace cleave::rt {

/// What becomes of a tile's sums: C, what is added to C, or C when they are rounded to bf16.
enum class TileEnd : uint8_t { Write, Add, Round };

/// A walk over the terms of some rows of A or columns of B as they lie, in bytes: from one step to the next,
/// from the first term of a step to the second, and from the end of a part to the next one.
struct TermWalk {
  const char *at = nullptr;
  int64_t step = 0, term = 0, jump = 0;
};

/// A tile of C held in registers: c[i, j] (+)= sum over parts and steps of a[i, step] * b[step, j].
struct RegisterTile {
  int64_t parts, steps;
  const char *a;
  int64_t aRow, aStep, aJump; // bytes from one row to the next, from one step to the next, from part to part
  char *b;                    // packed, all parts in a row
  TermWalk lyingA, lyingB; // what tiles that pack A or B read; neighbouring rows or columns lie side by side
  char *packedA;           // where `a` is, to be packed
  char *c;
  int64_t cRow; // bytes
  TileEnd end;
  TermWalk ahead; // lines that later tiles read: one is prefetched per step
};

/// A matrix as it lies: `size` rows of A or columns of B, of `terms` terms of k each.
struct PackSource {
  const char *data;
  int64_t outer, inner; // bytes from one row or column to the next, from one term to the next
  int64_t size, terms;
};

/// Neighbouring sums that go to C: as they are, or rounded to bf16.
struct SumsToStore {
  const char *sums;
  char *to;
  int64_t count;
  bool asBFloat, accumulate;
};

/// A few rows times a matrix that is read once, as it lies: sums[i, j] = sum over k of a[i, k] * b[k, j].
struct SkinnyProduct {
  int64_t rows, columns, terms;
  const char *a;        // packed: [rows][roundUp(steps, lanes)] units
  const char *b;        // element (k, j) at b + j * outer + k * inner
  int64_t outer, inner; // bytes; one of the two is an element's
  char *sums;           // [rows][roundUp(columns, lanes)]
};

using TileFunction = void (*)(const RegisterTile &tile);
/// Packs panels of `width` rows or columns, a multiple of 8.
using PackFunction = void (*)(const PackSource &source, int64_t width, char *packed);

using SkinnyFunction = void (*)(const SkinnyProduct &product);
using StoreFunction = void (*)(const SumsToStore &sums);

inline constexpr int64_t kMostTileRows = 8, kMostTileVectors = 3;

/// For one type of elements.
struct SourceFunctions {
  PackFunction pack = nullptr, packRows = nullptr;  // packRows: of A of a SkinnyProduct
  SkinnyFunction across = nullptr, along = nullptr; // of B: columns, or terms of k, are neighbours
  // By vectors, less one: of as many rows as a tile may have. They pack A, or B, on the way: what they read
  // lies with its rows, or columns, side by side.
  TileFunction tilesOfA[kMostTileVectors] = {}, tilesOfB[kMostTileVectors] = {};
};

struct ProductKernels {
  int64_t tileRows = 0, tileVectors = 0, lanes = 0; // of the largest tile; sums of a vector
  int64_t group = 1;                                // terms of a step
  int64_t unitBytes = 4;
  TileFunction tiles[kMostTileRows][kMostTileVectors] = {}; // by rows and vectors, less one
  StoreFunction store = nullptr;
  SourceFunctions fromF32, fromF64, fromBF16, fromF16;
};

/// By the type that factors are rounded to. Sums are f32, or f64 for f64.
struct ProductSet {
  ProductKernels f32, f64, bf16;
};

ProductSet baselineProductKernels();
ProductSet avx2ProductKernels();
ProductSet avx512ProductKernels();
ProductSet avx512BFloatProductKernels();

} // namespace cleave::rt

#endif
