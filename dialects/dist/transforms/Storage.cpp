// Storage layouts. ZeRO is what comes out of them: a state that is stored in parts is updated in parts, what
// the update reads becomes cut likewise, and a parameter that is stored in parts is whole only where a layer
// reads it.
#include "dialects/dist/transforms/Tactics.h"
#include "runtime/core/Paths.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

Storage::Storage(MeshOp mesh, Graph &graph, const PropagateOptions &options)
    : mesh(mesh), graph(graph), options(options) {
  this->options.storedOnly = true;
  // From here on states lie as they do: an update that is computed in parts does not change how they are
  // stored.
  for (Cell &cell : graph.cells) {
    cell.computed = cell.cut;
    if (cell.state)
      for (DimCut &dim : cell.cut.dims)
        dim.open = false;
  }
}

// Leading axes that stacks of layers have: they are not cut.
static unsigned stackedAxes(model::StateOp state) { return state ? rt::layersOf(state.getPath()).size() : 0; }

void Storage::cut(unsigned number, AxisListRef axes, unsigned stacked, int tactic) {
  Cell &cell = graph.cells[number];
  for (const Axis &axis : axes) {
    if (axis.size == 1 || cell.cut.uses(axis) || overlaps(axis, cell.cut.replicated))
      continue;
    int64_t most = 1;
    std::optional<unsigned> best;
    for (unsigned position = stacked; position < cell.shape.size(); ++position) {
      int64_t parts = sizeOf(cell.cut.dims[position].axes) * axis.size, size = cell.shape[position];
      bool fits = cell.remainder[position] == Graph::Divides ? size % parts == 0 : size >= parts;
      int64_t local = size / sizeOf(cell.cut.dims[position].axes);
      if (fits && local > most) {
        most = local;
        best = position;
      }
    }
    if (!best)
      continue; // too small: stays whole
    append(cell.cut.dims[*best].axes, axis);
    cell.origins.push_back({axis, tactic, -1});
  }
  for (DimCut &dim : cell.cut.dims)
    dim.open = false;
}

// The values that updates read as gradients, each with the number of its stacked axes: found from the new
// states through what is computed element by element over the state's own axes.
SmallVector<std::pair<unsigned, unsigned>> Storage::gradients(Operation *tactic, StringRef selector) {
  DenseMap<unsigned, SmallVector<const Rule *, 1>> makers;
  for (const Rule &rule : graph.rules)
    for (unsigned result : rule.results)
      makers[result].push_back(&rule);
  SmallVector<std::pair<unsigned, unsigned>> found;
  DenseSet<unsigned> seen;
  SmallVector<std::pair<unsigned, unsigned>> pending;
  for (unsigned number : select(tactic, selector, graph)) {
    model::StateOp state = graph.cells[number].state;
    if (state && (state.getKind() == "param" || state.getKind() == "optimizer"))
      pending.push_back({number, stackedAxes(state)});
  }
  while (!pending.empty()) {
    auto [number, stacked] = pending.pop_back_val();
    if (!seen.insert(number).second)
      continue;
    const Cell &cell = graph.cells[number];
    bool isState = static_cast<bool>(cell.state), isMade = false;
    for (const Rule *rule : makers[number]) {
      if (rule->computes ? !rule->elementwise : !isa<func::ReturnOp>(rule->op))
        continue;
      for (auto [operand, factors] : llvm::zip(rule->operands, rule->map.operands)) {
        if (graph.cells[operand].shape != cell.shape || !rule->map.isFull(factors))
          continue;
        isMade = true;
        if (!graph.cells[operand].state)
          pending.push_back({operand, stacked});
      }
    }
    if (!isMade && !isState && cell.slots.front().value && isa<OpResult>(cell.slots.front().value))
      found.push_back({number, stacked});
  }
  return found;
}

LogicalResult Storage::store(StoreOp op, int tactic) {
  FailureOr<AxisList> axes =
      resolve(mesh, axesOf(op.getOver()), [&]() { return op.emitError() << "E920: store "; });
  if (failed(axes))
    return failure();
  if (op.getKind() == "gradients") {
    for (auto [cell, stacked] : gradients(op, op.getSelector()))
      cut(cell, *axes, stacked, tactic);
  } else {
    StringRef kind = op.getKind() == "params" ? "param" : op.getKind();
    for (auto [number, cell] : llvm::enumerate(graph.cells)) {
      model::StateOp state = cell.state;
      if (!state || state.getKind() != kind)
        continue;
      // An optimiser's states are named by the parameter that they belong to.
      StringRef path = state.getPath();
      if (kind == "optimizer")
        path.consume_front("optimizer.");
      if (selects(op.getSelector(), path))
        cut(number, *axes, stackedAxes(state), tactic);
    }
  }
  propagate(graph, options, tactic);
  return success();
}

//===------------------------------------------------------------------===//
// Reads
//===------------------------------------------------------------------===//

// Whether the layouts differ in how dims are cut.
static bool sameDims(const Cut &a, const Cut &b) {
  return llvm::equal(a.dims, b.dims, [](const DimCut &x, const DimCut &y) { return x.axes == y.axes; });
}

bool cleave::dist::isStoredApart(const Cell &cell) {
  model::StateOp state = cell.state;
  return state && cell.mesh && state.getKind() != "optimizer" && cell.computed &&
         !sameDims(cell.cut, *cell.computed);
}

// Whether an op iterates over the operand's own dims alone: computing on its parts then needs no more of it.
static bool readsOwnDims(const FactorMap &map, const TensorFactors &tensor) {
  for (auto [number, factor] : llvm::enumerate(map.factors))
    if (factor.size != 1 && !tensor.find(number))
      return false;
  return true;
}

void Storage::convertReads() {
  DenseMap<Value, unsigned> converted; // by stored value: the cell of what computes read instead
  size_t count = graph.rules.size();
  for (size_t number = 0; number != count; ++number) {
    Operation *op = graph.rules[number].op;
    if (!graph.rules[number].computes)
      continue;
    for (unsigned operand = 0; operand != op->getNumOperands(); ++operand) {
      Rule &rule = graph.rules[number];
      const Cell &cell = graph.cells[rule.operands[operand]];
      if (sameDims(cell.cut, *cell.computed) || readsOwnDims(rule.map, rule.map.operands[operand]))
        continue;
      Value stored = op->getOperand(operand);
      auto known = converted.find(stored);
      if (known == converted.end())
        known = converted.try_emplace(stored, addConversion(graph, mesh, stored, *cell.computed, op)).first;
      graph.rules[number].operands[operand] = known->second;
      op->setOperand(operand, graph.cells[known->second].slots.front().value);
    }
  }
}
