// --dist-hold-names: a named value whose layout a plan states stays a value.
//
//   %1 = model.index (j: J = 3, i: I = 2) ins(%0[i, j]) { yield %a }       // a transpose, read through
//   elsewhere %2 = model.name %1 "net.turned"                                        // dist.layout_of
//   "net.turned" is ...
//   ->
//   %1 = model.index ... {dist.held}
//
// Before and after: a grad stage with names. It stands in front of model-expose, behind which names keep
// nothing from being simplified, and behind the gradients; partitioning drops the mark.
#include "dialects/dist/ir/Dist.h"
#include "dialects/dist/transforms/Passes.h"

namespace cleave::dist {
#define GEN_PASS_DEF_DISTHOLDNAMES
#include "dialects/dist/transforms/Passes.h.inc"
} // namespace cleave::dist

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

namespace {
struct DistHoldNames : dist::impl::DistHoldNamesBase<DistHoldNames> {
  void runOnOperation() override {
    SmallVector<StringRef> stated;
    getOperation().walk([&](Operation *op) {
      if (auto layout = dyn_cast<LayoutOfOp>(op))
        stated.push_back(layout.getSelector());
      else if (auto replicate = dyn_cast<ReplicateOp>(op))
        stated.push_back(replicate.getSelector());
    });
    getOperation().walk([&](model::NameOp name) {
      auto maker = name.getInput().getDefiningOp<model::IndexOp>();
      auto names = [&](StringRef selector) { return selects(selector, name.getPath()); };
      if (maker && llvm::any_of(stated, names))
        maker->setAttr("dist.held", UnitAttr::get(&getContext()));
    });
  }
};
} // namespace
