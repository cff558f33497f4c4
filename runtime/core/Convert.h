// Copies of tensors with another order of axes and another element type.
#ifndef CLEAVE_RUNTIME_CORE_CONVERT_H
#define CLEAVE_RUNTIME_CORE_CONVERT_H

#include "runtime/core/Program.h"

namespace cleave::rt {

// One axis of a copy, in elements.
struct CopyDim {
  int64_t size = 1;
  int64_t to = 0;   // step in the destination
  int64_t from = 0; // step in the source
};

// Whether copyStrided converts between these: equal types, and one floating-point type to another.
bool isConvertible(Type from, Type to);

// to[sum of i_k * to_k] = from[sum of i_k * from_k] over all indices. Floats are rounded to nearest, ties to
// even. A transposition is done in blocks that fit the nearest cache. `from` need not be aligned.
void copyStrided(Type toType, void *to, Type fromType, const void *from, std::vector<CopyDim> dims);

} // namespace cleave::rt

#endif
