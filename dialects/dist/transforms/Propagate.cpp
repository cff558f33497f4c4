#include "dialects/dist/transforms/Propagate.h"

#include "llvm/ADT/BitVector.h"

#include <set>

using namespace mlir;
using namespace cleave::dist;

namespace {

// Dims whose priority has not come are held: cut over nothing and closed, until it comes.
class HeldDims {
public:
  HeldDims(Graph &graph) : graph(graph) {}

  std::set<int64_t> hold();
  void release(int64_t priority);

private:
  struct Held {
    unsigned cell, dim;
    DimCut cut;
  };
  Graph &graph;
  std::vector<Held> held;
};

} // namespace

std::set<int64_t> HeldDims::hold() {
  std::set<int64_t> priorities = {0};
  for (auto [number, cell] : llvm::enumerate(graph.cells)) {
    for (auto [position, dim] : llvm::enumerate(cell.cut.dims)) {
      if (dim.priority == 0)
        continue;
      priorities.insert(dim.priority);
      held.push_back({static_cast<unsigned>(number), static_cast<unsigned>(position), dim});
      llvm::append_range(cell.reserved, dim.axes);
      dim = {{}, /*open=*/false, 0};
    }
  }
  return priorities;
}

void HeldDims::release(int64_t priority) {
  for (Held &entry : held) {
    if (entry.cut.priority != priority)
      continue;
    Cell &cell = graph.cells[entry.cell];
    llvm::erase_if(cell.reserved, [&](const Axis &axis) { return llvm::is_contained(entry.cut.axes, axis); });
    DimCut &dim = cell.cut.dims[entry.dim];
    dim = entry.cut;
    dim.priority = 0;
  }
}

// Levels of ops: 0 to 4. Where a level lets axes through, all later ones do.
//   0  element-wise ops and flow whose operands have no other reader; slices at positions: forwards
//   1  the same, whatever reads their operands
//   2  along parallel factors of every op that are read plainly; to what is broadcast
//   3  along every factor
//   4  from what is broadcast
static Directions directionAt(const Rule &rule, unsigned factor, unsigned level) {
  Directions all{rule.forward, rule.backward};
  bool passes = rule.kind == RuleClass::PassThrough && (level >= 1 || !rule.multiUse);
  if (level >= 3 || (passes && !rule.slides))
    return all;
  if (passes && level < 2)
    return {rule.forward, false};
  bool plain = rule.map.factors[factor].kind == FactorKind::Parallel &&
               llvm::none_of(rule.map.operands, [&](const TensorFactors &tensor) {
                 std::optional<unsigned> dim = tensor.find(factor);
                 return dim && tensor.dims[*dim].read == Read::Window;
               });
  return level == 2 && plain ? all : Directions{false, false};
}

static void sweep(Graph &graph, const PropagateOptions &options, unsigned level, int tactic) {
  llvm::BitVector dirty(graph.rules.size(), true);
  while (dirty.any()) {
    for (int number = dirty.find_first(); number >= 0; number = dirty.find_next(number)) {
      dirty.reset(number);
      const Rule &rule = graph.rules[number];
      if (options.storedOnly && !rule.elementwise && rule.computes)
        continue;
      auto directionOf = [&](unsigned factor) { return directionAt(rule, factor, level); };
      auto changed = [&](unsigned cell) {
        for (unsigned other : graph.cells[cell].rules)
          dirty.set(other);
      };
      RuleStep step{directionOf,
                    level >= 4 && !options.storedOnly,
                    level >= 2 && !options.storedOnly,
                    options.strategy,
                    tactic,
                    changed};
      applyRule(graph, rule, step);
    }
  }
}

void cleave::dist::propagate(Graph &graph, const PropagateOptions &options, int tactic) {
  HeldDims held(graph);
  for (int64_t priority : held.hold()) {
    held.release(priority);
    for (unsigned level = options.opPriorities ? 0 : 4; level <= 4; ++level)
      sweep(graph, options, level, tactic);
  }
}
