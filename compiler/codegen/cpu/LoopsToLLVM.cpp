// cleave-loops-to-llvm: each kernel's loops in the LLVM dialect, behind the runtime's calling convention.
//
//   func.func private @k(%x: memref<8xf32>, %y: memref<8xf32>, %begin: index, %end: index)
// ->
//   llvm.func internal @k.body(%x: !llvm.ptr {llvm.noalias}, %y: !llvm.ptr {llvm.noalias}, i64, i64)
//   llvm.func @k(%args: !llvm.ptr, %begin: i64, %end: i64) { load each pointer; call @k.body }
//
// Before: only memref, scf, vector, arith, math, func in kernels. After: only llvm in kernels. The body is a
// function of its own because noalias holds for arguments, not for pointers loaded from an array.
#include "compiler/codegen/common/Kernel.h"
#include "compiler/codegen/cpu/Codegen.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"

using namespace mlir;

namespace cleave::codegen {

namespace {

struct LoopsToLLVM : PassWrapper<LoopsToLLVM, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LoopsToLLVM)

  StringRef getArgument() const override { return "cleave-loops-to-llvm"; }
  StringRef getDescription() const override { return "Lower kernels from loops to the LLVM dialect."; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<LLVM::LLVMDialect, cf::ControlFlowDialect>();
  }

  void runOnOperation() override {
    for (func::FuncOp func : llvm::to_vector(getOperation().getOps<func::FuncOp>()))
      if (isKernel(func) && failed(lower(func)))
        return signalPassFailure();
  }

  /// Kernels, and the runtime functions they call.
  static bool isKernel(func::FuncOp func) {
    return func->hasAttr(kKernelAttr) || func.getName().starts_with("cleave_rt_");
  }

  static LogicalResult lower(func::FuncOp func);
};

void populatePatterns(LLVMTypeConverter &converter, RewritePatternSet &patterns) {
  populateSCFToControlFlowConversionPatterns(patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns); // positions of windows divide rounding down
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns, /*approximateLog1p=*/false);
  populateMathToLibmConversionPatterns(patterns, /*benefit=*/0); // what LLVM has no intrinsic for
  populateVectorToLLVMConversionPatterns(converter, patterns, /*reassociateFPReductions=*/false,
                                         /*force32BitVectorIndices=*/true);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
  populateFuncToLLVMConversionPatterns(converter, patterns);
}

/// Marks the pointers that share memory with no other argument. An input that no result may overwrite is
/// read-only, so it can never be written through another pointer either.
void markNoalias(LLVM::LLVMFuncOp body, DenseI64ArrayAttr inplace, unsigned pointers, unsigned inputs) {
  llvm::SmallDenseSet<unsigned> shared;
  for (unsigned pair = 0; inplace && pair + 1 < inplace.size(); pair += 2) {
    shared.insert(inplace[pair]);
    shared.insert(inputs + inplace[pair + 1]);
  }
  for (unsigned argument = 0; argument < pointers; ++argument)
    if (!shared.contains(argument))
      body.setArgAttr(argument, LLVM::LLVMDialect::getNoAliasAttrName(), UnitAttr::get(body.getContext()));
}

/// The function the runtime calls: unpacks the pointers.
void makeEntry(LLVM::LLVMFuncOp body, StringRef name, ArrayRef<NamedAttribute> attributes) {
  OpBuilder builder(body->getContext());
  builder.setInsertionPointAfter(body);
  Location loc = body.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  Type word = builder.getI64Type();
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()), {pointer, word, word});
  auto entry = LLVM::LLVMFuncOp::create(builder, loc, name, type);
  for (NamedAttribute attribute : attributes)
    entry->setDiscardableAttr(attribute.getName(), attribute.getValue());
  Block *block = entry.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  SmallVector<Value> operands;
  for (unsigned argument = 0; argument + 2 < body.getNumArguments(); ++argument) {
    Value slot = LLVM::GEPOp::create(builder, loc, pointer, pointer, block->getArgument(0),
                                     ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(argument)});
    operands.push_back(LLVM::LoadOp::create(builder, loc, pointer, slot));
  }
  operands.append({block->getArgument(1), block->getArgument(2)});
  LLVM::CallOp::create(builder, loc, body, operands);
  LLVM::ReturnOp::create(builder, loc, ValueRange{});
}

LogicalResult LoopsToLLVM::lower(func::FuncOp func) {
  MLIRContext *context = func.getContext();
  auto module = func->getParentOfType<ModuleOp>();
  bool isBody = !func.isExternal();
  std::string name = func.getName().str();
  SmallVector<NamedAttribute> attributes;
  if (isBody) {
    attributes.assign(func->getDiscardableAttrs().begin(), func->getDiscardableAttrs().end());
    for (NamedAttribute attribute : attributes)
      func->removeAttr(attribute.getName());
    func.setName(name + ".body");
  }
  LowerToLLVMOptions options(context);
  options.useBarePtrCallConv = true;
  LLVMTypeConverter converter(context, options);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  RewritePatternSet patterns(context);
  populatePatterns(converter, patterns);
  std::string symbol = func.getName().str();
  if (failed(applyPartialConversion(func, target, std::move(patterns))))
    return failure();
  if (!isBody)
    return success();
  auto body = module.lookupSymbol<LLVM::LLVMFuncOp>(symbol);
  auto inplace = llvm::find_if(attributes, [](NamedAttribute a) { return a.getName() == kInplaceAttr; });
  auto inputs = llvm::find_if(attributes, [](NamedAttribute a) { return a.getName() == kInputsAttr; });
  markNoalias(body, inplace == attributes.end() ? nullptr : cast<DenseI64ArrayAttr>(inplace->getValue()),
              body.getNumArguments() - 2,
              inputs == attributes.end() ? 0 : cast<IntegerAttr>(inputs->getValue()).getInt());
  body.setLinkage(LLVM::Linkage::Internal);
  body.setNoInline(true);
  makeEntry(body, name, attributes);
  return success();
}

} // namespace

std::unique_ptr<Pass> createLoopsToLLVMPass() { return std::make_unique<LoopsToLLVM>(); }

} // namespace cleave::codegen
