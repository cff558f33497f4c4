// Element-wise producers melt into their readers before groups are formed.
#ifndef CLEAVE_COMPILER_CONVERT_FUSEPRODUCERS_H
#define CLEAVE_COMPILER_CONVERT_FUSEPRODUCERS_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave::convert {

// Moves the body of an element-wise model.index into its reader, a model.index of the same block,
// - when the reader is the only one and runs over the same points, each once, and is no plain product; or
// - whatever the readers, when the producer reads nothing and is cheap (a splat, an iota).
//
//   %0 = index (b: B = 8) ins(%x[b]) { exp %a };  %1 = index () sum (b: B = 8) ins(%0[b]) { %a }
//   ->  %1 = index () sum (b: B = 8) ins(%x[b]) { exp %a }
//
// Inputs that are read alike become one. What nothing reads any more goes.
void fuseProducers(mlir::Block &block);

} // namespace cleave::convert

#endif
