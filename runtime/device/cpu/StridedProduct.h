// Sums of products over memory that is walked with any strides: windows of images, without a copy per window.
#ifndef CLEAVE_RUNTIME_DEVICE_CPU_STRIDEDPRODUCT_H
#define CLEAVE_RUNTIME_DEVICE_CPU_STRIDEDPRODUCT_H

#include <cstdint>

namespace cleave::rt {

/// For each unit u: C[u; i, j] = sum over segments s and terms t of A[u; i, s, t] * B[u; s, t, j], all f32.
///
///   a convolution over images x with an edge, y[b, i, j, o] = sum(u, v, c) x[b, i + u, j + v, c] * w[u, v,
///   c, o]: units (b, i); rows j, a pixel apart; one segment per u; terms (v, c), which lie in a row
///
/// Strides count elements; those of j are 1 in B and in C. A number that is no stride counts steps of its
/// loop.
struct StridedProduct {
  static constexpr int64_t kMostUnitDims = 6, kMostSegmentDims = 6;
  struct UnitDim {
    int64_t size, a, b, c;
  };
  struct SegmentDim {
    int64_t size, a, b;
  };
  int64_t rows, aRow, cRow;
  int64_t columns;
  int64_t terms, aTerm, bTerm;
  int64_t unitDims, segmentDims;
  UnitDim units[kMostUnitDims];          // outermost first
  SegmentDim segments[kMostSegmentDims]; // likewise
};

/// Units [begin, end), on the calling thread. The order of each sum depends on the product alone. Allocates
/// on a thread's first call alone.
void multiplyStrided(const StridedProduct &product, const float *a, const float *b, float *c, int64_t begin,
                     int64_t end);

/// The same with the vectors of a certain processor, for tests: 16, 32 or 64 bytes; false where it has none.
bool multiplyStridedWith(int vectorBytes, const StridedProduct &product, const float *a, const float *b,
                         float *c, int64_t begin, int64_t end);

} // namespace cleave::rt

#endif
