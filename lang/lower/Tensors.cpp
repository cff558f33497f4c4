// Tensor-level expressions.
#include "lang/lower/Lowering.h"

#include "lang/lower/Ranges.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::lower;

static model::Combiner combinerOf(ast::Combiner combiner) {
  switch (combiner) {
  case ast::Combiner::None:
    return model::Combiner::None;
  case ast::Combiner::Sum:
    return model::Combiner::Sum;
  case ast::Combiner::Max:
    return model::Combiner::Max;
  case ast::Combiner::Min:
    return model::Combiner::Min;
  case ast::Combiner::Prod:
    return model::Combiner::Prod;
  }
  llvm_unreachable("all combiners are above");
}

const ast::LayerObject *Lowering::resolve(const ast::LayerRef &ref) const { return ref.resolve(self); }

Bound Lowering::lookUp(const ast::Value *value) {
  switch (value->kind) {
  case ast::Value::Kind::Step:
    return {counterState(/*seed=*/false)};
  case ast::Value::Kind::Seed:
    return {counterState(/*seed=*/true)};
  case ast::Value::Kind::State:
    return {stateValue(slots.at(value))};
  default:
    return values.at(value);
  }
}

Bound Lowering::emit(const ast::Expr *expr) {
  using Kind = ast::Expr::Kind;
  Location where = loc(expr->location);
  switch (expr->kind) {
  case Kind::Literal:
    return {emitConstant(builder, where, constant(*ast::as<ast::Literal>(expr)))};
  case Kind::ValueRef:
    return lookUp(ast::as<ast::ValueRef>(expr)->value);
  case Kind::ParamRef: {
    auto *ref = ast::as<ast::ParamRef>(expr);
    return {stateValue(resolve(ref->layer)->states[ref->slot])};
  }
  case Kind::Comprehension:
    return {emitComprehension(*ast::as<ast::Comprehension>(expr))};
  case Kind::Gather:
    return {emitGather(*ast::as<ast::Gather>(expr))};
  case Kind::Scatter:
    return {emitScatter(*ast::as<ast::Scatter>(expr))};
  case Kind::Argsort:
    return {emitArgsort(*ast::as<ast::Argsort>(expr))};
  case Kind::Concat:
    return {emitConcat(*ast::as<ast::Concat>(expr))};
  case Kind::StopGradient:
    return {
        model::StopGradientOp::create(builder, where, emitTensor(ast::as<ast::StopGradient>(expr)->input))};
  case Kind::Collective:
    return {emitCollective(*ast::as<ast::Collective>(expr))};
  case Kind::Call: {
    auto *call = ast::as<ast::Call>(expr);
    SmallVector<Bound> arguments;
    for (const ast::Expr *argument : call->arguments)
      arguments.push_back(emit(argument));
    return emitCall(*call->callee, arguments, call->site, where);
  }
  case Kind::LayerCall:
    return emitLayerCall(*ast::as<ast::LayerCall>(expr));
  case Kind::If:
    return emitIf(*ast::as<ast::If>(expr));
  case Kind::Scan:
    return emitScan(*ast::as<ast::Scan>(expr));
  case Kind::While:
    return emitWhile(*ast::as<ast::While>(expr));
  case Kind::Gradient: {
    auto *gradient = ast::as<ast::Gradient>(expr);
    SmallVector<Value> wrt;
    for (const ast::Value *value : gradient->wrt)
      wrt.append(lookUp(value));
    return emitGradient(emitTensor(gradient->loss), wrt, where);
  }
  case Kind::TreeRef:
    return emitLeaves(expr->type().tree);
  case Kind::TreeGradient: {
    Value loss = emitTensor(ast::as<ast::TreeGradient>(expr)->loss);
    return emitGradient(loss, emitLeaves(expr->type().tree), where);
  }
  case Kind::Each:
    return emitEach(*ast::as<ast::Each>(expr));
  case Kind::Total:
    return {emitTotal(*ast::as<ast::Total>(expr))};
  default:
    llvm_unreachable("element-level expressions stand in comprehensions only");
  }
}

Bound Lowering::emitLeaves(const ast::LayerObject *object) {
  Bound leaves;
  for (const ast::State *state : ast::leavesOf(object))
    leaves.push_back(stateValue(state));
  return leaves;
}

Bound Lowering::emitGradient(Value loss, ArrayRef<Value> wrt, Location where) {
  auto op = model::GradientOp::create(builder, where, TypeRange(ValueRange(wrt)), loss, ValueRange(wrt));
  return Bound(op.getResults());
}

static DenseMap<const ast::IndexVariable *, unsigned>
numbered(const std::vector<const ast::IndexVariable *> &variables) {
  DenseMap<const ast::IndexVariable *, unsigned> dims;
  for (const ast::IndexVariable *variable : variables)
    dims.try_emplace(variable, dims.size());
  return dims;
}

Value Lowering::emitComprehension(const ast::Comprehension &expr) {
  IndexEmitter emitter(builder, loc(expr.location), dimsOf(expr.variables), dimsOf(expr.reduced),
                       combinerOf(expr.combiner));
  ElementScope scope(emitter, site, expr.exact);
  scope.dims = numbered(expr.variables);
  for (const ast::IndexVariable *variable : expr.reduced)
    scope.dims.try_emplace(variable, scope.dims.size());
  Value scalar = emitElement(expr.body, scope);
  ast::ElementType element = expr.type().element;
  bool ordered = expr.combiner == ast::Combiner::Max || expr.combiner == ast::Combiner::Min;
  if (!ordered || !isUnsigned(element))
    return emitter.finish(scalar, expr.exact);
  // The op's greatest and least are of signed numbers.
  Value wide = emitter.finish(
      arith::ExtUIOp::create(emitter.body(), emitter.loc(), builder.getI32Type(), scalar), expr.exact);
  IndexEmitter narrow(builder, emitter.loc(), dimsOf(expr.variables));
  return narrow.finish(arith::TruncIOp::create(narrow.body(), narrow.loc(), elementType(element),
                                               narrow.read(wide, narrow.identity())));
}

//===-- Gathers and scatters ----------------------------------------------===//

// A tensor read at `map`, as a tensor over the dims that the map depends on; `map` becomes the read of that.
static Value emitRead(OpBuilder &builder, Location where, ArrayRef<Dim> all, Value tensor, bool isUnsigned,
                      AffineMap &map) {
  SmallVector<Dim> dims;
  SmallVector<AffineExpr> read, renumbered(all.size(), builder.getAffineConstantExpr(0));
  for (unsigned dim = 0; dim < all.size(); ++dim) {
    if (!map.isFunctionOfDim(dim))
      continue;
    renumbered[dim] = builder.getAffineDimExpr(dims.size());
    read.push_back(builder.getAffineDimExpr(dim));
    dims.push_back(all[dim]);
  }
  IndexEmitter emitter(builder, where, dims);
  Value scalar = emitter.read(tensor, map.replaceDimsAndSymbols(renumbered, {}, dims.size(), 0));
  if (isUnsigned)
    scalar = arith::ExtUIOp::create(emitter.body(), where, builder.getI32Type(), scalar);
  map = AffineMap::get(all.size(), 0, read, builder.getContext());
  return emitter.finish(scalar);
}

// Index tensors are read by plain variables and hold signed integers: anything else is made so first.
void Lowering::emitIndices(const std::vector<ast::IndexRead> &reads,
                           const std::vector<const ast::IndexVariable *> &variables,
                           SmallVectorImpl<Value> &tensors, SmallVectorImpl<AffineMap> &maps) {
  DenseMap<const ast::IndexVariable *, unsigned> dims = numbered(variables);
  for (const ast::IndexRead &read : reads) {
    Value tensor = emitTensor(read.base);
    AffineMap map = affineMap(read.positions, dims, variables.size(), 0);
    bool asUnsigned = isUnsigned(read.base->type().element);
    if (asUnsigned || !map.isProjectedPermutation())
      tensor = emitRead(builder, loc(read.base->location), dimsOf(variables), tensor, asUnsigned, map);
    tensors.push_back(tensor);
    maps.push_back(map);
  }
}

// Whether a position stays inside an axis, by what is known of the index tensors.
static bool staysInside(AffineExpr position, int64_t size, ArrayRef<Value> indices) {
  auto symbol = dyn_cast<AffineSymbolExpr>(position);
  if (!symbol)
    return false;
  Interval range = rangeOf(indices[symbol.getPosition()]);
  return range.low >= 0 && range.high < size;
}

// Which dims of the point space the index tensors, and the positions to be checked, depend on.
static SmallVector<unsigned> dimsRead(AffineMap map, ArrayRef<AffineMap> indexMaps,
                                      ArrayRef<unsigned> checked) {
  SmallVector<unsigned> dims;
  for (unsigned dim = 0; dim < map.getNumDims(); ++dim)
    if (llvm::any_of(indexMaps, [&](AffineMap m) { return m.isFunctionOfDim(dim); }) ||
        llvm::any_of(checked, [&](unsigned d) { return map.getResult(d).isFunctionOfDim(dim); }))
      dims.push_back(dim);
  return dims;
}

// Finds, as a maximum of zeros and ones, whether any position is outside the table.
void Lowering::assertInside(const ast::Gather &expr, ArrayRef<Value> indices, ArrayRef<AffineMap> indexMaps,
                            AffineMap map) {
  SmallVector<Dim> all = dimsOf(expr.variables), dims;
  const std::vector<const ast::Axis *> &axes = expr.table->type().axes;
  SmallVector<unsigned> unsure;
  for (unsigned d = 0; d < axes.size(); ++d)
    if (!expr.checked[d] && !staysInside(map.getResult(d), axes[d]->size, indices))
      unsure.push_back(d);
  if (unsure.empty())
    return;
  // The positions repeat along dims that they do not depend on.
  SmallVector<AffineExpr> renumbered(all.size(), builder.getAffineConstantExpr(0));
  for (unsigned dim : dimsRead(map, indexMaps, unsure)) {
    renumbered[dim] = builder.getAffineDimExpr(dims.size());
    dims.push_back(all[dim]);
  }
  model::Combiner combiner = dims.empty() ? model::Combiner::None : model::Combiner::Max;
  IndexEmitter emitter(builder, loc(expr.location), /*parallel=*/{}, dims, combiner);
  OpBuilder &body = emitter.body();
  Location where = emitter.loc();
  auto within = [&](AffineMap m) {
    return m.replaceDimsAndSymbols(renumbered, {}, dims.size(), m.getNumSymbols());
  };
  SmallVector<Value> symbols;
  for (auto [tensor, indexMap] : llvm::zip(indices, indexMaps)) {
    Value scalar = emitter.read(tensor, within(indexMap));
    bool isWide = scalar.getType().isInteger(64);
    symbols.push_back(isWide ? scalar : body.createOrFold<arith::ExtSIOp>(where, body.getI64Type(), scalar));
  }
  Value bad;
  for (unsigned d : unsure) {
    Value position = emitAffine(emitter, within(map).getResult(d), symbols);
    Value size = arith::ConstantOp::create(body, where, body.getI64IntegerAttr(axes[d]->size));
    // As unsigned numbers, negative positions are greater than any size.
    Value outside = arith::CmpIOp::create(body, where, arith::CmpIPredicate::uge, position, size);
    bad = bad ? arith::OrIOp::create(body, where, bad, outside).getResult() : outside;
  }
  Value any = emitter.finish(arith::ExtUIOp::create(body, where, body.getI32Type(), bad));
  IndexEmitter check(builder, where, {});
  Value zero = arith::ConstantOp::create(check.body(), where, builder.getI32IntegerAttr(0));
  Value fine = check.finish(
      arith::CmpIOp::create(check.body(), where, arith::CmpIPredicate::eq, check.readScalar(any), zero));
  model::AssertOp::create(builder, where, fine,
                          "a position must be inside the table " + ast::toString(expr.table->type()));
}

Value Lowering::emitAffine(IndexEmitter &emitter, AffineExpr expr, ArrayRef<Value> symbols) {
  OpBuilder &body = emitter.body();
  Location where = emitter.loc();
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return arith::ConstantOp::create(body, where, body.getI64IntegerAttr(constant.getValue()));
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return emitter.iter(dim.getPosition());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value left = emitAffine(emitter, binary.getLHS(), symbols);
  Value right = emitAffine(emitter, binary.getRHS(), symbols);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return body.createOrFold<arith::AddIOp>(where, left, right);
  case AffineExprKind::Mul:
    return body.createOrFold<arith::MulIOp>(where, left, right);
  case AffineExprKind::FloorDiv:
    return emitIntegerDivision(body, where, left, right, /*isUnsigned=*/false, /*remainder=*/false);
  default:
    return emitIntegerDivision(body, where, left, right, /*isUnsigned=*/false, /*remainder=*/true);
  }
}

Value Lowering::emitGather(const ast::Gather &expr) {
  Value table = emitTensor(expr.table);
  SmallVector<Value> indices;
  SmallVector<AffineMap> indexMaps;
  emitIndices(expr.indices, expr.variables, indices, indexMaps);
  DenseMap<const ast::IndexVariable *, unsigned> dims = numbered(expr.variables);
  AffineMap map = affineMap(expr.positions, dims, expr.variables.size(), indices.size());
  if (!expr.clamped)
    assertInside(expr, indices, indexMaps, map);
  return model::GatherOp::create(builder, loc(expr.location), tensorType(expr.type()), table, indices, map,
                                 builder.getAffineMapArrayAttr(indexMaps));
}

Value Lowering::emitScatter(const ast::Scatter &expr) {
  Value init = emitTensor(expr.init);
  Value updates = emitTensor(expr.updates);
  SmallVector<Value> indices;
  SmallVector<AffineMap> indexMaps;
  emitIndices(expr.indices, expr.variables, indices, indexMaps);
  DenseMap<const ast::IndexVariable *, unsigned> dims = numbered(expr.variables);
  AffineMap map = affineMap(expr.positions, dims, expr.variables.size(), indices.size());
  return model::ScatterOp::create(builder, loc(expr.location), init.getType(), init, indices, updates, map,
                                  builder.getAffineMapArrayAttr(indexMaps), combinerOf(expr.combiner));
}

//===-- Whole-tensor primitives -------------------------------------------===//

Value Lowering::emitTransposed(Value input, ArrayRef<unsigned> order, Location where) {
  SmallVector<Dim> dims = dimsOf(cast<RankedTensorType>(input.getType())), permuted;
  for (unsigned dim : order)
    permuted.push_back(dims[dim]);
  IndexEmitter emitter(builder, where, permuted);
  AffineMap map = inversePermutation(AffineMap::getPermutationMap(order, &context));
  return emitter.finish(emitter.read(input, map));
}

Value Lowering::emitArgsort(const ast::Argsort &expr) {
  Location where = loc(expr.location);
  Value input = emitTensor(expr.input);
  auto type = cast<RankedTensorType>(input.getType());
  unsigned rank = type.getRank();
  // The op sorts along the last axis.
  SmallVector<unsigned> order, back(rank);
  for (unsigned dim = 0; dim < rank; ++dim)
    if (dim != expr.dim)
      order.push_back(dim);
  order.push_back(expr.dim);
  for (unsigned dim = 0; dim < rank; ++dim)
    back[order[dim]] = dim;
  bool isLast = expr.dim + 1 == rank;
  if (!isLast)
    input = emitTransposed(input, order, where);
  auto sorted = cast<RankedTensorType>(input.getType());
  Value result = model::ArgsortOp::create(
      builder, where, RankedTensorType::get(sorted.getShape(), builder.getI32Type(), sorted.getEncoding()),
      input, expr.descending);
  return isLast ? result : emitTransposed(result, back, where);
}

// result[i] = i < n0 ? input0[i] : i < n0 + n1 ? input1[i - n0] : ...; what is not chosen reads as zero.
Value Lowering::emitConcat(const ast::Concat &expr) {
  Location where = loc(expr.location);
  SmallVector<Value> inputs;
  for (const ast::Expr *input : expr.inputs)
    inputs.push_back(emitTensor(input));
  RankedTensorType type = tensorType(expr.type());
  IndexEmitter emitter(builder, where, dimsOf(type));
  OpBuilder &body = emitter.body();
  SmallVector<std::pair<Value, int64_t>> pieces; // element, end
  int64_t begin = 0;
  for (Value input : inputs) {
    SmallVector<AffineExpr> exprs(emitter.identity().getResults());
    exprs[expr.dim] = exprs[expr.dim] - begin;
    Attribute zero = builder.getZeroAttr(type.getElementType());
    Value element = emitter.read(input, AffineMap::get(type.getRank(), 0, exprs, &context), zero);
    begin += cast<RankedTensorType>(input.getType()).getDimSize(expr.dim);
    pieces.push_back({element, begin});
  }
  Value result = pieces.back().first;
  for (auto [element, end] : llvm::reverse(ArrayRef(pieces).drop_back())) {
    Value limit = arith::ConstantOp::create(body, where, builder.getI64IntegerAttr(end));
    Value inside =
        arith::CmpIOp::create(body, where, arith::CmpIPredicate::slt, emitter.iter(expr.dim), limit);
    result = arith::SelectOp::create(body, where, inside, element, result);
  }
  return emitter.finish(result);
}
