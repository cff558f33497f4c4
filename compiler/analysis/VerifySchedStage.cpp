// verifySchedStage: lists of pipe ops, kernels that keep their contract.
#include "compiler/analysis/StageChecks.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace cleave;

static ArrayRef<int64_t> rowsOf(Operation *op) {
  auto rows = op->getAttrOfType<DenseI64ArrayAttr>(pipe::kRowsAttr);
  return rows ? rows.asArrayRef() : ArrayRef<int64_t>();
}

static LogicalResult checkOperands(linalg::GenericOp op) {
  for (OpOperand *input : op.getDpsInputOperands())
    if (!op.getMatchingIndexingMap(input).isProjectedPermutation(/*allowZeroInResults=*/true))
      return op.emitError("operands of a kernel's op must have projected permutations, got: ")
             << AffineMapAttr::get(op.getMatchingIndexingMap(input));
  return success();
}

// A value another op of the kernel makes is read by identity along the row dims, and never out of line.
static LogicalResult checkInnerReads(linalg::GenericOp op) {
  ArrayRef<int64_t> rows = rowsOf(op);
  for (OpOperand *input : op.getDpsInputOperands()) {
    auto maker = input->get().getDefiningOp<linalg::GenericOp>();
    if (!maker)
      continue;
    AffineMap map = op.getMatchingIndexingMap(input);
    for (auto [row, dim] : llvm::zip(rowsOf(maker), rows))
      if (map.getResult(row) != getAffineDimExpr(dim, op.getContext()))
        return op.emitError("a kernel's values must be read by identity along row dims, got: ")
               << AffineMapAttr::get(map);
  }
  WalkResult found = op.getRegion().walk([&](tensor::ExtractOp extract) {
    if (!isa<BlockArgument>(extract.getTensor())) {
      extract.emitError("elements must be extracted from arguments of the kernel alone");
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(found.wasInterrupted());
}

static LogicalResult checkGeneric(func::FuncOp kernel, linalg::GenericOp op) {
  ArrayRef<int64_t> sizes = rowsOf(kernel), rows = rowsOf(op);
  if (!op->hasAttr(pipe::kRowsAttr) || rows.size() != sizes.size())
    return op.emitError("an op needs one row dim per row dim of its kernel, got: ") << rows.size();
  SmallVector<int64_t> ranges = op.getStaticLoopRanges();
  for (auto [dim, size] : llvm::zip(rows, sizes)) {
    if (dim < 0 || dim >= static_cast<int64_t>(ranges.size()) || ranges[dim] != size)
      return op.emitError("row dims must have the kernel's sizes, got: dim ") << dim;
    if (op.getIteratorTypesArray()[dim] != utils::IteratorType::parallel)
      return op.emitError("row dims must be parallel, got: dim ") << dim;
  }
  if (failed(checkOperands(op)))
    return failure();
  return checkInnerReads(op);
}

static LogicalResult checkKernel(func::FuncOp kernel) {
  if (!kernel->hasAttr(pipe::kRowsAttr))
    return kernel.emitError("a kernel needs its row sizes");
  for (Operation &op : kernel.getBody().front()) {
    if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
      if (failed(checkGeneric(kernel, generic)))
        return failure();
    } else if (!isa<tensor::EmptyOp, linalg::FillOp, arith::ConstantOp, func::ReturnOp, model::ScatterOp,
                    model::ArgsortOp>(op)) {
      return op.emitError("a kernel holds linalg ops, a scatter or an argsort, got: ") << op.getName();
    }
  }
  auto pairs = kernel->getAttrOfType<DenseI64ArrayAttr>(pipe::kInplaceAttr);
  for (int64_t i = 0; pairs && i + 1 < pairs.size(); i += 2)
    if (!kernel.getArgument(pairs[i]).hasOneUse())
      return kernel.emitError("an argument that is overwritten must have one reader, got: argument ")
             << pairs[i];
  return success();
}

static LogicalResult checkEntry(func::FuncOp entry) {
  WalkResult result = entry.getBody().walk([&](Operation *op) {
    if (!isa<func::ReturnOp, pipe::ActionInterface>(op) && !isa<pipe::PipeDialect>(op->getDialect())) {
      op->emitError("an entry holds actions alone, got: ") << op->getName();
      return WalkResult::interrupt();
    }
    auto launch = dyn_cast<pipe::LaunchOp>(op);
    if (launch &&
        !SymbolTable::lookupNearestSymbolFrom(op, launch.getKernelAttr())->hasAttr(pipe::kKernelAttr)) {
      op->emitError("a launch runs a kernel, got: ") << launch.getKernelAttr();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult cleave::verifySchedStage(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>()) {
    bool isKernel = function->hasAttr(pipe::kKernelAttr);
    if (!isKernel && !function->hasAttr(model::kEntryAttr))
      return function.emitError("a function must be an entry or a kernel");
    if (failed(isKernel ? checkKernel(function) : checkEntry(function)))
      return failure();
  }
  return success();
}
