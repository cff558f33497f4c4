// Why a collective exists, for people: which value, in which phase, what asked for it, and the edit that
// removes it.
#ifndef CLEAVE_DIALECTS_COMM_TRANSFORMS_REASONS_H
#define CLEAVE_DIALECTS_COMM_TRANSFORMS_REASONS_H

#include "dialects/comm/transforms/Causes.h"
#include "dialects/comm/transforms/Reshard.h"

namespace cleave::comm {

// Of a function with layouts, before it is partitioned.
class Reasons {
public:
  Reasons(mlir::func::FuncOp function, const Shards &shards);

  // A step of bringing `value` from a layout to another; `user` is the op that needs it so, or null where the
  // value's own declared layout does.
  ReasonAttr of(mlir::Value value, const Step &step, LayoutAttr from, LayoutAttr to,
                mlir::Operation *user) const;
  // A halo of `value` along a dim over these mesh axes.
  ReasonAttr ofHalo(mlir::Value value, int64_t dim, llvm::ArrayRef<AxisRefAttr> over,
                    mlir::Operation *user) const;

  // What the local program of a manual region asks for.
  ReasonAttr ofManual(dist::ManualOp op) const;

private:
  std::string pathOf(mlir::Value value, mlir::Operation *user) const;
  llvm::StringRef phaseOf(mlir::Value value, mlir::Operation *user) const;
  ReasonAttr make(mlir::Value value, mlir::Operation *user, const llvm::Twine &because,
                  const Causes &causes) const;

  mlir::func::FuncOp function;
  const Shards &shards;
  dist::PlanOp plan;
  // Ops of an entry that its outputs depend on, and those that come behind gradients.
  llvm::DenseSet<mlir::Operation *> forward, update;
};

// The reason of a collective that stands for several: the first one's, with the others in `merged`, each once
// and with the line of the model it came from.
ReasonAttr mergedReason(llvm::ArrayRef<mlir::Operation *> collectives);

} // namespace cleave::comm

#endif
