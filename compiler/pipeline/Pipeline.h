// The one place where passes are put in order: a function per stage, in the order of the stages.
//
// Each stage ends in its legality check (when `verify`) and its numbered dump (when `dumpFolder` is set), so
// that `02-grad.mlir` beside `03-sched.mlir` shows what a stage did. Nothing else in the compiler adds
// passes.
#ifndef CLEAVE_COMPILER_PIPELINE_PIPELINE_H
#define CLEAVE_COMPILER_PIPELINE_PIPELINE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <string>
#include <vector>

namespace cleave {

struct PipelineOptions {
  std::vector<std::string> expose; // paths of values that become outputs of the entries
  bool verify = false;             // run the legality check at every stage boundary
  bool promote = false;            // every floating-point type is f64 (model-promote)
  bool jitter = false;             // every computed term is a little off (model-jitter); with `promote`
  std::string dumpFolder;          // write each stage's IR there; empty: do not
};

// The check of what the front end made.
void buildModelStage(mlir::OpPassManager &manager, const PipelineOptions &options);
// model -> grad: gradients taken, functions of each scan linked, simplified.
void buildGradStage(mlir::OpPassManager &manager, const PipelineOptions &options);
// grad -> sched: fused groups outlined as kernels, one ordered list of actions per entry.
void buildSchedStage(mlir::OpPassManager &manager, const PipelineOptions &options);
// sched -> memory: every value placed in a region; the peak is known.
void buildMemoryStage(mlir::OpPassManager &manager, const PipelineOptions &options);
// memory -> loops: kernels bufferised against their bindings, tiled, vectorised.
void buildLoopsStage(mlir::OpPassManager &manager, const PipelineOptions &options);
// loops -> kernels: kernels in the LLVM dialect.
void buildKernelsStage(mlir::OpPassManager &manager, const PipelineOptions &options);

// The dialects any stage may hold.
void registerDialects(mlir::DialectRegistry &registry);
// Every pass of ours, for cleave-opt.
void registerPasses();

} // namespace cleave

#endif
