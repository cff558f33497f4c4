#include "dialects/dist/transforms/ManualRegions.h"

#include "dialects/model/transforms/CallOrder.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

LayoutAttr cleave::dist::openBoundary(ManualOp op, LayoutAttr layout) {
  MLIRContext *context = op.getContext();
  SmallVector<AxisRefAttr> rest = axesOf(op.getOver());
  SmallVector<DimAttr> dims;
  for (DimAttr dim : layout.getDims()) {
    dims.push_back(DimAttr::get(context, dim.getAxes(), /*open=*/true, 0));
    llvm::erase_if(rest, [&](AxisRefAttr axis) { return llvm::is_contained(dim.getAxes(), axis); });
  }
  return LayoutAttr::get(context, layout.getMesh(), dims, rest, {});
}

// The functions that run when a region does.
static SmallVector<func::FuncOp> functionsOf(ManualOp op, SymbolTable &symbols) {
  SmallVector<func::FuncOp> found = model::calleesOf(op, symbols);
  for (unsigned i = 0; i != found.size(); ++i)
    found[i].walk([&](Operation *inner) {
      for (func::FuncOp callee : model::calleesOf(inner, symbols))
        if (!llvm::is_contained(found, callee))
          found.push_back(callee);
    });
  return found;
}

static LogicalResult checkInside(ManualOp region, Operation *op) {
  if (isa<ManualOp>(op))
    return op->emitOpError("stands in no other manual region, got one in @") << region.getBody();
  ArrayAttr over;
  if (auto collective = dyn_cast<CollectiveOp>(op))
    over = collective.getOver();
  else if (auto rank = dyn_cast<RankOp>(op))
    over = rank.getOver();
  else
    return success();
  for (Attribute axis : over)
    if (!llvm::is_contained(region.getOver(), axis))
      return op->emitOpError("is over manual axes of its region, ") << region.getOver() << ", got: " << axis;
  return success();
}

LogicalResult cleave::dist::prepareManualRegions(ModuleOp module) {
  SymbolTable symbols(module);
  DenseSet<Operation *> inside;
  SmallVector<ManualOp> regions;
  module.walk([&](ManualOp op) { regions.push_back(op); });
  for (ManualOp op : regions)
    for (func::FuncOp function : functionsOf(op, symbols)) {
      inside.insert(function);
      auto check = [&](Operation *inner) {
        return failed(checkInside(op, inner)) ? WalkResult::interrupt() : WalkResult::advance();
      };
      if (function.walk(check).wasInterrupted())
        return failure();
    }
  auto outside = [&](Operation *op) {
    if (!isa<CollectiveOp, RankOp>(op) || inside.contains(op->getParentOfType<func::FuncOp>()))
      return WalkResult::advance();
    op->emitOpError("stands in a manual region, got one outside");
    return WalkResult::interrupt();
  };
  if (module.walk(outside).wasInterrupted())
    return failure();
  for (ManualOp op : regions) {
    OpBuilder builder(op);
    for (auto [operand, layout] : llvm::zip(op.getInputsMutable(), op.getInLayouts()))
      operand.set(ConstrainOp::create(builder, op.getLoc(), operand.get(),
                                      openBoundary(op, cast<LayoutAttr>(layout))));
  }
  return success();
}

void cleave::dist::barManualAxes(ModuleOp module, Graph &graph) {
  SymbolTable symbols(module);
  DenseMap<Operation *, ManualOp> regionOf;
  module.walk([&](ManualOp op) {
    for (func::FuncOp function : functionsOf(op, symbols))
      regionOf[function] = op;
  });
  if (regionOf.empty())
    return;
  for (Cell &cell : graph.cells) {
    ManualOp region = regionOf.lookup(cell.slots.front().parent());
    if (!region)
      continue;
    auto mesh = symbols.lookup<MeshOp>(region.getMesh());
    cell.mesh = mesh;
    for (AxisRefAttr axis : axesOf(region.getOver()))
      cell.cut.replicated.push_back({*mesh.find(axis.getName().getValue()), 1, mesh.sizeOf(axis)});
  }
}

std::vector<HeldBoundary> cleave::dist::holdBoundaries(PlanOp plan, Graph &graph) {
  DenseSet<Attribute> turns;
  for (RegionOp op : plan.getBody().getOps<RegionOp>())
    turns.insert(op.getTextAttr());
  std::vector<HeldBoundary> held;
  plan->getParentOfType<ModuleOp>().walk([&](ManualOp op) {
    auto tactic = op->getAttrOfType<StringAttr>(kTacticAttr);
    if (!tactic || !turns.contains(tactic))
      return;
    for (Value value :
         llvm::concat<Value>(llvm::to_vector(op->getOperands()), llvm::to_vector(op->getResults()))) {
      Cell &cell = graph.cells[graph.cell(value)];
      held.push_back({graph.cell(value), cell.cut, tactic.getValue()});
      for (DimCut &dim : cell.cut.dims) {
        llvm::append_range(cell.reserved, dim.axes);
        dim = {{}, /*open=*/false, 0};
      }
      cell.origins.clear();
    }
  });
  return held;
}

void cleave::dist::releaseBoundaries(ArrayRef<HeldBoundary> held, RegionOp op, Graph &graph, int tactic) {
  for (const HeldBoundary &boundary : held) {
    if (boundary.tactic != op.getText())
      continue;
    Cell &cell = graph.cells[boundary.cell];
    cell.cut.dims = boundary.cut.dims;
    cell.reserved.clear();
    for (const DimCut &dim : cell.cut.dims)
      for (const Axis &axis : dim.axes)
        cell.origins.push_back({axis, tactic, -1});
  }
}

void cleave::dist::boundaryFactors(LayoutAttr layout, RankedTensorType whole, MeshOp mesh, FactorMap &map,
                                   TensorFactors &outside, TensorFactors &inside) {
  for (auto [number, dim] : llvm::enumerate(layout.getDims())) {
    auto position = static_cast<unsigned>(number);
    int64_t parts = membersOf(mesh, dim.getAxes()), size = whole.getDimSize(position);
    DimFactors both{Read::Plain, {}};
    if (parts != 1) {
      both.factors.push_back(map.factors.size());
      map.factors.push_back({parts, FactorKind::Blocked, position});
    }
    unsigned block = map.factors.size();
    both.factors.push_back(block);
    map.factors.push_back({size / parts, FactorKind::Parallel, position});
    map.dims.push_back(size);
    outside.dims.push_back(both);
    inside.dims.push_back({Read::Plain, {block}});
  }
}
