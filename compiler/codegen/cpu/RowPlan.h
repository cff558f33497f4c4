// How a kernel's rows are cut into units, and which dim the vectors run along.
#ifndef CLEAVE_COMPILER_CODEGEN_CPU_ROWPLAN_H
#define CLEAVE_COMPILER_CODEGEN_CPU_ROWPLAN_H

#include "compiler/codegen/common/Groups.h"

namespace cleave::codegen {

/// Lanes of a vector of f32 on AVX-512. Wider elements take several registers.
inline constexpr int64_t kLanes = 16;

/// A unit is what `begin` and `end` of a kernel count.
///
///   vectorRows = false: a unit is a row; each group runs its vectors along an inner dim of its own
///   (softmax). vectorRows = true:  a unit is a block of the last row dim, and each lane is a row
///   (element-wise kernels,
///                       sums over columns).
struct RowPlan {
  bool vectorRows = false;
  int64_t block = 1;                      // vectorRows: rows of the last row dim per unit
  int64_t unroll = 1;                     // vectorRows: vectors side by side
  int64_t jam = 1;                        // vectorRows: rows of the dim outside it that a unit takes at once
  llvm::SmallVector<int> vectorDim;       // otherwise, per group: inner dim, or -1 for scalar code
  llvm::SmallVector<int64_t> groupUnroll; // otherwise, per group: vectors side by side
  int64_t unitCount = 1;
  int64_t grain = 1;
};

/// Units per task: tasks of about 30 microseconds; where that makes few, shorter ones down to 8.
int64_t chooseGrain(int64_t units, double unitNanoseconds);

RowPlan planRows(const Kernel &kernel, llvm::ArrayRef<Group> groups);

} // namespace cleave::codegen

#endif
