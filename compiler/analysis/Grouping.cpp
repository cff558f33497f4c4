#include "compiler/analysis/Grouping.h"

#include "compiler/analysis/ActionGraph.h"
#include "compiler/analysis/Epilogues.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::analysis;

// Limits of a group. A row's values stay in a core's L2 cache; fewer rows than kFewRows leave cores idle;
// code and argument lists stay of a size that compiles fast.
static constexpr int64_t kInnerBytes = 512 << 10;
static constexpr int64_t kFewRows = 64;
static constexpr int64_t kSmallPoints = 1 << 12; // so little work that one core does it
static constexpr size_t kMostOps = 64;
static constexpr size_t kMostInputs = 32;
static constexpr size_t kMostStreams = 4; // as large as the product, that its tiles are walked beside
static constexpr int64_t kSmallReduction = 8;

StringRef cleave::analysis::nameOf(GroupKind kind) {
  switch (kind) {
  case GroupKind::Product:
    return "product";
  case GroupKind::Rows:
    return "rows";
  case GroupKind::Columns:
    return "columns";
  case GroupKind::Whole:
    return "whole";
  }
  return "";
}

bool cleave::analysis::isComputed(Operation *op) {
  return isa<model::IndexOp, model::GatherOp, model::ScatterOp, model::ArgsortOp>(op);
}

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

// The op's loop sizes: a gather runs over its result.
static ArrayRef<int64_t> sizesOf(Operation *op) {
  if (auto index = dyn_cast<model::IndexOp>(op))
    return index.getSizes();
  return typeOf(op->getResult(0)).getShape();
}

static int64_t product(ArrayRef<int64_t> sizes) {
  int64_t result = 1;
  for (int64_t size : sizes)
    result *= size;
  return result;
}

//===------------------------------------------------------------------===//
// Kinds
//===------------------------------------------------------------------===//

// Scalar casts do not make a product less of one.
static Value stripCasts(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<arith::ExtFOp, arith::TruncFOp, arith::ExtSIOp, arith::ExtUIOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

bool cleave::analysis::isProduct(model::IndexOp op) {
  if (op.getCombiner() != model::Combiner::Sum || op.getInputs().size() != 2 ||
      product(op.getSizes().drop_front(op.getParallel())) <= kSmallReduction)
    return false;
  Value value = stripCasts(cast<model::YieldOp>(op.getBodyBlock().getTerminator()).getValue());
  Operation *multiply = value.getDefiningOp();
  if (!isa_and_nonnull<arith::MulFOp, arith::MulIOp>(multiply))
    return false;
  auto left = dyn_cast<BlockArgument>(stripCasts(multiply->getOperand(0)));
  auto right = dyn_cast<BlockArgument>(stripCasts(multiply->getOperand(1)));
  if (!left || !right || left == right)
    return false;
  auto varies = [&](unsigned input, unsigned other) {
    for (unsigned dim = 0; dim < op.getParallel(); ++dim)
      if (op.getMap(input).isFunctionOfDim(dim) && !op.getMap(other).isFunctionOfDim(dim))
        return true;
    return false;
  };
  return varies(0, 1) && varies(1, 0);
}

// The map of the input that covers most points of the iteration space.
static AffineMap mainMap(model::IndexOp op) {
  AffineMap best;
  int64_t most = -1;
  for (unsigned i = 0; i < op.getInputs().size(); ++i) {
    int64_t points = 1;
    for (int64_t dim = 0; dim < op.getNumDims(); ++dim)
      points *= op.getMap(i).isFunctionOfDim(dim) ? op.getSizes()[dim] : 1;
    if (points > most) {
      most = points;
      best = op.getMap(i);
    }
  }
  return best;
}

// Parallel dims of a reduction that lie outside all reduced ones in its main input; all of an element-wise
// op's.
static SmallVector<int64_t> candidateRows(Operation *op) {
  int64_t rank = typeOf(op->getResult(0)).getRank();
  SmallVector<int64_t> dims = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  auto index = dyn_cast<model::IndexOp>(op);
  if (!index || index.getNumReductions() == 0 || index.getInputs().empty())
    return dims;
  AffineMap map = mainMap(index);
  unsigned firstReduced = map.getNumResults();
  for (int64_t dim = rank; dim < index.getNumDims(); ++dim)
    for (unsigned i = 0; i < firstReduced; ++i)
      if (map.getResult(i).isFunctionOfDim(dim))
        firstReduced = i;
  llvm::erase_if(dims, [&](int64_t dim) {
    return llvm::any_of(llvm::seq(firstReduced, map.getNumResults()),
                        [&](unsigned i) { return map.getResult(i).isFunctionOfDim(dim); });
  });
  return dims;
}

static bool isInChain(Operation *op) { return op->hasAttr(kChainAttr); }

static Group single(Operation *op) {
  Group group;
  group.ops.push_back(op);
  SmallVector<int64_t> dims;
  if (isInChain(op)) {
    dims = llvm::to_vector(op->getAttrOfType<DenseI64ArrayAttr>(kChainRowsAttr).asArrayRef());
  } else if (isa<model::ScatterOp, model::ArgsortOp>(op)) {
    group.kind = GroupKind::Whole;
  } else {
    dims = candidateRows(op);
    auto index = dyn_cast<model::IndexOp>(op);
    int64_t rank = typeOf(op->getResult(0)).getRank();
    bool product = index && isProduct(index);
    if (product || (dims.empty() && rank > 0)) {
      group.kind = product ? GroupKind::Product : GroupKind::Columns;
      dims = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    }
  }
  for (int64_t dim : dims)
    group.rows.push_back(sizesOf(op)[dim]);
  group.rowDims.push_back(dims);
  return group;
}

//===------------------------------------------------------------------===//
// Merging
//===------------------------------------------------------------------===//

namespace {

// One read of a value: the map from the reader's dims to the value's axes, or null where it is no plain one.
struct Read {
  Value value;
  AffineMap map;
};

} // namespace

static AffineMap plainMap(AffineMap map, ArrayRef<int64_t> sizes, RankedTensorType type) {
  if (!map.isProjectedPermutation())
    return {};
  for (auto [expr, size] : llvm::zip(map.getResults(), type.getShape()))
    if (sizes[cast<AffineDimExpr>(expr).getPosition()] != size)
      return {};
  return map;
}

static SmallVector<Read> readsOf(Operation *op) {
  SmallVector<Read> reads;
  auto add = [&](Value value, AffineMap map) {
    reads.push_back({value, plainMap(map, sizesOf(op), typeOf(value))});
  };
  if (auto index = dyn_cast<model::IndexOp>(op)) {
    for (auto [i, input] : llvm::enumerate(index.getInputs()))
      add(input, index.getMap(i));
  } else if (auto gather = dyn_cast<model::GatherOp>(op)) {
    reads.push_back({gather.getTable(), AffineMap()});
    for (auto [input, map] : llvm::zip(gather.getIndices(), gather.getIndexMaps()))
      add(input, cast<AffineMapAttr>(map).getValue());
  } else {
    for (Value operand : op->getOperands())
      reads.push_back({operand, AffineMap()});
  }
  return reads;
}

static int positionOf(ArrayRef<int64_t> list, int64_t value) {
  auto *found = llvm::find(list, value);
  return found == list.end() ? -1 : found - list.begin();
}

// Which row of `consumer` each row of `producer` is, by every value passed between them; -1 for none. Fails
// where a value is read in a way that a kernel cannot read its own values.
static std::optional<SmallVector<int>> matchRows(const Group &producer, const Group &consumer) {
  SmallVector<int> match(producer.rows.size(), -2);
  for (auto [reader, readerDims] : llvm::zip(consumer.ops, consumer.rowDims)) {
    for (const Read &read : readsOf(reader)) {
      auto *maker = llvm::find(producer.ops, read.value.getDefiningOp());
      if (maker == producer.ops.end())
        continue;
      if (!read.map)
        return std::nullopt;
      const SmallVector<int64_t> &makerDims = producer.rowDims[maker - producer.ops.begin()];
      for (auto [row, axis] : llvm::enumerate(makerDims)) {
        int here = positionOf(readerDims, cast<AffineDimExpr>(read.map.getResult(axis)).getPosition());
        match[row] = match[row] == -2 || match[row] == here ? here : -1;
      }
    }
  }
  return match;
}

// Groups side by side: rows are the same by position.
static std::optional<SmallVector<int>> matchSideways(const Group &a, const Group &b) {
  if (a.rows != b.rows)
    return std::nullopt;
  return llvm::to_vector(llvm::seq<int>(0, a.rows.size()));
}

static bool hasChain(const Group &group) { return llvm::any_of(group.ops, isInChain); }

static SmallVector<int> inverse(ArrayRef<int> match, size_t size) {
  SmallVector<int> result(size, -1);
  for (auto [row, other] : llvm::enumerate(match))
    if (other >= 0)
      result[other] = row;
  return result;
}

// A chain keeps its rows and their order, which says along which the vectors run.
static bool keepsChains(const Group &a, const Group &b, ArrayRef<int> match) {
  SmallVector<int> back = inverse(match, b.rows.size());
  bool both = hasChain(a) && hasChain(b);
  return (!hasChain(a) || !llvm::is_contained(match, -1)) &&
         (!hasChain(b) || !llvm::is_contained(back, -1)) && (!both || llvm::is_sorted(match));
}

static SmallVector<int64_t> take(ArrayRef<int64_t> dims, ArrayRef<unsigned> rows) {
  return llvm::map_to_vector(rows, [&](unsigned row) { return dims[row]; });
}

static Group join(const Group &a, const Group &b, ArrayRef<int> match) {
  Group merged;
  merged.kind = a.kind;
  SmallVector<unsigned> fromA, fromB;
  for (auto [row, other] : llvm::enumerate(match))
    if (other >= 0) {
      fromA.push_back(row);
      fromB.push_back(other);
    }
  merged.rows = take(a.rows, fromA);
  for (auto [op, dims] : llvm::zip(a.ops, a.rowDims)) {
    merged.ops.push_back(op);
    merged.rowDims.push_back(take(dims, fromA));
  }
  for (auto [op, dims] : llvm::zip(b.ops, b.rowDims)) {
    merged.ops.push_back(op);
    merged.rowDims.push_back(take(dims, fromB));
  }
  return merged;
}

// The rows of an op come first in its result: what a row covers is contiguous.
static bool leads(ArrayRef<int64_t> rowDims) {
  return llvm::all_of(rowDims, [&](int64_t dim) { return dim < static_cast<int64_t>(rowDims.size()); });
}

static int64_t pointsOf(Operation *op) { return product(sizesOf(op)); }

static size_t countInputs(const Group &group) {
  size_t count = 0;
  llvm::SmallDenseSet<Value> seen;
  for (Operation *op : group.ops)
    for (Value operand : op->getOperands())
      count += !llvm::is_contained(group.ops, operand.getDefiningOp()) && seen.insert(operand).second;
  return count;
}

static bool isSensible(const Group &merged, const Group &a, const Group &b) {
  if (merged.ops.size() > kMostOps || countInputs(merged) > kMostInputs)
    return false;
  int64_t points = 0;
  for (Operation *op : merged.ops)
    points = std::max(points, pointsOf(op));
  auto isScalar = [](Operation *op) { return typeOf(op->getResult(0)).getRank() == 0; };
  if (points <= kSmallPoints && merged.rows.empty())
    return llvm::all_of(b.ops, isScalar);
  int64_t rows = product(merged.rows);
  if (merged.rows.empty() || rows < std::min({kFewRows, product(a.rows), product(b.rows)}))
    return false;
  bool transposes = hasChain(merged);
  for (auto [op, dims] : llvm::zip(merged.ops, merged.rowDims)) {
    if (isInChain(op)) // whose limits were checked when it was found
      continue;
    int64_t width = llvm::divideCeil(typeOf(op->getResult(0)).getElementTypeBitWidth(), 8);
    bool contiguous = leads(dims) || transposes; // kernels of chains transpose what lies across
    if (!contiguous || pointsOf(op) / rows * width > kInnerBytes)
      return false;
  }
  return true;
}

// Columns share a kernel when they run over the same points and read something alike.
static bool sameColumns(const Group &a, const Group &b) {
  Operation *first = a.ops.front(), *second = b.ops.front();
  auto left = dyn_cast<model::IndexOp>(first), right = dyn_cast<model::IndexOp>(second);
  if (!left || !right || left.getSizes() != right.getSizes() || left.getParallel() != right.getParallel())
    return false;
  for (auto [i, input] : llvm::enumerate(left.getInputs()))
    for (auto [k, other] : llvm::enumerate(right.getInputs()))
      if (input == other && left.getMap(i) == right.getMap(k))
        return true;
  return false;
}

//===------------------------------------------------------------------===//
// The search
//===------------------------------------------------------------------===//

namespace {

class Grouper {
public:
  // Products in `plain` are left alone.
  Grouper(Block &block, const llvm::SmallPtrSetImpl<Operation *> &plain);
  std::vector<Group> run();

private:
  unsigned rootOf(unsigned node);
  // Whether a path leads from one group to the other by way of a third.
  bool connectedAround(unsigned from, unsigned to);
  bool dependsOn(unsigned reader, unsigned maker);
  bool tryMerge(unsigned maker, unsigned reader);
  bool tryEpilogue(unsigned maker, unsigned reader);
  bool tryBeside(unsigned a, unsigned b);
  void merge(unsigned into, unsigned from, Group group);
  void mergeMarked();
  bool mergeChains();
  bool mergeSiblings();

  ActionGraph graph;
  const llvm::SmallPtrSetImpl<Operation *> &plain;
  std::vector<std::optional<Group>> groups; // by node; of merged ones by root
  std::vector<unsigned> parents;
  std::vector<llvm::SetVector<unsigned>> successors; // of roots, to nodes
};

} // namespace

Grouper::Grouper(Block &block, const llvm::SmallPtrSetImpl<Operation *> &plain) : graph(block), plain(plain) {
  for (auto [i, op] : llvm::enumerate(graph.ops)) {
    groups.push_back(isComputed(op) ? std::optional(single(op)) : std::nullopt);
    parents.push_back(i);
    successors.emplace_back(graph.successors[i].begin(), graph.successors[i].end());
  }
}

unsigned Grouper::rootOf(unsigned node) {
  while (parents[node] != node)
    node = parents[node] = parents[parents[node]];
  return node;
}

bool Grouper::connectedAround(unsigned from, unsigned to) {
  llvm::BitVector seen(graph.ops.size());
  llvm::SmallVector<unsigned> stack;
  auto visit = [&](unsigned node, bool first) {
    for (unsigned next : successors[node]) {
      unsigned root = rootOf(next);
      if (root == node || seen.test(root) || (first && root == to))
        continue;
      seen.set(root);
      stack.push_back(root);
    }
  };
  visit(from, true);
  while (!stack.empty()) {
    unsigned node = stack.pop_back_val();
    if (node == to)
      return true;
    visit(node, false);
  }
  return false;
}

void Grouper::merge(unsigned into, unsigned from, Group group) {
  llvm::SmallVector<unsigned> order = llvm::to_vector(llvm::seq<unsigned>(0, group.ops.size()));
  llvm::sort(order, [&](unsigned a, unsigned b) {
    return graph.indices[group.ops[a]] < graph.indices[group.ops[b]];
  });
  Group sorted = group;
  for (auto [i, at] : llvm::enumerate(order)) {
    sorted.ops[i] = group.ops[at];
    sorted.rowDims[i] = group.rowDims[at];
  }
  groups[into] = std::move(sorted);
  groups[from].reset();
  parents[from] = into;
  successors[into].insert(successors[from].begin(), successors[from].end());
}

// Whether one group is a product and the other what is computed at each of its points.
static bool isEpilogue(const Group &a, const Group &b) {
  bool first = a.kind == GroupKind::Product;
  const Group &product = first ? a : b, &rows = first ? b : a;
  if (product.kind != GroupKind::Product || rows.kind != GroupKind::Rows)
    return false;
  model::IndexOp op = productOf(product);
  return op && makesTiles(op) && isPointwise(rows, op);
}

// Ops that read a tile of a product where it was made.
bool Grouper::tryEpilogue(unsigned maker, unsigned reader) {
  const Group &a = *groups[maker], &b = *groups[reader];
  if (!isEpilogue(a, b))
    return false;
  std::optional<SmallVector<int>> match = matchRows(a, b);
  if (!match || !llvm::equal(*match, llvm::seq<int>(0, a.rows.size())))
    return false;
  Group merged = join(a, b, *match);
  merged.kind = GroupKind::Product;
  if (plain.contains(productOf(merged)) || merged.ops.size() > kMostOps ||
      countInputs(merged) > kMostInputs || connectedAround(maker, reader) || connectedAround(reader, maker))
    return false;
  merge(maker, reader, std::move(merged));
  return true;
}

bool Grouper::tryMerge(unsigned maker, unsigned reader) {
  const Group &a = *groups[maker], &b = *groups[reader];
  if (tryEpilogue(maker, reader))
    return true;
  if (a.kind != GroupKind::Rows || b.kind != GroupKind::Rows)
    return false;
  std::optional<SmallVector<int>> match = matchRows(a, b);
  if (!match || !keepsChains(a, b, *match))
    return false;
  Group merged = hasChain(b) ? join(b, a, inverse(*match, b.rows.size())) : join(a, b, *match);
  if (!isSensible(merged, a, b) || connectedAround(maker, reader) || connectedAround(reader, maker))
    return false;
  merge(maker, reader, std::move(merged));
  return true;
}

bool Grouper::dependsOn(unsigned reader, unsigned maker) {
  return llvm::any_of(successors[maker], [&](unsigned next) { return rootOf(next) == reader; });
}

bool Grouper::tryBeside(unsigned a, unsigned b) {
  const Group &left = *groups[a], &right = *groups[b];
  bool rows = left.kind == GroupKind::Rows && right.kind == GroupKind::Rows;
  bool columns =
      left.kind == GroupKind::Columns && right.kind == GroupKind::Columns && sameColumns(left, right);
  if ((!rows && !columns) || dependsOn(a, b) || dependsOn(b, a))
    return false;
  std::optional<SmallVector<int>> match = matchSideways(left, right);
  if (!match || !keepsChains(left, right, *match))
    return false;
  Group merged = join(left, right, *match);
  if ((rows && !isSensible(merged, left, right)) || connectedAround(a, b) || connectedAround(b, a))
    return false;
  merge(a, b, std::move(merged));
  return true;
}

// The ops of a chain are one group, whatever they read from each other.
void Grouper::mergeMarked() {
  llvm::DenseMap<Attribute, unsigned> first;
  for (auto [node, op] : llvm::enumerate(graph.ops)) {
    if (!isComputed(op) || !isInChain(op))
      continue;
    auto [known, isNew] = first.try_emplace(op->getAttr(kChainAttr), node);
    if (isNew)
      continue;
    const Group &chain = *groups[known->second], &next = *groups[node];
    std::optional<SmallVector<int>> match = matchSideways(chain, next);
    if (match && !connectedAround(known->second, node) && !connectedAround(node, known->second))
      merge(known->second, node, join(chain, next, *match));
  }
}

// Makers with their readers, in program order.
bool Grouper::mergeChains() {
  bool changed = false;
  for (unsigned node = 0; node < graph.ops.size(); ++node) {
    if (!isComputed(graph.ops[node]))
      continue;
    for (Value operand : graph.ops[node]->getOperands()) {
      auto maker = graph.indices.find(operand.getDefiningOp());
      if (!operand.getDefiningOp() || maker == graph.indices.end() || !isComputed(maker->first))
        continue;
      unsigned a = rootOf(maker->second), b = rootOf(node);
      changed |= a != b && tryMerge(a, b);
    }
  }
  return changed;
}

// Readers of one value that covers all their points: it is read once.
bool Grouper::mergeSiblings() {
  bool changed = false;
  llvm::SetVector<Value> values;
  for (Operation *op : graph.ops)
    if (isComputed(op))
      values.insert(op->operand_begin(), op->operand_end());
  for (Value value : values) {
    llvm::SetVector<unsigned> readers;
    for (Operation *user : value.getUsers())
      if (auto found = graph.indices.find(user); found != graph.indices.end() && isComputed(user) &&
                                                 typeOf(value).getNumElements() * 2 > pointsOf(user))
        readers.insert(found->second);
    for (unsigned i = 0; i < readers.size(); ++i)
      for (unsigned k = i + 1; k < readers.size(); ++k) {
        unsigned a = rootOf(std::min(readers[i], readers[k])), b = rootOf(std::max(readers[i], readers[k]));
        changed |= a != b && tryBeside(a, b);
      }
  }
  return changed;
}

std::vector<Group> Grouper::run() {
  mergeMarked();
  while (mergeChains() || mergeSiblings()) {
  }
  std::vector<Group> found;
  for (std::optional<Group> &group : groups)
    if (group)
      found.push_back(std::move(*group));
  return found;
}

std::vector<Group> cleave::analysis::groupBlock(Block &block) {
  // What makes tiles wait for many streams is better off as a whole, walked in one piece: an optimiser's
  // update.
  llvm::SmallPtrSet<Operation *, 8> plain;
  std::vector<Group> groups = Grouper(block, plain).run();
  for (const Group &group : groups)
    if (group.kind == GroupKind::Product && group.ops.size() > 1 &&
        countStreams(group, productOf(group)) > kMostStreams)
      plain.insert(productOf(group));
  return plain.empty() ? groups : Grouper(block, plain).run();
}
