// --dist-residuals and --dist-accumulate: the tactics of a plan that cut the work in time. The model dialect
// does what they ask; here it is only read off the plan.
#include "dialects/dist/transforms/Passes.h"
#include "dialects/model/transforms/Accumulate.h"

namespace cleave::dist {
#define GEN_PASS_DEF_DISTRESIDUALS
#define GEN_PASS_DEF_DISTACCUMULATE
#include "dialects/dist/transforms/Passes.h.inc"
} // namespace cleave::dist

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

namespace {

struct DistResiduals : dist::impl::DistResidualsBase<DistResiduals> {
  void runOnOperation() override {
    SmallVector<Attribute> rules;
    getOperation().walk([&](ResidualOp op) {
      rules.push_back(ArrayAttr::get(&getContext(), {op.getSelectorAttr(), op.getPolicyAttr()}));
    });
    if (!rules.empty())
      getOperation()->setAttr(model::kResidualPolicyAttr, ArrayAttr::get(&getContext(), rules));
  }
};

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
