// Native code from kernels in the LLVM dialect: functions with `cleave.kernel` of a module that
// buildKernelsPipeline has run on.
#ifndef CLEAVE_COMPILER_CODEGEN_CPU_EMIT_H
#define CLEAVE_COMPILER_CODEGEN_CPU_EMIT_H

#include "mlir/IR/BuiltinOps.h"
#include "runtime/device/cpu/CodeImage.h"

#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace cleave::codegen {

struct EmitOptions {
  unsigned threads = 2; // that compile; how kernels are shared out shows in where they lie, in nothing else
};

/// Code for the module's target (Target::of), as a file or a process takes it.
llvm::Expected<rt::CodeImage> emitImage(mlir::ModuleOp module, const EmitOptions &options = {});

/// The same as assembly text.
llvm::Expected<std::string> emitAssembly(mlir::ModuleOp module);

/// The same in the memory of this process.
llvm::Expected<std::shared_ptr<rt::LoadedCode>> jit(mlir::ModuleOp module, const EmitOptions &options = {});

} // namespace cleave::codegen

#endif
