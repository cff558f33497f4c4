// Products by blocks: a block of B is packed once and stays in the L2 cache, tiles of A pass by it.
//
// Source of the scheme: Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", TOMS
// 2008; here the short side of a tile is A's, which is read as it lies where its terms are neighbours.
#include "runtime/device/cpu/Product.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace cleave::rt {

namespace {

// Of a block. Its part of B is 576 KiB, so that A and C pass through a cache of 1 MiB beside it.
constexpr int64_t kBlockRows = 256, kBlockColumns = 384, kTermBytes = 1536;
constexpr int64_t kPanelRows = 8; // of packed A
constexpr int64_t kLine = 64;
constexpr int64_t kSkinnySums = 4096; // that the L1 cache holds beside what is read

int64_t divideUp(int64_t value, int64_t by) { return (value + by - 1) / by; }
int64_t roundUp(int64_t value, int64_t to) { return divideUp(value, to) * to; }

/// A thread's memory: packed blocks, and sums that C cannot hold.
struct Scratch {
  static constexpr int64_t kA = kBlockRows * kTermBytes, kB = (kBlockColumns + 64) * kTermBytes,
                           kC = kBlockRows * kBlockColumns * static_cast<int64_t>(sizeof(double));
  Scratch() : memory(static_cast<char *>(::operator new(kA + kB + kC, std::align_val_t(kLine)))) {}
  ~Scratch() { ::operator delete(memory, std::align_val_t(kLine)); }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  char *a() { return memory; }
  char *b() { return memory + kA; }
  char *c() { return memory + kA + kB; }

private:
  char *memory;
};

const SourceFunctions &functionsFor(const ProductKernels &kernels, Type type) {
  switch (type) {
  case Type::F64:
    return kernels.fromF64;
  case Type::BF16:
    return kernels.fromBF16;
  case Type::F16:
    return kernels.fromF16;
  default:
    return kernels.fromF32;
  }
}

class Multiplication {
public:
  Multiplication(const ProductCall &call, const ProductSet &set, Scratch &scratch)
      : call(call), factors(call.factors == Type::BF16  ? set.bf16
                            : call.factors == Type::F64 ? set.f64
                                                        : set.f32),
        scratch(scratch), sum(call.factors == Type::F64 ? Type::F64 : Type::F32) {}

  void run() {
    if (call.m <= kSkinnyRows && skinnyBytes() <= Scratch::kA)
      return runSkinny();
    // Blocks of k of one size, or nearly; of several parts where these are short.
    const int64_t most = kTermBytes / factors.unitBytes * factors.group;
    const int64_t blocks = std::max<int64_t>(1, divideUp(call.k, most));
    const int64_t terms = roundUp(divideUp(std::max<int64_t>(1, call.k), blocks), factors.group);
    const int64_t together = std::max<int64_t>(1, most / terms);
    for (m0 = 0; m0 < call.m; m0 += kBlockRows)
      for (n0 = 0; n0 < call.n; n0 += kBlockColumns)
        for (part0 = 0; part0 < call.parts; part0 += together)
          for (k0 = 0; k0 == 0 || k0 < call.k; k0 += terms) {
            columns = std::min(kBlockColumns, call.n - n0);
            width = evenWidth();
            parts = std::min(together, call.parts - part0);
            depth = std::max<int64_t>(0, std::min(terms, call.k - k0));
            packB();
            multiplyBlock();
          }
  }

private:
  /// Of A, packed for a product of few rows.
  int64_t skinnyBytes() const {
    return call.m * roundUp(divideUp(call.k, factors.group), factors.lanes) * factors.unitBytes;
  }

  /// B is read once, so it is not packed.
  void runSkinny() {
    const int64_t most = kSkinnySums / call.m / kLine * kLine;
    for (n0 = 0; n0 < call.n; n0 += most) {
      columns = std::min(most, call.n - n0);
      const int64_t row = roundUp(columns, factors.lanes) * sizeOf(sum);
      for (part0 = 0; part0 < call.parts; ++part0) {
        multiplySkinny();
        for (int64_t i = 0; i < call.m && call.parts > 1; ++i)
          factors.store({scratch.c() + i * row, scratch.b() + i * row, columns, false, part0 > 0});
      }
      const char *sums = call.parts > 1 ? scratch.b() : scratch.c();
      for (int64_t i = 0; i < call.m; ++i)
        factors.store({sums + i * row,
                       static_cast<char *>(call.c.data) + (i * call.c.leading + n0) * sizeOf(call.c.type),
                       columns, call.c.type == Type::BF16, call.accumulate});
    }
  }

  void multiplySkinny() {
    PackSource rows = sourceOf(call.a, !call.a.transpose, 0, 0, 0),
               source = sourceOf(call.b, call.b.transpose, n0, 0, 0);
    rows.size = call.m;
    rows.terms = call.k;
    if (n0 == 0 || call.parts > 1)
      functionsFor(factors, call.a.type).packRows(rows, 0, scratch.a());
    const SourceFunctions &functions = functionsFor(factors, call.b.type);
    (call.b.transpose ? functions.along : functions.across)(
        {call.m, columns, call.k, scratch.a(), source.data, source.outer, source.inner, scratch.c()});
  }

  int64_t steps() const { return divideUp(depth, factors.group); }
  /// Of the tiles of a block: even ones, 64 columns as 2 x 32 rather than 48 and 16.
  int64_t evenWidth() const {
    const int64_t panels = divideUp(columns, factors.tileVectors * factors.lanes);
    return roundUp(divideUp(columns, panels), std::max(factors.lanes, kPanelRows));
  }
  /// Of a tile at column `at` of the block: whole vectors, and whole units of packing.
  int64_t tileColumns(int64_t at) const {
    return std::min(width, roundUp(roundUp(columns - at, kPanelRows), factors.lanes));
  }

  /// From row or column `start` and term `firstTerm` on, of the part `part` of the current block.
  PackSource sourceOf(const ProductCall::Input &matrix, bool neighboursAreTerms, int64_t start,
                      int64_t firstTerm, int64_t part) const {
    const int64_t element = sizeOf(matrix.type), row = matrix.leading * element;
    PackSource source{static_cast<const char *>(matrix.data) + (part0 + part) * matrix.part * element,
                      neighboursAreTerms ? row : element, neighboursAreTerms ? element : row, 0, 0};
    source.data += start * source.outer + firstTerm * source.inner;
    return source;
  }

  /// Bytes of a packed part of B, or of A.
  int64_t partB() const {
    const int64_t whole = columns / width * width;
    return (whole < columns ? whole + tileColumns(whole) : whole) * steps() * factors.unitBytes;
  }
  int64_t partA() const { return kBlockRows * steps() * factors.unitBytes; }

  void packB() {
    if (depth == 0) // no memory need be there
      return;
    const int64_t whole = columns / width * width;
    PackFunction pack = functionsFor(factors, call.b.type).pack;
    for (int64_t part = 0; part < parts; ++part) {
      PackSource source = sourceOf(call.b, call.b.transpose, n0, k0, part);
      source.terms = depth;
      source.size = whole;
      pack(source, width, scratch.b() + part * partB());
      source.data += whole * source.outer;
      source.size = columns - whole;
      if (source.size > 0)
        pack(source, tileColumns(whole), scratch.b() + part * partB() + whole * steps() * factors.unitBytes);
    }
  }

  void packA(int64_t rows) {
    for (int64_t part = 0; part < parts; ++part) {
      PackSource source = sourceOf(call.a, !call.a.transpose, m0, k0, part);
      source.size = rows;
      source.terms = depth;
      functionsFor(factors, call.a.type).pack(source, kPanelRows, scratch.a() + part * partA());
    }
  }

  void multiplyBlock() {
    const int64_t rows = std::min(kBlockRows, call.m - m0);
    PackSource source = sourceOf(call.a, !call.a.transpose, m0, k0, 0);
    // As it lies, where a step's terms are neighbours of the type that is multiplied.
    const bool direct = call.a.type == call.factors && source.inner * factors.group == factors.unitBytes &&
                        depth % factors.group == 0;
    if (!direct)
      packA(rows);
    nextA = direct ? call.a.part * sizeOf(call.a.type) : partA();
    for (int64_t row = 0; row < rows; row += factors.tileRows) {
      RegisterTile tile{};
      tile.steps = steps();
      const int64_t inPanel = row % kPanelRows;
      tile.a = direct ? source.data + row * source.outer
                      : scratch.a() + ((row - inPanel) * steps() + inPanel) * factors.unitBytes;
      tile.aRow = direct ? source.outer : factors.unitBytes;
      tile.aStep = direct ? factors.unitBytes : kPanelRows * factors.unitBytes;
      multiplyRows(tile, row, std::min(factors.tileRows, rows - row));
    }
  }

  void multiplyRows(RegisterTile tile, int64_t row, int64_t rows) {
    for (int64_t column = 0; column < columns; column += width) {
      tile.b = scratch.b() + column * steps() * factors.unitBytes;
      multiplyTile(tile, row, rows, column);
    }
  }

  /// A register tile of every part of the block.
  void addParts(RegisterTile tile, TileFunction function) const {
    const int64_t nextB = partB();
    for (int64_t part = 0; part < parts; ++part) {
      function(tile);
      tile.accumulate = true;
      tile.a += nextA;
      tile.b += nextB;
    }
  }

  /// One register tile, into C or, where that cannot hold it, by way of memory of our own.
  void multiplyTile(RegisterTile tile, int64_t row, int64_t rows, int64_t column) {
    const int64_t padded = tileColumns(column), wanted = std::min(width, columns - column);
    const bool isFirst = k0 == 0 && part0 == 0, isLast = k0 + depth >= call.k && part0 + parts >= call.parts;
    const int64_t element = sizeOf(call.c.type), sumBytes = sizeOf(sum);
    char *out = static_cast<char *>(call.c.data) + ((m0 + row) * call.c.leading + n0 + column) * element;
    TileFunction function = factors.tiles[rows - 1][padded / factors.lanes - 1];
    alignas(kLine) char sums[kMostTileRows * kMostTileVectors * kLine];
    if (call.c.type == sum && padded == wanted) {
      tile.c = out;
      tile.cRow = call.c.leading * element;
      tile.accumulate = !isFirst || call.accumulate;
      return addParts(tile, function);
    }
    const bool kept = !isFirst || !isLast; // sums wait for further blocks
    tile.cRow = kept ? kBlockColumns * sumBytes : padded * sumBytes;
    tile.c = kept ? scratch.c() + row * tile.cRow + column * sumBytes : sums;
    tile.accumulate = !isFirst;
    addParts(tile, function);
    if (isLast)
      for (int64_t i = 0; i < rows; ++i)
        factors.store({tile.c + i * tile.cRow, out + i * call.c.leading * element, wanted,
                       call.c.type == Type::BF16, call.accumulate});
  }

  const ProductCall &call;
  const ProductKernels &factors;
  Scratch &scratch;
  const Type sum;
  int64_t n0 = 0, k0 = 0, m0 = 0, part0 = 0, columns = 0, width = 0, depth = 0,
          parts = 0; // of the current block
  int64_t nextA = 0; // bytes from a part of A to the next
};

} // namespace

void multiply(const ProductCall &call, const ProductSet &kernels) {
  thread_local Scratch scratch;
  Multiplication(call, kernels, scratch).run();
}

const ProductSet &productKernels() {
  static const ProductSet set = [] {
    if (__builtin_cpu_supports("avx512bf16"))
      return avx512BFloatProductKernels();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
      return avx512ProductKernels();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
      return avx2ProductKernels();
    return baselineProductKernels();
  }();
  return set;
}

} // namespace cleave::rt
