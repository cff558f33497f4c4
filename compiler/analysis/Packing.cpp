#include "compiler/analysis/Packing.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

#include <map>

using namespace cleave::analysis;

int64_t cleave::analysis::alignmentOf(int64_t bytes) { return bytes > (1 << 20) ? 4096 : 64; }

static bool meet(const Interval &a, const Interval &b) { return a.begin <= b.end && b.begin <= a.end; }

// The lowest aligned offset where `interval` touches none of `placed`, which are sorted by offset.
static int64_t firstFit(const Interval &interval, llvm::ArrayRef<const Interval *> placed) {
  int64_t alignment = alignmentOf(interval.bytes), offset = 0;
  for (const Interval *other : placed) {
    if (!meet(interval, *other))
      continue;
    if (offset + interval.bytes <= other->offset)
      break;
    offset = std::max(offset, int64_t(llvm::alignTo(other->offset + other->bytes, alignment)));
  }
  return offset;
}

int64_t cleave::analysis::packIntervals(llvm::MutableArrayRef<Interval> intervals) {
  llvm::SmallVector<Interval *> order;
  for (Interval &interval : intervals)
    order.push_back(&interval);
  // The order must not depend on more than the problem: ties by position.
  llvm::sort(order,
             [](Interval *a, Interval *b) { return a->bytes != b->bytes ? a->bytes > b->bytes : a < b; });
  llvm::SmallVector<const Interval *> placed;
  int64_t bytes = 0;
  for (Interval *interval : order) {
    interval->offset = firstFit(*interval, placed);
    bytes = std::max(bytes, interval->offset + interval->bytes);
    auto *where = llvm::upper_bound(
        placed, interval, [](const Interval *a, const Interval *b) { return a->offset < b->offset; });
    placed.insert(where, interval);
  }
  return bytes;
}

int64_t cleave::analysis::lowerBound(llvm::ArrayRef<Interval> intervals) {
  std::map<int64_t, int64_t> change;
  for (const Interval &interval : intervals) {
    change[interval.begin] += interval.bytes;
    change[interval.end + 1] -= interval.bytes;
  }
  int64_t now = 0, most = 0;
  for (auto [time, bytes] : change)
    most = std::max(most, now += bytes);
  return most;
}
