// --convert-model-to-kernels: entries become lists of launches of outlined kernels.
//
//   func.func @f(%x: tensor<8xf32, #model.axes<B>>) attributes {model.entry} {
//     %0 = model.index (b: B = 8) ins(%x[b]) { yield exp %a }
//     %1 = model.index (b: B = 8) ins(%0[b]) { yield %a + 1.0 }
//     return %1
//   ->
//   func.func private @rows_0(%x: tensor<8xf32>) -> tensor<8xf32> attributes {cleave.kernel, cleave.rows =
//   [8]} func.func @f(%x: tensor<8xf32, #model.axes<B>>) attributes {model.entry} {
//     %0 = pipe.launch @rows_0(%x)
//     return %0
//
// Before: the grad stage: no model.gradient, bodies of scans, ifs and whiles as functions. After: the sched
// stage (verifySchedStage). It stands behind the gradients and the simplification of the model, since groups
// are formed from what is left to compute, and before any address is known, since values must be free to
// move.
#include "compiler/analysis/Grouping.h"
#include "compiler/convert/FuseProducers.h"
#include "compiler/convert/InlineBodies.h"
#include "compiler/convert/KernelBody.h"
#include "compiler/convert/OrderActions.h"
#include "compiler/convert/OutlineKernels.h"
#include "compiler/convert/Passes.h"
#include "compiler/convert/PrepareCollectives.h"
#include "compiler/convert/ShapeReductions.h"
#include "compiler/convert/SplitChains.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Iterators.h"

using namespace mlir;
using namespace cleave;

static void outlineBlock(Block &block, convert::KernelOutliner &outliner) {
  for (Operation &op : block)
    for (Region &region : op.getRegions())
      if (!analysis::isComputed(&op))
        for (Block &inner : region)
          outlineBlock(inner, outliner);
  for (const analysis::Group &group : analysis::groupBlock(block))
    outliner.outline(group);
}

// Removes what nothing reads. Loops whose results are all unused stay: they may print or assert.
static void removeUnused(func::FuncOp entry) {
  entry.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (op->use_empty() && (analysis::isComputed(op) || isa<pipe::ConstantOp>(op) ||
                            (isa<pipe::ActionInterface>(op) && isPure(op))))
      op->erase();
  });
}

// A scalar floating-point output is checked before state is written: a run that went wrong must not be kept.
static void addGuards(func::FuncOp entry) {
  Operation *end = entry.getBody().front().getTerminator();
  OpBuilder builder(end);
  for (auto [i, value] : llvm::enumerate(end->getOperands())) {
    auto output = entry.getResultAttrOfType<StringAttr>(i, model::kOutputAttr);
    auto type = cast<RankedTensorType>(value.getType());
    if (output && type.getRank() == 0 && isa<FloatType>(type.getElementType()))
      pipe::GuardOp::create(builder, value.getLoc(), value, output);
  }
}

// Memory has no i1: from here on such tensors hold bytes; ports remember what the user wrote.
static void storeBooleans(func::FuncOp entry) {
  MLIRContext *context = entry.getContext();
  auto toBytes = [&](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (type && type.getElementType().isInteger(1))
      value.setType(type.clone(IntegerType::get(context, 8)));
  };
  auto isBoolean = [](Type type) { return cast<RankedTensorType>(type).getElementType().isInteger(1); };
  auto boolean = StringAttr::get(context, "bool");
  for (unsigned i = 0; i < entry.getNumArguments(); ++i)
    if (isBoolean(entry.getArgument(i).getType()))
      entry.setArgAttr(i, pipe::kTypeAttr, boolean);
  for (unsigned i = 0; i < entry.getNumResults(); ++i)
    if (isBoolean(entry.getResultTypes()[i]))
      entry.setResultAttr(i, pipe::kTypeAttr, boolean);
  for (BlockArgument argument : entry.getArguments())
    toBytes(argument);
  entry.walk([&](Operation *op) {
    // How other ranks' bytes are combined depends on what they mean.
    if (auto action = dyn_cast<pipe::ActionInterface>(op);
        action && action.isCollective() && isBoolean(op->getResult(0).getType()))
      op->setAttr(pipe::kTypeAttr, boolean);
    llvm::for_each(op->getResults(), toBytes);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        llvm::for_each(block.getArguments(), toBytes);
    if (auto constant = dyn_cast<pipe::ConstantOp>(op);
        constant && isBoolean(constant.getValue().getType())) {
      auto bytes = cast<DenseElementsAttr>(constant.getValue())
                       .mapValues(IntegerType::get(context, 8), [](const APInt &bit) { return bit.zext(8); });
      constant.setValueAttr(cast<ElementsAttr>(bytes));
    }
  });
  Operation *end = entry.getBody().front().getTerminator();
  entry.setFunctionType(
      FunctionType::get(context, entry.getBody().front().getArgumentTypes(), end->getOperandTypes()));
}

// States of booleans likewise.
static void storeStates(ModuleOp module) {
  for (auto state : module.getOps<model::StateOp>()) {
    auto type = cast<RankedTensorType>(state.getType());
    if (!type.getElementType().isInteger(1))
      continue;
    state.setType(type.clone(IntegerType::get(type.getContext(), 8)));
    state->setAttr(pipe::kTypeAttr, StringAttr::get(type.getContext(), "bool"));
  }
}

namespace {

struct ConvertModelToKernels : PassWrapper<ConvertModelToKernels, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ConvertModelToKernels)

  StringRef getArgument() const final { return "convert-model-to-kernels"; }
  StringRef getDescription() const final { return "Model ops become launches of outlined kernels"; }
  void getDependentDialects(DialectRegistry &registry) const final {
    registry.insert<pipe::PipeDialect, linalg::LinalgDialect, tensor::TensorDialect, affine::AffineDialect>();
  }

  void runOnOperation() final {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> entries, bodies;
    for (auto function : module.getOps<func::FuncOp>())
      (function->hasAttr(model::kEntryAttr) ? entries : bodies).push_back(function);
    for (func::FuncOp entry : entries)
      convert::inlineBodies(entry);
    for (func::FuncOp body : bodies)
      body.erase();
    convert::KernelOutliner outliner(module);
    for (func::FuncOp entry : entries) {
      removeUnused(entry);
      convert::prepareCollectives(entry.getBody().front());
      convert::shapeReductions(entry.getBody().front());
      convert::fuseProducers(entry.getBody().front());
      convert::splitChains(entry.getBody().front());
      addGuards(entry);
      outlineBlock(entry.getBody().front(), outliner);
      storeBooleans(entry);
      convert::orderActions(entry.getBody().front());
    }
    storeStates(module);
  }
};

} // namespace

std::unique_ptr<Pass> cleave::createConvertModelToKernelsPass() {
  return std::make_unique<ConvertModelToKernels>();
}
