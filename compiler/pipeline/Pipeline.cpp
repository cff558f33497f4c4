#include "compiler/pipeline/Pipeline.h"

#include "compiler/codegen/cpu/Codegen.h"
#include "compiler/convert/Passes.h"
#include "compiler/pipeline/StageBoundary.h"
#include "dialects/model/transforms/Passes.h"
#include "dialects/pipe/ir/Pipe.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace cleave {

static void endStage(OpPassManager &manager, unsigned number, StringRef stage, const PipelineOptions &options) {
  if (!options.dumpFolder.empty())
    manager.addPass(createStageDumpPass(number, stage, options.dumpFolder));
}

void buildGradStage(OpPassManager &manager, const PipelineOptions &options) {
  manager.addPass(model::createModelGradients());
  manager.addPass(createCSEPass());
  endStage(manager, 2, "grad", options);
}

void buildSchedStage(OpPassManager &manager, const PipelineOptions &options) {
  manager.addPass(createConvertModelToKernelsPass());
  endStage(manager, 3, "sched", options);
}

void buildMemoryStage(OpPassManager &manager, const PipelineOptions &options) {
  manager.addPass(createPlanMemoryPass());
  endStage(manager, 4, "memory", options);
}

void buildLoopsStage(OpPassManager &manager, const PipelineOptions &options) {
  codegen::buildLoopsPipeline(manager);
  endStage(manager, 5, "loops", options);
}

void buildKernelsStage(OpPassManager &manager, const PipelineOptions &options) {
  codegen::buildKernelsPipeline(manager);
  endStage(manager, 6, "kernels", options);
}

void registerDialects(DialectRegistry &registry) {
  registry.insert<model::ModelDialect, pipe::PipeDialect, affine::AffineDialect, arith::ArithDialect,
                  bufferization::BufferizationDialect, cf::ControlFlowDialect, func::FuncDialect,
                  linalg::LinalgDialect, LLVM::LLVMDialect, math::MathDialect, memref::MemRefDialect,
                  scf::SCFDialect, tensor::TensorDialect, vector::VectorDialect>();
}

void registerPasses() {
  model::registerModelPasses();
  registerConvertPasses();
  codegen::registerCodegenPasses();
}

} // namespace cleave
