#include "dialects/dist/transforms/Origins.h"

#include "dialects/dist/ir/ComputeLayout.h"
#include "dialects/dist/ir/Notation.h"

using namespace mlir;
using namespace cleave::dist;

static const Origin *originOf(const Cell &cell, const Axis &axis) {
  for (const Origin &origin : llvm::reverse(cell.origins))
    if (overlap(origin.axis, axis))
      return &origin;
  return nullptr;
}

static StringRef nameOf(const Cell &cell) {
  for (const Slot &slot : cell.slots)
    if (StringRef name = slot.name(); !name.empty())
      return name;
  return "";
}

// What a step of a path is called: the cell's name, or the place of what has none.
static std::string stepOf(const Cell &cell) {
  if (StringRef name = nameOf(cell); !name.empty())
    return name.str();
  for (const Slot &slot : cell.slots)
    if (std::string place = text(slot.loc()); !place.empty())
      return place;
  return "";
}

// From the cell that a tactic cut to this one, by what lies on the way.
static OriginAttr pathTo(const Graph &graph, unsigned number, const Axis &axis) {
  const Cell *cell = &graph.cells[number];
  MeshOp mesh = cell->mesh;
  SmallVector<Attribute> names;
  int64_t tactic = -1;
  DenseSet<const Cell *> seen;
  while (const Origin *origin = originOf(*cell, axis)) {
    tactic = origin->tactic;
    if (origin->from < 0 || !seen.insert(cell).second)
      break;
    cell = &graph.cells[origin->from];
    std::string step = stepOf(*cell);
    if (!step.empty() && (names.empty() || cast<StringAttr>(names.back()).getValue() != step))
      names.push_back(StringAttr::get(mesh.getContext(), step));
  }
  std::reverse(names.begin(), names.end());
  return OriginAttr::get(mesh.getContext(), toAttr(mesh, axis), tactic,
                         ArrayAttr::get(mesh.getContext(), names));
}

void cleave::dist::writeOrigins(const Graph &graph) {
  for (auto [number, cell] : llvm::enumerate(graph.cells)) {
    if (!cell.mesh)
      continue;
    MLIRContext *context = MeshOp(cell.mesh).getContext();
    SmallVector<Attribute> origins, conflicts;
    for (const DimCut &dim : cell.cut.dims)
      for (const Axis &axis : dim.axes)
        origins.push_back(pathTo(graph, number, axis));
    for (const Conflict &conflict : cell.conflicts)
      conflicts.push_back(ConflictAttr::get(context, toAttr(cell.mesh, conflict.axis), conflict.dim,
                                            conflict.tactic, conflict.winnerDim, conflict.winner));
    for (const Slot &slot : cell.slots) {
      if (!origins.empty())
        slot.setAttr(kOriginAttr, kOriginsAttr, ArrayAttr::get(context, origins));
      if (!conflicts.empty())
        slot.setAttr(kConflictAttr, kConflictsAttr, ArrayAttr::get(context, conflicts));
    }
  }
}

//===------------------------------------------------------------------===//
// Conflicts
//===------------------------------------------------------------------===//

namespace {

class Reporter {
public:
  Reporter(const Graph &graph, PlanOp plan) : graph(graph) {
    if (plan)
      for (Operation &op : plan.getBody().getOps())
        tactics.push_back(&op);
  }

  void report(const Cell &cell);
  void report(const Rule &rule);

private:
  std::string describe(unsigned cell, AxisListRef axes);
  void noteTactic(Diagnostic &diagnostic, int tactic, StringRef what);

  const Graph &graph;
  SmallVector<Operation *> tactics;
};

} // namespace

void Reporter::noteTactic(Diagnostic &diagnostic, int tactic, StringRef what) {
  if (tactic >= 0 && static_cast<size_t>(tactic) < tactics.size())
    diagnostic.attachNote(tactics[tactic]->getLoc()) << what;
}

void Reporter::report(const Cell &cell) {
  for (const Conflict &conflict : cell.conflicts) {
    const Slot &slot = cell.slots.front();
    InFlightDiagnostic remark = emitRemark(slot.loc());
    StringRef name = nameOf(cell);
    if (!name.empty())
      remark << "'" << name << "': ";
    remark << text(cell.mesh, {conflict.axis}) << " does not cut " << cell.axes[conflict.dim];
    if (conflict.winnerDim != conflict.dim)
      remark << ": it cuts " << cell.axes[conflict.winnerDim];
    else
      remark << ", which is closed or replicated over it";
    noteTactic(*remark.getUnderlyingDiagnostic(), conflict.tactic, "wanted here");
    noteTactic(*remark.getUnderlyingDiagnostic(), conflict.winner, "held from here");
  }
}

std::string Reporter::describe(unsigned number, AxisListRef axes) {
  const Cell &cell = graph.cells[number];
  std::string out = text(cell.mesh, axes);
  const Origin *origin = originOf(cell, axes.front());
  const Cell *source = &cell;
  DenseSet<const Cell *> seen;
  while (origin && origin->from >= 0 && seen.insert(source).second) {
    source = &graph.cells[origin->from];
    origin = originOf(*source, axes.front());
  }
  if (StringRef name = nameOf(*source); !name.empty())
    out += " of '" + name.str() + "'";
  if (origin && origin->tactic >= 0)
    out += " by tactic " + std::to_string(origin->tactic + 1);
  return out;
}

// Two tensors of one op that differ along a factor, where neither only has more.
void Reporter::report(const Rule &rule) {
  if (!rule.computes)
    return;
  SmallVector<std::pair<unsigned, Assignment>, 0> tensors;
  for (auto [cell, factors] : llvm::zip(rule.operands, rule.map.operands))
    tensors.push_back({cell, factorAxes(rule.map, factors, graph.cells[cell].cut)});
  for (auto [cell, factors] : llvm::zip(rule.results, rule.map.results))
    tensors.push_back({cell, factorAxes(rule.map, factors, graph.cells[cell].cut)});
  for (unsigned factor = 0; factor != rule.map.factors.size(); ++factor)
    for (auto &[a, left] : tensors)
      for (auto &[b, right] : tensors) {
        if (&left <= &right || prefixOf(left[factor], right[factor]) != Prefix::No ||
            prefixOf(right[factor], left[factor]) != Prefix::No)
          continue;
        rule.op->emitRemark() << "dim " << rule.map.factors[factor].dim << " is cut over "
                              << describe(b, right[factor]) << " and over " << describe(a, left[factor]);
        return; // one says where to look
      }
}

void cleave::dist::reportConflicts(const Graph &graph, PlanOp plan) {
  Reporter reporter(graph, plan);
  for (const Cell &cell : graph.cells)
    reporter.report(cell);
  for (const Rule &rule : graph.rules)
    reporter.report(rule);
}
