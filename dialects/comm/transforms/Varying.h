// Along which mesh axes ranks hold different values of something: what a rewrite must know that moves a sum
// past a product, or hands one rank's rows to another.
#ifndef CLEAVE_DIALECTS_COMM_TRANSFORMS_VARYING_H
#define CLEAVE_DIALECTS_COMM_TRANSFORMS_VARYING_H

#include "dialects/comm/ir/Comm.h"
#include "dialects/model/ir/Model.h"

#include <map>
#include <set>

namespace cleave::comm {

// Of a module in the comm stage. Axes count in the whole: along a part of an axis is along the axis. What has
// no declared layout and comes from nowhere is the same on all ranks. Answers are kept: after a rewrite,
// `forget`.
class Varying {
public:
  explicit Varying(mlir::ModuleOp module);

  // Names of mesh axes along which ranks hold other blocks, or other terms of a pending sum.
  //   %w {layout [{}, {"tp"}]}            {tp}
  //   comm.offset over ["dp"]             {dp}
  //   %x * %w                             what either varies along
  //   comm.all_reduce sum %x over ["tp"]  that of %x, without tp
  const std::set<llvm::StringRef> &axesOf(mlir::Value value);

  // Whether all ranks of each group over these axes hold the same.
  bool isSame(mlir::Value value, mlir::ArrayAttr over);

  void forget() { known.clear(); }

private:
  std::set<llvm::StringRef> find(mlir::Value value);
  std::set<llvm::StringRef> findArgument(mlir::BlockArgument argument);
  std::set<llvm::StringRef> findResult(mlir::OpResult result);

  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<model::ScanOp>> scans; // by the body that they run
  std::map<void *, std::set<llvm::StringRef>> known;                         // by value
};

} // namespace cleave::comm

#endif
