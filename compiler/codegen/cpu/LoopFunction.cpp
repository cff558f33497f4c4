#include "compiler/codegen/cpu/Emitters.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace cleave::codegen {

LoopFunction::LoopFunction(func::FuncOp kernel) : kernel(kernel) {
  OpBuilder builder(kernel);
  SmallVector<Type> inputs;
  for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(), kernel.getResultTypes())) {
    auto tensor = cast<RankedTensorType>(type);
    inputs.push_back(MemRefType::get(tensor.getShape(), storageType(tensor.getElementType())));
  }
  inputs.append(2, builder.getIndexType());
  function =
      func::FuncOp::create(builder, kernel.getLoc(), kernel.getName(), builder.getFunctionType(inputs, {}));
  function.setVisibility(kernel.getVisibility());
  for (NamedAttribute attribute : kernel->getDiscardableAttrs())
    function->setDiscardableAttr(attribute.getName(), attribute.getValue());
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  func::ReturnOp::create(builder, kernel.getLoc());
}

Place LoopFunction::place(OpBuilder &builder, unsigned argument) {
  Value memref = function.getArgument(argument);
  auto type = cast<MemRefType>(memref.getType());
  Place place;
  place.strides = rowMajorStrides(type.getShape());
  auto flat = MemRefType::get({type.getNumElements()}, type.getElementType());
  place.memref =
      memref::ReinterpretCastOp::create(builder, kernel.getLoc(), flat, memref, /*offset=*/int64_t{0},
                                        ArrayRef<int64_t>{type.getNumElements()}, ArrayRef<int64_t>{1});
  return place;
}

void LoopFunction::finish(int64_t unitCount, int64_t grain) {
  Builder builder(function.getContext());
  function->setAttr(kRowCountAttr, builder.getI64IntegerAttr(unitCount));
  function->setAttr(kGrainAttr, builder.getI64IntegerAttr(grain));
  function->setAttr(kInputsAttr, builder.getI64IntegerAttr(kernel.getNumArguments()));
  kernel.erase();
}

//===----------------------------------------------------------------------===//
// LoopBuilder
//===----------------------------------------------------------------------===//

Value LoopBuilder::index(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }

Value LoopBuilder::times(Value value, int64_t factor) {
  return builder.createOrFold<arith::MulIOp>(loc, value, index(factor));
}

Value LoopBuilder::plus(Value a, Value b) { return builder.createOrFold<arith::AddIOp>(loc, a, b); }

Value LoopBuilder::word(Value value) {
  return builder.createOrFold<arith::IndexCastOp>(loc, builder.getI64Type(), value);
}

Value LoopBuilder::word(int64_t value) {
  return arith::ConstantIntOp::create(builder, loc, builder.getI64Type(), value);
}

Value LoopBuilder::takeDigit(Value &number, int64_t base) {
  Value digit = builder.createOrFold<arith::RemUIOp>(loc, number, index(base));
  number = builder.createOrFold<arith::DivUIOp>(loc, number, index(base));
  return digit;
}

Value LoopBuilder::address(Value memref, Value offset, int64_t elementBytes) {
  Value start = memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, memref);
  return word(plus(start, times(offset, elementBytes)));
}

void LoopBuilder::loop(Value low, Value high, llvm::function_ref<void(Value)> body) {
  auto op = scf::ForOp::create(builder, loc, low, high, index(1));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(op.getBody());
  body(op.getInductionVar());
}

void LoopBuilder::call(func::FuncOp user, StringRef name, ValueRange words) {
  auto module = user->getParentOfType<ModuleOp>();
  auto callee = module.lookupSymbol<func::FuncOp>(name);
  if (!callee) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    SmallVector<Type> types(words.size(), builder.getI64Type());
    callee = func::FuncOp::create(builder, loc, name, builder.getFunctionType(types, {}));
    callee.setPrivate();
  }
  func::CallOp::create(builder, loc, callee, words);
}

} // namespace cleave::codegen
