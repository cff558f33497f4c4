#include "lang/lower/IndexEmitter.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::lower;

IndexEmitter::IndexEmitter(OpBuilder &outer, Location loc, ArrayRef<Dim> parallel, ArrayRef<Dim> reduced,
                           model::Combiner combiner)
    : outer(outer), location(loc), allDims(parallel), parallelCount(parallel.size()), combiner(combiner),
      block(new Block), bodyBuilder(outer.getContext()) {
  allDims.append(reduced.begin(), reduced.end());
  region.push_back(block);
  bodyBuilder.setInsertionPointToEnd(block);
  iters.resize(allDims.size());
}

AffineMap IndexEmitter::identity() const {
  return AffineMap::getMultiDimIdentityMap(allDims.size(), outer.getContext());
}

Value IndexEmitter::read(Value tensor, AffineMap map, Attribute outsideValue) {
  if (TypedAttr constant = constantOf(tensor))
    return arith::ConstantOp::create(bodyBuilder, location, constant);
  for (auto [i, input] : llvm::enumerate(inputs))
    if (input == tensor && maps[i] == map && outsides[i] == outsideValue)
      return block->getArgument(i);
  inputs.push_back(tensor);
  maps.push_back(map);
  outsides.push_back(outsideValue);
  return block->addArgument(cast<RankedTensorType>(tensor.getType()).getElementType(), location);
}

Value IndexEmitter::readScalar(Value tensor) {
  return read(tensor, AffineMap::get(allDims.size(), 0, outer.getContext()));
}

Value IndexEmitter::iter(unsigned dim) {
  if (!iters[dim]) {
    OpBuilder::InsertionGuard guard(bodyBuilder);
    bodyBuilder.setInsertionPointToStart(block);
    iters[dim] = model::IterOp::create(bodyBuilder, location, bodyBuilder.getI64Type(), dim);
  }
  return iters[dim];
}

Value IndexEmitter::position() {
  auto constant = [&](int64_t value) {
    return arith::ConstantOp::create(bodyBuilder, location, bodyBuilder.getI64IntegerAttr(value));
  };
  Value result;
  for (unsigned dim = 0; dim < allDims.size(); ++dim) {
    if (!result) {
      result = iter(dim);
      continue;
    }
    Value scaled = arith::MulIOp::create(bodyBuilder, location, result, constant(allDims[dim].size));
    result = arith::AddIOp::create(bodyBuilder, location, scaled, iter(dim));
  }
  return result ? result : constant(0);
}

// Axis names of one tensor type are distinct; the program's always are, a helper's may not be.
static SmallVector<std::string> distinct(ArrayRef<Dim> dims) {
  llvm::StringSet<> seen;
  SmallVector<std::string> names;
  for (const Dim &dim : dims) {
    std::string name = dim.axis;
    for (unsigned n = 2; !seen.insert(name).second; ++n)
      name = dim.axis + "_" + std::to_string(n);
    names.push_back(name);
  }
  return names;
}

Value IndexEmitter::finish(Value scalar, bool exact) {
  SmallVector<std::string> names = distinct(ArrayRef(allDims).take_front(parallelCount));
  for (const Dim &dim : ArrayRef(allDims).drop_front(parallelCount))
    names.push_back(dim.axis);
  SmallVector<StringRef> axes(names.begin(), names.end());
  SmallVector<int64_t> sizes;
  for (const Dim &dim : allDims)
    sizes.push_back(dim.size);
  RankedTensorType type = model::tensorOf(scalar.getType(), ArrayRef(axes).take_front(parallelCount),
                                          ArrayRef(sizes).take_front(parallelCount));
  auto op = model::IndexOp::create(outer, location, type, inputs, maps, outsides, axes, sizes,
                                   static_cast<int64_t>(parallelCount), combiner, nullptr);
  model::YieldOp::create(bodyBuilder, location, scalar);
  Block &target = op.getBodyBlock();
  for (auto [from, to] : llvm::zip(block->getArguments(), target.getArguments()))
    from.replaceAllUsesWith(to);
  target.getOperations().splice(target.end(), block->getOperations());
  if (exact)
    op->setAttr("exact", outer.getUnitAttr());
  return op.getResult();
}

Value cleave::lower::emitConstant(OpBuilder &builder, Location loc, TypedAttr value) {
  IndexEmitter emitter(builder, loc, {});
  return emitter.finish(arith::ConstantOp::create(emitter.body(), loc, value));
}

TypedAttr cleave::lower::constantOf(Value tensor) {
  auto op = tensor.getDefiningOp<model::IndexOp>();
  if (!op || op.getNumDims() != 0 || !op.getInputs().empty())
    return {};
  auto constant =
      cast<model::YieldOp>(op.getBodyBlock().getTerminator()).getValue().getDefiningOp<arith::ConstantOp>();
  return constant ? constant.getValue() : TypedAttr();
}
