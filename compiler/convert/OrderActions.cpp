#include "compiler/convert/OrderActions.h"

#include "compiler/analysis/ActionGraph.h"

using namespace mlir;
using namespace cleave;
using analysis::ActionGraph;

namespace {

using Order = SmallVector<unsigned>; // nodes of the graph

// The problem: what waits for what, and the bytes that values keep.
struct ListProblem {
  explicit ListProblem(Block &block);

  int64_t bytesOf(Value value) const { return sizes.lookup(value); }
  int64_t resultBytes(unsigned node) const;
  // The most bytes alive at once, and their sum over time.
  std::pair<int64_t, int64_t> cost(const Order &order) const;

  ActionGraph graph;
  std::vector<SmallVector<Value>> reads;  // values of this block each op reads, nested reads included
  llvm::DenseMap<Value, int64_t> sizes;   // what the block hands on has a place of its own: no bytes here
  llvm::DenseMap<Value, unsigned> counts; // readers of each value
  llvm::BitVector urgent;                 // what guards wait for

private:
  void markUrgent();
};

} // namespace

ListProblem::ListProblem(Block &block) : graph(block), reads(graph.ops.size()) {
  for (unsigned i = 0; i < graph.ops.size(); ++i) {
    for (Value value : graph.ops[i]->getResults())
      sizes[value] = pipe::bytesOf(value.getType());
    llvm::SmallDenseSet<Value> seen;
    graph.ops[i]->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (operand.getParentBlock() == &block && operand.getDefiningOp() && seen.insert(operand).second)
          reads[i].push_back(operand);
    });
    for (Value value : reads[i])
      ++counts[value];
  }
  for (Value value : block.getTerminator()->getOperands())
    sizes[value] = 0;
  markUrgent();
}

void ListProblem::markUrgent() {
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

int64_t ListProblem::resultBytes(unsigned node) const {
  int64_t bytes = 0;
  for (Value value : graph.ops[node]->getResults())
    bytes += bytesOf(value);
  return bytes;
}

std::pair<int64_t, int64_t> ListProblem::cost(const Order &order) const {
  llvm::DenseMap<Value, unsigned> left = counts;
  int64_t alive = 0, most = 0, sum = 0;
  for (unsigned node : order) {
    alive += resultBytes(node);
    most = std::max(most, alive);
    for (Value value : reads[node])
      if (--left[value] == 0)
        alive -= bytesOf(value);
    for (Value value : graph.ops[node]->getResults())
      if (!left.lookup(value))
        alive -= bytesOf(value);
    sum += alive;
  }
  return {most, sum};
}

// Takes ready nodes one by one, the least by `rank` first; `waits[i]` lists what node i makes ready, `needs`
// how much each node waits for.
template <class Rank, class Take>
static Order takeGreedily(ArrayRef<SmallVector<unsigned>> waits, std::vector<unsigned> needs, Rank rank,
                          Take take) {
  Order ready, order;
  for (unsigned i = 0; i < needs.size(); ++i)
    if (needs[i] == 0)
      ready.push_back(i);
  while (!ready.empty()) {
    auto *best = std::min_element(ready.begin(), ready.end(),
                                  [&](unsigned a, unsigned b) { return rank(a) < rank(b); });
    unsigned node = *best;
    ready.erase(best);
    order.push_back(node);
    take(node);
    for (unsigned next : waits[node])
      if (--needs[next] == 0)
        ready.push_back(next);
  }
  return order;
}

static std::vector<unsigned> sizesOf(const std::vector<SmallVector<unsigned>> &lists) {
  std::vector<unsigned> sizes;
  for (const SmallVector<unsigned> &list : lists)
    sizes.push_back(list.size());
  return sizes;
}

static Order fromFront(const ListProblem &problem) {
  llvm::DenseMap<Value, unsigned> left = problem.counts;
  auto rank = [&](unsigned node) {
    int64_t growth = problem.resultBytes(node);
    for (Value value : problem.reads[node])
      if (left.lookup(value) == 1)
        growth -= problem.bytesOf(value);
    return std::make_tuple(!problem.urgent.test(node), growth, node);
  };
  auto take = [&](unsigned node) {
    for (Value value : problem.reads[node])
      --left[value];
  };
  return takeGreedily(problem.graph.successors, sizesOf(problem.graph.predecessors), rank, take);
}

// Backwards in time: reading a value makes it alive, making it ends its life.
static Order fromBack(const ListProblem &problem) {
  llvm::DenseSet<Value> alive;
  auto rank = [&](unsigned node) {
    int64_t growth = 0;
    for (Value value : problem.reads[node])
      growth += alive.contains(value) ? 0 : problem.bytesOf(value);
    for (Value value : problem.graph.ops[node]->getResults())
      growth -= alive.contains(value) ? problem.bytesOf(value) : 0;
    return std::make_tuple(problem.urgent.test(node), growth, ~node);
  };
  auto take = [&](unsigned node) {
    alive.insert(problem.reads[node].begin(), problem.reads[node].end());
    for (Value value : problem.graph.ops[node]->getResults())
      alive.erase(value);
  };
  Order order = takeGreedily(problem.graph.predecessors, sizesOf(problem.graph.successors), rank, take);
  std::reverse(order.begin(), order.end());
  return order;
}

void cleave::convert::orderActions(Block &block) {
  ListProblem problem(block);
  Order front = fromFront(problem), back = fromBack(problem);
  for (unsigned node : problem.cost(back) <= problem.cost(front) ? back : front)
    problem.graph.ops[node]->moveBefore(block.getTerminator());
  for (Operation &op : block)
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        orderActions(inner);
}
