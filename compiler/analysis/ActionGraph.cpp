#include "compiler/analysis/ActionGraph.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::analysis;

void ActionGraph::addEdge(unsigned from, unsigned to) {
  if (from == to || llvm::is_contained(successors[from], to))
    return;
  successors[from].push_back(to);
  predecessors[to].push_back(from);
}

static bool reaches(const ActionGraph &graph, unsigned from, unsigned to) {
  llvm::SmallVector<unsigned> stack{from};
  llvm::BitVector seen(graph.ops.size());
  while (!stack.empty()) {
    unsigned node = stack.pop_back_val();
    if (node == to)
      return true;
    for (unsigned next : graph.successors[node])
      if (!seen.test(next)) {
        seen.set(next);
        stack.push_back(next);
      }
  }
  return false;
}

void ActionGraph::addUnlessCycle(unsigned from, unsigned to) {
  if (from != to && !reaches(*this, to, from))
    addEdge(from, to);
}

void ActionGraph::addValues() {
  for (Operation *op : ops)
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (auto found = indices.find(operand.getDefiningOp());
            operand.getDefiningOp() && found != indices.end())
          addEdge(found->second, indices[op]);
    });
}

Operation *cleave::analysis::firstReader(Value value, Block &block) {
  Operation *first = nullptr;
  for (Operation *user : value.getUsers())
    if (Operation *reader = block.findAncestorOpInBlock(*user); !first || reader->isBeforeInBlock(first))
      first = reader;
  return first;
}

bool cleave::analysis::hasEffect(Operation *op) {
  return op
      ->walk([](Operation *inner) {
        bool effect = isa<pipe::PrintOp, pipe::AssertOp, pipe::GuardOp>(inner);
        return effect ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

// A guard waits for its value alone, so that a wrong run stops early; it never overtakes a print or an
// assert.
void ActionGraph::addEffects() {
  std::optional<unsigned> last;
  for (auto [i, op] : llvm::enumerate(ops)) {
    if (!hasEffect(op))
      continue;
    if (last)
      addEdge(*last, i);
    last = i;
  }
}

// Ranks meet in the same collectives in the same order, whatever the sizes of what they hold: program order,
// which is that of the model, is the one that all of them have.
void ActionGraph::addCollectives() {
  std::optional<unsigned> last;
  for (auto [i, op] : llvm::enumerate(ops)) {
    if (!pipe::holdsCollective(op))
      continue;
    if (last)
      addEdge(*last, i);
    last = i;
  }
}

// Pairs of the old content of a place (a state or a carry) and its new one.
static SmallVector<std::pair<Value, Value>> rewritesOf(Block &block) {
  SmallVector<std::pair<Value, Value>> pairs;
  Operation *end = block.getTerminator();
  auto function = dyn_cast<func::FuncOp>(block.getParentOp());
  if (auto loop = dyn_cast<pipe::LoopOp>(block.getParentOp()))
    for (auto [old, fresh] : llvm::zip(loop.getCarryArgs(), end->getOperands()))
      pairs.emplace_back(old, fresh);
  if (auto loop = dyn_cast<pipe::WhileOp>(block.getParentOp()); loop && &block == &loop.getBody().front())
    for (auto [old, fresh] : llvm::zip(block.getArguments(), end->getOperands()))
      pairs.emplace_back(old, fresh);
  for (unsigned i = 0; function && i < end->getNumOperands(); ++i) {
    Attribute state = function.getResultAttr(i, model::kStateAttr);
    for (BlockArgument old : function.getArguments())
      if (state && function.getArgAttr(old.getArgNumber(), model::kStateAttr) == state)
        pairs.emplace_back(old, end->getOperand(i));
  }
  return pairs;
}

void ActionGraph::addRewrites(Block &block) {
  bool isEntry = isa<func::FuncOp>(block.getParentOp());
  for (auto [old, fresh] : rewritesOf(block)) {
    auto writer = indices.find(fresh.getDefiningOp());
    if (!fresh.getDefiningOp() || writer == indices.end())
      continue;
    for (Operation *user : old.getUsers())
      if (auto reader = indices.find(block.findAncestorOpInBlock(*user)); reader != indices.end())
        addUnlessCycle(reader->second, writer->second);
    for (auto [i, op] : llvm::enumerate(ops))
      if (isEntry && pipe::mayStop(op))
        addUnlessCycle(i, writer->second);
  }
}

ActionGraph::ActionGraph(Block &block) {
  for (Operation &op : block.without_terminator()) {
    indices[&op] = ops.size();
    ops.push_back(&op);
  }
  successors.resize(ops.size());
  predecessors.resize(ops.size());
  addValues();
  addEffects();
  addCollectives();
  addRewrites(block);
}
