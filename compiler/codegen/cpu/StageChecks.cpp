#include "compiler/codegen/cpu/StageChecks.h"

#include "compiler/codegen/common/Kernel.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace cleave::codegen {

static LogicalResult verifyUnits(Operation *kernel) {
  auto units = kernel->getAttrOfType<IntegerAttr>(kRowCountAttr),
       grain = kernel->getAttrOfType<IntegerAttr>(kGrainAttr);
  if (!units || !grain)
    return kernel->emitError("a kernel has `cleave.row_count` and `cleave.grain`, got: neither or one");
  if (units.getInt() < 1 || grain.getInt() < 1 || grain.getInt() > units.getInt())
    return kernel->emitError("a task has between 1 and all units, got: ")
           << grain.getInt() << " of " << units.getInt();
  return success();
}

/// Fails at the first operation within `kernel` of another dialect than these.
static LogicalResult verifyDialects(Operation *kernel, ArrayRef<StringRef> allowed) {
  WalkResult result = kernel->walk([&](Operation *op) {
    if (llvm::is_contained(allowed, op->getName().getDialectNamespace()))
      return WalkResult::advance();
    op->emitError("a kernel at this stage holds ")
        << llvm::join(allowed, ", ") << " alone, got: " << op->getName();
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

LogicalResult verifyLoopsStage(ModuleOp module) {
  for (auto kernel : module.getOps<func::FuncOp>()) {
    if (!kernel->hasAttr(kKernelAttr))
      continue;
    ArrayRef<Type> types = kernel.getArgumentTypes();
    bool isRange = types.size() >= 2 && types.back().isIndex() && types.drop_back().back().isIndex();
    if (!isRange || kernel.getNumResults() ||
        !llvm::all_of(types.drop_back(2), [](Type type) { return isa<MemRefType>(type); }))
      return kernel.emitError("a kernel takes memrefs and a range of units and returns nothing, got: ")
             << kernel.getFunctionType();
    if (failed(verifyUnits(kernel)) ||
        failed(verifyDialects(kernel, {"memref", "scf", "vector", "arith", "math", "func"})))
      return failure();
  }
  return success();
}

LogicalResult verifyKernelsStage(ModuleOp module) {
  for (auto kernel : module.getOps<func::FuncOp>())
    if (kernel->hasAttr(kKernelAttr))
      return kernel.emitError("a kernel is a function of the LLVM dialect, got: ") << kernel->getName();
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    if (failed(verifyDialects(function, {"llvm"})))
      return failure();
    if (!function->hasAttr(kKernelAttr))
      continue;
    ArrayRef<Type> types = function.getFunctionType().getParams();
    if (types.size() != 3 || !isa<LLVM::LLVMPointerType>(types[0]) || !types[1].isInteger(64) ||
        !types[2].isInteger(64))
      return function.emitError("a kernel takes a pointer to its arguments and a range of units, got: ")
             << function.getFunctionType();
    if (failed(verifyUnits(function)))
      return failure();
  }
  return success();
}

} // namespace cleave::codegen
