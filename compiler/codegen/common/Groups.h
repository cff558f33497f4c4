// Stages that share one loop nest. Softmax over a row is three loops, not four: the exponentials and their
// sum run together, and the exponential reaches the sum in a register.
#ifndef CLEAVE_COMPILER_CODEGEN_COMMON_GROUPS_H
#define CLEAVE_COMPILER_CODEGEN_COMMON_GROUPS_H

#include "compiler/codegen/common/Kernel.h"

namespace cleave::codegen {

/// A stage in a group, its inner dims renamed to the group's.
struct Member {
  const Stage *stage = nullptr;
  llvm::SmallVector<unsigned> groupDim; // per inner dim of the stage
};

/// One loop nest over `sizes` that runs all its members point by point. Members that reduce all reduce the
/// same dims; a member reads another's value only at the same point.
struct Group {
  llvm::SmallVector<int64_t> sizes;
  llvm::SmallVector<bool> reduced;
  llvm::SmallVector<Member> members;

  bool contains(const Stage *stage) const;
  bool reducesAny() const { return llvm::is_contained(reduced, true); }
};

/// The group dim that walks each axis of a tensor that a member reads or writes by `map`; ~0u for rows and
/// constants.
llvm::SmallVector<unsigned> axisDims(const Member &member, mlir::AffineMap map);

/// Cuts the stages of a kernel into groups, in an order that respects what each reads. A stage joins the
/// earliest group it fits.
llvm::SmallVector<Group> groupStages(const Kernel &kernel);

} // namespace cleave::codegen

#endif
