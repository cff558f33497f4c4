// --model-lay-out-windows: a small factor of a sum over windows is stored along the result's last axis.
//
// The input gradient of a convolution reads the weights w[u, v, c, o] with c along its own last axis, so that
// vectors of results would gather. A copy w[u, v, o, c] costs next to nothing beside the sum and makes it the
// forward convolution's kernel.
//
// Before and after: legal grad stage. The choice reads shapes alone.
#include "dialects/model/transforms/Build.h"
#include "dialects/model/transforms/Passes.h"

namespace cleave::model {
#define GEN_PASS_DEF_MODELLAYOUTWINDOWS
#include "dialects/model/transforms/Passes.h.inc"
} // namespace cleave::model

using namespace mlir;
using namespace cleave::model;

static constexpr int64_t kReads = 32; // of each element, that pay for a copy

static int64_t product(ArrayRef<int64_t> sizes) {
  int64_t points = 1;
  for (int64_t size : sizes)
    points *= size;
  return points;
}

// The axis of input `input` that the result's last axis walks, where it is not the input's last one.
static std::optional<unsigned> axisToMove(IndexOp op, unsigned input) {
  AffineMap map = op.getMap(input);
  if (map.getNumResults() < 2 || !map.isProjectedPermutation() || op.getOutsideValue(input) ||
      product(op.getSizes()) / product(rankedType(op.getInputs()[input]).getShape()) < kReads)
    return std::nullopt;
  for (auto [axis, expr] : llvm::enumerate(map.getResults().drop_back()))
    if (cast<AffineDimExpr>(expr).getPosition() + 1 == op.getParallel())
      return axis;
  return std::nullopt;
}

static void moveLast(IndexOp op, unsigned input, unsigned axis) {
  Value factor = op.getInputs()[input];
  RankedTensorType type = rankedType(factor);
  unsigned rank = type.getRank();
  OpBuilder builder(op);
  SmallVector<StringRef> axes;
  SmallVector<int64_t> sizes;
  SmallVector<AffineExpr> reads, places(rank); // the reader's dims; the copy's dims
  auto names = cast<AxesAttr>(type.getEncoding()).getNames();
  for (unsigned place = 0; place < rank; ++place) {
    unsigned from = place + 1 == rank ? axis : place < axis ? place : place + 1;
    axes.push_back(names[from]);
    sizes.push_back(type.getDimSize(from));
    reads.push_back(op.getMap(input).getResult(from));
    places[from] = builder.getAffineDimExpr(place);
  }
  auto copy = IndexOp::create(builder, op.getLoc(), tensorOf(type.getElementType(), axes, sizes), factor,
                              AffineMap::get(rank, 0, places, op.getContext()), ArrayRef<Attribute>(), axes,
                              sizes, rank, Combiner::None,
                              [](OpBuilder &, Location, ValueRange values) { return values[0]; });
  SmallVector<AffineMap> maps(op.getMaps().getAsValueRange<AffineMapAttr>());
  maps[input] = AffineMap::get(op.getNumDims(), 0, reads, op.getContext());
  op.setMapsAttr(builder.getAffineMapArrayAttr(maps));
  op.getInputsMutable()[input].set(copy.getResult());
}

namespace {
struct ModelLayOutWindows : cleave::model::impl::ModelLayOutWindowsBase<ModelLayOutWindows> {
  void runOnOperation() override {
    SmallVector<IndexOp> ops;
    getOperation().walk([&](IndexOp op) {
      if (op.getNumReductions() && op.getParallel() && !op->hasAttr("exact") && readsWindow(op))
        ops.push_back(op);
    });
    for (IndexOp op : ops)
      for (unsigned input = 0; input < op.getInputs().size(); ++input)
        if (std::optional<unsigned> axis = axisToMove(op, input))
          moveLast(op, input, *axis);
  }
};
} // namespace
