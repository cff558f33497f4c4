#include "compiler/codegen/cpu/Codegen.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace cleave::codegen {

void buildLoopsPipeline(OpPassManager &pm) {
  pm.addPass(createKernelsToLoopsPass());
  pm.addNestedPass<func::FuncOp>(createCSEPass()); // unrolled bodies repeat their uniform parts
}

void buildKernelsPipeline(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createApproximateMathPass());
  pm.addNestedPass<func::FuncOp>(createCSEPass());
  pm.addPass(createLoopsToLLVMPass());
}

void registerCodegenPasses() {
  registerPass(createKernelsToLoopsPass);
  registerPass(createApproximateMathPass);
  registerPass(createLoopsToLLVMPass);
  PassPipelineRegistration<>("cleave-loops", "Kernels over tensors to loops over memrefs.",
                             buildLoopsPipeline);
  PassPipelineRegistration<>("cleave-kernels", "Kernels from loops to the LLVM dialect.",
                             buildKernelsPipeline);
}

} // namespace cleave::codegen
