// What must hold at the end of the stages that code generation makes.
#ifndef CLEAVE_COMPILER_CODEGEN_CPU_STAGECHECKS_H
#define CLEAVE_COMPILER_CODEGEN_CPU_STAGECHECKS_H

#include "mlir/IR/BuiltinOps.h"

namespace cleave::codegen {

/// `loops`: a kernel takes memrefs, then two indices, returns nothing, knows its units and grain, and holds
/// memref, scf, vector, arith and math alone, and calls of the runtime.
mlir::LogicalResult verifyLoopsStage(mlir::ModuleOp module);

/// `kernels`: a kernel is `void (ptr, i64, i64)` in the LLVM dialect, all through.
mlir::LogicalResult verifyKernelsStage(mlir::ModuleOp module);

} // namespace cleave::codegen

#endif
