// comm-partition: gather, scatter and argsort.
//
//   gather   a table that is cut along an axis that positions select: every rank reads what it has, at
//   position - offset,
//            and 0 elsewhere: a partial sum
//   scatter  a result that is cut so: positions - offset, what lies outside is dropped. Updates that are cut
//   along an axis
//            the result does not have: partial over the combiner, with the initial values on member 0
//
// The factors of both are the axes per point dim (the result's, the updates'), then per axis that positions
// select.
#include "dialects/comm/transforms/Partition.h"
#include "dialects/model/transforms/Build.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

// How a table, or what is scattered to, is read at the points.
struct FunctionPartitioner::Table {
  struct Selected {
    unsigned axis = 0, symbol = 0;
  };
  SmallVector<AxisList> axes;     // of the table
  SmallVector<Selected> selected; // axes that a position alone selects
  SmallVector<bool> exact;        // point dims that are an axis of the table
};

static bool isCutIn(AffineExpr expr, ArrayRef<AxisList> factors, size_t points) {
  for (unsigned dim = 0; dim < points; ++dim)
    if (!factors[dim].empty() && expr.isFunctionOfDim(dim))
      return true;
  return false;
}

// False where a point dim cannot be cut; it is whole then.
static bool dropDims(AffineExpr expr, MutableArrayRef<AxisList> factors, size_t points) {
  for (unsigned dim = 0; dim < points; ++dim)
    if (expr.isFunctionOfDim(dim))
      factors[dim].clear();
  return false;
}

bool FunctionPartitioner::planTable(AffineMap map, MutableArrayRef<AxisList> factors, size_t points,
                                    Table &plan) {
  plan = Table();
  plan.exact.assign(points, false);
  auto isTaken = [&](ArrayRef<AxisRefAttr> axes) {
    return llvm::any_of(axes, [&](AxisRefAttr axis) {
      return llvm::any_of(plan.axes, [&](const AxisList &known) {
        return llvm::any_of(known, [&](AxisRefAttr other) { return shards.overlap(axis, other); });
      });
    });
  };
  size_t next = points;
  for (auto [axis, expr] : llvm::enumerate(map.getResults())) {
    AxisList axes;
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
      axes = factors[next];
      if (isTaken(axes))
        axes.clear();
      if (!axes.empty())
        plan.selected.push_back({static_cast<unsigned>(axis), symbol.getPosition()});
    } else if (isCutIn(expr, factors, points)) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim || isTaken(factors[dim.getPosition()]))
        return dropDims(expr, factors, points);
      axes = factors[dim.getPosition()];
      plan.exact[dim.getPosition()] = true;
    }
    next += isa<AffineSymbolExpr>(expr);
    plan.axes.push_back(axes);
  }
  return true;
}

// How an index tensor is read at the points: an axis of it is a point dim, or whole.
static std::optional<SmallVector<AxisList>> indexAxes(AffineMap map, RankedTensorType type,
                                                      MutableArrayRef<AxisList> factors, size_t points,
                                                      ArrayRef<int64_t> sizes) {
  SmallVector<AxisList> axes;
  for (auto [expr, extent] : llvm::zip(map.getResults(), type.getShape())) {
    axes.emplace_back();
    if (!isCutIn(expr, factors, points))
      continue;
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || sizes[dim.getPosition()] != extent) {
      dropDims(expr, factors, points);
      return std::nullopt;
    }
    axes.back() = factors[dim.getPosition()];
  }
  return axes;
}

static size_t usesOf(AffineMap map, unsigned symbol) {
  return llvm::count_if(map.getResults(), [&](AffineExpr expr) { return expr.isFunctionOfSymbol(symbol); });
}

static size_t positionedAxes(AffineMap map) {
  return llvm::count_if(map.getResults(), [](AffineExpr expr) { return isa<AffineSymbolExpr>(expr); });
}

// Positions in this rank's block: i64, position - offset, clamped to the whole first where `clamped`.
Value FunctionPartitioner::blockPositions(Location loc, Value index, int64_t extent,
                                          ArrayRef<AxisRefAttr> axes, bool clamped) {
  RankedTensorType type = model::rankedType(index);
  auto wide = RankedTensorType::get(type.getShape(), builder.getI64Type(), type.getEncoding());
  Value inputs[] = {index, offset(extent, axes)};
  return model::makeElementwise(
      builder, loc, wide, inputs, [&](OpBuilder &body, Location at, ValueRange values) {
        Value position = values[0];
        Type i64 = body.getI64Type();
        if (position.getType() != i64)
          position = arith::ExtSIOp::create(body, at, i64, position);
        if (clamped) {
          Value zero = arith::ConstantOp::create(body, at, body.getI64IntegerAttr(0));
          Value last = arith::ConstantOp::create(body, at, body.getI64IntegerAttr(extent - 1));
          position = arith::MinSIOp::create(body, at, arith::MaxSIOp::create(body, at, position, zero), last);
        }
        return arith::SubIOp::create(body, at, position, values[1]).getResult();
      });
}

// The gathered values where all positions lie in this rank's block, 0 elsewhere.
static Value keepInside(OpBuilder &builder, Location loc, Value gathered, ArrayRef<Value> positions,
                        ArrayRef<AffineMap> maps, ArrayRef<int64_t> blocks) {
  RankedTensorType type = model::rankedType(gathered);
  SmallVector<Value> inputs{gathered};
  SmallVector<AffineMap> all{model::leadingDims(builder.getContext(), type.getRank(), type.getRank())};
  inputs.append(positions.begin(), positions.end());
  all.append(maps.begin(), maps.end());
  return model::IndexOp::create(
      builder, loc, type, inputs, all, {}, model::axesOf(type), type.getShape(), type.getRank(),
      model::Combiner::None, [&](OpBuilder &body, Location at, ValueRange values) {
        Value zero = arith::ConstantOp::create(body, at, body.getZeroAttr(type.getElementType()));
        Value first = arith::ConstantOp::create(body, at, body.getI64IntegerAttr(0));
        Value result = values[0];
        for (auto [position, block] : llvm::zip(values.drop_front(), blocks)) {
          Value size = arith::ConstantOp::create(body, at, body.getI64IntegerAttr(block));
          Value above = arith::CmpIOp::create(body, at, arith::CmpIPredicate::sge, position, first);
          Value below = arith::CmpIOp::create(body, at, arith::CmpIPredicate::slt, position, size);
          result = arith::SelectOp::create(body, at, above, result, zero);
          result = arith::SelectOp::create(body, at, below, result, zero);
        }
        return result;
      });
}

void FunctionPartitioner::partitionGather(model::GatherOp op) {
  RankedTensorType whole = wholeType(op.getResult()), table = wholeType(op.getTable());
  size_t points = whole.getRank();
  SmallVector<AxisList> factors = factorsOf(op, points + positionedAxes(op.getTableMap()));
  if (table.getElementType().isInteger(1)) // no sums of these
    for (AxisList &axes : MutableArrayRef(factors).drop_front(points))
      axes.clear();
  Table plan;
  SmallVector<SmallVector<AxisList>> indices;
  for (bool solved = false; !solved;) {
    solved = planTable(op.getTableMap(), factors, points, plan);
    indices.clear();
    for (auto [index, map] : llvm::zip(op.getIndices(), op.getIndexMaps().getAsValueRange<AffineMapAttr>())) {
      if (!solved)
        break;
      auto axes = indexAxes(map, wholeType(index), factors, points, whole.getShape());
      solved = axes.has_value();
      if (solved)
        indices.push_back(*axes);
    }
  }
  FlatSymbolRefAttr mesh = shards.getMeshName();
  SmallVector<Value> positions, masks;
  for (auto [index, axes] : llvm::zip(op.getIndices(), indices))
    positions.push_back(get(index, makeLayout(mesh, axes), op));
  SmallVector<AffineExpr> exprs(op.getTableMap().getResults());
  SmallVector<Attribute> indexMaps(op.getIndexMaps().getValue());
  SmallVector<AffineMap> maskMaps;
  SmallVector<int64_t> blocks;
  AxisList pending;
  for (Table::Selected selected : plan.selected) {
    const AxisList &axes = plan.axes[selected.axis];
    int64_t extent = table.getDimSize(selected.axis);
    masks.push_back(blockPositions(op.getLoc(), positions[selected.symbol], extent, axes, /*clamped=*/true));
    maskMaps.push_back(cast<AffineMapAttr>(indexMaps[selected.symbol]).getValue());
    blocks.push_back(shards.local(extent, axes));
    pending.append(axes);
    if (usesOf(op.getTableMap(), selected.symbol) == 1) {
      positions[selected.symbol] = masks.back();
      continue;
    }
    exprs[selected.axis] = getAffineSymbolExpr(positions.size(), op.getContext());
    positions.push_back(masks.back());
    indexMaps.push_back(AffineMapAttr::get(maskMaps.back()));
  }
  SmallVector<dist::PartialAttr> partials;
  if (!pending.empty())
    partials.push_back(dist::PartialAttr::get(op.getContext(), model::Combiner::Sum, pending));
  LayoutAttr layout = makeLayout(mesh, ArrayRef(factors).take_front(points), partials);
  AffineMap map = AffineMap::get(points, positions.size(), exprs, op.getContext());
  auto made = model::GatherOp::create(builder, op.getLoc(), shards.localType(whole, layout),
                                      get(op.getTable(), makeLayout(mesh, plan.axes), op), positions, map,
                                      builder.getArrayAttr(indexMaps));
  Value result = made;
  if (!masks.empty())
    result = keepInside(builder, op.getLoc(), made, masks, maskMaps, blocks);
  copyNames(op, result.getDefiningOp());
  define(op.getResult(), result, layout);
}

// Positions of padding lie outside everything.
Value FunctionPartitioner::dropPadding(Location loc, Value index, ArrayRef<int64_t> extents,
                                       ArrayRef<AxisList> axes) {
  for (auto [dim, extent] : llvm::enumerate(extents)) {
    if (!shards.isPadded(extent, axes[dim]))
      continue;
    RankedTensorType type = model::rankedType(index);
    Value inputs[] = {index, offset(extent, axes[dim])};
    int64_t at = dim, end = extent;
    index = model::makeElementwise(
        builder, loc, type, inputs, [&](OpBuilder &body, Location where, ValueRange values) -> Value {
          Value local = model::IterOp::create(body, where, body.getI64Type(), at);
          Value position = arith::AddIOp::create(body, where, local, values[1]);
          Value size = arith::ConstantOp::create(body, where, body.getI64IntegerAttr(end));
          Value none = arith::ConstantOp::create(body, where, body.getIntegerAttr(type.getElementType(), -1));
          Value inside = arith::CmpIOp::create(body, where, arith::CmpIPredicate::slt, position, size);
          return arith::SelectOp::create(body, where, inside, values[0], none);
        });
  }
  return index;
}

void FunctionPartitioner::partitionScatter(model::ScatterOp op) {
  RankedTensorType whole = wholeType(op.getResult()), updates = wholeType(op.getUpdates());
  size_t points = updates.getRank();
  SmallVector<AxisList> factors = factorsOf(op, points + positionedAxes(op.getResultMap()));
  Table plan;
  SmallVector<SmallVector<AxisList>> indices;
  for (bool solved = false; !solved;) {
    solved = planTable(op.getResultMap(), factors, points, plan);
    indices.clear();
    llvm::SmallBitVector marks(points); // dims whose padding positions can mark
    for (auto [index, map] : llvm::zip(op.getIndices(), op.getIndexMaps().getAsValueRange<AffineMapAttr>())) {
      if (!solved)
        break;
      auto axes = indexAxes(map, wholeType(index), factors, points, updates.getShape());
      solved = axes.has_value();
      if (solved)
        indices.push_back(*axes);
      for (AffineExpr expr : map.getResults())
        if (auto dim = dyn_cast<AffineDimExpr>(expr))
          marks.set(dim.getPosition());
    }
    for (unsigned dim = 0; solved && dim < points; ++dim) {
      bool keepsOrder = plan.exact[dim] || op.getCombiner() != model::Combiner::None;
      bool padded = !plan.exact[dim] && shards.isPadded(updates.getDimSize(dim), factors[dim]) && !marks[dim];
      if (!factors[dim].empty() && (!keepsOrder || padded)) {
        factors[dim].clear();
        solved = false;
      }
    }
  }
  FlatSymbolRefAttr mesh = shards.getMeshName();
  AxisList pending;
  for (unsigned dim = 0; dim < points; ++dim)
    if (!plan.exact[dim])
      pending.append(factors[dim]);
  SmallVector<dist::PartialAttr> partials;
  if (!pending.empty())
    partials.push_back(dist::PartialAttr::get(op.getContext(), op.getCombiner(), pending));
  SmallVector<Value> positions;
  for (auto [index, axes] : llvm::zip(op.getIndices(), indices))
    positions.push_back(
        dropPadding(op.getLoc(), get(index, makeLayout(mesh, axes), op), wholeType(index).getShape(), axes));
  SmallVector<AffineExpr> exprs(op.getResultMap().getResults());
  SmallVector<Attribute> indexMaps(op.getIndexMaps().getValue());
  for (Table::Selected selected : plan.selected) {
    Value inBlock = blockPositions(op.getLoc(), positions[selected.symbol], whole.getDimSize(selected.axis),
                                   plan.axes[selected.axis], /*clamped=*/false);
    if (usesOf(op.getResultMap(), selected.symbol) == 1) {
      positions[selected.symbol] = inBlock;
      continue;
    }
    exprs[selected.axis] = getAffineSymbolExpr(positions.size(), op.getContext());
    positions.push_back(inBlock);
    indexMaps.push_back(indexMaps[selected.symbol]);
  }
  LayoutAttr layout = makeLayout(mesh, plan.axes, partials);
  auto made = model::ScatterOp::create(
      builder, op.getLoc(), shards.localType(whole, layout), get(op.getInit(), layout, op), positions,
      get(op.getUpdates(), makeLayout(mesh, ArrayRef(factors).take_front(points)), op),
      AffineMap::get(points, positions.size(), exprs, op.getContext()), builder.getArrayAttr(indexMaps),
      op.getCombiner());
  copyNames(op, made);
  define(op.getResult(), made.getResult(), layout);
}

void FunctionPartitioner::partitionArgsort(model::ArgsortOp op) {
  RankedTensorType whole = wholeType(op.getResult());
  SmallVector<AxisList> factors = factorsOf(op, whole.getRank());
  factors.back().clear(); // rows are sorted whole
  LayoutAttr layout = makeLayout(shards.getMeshName(), factors);
  auto made = model::ArgsortOp::create(builder, op.getLoc(), shards.localType(whole, layout),
                                       get(op.getInput(), layout, op), op.getDescending());
  copyNames(op, made);
  define(op.getResult(), made, layout);
}
