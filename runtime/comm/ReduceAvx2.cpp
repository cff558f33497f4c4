// Vectors of 256 bits, and halves converted by the processor.
#include "runtime/comm/ReduceLoops.h"

void cleave::rt::reduceAvx2(Type type, Reduction reduction, const ReduceJob &job) {
  reduceAny(type, reduction, job);
}
