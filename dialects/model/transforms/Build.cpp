#include "dialects/model/transforms/Build.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace cleave::model;

RankedTensorType cleave::model::stackedType(RankedTensorType type, StringRef axis, int64_t count) {
  SmallVector<StringRef> axes = axesOf(type);
  std::string name = axis.str();
  for (unsigned i = 1; llvm::is_contained(axes, name); ++i)
    name = (axis + "_" + Twine(i)).str();
  axes.insert(axes.begin(), name);
  SmallVector<int64_t> sizes(type.getShape());
  sizes.insert(sizes.begin(), count);
  return tensorOf(type.getElementType(), axes, sizes);
}

RankedTensorType cleave::model::sliceType(RankedTensorType type) {
  SmallVector<StringRef> axes = axesOf(type);
  return tensorOf(type.getElementType(), ArrayRef(axes).drop_front(), type.getShape().drop_front());
}

AffineMap cleave::model::leadingDims(MLIRContext *context, unsigned rank, unsigned dims) {
  SmallVector<AffineExpr> exprs;
  for (unsigned i = 0; i < rank; ++i)
    exprs.push_back(getAffineDimExpr(i, context));
  return AffineMap::get(dims, 0, exprs, context);
}

Value cleave::model::makeElementwise(OpBuilder &builder, Location loc, RankedTensorType type,
                                     ValueRange inputs, ScalarBody body) {
  SmallVector<AffineMap> maps;
  for (Value input : inputs)
    maps.push_back(leadingDims(builder.getContext(), rankedType(input).getRank(), type.getRank()));
  return IndexOp::create(builder, loc, type, inputs, maps, ArrayRef<Attribute>(), axesOf(type),
                         type.getShape(), type.getRank(), Combiner::None, body);
}

Value cleave::model::makeScalar(OpBuilder &builder, Location loc, Type type, double value) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(builder, loc, builder.getFloatAttr(type, value));
  return arith::ConstantOp::create(builder, loc, builder.getIntegerAttr(type, static_cast<int64_t>(value)));
}

Value cleave::model::makeSplat(OpBuilder &builder, Location loc, RankedTensorType type, double value) {
  return makeElementwise(builder, loc, type, {}, [&](OpBuilder &body, Location at, ValueRange) {
    return makeScalar(body, at, type.getElementType(), value);
  });
}

Value cleave::model::makeSum(OpBuilder &builder, Location loc, ValueRange values) {
  if (values.size() == 1)
    return values.front();
  auto add = [](OpBuilder &body, Location at, ValueRange terms) {
    Value sum = terms.front();
    for (Value term : terms.drop_front())
      sum = arith::AddFOp::create(body, at, sum, term);
    return sum;
  };
  return makeElementwise(builder, loc, rankedType(values.front()), values, add);
}

Value cleave::model::makeAffine(OpBuilder &builder, Location loc, AffineExpr expr, ValueRange symbols) {
  Type i64 = builder.getI64Type();
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(constant.getValue()));
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return IterOp::create(builder, loc, i64, dim.getPosition());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    Value value = symbols[symbol.getPosition()];
    return value.getType() == i64 ? value : arith::ExtSIOp::create(builder, loc, i64, value).getResult();
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value lhs = makeAffine(builder, loc, binary.getLHS(), symbols),
        rhs = makeAffine(builder, loc, binary.getRHS(), symbols);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(builder, loc, lhs, rhs);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(builder, loc, lhs, rhs);
  case AffineExprKind::FloorDiv:
    return arith::FloorDivSIOp::create(builder, loc, lhs, rhs);
  case AffineExprKind::CeilDiv:
    return arith::CeilDivSIOp::create(builder, loc, lhs, rhs);
  default: { // mod: a - floordiv(a, b) * b, never negative
    Value quotient = arith::FloorDivSIOp::create(builder, loc, lhs, rhs);
    return arith::SubIOp::create(builder, loc, lhs, arith::MulIOp::create(builder, loc, quotient, rhs));
  }
  }
}

FailureOr<SmallVector<Value>> cleave::model::inlineCall(CallOp call, SymbolTable &symbols) {
  auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
  if (!callee || callee.isExternal())
    return call.emitOpError("calls an unknown function, got: @") << call.getCallee();
  IRMapping mapping;
  mapping.map(callee.getArguments(), call.getInputs());
  OpBuilder builder(call);
  for (Operation &op : callee.getBody().front().without_terminator())
    builder.clone(op, mapping);
  SmallVector<Value> results;
  for (Value value : callee.getBody().front().getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(value));
  return results;
}

bool cleave::model::readsWindow(IndexOp op) {
  return llvm::any_of(op.getMaps().getAsValueRange<AffineMapAttr>(), [](AffineMap map) {
    return llvm::any_of(map.getResults(), [&](AffineExpr expr) {
      unsigned dims = 0;
      for (unsigned dim = 0; dim < map.getNumDims(); ++dim)
        dims += expr.isFunctionOfDim(dim);
      return dims >= 2;
    });
  });
}

Attribute cleave::model::callAttribute(CallOp call, SymbolTable &symbols, StringRef name) {
  if (Attribute attribute = call->getAttr(name))
    return attribute;
  auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
  return callee ? callee->getAttr(name) : Attribute();
}

func::FuncOp cleave::model::makeFunction(SymbolTable &symbols, func::FuncOp after, StringRef name,
                                         TypeRange inputs, TypeRange results) {
  OpBuilder builder(after.getContext());
  auto function =
      func::FuncOp::create(builder, after.getLoc(), name, builder.getFunctionType(inputs, results));
  function.setPrivate();
  symbols.insert(function, std::next(after->getIterator()));
  function.addEntryBlock();
  return function;
}

TypedAttr cleave::model::identityOf(Builder &builder, Combiner combiner, Type type) {
  bool max = combiner == Combiner::Max, min = combiner == Combiner::Min;
  if (auto floating = dyn_cast<FloatType>(type)) {
    const llvm::fltSemantics &semantics = floating.getFloatSemantics();
    if (max || min)
      return builder.getFloatAttr(type, APFloat::getInf(semantics, /*Negative=*/max));
    return builder.getFloatAttr(type, combiner == Combiner::Prod ? 1.0 : 0.0);
  }
  unsigned width = type.getIntOrFloatBitWidth();
  if (max)
    return builder.getIntegerAttr(type, APInt::getSignedMinValue(width));
  if (min)
    return builder.getIntegerAttr(type, APInt::getSignedMaxValue(width));
  return builder.getIntegerAttr(type, combiner == Combiner::Prod ? 1 : 0);
}

Value cleave::model::combine(OpBuilder &b, Location loc, Combiner combiner, Value out, Value value) {
  bool floating = isa<FloatType>(value.getType());
  switch (combiner) {
  case Combiner::Sum:
    return floating ? arith::AddFOp::create(b, loc, out, value).getResult()
                    : arith::AddIOp::create(b, loc, out, value).getResult();
  case Combiner::Prod:
    return floating ? arith::MulFOp::create(b, loc, out, value).getResult()
                    : arith::MulIOp::create(b, loc, out, value).getResult();
  case Combiner::Max:
    return floating ? arith::MaximumFOp::create(b, loc, out, value).getResult()
                    : arith::MaxSIOp::create(b, loc, out, value).getResult();
  case Combiner::Min:
    return floating ? arith::MinimumFOp::create(b, loc, out, value).getResult()
                    : arith::MinSIOp::create(b, loc, out, value).getResult();
  case Combiner::None:
    break;
  }
  return value;
}
