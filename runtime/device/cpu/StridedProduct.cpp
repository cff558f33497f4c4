// Blocks of B are packed and stay in the caches; A is read as it lies, one element for a whole row of a
// register tile.
#include "runtime/device/cpu/StridedProduct.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace cleave::rt {

namespace {

//===----------------------------------------------------------------------===//
// Register tiles
//===----------------------------------------------------------------------===//

struct Tile {
  const float *a;
  int64_t aRow, aTerm;
  const int64_t *segments; // offsets in A
  int64_t segmentCount, terms;
  const float *b; // packed: what one term needs lies in a row
  float *c;
  int64_t cRow;
  bool accumulate;
};

using TileFunction = void (*)(const Tile &);

template <int Bytes> struct Vector {
  typedef float Type __attribute__((vector_size(Bytes), aligned(4)));
};

template <int Bytes, int Rows, int Vectors>
__attribute__((always_inline)) inline void multiplyTile(const Tile &tile) {
  using Floats = typename Vector<Bytes>::Type;
  constexpr int kLanes = Bytes / 4;
  Floats sums[Rows][Vectors] = {};
  const float *b = tile.b;
  for (int64_t segment = 0; segment < tile.segmentCount; ++segment) {
    const float *a = tile.a + tile.segments[segment];
    for (int64_t term = 0; term < tile.terms; ++term, a += tile.aTerm, b += Vectors * kLanes) {
      Floats columns[Vectors];
#pragma clang loop unroll(full)
      for (int j = 0; j < Vectors; ++j)
        columns[j] = *reinterpret_cast<const Floats *>(b + j * kLanes);
#pragma clang loop unroll(full)
      for (int i = 0; i < Rows; ++i)
#pragma clang loop unroll(full)
        for (int j = 0; j < Vectors; ++j)
          sums[i][j] += a[i * tile.aRow] * columns[j];
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < Rows; ++i)
#pragma clang loop unroll(full)
    for (int j = 0; j < Vectors; ++j) {
      auto *to = reinterpret_cast<Floats *>(tile.c + i * tile.cRow + j * kLanes);
      *to = tile.accumulate ? *to + sums[i][j] : sums[i][j];
    }
}

constexpr int kMostRows = 8, kMostVectors = 3;

/// Tiles of one instruction set, by rows and vectors less one.
struct Tiles {
  int lanes, rows;
  TileFunction functions[kMostRows][kMostVectors];
};

#if defined(__x86_64__)
#define CLEAVE_WIDE __attribute__((target("avx512f")))
#define CLEAVE_MIDDLE __attribute__((target("avx2,fma")))
template <int Rows, int Vectors> CLEAVE_WIDE void tile512(const Tile &tile) {
  multiplyTile<64, Rows, Vectors>(tile);
}
template <int Rows, int Vectors> CLEAVE_MIDDLE void tile256(const Tile &tile) {
  multiplyTile<32, Rows, Vectors>(tile);
}
#endif
template <int Rows, int Vectors> void tile128(const Tile &tile) { multiplyTile<16, Rows, Vectors>(tile); }

#define CLEAVE_ROW(FUNCTION, ROWS) {FUNCTION<ROWS, 1>, FUNCTION<ROWS, 2>, FUNCTION<ROWS, 3>}
#define CLEAVE_FOUR_ROWS(FUNCTION)                                                                           \
  CLEAVE_ROW(FUNCTION, 1), CLEAVE_ROW(FUNCTION, 2), CLEAVE_ROW(FUNCTION, 3), CLEAVE_ROW(FUNCTION, 4)

const Tiles kTiles128 = {4, 4, {CLEAVE_FOUR_ROWS(tile128)}};
#if defined(__x86_64__)
const Tiles kTiles256 = {8, 4, {CLEAVE_FOUR_ROWS(tile256)}};
const Tiles kTiles512 = {16,
                         8,
                         {CLEAVE_FOUR_ROWS(tile512), CLEAVE_ROW(tile512, 5), CLEAVE_ROW(tile512, 6),
                          CLEAVE_ROW(tile512, 7), CLEAVE_ROW(tile512, 8)}};
#endif

/// Null where the processor has no such vectors.
const Tiles *tilesOf(int vectorBytes) {
#if defined(__x86_64__)
  if (vectorBytes == 64)
    return __builtin_cpu_supports("avx512f") ? &kTiles512 : nullptr;
  if (vectorBytes == 32)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kTiles256 : nullptr;
#endif
  return vectorBytes == 16 ? &kTiles128 : nullptr;
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

constexpr int64_t kPackedFloats = 64 * 1024; // of B: a quarter of a large L2 cache
constexpr int64_t kBlockColumns = 384;
constexpr int64_t kBlockTerms = 384;   // of a sum, so that a panel of B stays in the L1 cache
constexpr int64_t kMostSegments = 256; // of a block
constexpr int64_t kLineFloats = 16;
constexpr int64_t kChunkRows = 256; // of C that pass by before the next panel of B

struct Free {
  void operator()(float *memory) const { ::operator delete[](memory, std::align_val_t(64)); }
};

/// A thread's memory for a block of B.
float *packedMemory() {
  thread_local std::unique_ptr<float[], Free> memory(
      static_cast<float *>(::operator new[](kPackedFloats * sizeof(float), std::align_val_t(64))));
  return memory.get();
}

int64_t divideUp(int64_t value, int64_t by) { return (value + by - 1) / by; }

class Multiplication {
public:
  Multiplication(const StridedProduct &product, const Tiles &tiles, const float *a, const float *b, float *c)
      : product(product), tiles(tiles), a(a), b(b), c(c), packed(packedMemory()) {
    for (int64_t i = 0; i < product.segmentDims; ++i)
      segmentCount *= product.segments[i].size;
  }

  void run(int64_t begin, int64_t end) {
    while (begin < end) { // units that read the same B
      int64_t same = begin + 1;
      Place first = placeOf(begin);
      while (same < end && placeOf(same).b == first.b)
        ++same;
      for (column = 0; column < product.columns; column += kBlockColumns) {
        columns = std::min(kBlockColumns, product.columns - column);
        runColumns(begin, same, b + first.b + column);
      }
      begin = same;
    }
  }

private:
  struct Place {
    int64_t a, b, c;
  };

  Place placeOf(int64_t unit) const {
    Place place = {0, 0, 0};
    for (int64_t i = product.unitDims - 1; i >= 0; --i) {
      const StridedProduct::UnitDim &dim = product.units[i];
      int64_t digit = unit % dim.size;
      unit /= dim.size;
      place.a += digit * dim.a;
      place.b += digit * dim.b;
      place.c += digit * dim.c;
    }
    return place;
  }

  /// Blocks of the sum: some whole segments, or a part of one.
  void runColumns(int64_t begin, int64_t end, const float *from) {
    lastUnit = end;
    int64_t vectors = divideUp(columns, tiles.lanes), panels = divideUp(vectors, kMostVectors);
    int64_t most = std::min(kBlockTerms, kPackedFloats / (vectors * tiles.lanes));
    int64_t parts = divideUp(product.terms, most);
    int64_t some = std::clamp<int64_t>(most / std::max<int64_t>(1, product.terms), 1, kMostSegments);
    // As even as can be: 9 segments of which 4 fit go as 3, 3, 3.
    some = divideUp(segmentCount, divideUp(segmentCount, some));
    SegmentOffsets offsets[2];
    int64_t blocks = divideUp(segmentCount, some) * parts;
    auto blockOf = [&](int64_t number, SegmentOffsets &place) {
      int64_t segment = number / parts * some, part = number % parts;
      int64_t first = product.terms * part / parts, last = product.terms * (part + 1) / parts;
      Block block = {std::min(some, segmentCount - segment), last - first, number == 0, &place};
      setSegments(segment, first, block);
      return block;
    };
    Block next = blockOf(0, offsets[0]);
    for (int64_t number = 0; number < blocks; ++number) {
      Block block = next;
      bool isLast = number + 1 == blocks;
      if (!isLast)
        next = blockOf(number + 1, offsets[(number + 1) % 2]);
      pack(block, from, vectors, panels);
      for (int64_t unit = begin; unit < end;) {
        int64_t stop = std::min(end, unit + std::max<int64_t>(1, kChunkRows / product.rows));
        multiplyChunk(block, unit, stop, vectors, panels);
        if (stop == end && !isLast)
          fetch(next, placeOf(begin));
        unit = stop;
      }
    }
  }

  struct SegmentOffsets {
    int64_t a[kMostSegments], b[kMostSegments];
  };
  struct Block {
    int64_t segments, terms;
    bool isFirst;
    SegmentOffsets *offsets;
  };

  void setSegments(int64_t start, int64_t firstTerm, const Block &block) const {
    for (int64_t i = 0; i < block.segments; ++i) {
      int64_t number = start + i;
      int64_t &inA = block.offsets->a[i] = firstTerm * product.aTerm;
      int64_t &inB = block.offsets->b[i] = firstTerm * product.bTerm;
      for (int64_t dim = product.segmentDims - 1; dim >= 0; --dim) {
        const StridedProduct::SegmentDim &each = product.segments[dim];
        inA += number % each.size * each.a;
        inB += number % each.size * each.b;
        number /= each.size;
      }
    }
  }

  static int64_t panelBegin(int64_t panel, int64_t vectors, int64_t panels) {
    return vectors * panel / panels;
  }

  void pack(const Block &block, const float *from, int64_t vectors, int64_t panels) {
    float *to = packed;
    for (int64_t panel = 0; panel < panels; ++panel) {
      int64_t first = panelBegin(panel, vectors, panels) * tiles.lanes;
      int64_t width = panelBegin(panel + 1, vectors, panels) * tiles.lanes - first;
      int64_t present = std::min(width, columns - first);
      for (int64_t segment = 0; segment < block.segments; ++segment) {
        const float *row = from + block.offsets->b[segment] + first;
        for (int64_t term = 0; term < block.terms; ++term, row += product.bTerm, to += width) {
          std::memcpy(to, row, static_cast<size_t>(present) * sizeof(float));
          std::fill(to + present, to + width, 0.0F);
        }
      }
    }
  }

  /// Asks for what a unit reads next of A: its steps are too many for the processor to see them coming.
  void fetch(const Block &block, const Place &place) const {
    int64_t spanned =
        (product.rows - 1) * std::abs(product.aRow) + (block.terms - 1) * std::abs(product.aTerm) + 1;
    if (spanned > 2 * product.rows * block.terms)
      return;
    int64_t low = 0, high = 0; // asked for already
    for (int64_t i = 0; i < block.segments; ++i) {
      int64_t from = block.offsets->a[i] + std::min<int64_t>(0, (product.rows - 1) * product.aRow) +
                     std::min<int64_t>(0, (block.terms - 1) * product.aTerm);
      int64_t to = from + spanned;
      if (from >= low && from < high) {
        fetchLines(a + place.a, high, to);
        high = to;
      } else if (to > low && to <= high) {
        fetchLines(a + place.a, from, low);
        low = from;
      } else {
        fetchLines(a + place.a, from, to);
        low = from;
        high = to;
      }
    }
  }

  static void fetchLines(const float *start, int64_t from, int64_t to) {
    for (; from < to; from += kLineFloats)
      __builtin_prefetch(start + from, 0, 2);
  }

  /// Likewise, of C.
  void fetchResults(const Place &place, int64_t first, int64_t width) const {
    for (int64_t row = 0; row < product.rows; ++row)
      for (int64_t at = 0; at < width; at += kLineFloats)
        __builtin_prefetch(c + place.c + row * product.cRow + column + first + at, 1, 2);
  }

  void multiplyChunk(const Block &block, int64_t begin, int64_t end, int64_t vectors, int64_t panels) {
    const float *panelB = packed;
    for (int64_t panel = 0; panel < panels; ++panel) {
      int64_t first = panelBegin(panel, vectors, panels);
      int64_t count = panelBegin(panel + 1, vectors, panels) - first;
      for (int64_t unit = begin; unit < end; ++unit) {
        if (panel == 0 && unit + 1 < lastUnit)
          fetch(block, placeOf(unit + 1));
        if (unit + 1 < lastUnit)
          fetchResults(placeOf(unit + 1), first * tiles.lanes, count * tiles.lanes);
        multiplyUnit(block, placeOf(unit), panelB, first * tiles.lanes, count);
      }
      panelB += block.segments * block.terms * count * tiles.lanes;
    }
  }

  void multiplyUnit(const Block &block, const Place &place, const float *panelB, int64_t first,
                    int64_t vectors) {
    Tile tile = {};
    tile.aRow = product.aRow;
    tile.aTerm = product.aTerm;
    tile.segments = block.offsets->a;
    tile.segmentCount = block.segments;
    tile.terms = block.terms;
    tile.b = panelB;
    int64_t width = vectors * tiles.lanes, present = std::min(width, columns - first);
    // As even as can be: 10 rows go as 5 and 5, not 8 and 2.
    int64_t steps = divideUp(product.rows, tiles.rows);
    for (int64_t step = 0; step < steps; ++step) {
      int64_t row = product.rows * step / steps, rows = product.rows * (step + 1) / steps - row;
      tile.a = a + place.a + row * product.aRow;
      float *to = c + place.c + row * product.cRow + column + first;
      if (present == width) {
        tile.c = to;
        tile.cRow = product.cRow;
        tile.accumulate = !block.isFirst;
        tiles.functions[rows - 1][vectors - 1](tile);
      } else {
        multiplyEdge(tile, rows, vectors, present, to, !block.isFirst);
      }
    }
  }

  /// Where the last vector of C would reach too far.
  void multiplyEdge(Tile tile, int64_t rows, int64_t vectors, int64_t present, float *to,
                    bool accumulate) const {
    float sums[kMostRows * kMostVectors * 16];
    tile.c = sums;
    tile.cRow = vectors * tiles.lanes;
    tile.accumulate = false;
    tiles.functions[rows - 1][vectors - 1](tile);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < present; ++j) {
        float &element = to[i * product.cRow + j];
        element = accumulate ? element + sums[i * tile.cRow + j] : sums[i * tile.cRow + j];
      }
  }

  const StridedProduct &product;
  const Tiles &tiles;
  const float *a, *b;
  float *c, *packed;
  int64_t segmentCount = 1;
  int64_t column = 0, columns = 0; // of the current block
  int64_t lastUnit = 0;            // of those that read the same B
};

} // namespace

bool multiplyStridedWith(int vectorBytes, const StridedProduct &product, const float *a, const float *b,
                         float *c, int64_t begin, int64_t end) {
  const Tiles *tiles = tilesOf(vectorBytes);
  if (tiles)
    Multiplication(product, *tiles, a, b, c).run(begin, end);
  return tiles != nullptr;
}

void multiplyStrided(const StridedProduct &product, const float *a, const float *b, float *c, int64_t begin,
                     int64_t end) {
  static const Tiles *best = tilesOf(64) ? tilesOf(64) : tilesOf(32) ? tilesOf(32) : tilesOf(16);
  Multiplication(product, *best, a, b, c).run(begin, end);
}

} // namespace cleave::rt
