// cleave-kernels-to-loops: each kernel as loops over memrefs.
//
//   func.func private @relu(%x: tensor<64x100xf32>) -> tensor<64x100xf32> attributes {cleave.kernel,
//       cleave.rows = array<i64: 64, 100>} { linalg.generic ... }
// ->
//   func.func private @relu(%x: memref<64x100xf32>, %y: memref<64x100xf32>, %begin: index, %end: index)
//       attributes {cleave.kernel, cleave.row_count = 4 : i64, cleave.grain = 4 : i64, ...} {
//     scf.for %unit = %begin to %end { scf.for ... { vector.load, arith.maximumf, vector.store } }
//   }
//
// Before: a kernel holds linalg.generic, linalg.fill, tensor.empty and constants, or one model.scatter or
// model.argsort. After: memref, scf, vector, arith, math only; units are independent of each other.
//
// It bufferises, tiles and vectorises in one step, since all three read the same facts (which dims are rows,
// which access is contiguous), and those are plain on tensors and hidden afterwards.
#include "compiler/codegen/common/Contraction.h"
#include "compiler/codegen/cpu/Codegen.h"
#include "compiler/codegen/cpu/Emitters.h"
#include "compiler/codegen/cpu/RowEmitter.h"

#include "dialects/model/ir/Model.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace cleave::codegen {

/// Makes the inner dims of a kernel that reduces nothing rows too, so that all its dims may merge into one:
///
///   rows [128], y[i, j] = relu(x[i, j])  ->  rows [128, 64]
static void promoteInnerDims(func::FuncOp func, const Group &group) {
  auto extend = [&](Operation *op, ArrayRef<int64_t> more) {
    SmallVector<int64_t> rows(op->getAttrOfType<DenseI64ArrayAttr>(kRowsAttr).asArrayRef());
    rows.append(more.begin(), more.end());
    op->setAttr(kRowsAttr, DenseI64ArrayAttr::get(op->getContext(), rows));
  };
  for (const Member &member : group.members) {
    SmallVector<int64_t> loopDims(group.sizes.size());
    for (auto [inner, groupDim] : llvm::enumerate(member.groupDim))
      loopDims[groupDim] = member.stage->inner[inner];
    extend(member.stage->op, loopDims);
  }
  extend(func, group.sizes);
}

static LogicalResult emitRows(func::FuncOp func) {
  FailureOr<Kernel> kernel = analyseKernel(func);
  if (failed(kernel))
    return failure();
  if (isTiled(*kernel)) {
    transposeRows(func);
    kernel = analyseKernel(func);
    if (failed(kernel))
      return failure();
  }
  SmallVector<Group> groups = groupStages(*kernel);
  if (groups.size() == 1 && !groups[0].sizes.empty() && !groups[0].reducesAny()) {
    promoteInnerDims(func, groups[0]);
    kernel = analyseKernel(func);
    if (failed(kernel))
      return failure();
    groups = groupStages(*kernel);
  }
  RowPlan plan = planRows(*kernel, groups);
  LoopFunction loops(func);
  OpBuilder builder(loops.function.front().getTerminator());
  RowEmitter emitter(builder, *kernel, groups, plan);
  for (BlockArgument argument : func.getArguments())
    emitter.bind(argument, loops.place(builder, argument.getArgNumber()));
  for (OpOperand &result : func.front().getTerminator()->getOpOperands())
    emitter.bind(result.get(), loops.place(builder, func.getNumArguments() + result.getOperandNumber()));
  emitter.emit(loops.begin(), loops.end());
  streamResults(loops);
  loops.finish(plan.unitCount, plan.grain);
  return success();
}

namespace {

struct KernelsToLoops : PassWrapper<KernelsToLoops, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(KernelsToLoops)

  StringRef getArgument() const override { return "cleave-kernels-to-loops"; }
  StringRef getDescription() const override { return "Bufferise, tile and vectorise each kernel."; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, func::FuncDialect, memref::MemRefDialect, scf::SCFDialect,
                    vector::VectorDialect>();
  }

  void runOnOperation() override {
    auto functions = llvm::to_vector(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp func : functions)
      if (func->hasAttr(kKernelAttr) && !func.isExternal() && failed(emit(func)))
        return signalPassFailure();
  }

  static LogicalResult emit(func::FuncOp func) {
    if (auto scatters = func.getOps<model::ScatterOp>(); !scatters.empty())
      return emitScatter(func, *scatters.begin());
    if (auto sorts = func.getOps<model::ArgsortOp>(); !sorts.empty())
      return emitArgsort(func, *sorts.begin());
    if (std::optional<LogicalResult> product = emitProduct(func))
      return *product;
    if (std::optional<LogicalResult> product = emitStridedProduct(func))
      return *product;
    return emitRows(func);
  }
};

} // namespace

std::unique_ptr<Pass> createKernelsToLoopsPass() { return std::make_unique<KernelsToLoops>(); }

} // namespace cleave::codegen
