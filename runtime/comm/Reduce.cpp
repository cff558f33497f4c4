#include "runtime/comm/Reduce.h"

#include "runtime/comm/ReduceLoops.h"

#include <atomic>

namespace cleave::rt {

void reduceBuffers(Type type, Reduction reduction, const void *const *ins, int64_t members, void *const *outs,
                   int64_t results, int64_t elements, bool streaming) {
  static const bool kWide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
  (kWide ? reduceAvx2 : reduceBaseline)(type, reduction, {ins, members, outs, results, elements, streaming});
  if (streaming)
    std::atomic_thread_fence(std::memory_order_seq_cst); // what went past the caches counts as written
}

} // namespace cleave::rt
