// The one place where passes are put in order: a function per stage, in the order of the stages.
//
// Each stage ends in its legality check (when `verify`) and its numbered dump (when `dumpFolder` is set), so
// that `03-grad.mlir` beside `07-sched.mlir` shows what a stage did. Nothing else in the compiler adds
// passes. A stage keeps its number where others are left out: `dist` and `comm` are there under a plan alone.
#ifndef CLEAVE_COMPILER_PIPELINE_PIPELINE_H
#define CLEAVE_COMPILER_PIPELINE_PIPELINE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <string>
#include <vector>

namespace cleave {

struct PipelineOptions {
  std::vector<std::string> expose; // paths of values that become outputs of the entries
  bool inOrder = false;            // outputs in the order of the program, gradients of states among the named
  bool verify = false;             // run the legality check at every stage boundary
  bool promote = false;            // every floating-point type is f64 (model-promote)
  bool jitter = false;             // every computed term is a little off (model-jitter); with `promote`
  std::string dumpFolder;          // write each stage's IR there; empty: do not
  std::string dumpSuffix;          // of the dumps' names, for all but the first class of ranks
  int64_t stopAfterTactic = -1;    // dist: apply so many of the plan's tactics only; negative: all
  std::vector<int64_t> rank;       // comm: the coordinates of a rank of the class that is wanted
};

// The check of what the front end made.
void buildModelStage(mlir::OpPassManager &manager, const PipelineOptions &options);
// model -> grad: gradients taken, functions of each scan linked, simplified.
void buildGradStage(mlir::OpPassManager &manager, const PipelineOptions &options);
// grad -> dist: every value has a layout on the plan's mesh.
void buildDistStage(mlir::OpPassManager &manager, const PipelineOptions &options);
// dist -> comm: local shapes of one class of ranks, and collectives.
void buildCommStage(mlir::OpPassManager &manager, const PipelineOptions &options);
// grad or comm -> sched: fused groups outlined as kernels, one ordered list of actions per entry.
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
