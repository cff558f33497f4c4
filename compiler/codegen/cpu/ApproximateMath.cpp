// cleave-approximate-math: transcendental f32 functions on vectors as polynomials.
//
//   math.exp %x : vector<16xf32>  ->  range reduction, polynomial, scaling: 15 vector operations
//
// exp, sin, cos and pow are ours (MathPatterns.h), the others MLIR's. Only f32: f64 goes to libm, element by
// element, to its last place. Sits after the loops are made, when all vectors are known, and before
// conversion, which would scalarise each function into libm calls.
#include "compiler/codegen/common/Kernel.h"
#include "compiler/codegen/cpu/Codegen.h"
#include "compiler/codegen/cpu/MathPatterns.h"

#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace cleave::codegen {

namespace {

/// expm1(x) = tanh(x / 2) (exp(x) + 1) for f64: conversion would give exp(x) - 1, which loses all places near
/// 0.
struct ExpandExpM1 : OpRewritePattern<math::ExpM1Op> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::ExpM1Op op, PatternRewriter &rewriter) const override {
    Type type = op.getType();
    if (!getElementTypeOrSelf(type).isF64())
      return failure();
    auto constant = [&](double value) -> Value {
      Type element = getElementTypeOrSelf(type);
      TypedAttr attribute = rewriter.getFloatAttr(element, value);
      if (auto vector = dyn_cast<VectorType>(type))
        attribute = DenseElementsAttr::get(vector, Attribute(attribute));
      return arith::ConstantOp::create(rewriter, op.getLoc(), attribute);
    };
    Value x = op.getOperand();
    Value half = arith::MulFOp::create(rewriter, op.getLoc(), x, constant(0.5));
    Value left = math::TanhOp::create(rewriter, op.getLoc(), half);
    Value right = math::ExpOp::create(rewriter, op.getLoc(), x);
    right = arith::AddFOp::create(rewriter, op.getLoc(), right, constant(1));
    rewriter.replaceOpWithNewOp<arith::MulFOp>(op, left, right);
    return success();
  }
};

struct ApproximateMath : PassWrapper<ApproximateMath, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ApproximateMath)

  StringRef getArgument() const override { return "cleave-approximate-math"; }
  StringRef getDescription() const override { return "Turn transcendental f32 functions into polynomials."; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, vector::VectorDialect, math::MathDialect>();
  }

  void runOnOperation() override {
    if (!getOperation()->hasAttr(kKernelAttr))
      return;
    RewritePatternSet patterns(&getContext());
    auto wanted = [](StringRef name) {
      return llvm::is_contained({"math.expm1", "math.log", "math.log1p", "math.tanh", "math.erf"}, name);
    };
    populateMathPolynomialApproximationPatterns(patterns, wanted);
    patterns.add<ExpandExpM1>(&getContext());
    populateMathPatterns(patterns);
    GreedyRewriteConfig config;
    config.enableFolding(false).setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> createApproximateMathPass() { return std::make_unique<ApproximateMath>(); }

} // namespace cleave::codegen
