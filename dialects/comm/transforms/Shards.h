// The ranks of a mesh and what each holds of a tensor in a layout.
//
// A dim that its mesh axes do not divide is padded or cut in uneven blocks, as the plan says for the axis
// (`dist.remainder`). Padded: the whole is taken as `padded(extent)`, which everything that cuts a dim of
// this size divides, so that blocks nest in any order. Uneven: blocksOf.
#ifndef CLEAVE_DIALECTS_COMM_TRANSFORMS_SHARDS_H
#define CLEAVE_DIALECTS_COMM_TRANSFORMS_SHARDS_H

#include "dialects/comm/ir/Comm.h"

#include "llvm/ADT/MapVector.h"

namespace cleave::comm {

using dist::AxisRefAttr;
using dist::LayoutAttr;
using AxisList = llvm::SmallVector<AxisRefAttr, 2>;

// The mesh axes of each dim.
llvm::SmallVector<AxisList> axesPerDim(LayoutAttr layout);
// Neighbouring parts of a mesh axis become one. In uneven blocks that matters: 4 parts of 6 are 2, 2, 1, 1; 2
// of 2 are 2, 1, 2, 1.
AxisList joined(dist::MeshOp mesh, llvm::ArrayRef<AxisRefAttr> axes);
// Closed, joined, without priorities and replicated axes: layouts that place alike are equal.
LayoutAttr placement(dist::MeshOp mesh, LayoutAttr layout);
LayoutAttr makeLayout(mlir::FlatSymbolRefAttr mesh, llvm::ArrayRef<AxisList> dims,
                      llvm::ArrayRef<dist::PartialAttr> partials = {});
LayoutAttr withPartials(LayoutAttr layout, llvm::ArrayRef<dist::PartialAttr> partials);
mlir::ArrayAttr overOf(mlir::MLIRContext *context, llvm::ArrayRef<AxisRefAttr> axes);

class Shards {
public:
  // Reads sizes and remainder policies of everything that the module's layouts cut. Fails, with a diagnostic,
  // where an axis is not divided and its policy is error, or has fewer elements than blocks and is to be
  // uneven.
  static mlir::FailureOr<Shards> create(mlir::ModuleOp module, dist::MeshOp mesh,
                                        llvm::ArrayRef<int64_t> coordinates);

  dist::MeshOp getMesh() const { return mesh; }
  mlir::FlatSymbolRefAttr getMeshName() const;
  int64_t sizeOf(AxisRefAttr axis) const { return dist::MeshOp(mesh).sizeOf(axis); }
  int64_t members(llvm::ArrayRef<AxisRefAttr> axes) const;
  // The sizes in front of an axis or part and up to its end: of `"x":(2)4`, 2 and 8.
  std::pair<int64_t, int64_t> reach(AxisRefAttr axis) const;
  // Whether they have a part in common.
  bool overlap(AxisRefAttr a, AxisRefAttr b) const;
  // This rank's number among the members along these axes.
  int64_t member(llvm::ArrayRef<AxisRefAttr> axes) const;

  // The whole of a dim of this size where it is cut: more than `extent` where it is padded.
  int64_t padded(int64_t extent) const;
  // Elements of a dim that this rank holds.
  int64_t local(int64_t extent, llvm::ArrayRef<AxisRefAttr> axes) const;
  // Elements of the largest block: the same on all ranks.
  int64_t most(int64_t extent, llvm::ArrayRef<AxisRefAttr> axes) const;
  // Elements of every member's block, in the order of their numbers.
  llvm::SmallVector<int64_t> blocks(int64_t extent, llvm::ArrayRef<AxisRefAttr> axes) const;
  // Whether all blocks are equal (with padding, where there is any).
  bool isEven(int64_t extent, llvm::ArrayRef<AxisRefAttr> axes) const;
  bool isPadded(int64_t extent, llvm::ArrayRef<AxisRefAttr> axes) const {
    return !axes.empty() && padded(extent) != extent;
  }
  mlir::RankedTensorType localType(mlir::RankedTensorType whole, LayoutAttr layout) const;

  // Ranks with equal blocks of everything: each class in ascending order, classes by their first rank.
  llvm::SmallVector<llvm::SmallVector<int64_t>> classes() const;

private:
  dist::MeshOp mesh;
  llvm::SmallVector<int64_t> coordinates;
  llvm::DenseMap<int64_t, int64_t> paddedExtents;
  // Cuts that give uneven blocks.
  llvm::SetVector<std::pair<int64_t, mlir::ArrayAttr>> uneven;
};

// The mesh that the module's plan is on, or null.
dist::MeshOp meshOf(mlir::ModuleOp module);
// The coordinates of a rank, row-major.
llvm::SmallVector<int64_t> coordinatesOf(dist::MeshOp mesh, int64_t rank);

// Groups of ranks that run one program: equal local shapes everywhere. For a module with layouts.
mlir::FailureOr<llvm::SmallVector<llvm::SmallVector<int64_t>>> rankClasses(mlir::ModuleOp module);

} // namespace cleave::comm

#endif
