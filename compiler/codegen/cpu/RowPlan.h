// How a kernel's rows are cut into units, and which dim the vectors run along.
#ifndef CLEAVE_COMPILER_CODEGEN_CPU_ROWPLAN_H
#define CLEAVE_COMPILER_CODEGEN_CPU_ROWPLAN_H

#include "compiler/codegen/common/Groups.h"

#include <numeric>

namespace cleave::codegen {

/// Lanes of a vector of f32 on AVX-512. Wider elements take several registers.
inline constexpr int64_t kLanes = 16;
/// Of vectors that cover a short dim whole.
inline constexpr int64_t kFewestLanes = 4;

/// A unit is what `begin` and `end` of a kernel count.
///
///   vectorRows = false: a unit is a row; each group runs its vectors along an inner dim of its own
///   (softmax). vectorRows = true:  a unit is a block of the last row dim, and each lane is a row
///   (element-wise kernels,
///                       sums over columns).
struct RowPlan {
  bool vectorRows = false;
  int64_t block = 1;                      // vectorRows: rows of the last row dim per unit
  int64_t lanes = kLanes;                 // vectorRows: of a vector; fewer where the last row dim is short
  int64_t unroll = 1;                     // vectorRows: vectors side by side
  llvm::SmallVector<int64_t> jam;         // vectorRows: per row dim, indices that a unit takes at once
  llvm::SmallVector<int> vectorDim;       // otherwise, per group: inner dim, or -1 for scalar code
  llvm::SmallVector<int64_t> groupUnroll; // otherwise, per group: vectors side by side
  llvm::SmallVector<int64_t> groupLanes;  // likewise: lanes of a vector
  llvm::SmallVector<int> tileDim; // vectorRows, per group: inner dim whose points are taken several at once
  llvm::SmallVector<int64_t> tileSize; // likewise: how many; 1 where there is no such dim
  int64_t unitCount = 1;
  int64_t grain = 1;

  /// Rows of lanes that a unit takes at once.
  int64_t jammed() const { return std::accumulate(jam.begin(), jam.end(), int64_t{1}, std::multiplies<>()); }
};

/// Units per task: tasks of about 30 microseconds; where that makes few, shorter ones down to 3.
int64_t chooseGrain(int64_t units, double unitNanoseconds);

RowPlan planRows(const Kernel &kernel, llvm::ArrayRef<Group> groups);

} // namespace cleave::codegen

#endif
