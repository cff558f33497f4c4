// What stands at the end of every stage: the legality check and the numbered dump.
#ifndef CLEAVE_COMPILER_PIPELINE_STAGEBOUNDARY_H
#define CLEAVE_COMPILER_PIPELINE_STAGEBOUNDARY_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>
#include <string>

namespace cleave {

using StageCheck = mlir::LogicalResult (*)(mlir::ModuleOp);

// Fails the pipeline when `check` rejects the module: a compiler error, never the user's.
std::unique_ptr<mlir::Pass> createStageCheckPass(llvm::StringRef stage, StageCheck check);

// Writes the module to `folder`/NN-`stage`.mlir.
std::unique_ptr<mlir::Pass> createStageDumpPass(unsigned number, llvm::StringRef stage, std::string folder);

} // namespace cleave

#endif
