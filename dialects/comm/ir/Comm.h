// The comm dialect: collectives on local tensors. See ../README.md for its decisions.
//
// A module behind the `comm` stage is one class of ranks: shapes are local. Its functions keep, beside each
// argument and result of an entry, `comm.global` (the type with the global shape) and `dist.layout`.
#ifndef CLEAVE_DIALECTS_COMM_IR_COMM_H
#define CLEAVE_DIALECTS_COMM_IR_COMM_H

#include "dialects/dist/ir/Dist.h"
#include "dialects/pipe/ir/Pipe.h"

#include "dialects/comm/ir/CommDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/comm/ir/CommAttributes.h.inc"
#define GET_OP_CLASSES
#include "dialects/comm/ir/CommOps.h.inc"

namespace cleave::comm {

// On arguments and results of entries and on states (model.state): the type with the global shape.
// `dist.layout` beside it says which block of it the local one is.
inline constexpr llvm::StringLiteral kGlobalAttr = "comm.global";
// Beside them, where dims are padded: per dim the size of every rank's block, 0 where it is not padded (a
// DenseI64ArrayAttr).
inline constexpr llvm::StringLiteral kPaddedAttr = "comm.padded";
// On the module: coordinates of a rank of the class it is for (a DenseI64ArrayAttr, one per mesh axis).
inline constexpr llvm::StringLiteral kRankAttr = "comm.rank";

// On a call: it is a manual region, of which no more is known than its boundary: `over` (the manual axes),
// `in` and `out` (layouts of operands and results, over all axes), `types` (global ones of the results). On
// the functions that it runs: a #comm.reason for what they ask for.
inline constexpr llvm::StringLiteral kManualAttr = "comm.manual";
// On what is `async` or `ahead`, at the sched stage: how many of its seconds other work covers, by the cost
// model (an f64).
inline constexpr llvm::StringLiteral kHiddenAttr = "comm.hidden";

// On a sum of several values in one message, at the sched stage: of each a dictionary of its `reason`, `type`
// and `loc`.
inline constexpr llvm::StringLiteral kMembersAttr = "comm.members";

// Whether a collective is begun where it stands, and ended elsewhere.
bool isAsync(mlir::Operation *op);
// Whether it is begun one turn of its loop ahead.
bool isAhead(mlir::Operation *op);
// What ends an async collective, where it stands: its wait, or that of the stack its loop makes of it.
// Null where there is none.
mlir::Operation *waitOf(mlir::Operation *begun);
// What a wait ends. Null for what is not legal.
mlir::Operation *begunBy(mlir::Operation *wait);

// Whether the blocks are pieces of the whole's memory one after the other, alike on every rank.
bool isOnePiece(SliceOp slice);
bool isOnePiece(AllGatherOp gather);

// The sizes of the blocks that `parts` (sizes of mesh axes, major first) cut `extent` into, in the order of
// members: each part cuts what those before left into blocks that differ by at most one, the larger ones
// first.
llvm::SmallVector<int64_t> blocksOf(int64_t extent, llvm::ArrayRef<int64_t> parts);

} // namespace cleave::comm

#endif
