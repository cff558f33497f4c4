#include "compiler/pipeline/Pipeline.h"

#include "compiler/analysis/StageChecks.h"
#include "compiler/codegen/cpu/Codegen.h"
#include "compiler/codegen/cpu/StageChecks.h"
#include "compiler/convert/Passes.h"
#include "compiler/pipeline/StageBoundary.h"
#include "compiler/schedule/Passes.h"
#include "dialects/comm/transforms/Passes.h"
#include "dialects/comm/transforms/StageChecks.h"
#include "dialects/dist/transforms/Passes.h"
#include "dialects/dist/transforms/StageChecks.h"
#include "dialects/model/transforms/Passes.h"
#include "dialects/model/transforms/StageChecks.h"
#include "dialects/pipe/ir/Pipe.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace cleave {

// The check and the dump that a stage ends in. `number` counts the rows of the table of stages.
static void endStage(OpPassManager &manager, unsigned number, StringRef stage, StageCheck check,
                     const PipelineOptions &options) {
  if (check && options.verify)
    manager.addPass(createStageCheckPass(stage, check));
  if (!options.dumpFolder.empty())
    manager.addPass(createStageDumpPass(number, (stage + options.dumpSuffix).str(), options.dumpFolder));
}

void buildModelStage(OpPassManager &manager, const PipelineOptions &options) {
  endStage(manager, 2, "model", model::verifyModelStage, options);
}

void buildGradStage(OpPassManager &manager, const PipelineOptions &options) {
  if (options.promote)
    manager.addPass(model::createModelPromote());
  manager.addPass(dist::createDistSplitRepeats());
  manager.addPass(model::createModelSimplify());
  manager.addPass(dist::createDistResiduals());
  model::ModelGradientsOptions gradients;
  gradients.names = options.inOrder;
  manager.addPass(model::createModelGradients(gradients));
  manager.addPass(dist::createDistHoldNames());
  model::ModelExposeOptions expose;
  expose.paths.assign(options.expose.begin(), options.expose.end());
  expose.inOrder = options.inOrder;
  manager.addPass(model::createModelExpose(expose));
  manager.addPass(model::createModelSimplify());
  if (options.jitter)
    manager.addPass(model::createModelJitter());
  endStage(manager, 3, "grad", model::verifyGradStage, options);
}

void buildDistStage(OpPassManager &manager, const PipelineOptions &options) {
  manager.addPass(model::createModelInline());
  manager.addPass(model::createModelSimplify());
  manager.addPass(dist::createDistAccumulate());
  manager.addPass(model::createModelSimplify());
  dist::DistPropagateOptions propagate;
  propagate.stopAfter = static_cast<int>(options.stopAfterTactic);
  manager.addPass(dist::createDistPropagate(propagate));
  endStage(manager, 4, "dist", dist::verifyDistStage, options);
}

void buildCommStage(OpPassManager &manager, const PipelineOptions &options) {
  comm::CommPartitionOptions partition;
  partition.rank.assign(options.rank.begin(), options.rank.end());
  manager.addPass(comm::createCommPartition(partition));
  manager.addPass(comm::createCommHoist());
  manager.addPass(comm::createCommMergeReductions());
  manager.addPass(comm::createCommSimplify());
  manager.addPass(comm::createCommMergeGathers());
  model::ModelSimplifyOptions simplify;
  simplify.keepDims = true; // of classes of ranks with one element too: `sched` drops them
  manager.addPass(model::createModelSimplify(simplify));
  manager.addPass(comm::createCommNorms());
  manager.addPass(comm::createCommHierarchy());
  endStage(manager, 6, "comm", comm::verifyCommStage, options);
}

void buildSchedStage(OpPassManager &manager, const PipelineOptions &options) {
  manager.addPass(model::createModelInline());
  manager.addPass(model::createModelSimplify());
  manager.addPass(model::createModelSplitReductions());
  manager.addPass(model::createModelLayOutWindows());
  manager.addPass(createConvertModelToKernelsPass());
  manager.addPass(createSchedChunksPass());
  manager.addPass(createSchedPrefetchPass());
  manager.addPass(createSchedReductionsPass());
  manager.addPass(createSchedBucketsPass());
  manager.addPass(createSchedOverlapPass());
  endStage(manager, 7, "sched", verifySchedStage, options);
}

void buildMemoryStage(OpPassManager &manager, const PipelineOptions &options) {
  manager.addPass(createPlanMemoryPass());
  endStage(manager, 8, "memory", verifyMemoryStage, options);
}

void buildLoopsStage(OpPassManager &manager, const PipelineOptions &options) {
  codegen::buildLoopsPipeline(manager);
  endStage(manager, 9, "loops", codegen::verifyLoopsStage, options);
}

void buildKernelsStage(OpPassManager &manager, const PipelineOptions &options) {
  codegen::buildKernelsPipeline(manager);
  endStage(manager, 10, "kernels", codegen::verifyKernelsStage, options);
}

void registerDialects(DialectRegistry &registry) {
  registry.insert<model::ModelDialect, dist::DistDialect, comm::CommDialect, pipe::PipeDialect,
                  affine::AffineDialect, arith::ArithDialect, bufferization::BufferizationDialect,
                  cf::ControlFlowDialect, func::FuncDialect, linalg::LinalgDialect, LLVM::LLVMDialect,
                  math::MathDialect, memref::MemRefDialect, scf::SCFDialect, tensor::TensorDialect,
                  vector::VectorDialect>();
}

void registerPasses() {
  model::registerModelPasses();
  dist::registerDistPasses();
  comm::registerCommPasses();
  registerConvertPasses();
  registerSchedulePasses();
  codegen::registerCodegenPasses();
}

} // namespace cleave
