// Chains of products get ops of their own before groups are formed.
#ifndef CLEAVE_COMPILER_CONVERT_SPLITCHAINS_H
#define CLEAVE_COMPILER_CONVERT_SPLITCHAINS_H

#include "mlir/IR/Block.h"

namespace cleave::convert {

// For each chain that `analysis::findChains` finds: copies of what it shares with other chains, and on each
// of its ops `chain` (a number) and `chain_rows` (the dims that are the chain's rows), which
// `analysis::groupBlock` reads.
//
//   %s = product; %e = exp %s; %y = sum(t) %e * v; %w = sum(s) %e * u
//   -> %s0 {chain = 0}; %e0 {chain = 0}; %y {chain = 0}; %s1 {chain = 1}; %e1 {chain = 1}; %w {chain = 1}
//
// Computing a value again costs less than its way through memory. Nested blocks are treated likewise.
void splitChains(mlir::Block &block);

} // namespace cleave::convert

#endif
