// Arithmetic on mesh axes and their parts, with all sizes spelt out.
//
// "x" = 16 is {x, 1, 16}; its part "x":(2)4 is {x, 2, 4}: the digit (coordinate / 2) % 4 counted from the
// major end. A list of axes cuts a dim in as many blocks as the product of their sizes, major first.
#ifndef CLEAVE_DIALECTS_DIST_IR_AXES_H
#define CLEAVE_DIALECTS_DIST_IR_AXES_H

#include "dialects/dist/ir/Dist.h"

namespace cleave::dist {

struct Axis {
  unsigned mesh = 0; // position in the mesh's list
  int64_t pre = 1;   // product of the sizes of the parts before it
  int64_t size = 1;

  bool operator==(const Axis &other) const {
    return mesh == other.mesh && pre == other.pre && size == other.size;
  }
  bool operator!=(const Axis &other) const { return !(*this == other); }
  int64_t end() const { return pre * size; }
  // Whether this is the first part of `other`, or all of it.
  bool isPrefixOf(const Axis &other) const {
    return mesh == other.mesh && pre == other.pre && other.size % size == 0;
  }
};

using AxisList = llvm::SmallVector<Axis, 2>;
using AxisListRef = llvm::ArrayRef<Axis>;

// Two parts of one axis that share devices' coordinates, or that no one splitting of the axis has both of.
bool overlap(const Axis &a, const Axis &b);
bool overlaps(const Axis &axis, AxisListRef list);

// The largest first part of `axis` that overlaps with none of `list`; none where there is not even one.
std::optional<Axis> prefixWithout(const Axis &axis, AxisListRef list);

// Number of parts a dim is cut in.
int64_t sizeOf(AxisListRef list);

// How many ranks a group over these axes has, and how many parts a dim that they cut.
int64_t membersOf(MeshOp mesh, llvm::ArrayRef<AxisRefAttr> over);

// Appends, joining the last axis and the new one where they are neighbours: "x":(1)2, "x":(2)4 -> "x":(1)8.
void append(AxisList &list, Axis axis);

// Whether `a` is `b` or begins it, the last axis of `a` perhaps as a part of b's.
enum class Prefix { No, Strict, Equal };
Prefix prefixOf(AxisListRef a, AxisListRef b);

// A layout with its axes resolved against a mesh.
struct DimCut {
  AxisList axes;
  bool open = true;
  int64_t priority = 0;
};

struct PendingCut {
  model::Combiner combiner = model::Combiner::Sum;
  AxisList axes;
};

struct Cut {
  llvm::SmallVector<DimCut, 4> dims;
  AxisList replicated;
  llvm::SmallVector<PendingCut, 1> partials;

  bool uses(const Axis &axis) const; // over a dim
};

// What two layouts of one value say together, where they agree: along each dim one begins with what the other
// has, and is open to the rest; what is replicated for one is not cut for the other; the same is pending.
//   [{"a", ?}, {?}] and [{?}, {"b"}]: [{"a", ?}, {"b"}]        [{"a"}, {?}] and [{"a", "b"}, {?}]: none
std::optional<Cut> agreed(const Cut &a, const Cut &b);

// Between attributes and resolved axes. An axis that the mesh does not have, or a part that does not fit it,
// is an error given by `resolve`.
llvm::FailureOr<Axis> resolve(MeshOp mesh, AxisRefAttr axis,
                              llvm::function_ref<mlir::InFlightDiagnostic()> error);
llvm::FailureOr<AxisList> resolve(MeshOp mesh, llvm::ArrayRef<AxisRefAttr> axes,
                                  llvm::function_ref<mlir::InFlightDiagnostic()> error);
llvm::FailureOr<Cut> resolve(MeshOp mesh, LayoutAttr layout,
                             llvm::function_ref<mlir::InFlightDiagnostic()> error);
AxisRefAttr toAttr(MeshOp mesh, const Axis &axis);
DimAttr toAttr(MeshOp mesh, const DimCut &dim);
LayoutAttr toAttr(MeshOp mesh, const Cut &cut);

// "dp", "tp":(1)2: for messages.
std::string text(MeshOp mesh, AxisListRef list);

} // namespace cleave::dist

#endif
