// The functions of a module in the order of their calls.
#ifndef CLEAVE_DIALECTS_MODEL_TRANSFORMS_CALLORDER_H
#define CLEAVE_DIALECTS_MODEL_TRANSFORMS_CALLORDER_H

#include "dialects/model/ir/Model.h"

namespace cleave::model {

// The functions an op runs: a call's callee, a scan's body, both branches of an if...
llvm::SmallVector<mlir::func::FuncOp> calleesOf(mlir::Operation *op, mlir::SymbolTable &symbols);

// Every function, callees before callers. `recursive`, if given, is set to a function that calls
// itself through others, where there is one.
llvm::SmallVector<mlir::func::FuncOp> calleesFirst(mlir::ModuleOp module, mlir::SymbolTable &symbols,
                                                   mlir::func::FuncOp *recursive = nullptr);

} // namespace cleave::model

#endif
