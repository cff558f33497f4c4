// --model-lay-out-windows: the factors of sums over windows are stored as their kernels like them.
//
// The input gradient of a convolution reads the weights w[u, v, c, o] with c along its own last axis, so that
// vectors of results would gather. A copy w[u, v, o, c] costs next to nothing beside the sum and makes it the
// forward convolution's kernel.
//
// A window that reaches over the edge is read from a copy with the edge put around it: addresses are then
// linear in the loops and the sum is a product of strided matrices. All windows of one reach share a copy.
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

//===----------------------------------------------------------------------===//
// Edges
//===----------------------------------------------------------------------===//

static constexpr int64_t kColumns = 32; // of the other factor: fewer, and edges are cheap enough as they are
static constexpr int64_t kLargestEdge = 2; // times the input

static bool isLinear(AffineExpr expr) {
  WalkResult divides = expr.walk([](AffineExpr part) {
    bool linear = part.getKind() == AffineExprKind::Add || part.getKind() == AffineExprKind::Mul ||
                  isa<AffineDimExpr, AffineConstantExpr>(part);
    return linear ? WalkResult::advance() : WalkResult::interrupt();
  });
  return !divides.wasInterrupted();
}

// Whether the op is a sum of products whose other factor runs along the result in rows that are worth an
// edge.
static bool isWideProduct(IndexOp op, unsigned input) {
  if (op.getCombiner() != Combiner::Sum || op.getInputs().size() != 2)
    return false;
  auto product = cast<YieldOp>(op.getBodyBlock().getTerminator()).getValue().getDefiningOp<arith::MulFOp>();
  if (!product || !llvm::hasNItems(op.getBodyBlock(), 2) || product.getLhs() == product.getRhs())
    return false;
  AffineMap other = op.getMap(1 - input);
  if (op.getOutsideValue(1 - input) || other.getNumResults() == 0)
    return false;
  auto last = dyn_cast<AffineDimExpr>(other.getResults().back());
  return last && last.getPosition() + 1 == op.getParallel() && op.getSizes()[last.getPosition()] >= kColumns;
}

namespace {
// What is put around a tensor, per axis.
struct Edge {
  SmallVector<int64_t> before, sizes; // sizes: of the axes with their edges
};
} // namespace

// The edge that input `input` needs; nothing where it is read other than linearly, or the copy would be too
// large.
static std::optional<Edge> edgeOf(IndexOp op, unsigned input) {
  Edge edge;
  ArrayRef<int64_t> shape = rankedType(op.getInputs()[input]).getShape();
  for (auto [expr, size] : llvm::zip(op.getMap(input).getResults(), shape)) {
    if (!isLinear(expr))
      return std::nullopt;
    auto [least, greatest] = rangeOf(expr, op.getSizes());
    edge.before.push_back(std::max<int64_t>(0, -least));
    edge.sizes.push_back(edge.before.back() + std::max(size, greatest + 1));
  }
  bool fits = product(edge.sizes) <= kLargestEdge * product(shape) &&
              product(op.getSizes()) / product(edge.sizes) >= kReads;
  return fits ? std::optional(edge) : std::nullopt;
}

static Value copyWithEdge(OpBuilder &builder, IndexOp op, unsigned input, const Edge &edge) {
  Value from = op.getInputs()[input];
  SmallVector<AffineExpr> places;
  for (auto [dim, before] : llvm::enumerate(edge.before))
    places.push_back(builder.getAffineDimExpr(dim) - before);
  SmallVector<StringRef> axes = axesOf(rankedType(from));
  return IndexOp::create(builder, op.getLoc(), tensorOf(elementType(from), axes, edge.sizes), from,
                         AffineMap::get(axes.size(), 0, places, op.getContext()), op.getOutside()[input],
                         axes, edge.sizes, axes.size(), Combiner::None,
                         [](OpBuilder &, Location, ValueRange values) { return values[0]; });
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
    for (IndexOp op : ops)
      for (unsigned input = 0; input < op.getInputs().size(); ++input)
        if (op.getOutsideValue(input) && isWideProduct(op, input))
          putEdge(op, input);
  }

  // Reads input `input` from a copy with an edge. An earlier op's copy that reaches as far serves as well.
  void putEdge(IndexOp op, unsigned input) {
    std::optional<Edge> edge = edgeOf(op, input);
    if (!edge)
      return;
    OpBuilder builder(op);
    Value source = op.getInputs()[input];
    Value copy = [&]() -> Value {
      for (const Copy &known : copies)
        if (known.from == source && known.block == op->getBlock() &&
            known.outside == op.getOutside()[input] && known.edge.before == edge->before &&
            known.edge.sizes == edge->sizes)
          return known.copy;
      Value made = copyWithEdge(builder, op, input, *edge);
      copies.push_back({source, op->getBlock(), op.getOutside()[input], *edge, made});
      return made;
    }();
    SmallVector<AffineExpr> places;
    for (auto [expr, before] : llvm::zip(op.getMap(input).getResults(), edge->before))
      places.push_back(expr + before);
    SmallVector<AffineMap> maps(op.getMaps().getAsValueRange<AffineMapAttr>());
    maps[input] = AffineMap::get(op.getNumDims(), 0, places, op.getContext());
    SmallVector<Attribute> outside(op.getOutside().begin(), op.getOutside().end());
    outside[input] = builder.getUnitAttr();
    op.setMapsAttr(builder.getAffineMapArrayAttr(maps));
    op.setOutsideAttr(builder.getArrayAttr(outside));
    op.getInputsMutable()[input].set(copy);
  }

  struct Copy {
    Value from;
    Block *block;
    Attribute outside;
    Edge edge;
    Value copy;
  };
  SmallVector<Copy> copies; // in program order: an earlier one is made before a later reader
};
} // namespace
