#include "compiler/convert/FuseProducers.h"

#include "compiler/analysis/Grouping.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace cleave;

namespace {

// One input of the op being made.
struct Input {
  Value value;
  AffineMap map;
  Attribute outside;
};

} // namespace

static Input inputOf(model::IndexOp op, unsigned i) {
  return {op.getInputs()[i], op.getMap(i), op.getOutside()[i]};
}

static unsigned addInput(SmallVectorImpl<Input> &inputs, const Input &input) {
  for (auto [i, known] : llvm::enumerate(inputs))
    if (known.value == input.value && known.map == input.map && known.outside == input.outside)
      return i;
  inputs.push_back(input);
  return inputs.size() - 1;
}

static bool isExact(Operation *op) { return op->hasAttr("exact"); }

// Every point of the reader is one point of the producer, and the other way round.
static bool samePoints(AffineMap map, int64_t dims) {
  return map.isProjectedPermutation() && static_cast<int64_t>(map.getNumResults()) == dims;
}

// Dims stay dims, so that model.iter can be renumbered.
static bool onlyDims(AffineMap map) {
  return llvm::all_of(map.getResults(), [](AffineExpr expr) { return isa<AffineDimExpr>(expr); });
}

static bool usesPosition(model::IndexOp op) { return !op.getBodyBlock().getOps<model::IterOp>().empty(); }

static bool isCheap(model::IndexOp op) {
  return llvm::none_of(op.getBodyBlock(),
                       [](Operation &inner) { return isa<math::MathDialect>(inner.getDialect()); });
}

static bool canFuse(model::IndexOp producer, model::IndexOp reader, unsigned input) {
  AffineMap map = reader.getMap(input);
  if (producer.getCombiner() != model::Combiner::None || isExact(producer) != isExact(reader) ||
      reader.getOutsideValue(input) || producer->getBlock() != reader->getBlock())
    return false;
  // A product reads matrices: one computed on the way would be computed again for each row or column.
  if (analysis::isProduct(reader) && (usesPosition(producer) || !producer.getInputs().empty()))
    return false;
  if (producer.getInputs().empty())
    return (onlyDims(map) || !usesPosition(producer)) &&
           (isCheap(producer) || samePoints(map, reader.getNumDims()));
  return producer->hasOneUse() && samePoints(map, reader.getNumDims());
}

// Clones the scalar ops of `op`; dims become those at `map` and arguments what `scalars` says.
static Value cloneScalars(OpBuilder &builder, model::IndexOp op, AffineMap map, IRMapping scalars) {
  for (Operation &inner : op.getBodyBlock().without_terminator()) {
    auto iter = dyn_cast<model::IterOp>(inner);
    if (!iter) {
      builder.clone(inner, scalars);
      continue;
    }
    int64_t dim = map ? cast<AffineDimExpr>(map.getResult(iter.getDim())).getPosition() : iter.getDim();
    scalars.map(iter.getResult(),
                model::IterOp::create(builder, iter.getLoc(), builder.getI64Type(), dim).getResult());
  }
  return scalars.lookupOrDefault(cast<model::YieldOp>(op.getBodyBlock().getTerminator()).getValue());
}

// The reader with the producer's body inside.
static model::IndexOp fuse(model::IndexOp producer, model::IndexOp reader, unsigned input) {
  AffineMap map = reader.getMap(input);
  SmallVector<Input> inputs;
  SmallVector<unsigned> readerSlots, producerSlots;
  for (unsigned i = 0; i < reader.getInputs().size(); ++i)
    readerSlots.push_back(i == input ? 0 : addInput(inputs, inputOf(reader, i)));
  for (unsigned i = 0; i < producer.getInputs().size(); ++i)
    producerSlots.push_back(addInput(
        inputs, {producer.getInputs()[i], producer.getMap(i).compose(map), producer.getOutside()[i]}));
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  SmallVector<Attribute> outside;
  for (const Input &each : inputs) {
    values.push_back(each.value);
    maps.push_back(each.map);
    outside.push_back(each.outside);
  }
  SmallVector<StringRef> axes;
  for (int64_t dim = 0; dim < reader.getNumDims(); ++dim)
    axes.push_back(reader.getAxis(dim));
  OpBuilder builder(reader);
  auto fused = model::IndexOp::create(
      builder, FusedLoc::get(builder.getContext(), {reader.getLoc(), producer.getLoc()}), reader.getType(),
      values, maps, outside, axes, reader.getSizes(), reader.getParallel(), reader.getCombiner(),
      [&](OpBuilder &body, Location, ValueRange scalars) {
        IRMapping mapping;
        for (auto [argument, slot] : llvm::zip(producer.getBodyBlock().getArguments(), producerSlots))
          mapping.map(argument, scalars[slot]);
        Value value = cloneScalars(body, producer, map, mapping);
        IRMapping outer;
        for (auto [i, argument] : llvm::enumerate(reader.getBodyBlock().getArguments()))
          outer.map(argument, i == input ? value : scalars[readerSlots[i]]);
        return cloneScalars(body, reader, AffineMap(), outer);
      });
  for (NamedAttribute attr : reader->getDiscardableAttrs())
    fused->setAttr(attr.getName(), attr.getValue());
  reader.replaceAllUsesWith(fused.getResult());
  reader.erase();
  if (producer.use_empty())
    producer.erase();
  return fused;
}

static model::IndexOp fuseInputs(model::IndexOp reader) {
  for (unsigned i = 0; i < reader.getInputs().size();) {
    auto producer = reader.getInputs()[i].getDefiningOp<model::IndexOp>();
    if (producer && canFuse(producer, reader, i)) {
      reader = fuse(producer, reader, i);
      i = 0;
    } else {
      ++i;
    }
  }
  return reader;
}

void cleave::convert::fuseProducers(Block &block) {
  for (Operation *op = &block.front(); op;) {
    if (auto index = dyn_cast<model::IndexOp>(op))
      op = fuseInputs(index);
    else
      for (Region &region : op->getRegions())
        for (Block &inner : region)
          fuseProducers(inner);
    op = op->getNextNode();
  }
}
