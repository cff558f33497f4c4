// A kernel on a part of its rows.
#ifndef CLEAVE_COMPILER_SCHEDULE_CUTKERNEL_H
#define CLEAVE_COMPILER_SCHEDULE_CUTKERNEL_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave::schedule {

// How the arguments and results of a kernel depend on its first row dim. Rows come first in every result; an
// argument is cut with them where it has them first, and is whole where it has them not at all.
struct RowCut {
  int64_t rows = 0;                  // of the whole
  llvm::SmallVector<bool> arguments; // by argument: whether it is cut
};

// None where an argument has the rows elsewhere, or an op asks which row it computes.
std::optional<RowCut> rowCutOf(mlir::func::FuncOp kernel);

// The kernel of one of `parts` equal runs of rows, beside it; the same one for the same kernel and number.
mlir::func::FuncOp cutKernel(mlir::func::FuncOp kernel, const RowCut &cut, int64_t parts,
                             mlir::SymbolTable &symbols);

} // namespace cleave::schedule

#endif
