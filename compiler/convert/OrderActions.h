// The order of an entry's actions.
#ifndef CLEAVE_COMPILER_CONVERT_ORDERACTIONS_H
#define CLEAVE_COMPILER_CONVERT_ORDERACTIONS_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave::convert {

// Sorts the block's ops, and those of the regions within, under the constraints of analysis::ActionGraph, so
// that few bytes are alive at once. What guards wait for goes first: a run that went wrong stops early.
//
//   %a = A; %b = B; %c = reduce %a; %d = reduce %b   ->   %a = A; %c = reduce %a; %b = B; %d = reduce %b
//
// Two greedy lists are made, one from the front (of what may come next, what leaves the fewest bytes alive)
// and one from the back (what is needed last is computed last, just before its readers), and the one with the
// lower peak is taken. Ties keep the program's order.
void orderActions(mlir::Block &block);

} // namespace cleave::convert

#endif
