// Tiles of contractions inside kernels of rows, and the loop bounds that conditions on positions give.
//
// A causal mask says `t <= s`. Rows [32, 64) then need t < 64, and below 33 the condition holds for all of
// them: sums run over [0, 33) without it, over [33, 64) with it, and what is behind is neither computed nor
// read.
#include "compiler/codegen/common/Contraction.h"
#include "compiler/codegen/cpu/RowEmitter.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace cleave::codegen {

//===----------------------------------------------------------------------===//
// Conditions
//===----------------------------------------------------------------------===//

namespace {

/// An integer of a body as a sum, with constant factors, of indices and of what is read once for all lanes.
struct Form {
  std::vector<int64_t> rows;           // factors of the kernel's row dims, then the constant
  SmallVector<int64_t> inner;          // of the stage's inner dims
  std::map<unsigned, int64_t> uniform; // by operand of the stage

  Form(size_t rowDims, size_t innerDims) : rows(rowDims + 1, 0), inner(innerDims, 0) {}
  Form &add(const Form &other, int64_t factor) {
    for (auto [mine, its] : llvm::zip(rows, other.rows))
      mine += factor * its;
    for (auto [mine, its] : llvm::zip(inner, other.inner))
      mine += factor * its;
    for (auto [operand, its] : other.uniform)
      uniform[operand] += factor * its;
    return *this;
  }
};

/// Whether every lane and every point of the inner dims reads the same element of an argument of the kernel.
bool isUniform(const Stage &stage, unsigned operand, size_t rowDims) {
  linalg::GenericOp op = stage.op;
  if (!isa<BlockArgument>(op->getOperand(operand)))
    return false;
  AffineMap map = op.getIndexingMapsArray()[operand];
  for (auto [loop, dim] : llvm::enumerate(stage.dims)) {
    bool outer = dim.kind == LoopDim::Unit || (dim.kind == LoopDim::Row && dim.index + 1 < rowDims);
    if (map.isFunctionOfDim(loop) && !outer)
      return false;
  }
  return true;
}

std::optional<Form> formOf(Value value, const Stage &stage, size_t rowDims) {
  Form form(rowDims, stage.inner.size());
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (!isUniform(stage, argument.getArgNumber(), rowDims))
      return std::nullopt;
    form.uniform[argument.getArgNumber()] = 1;
    return form;
  }
  Operation *op = value.getDefiningOp();
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant))) {
    form.rows.back() = constant.getSExtValue();
    return form;
  }
  if (auto index = dyn_cast<linalg::IndexOp>(op)) {
    const LoopDim &dim = stage.dims[index.getDim()];
    if (dim.kind == LoopDim::Row)
      form.rows[dim.index] = 1;
    else if (dim.kind == LoopDim::Inner)
      form.inner[dim.index] = 1;
    else if (dim.kind == LoopDim::Folded)
      return std::nullopt;
    return form;
  }
  if (isa<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>(op))
    return formOf(op->getOperand(0), stage, rowDims);
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op))
    return std::nullopt;
  std::optional<Form> left = formOf(op->getOperand(0), stage, rowDims);
  if (auto multiply = dyn_cast<arith::MulIOp>(op)) {
    if (!left || !matchPattern(multiply.getRhs(), m_ConstantInt(&constant)))
      return std::nullopt;
    return form.add(*left, constant.getSExtValue());
  }
  std::optional<Form> right = formOf(op->getOperand(1), stage, rowDims);
  if (!left || !right)
    return std::nullopt;
  return left->add(*right, isa<arith::AddIOp>(op) ? 1 : -1);
}

/// The form that is at most 0 where the comparison holds.
std::optional<Form> atMostZero(arith::CmpIOp op, const Stage &stage, size_t rowDims) {
  std::optional<Form> left = formOf(op.getLhs(), stage, rowDims), right = formOf(op.getRhs(), stage, rowDims);
  if (!left || !right)
    return std::nullopt;
  using Predicate = arith::CmpIPredicate;
  Predicate predicate = op.getPredicate();
  bool less = predicate == Predicate::sle || predicate == Predicate::slt;
  if (!less && predicate != Predicate::sge && predicate != Predicate::sgt)
    return std::nullopt;
  Form form = less ? left->add(*right, -1) : right->add(*left, -1);
  form.rows.back() += predicate == Predicate::slt || predicate == Predicate::sgt;
  return form;
}

Value lesser(OpBuilder &builder, Location loc, Value a, Value b) {
  return a == b ? a : builder.createOrFold<arith::MinSIOp>(loc, a, b);
}

Value greater(OpBuilder &builder, Location loc, Value a, Value b) {
  return a == b ? a : builder.createOrFold<arith::MaxSIOp>(loc, a, b);
}

/// The stage's term where its reduction adds nothing but where a condition holds: `select(condition, x,
/// neutral)`.
arith::SelectOp maskedTerm(Value term, Operation *combiner) {
  auto select = term.getDefiningOp<arith::SelectOp>();
  std::optional<TypedAttr> neutral = arith::getNeutralElement(combiner);
  TypedAttr otherwise;
  if (!select || !neutral || !matchPattern(select.getFalseValue(), m_Constant(&otherwise)))
    return {};
  bool zeros = matchPattern(*neutral, m_AnyZeroFloat()) && matchPattern(otherwise, m_AnyZeroFloat());
  return zeros || *neutral == otherwise ? select : arith::SelectOp();
}

/// What a reduction combines with what it has so far.
Value termOf(linalg::GenericOp op, Operation *combiner) {
  if (!combiner || combiner->getNumOperands() != 2)
    return {};
  Value sum = op.getBody()->getArguments().back();
  return combiner->getOperand(0) == sum ? combiner->getOperand(1) : combiner->getOperand(0);
}

} // namespace

/// What all lanes read of an operand, as an index.
Value RowEmitter::uniformValue(const Stage &stage, unsigned operand) {
  linalg::GenericOp op = stage.op;
  Member member{&stage, {}};
  LaneEmitter emitter = emitterFor(member, Piece{});
  SmallVector<Lanes> indices = axisIndices(emitter, member, op.getIndexingMapsArray()[operand], Piece{});
  Value value = tensorValue(emitter, op->getOperand(operand), indices, false).value;
  return builder.createOrFold<arith::IndexCastOp>(loc, builder.getIndexType(), value);
}

/// The least or greatest value that a sum of rows takes on the current ones.
Value RowEmitter::bound(Linear linear, bool greatest) {
  Value &known = bounds[{linear, greatest}];
  if (known)
    return known;
  Value sum = index(linear.back());
  for (size_t row = 0; row + 1 < linear.size(); ++row) {
    if (linear[row] == 0)
      continue;
    Value position = rowIndex[row];
    if (row + 2 == linear.size()) { // the lanes
      int64_t last = static_cast<int64_t>(pieces.size()) * width - 1;
      bool atEnd = (linear[row] > 0) == greatest;
      position = builder.createOrFold<arith::AddIOp>(loc, chunkBase, index(atEnd ? last : 0));
    }
    Value part = builder.createOrFold<arith::MulIOp>(loc, position, index(linear[row]));
    sum = builder.createOrFold<arith::AddIOp>(loc, sum, part);
  }
  return known = sum;
}

/// Narrows `found` to where a condition can hold.
void RowEmitter::require(Value condition, const Stage &stage, unsigned innerDim, std::optional<Live> &found,
                         SmallVectorImpl<Operation *> &conditions) {
  if (auto both = condition.getDefiningOp<arith::AndIOp>()) {
    require(both.getLhs(), stage, innerDim, found, conditions);
    return require(both.getRhs(), stage, innerDim, found, conditions);
  }
  auto compare = condition.getDefiningOp<arith::CmpIOp>();
  std::optional<Form> form =
      compare ? atMostZero(compare, stage, kernel.rowSizes.size()) : std::optional<Form>();
  if (!form || std::abs(form->inner[innerDim]) != 1)
    return;
  for (auto [dim, factor] : llvm::enumerate(form->inner))
    if (dim != innerDim && factor != 0)
      return;
  // What holds everywhere bounds nothing.
  int64_t greatest =
      form->rows.back() + std::max<int64_t>(0, form->inner[innerDim]) * (stage.innerSizes[innerDim] - 1);
  for (auto [factor, size] : llvm::zip(form->rows, kernel.rowSizes))
    greatest += std::max<int64_t>(0, factor) * (size - 1);
  if (form->uniform.empty() && greatest <= 0)
    return;
  Value zero = index(0), size = index(stage.innerSizes[innerDim]);
  if (!found)
    found = Live{zero, size, zero, size};
  auto clamp = [&](Value value) { return lesser(builder, loc, greater(builder, loc, value, zero), size); };
  conditions.push_back(compare);
  bool below = form->inner[innerDim] > 0; // t <= -form, else t >= form
  for (int64_t &factor : form->rows)
    factor = below ? -factor : factor;
  auto limit = [&](bool greatest) {
    Value value = bound(form->rows, greatest);
    for (auto [operand, factor] : form->uniform) {
      Value part = builder.createOrFold<arith::MulIOp>(loc, uniformValue(stage, operand),
                                                       index(below ? -factor : factor));
      value = builder.createOrFold<arith::AddIOp>(loc, value, part);
    }
    return clamp(below ? builder.createOrFold<arith::AddIOp>(loc, value, index(1)) : value);
  };
  if (below) {
    found->high = lesser(builder, loc, found->high, limit(true));
    found->fullHigh = lesser(builder, loc, found->fullHigh, limit(false));
  } else {
    found->low = greater(builder, loc, found->low, limit(false));
    found->fullLow = greater(builder, loc, found->fullLow, limit(true));
  }
}

/// Of a reduced dim: where terms are more than neutral.
std::optional<RowEmitter::Live> RowEmitter::summedOver(const Stage &stage, unsigned innerDim) {
  linalg::GenericOp op = stage.op;
  if (op->getNumResults() != 1)
    return std::nullopt;
  Operation *combiner = op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  Value term = termOf(op, combiner);
  std::optional<Live> found;
  if (!term)
    return found;
  if (arith::SelectOp select = maskedTerm(term, combiner)) {
    require(select.getCondition(), stage, innerDim, found, decided[&stage]);
    return found;
  }
  // A term made by another stage, which says there where it is neutral.
  auto argument = dyn_cast<BlockArgument>(term);
  const Stage *maker = argument && argument.getOwner() == op.getBody()
                           ? kernel.producer(op->getOperand(argument.getArgNumber()))
                           : nullptr;
  if (!maker || maker->reducesAny())
    return found;
  linalg::GenericOp source = maker->op;
  AffineMap read = op.getIndexingMapsArray()[argument.getArgNumber()];
  AffineMap written = source.getIndexingMapMatchingResult(source->getResult(0));
  std::optional<unsigned> axis = read.getResultPosition(builder.getAffineDimExpr(stage.inner[innerDim]));
  if (!axis || source->getNumResults() != 1)
    return found;
  const LoopDim &dim = maker->dims[written.getDimPosition(*axis)];
  arith::SelectOp select = maskedTerm(source.getBody()->getTerminator()->getOperand(0), combiner);
  SmallVector<Operation *> conditions; // not evaluated by this stage
  if (select && dim.kind == LoopDim::Inner)
    require(select.getCondition(), *maker, dim.index, found, conditions);
  if (found)
    found->fullLow = found->fullHigh = {};
  return found;
}

/// Of a parallel dim: where anything reads the stage's value.
std::optional<RowEmitter::Live> RowEmitter::neededOf(const Stage &stage, unsigned innerDim) {
  linalg::GenericOp op = stage.op;
  std::optional<Live> hull;
  for (OpResult result : op->getResults()) {
    AffineMap written = op.getIndexingMapMatchingResult(result);
    std::optional<unsigned> axis = written.getResultPosition(builder.getAffineDimExpr(stage.inner[innerDim]));
    for (OpOperand &use : result.getUses()) {
      auto reader = dyn_cast<linalg::GenericOp>(use.getOwner());
      const Stage *other = reader ? kernel.producer(reader->getResult(0)) : nullptr;
      auto found = other ? live.find(other) : live.end();
      if (!axis || found == live.end())
        return std::nullopt;
      AffineMap read = reader.getMatchingIndexingMap(&use);
      auto position = dyn_cast<AffineDimExpr>(read.getResult(*axis));
      const LoopDim *dim = position ? &other->dims[position.getPosition()] : nullptr;
      if (!dim || dim->kind != LoopDim::Inner || !found->second[dim->index])
        return std::nullopt;
      const Live &its = *found->second[dim->index];
      if (!hull)
        hull = Live{its.low, its.high, {}, {}};
      hull->low = lesser(builder, loc, hull->low, its.low);
      hull->high = greater(builder, loc, hull->high, its.high);
    }
  }
  return hull;
}

void RowEmitter::findLive() {
  live.clear();
  decided.clear();
  bounds.clear();
  for (const Stage &stage : llvm::reverse(kernel.stages)) {
    SmallVector<std::optional<Live>> dims;
    for (unsigned dim = 0; dim < stage.inner.size(); ++dim)
      dims.push_back(stage.reduces(dim) ? summedOver(stage, dim) : neededOf(stage, dim));
    live[&stage] = std::move(dims);
  }
}

/// What of a group's dim any of its members needs; nothing for all of it.
std::optional<RowEmitter::Live> RowEmitter::liveOf(const Group &group, unsigned dim) {
  std::optional<Live> hull;
  for (const Member &member : group.members) {
    auto *inner = llvm::find(member.groupDim, dim);
    auto found = live.find(member.stage);
    if (inner == member.groupDim.end() || found == live.end() ||
        !found->second[inner - member.groupDim.begin()])
      return std::nullopt;
    const Live &its = *found->second[inner - member.groupDim.begin()];
    if (!hull) {
      hull = its;
      continue;
    }
    hull->low = lesser(builder, loc, hull->low, its.low);
    hull->high = greater(builder, loc, hull->high, its.high);
    if (!its.fullLow || !hull->fullLow) {
      hull->fullLow = hull->fullLow ? hull->fullLow : its.fullLow;
      hull->fullHigh = hull->fullHigh ? hull->fullHigh : its.fullHigh;
      continue;
    }
    hull->fullLow = greater(builder, loc, hull->fullLow, its.fullLow);
    hull->fullHigh = lesser(builder, loc, hull->fullHigh, its.fullHigh);
  }
  return hull;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

RowEmitter::Values RowEmitter::overSpan(unsigned dim, Value low, Value high, int64_t step, Values carried,
                                        Body body) {
  return loop(low, high, step, std::move(carried), [&](Value position, Values values) {
    innerIndex[dim] = position;
    return body(std::move(values));
  });
}

/// A sum over what is needed: where conditions may fail, where they hold, where they may fail again.
RowEmitter::Values RowEmitter::overLive(const Nest &nest, const Live &needed, unsigned dim, Values carried,
                                        Body body) {
  if (!needed.fullLow)
    return overSpan(dim, needed.low, needed.high, 1, std::move(carried), body);
  Value from = lesser(builder, loc, greater(builder, loc, needed.fullLow, needed.low), needed.high);
  Value to = lesser(builder, loc, greater(builder, loc, needed.fullHigh, from), needed.high);
  if (!matchPattern(needed.fullLow, m_Zero()))
    carried = overSpan(dim, needed.low, from, 1, std::move(carried), body);
  for (const Member &member : nest.group->members)
    holding.insert(decided[member.stage].begin(), decided[member.stage].end());
  carried = overSpan(dim, from, to, 1, std::move(carried), body);
  holding.clear();
  APInt size;
  bool toTheEnd =
      matchPattern(needed.fullHigh, m_ConstantInt(&size)) && size.getSExtValue() == nest.group->sizes[dim];
  if (!toTheEnd)
    carried = overSpan(dim, to, needed.high, 1, std::move(carried), body);
  return carried;
}

/// The tiled dim, `tile` points at once.
void RowEmitter::overTiles(const Nest &nest, Body body) {
  int64_t size = nest.group->sizes[nest.tiled], full = size / nest.tile * nest.tile;
  SmallVector<Piece> single = pieces;
  tiledDim = nest.tiled;
  pieces.clear();
  for (int64_t offset = 0; offset < nest.tile; ++offset)
    for (Piece piece : single) {
      piece.inner = offset;
      pieces.push_back(std::move(piece));
    }
  Value low = index(0), high = index(full);
  if (std::optional<Live> needed = liveOf(*nest.group, nest.tiled)) {
    Value tile = index(nest.tile), up = index(nest.tile - 1);
    auto down = [&](Value value) {
      Value tiles = builder.createOrFold<arith::DivUIOp>(loc, value, tile);
      return builder.createOrFold<arith::MulIOp>(loc, tiles, tile);
    };
    low = down(needed->low);
    high = lesser(builder, loc, down(builder.createOrFold<arith::AddIOp>(loc, needed->high, up)), high);
  }
  overSpan(nest.tiled, low, high, nest.tile, {}, body);
  pieces = single;
  tiledDim = -1;
  if (full < size)
    overScalars(nest.tiled, {full, size - 1}, {}, body);
}

//===----------------------------------------------------------------------===//
// Transposed copies
//===----------------------------------------------------------------------===//

/// Transposes 16 vectors of 16 lanes: each step exchanges blocks of half the size across the diagonal.
static void transpose(OpBuilder &builder, Location loc, SmallVectorImpl<Value> &rows) {
  int64_t count = static_cast<int64_t>(rows.size());
  for (int64_t block = count / 2; block >= 1; block /= 2) {
    SmallVector<int64_t> upper, lower;
    for (int64_t lane = 0; lane < count; ++lane) {
      upper.push_back(lane & block ? count + lane - block : lane);
      lower.push_back(lane & block ? count + lane : lane + block);
    }
    for (int64_t row = 0; row < count; ++row) {
      if (row & block)
        continue;
      Value a = rows[row], b = rows[row + block];
      rows[row] = vector::ShuffleOp::create(builder, loc, a, b, upper);
      rows[row + block] = vector::ShuffleOp::create(builder, loc, a, b, lower);
    }
  }
}

SmallVector<Lanes> RowEmitter::indicesAt(const Member &member, AffineMap map, const Lanes &lane,
                                         const Lanes &inner) {
  SmallVector<Lanes> indices;
  for (AffineExpr expr : map.getResults()) {
    auto position = dyn_cast<AffineDimExpr>(expr);
    LoopDim dim = position ? member.stage->dims[position.getPosition()] : LoopDim();
    bool isLane = dim.kind == LoopDim::Row && dim.index + 1 == kernel.rowSizes.size();
    if (dim.kind == LoopDim::Inner)
      indices.push_back(inner);
    else if (isLane)
      indices.push_back(lane);
    else
      indices.push_back(Lanes::uniform(dim.kind == LoopDim::Row ? rowIndex[dim.index] : index(0)));
  }
  return indices;
}

/// A copy between rows and lanes, by square blocks in registers. False where the blocks do not fit.
bool RowEmitter::emitTranspose(const Nest &nest) {
  const Member &member = nest.group->members.front();
  linalg::GenericOp op = member.stage->op;
  Value source = op->getOperand(0), target = op->getResult(0);
  Type element = cast<RankedTensorType>(source.getType()).getElementType();
  bool fits = op->hasAttr(kTransposeAttr) && plan.vectorRows && nest.group->sizes.size() == 1 &&
              nest.group->sizes[0] % width == 0 && computeType(element).isF32() && plan.jammed() == 1 &&
              llvm::none_of(pieces, [](const Piece &piece) { return static_cast<bool>(piece.mask); });
  if (!fits)
    return false;
  bool intoBuffer = isa<BlockArgument>(source);
  AffineMap read = op.getIndexingMapsArray()[0], written = op.getIndexingMapsArray()[1];
  auto placeOf = [&](Value tensor) {
    Place place = places.lookup(tensor);
    if (place.perChunk)
      place.origin = chunkBase;
    return place;
  };
  Place from = placeOf(source), to = placeOf(target);
  LaneEmitter emitter = emitterFor(member, Piece{});
  auto at = [&](Value base, int64_t offset) {
    return Lanes::uniform(builder.createOrFold<arith::AddIOp>(loc, base, index(offset)));
  };
  overSpan(0, index(0), index(nest.group->sizes[0]), width, {}, [&](Values) {
    for (const Piece &piece : pieces) {
      Lanes lanes = Lanes::affine(piece.base, 1), inners = Lanes::affine(innerIndex[0], 1);
      SmallVector<Value> block;
      for (int64_t i = 0; i < width; ++i) {
        auto indices = intoBuffer ? indicesAt(member, read, at(piece.base, i), inners)
                                  : indicesAt(member, read, lanes, at(innerIndex[0], i));
        block.push_back(emitter.load(from, indices, element, false).value);
      }
      transpose(builder, loc, block);
      for (int64_t i = 0; i < width; ++i) {
        auto indices = intoBuffer ? indicesAt(member, written, lanes, at(innerIndex[0], i))
                                  : indicesAt(member, written, at(piece.base, i), inners);
        emitter.store(to, indices, element, Lanes::vector(block[i]));
      }
    }
    return Values{};
  });
  return true;
}

} // namespace cleave::codegen
