// --model-simplify: canonical index ops, common and dead code removed, loops freed of what they carry in
// vain.
//
//   %t = model.index (j: J = 3, i: I = 2) ins(%x[i, j]) { yield %a }      // a transpose
//   %y = model.index (j: J = 3, i: I = 2) ins(%t[j, i], %zeros[j, i]) { addf }
//   ->
//   %y = model.index (j: J = 3, i: I = 2) ins(%x[i, j]) { yield %a }
//
// Before and after: legal model or grad stage. It stands before the gradients, so that rules see merged
// inputs, and behind them, where adjoint code has zeros, ones and broadcasts to fold. The results are the
// same up to the sign of zero and the rounding of n * x for a sum of n equal terms; no NaN is lost.
#include "dialects/model/ir/IndexPatterns.h"
#include "dialects/model/transforms/LoopCleanup.h"
#include "dialects/model/transforms/Passes.h"

#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace cleave::model {
#define GEN_PASS_DEF_MODELSIMPLIFY
#include "dialects/model/transforms/Passes.h.inc"
} // namespace cleave::model

using namespace mlir;
using namespace cleave::model;

namespace {
struct ModelSimplify : cleave::model::impl::ModelSimplifyBase<ModelSimplify> {
  using ModelSimplifyBase::ModelSimplifyBase;
  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    for (Dialect *dialect : context->getLoadedDialects())
      dialect->getCanonicalizationPatterns(set);
    for (RegisteredOperationName op : context->getRegisteredOperations())
      if (isa_and_nonnull<ModelDialect, arith::ArithDialect, math::MathDialect>(&op.getDialect()))
        op.getCanonicalizationPatterns(set, context);
    std::vector<std::string> left;
    if (keepDims)
      left.emplace_back(kDropDims);
    patterns = FrozenRewritePatternSet(std::move(set), left);
    return success();
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    GreedyRewriteConfig config;
    config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    for (unsigned round = 0; round < kRounds; ++round) {
      if (failed(applyPatternsGreedily(module, patterns, config)))
        return signalPassFailure();
      for (auto function : module.getOps<func::FuncOp>()) {
        IRRewriter rewriter(&getContext());
        DominanceInfo dominance(function);
        eliminateCommonSubExpressions(rewriter, dominance, function);
      }
      bool changed = eraseUnusedControl(module);
      changed |= cleanUpScans(module);
      while (cleanUpIfs(module))
        changed = true;
      if (!changed)
        return;
    }
  }

  static constexpr unsigned kRounds = 5;
  FrozenRewritePatternSet patterns;
};
} // namespace
