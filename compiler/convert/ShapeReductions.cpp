#include "compiler/convert/ShapeReductions.h"

#include "compiler/analysis/Grouping.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace cleave;

// At least so many terms per element of a factor make it pay to compute the factor beforehand.
static constexpr int64_t kReuse = 8;

static int64_t pointsOver(model::IndexOp op, const llvm::BitVector &dims) {
  int64_t points = 1;
  for (unsigned dim : dims.set_bits())
    points *= op.getSizes()[dim];
  return points;
}

static Value yielded(model::IndexOp op) {
  return cast<model::YieldOp>(op.getBodyBlock().getTerminator()).getValue();
}

static void keepName(Operation *from, Operation *to) {
  if (Attribute names = from->getAttr(pipe::kNamesAttr))
    to->setAttr(pipe::kNamesAttr, names);
}

//===------------------------------------------------------------------===//
// Factors
//===------------------------------------------------------------------===//

namespace {

// One factor of the summed term: a scalar of the body and the dims it depends on. Divisors divide.
struct Factor {
  Value value;
  bool isDivisor = false;
  llvm::BitVector dims;
};

// Several factors that are computed together over `dims`.
using Factors = SmallVector<Factor>;

class ProductSplitter {
public:
  explicit ProductSplitter(model::IndexOp op) : op(op), builder(op) {}
  bool run();

private:
  void collect(Value value, bool isDivisor);
  llvm::BitVector dimsOf(Value value);
  bool hasReduced(const llvm::BitVector &dims) {
    return dims.find_last() >= static_cast<int>(op.getParallel());
  }
  bool variesAlone(const Factor &a, const Factor &b);
  bool assign();
  Value clone(OpBuilder &body, Value value, IRMapping &scalars);
  Value multiply(OpBuilder &body, Location loc, Value product, const Factor &factor, Value value);
  // The product of some factors as a tensor over their dims, and how the op's dims index it.
  std::pair<Value, AffineMap> materialize(const Factors &factors);
  Value emitProduct();
  void emitBehind(Value product);

  model::IndexOp op;
  OpBuilder builder;
  Factors factors, left, right, behind;
};

} // namespace

llvm::BitVector ProductSplitter::dimsOf(Value value) {
  llvm::BitVector dims(op.getNumDims());
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    for (int64_t dim = 0; dim < op.getNumDims(); ++dim)
      if (op.getMap(argument.getArgNumber()).isFunctionOfDim(dim))
        dims.set(dim);
    return dims;
  }
  Operation *source = value.getDefiningOp();
  if (auto iter = dyn_cast<model::IterOp>(source))
    dims.set(iter.getDim());
  for (Value operand : source->getOperands())
    dims |= dimsOf(operand);
  return dims;
}

void ProductSplitter::collect(Value value, bool isDivisor) {
  Operation *source = value.getDefiningOp();
  if (auto multiply = dyn_cast_or_null<arith::MulFOp>(source)) {
    collect(multiply.getLhs(), isDivisor);
    collect(multiply.getRhs(), isDivisor);
  } else if (auto divide = dyn_cast_or_null<arith::DivFOp>(source)) {
    collect(divide.getLhs(), isDivisor);
    collect(divide.getRhs(), !isDivisor);
  } else {
    factors.push_back({value, isDivisor, dimsOf(value)});
  }
}

// Whether `a` has a parallel dim that `b` lacks.
bool ProductSplitter::variesAlone(const Factor &a, const Factor &b) {
  for (unsigned dim = 0; dim < op.getParallel(); ++dim)
    if (a.dims.test(dim) && !b.dims.test(dim))
      return true;
  return false;
}

static bool covers(const llvm::BitVector &large, llvm::BitVector small) {
  small.reset(large);
  return small.none();
}

// Two factors that vary on their own lead the two sides; every other one that is summed over joins a side.
bool ProductSplitter::assign() {
  const Factor *a = nullptr, *b = nullptr;
  int64_t most = 0;
  for (const Factor &first : factors)
    for (const Factor &second : factors) {
      int64_t points = pointsOver(op, first.dims) + pointsOver(op, second.dims);
      if (hasReduced(first.dims) && hasReduced(second.dims) && variesAlone(first, second) &&
          variesAlone(second, first) && points > most) {
        a = &first;
        b = &second;
        most = points;
      }
    }
  if (!a || a->isDivisor || b->isDivisor)
    return false;
  left.push_back(*a);
  right.push_back(*b);
  for (const Factor &factor : factors) {
    if (&factor == a || &factor == b)
      continue;
    if (!hasReduced(factor.dims))
      behind.push_back(factor);
    else if (covers(a->dims, factor.dims))
      left.push_back(factor);
    else if (covers(b->dims, factor.dims))
      right.push_back(factor);
    else
      return false;
  }
  int64_t points = 1;
  for (int64_t size : op.getSizes())
    points *= size;
  return points / std::max(pointsOver(op, a->dims), pointsOver(op, b->dims)) >= kReuse;
}

Value ProductSplitter::clone(OpBuilder &body, Value value, IRMapping &scalars) {
  if (Value known = scalars.lookupOrNull(value))
    return known;
  Operation *source = value.getDefiningOp();
  for (Value operand : source->getOperands())
    clone(body, operand, scalars);
  body.clone(*source, scalars);
  return scalars.lookup(value);
}

Value ProductSplitter::multiply(OpBuilder &body, Location loc, Value product, const Factor &factor,
                                Value value) {
  if (factor.isDivisor)
    return arith::DivFOp::create(body, loc, product, value);
  return arith::MulFOp::create(body, loc, product, value);
}

static void addArguments(Value value, llvm::BitVector &used) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    used.set(argument.getArgNumber());
    return;
  }
  for (Value operand : value.getDefiningOp()->getOperands())
    addArguments(operand, used);
}

std::pair<Value, AffineMap> ProductSplitter::materialize(const Factors &side) {
  MLIRContext *context = op.getContext();
  if (side.size() == 1)
    if (auto argument = dyn_cast<BlockArgument>(side.front().value);
        argument && !op.getOutsideValue(argument.getArgNumber()))
      return {op.getInputs()[argument.getArgNumber()], op.getMap(argument.getArgNumber())};
  // The side's own dims, in the order of the op's.
  SmallVector<AffineExpr> toSide(op.getNumDims(), getAffineConstantExpr(0, context)), fromOp;
  SmallVector<StringRef> axes;
  SmallVector<int64_t> sizes;
  for (unsigned dim : side.front().dims.set_bits()) {
    toSide[dim] = getAffineDimExpr(sizes.size(), context);
    fromOp.push_back(getAffineDimExpr(dim, context));
    axes.push_back(op.getAxis(dim));
    sizes.push_back(op.getSizes()[dim]);
  }
  llvm::BitVector used(op.getInputs().size());
  for (const Factor &factor : side)
    addArguments(factor.value, used);
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  SmallVector<Attribute> outside;
  for (unsigned i : used.set_bits()) {
    inputs.push_back(op.getInputs()[i]);
    maps.push_back(op.getMap(i).replaceDimsAndSymbols(toSide, {}, sizes.size(), 0));
    outside.push_back(op.getOutside()[i]);
  }
  auto element = side.front().value.getType();
  RankedTensorType type = model::tensorOf(element, axes, sizes);
  auto made =
      model::IndexOp::create(builder, op.getLoc(), type, inputs, maps, outside, axes, sizes, sizes.size(),
                             model::Combiner::None, [&](OpBuilder &body, Location loc, ValueRange scalars) {
                               IRMapping mapping;
                               for (auto [slot, i] : llvm::enumerate(used.set_bits()))
                                 mapping.map(op.getBodyBlock().getArgument(i), scalars[slot]);
                               Value product = clone(body, side.front().value, mapping);
                               for (const Factor &factor : ArrayRef(side).drop_front())
                                 product =
                                     multiply(body, loc, product, factor, clone(body, factor.value, mapping));
                               return product;
                             });
  // model.iter counts the op's dims; here they are the side's.
  made.getBody().walk(
      [&](model::IterOp iter) { iter.setDim(cast<AffineDimExpr>(toSide[iter.getDim()]).getPosition()); });
  return {made.getResult(), AffineMap::get(op.getNumDims(), 0, fromOp, context)};
}

Value ProductSplitter::emitProduct() {
  auto [a, aMap] = materialize(left);
  auto [b, bMap] = materialize(right);
  SmallVector<StringRef> axes;
  for (int64_t dim = 0; dim < op.getNumDims(); ++dim)
    axes.push_back(op.getAxis(dim));
  return model::IndexOp::create(builder, op.getLoc(), op.getType(), ValueRange{a, b}, {aMap, bMap}, {}, axes,
                                op.getSizes(), op.getParallel(), model::Combiner::Sum,
                                [](OpBuilder &body, Location loc, ValueRange scalars) {
                                  return arith::MulFOp::create(body, loc, scalars[0], scalars[1]).getResult();
                                });
}

void ProductSplitter::emitBehind(Value product) {
  int64_t rank = op.getParallel();
  SmallVector<StringRef> axes;
  for (int64_t dim = 0; dim < rank; ++dim)
    axes.push_back(op.getAxis(dim));
  llvm::BitVector used(op.getInputs().size());
  for (const Factor &factor : behind)
    addArguments(factor.value, used);
  MLIRContext *context = op.getContext();
  SmallVector<Value> inputs{product};
  SmallVector<AffineMap> maps{AffineMap::getMultiDimIdentityMap(rank, context)};
  SmallVector<Attribute> outside{builder.getUnitAttr()};
  for (unsigned i : used.set_bits()) {
    inputs.push_back(op.getInputs()[i]);
    maps.push_back(AffineMap::get(rank, 0, op.getMap(i).getResults(), context));
    outside.push_back(op.getOutside()[i]);
  }
  auto scaled = model::IndexOp::create(
      builder, op.getLoc(), op.getType(), inputs, maps, outside, axes, op.getSizes().take_front(rank), rank,
      model::Combiner::None, [&](OpBuilder &body, Location loc, ValueRange scalars) {
        IRMapping mapping;
        for (auto [slot, i] : llvm::enumerate(used.set_bits()))
          mapping.map(op.getBodyBlock().getArgument(i), scalars[slot + 1]);
        Value result = scalars[0];
        for (const Factor &factor : behind)
          result = multiply(body, loc, result, factor, clone(body, factor.value, mapping));
        return result;
      });
  keepName(op, scaled);
  op.replaceAllUsesWith(scaled.getResult());
}

bool ProductSplitter::run() {
  if (op.getCombiner() != model::Combiner::Sum || analysis::isProduct(op) || op->hasAttr("exact") ||
      !isa<FloatType>(yielded(op).getType()))
    return false;
  collect(yielded(op), false);
  if (factors.size() < 2 || !assign())
    return false;
  Value product = emitProduct();
  if (behind.empty()) {
    keepName(op, product.getDefiningOp());
    op.replaceAllUsesWith(product);
  } else {
    emitBehind(product);
  }
  op.erase();
  return true;
}

void cleave::convert::shapeReductions(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto index = dyn_cast<model::IndexOp>(op)) {
      ProductSplitter(index).run();
      continue;
    }
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        shapeReductions(inner);
  }
}
