// Element by element reductions of several buffers, in their order.
#ifndef CLEAVE_RUNTIME_COMM_REDUCE_H
#define CLEAVE_RUNTIME_COMM_REDUCE_H

#include "runtime/core/Program.h"

namespace cleave::rt {

// outs[k][i] = ins[0][i] op ins[1][i] op ... for all k and for i in [0, elements). bf16 and f16 are reduced
// in f32 and rounded once; max and min of a NaN is NaN; integers wrap round. An out may be an in. Where
// `streaming`, results go to memory past the caches.
void reduceBuffers(Type type, Reduction reduction, const void *const *ins, int64_t members, void *const *outs,
                   int64_t results, int64_t elements, bool streaming);

} // namespace cleave::rt

#endif
