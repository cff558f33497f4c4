// Manual regions, as propagation sees them: `dist.manual` and the functions that it runs.
#ifndef CLEAVE_DIALECTS_DIST_TRANSFORMS_MANUALREGIONS_H
#define CLEAVE_DIALECTS_DIST_TRANSFORMS_MANUALREGIONS_H

#include "dialects/dist/transforms/Graph.h"

namespace cleave::dist {

// A layout at the boundary as propagation may extend it: open behind the manual axes, and replicated over
// those that it does not have.
LayoutAttr openBoundary(ManualOp op, LayoutAttr layout);

// Every operand of a region is read through a `dist.constrain` to its layout. Fails, with the reason given,
// where a collective stands outside of a region or is over an axis that is not manual, and where a region
// stands in another.
mlir::LogicalResult prepareManualRegions(mlir::ModuleOp module);

// Nothing in a region's functions is cut over its manual axes.
void barManualAxes(mlir::ModuleOp module, Graph &graph);

// The cells at boundaries whose layouts spread in the turn of a tactic: until then they are closed, and cut
// over nothing.
struct HeldBoundary {
  unsigned cell;
  Cut cut;
  llvm::StringRef tactic;
};
std::vector<HeldBoundary> holdBoundaries(PlanOp plan, Graph &graph);
void releaseBoundaries(llvm::ArrayRef<HeldBoundary> held, RegionOp op, Graph &graph, int tactic);

// How the value at the boundary and the body's block of it are cut together: a dim that manual axes cut is a
// number of the rank, which nothing spreads along, and what the body has.
void boundaryFactors(LayoutAttr layout, mlir::RankedTensorType whole, MeshOp mesh, FactorMap &map,
                     TensorFactors &outside, TensorFactors &inside);

} // namespace cleave::dist

#endif
