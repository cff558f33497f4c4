// Canonical form of model.index: no unused, repeated or constant inputs, no dims that do nothing, no ops that
// only move data where the reader can read at other positions, sums of products as plain products.
#include "dialects/model/ir/IndexPatterns.h"
#include "dialects/model/ir/Model.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace cleave::model;

//===------------------------------------------------------------------===//
// Changing an op in place
//===------------------------------------------------------------------===//

namespace {
// The inputs of an op with what belongs to each.
struct Inputs {
  explicit Inputs(IndexOp op)
      : values(op.getInputs()), maps(op.getMaps().getAsValueRange<AffineMapAttr>()),
        outside(op.getOutside().getValue()) {}

  // The body's arguments must fit already.
  void assign(IndexOp op) {
    Builder builder(op.getContext());
    op->setOperands(values);
    op.setMapsAttr(builder.getAffineMapArrayAttr(maps));
    op.setOutsideAttr(builder.getArrayAttr(outside));
  }

  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  SmallVector<Attribute> outside;
};
} // namespace

// Removes input `index`; its body argument must be unused.
static void eraseInput(IndexOp op, unsigned index) {
  Inputs inputs(op);
  inputs.values.erase(inputs.values.begin() + index);
  inputs.maps.erase(inputs.maps.begin() + index);
  inputs.outside.erase(inputs.outside.begin() + index);
  op.getBodyBlock().eraseArgument(index);
  inputs.assign(op);
}

// Removes a reduction dim that no map and no model.iter uses.
static void eraseDim(IndexOp op, unsigned dim) {
  MLIRContext *context = op.getContext();
  SmallVector<AffineExpr> renumbered;
  for (unsigned i = 0; i < op.getNumDims(); ++i)
    renumbered.push_back(i == dim ? getAffineConstantExpr(0, context)
                                  : getAffineDimExpr(i - (i > dim), context));
  Inputs inputs(op);
  for (AffineMap &map : inputs.maps)
    map = map.replaceDimsAndSymbols(renumbered, {}, op.getNumDims() - 1, 0);
  for (IterOp iter : op.getBodyBlock().getOps<IterOp>())
    if (iter.getDim() > dim)
      iter.setDim(iter.getDim() - 1);
  SmallVector<Attribute> axes(op.getAxes().getValue());
  SmallVector<int64_t> sizes(op.getSizes());
  axes.erase(axes.begin() + dim);
  sizes.erase(sizes.begin() + dim);
  op.setAxesAttr(ArrayAttr::get(context, axes));
  op.setSizes(sizes);
  if (sizes.size() == op.getParallel())
    op.setCombiner(Combiner::None);
  inputs.assign(op);
}

//===------------------------------------------------------------------===//
// Facts about an op
//===------------------------------------------------------------------===//

static bool isInside(AffineMap map, ArrayRef<int64_t> dims, ArrayRef<int64_t> shape) {
  return llvm::all_of(llvm::zip(map.getResults(), shape), [&](auto pair) {
    auto [low, high] = rangeOf(std::get<0>(pair), dims);
    return low >= 0 && high < std::get<1>(pair);
  });
}

static Value yielded(IndexOp op) { return op.getBodyBlock().getTerminator()->getOperand(0); }

// The body's argument when the op only moves data: no reduction, one input handed on.
static bool isMovement(IndexOp op) {
  auto argument = dyn_cast<BlockArgument>(yielded(op));
  return argument && op.getInputs().size() == 1 && op.getNumReductions() == 0;
}

// A sum of products of two inputs: what kernels for products take.
// Whether a plan states the layout of the result, which therefore is to be.
static bool isHeld(IndexOp op) { return op->hasAttr("dist.held"); }

static bool isContraction(IndexOp op) {
  if (op.getCombiner() != Combiner::Sum || op.getInputs().size() != 2)
    return false;
  auto product = yielded(op).getDefiningOp<arith::MulFOp>();
  return product && isa<BlockArgument>(product.getLhs()) && isa<BlockArgument>(product.getRhs());
}

// The value of a tensor that holds one everywhere.
static TypedAttr splatOf(Value tensor) {
  DenseElementsAttr elements;
  if (matchPattern(tensor, m_Constant(&elements)) && elements.isSplat())
    return elements.getSplatValue<TypedAttr>();
  auto op = tensor.getDefiningOp<IndexOp>();
  Attribute value;
  if (!op || op.getNumReductions() || !matchPattern(yielded(op), m_Constant(&value)))
    return {};
  return dyn_cast<TypedAttr>(value);
}

//===------------------------------------------------------------------===//
// Patterns
//===------------------------------------------------------------------===//

// Whether a place lies outside a movement's result exactly when what is read for it lies outside the source.
static bool hasSameBounds(IndexOp movement) {
  AffineMap map = movement.getMap(0);
  auto shape = cast<RankedTensorType>(movement.getInputs()[0].getType()).getShape();
  return map.isPermutation() && !movement.getOutsideValue(0) &&
         llvm::all_of(llvm::zip(map.getResults(), shape), [&](auto pair) {
           auto dim = cast<AffineDimExpr>(std::get<0>(pair));
           return movement.getSizes()[dim.getPosition()] == std::get<1>(pair);
         });
}

namespace {

// Inputs whose scalar the body does not use; inputs read twice at the same place.
struct DropInputs : OpRewritePattern<IndexOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(IndexOp op, PatternRewriter &rewriter) const override {
    Block &body = op.getBodyBlock();
    for (unsigned i = 0; i < op.getInputs().size(); ++i) {
      for (unsigned k = 0; k < i; ++k)
        if (op.getInputs()[k] == op.getInputs()[i] && op.getMap(k) == op.getMap(i) &&
            op.getOutside()[k] == op.getOutside()[i] && !body.getArgument(i).use_empty())
          rewriter.replaceAllUsesWith(body.getArgument(i), body.getArgument(k));
      if (!body.getArgument(i).use_empty())
        continue;
      rewriter.modifyOpInPlace(op, [&]() { eraseInput(op, i); });
      return success();
    }
    return failure();
  }
};

// An op that hands its input on as it is.
struct ForwardIdentity : OpRewritePattern<IndexOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(IndexOp op, PatternRewriter &rewriter) const override {
    if (!isMovement(op) || isHeld(op) || !op.getMap(0).isIdentity() ||
        op.getInputs()[0].getType() != op.getType())
      return failure();
    rewriter.replaceOp(op, op.getInputs()[0]);
    return success();
  }
};

// Constant inputs become constants of the body.
struct FoldSplats : OpRewritePattern<IndexOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(IndexOp op, PatternRewriter &rewriter) const override {
    for (unsigned i = 0; i < op.getInputs().size(); ++i) {
      TypedAttr value = splatOf(op.getInputs()[i]), outside = op.getOutsideValue(i);
      if (!value || (outside && outside != value))
        continue;
      rewriter.setInsertionPointToStart(&op.getBodyBlock());
      Value constant = arith::ConstantOp::create(rewriter, op.getLoc(), value);
      rewriter.replaceAllUsesWith(op.getBodyBlock().getArgument(i), constant);
      rewriter.modifyOpInPlace(op, [&]() { eraseInput(op, i); });
      return success();
    }
    return failure();
  }
};

// Reads that never leave their input need no value for outside.
struct DropOutside : OpRewritePattern<IndexOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(IndexOp op, PatternRewriter &rewriter) const override {
    Inputs inputs(op);
    bool changed = false;
    for (unsigned i = 0; i < inputs.values.size(); ++i)
      if (op.getOutsideValue(i) && isInside(inputs.maps[i], op.getSizes(),
                                            cast<RankedTensorType>(inputs.values[i].getType()).getShape())) {
        inputs.outside[i] = rewriter.getUnitAttr();
        changed = true;
      }
    if (!changed)
      return failure();
    rewriter.modifyOpInPlace(op, [&]() { inputs.assign(op); });
    return success();
  }
};

// Transposes, broadcasts, slices and paddings are read through. A contraction only reads through what leaves
// it the plain rows and columns that kernels for products take.
struct ReadThrough : OpRewritePattern<IndexOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(IndexOp op, PatternRewriter &rewriter) const override {
    for (auto [i, input] : llvm::enumerate(op.getInputs())) {
      auto source = input.getDefiningOp<IndexOp>();
      if (!source || source == op || !isMovement(source) || isHeld(source))
        continue;
      auto shape = cast<RankedTensorType>(source.getInputs()[0].getType()).getShape();
      AffineMap through = source.getMap(0);
      bool sameBounds = hasSameBounds(source);
      if (op.getOutsideValue(i) && !sameBounds)
        continue;
      AffineMap map = simplifyAffineMap(through.compose(op.getMap(i)));
      Attribute outside = op.getOutsideValue(i) ? op.getOutside()[i] : source.getOutside()[0];
      if (isa<UnitAttr>(outside) && !isInside(map, op.getSizes(), shape))
        continue;
      bool plain = map.isProjectedPermutation() && isa<UnitAttr>(outside);
      if (isContraction(op) && !plain)
        continue;
      Inputs inputs(op);
      inputs.values[i] = source.getInputs()[0];
      inputs.maps[i] = map;
      inputs.outside[i] = outside;
      rewriter.modifyOpInPlace(op, [&]() { inputs.assign(op); });
      return success();
    }
    return failure();
  }
};

// A reduction dim that changes nothing: of size 1, or used by no input and no model.iter, where a sum becomes
// a factor.
struct DropDims : OpRewritePattern<IndexOp> {
  using OpRewritePattern::OpRewritePattern;
  void initialize() { setDebugName(kDropDims); }
  LogicalResult matchAndRewrite(IndexOp op, PatternRewriter &rewriter) const override {
    for (IterOp iter : op.getBodyBlock().getOps<IterOp>())
      if (op.getSizes()[iter.getDim()] == 1) {
        rewriter.setInsertionPoint(iter);
        rewriter.replaceOpWithNewOp<arith::ConstantOp>(iter, rewriter.getI64IntegerAttr(0));
        return success();
      }
    for (unsigned dim = op.getParallel(); dim < op.getNumDims(); ++dim) {
      int64_t size = op.getSizes()[dim];
      if (size != 1 && (isUsed(op, dim) || !canScale(op)))
        continue;
      rewriter.modifyOpInPlace(op, [&]() {
        if (size != 1 && op.getCombiner() == Combiner::Sum)
          scale(op, size, rewriter);
        eraseDim(op, dim);
      });
      return success();
    }
    return failure();
  }

private:
  static bool isUsed(IndexOp op, unsigned dim) {
    for (AffineMap map : op.getMaps().getAsValueRange<AffineMapAttr>())
      if (map.isFunctionOfDim(dim))
        return true;
    return llvm::any_of(op.getBodyBlock().getOps<IterOp>(),
                        [&](IterOp iter) { return iter.getDim() == dim; });
  }

  static bool canScale(IndexOp op) {
    return op.getCombiner() == Combiner::Max || op.getCombiner() == Combiner::Min ||
           (op.getCombiner() == Combiner::Sum && isa<FloatType>(yielded(op).getType()) &&
            !op->hasAttr("exact"));
  }

  static void scale(IndexOp op, int64_t size, PatternRewriter &rewriter) {
    Operation *end = op.getBodyBlock().getTerminator();
    rewriter.setInsertionPoint(end);
    Value value = end->getOperand(0);
    Value factor =
        arith::ConstantOp::create(rewriter, op.getLoc(), rewriter.getFloatAttr(value.getType(), size));
    Value scaled = arith::MulFOp::create(rewriter, op.getLoc(), value, factor);
    end->setOperand(0, scaled);
  }
};

// sum of a * b * constant (or / constant) -> (sum of a * b) * constant: products go to kernels of their own.
struct HoistFactor : OpRewritePattern<IndexOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(IndexOp op, PatternRewriter &rewriter) const override {
    Operation *root = yielded(op).getDefiningOp();
    if (op.getCombiner() != Combiner::Sum || !isa_and_nonnull<arith::MulFOp, arith::DivFOp>(root) ||
        op->hasAttr("exact"))
      return failure();
    Attribute factor;
    auto product = root->getOperand(0).getDefiningOp<arith::MulFOp>();
    if (!product || !matchPattern(root->getOperand(1), m_Constant(&factor)) ||
        !isa<BlockArgument>(product.getLhs()) || !isa<BlockArgument>(product.getRhs()) ||
        product.getLhs() == product.getRhs())
      return failure();
    bool divides = isa<arith::DivFOp>(root);
    rewriter.modifyOpInPlace(op, [&]() { op.getBodyBlock().getTerminator()->setOperand(0, product); });
    auto type = cast<RankedTensorType>(op.getType());
    AffineMap identity = rewriter.getMultiDimIdentityMap(type.getRank());
    rewriter.setInsertionPointAfter(op);
    auto scaled =
        IndexOp::create(rewriter, op.getLoc(), type, op.getResult(), identity, ArrayRef<Attribute>(),
                        axesOf(type), type.getShape(), type.getRank(), Combiner::None,
                        [&](OpBuilder &body, Location loc, ValueRange values) -> Value {
                          Value constant = arith::ConstantOp::create(body, loc, cast<TypedAttr>(factor));
                          if (divides)
                            return arith::DivFOp::create(body, loc, values[0], constant);
                          return arith::MulFOp::create(body, loc, values[0], constant);
                        });
    rewriter.replaceAllUsesExcept(op.getResult(), scaled.getResult(), scaled);
    return success();
  }
};

// What upstream folds only without signed zeros: x + 0, 0 + x, x - 0. The sign of a zero may be lost, a NaN
// never is.
struct DropZeros : OpRewritePattern<IndexOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(IndexOp op, PatternRewriter &rewriter) const override {
    if (op->hasAttr("exact"))
      return failure();
    for (Operation &inner : op.getBodyBlock().without_terminator()) {
      bool adds = isa<arith::AddFOp>(inner);
      if (!adds && !isa<arith::SubFOp>(inner))
        continue;
      for (unsigned side : {1, 0}) {
        if (!matchPattern(inner.getOperand(side), m_AnyZeroFloat()) || (!adds && side == 0))
          continue;
        rewriter.replaceOp(&inner, inner.getOperand(1 - side));
        return success();
      }
    }
    return failure();
  }
};

} // namespace

void IndexOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropInputs, ForwardIdentity, FoldSplats, DropOutside, ReadThrough, DropDims, HoistFactor,
               DropZeros>(context);
}
