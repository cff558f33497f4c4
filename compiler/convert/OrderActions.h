// The order of an entry's actions.
#ifndef CLEAVE_COMPILER_CONVERT_ORDERACTIONS_H
#define CLEAVE_COMPILER_CONVERT_ORDERACTIONS_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave::convert {

// Sorts the block's ops, and those of the regions within: values before their readers, prints, asserts and
// guards in program order, new values of a state after the readers of the old one and after the guards.
void orderActions(mlir::Block &block);

} // namespace cleave::convert

#endif
