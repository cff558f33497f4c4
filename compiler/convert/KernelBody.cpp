#include "compiler/convert/KernelBody.h"

#include "dialects/model/transforms/Build.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::convert;

RankedTensorType cleave::convert::storageOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  Type element = tensor.getElementType();
  if (element.isInteger(1))
    element = IntegerType::get(type.getContext(), 8);
  return RankedTensorType::get(tensor.getShape(), element);
}

// Scalars of bodies are i1 where the program says bool; memory holds bytes.
static Value fromStorage(OpBuilder &builder, Location loc, Value value, Type wanted) {
  return value.getType() == wanted ? value : arith::TruncIOp::create(builder, loc, wanted, value).getResult();
}
static Value toStorage(OpBuilder &builder, Location loc, Value value) {
  return value.getType().isInteger(1)
             ? arith::ExtUIOp::create(builder, loc, builder.getI8Type(), value).getResult()
             : value;
}

namespace {

// One linalg.generic being put together: operands read by plain maps, everything else extracted.
class GenericBuilder {
public:
  GenericBuilder(OpBuilder &builder, Location loc, ArrayRef<int64_t> sizes, int64_t parallel)
      : builder(builder), loc(loc), sizes(sizes), parallel(parallel) {}

  // Whether reading a tensor of `shape` at `map` can be an `ins` operand.
  bool isPlain(AffineMap map, ArrayRef<int64_t> shape) const;
  // Adds an operand; returns its position.
  unsigned addOperand(Value tensor, AffineMap map);
  Value create(RankedTensorType type, Value init, ArrayRef<int64_t> rowDims, bool exact,
               function_ref<Value(OpBuilder &, ValueRange)> body);

private:
  void coverDims();

  OpBuilder &builder;
  Location loc;
  ArrayRef<int64_t> sizes;
  int64_t parallel;
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
};

} // namespace

bool GenericBuilder::isPlain(AffineMap map, ArrayRef<int64_t> shape) const {
  if (!map.isProjectedPermutation(/*allowZeroInResults=*/true))
    return false;
  return llvm::all_of(llvm::zip(map.getResults(), shape), [&](auto pair) {
    auto dim = dyn_cast<AffineDimExpr>(std::get<0>(pair));
    return (dim ? sizes[dim.getPosition()] : 1) == std::get<1>(pair);
  });
}

unsigned GenericBuilder::addOperand(Value tensor, AffineMap map) {
  for (unsigned i = 0; i < operands.size(); ++i)
    if (operands[i] == tensor && maps[i] == map)
      return i;
  operands.push_back(tensor);
  maps.push_back(map);
  return operands.size() - 1;
}

// linalg reads loop sizes off operands: reduced dims that only windows use get an operand that is never read.
void GenericBuilder::coverDims() {
  SmallVector<AffineExpr> missing;
  SmallVector<int64_t> shape;
  for (int64_t dim = parallel; dim < static_cast<int64_t>(sizes.size()); ++dim) {
    if (llvm::any_of(maps, [&](AffineMap map) { return map.isFunctionOfDim(dim); }))
      continue;
    missing.push_back(builder.getAffineDimExpr(dim));
    shape.push_back(sizes[dim]);
  }
  if (missing.empty())
    return;
  operands.push_back(tensor::EmptyOp::create(builder, loc, shape, builder.getI8Type()));
  maps.push_back(AffineMap::get(sizes.size(), 0, missing, builder.getContext()));
}

Value GenericBuilder::create(RankedTensorType type, Value init, ArrayRef<int64_t> rowDims, bool exact,
                             function_ref<Value(OpBuilder &, ValueRange)> body) {
  coverDims();
  maps.push_back(
      AffineMap::getMultiDimIdentityMap(sizes.size(), builder.getContext()).getMajorSubMap(parallel));
  if (parallel == 0)
    maps.back() = AffineMap::get(sizes.size(), 0, builder.getContext());
  SmallVector<utils::IteratorType> iterators(sizes.size(), utils::IteratorType::reduction);
  std::fill_n(iterators.begin(), parallel, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(builder, loc, type, operands, init, maps, iterators,
                                           [&](OpBuilder &inner, Location, ValueRange scalars) {
                                             linalg::YieldOp::create(inner, loc, body(inner, scalars));
                                           });
  generic->setAttr(pipe::kRowsAttr, builder.getDenseI64ArrayAttr(rowDims));
  if (exact)
    generic->setAttr(pipe::kExactAttr, builder.getUnitAttr());
  return generic.getResult(0);
}

static Value loopIndex(OpBuilder &builder, Location loc, int64_t dim) {
  return linalg::IndexOp::create(builder, loc, dim);
}

static SmallVector<Value> loopIndices(OpBuilder &builder, Location loc, int64_t count) {
  SmallVector<Value> indices;
  for (int64_t dim = 0; dim < count; ++dim)
    indices.push_back(loopIndex(builder, loc, dim));
  return indices;
}

static Value indexConstant(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

static Value clampIndex(OpBuilder &builder, Location loc, Value index, int64_t size) {
  Value low = arith::MaxSIOp::create(builder, loc, index, indexConstant(builder, loc, 0));
  return arith::MinSIOp::create(builder, loc, low, indexConstant(builder, loc, size - 1));
}

// tensor[positions], or `outside` where a position lies outside the tensor. Nothing is read out of bounds.
static Value extractGuarded(OpBuilder &builder, Location loc, Value tensor, ArrayRef<Value> positions,
                            TypedAttr outside) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(tensor.getType()).getShape();
  Value inside;
  SmallVector<Value> clamped;
  for (auto [position, size] : llvm::zip(positions, shape)) {
    // Below zero reads as a very large unsigned number: one comparison does.
    Value fits = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, position,
                                       indexConstant(builder, loc, size));
    inside = inside ? arith::AndIOp::create(builder, loc, inside, fits).getResult() : fits;
    clamped.push_back(clampIndex(builder, loc, position, size));
  }
  Value element = tensor::ExtractOp::create(builder, loc, tensor, clamped);
  if (!inside)
    return element;
  Value instead = arith::ConstantOp::create(builder, loc, outside);
  return arith::SelectOp::create(builder, loc, inside, element, toStorage(builder, loc, instead));
}

static SmallVector<Value> expandMap(OpBuilder &builder, Location loc, AffineMap map, ValueRange dims,
                                    ValueRange symbols = {}) {
  return llvm::map_to_vector(map.getResults(), [&](AffineExpr expr) {
    return affine::expandAffineExpr(builder, loc, expr, dims, symbols);
  });
}

// The tensor an op writes into: undefined, or the combiner's identity.
static Value initOf(OpBuilder &builder, Location loc, RankedTensorType type, model::Combiner combiner) {
  Value empty = tensor::EmptyOp::create(builder, loc, type.getShape(), type.getElementType());
  if (combiner == model::Combiner::None)
    return empty;
  Value identity =
      arith::ConstantOp::create(builder, loc, model::identityOf(builder, combiner, type.getElementType()));
  return linalg::FillOp::create(builder, loc, identity, empty).getResult(0);
}

// Where an input's scalar comes from: operand `operand` of the generic, or extracted when that is negative.
static SmallVector<int> placeInputs(GenericBuilder &generic, model::IndexOp op, IRMapping &mapping) {
  SmallVector<int> operands;
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    auto type = cast<RankedTensorType>(input.getType());
    if (generic.isPlain(op.getMap(i), type.getShape()))
      operands.push_back(generic.addOperand(mapping.lookup(input), op.getMap(i)));
    else
      operands.push_back(-1);
  }
  return operands;
}

// Clones the body of an index op for one point; `scalars` stand for its arguments.
static Value cloneScalars(OpBuilder &builder, model::IndexOp op, IRMapping scalars) {
  for (Operation &inner : op.getBodyBlock().without_terminator()) {
    if (auto iter = dyn_cast<model::IterOp>(inner)) {
      Value index = loopIndex(builder, inner.getLoc(), iter.getDim());
      scalars.map(
          iter.getResult(),
          arith::IndexCastOp::create(builder, inner.getLoc(), builder.getI64Type(), index).getResult());
    } else {
      builder.clone(inner, scalars);
    }
  }
  return scalars.lookupOrDefault(cast<model::YieldOp>(op.getBodyBlock().getTerminator()).getValue());
}

Value cleave::convert::emitIndex(OpBuilder &builder, model::IndexOp op, ArrayRef<int64_t> rowDims,
                                 IRMapping &mapping) {
  Location loc = op.getLoc();
  RankedTensorType type = storageOf(op.getType());
  GenericBuilder generic(builder, loc, op.getSizes(), op.getParallel());
  SmallVector<int> operands = placeInputs(generic, op, mapping);
  Value init = initOf(builder, loc, type, op.getCombiner());
  return generic.create(type, init, rowDims, op->hasAttr("exact"), [&](OpBuilder &inner, ValueRange scalars) {
    IRMapping body;
    SmallVector<Value> dims;
    for (auto [i, argument] : llvm::enumerate(op.getBodyBlock().getArguments())) {
      if (argument.use_empty())
        continue;
      Value element;
      if (operands[i] >= 0) {
        element = scalars[operands[i]];
      } else {
        if (dims.empty())
          dims = loopIndices(inner, loc, op.getNumDims());
        Value tensor = mapping.lookup(op.getInputs()[i]);
        SmallVector<Value> positions = expandMap(inner, loc, op.getMap(i), dims);
        TypedAttr outside = op.getOutsideValue(i);
        element = outside ? extractGuarded(inner, loc, tensor, positions, outside)
                          : tensor::ExtractOp::create(inner, loc, tensor, positions).getResult();
      }
      body.map(argument, fromStorage(inner, loc, element, argument.getType()));
    }
    Value value = toStorage(inner, loc, cloneScalars(inner, op, body));
    return model::combine(inner, loc, op.getCombiner(), scalars.back(), value);
  });
}

Value cleave::convert::emitGather(OpBuilder &builder, model::GatherOp op, ArrayRef<int64_t> rowDims,
                                  IRMapping &mapping) {
  Location loc = op.getLoc();
  RankedTensorType type = storageOf(op.getResult().getType());
  GenericBuilder generic(builder, loc, type.getShape(), type.getRank());
  SmallVector<int> operands;
  for (auto [index, attr] : llvm::zip(op.getIndices(), op.getIndexMaps())) {
    AffineMap map = cast<AffineMapAttr>(attr).getValue();
    bool plain = generic.isPlain(map, cast<RankedTensorType>(index.getType()).getShape());
    operands.push_back(plain ? static_cast<int>(generic.addOperand(mapping.lookup(index), map)) : -1);
  }
  Value init = initOf(builder, loc, type, model::Combiner::None);
  return generic.create(type, init, rowDims, false, [&](OpBuilder &inner, ValueRange scalars) {
    SmallVector<Value> dims = loopIndices(inner, loc, type.getRank()), symbols;
    for (auto [i, index] : llvm::enumerate(op.getIndices())) {
      AffineMap map = cast<AffineMapAttr>(op.getIndexMaps()[i]).getValue();
      Value position = operands[i] >= 0 ? scalars[operands[i]]
                                        : tensor::ExtractOp::create(inner, loc, mapping.lookup(index),
                                                                    expandMap(inner, loc, map, dims))
                                              .getResult();
      // Bytes are text or classes: unsigned.
      symbols.push_back(
          position.getType().isInteger(8)
              ? arith::IndexCastUIOp::create(inner, loc, inner.getIndexType(), position).getResult()
              : arith::IndexCastOp::create(inner, loc, inner.getIndexType(), position).getResult());
    }
    SmallVector<Value> positions = expandMap(inner, loc, op.getTableMap(), dims, symbols);
    Value table = mapping.lookup(op.getTable());
    ArrayRef<int64_t> shape = cast<RankedTensorType>(table.getType()).getShape();
    for (auto [i, expr] : llvm::enumerate(op.getTableMap().getResults()))
      if (!isa<AffineDimExpr>(expr))
        positions[i] = clampIndex(inner, loc, positions[i], shape[i]);
    return tensor::ExtractOp::create(inner, loc, table, positions).getResult();
  });
}
