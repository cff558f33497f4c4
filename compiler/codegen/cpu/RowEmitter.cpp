#include "compiler/codegen/cpu/RowEmitter.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace cleave::codegen {

// Row buffers beyond this lie on the heap.
static constexpr int64_t kStackBytes = 512 << 10;
static constexpr int64_t kWidestEdge = 3;  // of a loop over windows that is cut
static constexpr int64_t kCutToPoints = 4; // a loop this short is cut to single points

Value RowEmitter::index(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// A value goes through memory when another group reads it along inner dims, or when a body indexes it.
bool RowEmitter::needsBuffer(OpResult value, const Stage &stage) const {
  if (places.contains(value))
    return false;
  bool perRow = llvm::none_of(llvm::seq<unsigned>(0, stage.inner.size()),
                              [&](unsigned dim) { return !stage.reduces(dim); });
  const Group *home = llvm::find_if(groups, [&](const Group &group) { return group.contains(&stage); });
  for (Operation *user : value.getUsers()) {
    if (isa<tensor::ExtractOp>(user))
      return true;
    bool sameGroup =
        llvm::any_of(home->members, [&](const Member &member) { return member.stage->op == user; });
    if (!sameGroup && !perRow)
      return true;
  }
  return false;
}

void RowEmitter::makeBuffer(OpResult value, const Stage &stage) {
  linalg::GenericOp op = stage.op;
  auto type = cast<RankedTensorType>(value.getType());
  AffineMap map = op.getIndexingMapMatchingResult(value);
  Place place;
  place.strides.assign(type.getRank(), 0);
  int64_t elements = plan.vectorRows ? plan.unroll * plan.lanes : 1;
  for (int64_t axis = type.getRank() - 1; axis >= 0; --axis) {
    LoopDim dim = stage.dims[map.getDimPosition(axis)];
    if (dim.kind == LoopDim::Row && plan.vectorRows && dim.index + 1 == kernel.rowSizes.size())
      place.strides[axis] = 1;
    if (dim.kind != LoopDim::Inner)
      continue;
    place.strides[axis] = elements;
    elements *= type.getDimSize(axis);
  }
  place.perChunk = llvm::is_contained(place.strides, 1) && plan.vectorRows;
  auto buffer = MemRefType::get({elements}, storageType(type.getElementType()));
  auto alignment = builder.getI64IntegerAttr(64);
  // A task's stack is small. Rows beyond it are rare, and long enough to pay for an allocation.
  if (Value old = freeBuffer(value, buffer))
    place.memref = old;
  else if (elements * 8 > kStackBytes)
    place.memref =
        heapBuffers.emplace_back(memref::AllocOp::create(builder, loc, buffer, ValueRange{}, alignment));
  else
    place.memref = memref::AllocaOp::create(builder, loc, buffer, alignment);
  if (auto *holder = llvm::find_if(buffers, [&](auto &known) { return known.first == place.memref; });
      holder != buffers.end())
    holder->second = value;
  else
    buffers.emplace_back(place.memref, value);
  places[value] = place;
}

/// The group of a stage, or of an operation in its body.
unsigned RowEmitter::homeOf(Operation *stage) const {
  if (!isa<linalg::GenericOp>(stage))
    stage = stage->getParentOfType<linalg::GenericOp>();
  auto *home = llvm::find_if(groups, [&](const Group &group) {
    return llvm::any_of(group.members, [&](const Member &member) { return member.stage->op == stage; });
  });
  return home - groups.begin();
}

/// Whether `value` may lie where `old` does, although its group still reads that one: each element is read
/// last where it is written.
bool RowEmitter::mayOverwrite(OpResult old, OpResult value, const Group &group) const {
  if (old.getType() != value.getType())
    return false;
  SmallVector<unsigned> written;
  for (const Member &member : group.members) { // readers stand before the writer
    linalg::GenericOp op = member.stage->op;
    for (OpOperand &use : old.getUses()) {
      if (use.getOwner()->getParentOp() == op)
        return false;
      if (use.getOwner() != op)
        continue;
      SmallVector<unsigned> read = axisDims(member, op.getMatchingIndexingMap(&use));
      if (!written.empty() && (value.getOwner() != op || read != written))
        return false;
      if (written.empty())
        written = read;
    }
    if (value.getOwner() != op)
      continue;
    if (member.stage->reducesAny() || axisDims(member, op.getIndexingMapMatchingResult(value)) != written)
      return false;
    written.push_back(~0u); // no reader behind
  }
  size_t walked = llvm::count_if(written, [](unsigned dim) { return dim != ~0u; });
  return walked == group.sizes.size(); // each element once
}

/// A buffer whose value nothing needs any more when `value` is written.
Value RowEmitter::freeBuffer(OpResult value, MemRefType type) {
  unsigned home = homeOf(value.getOwner());
  for (auto &[memref, old] : buffers) {
    unsigned last = homeOf(old.getOwner());
    for (Operation *user : old.getUsers())
      last = std::max(last, homeOf(user));
    if (memref.getType() == type && (last < home || (last == home && mayOverwrite(old, value, groups[home]))))
      return memref;
  }
  return {};
}

/// In the order of their groups, so that what is done with makes room.
void RowEmitter::makeBuffers() {
  for (const Group &group : groups)
    for (const Member &member : group.members)
      for (OpResult value : linalg::GenericOp(member.stage->op)->getResults())
        if (needsBuffer(value, *member.stage))
          makeBuffer(value, *member.stage);
}

void RowEmitter::emit(Value begin, Value end) {
  makeBuffers();
  auto rows = scf::ForOp::create(builder, loc, begin, end, index(1));
  for (Value buffer : heapBuffers)
    memref::DeallocOp::create(builder, loc, buffer);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(rows.getBody());
  emitUnit(rows.getInductionVar());
}

void RowEmitter::emitUnit(Value unit) {
  SmallVector<int64_t> sizes(kernel.rowSizes);
  if (plan.vectorRows)
    sizes.back() = llvm::divideCeil(sizes.back(), plan.block);
  for (auto [size, jam] : llvm::zip(sizes, plan.jam))
    size /= jam;
  rowIndex.assign(sizes.size(), {});
  for (int64_t dim = static_cast<int64_t>(sizes.size()) - 1; dim >= 0; --dim) {
    rowIndex[dim] = unit;
    if (dim == 0)
      break;
    rowIndex[dim] = builder.createOrFold<arith::RemUIOp>(loc, unit, index(sizes[dim]));
    unit = builder.createOrFold<arith::DivUIOp>(loc, unit, index(sizes[dim]));
  }
  for (auto [row, jam] : llvm::zip(rowIndex, plan.jam))
    if (jam > 1)
      row = builder.createOrFold<arith::MulIOp>(loc, row, index(jam));
  vectorDim = -1;
  pieces.assign(1, Piece{});
  width = plan.lanes;
  if (plan.vectorRows)
    return emitBlock(rowIndex.back());
  emitGroups();
}

/// The lanes of a block: whole chunks first, then what is left.
void RowEmitter::emitBlock(Value block) {
  vectorDim = static_cast<int>(kernel.rowSizes.size()) - 1;
  int64_t size = kernel.rowSizes.back(), step = plan.unroll * width;
  auto chunks = [&](Value low, Value high) {
    loop(low, high, step, {}, [&](Value base, Values) {
      setPieces(base, step);
      emitChunk(base);
      return Values{};
    });
  };
  if (plan.block == size) { // all is known
    int64_t full = size / step * step;
    if (full > 0)
      chunks(index(0), index(full));
    if (full < size) {
      setPieces(index(full), size - full);
      emitChunk(index(full));
    }
    return;
  }
  Value low = arith::MulIOp::create(builder, loc, block, index(plan.block));
  Value high = arith::AddIOp::create(builder, loc, low, index(plan.block));
  if (size % plan.block == 0 && plan.block % step == 0)
    return chunks(low, high);
  emitChunks(low, arith::MinSIOp::create(builder, loc, high, index(size)));
}

void RowEmitter::emitChunks(Value low, Value high) {
  int64_t step = plan.unroll * width;
  Value length = arith::SubIOp::create(builder, loc, high, low);
  Value rest = arith::RemUIOp::create(builder, loc, length, index(step));
  Value fullHigh = arith::SubIOp::create(builder, loc, high, rest);
  loop(low, fullHigh, step, {}, [&](Value base, Values) {
    setPieces(base, step);
    emitChunk(base);
    return Values{};
  });
  loop(fullHigh, high, width, {}, [&](Value base, Values) {
    pieces.assign(1, Piece{base, maskUpTo(base, high), {}});
    emitChunk(base);
    return Values{};
  });
}

void RowEmitter::emitSpan(Value row, Value low, Value high) {
  int64_t last = static_cast<int64_t>(kernel.rowSizes.size()) - 1;
  rowIndex.assign(last + 1, {});
  rowIndex[last] = low;
  for (int64_t dim = last - 1; dim >= 0; --dim) {
    rowIndex[dim] = row;
    if (dim == 0)
      break;
    rowIndex[dim] = builder.createOrFold<arith::RemUIOp>(loc, row, index(kernel.rowSizes[dim]));
    row = builder.createOrFold<arith::DivUIOp>(loc, row, index(kernel.rowSizes[dim]));
  }
  vectorDim = static_cast<int>(last);
  width = plan.lanes;
  emitChunks(low, high);
}

/// Each piece once per row of lanes that the unit takes.
void RowEmitter::jamPieces() {
  SmallVector<Piece> single = std::move(pieces);
  pieces.clear();
  for (int64_t number = 0; number < plan.jammed(); ++number)
    for (Piece piece : single) {
      int64_t rest = number;
      piece.row.assign(plan.jam.size(), 0);
      for (int64_t dim = static_cast<int64_t>(plan.jam.size()) - 1; dim >= 0; rest /= plan.jam[dim--])
        piece.row[dim] = rest % plan.jam[dim];
      pieces.push_back(std::move(piece));
    }
}

/// The lanes from `base` on that lie below `high`.
Value RowEmitter::maskUpTo(Value base, Value high) {
  Value left = arith::SubIOp::create(builder, loc, high, base);
  Value limit = arith::IndexCastOp::create(builder, loc, builder.getI32Type(), left);
  LaneEmitter emitter(builder, loc, width, false);
  Value zero = arith::ConstantIntOp::create(builder, loc, builder.getI32Type(), 0);
  Value lane = emitter.whole(Lanes::affine(zero, 1));
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, lane, emitter.broadcast(limit));
}

void RowEmitter::emitChunk(Value base) {
  chunkBase = base;
  jamPieces();
  if (!plan.tileDim.empty())
    findLive();
  emitGroups();
  chunkBase = {};
}

void RowEmitter::emitGroups() {
  rowValues.clear();
  for (auto [number, group] : llvm::enumerate(groups))
    emitGroup(group, number);
}

//===----------------------------------------------------------------------===//
// Loops of a group
//===----------------------------------------------------------------------===//

void RowEmitter::emitGroup(const Group &group, unsigned number) {
  Nest nest;
  nest.group = &group;
  unsigned rowDims = kernel.rowSizes.size();
  int inner = plan.vectorRows ? -1 : plan.vectorDim[number];
  if (!plan.vectorRows) {
    vectorDim = inner < 0 ? -1 : static_cast<int>(rowDims) + inner;
    nest.unroll = plan.groupUnroll[number];
    width = plan.groupLanes[number];
    pieces.assign(1, Piece{});
  }
  if (!plan.tileDim.empty() && plan.tileDim[number] >= 0) {
    nest.tiled = plan.tileDim[number];
    nest.tile = plan.tileSize[number];
  }
  // The vector dim runs innermost among its kind, or the one that is tiled.
  int last = inner >= 0 ? inner : nest.tiled;
  for (unsigned dim = 0; dim < group.sizes.size(); ++dim)
    if (static_cast<int>(dim) != last)
      (group.reduced[dim] ? nest.reduced : nest.parallel).push_back(dim);
  if (last >= 0)
    (group.reduced[last] ? nest.reduced : nest.parallel).push_back(last);
  nest.vectorReduced = inner >= 0 && group.reduced[inner];
  for (const Member &member : group.members)
    if (member.stage->reducesAny())
      for (unsigned result = 0; result < linalg::GenericOp(member.stage->op)->getNumResults(); ++result)
        nest.outputs.push_back({&member, result});
  innerIndex.assign(group.sizes.size(), {});
  innerRange.clear();
  for (int64_t size : group.sizes)
    innerRange.push_back({0, size - 1});
  if (!emitTranspose(nest))
    emitParallel(nest, 0);
  pointValues.clear();
}

RowEmitter::Values RowEmitter::loop(Value low, Value high, int64_t step, Values carried,
                                    llvm::function_ref<Values(Value, Values)> body) {
  auto op = scf::ForOp::create(builder, loc, low, high, index(step), carried,
                               [&](OpBuilder &, Location, Value, ValueRange) {});
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(op.getBody());
  Values next = body(op.getInductionVar(), Values(op.getRegionIterArgs()));
  scf::YieldOp::create(builder, loc, next);
  return Values(op.getResults());
}

RowEmitter::Values RowEmitter::overScalars(unsigned dim, Range range, Values carried, Body body) {
  innerRange[dim] = range;
  if (range.isPoint()) {
    innerIndex[dim] = index(range.low);
    return body(std::move(carried));
  }
  return loop(index(range.low), index(range.high + 1), 1, std::move(carried),
              [&](Value position, Values values) {
                innerIndex[dim] = position;
                return body(std::move(values));
              });
}

/// How many comparisons of the nest's bodies have one outcome only while dim `dim` is in `range`.
int64_t RowEmitter::decidedWithin(const Nest &nest, unsigned dim, Range range) {
  int64_t decided = 0;
  Range outside = std::exchange(innerRange[dim], range);
  for (const Member &member : nest.group->members)
    for (const Piece &piece : pieces) {
      DenseMap<Value, std::optional<Range>> known;
      for (Operation &op : linalg::GenericOp(member.stage->op).getBody()->without_terminator()) {
        auto operands =
            llvm::map_to_vector(op.getOperands(), [&](Value value) { return known.lookup(value); });
        auto position = dyn_cast<linalg::IndexOp>(op);
        std::optional<Range> result =
            position ? indexRange(member, position.getDim(), piece) : rangeOf(&op, operands);
        known[op.getResult(0)] = result;
        decided += isa<arith::CmpIOp>(op) && result;
      }
    }
  innerRange[dim] = outside;
  return decided;
}

/// A loop over windows is cut where their edges are, so that its inside has no conditions.
SmallVector<Range> RowEmitter::cutsOf(const Nest &nest, unsigned dim) {
  int64_t last = nest.group->sizes[dim] - 1;
  Range whole{0, last};
  SmallVector<Range> points;
  int64_t before = decidedWithin(nest, dim, whole), inPoints = 0;
  for (int64_t point = 0; point <= last && last < kCutToPoints; ++point) {
    points.push_back({point, point});
    inPoints += decidedWithin(nest, dim, points.back()) - before;
  }
  if (!points.empty())
    return inPoints > 0 ? points : SmallVector<Range>{whole};
  Range best = whole;
  for (int64_t edge = 1; edge <= kWidestEdge && 2 * edge < last; ++edge)
    if (int64_t now = decidedWithin(nest, dim, {edge, last - edge}); now > before) {
      best = {edge, last - edge};
      before = now;
    }
  if (best.low == 0)
    return {whole};
  return {{0, best.low - 1}, best, {best.high + 1, last}};
}

RowEmitter::Values RowEmitter::overReduced(const Nest &nest, unsigned dim, Values carried, Body body) {
  if (std::optional<Live> needed = liveOf(*nest.group, dim))
    return overLive(nest, *needed, dim, std::move(carried), body);
  for (Range range : cutsOf(nest, dim))
    carried = overScalars(dim, range, std::move(carried), body);
  return carried;
}

/// Vectors that start at `base` and cover `count` points, the last one masked where it is partial.
void RowEmitter::setPieces(Value base, int64_t count) {
  pieces.clear();
  for (int64_t offset = 0; offset < count; offset += width) {
    Piece piece{builder.createOrFold<arith::AddIOp>(loc, base, index(offset)), {}, {}};
    if (count - offset < width) {
      SmallVector<bool> exists(width, false);
      std::fill_n(exists.begin(), count - offset, true);
      auto maskType = VectorType::get({width}, builder.getI1Type());
      piece.mask = arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(maskType, exists));
    }
    pieces.push_back(piece);
  }
}

RowEmitter::Values RowEmitter::overVectors(const Nest &nest, int64_t size, Values carried, Body body) {
  int64_t step = nest.unroll * width;
  int64_t full = size / step * step;
  SmallVector<Piece> outside = pieces;
  if (full > step) {
    carried = loop(index(0), index(full), step, std::move(carried), [&](Value base, Values values) {
      setPieces(base, step);
      return body(std::move(values));
    });
  } else if (full == step) {
    setPieces(index(0), step);
    carried = body(std::move(carried));
  }
  if (full < size) {
    setPieces(index(full), size - full);
    carried = body(std::move(carried));
  }
  pieces = outside;
  return carried;
}

void RowEmitter::emitParallel(const Nest &nest, unsigned level) {
  if (level == nest.parallel.size()) {
    if (nest.group->reducesAny())
      emitReduction(nest);
    else
      emitPoint(nest, {});
    return;
  }
  unsigned dim = nest.parallel[level];
  auto body = [&](Values) {
    emitParallel(nest, level + 1);
    return Values{};
  };
  if (vectorDim == static_cast<int>(kernel.rowSizes.size() + dim))
    overVectors(nest, nest.group->sizes[dim], {}, body);
  else if (nest.tiled == static_cast<int>(dim))
    overTiles(nest, body);
  else if (std::optional<Live> needed = liveOf(*nest.group, dim))
    overSpan(dim, needed->low, needed->high, 1, {}, body);
  else
    overScalars(dim, {0, nest.group->sizes[dim] - 1}, {}, body);
}

RowEmitter::Values RowEmitter::emitReduced(const Nest &nest, unsigned level, Values accumulators) {
  if (level == nest.reduced.size())
    return emitPoint(nest, std::move(accumulators));
  unsigned dim = nest.reduced[level];
  auto body = [&](Values values) { return emitReduced(nest, level + 1, std::move(values)); };
  if (vectorDim == static_cast<int>(kernel.rowSizes.size() + dim))
    return overVectors(nest, nest.group->sizes[dim], std::move(accumulators), body);
  return overReduced(nest, dim, std::move(accumulators), body);
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// The operation that folds a term into result `result` of a generic.
static Operation *combinerOf(linalg::GenericOp op, unsigned result) {
  return op.getBody()->getTerminator()->getOperand(result).getDefiningOp();
}

static vector::CombiningKind kindOf(Operation *combiner) {
  using Kind = vector::CombiningKind;
  return llvm::TypeSwitch<Operation *, Kind>(combiner)
      .Case<arith::MulFOp, arith::MulIOp>([](auto) { return Kind::MUL; })
      .Case<arith::MaximumFOp>([](auto) { return Kind::MAXIMUMF; })
      .Case<arith::MinimumFOp>([](auto) { return Kind::MINIMUMF; })
      .Case<arith::MaxNumFOp>([](auto) { return Kind::MAXNUMF; })
      .Case<arith::MinNumFOp>([](auto) { return Kind::MINNUMF; })
      .Case<arith::MaxSIOp>([](auto) { return Kind::MAXSI; })
      .Case<arith::MinSIOp>([](auto) { return Kind::MINSI; })
      .Case<arith::MaxUIOp>([](auto) { return Kind::MAXUI; })
      .Case<arith::MinUIOp>([](auto) { return Kind::MINUI; })
      .Case<arith::AndIOp>([](auto) { return Kind::AND; })
      .Case<arith::OrIOp>([](auto) { return Kind::OR; })
      .Case<arith::XOrIOp>([](auto) { return Kind::XOR; })
      .Default([](auto) { return Kind::ADD; });
}

void RowEmitter::emitReduction(const Nest &nest) {
  size_t slots = nest.vectorReduced ? nest.unroll : pieces.size();
  Values accumulators;
  for (auto [member, result] : nest.outputs)
    for (size_t slot = 0; slot < slots; ++slot) {
      Piece piece = nest.vectorReduced ? Piece{} : pieces[slot];
      LaneEmitter emitter = emitterFor(*member, piece);
      if (!nest.vectorReduced) {
        accumulators.push_back(emitter.whole(initialValue(emitter, *member, result, piece, slot)));
        continue;
      }
      Operation *combiner = combinerOf(member->stage->op, result);
      TypedAttr neutral = *arith::getNeutralElement(combiner);
      Type type = computeType(neutral.getType());
      if (type != neutral.getType())
        neutral = FloatAttr::get(type, cast<FloatAttr>(neutral).getValueAsDouble());
      accumulators.push_back(emitter.broadcast(arith::ConstantOp::create(builder, loc, neutral)));
    }
  accumulators = emitReduced(nest, 0, std::move(accumulators));
  for (auto [number, output] : llvm::enumerate(nest.outputs)) {
    auto [member, result] = output;
    ArrayRef<Value> own = ArrayRef<Value>(accumulators).slice(number * slots, slots);
    if (nest.vectorReduced) {
      LaneEmitter emitter = emitterFor(*member, Piece{});
      keepResult(emitter, *member, result, Piece{}, finishVector(emitter, *member, result, own));
      continue;
    }
    for (size_t slot = 0; slot < slots; ++slot) {
      LaneEmitter emitter = emitterFor(*member, pieces[slot]);
      Lanes value = lanes() == 1 ? Lanes::uniform(own[slot]) : Lanes::vector(own[slot]);
      keepResult(emitter, *member, result, pieces[slot], value);
    }
  }
}

/// Folds the accumulators pairwise, then the lanes, then the initial value: an order fixed by the shape.
Lanes RowEmitter::finishVector(LaneEmitter &emitter, const Member &member, unsigned result,
                               ArrayRef<Value> slots) {
  vector::CombiningKind kind = kindOf(combinerOf(member.stage->op, result));
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(slots[0].getType()));
  auto flags = isFloat ? arith::FastMathFlagsAttr::get(builder.getContext(), emitter.flags())
                       : arith::FastMathFlagsAttr();
  Values level(slots);
  while (level.size() > 1) {
    Values next;
    for (unsigned i = 0; i + 1 < level.size(); i += 2)
      next.push_back(vector::makeArithReduction(builder, loc, kind, level[i], level[i + 1], flags));
    if (level.size() % 2)
      next.push_back(level.back());
    level = std::move(next);
  }
  Value scalar = vector::ReductionOp::create(builder, loc, kind, level[0],
                                             isFloat ? emitter.flags() : arith::FastMathFlags::none);
  Lanes initial = initialValue(emitter, member, result, Piece{}, 0);
  return Lanes::uniform(vector::makeArithReduction(builder, loc, kind, scalar, initial.value, flags));
}

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

LaneEmitter RowEmitter::emitterFor(const Member &member, const Piece &piece) {
  return LaneEmitter(builder, linalg::GenericOp(member.stage->op).getLoc(), lanes(), member.stage->exact,
                     piece.mask);
}

RowEmitter::Values RowEmitter::emitPoint(const Nest &nest, Values accumulators) {
  size_t slots = nest.outputs.empty() ? 0 : accumulators.size() / nest.outputs.size();
  size_t output = 0;
  pointValues.clear();
  for (const Member &member : nest.group->members) {
    size_t results = linalg::GenericOp(member.stage->op)->getNumResults();
    bool reduces = member.stage->reducesAny();
    for (auto [number, piece] : llvm::enumerate(pieces)) {
      LaneEmitter emitter = emitterFor(member, piece);
      SmallVector<Lanes> old;
      for (size_t result = 0; reduces && result < results; ++result) {
        Value value = accumulators[(output + result) * slots + number];
        old.push_back(lanes() == 1 ? Lanes::uniform(value) : Lanes::vector(value));
      }
      SmallVector<Lanes> made = evaluate(member, piece, number, old);
      for (size_t result = 0; result < results; ++result) {
        if (!reduces) {
          keepResult(emitter, member, result, piece, made[result]);
          continue;
        }
        Lanes next = nest.vectorReduced ? emitter.keepMasked(made[result], old[result]) : made[result];
        accumulators[(output + result) * slots + number] = emitter.whole(next);
      }
    }
    output += reduces ? results : 0;
  }
  return accumulators;
}

/// Row dims first, then the group's inner dims; -1 where the index is always 0.
int RowEmitter::positionOf(const Member &member, const LoopDim &dim) const {
  if (dim.kind == LoopDim::Unit || dim.kind == LoopDim::Folded)
    return -1;
  return static_cast<int>(dim.kind == LoopDim::Row ? dim.index
                                                   : kernel.rowSizes.size() + member.groupDim[dim.index]);
}

Range RowEmitter::indexRange(const Member &member, unsigned loopDim, const Piece &piece) const {
  int position = positionOf(member, member.stage->dims[loopDim]);
  int rowDims = static_cast<int>(kernel.rowSizes.size());
  if (position < 0)
    return {0, 0};
  if (position >= rowDims) {
    Range range = innerRange[position - rowDims];
    return position == rowDims + tiledDim ? Range{range.low + piece.inner, range.high} : range;
  }
  if (piece.row.empty() || position == vectorDim)
    return {0, kernel.rowSizes[position] - 1};
  return {piece.row[position], kernel.rowSizes[position] - plan.jam[position] + piece.row[position]};
}

Lanes RowEmitter::loopIndex(LaneEmitter &emitter, const Member &member, unsigned loopDim,
                            const Piece &piece) {
  const LoopDim &dim = member.stage->dims[loopDim];
  int rowDims = kernel.rowSizes.size();
  Range range = indexRange(member, loopDim, piece);
  int position = positionOf(member, dim);
  Lanes lanes;
  if (position >= 0 && position == vectorDim)
    lanes = Lanes::affine(piece.base, 1);
  else if (range.isPoint())
    lanes = Lanes::uniform(emitter.index(range.low));
  else if (position < rowDims && !piece.row.empty() && piece.row[position])
    lanes = Lanes::uniform(
        builder.createOrFold<arith::AddIOp>(loc, rowIndex[position], index(piece.row[position])));
  else if (piece.inner && position == rowDims + tiledDim)
    lanes = Lanes::uniform(
        builder.createOrFold<arith::AddIOp>(loc, innerIndex[position - rowDims], index(piece.inner)));
  else
    lanes = Lanes::uniform(position < rowDims ? rowIndex[position] : innerIndex[position - rowDims]);
  lanes.range = range;
  return lanes;
}

SmallVector<Lanes> RowEmitter::axisIndices(LaneEmitter &emitter, const Member &member, AffineMap map,
                                           const Piece &piece) {
  SmallVector<Lanes> indices;
  for (AffineExpr expr : map.getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      indices.push_back(loopIndex(emitter, member, dim.getPosition(), piece));
    else
      indices.push_back(Lanes::uniform(emitter.index(cast<AffineConstantExpr>(expr).getValue())));
  }
  return indices;
}

Lanes RowEmitter::tensorValue(LaneEmitter &emitter, Value tensor, ArrayRef<Lanes> indices, bool guarded) {
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  if (TypedAttr splat = splatOf(tensor)) {
    if (Type type = computeType(element); type != element)
      splat = FloatAttr::get(type, cast<FloatAttr>(splat).getValueAsDouble());
    return Lanes::uniform(arith::ConstantOp::create(builder, loc, splat));
  }
  Place place = places.lookup(tensor);
  if (place.perChunk)
    place.origin = chunkBase;
  return emitter.load(place, indices, element, guarded);
}

Lanes RowEmitter::operandValue(LaneEmitter &emitter, const Member &member, OpOperand &operand,
                               const Piece &piece, unsigned pieceNumber) {
  Value tensor = operand.get();
  for (auto *made : {&pointValues, &rowValues})
    if (auto it = made->find(tensor); it != made->end())
      return it->second[pieceNumber % it->second.size()]; // the points of a tile share what is made per row
  AffineMap map = linalg::GenericOp(member.stage->op).getMatchingIndexingMap(&operand);
  return tensorValue(emitter, tensor, axisIndices(emitter, member, map, piece), false);
}

/// What a reduction starts from at the current point.
Lanes RowEmitter::initialValue(LaneEmitter &emitter, const Member &member, unsigned result,
                               const Piece &piece, unsigned pieceNumber) {
  linalg::GenericOp op = member.stage->op;
  return operandValue(emitter, member, *op.getDpsInitOperand(result), piece, pieceNumber);
}

Lanes RowEmitter::extractValue(LaneEmitter &emitter, Operation *op, ArrayRef<Lanes> indices) {
  auto extract = cast<tensor::ExtractOp>(op);
  bool guarded = extract->hasOneUse() && isa<arith::SelectOp>(*extract->user_begin());
  return tensorValue(emitter, extract.getTensor(), indices, guarded);
}

SmallVector<Lanes> RowEmitter::evaluate(const Member &member, const Piece &piece, unsigned pieceNumber,
                                        ArrayRef<Lanes> accumulators) {
  linalg::GenericOp op = member.stage->op;
  LaneEmitter emitter = emitterFor(member, piece);
  DenseMap<Value, Lanes> values;
  unsigned inputs = op.getNumDpsInputs();
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = op.getBody()->getArgument(operand.getOperandNumber());
    if (argument.use_empty())
      continue;
    bool accumulates = op.isDpsInit(&operand) && !accumulators.empty();
    values[argument] = accumulates ? accumulators[operand.getOperandNumber() - inputs]
                                   : operandValue(emitter, member, operand, piece, pieceNumber);
  }
  auto lookup = [&](Value value) {
    if (auto it = values.find(value); it != values.end())
      return it->second;
    Lanes outside = emitter.apply(value.getDefiningOp(), {}); // a constant of the kernel
    return values[value] = outside;
  };
  for (Operation &inner : op.getBody()->without_terminator()) {
    SmallVector<Lanes> operands;
    if (holding.contains(&inner)) {
      Lanes holds = Lanes::uniform(arith::ConstantIntOp::create(builder, loc, 1, 1));
      holds.range = Range{1, 1};
      values[inner.getResult(0)] = holds;
      continue;
    }
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      values[index.getResult()] = loopIndex(emitter, member, index.getDim(), piece);
      continue;
    }
    bool extracts = isa<tensor::ExtractOp>(inner);
    for (Value operand : llvm::drop_begin(inner.getOperands(), extracts))
      operands.push_back(lookup(operand));
    values[inner.getResult(0)] =
        extracts ? extractValue(emitter, &inner, operands) : emitter.apply(&inner, operands);
  }
  return llvm::map_to_vector(op.getBody()->getTerminator()->getOperands(), lookup);
}

/// Puts a result where its readers find it: in registers, in memory, or both.
void RowEmitter::keepResult(LaneEmitter &emitter, const Member &member, unsigned result, const Piece &piece,
                            const Lanes &value) {
  linalg::GenericOp op = member.stage->op;
  Value tensor = op->getResult(result);
  bool perRow = llvm::all_of(llvm::seq<unsigned>(0, member.stage->inner.size()),
                             [&](unsigned dim) { return member.stage->reduces(dim); });
  if (perRow)
    rowValues[tensor].push_back(value);
  else if (!member.stage->reducesAny())
    pointValues[tensor].push_back(value);
  auto it = places.find(tensor);
  if (it == places.end())
    return;
  Place place = it->second;
  if (place.perChunk)
    place.origin = chunkBase;
  AffineMap map = op.getIndexingMapMatchingResult(op->getResult(result));
  auto type = cast<RankedTensorType>(tensor.getType());
  emitter.store(place, axisIndices(emitter, member, map, piece), type.getElementType(), value);
}

} // namespace cleave::codegen
