#include "runtime/comm/ReduceLoops.h"

void cleave::rt::reduceBaseline(Type type, Reduction reduction, const ReduceJob &job) {
  reduceAny(type, reduction, job);
}
