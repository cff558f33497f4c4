// --comm-simplify: collectives that undo each other go, and two that are one become one.
//
//   slice(all_gather(x))        ->  x                 all_gather(slice(x))            ->  x
//   slice(all_reduce(x))        ->  reduce_scatter(x) all_gather(reduce_scatter(x))   ->  all_reduce(x)
//   all_reduce(only(x))         ->  x                 reduce_scatter(only(x))         ->  slice(x)
//   only(0)                     ->  0
//
// along the same dim and mesh axes, where nothing else reads what lies between. Equal collectives of equal
// values become one. Before and after: a legal comm stage. It stands behind passes that move collectives and
// bring them together.
#include "dialects/comm/transforms/Partition.h"
#include "dialects/comm/transforms/Passes.h"

#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace cleave::comm {
#define GEN_PASS_DEF_COMMSIMPLIFY
#include "dialects/comm/transforms/Passes.h.inc"
} // namespace cleave::comm

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

template <typename A, typename B> static bool alike(A a, B b) {
  return a.getOver() == b.getOver() && a.getMesh() == b.getMesh() && a.getDim() == b.getDim();
}

template <typename A, typename B> static bool sameGroup(A a, B b) {
  return a.getOver() == b.getOver() && a.getMesh() == b.getMesh();
}

static LogicalResult simplifySlice(SliceOp op, PatternRewriter &rewriter) {
  if (auto gather = op.getInput().getDefiningOp<AllGatherOp>();
      gather && alike(op, gather) && gather.getInput().getType() == op.getType()) {
    rewriter.replaceOp(op, gather.getInput());
    return success();
  }
  auto reduce = op.getInput().getDefiningOp<AllReduceOp>();
  if (!reduce || !sameGroup(op, reduce) || !reduce.getResult().hasOneUse())
    return failure();
  rewriter.setInsertionPoint(reduce);
  rewriter.replaceOpWithNewOp<ReduceScatterOp>(op, op.getType(), reduce.getInput(), reduce.getMesh(),
                                               reduce.getOver(), reduce.getCombiner(), op.getDim(),
                                               reduce.getReasonAttr(), nullptr, nullptr);
  rewriter.eraseOp(reduce);
  return success();
}

static LogicalResult simplifyGather(AllGatherOp op, PatternRewriter &rewriter) {
  if (auto slice = op.getInput().getDefiningOp<SliceOp>();
      slice && alike(op, slice) && slice.getInput().getType() == op.getType()) {
    rewriter.replaceOp(op, slice.getInput());
    return success();
  }
  auto scatter = op.getInput().getDefiningOp<ReduceScatterOp>();
  if (!scatter || !alike(op, scatter) || !scatter.getResult().hasOneUse() ||
      scatter.getInput().getType() != op.getType())
    return failure();
  rewriter.replaceOpWithNewOp<AllReduceOp>(op, op.getType(), scatter.getInput(), scatter.getMesh(),
                                           scatter.getOver(), scatter.getCombiner(),
                                           mergedReason({scatter, op}), nullptr, nullptr);
  rewriter.eraseOp(scatter);
  return success();
}

static LogicalResult simplifyAllReduce(AllReduceOp op, PatternRewriter &rewriter) {
  auto only = op.getInput().getDefiningOp<OnlyOp>();
  if (!only || !sameGroup(op, only) || only.getCombiner() != op.getCombiner())
    return failure();
  rewriter.replaceOp(op, only.getInput());
  return success();
}

// The identity of a reduction everywhere: every rank may have it.
static LogicalResult simplifyOnly(OnlyOp op, PatternRewriter &rewriter) {
  if (!isIdentity(op.getInput(), op.getCombiner()))
    return failure();
  rewriter.replaceOp(op, op.getInput());
  return success();
}

static LogicalResult simplifyScatter(ReduceScatterOp op, PatternRewriter &rewriter) {
  auto only = op.getInput().getDefiningOp<OnlyOp>();
  if (!only || !sameGroup(op, only) || only.getCombiner() != op.getCombiner())
    return failure();
  rewriter.replaceOpWithNewOp<SliceOp>(op, op.getType(), only.getInput(), op.getMesh(), op.getOver(),
                                       op.getDim(), nullptr, nullptr, nullptr);
  return success();
}

namespace {
struct CommSimplify : cleave::comm::impl::CommSimplifyBase<CommSimplify> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(simplifySlice);
    patterns.add(simplifyGather);
    patterns.add(simplifyAllReduce);
    patterns.add(simplifyOnly);
    patterns.add(simplifyScatter);
    IRRewriter rewriter(&getContext());
    DominanceInfo dominance(getOperation());
    eliminateCommonSubExpressions(rewriter, dominance, getOperation());
    GreedyRewriteConfig config;
    config.enableFolding(false);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};
} // namespace
