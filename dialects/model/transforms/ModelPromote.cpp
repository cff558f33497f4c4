// --model-promote: every floating-point type becomes f64, so that runs which differ do so for a reason.
//
//   %y = model.index (...) ins(%x : tensor<4xf32>) { mulf : f32 }   ->   { mulf : f64 } : tensor<4xf64>
//
// Ops marked `exact` (initial values, random numbers) keep the type they were written in and with it their
// bits; an index op behind each casts what it made, one before it what it reads. Casts between floating-point
// types are gone.
//
// Before and after: legal model stage. States, inputs and outputs are promoted, too.
#include "dialects/model/transforms/Build.h"
#include "dialects/model/transforms/Passes.h"

namespace cleave::model {
#define GEN_PASS_DEF_MODELPROMOTE
#include "dialects/model/transforms/Passes.h.inc"
} // namespace cleave::model

using namespace mlir;
using namespace cleave::model;

static Type promoted(Type type) {
  if (auto real = dyn_cast<FloatType>(type))
    return real.getWidth() < 64 ? Float64Type::get(type.getContext()) : type;
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return tensor.clone(promoted(tensor.getElementType()));
  return type;
}

static Attribute promoted(Attribute attribute) {
  Type wide = Float64Type::get(attribute.getContext());
  auto convert = [](APFloat value) {
    bool inexact;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
    return value;
  };
  if (auto real = dyn_cast<FloatAttr>(attribute))
    return FloatAttr::get(wide, convert(real.getValue()));
  if (auto dense = dyn_cast<DenseFPElementsAttr>(attribute))
    return dense.mapValues(wide, [&](const APFloat &value) { return convert(value).bitcastToAPInt(); });
  if (auto type = dyn_cast<TypeAttr>(attribute))
    return TypeAttr::get(promoted(type.getValue()));
  if (auto array = dyn_cast<ArrayAttr>(attribute))
    return ArrayAttr::get(array.getContext(),
                          llvm::map_to_vector(array, [](Attribute a) { return promoted(a); }));
  return attribute;
}

// The value in another element type, by an index op of its own.
static Value castTo(OpBuilder &builder, Value value, Type element) {
  RankedTensorType type = rankedType(value).clone(element);
  return makeElementwise(builder, value.getLoc(), type, value,
                         [&](OpBuilder &b, Location loc, ValueRange in) {
                           if (element.getIntOrFloatBitWidth() < in[0].getType().getIntOrFloatBitWidth())
                             return arith::TruncFOp::create(b, loc, element, in[0]).getResult();
                           return arith::ExtFOp::create(b, loc, element, in[0]).getResult();
                         });
}

namespace {
struct ModelPromote : cleave::model::impl::ModelPromoteBase<ModelPromote> {
  using ModelPromoteBase::ModelPromoteBase;

  void runOnOperation() override {
    SmallVector<IndexOp> exact;
    SmallVector<Operation *> casts;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (auto index = dyn_cast<IndexOp>(op); index && op->hasAttr("exact")) {
        exact.push_back(index);
        return WalkResult::skip();
      }
      promote(op);
      if (isa<arith::ExtFOp, arith::TruncFOp>(op) &&
          op->getOperand(0).getType() == op->getResult(0).getType())
        casts.push_back(op);
      return WalkResult::advance();
    });
    for (Operation *op : casts) {
      op->getResult(0).replaceAllUsesWith(op->getOperand(0));
      op->erase();
    }
    for (IndexOp op : exact)
      castAround(op);
  }

  // Types and constants of one op and of the arguments of its blocks; operands have been promoted before.
  void promote(Operation *op) {
    for (Value result : op->getResults())
      result.setType(promoted(result.getType()));
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
          argument.setType(promoted(argument.getType()));
    if (auto function = dyn_cast<func::FuncOp>(op)) {
      auto all = [](TypeRange types) {
        return llvm::map_to_vector(types, [](Type t) { return promoted(t); });
      };
      function.setFunctionType(FunctionType::get(op->getContext(), all(function.getArgumentTypes()),
                                                 all(function.getResultTypes())));
      return;
    }
    for (NamedAttribute attribute : llvm::to_vector(op->getAttrs()))
      op->setAttr(attribute.getName(), promoted(attribute.getValue()));
  }

  // The op reads and makes what it did when it was written.
  void castAround(IndexOp op) {
    OpBuilder builder(op);
    for (auto [operand, inside] : llvm::zip(op.getInputsMutable(), op.getBodyBlock().getArguments()))
      if (elementType(operand.get()) != inside.getType())
        operand.set(castTo(builder, operand.get(), inside.getType()));
    Type made = elementType(op.getResult());
    if (promoted(made) == made)
      return;
    builder.setInsertionPointAfter(op);
    Value wide = castTo(builder, op.getResult(), promoted(made));
    op.getResult().replaceAllUsesExcept(wide, wide.getDefiningOp());
  }
};
} // namespace
