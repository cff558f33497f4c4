// --model-split-reductions: gives large reductions to few results a first step with many.
//
//   %n = model.index () sum (i: I = 384, j: J = 1536) ins(%g[i, j]) { mulf %a, %a }
//   ->
//   %p = model.index (i: I = 384) sum (j: J = 1536) ins(%g[i, j]) { mulf %a, %a }
//   %n = model.index () sum (i: I = 384) ins(%p[i]) { yield %a }
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

static constexpr int64_t kPoints = 32;  // results that two cores and vectors can share
static constexpr int64_t kRow = 64;     // elements worth a row of their own
static constexpr int64_t kLarge = 8192; // elements worth a second op

static int64_t product(ArrayRef<int64_t> sizes) {
  int64_t points = 1;
  for (int64_t size : sizes)
    points *= size;
  return points;
}

// Whether an op reduces much to little.
static bool isLarge(IndexOp op) {
  return op.getNumReductions() >= 2 && !op->hasAttr("exact") &&
         product(op.getSizes().take_front(op.getParallel())) < kPoints &&
         product(op.getSizes().drop_front(op.getParallel())) >= kLarge;
}

// How many leading reduction dims become parallel; 0 to leave the op alone.
static unsigned chooseSplit(IndexOp op) {
  int64_t results = product(op.getSizes().take_front(op.getParallel()));
  int64_t rest = product(op.getSizes().drop_front(op.getParallel()));
  unsigned split = 0;
  for (int64_t size : op.getSizes().drop_front(op.getParallel())) {
    if (results >= kPoints || rest / size < kRow)
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

// Renumbers the reduction dims.
static void reorder(IndexOp op, ArrayRef<unsigned> order) {
  MLIRContext *context = op.getContext();
  unsigned parallel = op.getParallel();
  SmallVector<unsigned> places(op.getNumDims());
  std::iota(places.begin(), places.end(), 0);
  SmallVector<Attribute> axes(op.getAxes().getValue());
  SmallVector<int64_t> sizes(op.getSizes());
  for (auto [i, dim] : llvm::enumerate(order)) {
    places[dim] = parallel + i;
    axes[parallel + i] = op.getAxes()[dim];
    sizes[parallel + i] = op.getSizes()[dim];
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

static void splitReduction(IndexOp op, unsigned split) {
  OpBuilder builder(op);
  unsigned parallel = op.getParallel(), partialRank = parallel + split;
  ArrayRef<int64_t> sizes = op.getSizes();
  std::vector<std::string> names; // a tensor's axes differ
  SmallVector<StringRef> axes;
  for (unsigned dim = 0; dim < partialRank; ++dim) {
    std::string name = op.getAxis(dim).str();
    while (llvm::is_contained(names, name))
      name += "_1";
    names.push_back(name);
  }
  axes.assign(names.begin(), names.end());
  auto type = cast<RankedTensorType>(op.getType());
  auto partial = cast<IndexOp>(builder.clone(*op));
  partial->removeAttr("names");
  partial.setParallel(partialRank);
  partial.getResult().setType(tensorOf(type.getElementType(), axes, sizes.take_front(partialRank)));
  AffineMap map = builder.getMultiDimIdentityMap(partialRank);
  auto whole = IndexOp::create(builder, op.getLoc(), type, partial.getResult(), map, ArrayRef<Attribute>(),
                               axes, sizes.take_front(partialRank), parallel, op.getCombiner(),
                               [](OpBuilder &, Location, ValueRange values) { return values[0]; });
  if (Attribute known = op->getAttr("names"))
    whole->setAttr("names", known);
  op.replaceAllUsesWith(whole.getResult());
  op.erase();
}

namespace {
struct ModelSplitReductions : cleave::model::impl::ModelSplitReductionsBase<ModelSplitReductions> {
  void runOnOperation() override {
    SmallVector<IndexOp> ops;
    getOperation().walk([&](IndexOp op) { ops.push_back(op); });
    for (IndexOp op : ops) {
      if (!isLarge(op))
        continue;
      reorder(op, storedOrder(op));
      if (unsigned split = chooseSplit(op))
        splitReduction(op, split);
    }
  }
};
} // namespace
