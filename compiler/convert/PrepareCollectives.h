// What collectives need before groups are formed around them.
#ifndef CLEAVE_COMPILER_CONVERT_PREPARECOLLECTIVES_H
#define CLEAVE_COMPILER_CONVERT_PREPARECOLLECTIVES_H

#include "mlir/IR/Block.h"

namespace cleave::convert {

// In a block and those within:
// - comm.only becomes index ops that ask which member they run on, which fuse with what is around them:
//
//     %p = comm.only sum %x over @m ["tp"]
//   ->
//     %i = comm.offset 4 block 1 over @m ["tp"]                (4 members)
//     %p = model.index (n: N = 8) ins(%x[n], %i[]) { yield %i == 0 ? %x : 0.0 }
//
// - an all_gather moves down to its first reader, since what it makes is larger than what it reads. The order
//   of collectives is then final: it depends on no size, so it is the same for every class of ranks.
void prepareCollectives(mlir::Block &block);

} // namespace cleave::convert

#endif
