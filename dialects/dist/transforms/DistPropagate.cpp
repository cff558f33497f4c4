// --dist-propagate: every value gets a layout, every op the mesh axes its dims are computed over.
//
//   %y = model.index (b: Batch = 8) sum (h: Hidden = 32) ...
//   ->  the same with dist.layouts = [#dist.layout<@m, [{"dp", ?}]>], dist.factors = [{"dp"}, {"tp"}]
//
// Before: no model.call. After: every value has a layout. It stands behind the grad stage, before
// partitioning.
#include "dialects/dist/transforms/ChooseFactors.h"
#include "dialects/dist/transforms/KeepGathered.h"
#include "dialects/dist/transforms/ManualRegions.h"
#include "dialects/dist/transforms/Origins.h"
#include "dialects/dist/transforms/Passes.h"
#include "dialects/dist/transforms/Tactics.h"

namespace cleave::dist {
#define GEN_PASS_DEF_DISTPROPAGATE
#include "dialects/dist/transforms/Passes.h.inc"
} // namespace cleave::dist

using namespace mlir;
using namespace cleave::dist;

namespace {
struct DistPropagate : cleave::dist::impl::DistPropagateBase<DistPropagate> {
  using DistPropagateBase::DistPropagateBase;

  void runOnOperation() override {
    Graph graph;
    PlanOp chosen;
    if (failed(findPlan(chosen)))
      return signalPassFailure();
    unshareBodies(getOperation(), /*erase=*/static_cast<bool>(chosen));
    splitConstants(getOperation());
    if (failed(prepareManualRegions(getOperation())) || failed(buildGraph(getOperation(), graph)))
      return signalPassFailure();
    std::vector<HeldBoundary> held;
    if (chosen)
      held = holdBoundaries(chosen, graph);
    PropagateOptions options;
    options.strategy = strategy == "basic" ? Strategy::Basic : Strategy::Aggressive;
    options.opPriorities = opPriorities;
    propagate(graph, options, /*tactic=*/-1);
    if (chosen) {
      auto mesh = SymbolTable::lookupNearestSymbolFrom<MeshOp>(chosen, chosen.getMeshAttr());
      if (!mesh) {
        chosen.emitError() << "is on a mesh that is not declared: " << chosen.getMesh();
        return signalPassFailure();
      }
      if (failed(applyTactics(chosen, mesh, graph, options, held, stopAfter)))
        return signalPassFailure();
    }
    keepGathered(getOperation(), graph);
    writeLayouts(graph);
    if (chosen)
      writeOrigins(graph);
    chooseFactors(graph);
    if (report)
      reportConflicts(graph, chosen);
    getOperation().walk([](GroupOp group) { group.erase(); }); // layouts say it now
  }

private:
  LogicalResult findPlan(PlanOp &chosen);
  void writeLayouts(const Graph &graph);
};
} // namespace

LogicalResult DistPropagate::findPlan(PlanOp &chosen) {
  auto plans = llvm::to_vector(getOperation().getOps<PlanOp>());
  for (PlanOp candidate : plans)
    if (plan.empty() ? plans.size() == 1 : candidate.getSymName() == plan)
      chosen = candidate;
  if (!chosen && !(plan.empty() && plans.empty()))
    return getOperation().emitError()
           << (plan.empty() ? "has several plans, and none is chosen" : "has no plan '" + plan + "'");
  return success();
}

void DistPropagate::writeLayouts(const Graph &graph) {
  // Values that nothing reached are whole, on the mesh that the module has.
  MeshOp only;
  for (MeshOp mesh : getOperation().getOps<MeshOp>())
    only = only ? only : mesh;
  for (const Cell &cell : graph.cells)
    if (MeshOp mesh = cell.mesh ? cell.mesh : only)
      for (const Slot &slot : cell.slots)
        slot.setAttr(kLayoutAttr, kLayoutsAttr, toAttr(mesh, cell.cut));
  for (const Cell &cell : graph.cells)
    if (isStoredApart(cell))
      for (const Slot &slot : cell.slots)
        slot.setAttr(kComputedAttr, "", toAttr(cell.mesh, *cell.computed));
}
