// Scatters: the updates in row-major order, so that equal positions combine in one fixed order.
//
//   t[v, e] = init, then t[ids[b, s], e] += u[b, s, e]
//   -> unit: 64 columns e; for b, for s: t[ids[b, s], columns] += u[b, s, columns]
//
// Units cut an axis of the result whose position is a plain dim of the updates: no two units touch one
// element. Where there is none, one unit does it all.
#include "compiler/codegen/cpu/Emitters.h"
#include "compiler/codegen/cpu/RowPlan.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace cleave::codegen {

namespace {

constexpr int64_t kColumns = 4 * kLanes; // of a unit

class ScatterEmitter : LoopBuilder {
public:
  ScatterEmitter(OpBuilder &builder, model::ScatterOp op, LoopFunction &loops)
      : LoopBuilder(builder, op.getLoc()), op(op), loops(loops) {
    updates = cast<RankedTensorType>(op.getUpdates().getType()).getShape();
    result = cast<RankedTensorType>(op.getResult().getType()).getShape();
    element = cast<RankedTensorType>(op.getResult().getType()).getElementType();
    cutDim = findCutDim();
  }

  int64_t units() const { return cutDim < 0 ? 1 : llvm::divideCeil(updates[cutDim], kColumns); }

  void emit() {
    source = placeOf(op.getUpdates());
    initial = placeOf(op.getInit());
    target = loops.place(builder, loops.function.getNumArguments() - 3);
    for (Value indices : op.getIndices())
      positions.push_back(placeOf(indices));
    loop(loops.begin(), loops.end(), [&](Value unit) {
      if (cutDim >= 0)
        cutBase = times(unit, kColumns);
      copyInitial();
      SmallVector<Value> point(updates.size());
      overUpdates(0, point);
    });
  }

private:
  Place placeOf(Value argument) { return loops.place(builder, cast<BlockArgument>(argument).getArgNumber()); }

  /// The last axis of the result, if its position is a plain dim of the updates that no index depends on, and
  /// the update covers the whole axis.
  int findCutDim() {
    AffineMap map = op.getResultMap();
    auto dim =
        map.getNumResults() ? dyn_cast<AffineDimExpr>(map.getResults().back()) : AffineDimExpr(nullptr);
    if (!dim || updates[dim.getPosition()] != result.back())
      return -1;
    for (AffineExpr expr : map.getResults().drop_back())
      if (expr.isFunctionOfDim(dim.getPosition()))
        return -1;
    for (Attribute attribute : op.getIndexMaps())
      if (cast<AffineMapAttr>(attribute).getValue().isFunctionOfDim(dim.getPosition()))
        return -1;
    return static_cast<int>(dim.getPosition());
  }

  /// Calls `body` for each vector of the unit's columns, or once without vectors.
  void overColumns(llvm::function_ref<void(LaneEmitter &, Lanes)> body) {
    if (cutDim < 0) {
      LaneEmitter emitter(builder, loc, 1, false);
      return body(emitter, Lanes::uniform(index(0)));
    }
    int64_t size = updates[cutDim];
    for (int64_t offset = 0; offset < std::min(size, kColumns); offset += kLanes) {
      Value base = plus(cutBase, index(offset)), mask;
      LaneEmitter whole(builder, loc, kLanes, false);
      if (size % kColumns != 0) {
        Value lane = whole.whole(Lanes::affine(base, 1));
        mask = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, lane,
                                     whole.broadcast(index(size)));
      }
      LaneEmitter emitter(builder, loc, kLanes, false, mask);
      body(emitter, Lanes::affine(base, 1));
    }
  }

  /// result = init for the unit's columns, unless they share memory.
  void copyInitial() {
    Value from = memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, initial.memref);
    Value to = memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, target.memref);
    Value differ = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, from, to);
    auto copy = scf::IfOp::create(builder, loc, differ, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(copy.thenBlock());
    int64_t rows = 1;
    for (int64_t size : cutDim < 0 ? result : result.drop_back())
      rows *= size;
    int64_t stride = cutDim < 0 ? 1 : result.back();
    loop(index(0), index(rows), [&](Value row) {
      overColumns([&](LaneEmitter &emitter, Lanes column) {
        Place in{initial.memref, {stride, 1}, {}}, out{target.memref, {stride, 1}, {}};
        SmallVector<Lanes> at = {Lanes::uniform(row), column};
        emitter.store(out, at, element, emitter.load(in, at, element, false));
      });
    });
  }

  void overUpdates(unsigned dim, SmallVector<Value> &point) {
    if (dim == updates.size())
      return update(point);
    if (static_cast<int>(dim) == cutDim) {
      point[dim] = index(0);
      return overUpdates(dim + 1, point);
    }
    loop(index(0), index(updates[dim]), [&](Value position) {
      point[dim] = position;
      overUpdates(dim + 1, point);
    });
  }

  /// Where in the result the update at `point` goes; bytes are unsigned.
  SmallVector<Value> resultPosition(ArrayRef<Value> point) {
    SmallVector<Value> symbols;
    LaneEmitter scalar(builder, loc, 1, false);
    for (auto [number, place] : llvm::enumerate(positions)) {
      AffineMap map = cast<AffineMapAttr>(op.getIndexMaps()[number]).getValue();
      SmallVector<Lanes> at;
      for (AffineExpr expr : map.getResults())
        at.push_back(Lanes::uniform(affine::expandAffineExpr(builder, loc, expr, point, {})));
      Type type = cast<RankedTensorType>(op.getIndices()[number].getType()).getElementType();
      Value loaded = scalar.load(place, at, type, false).value;
      Type wide = builder.getIndexType();
      symbols.push_back(type.isInteger(8) ? Value(arith::IndexCastUIOp::create(builder, loc, wide, loaded))
                                          : Value(arith::IndexCastOp::create(builder, loc, wide, loaded)));
    }
    return llvm::map_to_vector(op.getResultMap().getResults(), [&](AffineExpr expr) {
      return affine::expandAffineExpr(builder, loc, expr, point, symbols);
    });
  }

  void update(ArrayRef<Value> point) {
    SmallVector<Value> to = resultPosition(point);
    Value inside = arith::ConstantIntOp::create(builder, loc, builder.getI1Type(), 1);
    for (auto [axis, position] : llvm::enumerate(to)) {
      if (isa<AffineDimExpr>(op.getResultMap().getResult(axis)) && cutDim >= 0 && axis + 1 == to.size())
        continue;
      Value fits =
          arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, position, index(result[axis]));
      inside = arith::AndIOp::create(builder, loc, inside, fits);
    }
    auto guarded = scf::IfOp::create(builder, loc, inside, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(guarded.thenBlock());
    overColumns([&](LaneEmitter &emitter, Lanes column) {
      auto lanesOf = [&](ArrayRef<Value> values, int cut) {
        SmallVector<Lanes> lanes = llvm::map_to_vector(values, [](Value v) { return Lanes::uniform(v); });
        if (cutDim >= 0)
          lanes[cut] = column;
        return lanes;
      };
      SmallVector<Lanes> from = lanesOf(point, cutDim), into = lanesOf(to, static_cast<int>(to.size()) - 1);
      Lanes added = emitter.load(source, from, element, false);
      if (op.getCombiner() != model::Combiner::None)
        added = combine(emitter, emitter.load(target, into, element, false), added);
      emitter.store(target, into, element, added);
    });
  }

  Lanes combine(LaneEmitter &emitter, const Lanes &old, const Lanes &added) {
    Value a = emitter.whole(old), b = emitter.whole(added);
    bool isFloat = isa<FloatType>(element);
    auto pick = [&](auto floats, auto integers) -> Value { return isFloat ? floats() : integers(); };
    Value value;
    switch (op.getCombiner()) {
    case model::Combiner::Max:
      value = pick([&]() -> Value { return arith::MaximumFOp::create(builder, loc, a, b); },
                   [&]() -> Value { return arith::MaxSIOp::create(builder, loc, a, b); });
      break;
    case model::Combiner::Min:
      value = pick([&]() -> Value { return arith::MinimumFOp::create(builder, loc, a, b); },
                   [&]() -> Value { return arith::MinSIOp::create(builder, loc, a, b); });
      break;
    case model::Combiner::Prod:
      value = pick([&]() -> Value { return arith::MulFOp::create(builder, loc, a, b); },
                   [&]() -> Value { return arith::MulIOp::create(builder, loc, a, b); });
      break;
    default:
      value = pick([&]() -> Value { return arith::AddFOp::create(builder, loc, a, b); },
                   [&]() -> Value { return arith::AddIOp::create(builder, loc, a, b); });
    }
    return isa<VectorType>(value.getType()) ? Lanes::vector(value) : Lanes::uniform(value);
  }

  model::ScatterOp op;
  LoopFunction &loops;
  ArrayRef<int64_t> updates, result;
  Type element;
  int cutDim = -1;
  Value cutBase;
  Place source, initial, target;
  SmallVector<Place> positions;
};

} // namespace

LogicalResult emitScatter(func::FuncOp func, model::ScatterOp scatter) {
  bool plain = llvm::all_of(scatter->getOperands(), [](Value v) { return isa<BlockArgument>(v); });
  if (!plain || func.getNumResults() != 1)
    return scatter.emitError("a scatter kernel has arguments and one result; found something else");
  LoopFunction loops(func);
  OpBuilder builder(loops.function.front().getTerminator());
  ScatterEmitter emitter(builder, scatter, loops);
  emitter.emit();
  loops.finish(emitter.units(), 1);
  return success();
}

} // namespace cleave::codegen
