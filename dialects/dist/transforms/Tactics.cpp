#include "dialects/dist/transforms/Tactics.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

namespace {

class Tactics {
public:
  Tactics(PlanOp plan, MeshOp mesh, Graph &graph, const PropagateOptions &options)
      : plan(plan), mesh(mesh), graph(graph), options(options) {}

  LogicalResult run(int count);

private:
  void setRemainders();
  LogicalResult shard(ShardOp op, int tactic);
  // Gives axes to a dim as far as nothing stands against them.
  LogicalResult seed(ShardOp op, Cell &cell, unsigned dim, AxisListRef over, int tactic);

  PlanOp plan;
  MeshOp mesh;
  Graph &graph;
  const PropagateOptions &options;
};

} // namespace

//===------------------------------------------------------------------===//
// Remainders
//===------------------------------------------------------------------===//

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

//===------------------------------------------------------------------===//
// shard AXES over MESH_AXES
//===------------------------------------------------------------------===//

static std::optional<Origin> originOf(const Cell &cell, const Axis &axis) {
  for (const Origin &origin : llvm::reverse(cell.origins))
    if (overlap(origin.axis, axis))
      return origin;
  return std::nullopt;
}

LogicalResult Tactics::seed(ShardOp op, Cell &cell, unsigned position, AxisListRef over, int tactic) {
  DimCut &dim = cell.cut.dims[position];
  if (cell.shape[position] == 1)
    return success(); // nothing to cut
  for (const Axis &axis : over) {
    if (overlaps(axis, dim.axes))
      continue;
    std::optional<unsigned> holder;
    for (auto [other, cut] : llvm::enumerate(cell.cut.dims))
      if (overlaps(axis, cut.axes))
        holder = other;
    if (holder || !dim.open || overlaps(axis, cell.cut.replicated)) {
      std::optional<Origin> origin = originOf(cell, axis);
      cell.conflicts.push_back(
          {axis, position, tactic, origin ? origin->tactic : -1, holder.value_or(position)});
      return success(); // what follows would be cut in another order than elsewhere
    }
    int64_t size = cell.shape[position], parts = sizeOf(dim.axes) * axis.size;
    if (cell.remainder[position] == Graph::Divides ? size % parts != 0 : size < parts) {
      InFlightDiagnostic error = op.emitError() << "[E911] ";
      if (cell.remainder[position] == Graph::Divides)
        error << "the parts of an axis are equal unless the plan says what remains: " << cell.axes[position]
              << " = " << size << " is not a multiple of " << parts;
      else
        error << "an axis has an element for each part: " << cell.axes[position] << " = " << size
              << " is cut in " << parts;
      return error;
    }
    dim.axes.push_back(axis);
    cell.origins.push_back({axis, tactic, -1});
  }
  return success();
}

LogicalResult Tactics::shard(ShardOp op, int tactic) {
  FailureOr<AxisList> over =
      resolve(mesh, axesOf(op.getOver()), [&]() { return op.emitError() << "[E910] "; });
  if (failed(over))
    return failure();
  for (Cell &cell : graph.cells)
    for (StringRef wanted : op.getAxes().getAsValueRange<StringAttr>())
      for (auto [position, axis] : llvm::enumerate(cell.axes))
        if (axis == wanted && failed(seed(op, cell, position, *over, tactic)))
          return failure();
  return success();
}

//===------------------------------------------------------------------===//
// All of them
//===------------------------------------------------------------------===//

LogicalResult Tactics::run(int count) {
  for (Cell &cell : graph.cells)
    if (!cell.mesh)
      cell.mesh = mesh;
  setRemainders();
  int tactic = 0;
  for (Operation &op : plan.getBody().getOps()) {
    if (count >= 0 && tactic >= count)
      break;
    LogicalResult applied = TypeSwitch<Operation *, LogicalResult>(&op)
                                .Case([&](ShardOp shardOp) { return shard(shardOp, tactic); })
                                .Default([](Operation *) { return success(); });
    if (failed(applied))
      return failure();
    if (isa<ShardOp>(op))
      propagate(graph, options, tactic);
    ++tactic;
  }
  return success();
}

LogicalResult cleave::dist::applyTactics(PlanOp plan, MeshOp mesh, Graph &graph,
                                         const PropagateOptions &options, int count) {
  return Tactics(plan, mesh, graph, options).run(count);
}
