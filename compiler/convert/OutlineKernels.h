// Groups of model ops become functions and launches of them.
#ifndef CLEAVE_COMPILER_CONVERT_OUTLINEKERNELS_H
#define CLEAVE_COMPILER_CONVERT_OUTLINEKERNELS_H

#include "compiler/analysis/Grouping.h"

namespace cleave::convert {

// Kernels of a module; groups with equal bodies share one.
class KernelOutliner {
public:
  explicit KernelOutliner(mlir::ModuleOp module) : module(module), symbols(module) {}

  // Replaces the group's ops by a launch, made where the last of them stands. The block's order may be
  // invalid until it is sorted again.
  void outline(const analysis::Group &group);

private:
  mlir::func::FuncOp build(const analysis::Group &group, llvm::ArrayRef<mlir::Value> inputs,
                           llvm::ArrayRef<mlir::Value> results);
  mlir::func::FuncOp unique(mlir::func::FuncOp kernel, llvm::StringRef kind);

  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  llvm::StringMap<mlir::func::FuncOp> known; // by text
};

} // namespace cleave::convert

#endif
