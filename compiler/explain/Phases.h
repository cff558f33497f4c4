// Which actions of an entry make what it gives its caller, and which only new states.
#ifndef CLEAVE_COMPILER_EXPLAIN_PHASES_H
#define CLEAVE_COMPILER_EXPLAIN_PHASES_H

#include "dialects/model/ir/Model.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace cleave::explain {

// The top-level ops that an entry's outputs need, with all within them. At any stage from `model` on.
class Forward {
public:
  explicit Forward(mlir::func::FuncOp entry);

  // Of an op at the top of the entry, or within one.
  bool contains(mlir::Operation *op) const;
  // Whether result `number` of a function is stacked by the loops that run it, for what comes behind them.
  bool isStack(mlir::func::FuncOp body, unsigned number) const;

private:
  mlir::func::FuncOp entry;
  llvm::DenseSet<mlir::Operation *> needed;
};

} // namespace cleave::explain

#endif
