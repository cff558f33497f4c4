// A plan's tactics, applied one after the other to the graph.
#ifndef CLEAVE_DIALECTS_DIST_TRANSFORMS_TACTICS_H
#define CLEAVE_DIALECTS_DIST_TRANSFORMS_TACTICS_H

#include "dialects/dist/transforms/ManualRegions.h"
#include "dialects/dist/transforms/Propagate.h"

namespace cleave::dist {

// Applies the first `count` tactics of `plan` (negative: all), propagating after each. Layouts and
// replication of named values hold from the start, for nothing else may decide on these, and spread in their
// turn, and so do the boundaries of manual regions. Storage comes last: it follows from what is computed
// where. Fails with one diagnostic where a tactic cannot be followed:
//   E920  a mesh axis that is not there, or used twice
//   E921  an axis that the parts do not divide, or that has fewer elements than parts
//   E922  two layouts stated for one value
//   E923  a selector that matches nothing, or a layout that does not fit what it matches
mlir::LogicalResult applyTactics(PlanOp plan, MeshOp mesh, Graph &graph, const PropagateOptions &options,
                                 llvm::ArrayRef<HeldBoundary> boundaries, int count);

// The cells that a tactic's selector names: patterns of paths, separated by ", ", `*` for any characters; all
// cells with a name where it is empty. Only those of its entry, where the tactic is about one.
llvm::SmallVector<unsigned> select(mlir::Operation *tactic, llvm::StringRef selector, const Graph &graph);

// Storage: states' layouts apart from where they are computed.
class Storage {
public:
  Storage(MeshOp mesh, Graph &graph, const PropagateOptions &options);

  // Cuts what a tactic names further, in the dim with the most elements that divide; then everything that is
  // computed element by element from or to it.
  mlir::LogicalResult store(StoreOp op, int tactic);
  // Puts a conversion to the layout for computing before whatever reads a stored tensor along with others.
  void convertReads();

private:
  void cut(unsigned cell, AxisListRef axes, unsigned stacked, int tactic);
  llvm::SmallVector<std::pair<unsigned, unsigned>> gradients(mlir::Operation *tactic,
                                                             llvm::StringRef selector);

  MeshOp mesh;
  Graph &graph;
  PropagateOptions options;
};

// Whether a state lies otherwise than it is computed with. What an optimiser keeps is only ever updated, in
// the parts it lies in.
bool isStoredApart(const Cell &cell);

} // namespace cleave::dist

#endif
