#include "compiler/analysis/Packing.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

#include <map>

using namespace cleave::analysis;

int64_t cleave::analysis::alignmentOf(int64_t bytes) { return bytes > (1 << 20) ? 4096 : 64; }

// Stays where the next sum cannot overflow, also after rounding up.
static int64_t saturated(int64_t a, int64_t b) {
  constexpr int64_t kUncountable = INT64_MAX - 4095;
  int64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? kUncountable : std::min(sum, kUncountable);
}

static bool meet(const Interval &a, const Interval &b) { return a.begin <= b.end && b.begin <= a.end; }

// The lowest aligned offset where `interval` touches none of `placed`, which are sorted by offset.
static int64_t firstFit(const Interval &interval, llvm::ArrayRef<const Interval *> placed) {
  int64_t alignment = alignmentOf(interval.bytes), offset = 0;
  for (const Interval *other : placed) {
    if (!meet(interval, *other))
      continue;
    if (saturated(offset, interval.bytes) <= other->offset)
      break;
    int64_t end = saturated(other->offset, other->bytes);
    offset = std::max(offset, static_cast<int64_t>(llvm::alignTo(end, alignment)));
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
    bytes = std::max(bytes, saturated(interval->offset, interval->bytes));
    auto *where = llvm::upper_bound(
        placed, interval, [](const Interval *a, const Interval *b) { return a->offset < b->offset; });
    placed.insert(where, interval);
  }
  return bytes;
}

int64_t cleave::analysis::lowerBound(llvm::ArrayRef<Interval> intervals) {
  using Wide = __int128;
  std::map<int64_t, Wide> change;
  for (const Interval &interval : intervals) {
    change[interval.begin] += interval.bytes;
    change[interval.end + 1] -= interval.bytes;
  }
  Wide now = 0, most = 0;
  for (auto [time, bytes] : change)
    most = std::max(most, now += bytes);
  return static_cast<int64_t>(std::min<Wide>(most, INT64_MAX));
}
