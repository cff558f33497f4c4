// Products whose large result is read by rows and reduced again: attention, its gradients, and whatever has
// that form. Fused, the result never lies in memory whole.
//
//   score[b, h, s, t] = sum(d) q[b, h, s, d] * k[b, h, t, d]
//   e[b, h, s, t]     = exp(score[b, h, s, t])
//   y[b, h, s, d]     = sum(t) e[b, h, s, t] * v[b, h, t, d]
//   w[b, h, t]        = sum(s) e[b, h, s, t]
//   -> two chains, each with a score and an e of its own: {score, e, y} by rows (b, h, s), {score, e, w} by
//   rows
//      (b, h, t)
#ifndef CLEAVE_COMPILER_ANALYSIS_CHAINS_H
#define CLEAVE_COMPILER_ANALYSIS_CHAINS_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave::analysis {

// Ops that become one kernel, in program order. An op may stand in several chains: each computes it for
// itself.
struct Chain {
  llvm::SmallVector<model::IndexOp> ops;
  llvm::SmallVector<llvm::SmallVector<int64_t>> rowDims; // per op: its dims that are the rows, in one order
};

// The chains around one value that none of them keeps.
using ChainFamily = llvm::SmallVector<Chain>;

// Families of a block (nested regions excluded) that pay, none of which share an op.
std::vector<ChainFamily> findChains(mlir::Block &block);

} // namespace cleave::analysis

#endif
