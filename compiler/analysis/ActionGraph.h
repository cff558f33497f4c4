// What must come before what in a block of actions.
#ifndef CLEAVE_COMPILER_ANALYSIS_ACTIONGRAPH_H
#define CLEAVE_COMPILER_ANALYSIS_ACTIONGRAPH_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave::analysis {

// Whether an op, or one within, is a print, an assert or a guard.
bool hasEffect(mlir::Operation *op);

// The first op of the block that reads the value, itself or within; null where none does.
mlir::Operation *firstReader(mlir::Value value, mlir::Block &block);

// The ops of a block (its terminator left out) and their order constraints:
// - a value before its readers, those in nested regions included;
// - prints, asserts, guards and ops that hold some stay in program order;
// - collectives and ops that hold some stay in program order;
// - the new value of a state or carry after the readers of the old one, a state's after guards and asserts as
// well,
//   wherever that closes no cycle (where it does, memory planning inserts a copy).
struct ActionGraph {
  explicit ActionGraph(mlir::Block &block);

  llvm::SmallVector<mlir::Operation *> ops; // in program order
  llvm::DenseMap<mlir::Operation *, unsigned> indices;
  std::vector<llvm::SmallVector<unsigned>> successors;
  std::vector<llvm::SmallVector<unsigned>> predecessors;

private:
  void addEdge(unsigned from, unsigned to);
  void addUnlessCycle(unsigned from, unsigned to);
  void addValues();
  void addEffects();
  void addCollectives();
  void addRewrites(mlir::Block &block);
};

} // namespace cleave::analysis

#endif
