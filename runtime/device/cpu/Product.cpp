// Products by blocks: a panel of B is packed once and stays in the L2 cache with the block's part of A, whose
// rows pass by it.
//
// Source of the scheme: Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", TOMS
// 2008; here the short side of a tile is A's, which is read as it lies where its terms are neighbours, and
// nothing is packed before it is needed: B by the first tile that reads it, A a cache line of rows at a time.
// Tiles prefetch what comes next, since a processor's own prefetching does not follow columns.
#include "runtime/device/cpu/Product.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace cleave::rt {

namespace {

// Of a block. Sums are cut where they are longer than twice kTermBytes: then A takes 512 KiB, a panel of
// B 96.
constexpr int64_t kBlockRows = 256, kBlockColumns = 384, kTermBytes = 2048;
constexpr int64_t kPanelRows = 8;     // of packed A
constexpr int64_t kAliasBytes = 4096; // rows so far apart fall into the same sets of the L1 cache
constexpr int64_t kWidestPanel = 48;  // columns
constexpr int64_t kLine = 64;
constexpr int64_t kSkinnySums = 4096; // that the L1 cache holds beside what is read

int64_t divideUp(int64_t value, int64_t by) { return (value + by - 1) / by; }
int64_t roundUp(int64_t value, int64_t to) { return divideUp(value, to) * to; }

/// A thread's memory: packed blocks, and sums that C cannot hold.
struct Scratch {
  static constexpr int64_t kA = kBlockRows * 2 * kTermBytes, kB = kWidestPanel * 2 * kTermBytes,
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
    const int64_t blocks = call.k <= 2 * most ? 1 : divideUp(call.k, most);
    const int64_t terms = roundUp(divideUp(std::max<int64_t>(1, call.k), blocks), factors.group);
    const int64_t together = std::max<int64_t>(1, most / terms);
    for (m0 = 0; m0 < call.m; m0 += kBlockRows)
      for (n0 = 0; n0 < call.n; n0 += kBlockColumns)
        for (part0 = 0; part0 < call.parts; part0 += together)
          for (k0 = 0; k0 == 0 || k0 < call.k; k0 += terms) {
            rows = std::min(kBlockRows, call.m - m0);
            columns = std::min(kBlockColumns, call.n - n0);
            parts = std::min(together, call.parts - part0);
            depth = std::max<int64_t>(0, std::min(terms, call.k - k0));
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

  /// Of the panels of a block: even ones, 64 columns as 2 x 32 rather than 48 and 16.
  int64_t evenWidth() const {
    const int64_t panels = divideUp(columns, factors.tileVectors * factors.lanes);
    return roundUp(divideUp(columns, panels), std::max(factors.lanes, kPanelRows));
  }
  /// Of a panel at column `at` of the block: whole vectors, and whole units of packing.
  int64_t panelColumns(int64_t at) const {
    return std::min(width, roundUp(roundUp(columns - at, kPanelRows), factors.lanes));
  }

  /// From row or column `start` and term `firstTerm` on, of the part `part` of the current block.
  PackSource sourceOf(const ProductCall::Input &matrix, bool neighboursAreTerms, int64_t start,
                      int64_t firstTerm, int64_t part) const {
    const int64_t element = sizeOf(matrix.type), row = matrix.leading * element;
    PackSource source{static_cast<const char *>(matrix.data), neighboursAreTerms ? row : element,
                      neighboursAreTerms ? element : row, 0, 0};
    if (source.data) // a matrix without terms may be nowhere
      source.data += (part0 + part) * matrix.part * element + start * source.outer + firstTerm * source.inner;
    return source;
  }

  /// Over the terms of the current block from `source` on.
  TermWalk walk(const PackSource &source, const ProductCall::Input &matrix) const {
    const int64_t step = factors.group * source.inner;
    return {source.data, step, source.inner, matrix.part * sizeOf(matrix.type) - steps * step};
  }
  void multiplyBlock() {
    width = evenWidth();
    steps = divideUp(depth, factors.group);
    whole = depth > 0 && depth % factors.group == 0;
    partA = kBlockRows * steps * factors.unitBytes;
    const PackSource source = sourceOf(call.a, !call.a.transpose, m0, k0, 0);
    // A is read as it lies where a step's terms are neighbours of the type that is multiplied, unless rows
    // share their place in the L1 cache.
    const bool asItLies =
        call.a.type == call.factors && sizeOf(call.a.type) * factors.group == factors.unitBytes;
    const bool along = source.inner * factors.group == factors.unitBytes && depth % factors.group == 0 &&
                       source.outer % kAliasBytes != 0;
    // Nor is it packed for a single panel.
    direct = asItLies && depth > 0 && (along || (factors.group == 1 && columns <= width));
    RegisterTile tile{};
    tile.parts = parts;
    tile.steps = steps;
    tile.a = direct ? source.data : scratch.a();
    tile.aRow = direct ? source.outer : factors.unitBytes;
    tile.aStep = direct ? source.inner * factors.group : kPanelRows * factors.unitBytes;
    tile.aJump = direct ? walk(source, call.a).jump : partA - steps * tile.aStep;
    tile.b = scratch.b();
    for (int64_t column = 0; column < columns; column += width)
      multiplyPanel(tile, column);
  }

  void multiplyPanel(RegisterTile tile, int64_t column) {
    const int64_t padded = panelColumns(column), wanted = std::min(width, columns - column);
    const int64_t vectors = padded / factors.lanes, tileRows = factors.tileRows;
    const bool packsB = !call.b.transpose && padded == wanted && whole && rows >= tileRows;
    if (!packsB)
      packB(column, padded, wanted);
    const int64_t next = std::min(width, columns - column - wanted); // columns of the next panel
    aheadB = {};
    if (!call.b.transpose && next > 0 && depth > 0)
      aheadB = {walk(sourceOf(call.b, false, n0 + column + wanted, k0, 0), call.b),
                divideUp(next * sizeOf(call.b.type), kLine) * factors.group};
    else if (next > 0 && depth > 0 && call.b.leading == depth) // a panel is one piece of memory
      aheadB = {{sourceOf(call.b, true, n0 + column + wanted, k0, 0).data, kLine, 0, 0},
                divideUp(next * depth * sizeOf(call.b.type), steps * kLine),
                steps * kLine};
    const char *a = tile.a;
    alignas(kLine) char sums[kMostTileRows * kMostTileVectors * kLine];
    const Target target = targetOf(column, padded, wanted, sums);
    tile.cRow = target.row;
    tile.end = target.end;
    for (int64_t row = 0; row < rows; row += tileRows) {
      const int64_t count = std::min(tileRows, rows - row);
      TileFunction function = factors.tiles[count - 1][vectors - 1];
      tile.a = direct ? a + row * tile.aRow
                      : a + (row / kPanelRows * kPanelRows * steps + row % kPanelRows) * factors.unitBytes;
      tile.c = target.c + (target.c == sums ? 0 : row * target.row);
      if (!direct && column == 0 && prepareA(tile, row))
        function = functionsFor(factors, call.a.type).tilesOfA[vectors - 1];
      if (packsB && row == 0) {
        function = functionsFor(factors, call.b.type).tilesOfB[vectors - 1];
        tile.lyingB = walk(sourceOf(call.b, false, n0 + column, k0, 0), call.b);
      }
      lookAhead(tile, column == 0 && row + tileRows < rows);
      function(tile);
      for (int64_t i = 0; i < count && target.stores; ++i)
        factors.store({tile.c + i * target.row,
                       static_cast<char *>(call.c.data) +
                           ((m0 + row + i) * call.c.leading + n0 + column) * sizeOf(call.c.type),
                       wanted, call.c.type == Type::BF16, call.accumulate});
    }
  }

  /// Where the sums of a panel go: C or, where that cannot hold them, memory of our own.
  struct Target {
    char *c;
    int64_t row; // bytes
    TileEnd end;
    bool stores; // from there to C when they are complete
  };
  Target targetOf(int64_t column, int64_t padded, int64_t wanted, char *sums) {
    const bool isFirst = k0 == 0 && part0 == 0, isLast = k0 + depth >= call.k && part0 + parts >= call.parts;
    const int64_t element = sizeOf(call.c.type), sumBytes = sizeOf(sum);
    const bool rounds =
        call.c.type == Type::BF16 && sum == Type::F32 && isFirst && isLast && !call.accumulate;
    if (padded == wanted && (call.c.type == sum || rounds))
      return {static_cast<char *>(call.c.data) + (m0 * call.c.leading + n0 + column) * element,
              call.c.leading * element,
              rounds                        ? TileEnd::Round
              : !isFirst || call.accumulate ? TileEnd::Add
                                            : TileEnd::Write,
              false};
    if (isFirst && isLast)
      return {sums, padded * sumBytes, TileEnd::Write, true};
    return {scratch.c() + column * sumBytes, kBlockColumns * sumBytes,
            isFirst ? TileEnd::Write : TileEnd::Add, isLast};
  }

  /// A panel of B, where no tile packs it on the way.
  void packB(int64_t column, int64_t padded, int64_t wanted) {
    for (int64_t part = 0; part < parts && depth > 0; ++part) { // where no term is, no memory need be
      PackSource source = sourceOf(call.b, call.b.transpose, n0 + column, k0, part);
      source.terms = depth;
      source.size = wanted;
      functionsFor(factors, call.b.type)
          .pack(source, padded, scratch.b() + part * padded * steps * factors.unitBytes);
    }
  }

  /// What the first panel's tiles need of A that is not read as it lies. True where the tile packs it itself.
  bool prepareA(RegisterTile &tile, int64_t row) {
    const int64_t together = std::max(kPanelRows, kLine / sizeOf(call.a.type)); // share a line
    if (row % together == 0)
      aheadA = {};
    if (row % together == 0 && call.a.transpose && row + together < rows && depth > 0)
      aheadA = {walk(sourceOf(call.a, false, m0 + row + together, k0, 0), call.a), factors.group};
    const int64_t panel = row / kPanelRows * kPanelRows;
    if (call.a.transpose && whole && panel > 0 && rows - panel >= kPanelRows) {
      tile.lyingA = walk(sourceOf(call.a, false, m0 + row, k0, 0), call.a);
      tile.packedA = scratch.a() + (tile.a - scratch.a());
      return true;
    }
    for (int64_t part = 0; part < parts && row == panel; ++part) {
      PackSource source = sourceOf(call.a, !call.a.transpose, m0 + row, k0, part);
      source.size = std::min(kPanelRows, rows - row);
      source.terms = depth;
      functionsFor(factors, call.a.type)
          .pack(source, kPanelRows, scratch.a() + part * partA + row * steps * factors.unitBytes);
    }
    return false;
  }

  /// What tiles prefetch, a line per step: lines of every term that lie side by side, each of the first or
  /// the second terms, or pieces of neighbouring lines.
  struct Ahead {
    TermWalk walk;
    int64_t lines = 0, piece = 0, taken = 0; // bytes of a piece; lines or pieces that tiles took
  };
  bool takeAhead(Ahead &ahead, RegisterTile &tile) {
    if (ahead.taken == ahead.lines)
      return false;
    const int64_t term = factors.group == 1 ? 0 : ahead.taken % 2, line = ahead.taken / factors.group;
    tile.ahead = ahead.walk;
    tile.ahead.at += ahead.piece > 0 ? ahead.taken * ahead.piece : line * kLine + term * ahead.walk.term;
    ++ahead.taken;
    return true;
  }
  /// What a tile prefetches: columns, which a processor does not follow, or the rows below.
  void lookAhead(RegisterTile &tile, bool rowsFollow) {
    if (takeAhead(aheadA, tile) || takeAhead(aheadB, tile))
      return;
    const int64_t tileBytes = factors.tileRows * tile.aRow;
    const bool dense = direct && tile.aRow == steps * tile.aStep;
    tile.ahead = rowsFollow && dense ? TermWalk{tile.a + tileBytes, factors.tileRows * tile.aStep, 0, 0}
                                     : TermWalk{tile.a, 0, 0, 0};
  }

  const ProductCall &call;
  const ProductKernels &factors;
  Scratch &scratch;
  const Type sum;
  // Of the current block.
  int64_t m0 = 0, n0 = 0, k0 = 0, part0 = 0, rows = 0, columns = 0, depth = 0, parts = 0;
  int64_t width = 0, steps = 0, partA = 0; // of panels; of a part; bytes of a packed part of A
  bool whole = false, direct = false;      // no step misses a term; A is read as it lies
  Ahead aheadA, aheadB;                    // the rows that are packed next, the next panel
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
