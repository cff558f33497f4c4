#include "dialects/dist/transforms/Tactics.h"

#include "dialects/model/transforms/CallOrder.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

//===------------------------------------------------------------------===//
// Selectors
//===------------------------------------------------------------------===//

// The functions that run when the entry does that a tactic or its plan is about; none where it is about all.
static std::optional<DenseSet<Operation *>> functionsOf(Operation *tactic) {
  auto entry = tactic->getAttrOfType<StringAttr>(kEntryAttr);
  if (!entry && tactic->getParentOp())
    entry = tactic->getParentOp()->getAttrOfType<StringAttr>(kEntryAttr);
  if (!entry)
    return std::nullopt;
  SymbolTable symbols(tactic->getParentOfType<ModuleOp>());
  DenseSet<Operation *> found;
  SmallVector<Operation *> pending;
  if (Operation *function = symbols.lookup(entry.getValue()))
    pending.push_back(function);
  while (!pending.empty()) {
    Operation *function = pending.pop_back_val();
    if (!found.insert(function).second)
      continue;
    function->walk([&](Operation *op) {
      for (func::FuncOp callee : model::calleesOf(op, symbols))
        pending.push_back(callee);
    });
  }
  return found;
}

static bool isIn(const Cell &cell, const std::optional<DenseSet<Operation *>> &functions) {
  return !functions ||
         llvm::any_of(cell.slots, [&](const Slot &slot) { return functions->contains(slot.parent()); });
}

SmallVector<unsigned> cleave::dist::select(Operation *tactic, StringRef selector, const Graph &graph) {
  std::optional<DenseSet<Operation *>> functions = functionsOf(tactic);
  SmallVector<unsigned> found;
  for (unsigned number = 0; number != graph.cells.size(); ++number) {
    const Cell &cell = graph.cells[number];
    model::StateOp state = cell.state;
    bool named = llvm::any_of(cell.slots, [&](const Slot &slot) {
      StringRef name = state ? state.getPath() : slot.name();
      return !name.empty() && (!functions || functions->contains(slot.parent())) && selects(selector, name);
    });
    if (named)
      found.push_back(number);
  }
  return found;
}

//===------------------------------------------------------------------===//
// Tactics
//===------------------------------------------------------------------===//

namespace {

class Tactics {
public:
  Tactics(PlanOp plan, MeshOp mesh, Graph &graph, const PropagateOptions &options,
          ArrayRef<HeldBoundary> boundaries)
      : plan(plan), mesh(mesh), graph(graph), options(options), boundaries(boundaries) {}

  LogicalResult run(int count);

private:
  void setRemainders();
  LogicalResult shard(ShardOp op, int tactic);
  // Gives axes to a dim as far as nothing stands against them.
  LogicalResult seed(ShardOp op, Cell &cell, unsigned dim, AxisListRef over, int tactic);
  LogicalResult checkParts(Operation *op, const Cell &cell, unsigned dim, int64_t parts);
  // Holds what a tactic states about named values: nothing else changes these.
  LogicalResult hold(LayoutOfOp op, int tactic);
  LogicalResult hold(ReplicateOp op);
  void release(int tactic);
  FailureOr<SmallVector<unsigned>> selected(Operation *op, StringRef selector);

  struct Held {
    int tactic; // the first that states something
    Operation *op;
    Cut cut;
    SmallVector<std::pair<Axis, int>, 2> from; // the tactic that states each axis
  };
  static bool join(Held &held, const Cut &more, int tactic);

  PlanOp plan;
  MeshOp mesh;
  Graph &graph;
  const PropagateOptions &options;
  ArrayRef<HeldBoundary> boundaries;
  DenseMap<unsigned, Held> held; // by cell
};

} // namespace

void Tactics::setRemainders() {
  llvm::StringMap<Graph::Remainder> byAxis;
  Graph::Remainder others = Graph::Divides;
  for (RemainderOp op : plan.getBody().getOps<RemainderOp>()) {
    Graph::Remainder policy = op.getPolicy() == "error" ? Graph::Divides : Graph::NotEmpty;
    if (op.getAxes().empty())
      others = policy;
    for (StringRef axis : op.getAxes().getAsValueRange<StringAttr>())
      byAxis[axis] = policy;
  }
  for (Cell &cell : graph.cells)
    for (auto [axis, remainder] : llvm::zip(cell.axes, cell.remainder)) {
      auto known = byAxis.find(axis);
      remainder = known == byAxis.end() ? others : known->second;
    }
}

LogicalResult Tactics::checkParts(Operation *op, const Cell &cell, unsigned dim, int64_t parts) {
  int64_t size = cell.shape[dim];
  if (cell.remainder[dim] == Graph::Divides && size % parts != 0)
    return op->emitError() << "E921: the ranks that an axis is cut over divide it, found " << cell.axes[dim]
                           << " = " << size << " over " << parts << " ranks";
  if (cell.remainder[dim] == Graph::NotEmpty && size < parts)
    return op->emitError() << "E921: every rank has an element of an axis that is cut, found "
                           << cell.axes[dim] << " = " << size << " over " << parts << " ranks";
  return success();
}

//===------------------------------------------------------------------===//
// shard AXES over MESH_AXES
//===------------------------------------------------------------------===//

static int tacticOf(const Cell &cell, const Axis &axis) {
  for (const Origin &origin : llvm::reverse(cell.origins))
    if (overlap(origin.axis, axis))
      return origin.tactic;
  return -1;
}

LogicalResult Tactics::seed(ShardOp op, Cell &cell, unsigned position, AxisListRef over, int tactic) {
  DimCut &dim = cell.cut.dims[position];
  if (cell.shape[position] == 1)
    return success(); // nothing to cut
  for (const Axis &axis : over) {
    if (axis.size == 1 || overlaps(axis, dim.axes))
      continue;
    unsigned holder = position;
    for (auto [other, cut] : llvm::enumerate(cell.cut.dims))
      if (overlaps(axis, cut.axes))
        holder = other;
    if (holder != position || !dim.open || overlaps(axis, cell.cut.replicated)) {
      cell.conflicts.push_back({axis, position, tactic, tacticOf(cell, axis), holder});
      return success(); // what follows would be cut in another order than elsewhere
    }
    if (failed(checkParts(op, cell, position, sizeOf(dim.axes) * axis.size)))
      return failure();
    dim.axes.push_back(axis);
    cell.origins.push_back({axis, tactic, -1});
  }
  return success();
}

LogicalResult Tactics::shard(ShardOp op, int tactic) {
  FailureOr<AxisList> over =
      resolve(mesh, axesOf(op.getOver()), [&]() { return op.emitError() << "E920: shard "; });
  if (failed(over))
    return failure();
  std::optional<DenseSet<Operation *>> functions = functionsOf(op);
  for (Cell &cell : graph.cells)
    for (StringRef wanted : op.getAxes().getAsValueRange<StringAttr>())
      for (auto [position, axis] : llvm::enumerate(cell.axes))
        if (axis == wanted && isIn(cell, functions) && failed(seed(op, cell, position, *over, tactic)))
          return failure();
  return success();
}

//===------------------------------------------------------------------===//
// What is stated about named values
//===------------------------------------------------------------------===//

FailureOr<SmallVector<unsigned>> Tactics::selected(Operation *op, StringRef selector) {
  SmallVector<unsigned> found = select(op, selector, graph);
  if (!found.empty())
    return found;
  // The nearest name there is.
  StringRef near;
  unsigned distance = selector.size() / 2 + 1;
  for (const Cell &cell : graph.cells)
    for (const Slot &slot : cell.slots)
      if (unsigned other = selector.edit_distance(slot.name(), true, distance);
          !slot.name().empty() && other < distance) {
        distance = other;
        near = slot.name();
      }
  InFlightDiagnostic error =
      op->emitError() << "E923: a selector names values of the program, found none for '" << selector << "'";
  if (!near.empty())
    error << "; did you mean '" << near << "'?";
  return error;
}

bool Tactics::join(Held &held, const Cut &more, int tactic) {
  std::optional<Cut> both = agreed(held.cut, more);
  if (!both)
    return false;
  held.cut = *both;
  for (const DimCut &dim : more.dims)
    for (const Axis &axis : dim.axes)
      held.from.push_back({axis, tactic});
  return true;
}

LogicalResult Tactics::hold(LayoutOfOp op, int tactic) {
  FailureOr<SmallVector<unsigned>> cells = selected(op, op.getSelector());
  FailureOr<Cut> cut = resolve(mesh, op.getLayout(), [&]() { return op.emitError() << "E920: a layout "; });
  if (failed(cells) || failed(cut))
    return failure();
  for (unsigned number : *cells) {
    Cell &cell = graph.cells[number];
    Cut stated = *cut;
    // Of a stacked state the layout is that of one layer.
    if (cell.state && stated.dims.size() < cell.shape.size())
      stated.dims.insert(stated.dims.begin(), cell.shape.size() - stated.dims.size(), DimCut{{}, false, 0});
    if (stated.dims.size() != cell.shape.size())
      return op.emitError() << "E923: a layout has a dim for each axis of its value, found "
                            << stated.dims.size() << " for the " << cell.shape.size() << " of '"
                            << cell.slots.front().name() << "'";
    auto [known, isNew] = held.try_emplace(number, Held{tactic, op, stated, {}});
    if (isNew)
      for (const DimCut &dim : stated.dims)
        for (const Axis &axis : dim.axes)
          known->second.from.push_back({axis, tactic});
    else if (!join(known->second, stated, tactic)) {
      InFlightDiagnostic error = op.emitError() << "E922: a value has one layout, found a second for '"
                                                << cell.slots.front().name() << "'";
      error.attachNote(known->second.op->getLoc())
          << "the first is here; leave one of them out, or open dims that the other cuts";
      return error;
    }
    stated = known->second.cut;
    for (auto [position, dim] : llvm::enumerate(stated.dims)) {
      if (failed(checkParts(op, cell, position, sizeOf(dim.axes))))
        return failure();
      cell.cut.dims[position] = {{}, /*open=*/false, 0};
      llvm::append_range(cell.reserved, dim.axes);
    }
    cell.origins.clear();
    cell.cut.partials = stated.partials;
    llvm::append_range(cell.cut.replicated, stated.replicated);
  }
  return success();
}

LogicalResult Tactics::hold(ReplicateOp op) {
  FailureOr<SmallVector<unsigned>> cells = selected(op, op.getSelector());
  FailureOr<AxisList> over =
      resolve(mesh, axesOf(op.getOver()), [&]() { return op.emitError() << "E920: replicate "; });
  if (failed(cells) || failed(over))
    return failure();
  for (unsigned number : *cells) {
    Cell &cell = graph.cells[number];
    for (const Axis &axis : *over) {
      auto stated = held.find(number);
      if (cell.cut.uses(axis) || (stated != held.end() && stated->second.cut.uses(axis))) {
        InFlightDiagnostic error =
            op.emitError() << "E922: a value that is replicated over a mesh axis is not cut over it, found '"
                           << cell.slots.front().name() << "' cut over " << text(mesh, {axis});
        if (stated != held.end())
          error.attachNote(stated->second.op->getLoc()) << "its layout is stated here; leave one of them out";
        return error;
      }
      if (!overlaps(axis, cell.cut.replicated))
        cell.cut.replicated.push_back(axis);
    }
  }
  return success();
}

void Tactics::release(int tactic) {
  for (auto &[number, entry] : held) {
    if (entry.tactic != tactic)
      continue;
    Cell &cell = graph.cells[number];
    cell.cut.dims = entry.cut.dims;
    cell.reserved.clear();
    for (DimCut &dim : cell.cut.dims) {
      dim.priority = 0;
      for (const Axis &axis : dim.axes) {
        auto stated =
            llvm::find_if(entry.from, [&](const auto &known) { return overlap(known.first, axis); });
        cell.origins.push_back({axis, stated == entry.from.end() ? tactic : stated->second, -1});
      }
    }
  }
}

//===------------------------------------------------------------------===//
// All of them
//===------------------------------------------------------------------===//

LogicalResult Tactics::run(int count) {
  for (Cell &cell : graph.cells)
    if (!cell.mesh)
      cell.mesh = mesh;
  setRemainders();
  SmallVector<Operation *> tactics;
  for (Operation &op : plan.getBody().getOps())
    if (count < 0 || tactics.size() < static_cast<size_t>(count))
      tactics.push_back(&op);
  for (auto [number, op] : llvm::enumerate(tactics))
    if (auto layout = dyn_cast<LayoutOfOp>(op); layout && failed(hold(layout, number)))
      return failure();
  for (Operation *op : tactics)
    if (auto replicate = dyn_cast<ReplicateOp>(op); replicate && failed(hold(replicate)))
      return failure();
  for (auto [number, op] : llvm::enumerate(tactics)) {
    if (auto shardOp = dyn_cast<ShardOp>(op); shardOp && failed(shard(shardOp, number)))
      return failure();
    release(number);
    if (auto region = dyn_cast<RegionOp>(op))
      releaseBoundaries(boundaries, region, graph, number);
    if (isa<ShardOp, LayoutOfOp, RegionOp>(op))
      propagate(graph, options, number);
  }
  Storage storage(mesh, graph, options);
  for (auto [number, op] : llvm::enumerate(tactics))
    if (auto store = dyn_cast<StoreOp>(op); store && failed(storage.store(store, number)))
      return failure();
  storage.convertReads();
  return success();
}

LogicalResult cleave::dist::applyTactics(PlanOp plan, MeshOp mesh, Graph &graph,
                                         const PropagateOptions &options, ArrayRef<HeldBoundary> boundaries,
                                         int count) {
  return Tactics(plan, mesh, graph, options, boundaries).run(count);
}
