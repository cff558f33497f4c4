// --dist-accumulate: micro-batches as a plan says. The model dialect makes the loop; here the tactic is read
// off the plan.
#include "dialects/dist/transforms/Passes.h"
#include "dialects/model/transforms/Accumulate.h"

namespace cleave::dist {
#define GEN_PASS_DEF_DISTACCUMULATE
#include "dialects/dist/transforms/Passes.h.inc"
} // namespace cleave::dist

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

namespace {
struct DistAccumulate : dist::impl::DistAccumulateBase<DistAccumulate> {
  void runOnOperation() override {
    SmallVector<AccumulateOp> tactics;
    getOperation().walk([&](AccumulateOp op) { tactics.push_back(op); });
    for (AccumulateOp op : tactics)
      if (failed(model::accumulate(getOperation(), op.getAxis(), op.getCount(), op.getLoc())))
        return signalPassFailure();
  }
};
} // namespace
