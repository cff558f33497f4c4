// Runs the modules of the classes of ranks on all ranks at once, a thread each, with the collectives done
// plainly: the oracle for the partitioner and for what rewrites collectives.
#ifndef CLEAVE_TEST_UNIT_COMM_RANKS_H
#define CLEAVE_TEST_UNIT_COMM_RANKS_H

#include "dialects/comm/transforms/Shards.h"
#include "test/unit/model/Evaluate.h"

namespace cleave::test {

// Per rank: its module, and the arguments or results of the function.
using PerRank = std::vector<std::vector<Tensor>>;

PerRank evaluateRanks(llvm::ArrayRef<mlir::ModuleOp> modules, dist::MeshOp mesh, llvm::StringRef function,
                      PerRank arguments);

// A rank's block of a tensor; padding is NaN, or 77 in integers: it must never show.
Tensor blockOf(const Tensor &whole, mlir::RankedTensorType type, comm::LayoutAttr layout,
               const comm::Shards &rank);

// The largest difference between what the ranks hold and the blocks of `whole`, relative to its largest
// element; infinite where a block is missing.
double difference(const Tensor &whole, mlir::RankedTensorType type, comm::LayoutAttr layout,
                  llvm::ArrayRef<comm::Shards> ranks, llvm::ArrayRef<Tensor> blocks);

} // namespace cleave::test

#endif
