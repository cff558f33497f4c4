#include "compiler/analysis/Chains.h"

#include "compiler/analysis/Grouping.h"

#include "llvm/ADT/SetVector.h"

#include <map>

using namespace mlir;
using namespace cleave;
using namespace cleave::analysis;

// Products of longer sums gain more from the library's tiles than from values that stay in cache.
static constexpr int64_t kLongestSum = 256;
// Lanes of vectors are rows: fewer would leave them empty.
static constexpr int64_t kFewestRows = 16;
// Of the large value, what one vector of rows covers: up to 8192 f32 they stay in a core's L2 cache, and
// longer ones still cost less than the large value as a whole.
static constexpr int64_t kInnerBytes = 8 << 20;

// What decides whether a family pays; measured on the reference machine, per core, in operations and bytes
// per nanosecond: the library's products, tiles inside kernels of rows, sums that are no plain product; what
// passes through the last cache and through memory. A mask by position leaves about half of the points.
static constexpr double kLibraryFlops = 230, kTileFlops = 190, kPlainFlops = 60;
static constexpr double kCacheRate = 25, kMemoryRate = 12, kCacheBytes = 16 << 20;
static constexpr double kMaskedShare = 0.6;

namespace {

// Labels are the axes of the large value, by their position in the product that was found first. An op's dims
// carry the labels of the axes they walk; -1 for dims of its own.
using Labels = SmallVector<int>;

class FamilyFinder {
public:
  explicit FamilyFinder(model::IndexOp root) : root(root) {}
  std::optional<ChainFamily> run();

private:
  bool add(model::IndexOp op, Labels labels);
  bool addMakers(model::IndexOp op);
  bool addReader(model::IndexOp op);
  void addBetween();
  bool between(Value value, Labels labels, SmallVectorImpl<std::pair<Operation *, Labels>> &found);
  bool dependsOnFamily(Value value);
  bool isMember(Operation *op) const { return op && dimLabels.contains(op); }
  std::optional<Labels> axisLabels(model::IndexOp reader, unsigned input, ArrayRef<int> dims) const;
  bool hasAll(ArrayRef<int> labels) const;
  bool pays(ArrayRef<Chain> chains) const;
  std::optional<Labels> rowOrder(model::IndexOp op) const;
  Chain build(ArrayRef<int> rows, ArrayRef<Operation *> ends) const;
  int stepOf(Operation *op);
  int stepBehind(Value value);

  model::IndexOp root;
  llvm::SetVector<Operation *> large, small;
  llvm::DenseMap<Operation *, Labels> dimLabels;
  llvm::DenseMap<Operation *, bool> reached;
  llvm::DenseMap<Operation *, int> steps, outsideSteps;
};

} // namespace

static int64_t pointsOf(model::IndexOp op, llvm::function_ref<bool(unsigned)> holds) {
  int64_t points = 1;
  for (auto [dim, size] : llvm::enumerate(op.getSizes()))
    points *= holds(dim) ? size : 1;
  return points;
}

// The labels of the axes of what `reader` reads; nothing where it is no plain read along labelled dims.
std::optional<Labels> FamilyFinder::axisLabels(model::IndexOp reader, unsigned input,
                                               ArrayRef<int> dims) const {
  AffineMap map = reader.getMap(input);
  if (!map.isProjectedPermutation() || reader.getOutsideValue(input))
    return std::nullopt;
  Labels labels;
  auto shape = cast<RankedTensorType>(reader.getInputs()[input].getType()).getShape();
  for (auto [expr, size] : llvm::zip(map.getResults(), shape)) {
    unsigned dim = cast<AffineDimExpr>(expr).getPosition();
    if (dims[dim] < 0 || reader.getSizes()[dim] != size)
      return std::nullopt;
    labels.push_back(dims[dim]);
  }
  return labels;
}

bool FamilyFinder::hasAll(ArrayRef<int> labels) const {
  for (unsigned label = 0; label < model::IndexOp(root).getParallel(); ++label)
    if (!llvm::is_contained(labels, static_cast<int>(label)))
      return false;
  return true;
}

bool FamilyFinder::add(model::IndexOp op, Labels labels) {
  if (isMember(op))
    return dimLabels.find(op)->second == labels;
  if (op->hasAttr("exact") || !isa<FloatType>(op.getType().getElementType()) ||
      pointsOf(op, [&](unsigned dim) { return labels[dim] < 0; }) > kLongestSum)
    return false;
  ArrayRef<int> result = ArrayRef(labels).take_front(op.getParallel());
  bool isLarge = hasAll(result);
  ArrayRef<int> reduced = ArrayRef(labels).drop_front(op.getParallel());
  // A large value has no axes of its own; a small one sums over none.
  if (isLarge ? result.size() != root.getParallel() : llvm::is_contained(reduced, -1))
    return false;
  dimLabels[op] = std::move(labels);
  (isLarge ? large : small).insert(op);
  if (!isLarge)
    return true;
  for (Operation *user : op->getUsers()) {
    auto reader = dyn_cast<model::IndexOp>(user);
    if (!reader || reader->getBlock() != root->getBlock() || !addReader(reader))
      return false;
  }
  return addMakers(op);
}

// What is as large and computed from small values by a product is computed along with what reads it.
bool FamilyFinder::addMakers(model::IndexOp op) {
  for (unsigned input = 0; input < op.getInputs().size(); ++input) {
    auto maker = op.getInputs()[input].getDefiningOp<model::IndexOp>();
    std::optional<Labels> labels = axisLabels(op, input, dimLabels.find(op)->second);
    if (!maker || maker->getBlock() != root->getBlock() || isMember(maker) || !isProduct(maker) || !labels ||
        !hasAll(*labels))
      continue;
    labels->resize(maker.getNumDims(), -1);
    if (!add(maker, *labels))
      return false;
  }
  return true;
}

bool FamilyFinder::addReader(model::IndexOp op) {
  Labels labels(op.getNumDims(), -1);
  for (auto [input, value] : llvm::enumerate(op.getInputs())) {
    Operation *maker = value.getDefiningOp();
    if (!large.contains(maker))
      continue;
    AffineMap map = op.getMap(input);
    if (!map.isProjectedPermutation() || op.getOutsideValue(input))
      return false;
    for (auto [axis, expr] : llvm::enumerate(map.getResults())) {
      unsigned dim = cast<AffineDimExpr>(expr).getPosition();
      int label = dimLabels.find(maker)->second[axis];
      bool fits = op.getSizes()[dim] == cast<RankedTensorType>(value.getType()).getDimSize(axis) &&
                  (labels[dim] < 0 || labels[dim] == label);
      if (!fits)
        return false;
      labels[dim] = label;
    }
  }
  for (unsigned label = 0; label < root.getParallel(); ++label)
    if (llvm::count(labels, static_cast<int>(label)) != 1)
      return false;
  return add(op, labels);
}

bool FamilyFinder::dependsOnFamily(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != root->getBlock())
    return false;
  if (isMember(op))
    return true;
  auto [known, isNew] = reached.try_emplace(op, false);
  if (!isNew)
    return known->second;
  bool depends = false;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      depends |= dependsOnFamily(operand);
  });
  return reached[op] = depends;
}

// Element-wise ops on rows that lie between members, from `value` back; false where something else does.
bool FamilyFinder::between(Value value, Labels labels,
                           SmallVectorImpl<std::pair<Operation *, Labels>> &found) {
  auto op = value.getDefiningOp<model::IndexOp>();
  if (isMember(op))
    return ArrayRef(dimLabels.find(op)->second).take_front(labels.size()) == ArrayRef(labels);
  if (!dependsOnFamily(value))
    return true;
  if (!op || op.getNumReductions() || hasAll(labels) || op->hasAttr("exact"))
    return false;
  found.emplace_back(op, labels);
  for (unsigned input = 0; input < op.getInputs().size(); ++input) {
    if (!dependsOnFamily(op.getInputs()[input]))
      continue;
    std::optional<Labels> axes = axisLabels(op, input, labels);
    if (!axes || !between(op.getInputs()[input], *axes, found))
      return false;
  }
  return true;
}

void FamilyFinder::addBetween() {
  for (Operation *op : large.getArrayRef()) {
    auto reader = cast<model::IndexOp>(op);
    for (unsigned input = 0; input < reader.getInputs().size(); ++input) {
      std::optional<Labels> labels = axisLabels(reader, input, dimLabels.find(op)->second);
      SmallVector<std::pair<Operation *, Labels>> found;
      if (labels && !hasAll(*labels) && between(reader.getInputs()[input], *labels, found))
        for (auto &[each, its] : found)
          add(cast<model::IndexOp>(each), its);
    }
  }
}

// Operations that an op's products take; what is computed point by point is little beside them.
static double flopsOf(model::IndexOp op, ArrayRef<int> labels) {
  bool isContraction = llvm::is_contained(labels, -1);
  return isContraction ? 2.0 * pointsOf(op, [](unsigned) { return true; }) : 0;
}

static bool isMasked(model::IndexOp op) {
  auto select =
      cast<model::YieldOp>(op.getBodyBlock().getTerminator()).getValue().getDefiningOp<arith::SelectOp>();
  return select && !op.getBodyBlock().getOps<model::IterOp>().empty();
}

// Whether computing the large values where they are read, often several times, is faster than passing them
// through memory. Per core: operations and bytes per nanosecond.
bool FamilyFinder::pays(ArrayRef<Chain> chains) const {
  auto labelsOf = [&](Operation *op) { return ArrayRef(dimLabels.find(op)->second); };
  double apart = 0, fused = 0, passes = 0;
  bool masked = false;
  for (Operation *op : llvm::concat<Operation *const>(large, small)) {
    auto index = cast<model::IndexOp>(op);
    apart += flopsOf(index, labelsOf(op)) / (isProduct(index) ? kLibraryFlops : kPlainFlops);
    masked |= small.contains(op) && isMasked(index);
    if (large.contains(op))
      passes += 1 + llvm::SmallPtrSet<Operation *, 4>(op->user_begin(), op->user_end()).size();
  }
  for (const Chain &chain : chains)
    for (model::IndexOp op : chain.ops)
      fused += flopsOf(op, labelsOf(op)) / kTileFlops;
  double bytes = pipe::bytesOf(model::IndexOp(root).getType());
  apart += passes * bytes / (bytes <= kCacheBytes ? kCacheRate : kMemoryRate);
  return fused * (masked ? kMaskedShare : 1) < apart;
}

// The labels of the result of a small op as row dims: those that both factors of the product have first, so
// that vectors run along one that the other factor does not vary with.
std::optional<Labels> FamilyFinder::rowOrder(model::IndexOp op) const {
  model::IndexOp product = root;
  auto isShared = [&](int label) {
    return product.getMap(0).isFunctionOfDim(label) && product.getMap(1).isFunctionOfDim(label);
  };
  Labels rows;
  for (int label : ArrayRef(dimLabels.find(op)->second).take_front(op.getParallel()))
    if (label >= 0)
      rows.push_back(label);
  llvm::sort(rows, [&](int a, int b) { return std::pair(!isShared(a), a) < std::pair(!isShared(b), b); });
  if (rows.empty() || isShared(rows.back()) || product.getSizes()[rows.back()] < kFewestRows)
    return std::nullopt;
  int64_t width = llvm::divideCeil(product.getType().getElementTypeBitWidth(), 8);
  int64_t inner = pointsOf(product, [&](unsigned dim) {
    return dim < product.getParallel() && !llvm::is_contained(rows, static_cast<int>(dim));
  });
  return inner * width * kFewestRows <= kInnerBytes ? std::optional(rows) : std::nullopt;
}

Chain FamilyFinder::build(ArrayRef<int> rows, ArrayRef<Operation *> ends) const {
  llvm::SetVector<Operation *> ops(ends.begin(), ends.end());
  for (unsigned next = 0; next < ops.size(); ++next)
    for (Value operand : ops[next]->getOperands())
      if (large.contains(operand.getDefiningOp()))
        ops.insert(operand.getDefiningOp());
  SmallVector<Operation *> sorted = ops.takeVector();
  llvm::sort(sorted, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  Chain chain;
  for (Operation *op : sorted) {
    const Labels &labels = dimLabels.find(op)->second;
    chain.ops.push_back(cast<model::IndexOp>(op));
    chain.rowDims.push_back(llvm::map_to_vector(
        rows, [&](int row) -> int64_t { return llvm::find(labels, row) - labels.begin(); }));
  }
  return chain;
}

// The highest step of the members that `value` depends on by way of ops that are none; -1 for none.
int FamilyFinder::stepBehind(Value value) {
  Operation *op = value.getDefiningOp();
  if (!dependsOnFamily(value))
    return -1;
  if (isMember(op))
    return stepOf(op);
  auto [known, isNew] = outsideSteps.try_emplace(op, -1);
  if (!isNew)
    return known->second;
  int step = -1;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (!op->isProperAncestor(operand.getParentBlock()->getParentOp()))
        step = std::max(step, stepBehind(operand));
  });
  return outsideSteps[op] = step;
}

// Small ops of one step and the same rows become one chain, which reads chains of lower steps.
int FamilyFinder::stepOf(Operation *op) {
  if (auto known = steps.find(op); known != steps.end())
    return known->second;
  int step = 0;
  llvm::SetVector<Operation *> cone;
  cone.insert(op);
  for (unsigned next = 0; next < cone.size(); ++next)
    for (Value operand : cone[next]->getOperands()) {
      Operation *source = operand.getDefiningOp();
      if (large.contains(source))
        cone.insert(source);
      else if (small.contains(source))
        step = std::max(step, stepOf(source) + (rowOrder(cast<model::IndexOp>(source)) !=
                                                rowOrder(cast<model::IndexOp>(op))));
      else
        step = std::max(step, stepBehind(operand) + 1);
    }
  return steps[op] = step;
}

std::optional<ChainFamily> FamilyFinder::run() {
  Labels labels(root.getNumDims(), -1);
  for (unsigned dim = 0; dim < root.getParallel(); ++dim)
    labels[dim] = dim;
  if (!add(root, labels))
    return std::nullopt;
  addBetween();
  std::map<std::pair<int, Labels>, SmallVector<Operation *>> ends; // by step and rows
  for (Operation *op : small) {
    std::optional<Labels> rows = rowOrder(cast<model::IndexOp>(op));
    if (!rows)
      return std::nullopt;
    ends[{stepOf(op), *rows}].push_back(op);
  }
  ChainFamily chains;
  for (auto &[key, ops] : ends)
    chains.push_back(build(key.second, ops));
  return !chains.empty() && pays(chains) ? std::optional(chains) : std::nullopt;
}

std::vector<ChainFamily> cleave::analysis::findChains(Block &block) {
  std::vector<ChainFamily> families;
  llvm::DenseSet<Operation *> taken;
  for (auto op : block.getOps<model::IndexOp>()) {
    if (taken.contains(op) || !isProduct(op))
      continue;
    std::optional<ChainFamily> family = FamilyFinder(op).run();
    if (!family || llvm::any_of(*family, [&](const Chain &chain) {
          return llvm::any_of(chain.ops, [&](model::IndexOp each) { return taken.contains(each); });
        }))
      continue;
    for (const Chain &chain : *family)
      taken.insert(chain.ops.begin(), chain.ops.end());
    families.push_back(std::move(*family));
  }
  return families;
}
