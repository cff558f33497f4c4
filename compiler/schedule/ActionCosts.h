// How long actions take a rank, by the cost model.
#ifndef CLEAVE_COMPILER_SCHEDULE_ACTIONCOSTS_H
#define CLEAVE_COMPILER_SCHEDULE_ACTIONCOSTS_H

#include "dialects/comm/transforms/Traffic.h"
#include "dialects/pipe/ir/Pipe.h"

namespace cleave::schedule {

class ActionCosts {
public:
  explicit ActionCosts(mlir::ModuleOp module) : symbols(module), device(comm::deviceOf(module)) {}

  // Seconds that the processor works on an action: a loop's turns all together, a branch as its longer side,
  // a `while` as one turn. What other ranks send takes none.
  double work(mlir::Operation *op);
  // Of all actions of a block, one turn.
  double work(mlir::Block &block);

private:
  double kernel(mlir::StringRef name);

  mlir::SymbolTable symbols;
  cost::Device device;
  llvm::StringMap<double> kernels;
};

} // namespace cleave::schedule

#endif
