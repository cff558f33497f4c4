// Where buffers with known lifetimes lie in one region: the problem, an algorithm, and its check.
#ifndef CLEAVE_COMPILER_ANALYSIS_PACKING_H
#define CLEAVE_COMPILER_ANALYSIS_PACKING_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace cleave::analysis {

// A buffer of `bytes`, alive from time `begin` to time `end`, both included. The packer sets `offset`.
struct Interval {
  int64_t bytes = 0;
  int64_t begin = 0;
  int64_t end = 0;
  int64_t offset = 0;
};

// 4096 for what is larger than a MiB (a page of its own), else 64 (a cache line).
int64_t alignmentOf(int64_t bytes);

// What a region may have at most, so that sums of a few regions are counted in 63 bits.
constexpr int64_t kMostBytes = INT64_MAX / 2;

// First fit, largest first: each buffer goes to the lowest offset that is free during its whole life. Returns
// the bytes the region needs; more than kMostBytes when they cannot be counted, and offsets then mean
// nothing.
int64_t packIntervals(llvm::MutableArrayRef<Interval> intervals);

// The most bytes alive at one time: no packing can need less.
int64_t lowerBound(llvm::ArrayRef<Interval> intervals);

} // namespace cleave::analysis

#endif
