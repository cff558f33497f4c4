// --dist-residuals: hands what a plan says of residuals to the gradients, which choose them.
#include "dialects/dist/transforms/Passes.h"

namespace cleave::dist {
#define GEN_PASS_DEF_DISTRESIDUALS
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
} // namespace
