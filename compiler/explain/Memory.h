// What an entry's values are for, and how many bytes of each kind there are over its list of actions.
#ifndef CLEAVE_COMPILER_EXPLAIN_MEMORY_H
#define CLEAVE_COMPILER_EXPLAIN_MEMORY_H

#include "compiler/analysis/ActionTimes.h"
#include "compiler/explain/Phases.h"
#include "dialects/comm/ir/Comm.h"

#include <array>

namespace cleave::explain {

enum class Use { Gradient, Activation, Buffer, Temporary };
inline constexpr size_t kUses = 4;

// Of an entry at the memory stage.
class Uses {
public:
  explicit Uses(mlir::func::FuncOp entry);

  // Of what an op of the entry makes.
  Use of(mlir::Value value) const;
  bool isForward(mlir::Operation *op) const { return forward.contains(op); }
  bool isUpdate(mlir::Operation *op) const { return update.contains(top(op)); }

private:
  void addSizes(model::StateOp state);
  void findUpdate();
  void findGradients();
  mlir::Operation *top(mlir::Operation *op) const;
  bool isBackward(mlir::Value value) const;
  bool isAsLarge(mlir::Value value) const;

  mutable mlir::func::FuncOp entry;
  Forward forward;
  llvm::DenseSet<mlir::Operation *> update; // at the top of the entry
  llvm::DenseSet<int64_t> sizes;            // elements of what is trained
  llvm::DenseSet<mlir::Value> gradients;
};

// Bytes of scratch from a time on, by use: see analysis::ActionTimes.
struct Moment {
  int64_t time = 0;
  std::array<int64_t, kUses> bytes{};

  int64_t of(Use use) const { return bytes[static_cast<size_t>(use)]; }
  int64_t total() const { return bytes[0] + bytes[1] + bytes[2] + bytes[3]; }
};

// In order of time, one for each time at which something changes.
std::vector<Moment> momentsOf(mlir::func::FuncOp entry, const analysis::ActionTimes &times);

} // namespace cleave::explain

#endif
