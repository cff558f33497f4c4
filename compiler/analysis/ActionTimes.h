// When the actions of an entry happen, on one line of time.
#ifndef CLEAVE_COMPILER_ANALYSIS_ACTIONTIMES_H
#define CLEAVE_COMPILER_ANALYSIS_ACTIONTIMES_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave::analysis {

// Numbers the actions in the order of the list. An action with regions spans the numbers of all within: a
// loop's body stands once, and what lives across iterations lives from the loop's begin to its end.
class ActionTimes {
public:
  explicit ActionTimes(mlir::func::FuncOp entry);

  int64_t begin(mlir::Operation *op) const { return begins.lookup(op); }
  int64_t end(mlir::Operation *op) const { return ends.lookup(op); }
  int64_t last() const { return now - 1; }

  // When the value is written first: the whole of its action for loops, which write results all along.
  int64_t definition(mlir::Value value) const;
  // The last time anything reads the value: a loop that reads a value from outside reads it until its end.
  int64_t lastUse(mlir::Value value) const;

private:
  void number(mlir::Block &block);

  int64_t now = 0;
  llvm::DenseMap<mlir::Operation *, int64_t> begins, ends;
};

} // namespace cleave::analysis

#endif
