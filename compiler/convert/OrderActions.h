// The order of an entry's actions.
#ifndef CLEAVE_COMPILER_CONVERT_ORDERACTIONS_H
#define CLEAVE_COMPILER_CONVERT_ORDERACTIONS_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave::convert {

// Sorts the block's ops, and those of the regions within, under the constraints of analysis::ActionGraph. Of
// what may come next it takes what leaves the fewest bytes alive, ties in program order; what guards wait for
// goes first, so that a run that went wrong stops early.
//
//   %a = A; %b = B; %c = reduce %a; %d = reduce %b   ->   %a = A; %c = reduce %a; %b = B; %d = reduce %b
void orderActions(mlir::Block &block);

} // namespace cleave::convert

#endif
