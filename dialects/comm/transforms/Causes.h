// Which tactics of the plan made ranks exchange something: read from what propagation recorded
// (`dist.origin`), never from names.
//
//   y[b, e] = sum(h) u[b, h] * w[h, e], computed over {"tp"} along h
//   -> the tactic by which u, or else w, is cut over tp along h, with the values it came by
#ifndef CLEAVE_DIALECTS_COMM_TRANSFORMS_CAUSES_H
#define CLEAVE_DIALECTS_COMM_TRANSFORMS_CAUSES_H

#include "dialects/comm/transforms/Shards.h"

namespace cleave::comm {

struct Cause {
  int64_t tactic = -1;  // place in the plan; -1: a layout that stood in the module
  llvm::StringRef axis; // of the program, that the mesh axis cuts
  mlir::ArrayAttr path; // from what the tactic cut to the value at hand
};

// Of a module with layouts, before it is partitioned.
class Causes {
public:
  Causes(const Shards &shards) : shards(shards) {}

  // Why a value lies cut over these mesh axes.
  void addLayout(mlir::Value value, llvm::ArrayRef<AxisRefAttr> over);
  // Why an op is computed over them: along what it reduces where `pending`, else along any dim. `value` is
  // one of its operands that does not lie so.
  void addFactors(mlir::Operation *op, llvm::ArrayRef<AxisRefAttr> over, bool pending,
                  mlir::Value value = nullptr);
  // In the order they were added, each tactic and axis once.
  llvm::ArrayRef<Cause> get() const { return causes; }

private:
  bool overlaps(llvm::ArrayRef<AxisRefAttr> axes, llvm::ArrayRef<AxisRefAttr> over) const;
  void addDims(LayoutAttr layout, mlir::ArrayAttr origins, mlir::RankedTensorType type,
               llvm::ArrayRef<AxisRefAttr> over, std::optional<unsigned> only, const std::string &last);

  const Shards &shards;
  llvm::SmallVector<Cause> causes;
};

// The name of a value, or the place it is made at.
std::string stepOf(mlir::Value value);

// What to leave out of the plan to do without the causes, the narrowest edit of the first one first.
mlir::ArrayAttr editsFor(dist::PlanOp plan, llvm::ArrayRef<Cause> causes);
// What an edit takes out of its tactic as it is written: an axis, a kind of what is stored; "" for all of it.
std::string partOf(dist::PlanOp plan, EditAttr edit);
// "leave Hidden out of `shard Heads, Hidden over tp`"
std::string describe(dist::PlanOp plan, EditAttr edit);

} // namespace cleave::comm

#endif
