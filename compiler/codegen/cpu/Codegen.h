// From kernels to native code for the CPU:
//
//   functions over tensors --buildLoopsPipeline--> memref, scf, vector --buildKernelsPipeline--> LLVM dialect
//     --emitImage--> code, or --emitAssembly--> text
//
// A kernel becomes `void name(void *const *args, int64_t begin, int64_t end)`: inputs, then outputs; units
// [begin, end) of `cleave.row_count`. `cleave.grain` units make a task of some tens of microseconds.
// See ../README.md for the decisions.
#ifndef CLEAVE_COMPILER_CODEGEN_CPU_CODEGEN_H
#define CLEAVE_COMPILER_CODEGEN_CPU_CODEGEN_H

#include "compiler/codegen/cpu/Emit.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <memory>
#include <string>

namespace cleave::codegen {

/// Every kernel (`cleave.kernel`) of the module to loops over memrefs; other functions are left alone.
void buildLoopsPipeline(mlir::OpPassManager &pm);

/// Every kernel from loops to the LLVM dialect; other functions are left alone.
void buildKernelsPipeline(mlir::OpPassManager &pm);

/// Registers the passes and the pipelines `cleave-loops` and `cleave-kernels` with cleave-opt.
void registerCodegenPasses();

/// One pass each; the pipelines above use them.
std::unique_ptr<mlir::Pass> createKernelsToLoopsPass();
std::unique_ptr<mlir::Pass> createApproximateMathPass();
std::unique_ptr<mlir::Pass> createLoopsToLLVMPass();

} // namespace cleave::codegen

#endif
