#include "compiler/convert/OrderActions.h"

#include "compiler/analysis/ActionGraph.h"

using namespace mlir;
using namespace cleave;
using analysis::ActionGraph;

namespace {

// Greedy list scheduling: n ops, each step looks at what is ready.
class ListScheduler {
public:
  explicit ListScheduler(Block &block);
  SmallVector<Operation *> run();

private:
  // Bytes more (or fewer) that are alive once the op has run.
  int64_t growth(unsigned node) const;
  void take(unsigned node);
  void markUrgent();

  ActionGraph graph;
  std::vector<unsigned> waiting;           // predecessors not yet taken
  std::vector<SmallVector<Value>> reads;   // values of this block each op reads, nested reads included
  llvm::BitVector urgent;                  // what guards wait for
  llvm::DenseMap<Value, unsigned> readers; // ops that still have to read a value
  llvm::SmallVector<unsigned> ready;
};

} // namespace

ListScheduler::ListScheduler(Block &block) : graph(block), reads(graph.ops.size()) {
  for (unsigned i = 0; i < graph.ops.size(); ++i) {
    llvm::SmallDenseSet<Value> seen;
    graph.ops[i]->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (operand.getParentBlock() == &block && operand.getDefiningOp() && seen.insert(operand).second)
          reads[i].push_back(operand);
    });
    for (Value value : reads[i])
      ++readers[value];
    waiting.push_back(graph.predecessors[i].size());
    if (waiting.back() == 0)
      ready.push_back(i);
  }
  markUrgent();
  // What the block hands on is never freed by its readers.
  for (Value value : block.getTerminator()->getOperands())
    ++readers[value];
}

void ListScheduler::markUrgent() {
  urgent.resize(graph.ops.size());
  SmallVector<unsigned> stack;
  for (unsigned i = 0; i < graph.ops.size(); ++i)
    if (isa<pipe::GuardOp>(graph.ops[i]))
      stack.push_back(i);
  while (!stack.empty()) {
    unsigned node = stack.pop_back_val();
    if (urgent.test(node))
      continue;
    urgent.set(node);
    llvm::append_range(stack, graph.predecessors[node]);
  }
}

int64_t ListScheduler::growth(unsigned node) const {
  int64_t bytes = 0;
  for (Value value : graph.ops[node]->getResults())
    bytes += pipe::bytesOf(value.getType());
  for (Value value : reads[node])
    if (readers.lookup(value) == 1)
      bytes -= pipe::bytesOf(value.getType());
  return bytes;
}

void ListScheduler::take(unsigned node) {
  for (Value value : reads[node])
    --readers[value];
  for (unsigned next : graph.successors[node])
    if (--waiting[next] == 0)
      ready.push_back(next);
}

SmallVector<Operation *> ListScheduler::run() {
  SmallVector<Operation *> order;
  while (!ready.empty()) {
    auto rank = [&](unsigned node) { return std::make_tuple(!urgent.test(node), growth(node), node); };
    auto best = std::min_element(ready.begin(), ready.end(),
                                 [&](unsigned a, unsigned b) { return rank(a) < rank(b); });
    unsigned node = *best;
    ready.erase(best);
    order.push_back(graph.ops[node]);
    take(node);
  }
  return order;
}

void cleave::convert::orderActions(Block &block) {
  for (Operation *op : ListScheduler(block).run())
    op->moveBefore(block.getTerminator());
  for (Operation &op : block)
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        orderActions(inner);
}
