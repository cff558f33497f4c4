// What this machine can do at most, measured: arithmetic, and bytes per second from each level of memory.
#ifndef CLEAVE_RUNTIME_DEVICE_CPU_ROOFLINE_H
#define CLEAVE_RUNTIME_DEVICE_CPU_ROOFLINE_H

#include "runtime/core/Program.h"

#include <string>
#include <vector>

namespace cleave::rt {

class ThreadPool;

// The roofline of one number of threads. Rates count all threads together.
// Source: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model", CACM 2009.
struct Roofline {
  struct Level {
    std::string name;         // "L2", "L3", "memory"
    int64_t bytes = 0;        // what the threads can hold there; 0 for memory
    double readPerSecond = 0; // bytes, of a sum
    double copyPerSecond = 0; // bytes read and bytes written, of a copy
  };
  int threads = 1;
  double f32 = 0, f64 = 0, bf16 = 0; // operations per second
  std::vector<Level> levels;         // nearest first, memory last

  // Operations per second on factors of that type. f16 is computed in f32.
  double flopsPerSecond(Type type) const;
  // Seconds that `bytes` of a level take at least, `written` of them written.
  double secondsFor(size_t level, double bytes, double written) const;
};

// Takes about 0.2 s; while it runs, eight times the last cache's size of memory, 64 to 512 MiB.
Roofline measureRoofline(ThreadPool &pool);

} // namespace cleave::rt

#endif
