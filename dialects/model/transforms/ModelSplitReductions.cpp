// --model-split-reductions: gives large reductions to few results a first step with many.
//
//   %n = model.index () sum (i: I = 384, j: J = 1536) ins(%g[i, j]) { mulf %a, %a }
//   ->
//   %p = model.index (i: I = 384) sum (j: J = 1536) ins(%g[i, j]) { mulf %a, %a }
//   %n = model.index () sum (i: I = 384) ins(%p[i]) { yield %a }
//
// A first step with results in front has them first: its rows are then whole rows of the second step. Sums
// over windows (weight gradients of convolutions) have kernels of a tile per task, so they want more results;
// a long one is split even when it has many, its first dim into kParts parts. So do products: few results are
// one tile, and one core's work.
//
// Before and after: legal grad stage. Leading reduction dims become parallel until there are kPoints results;
// the rows left have kRow elements or more. The choice reads shapes alone, so a sum is grouped alike on any
// machine and with any number of threads. It stands last before kernels are formed: earlier, an op per sum is
// what rules and folds look for.
#include "dialects/model/transforms/Build.h"
#include "dialects/model/transforms/Passes.h"

#include <numeric>

namespace cleave::model {
#define GEN_PASS_DEF_MODELSPLITREDUCTIONS
#include "dialects/model/transforms/Passes.h.inc"
} // namespace cleave::model

using namespace mlir;
using namespace cleave::model;

static constexpr int64_t kPoints = 32;          // results that two cores and vectors can share
static constexpr int64_t kWindowPoints = 2048;  // the same, of a sum over windows: some ten tiles
static constexpr int64_t kProductPoints = 4096; // of a product: a tile or two per core
static constexpr int64_t kProductRow = 512;     // terms worth a product of their own
static constexpr int64_t kRow = 64;             // elements worth a row of their own
static constexpr int64_t kLarge = 8192;         // elements worth a second op
static constexpr int64_t kParts = 16;           // of a long sum over windows, at most
static constexpr int64_t kPart = 1024;          // terms worth a part

static int64_t product(ArrayRef<int64_t> sizes) {
  int64_t points = 1;
  for (int64_t size : sizes)
    points *= size;
  return points;
}

// Whether an op multiplies two matrices: each input has a dim of the result that the other lacks.
static bool isProduct(IndexOp op) {
  if (op.getCombiner() != Combiner::Sum || op.getInputs().size() != 2)
    return false;
  auto varies = [&](unsigned input) {
    return llvm::any_of(llvm::seq<unsigned>(0, op.getParallel()), [&](unsigned dim) {
      return op.getMap(input).isFunctionOfDim(dim) && !op.getMap(1 - input).isFunctionOfDim(dim);
    });
  };
  return varies(0) && varies(1);
}

static int64_t wantedPoints(IndexOp op) {
  return readsWindow(op) ? kWindowPoints : isProduct(op) ? kProductPoints : kPoints;
}

static int64_t rowWorthIt(IndexOp op) { return !readsWindow(op) && isProduct(op) ? kProductRow : kRow; }

// Whether an op reduces much to little.
static bool isLarge(IndexOp op) {
  return op.getNumReductions() >= 2 && !op->hasAttr("exact") &&
         product(op.getSizes().take_front(op.getParallel())) < wantedPoints(op) &&
         product(op.getSizes().drop_front(op.getParallel())) >= kLarge;
}

// How many leading reduction dims become parallel; 0 to leave the op alone.
static unsigned chooseSplit(IndexOp op) {
  int64_t results = product(op.getSizes().take_front(op.getParallel()));
  int64_t rest = product(op.getSizes().drop_front(op.getParallel()));
  unsigned split = 0;
  for (int64_t size : op.getSizes().drop_front(op.getParallel())) {
    if (results >= wantedPoints(op) || rest / size < rowWorthIt(op))
      break;
    results *= size;
    rest /= size;
    ++split;
  }
  return results > 1 ? split : 0;
}

// The op's reduction dims in the order in which the input that has them all stores them: rows are then read
// in a row.
static SmallVector<unsigned> storedOrder(IndexOp op) {
  SmallVector<unsigned> order;
  for (AffineMap map : op.getMaps().getAsValueRange<AffineMapAttr>()) {
    order.clear();
    if (map.isProjectedPermutation())
      for (AffineExpr expr : map.getResults())
        if (unsigned dim = cast<AffineDimExpr>(expr).getPosition(); dim >= op.getParallel())
          order.push_back(dim);
    if (static_cast<int64_t>(order.size()) == op.getNumReductions())
      return order;
  }
  order.resize(op.getNumReductions());
  std::iota(order.begin(), order.end(), op.getParallel());
  return order;
}

// Renumbers the dims: `order` says which comes at each place.
static void reorder(IndexOp op, ArrayRef<unsigned> order) {
  MLIRContext *context = op.getContext();
  SmallVector<Attribute> axes;
  SmallVector<int64_t> sizes;
  SmallVector<unsigned> places(order.size());
  for (auto [place, dim] : llvm::enumerate(order)) {
    places[dim] = place;
    axes.push_back(op.getAxes()[dim]);
    sizes.push_back(op.getSizes()[dim]);
  }
  SmallVector<AffineExpr> renamed;
  for (unsigned place : places)
    renamed.push_back(getAffineDimExpr(place, context));
  SmallVector<AffineMap> maps;
  for (AffineMap map : op.getMaps().getAsValueRange<AffineMapAttr>())
    maps.push_back(map.replaceDimsAndSymbols(renamed, {}, renamed.size(), 0));
  for (IterOp iter : op.getBodyBlock().getOps<IterOp>())
    iter.setDim(places[iter.getDim()]);
  op.setAxesAttr(ArrayAttr::get(context, axes));
  op.setSizes(sizes);
  op.setMapsAttr(Builder(context).getAffineMapArrayAttr(maps));
}

// Dims [from, to) of `count`, then those before, then those behind.
static SmallVector<unsigned> inFront(unsigned from, unsigned to, unsigned count) {
  SmallVector<unsigned> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin(), order.begin() + from, order.begin() + to);
  return order;
}

// Of all dims; see storedOrder.
static SmallVector<unsigned> wholeOrder(IndexOp op) {
  SmallVector<unsigned> order(op.getParallel());
  std::iota(order.begin(), order.end(), 0);
  llvm::append_range(order, storedOrder(op));
  return order;
}

static void splitReduction(IndexOp op, unsigned split) {
  OpBuilder builder(op);
  unsigned parallel = op.getParallel(), partialRank = parallel + split;
  auto partial = cast<IndexOp>(builder.clone(*op));
  reorder(partial, inFront(parallel, partialRank, op.getNumDims()));
  std::vector<std::string> names; // a tensor's axes differ
  for (unsigned dim = 0; dim < partialRank; ++dim) {
    std::string name = partial.getAxis(dim).str();
    while (llvm::is_contained(names, name))
      name += "_1";
    names.push_back(name);
  }
  SmallVector<StringRef> axes(names.begin(), names.end());
  auto type = cast<RankedTensorType>(op.getType());
  SmallVector<int64_t> sizes(partial.getSizes().take_front(partialRank));
  partial->removeAttr("names");
  partial.setParallel(partialRank);
  partial.getResult().setType(tensorOf(type.getElementType(), axes, sizes));
  std::rotate(axes.begin(), axes.begin() + split, axes.end());
  std::rotate(sizes.begin(), sizes.begin() + split, sizes.end());
  AffineMap map = AffineMap::getPermutationMap(inFront(parallel, partialRank, partialRank), op.getContext());
  auto whole = IndexOp::create(builder, op.getLoc(), type, partial.getResult(), map, ArrayRef<Attribute>(),
                               axes, sizes, parallel, op.getCombiner(),
                               [](OpBuilder &, Location, ValueRange values) { return values[0]; });
  if (Attribute known = op->getAttr("names"))
    whole->setAttr("names", known);
  op.replaceAllUsesWith(whole.getResult());
  op.erase();
}

// Whether the op sums up many products over windows, each of its results being one long sum.
static bool isLongWindowProduct(IndexOp op) {
  return readsWindow(op) && op.getCombiner() == Combiner::Sum && op.getInputs().size() == 2 &&
         op.getNumReductions() >= 2 && !op->hasAttr("exact") && op.getBodyBlock().getOps<IterOp>().empty() &&
         product(op.getSizes().drop_front(op.getParallel())) >= kLarge;
}

// Makes two dims of one: `parts` of them, and the places within a part.
static void divide(IndexOp op, unsigned dim, int64_t parts) {
  MLIRContext *context = op.getContext();
  int64_t places = op.getSizes()[dim] / parts;
  SmallVector<Attribute> axes(op.getAxes().begin(), op.getAxes().end());
  axes.insert(axes.begin() + dim, axes[dim]);
  SmallVector<int64_t> sizes(op.getSizes());
  sizes[dim] = places;
  sizes.insert(sizes.begin() + dim, parts);
  SmallVector<AffineExpr> exprs;
  for (unsigned old = 0; old < op.getNumDims(); ++old)
    exprs.push_back(getAffineDimExpr(old < dim ? old : old + 1, context));
  exprs[dim] = getAffineDimExpr(dim, context) * places + getAffineDimExpr(dim + 1, context);
  SmallVector<AffineMap> maps;
  for (AffineMap map : op.getMaps().getAsValueRange<AffineMapAttr>())
    maps.push_back(map.replaceDimsAndSymbols(exprs, {}, sizes.size(), 0));
  op.setAxesAttr(ArrayAttr::get(context, axes));
  op.setSizes(sizes);
  op.setMapsAttr(Builder(context).getAffineMapArrayAttr(maps));
}

// Splits a long sum into parts of its first dim.
static void splitIntoParts(IndexOp op) {
  unsigned first = op.getParallel();
  int64_t size = op.getSizes()[first];
  int64_t terms = product(op.getSizes().drop_front(first));
  int64_t parts = std::min(kParts, size);
  while (parts > 1 && (size % parts != 0 || terms / parts < kPart))
    --parts;
  if (parts == 1)
    return;
  if (parts < size)
    divide(op, first, parts);
  splitReduction(op, 1);
}

namespace {
struct ModelSplitReductions : cleave::model::impl::ModelSplitReductionsBase<ModelSplitReductions> {
  void runOnOperation() override {
    SmallVector<IndexOp> ops;
    getOperation().walk([&](IndexOp op) { ops.push_back(op); });
    for (IndexOp op : ops) {
      if (!isLarge(op)) {
        if (isLongWindowProduct(op))
          splitIntoParts(op);
        continue;
      }
      reorder(op, wholeOrder(op));
      if (unsigned split = chooseSplit(op))
        splitReduction(op, split);
    }
  }
};
} // namespace
