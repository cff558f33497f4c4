// Which ops of a block become one kernel.
#ifndef CLEAVE_COMPILER_ANALYSIS_GROUPING_H
#define CLEAVE_COMPILER_ANALYSIS_GROUPING_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave::analysis {

// What decides how a group's code is cut and how it may grow.
enum class GroupKind {
  Product, // a contraction, and what is computed at each of its points (see Epilogues.h)
  Rows,    // element-wise ops and reductions of inner dims, over common row dims
  Columns, // reductions of outer dims: grow only sideways, over the same iteration space
  Whole,   // scatter, argsort: alone
};

// On the ops of a chain (see Chains.h), which are one group from the start: its number, and the dims that are
// rows.
inline constexpr llvm::StringLiteral kChainAttr = "chain";
inline constexpr llvm::StringLiteral kChainRowsAttr = "chain_rows";

// Ops that run as one kernel, in program order. rowDims[i] are the dims of ops[i] that are the row dims, in
// the order of `rows`, their sizes. Values passed between the ops are read by identity along the row dims.
struct Group {
  GroupKind kind = GroupKind::Rows;
  llvm::SmallVector<mlir::Operation *> ops;
  llvm::SmallVector<int64_t> rows;
  llvm::SmallVector<llvm::SmallVector<int64_t>> rowDims;
};

// "product", "rows", "columns", "whole".
llvm::StringRef nameOf(GroupKind kind);

// Whether an op is computed by a kernel: model.index, gather, scatter, argsort.
bool isComputed(mlir::Operation *op);

// Sum of a * b (casts aside) over more than a few points, where each factor has a parallel dim that the other
// lacks.
bool isProduct(model::IndexOp op);

// The groups of a block's computed ops (nested regions excluded), in an order that respects their values.
std::vector<Group> groupBlock(mlir::Block &block);

} // namespace cleave::analysis

#endif
