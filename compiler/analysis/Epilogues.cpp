#include "compiler/analysis/Epilogues.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::analysis;

static constexpr int64_t kLeastPoints = 1 << 15; // multiplications of a call of the runtime
static constexpr int64_t kLeastColumns = 16;

namespace {

// A factor of a product: what is stored, and the narrowest type on its way to the multiplication.
struct Factor {
  unsigned input = 0;
  Type stored, rounded;
};

} // namespace

static Value withoutCasts(Value value, Type &narrowest) {
  narrowest = value.getType();
  while (isa_and_nonnull<arith::ExtFOp, arith::TruncFOp>(value.getDefiningOp())) {
    value = value.getDefiningOp()->getOperand(0);
    if (value.getType().getIntOrFloatBitWidth() <= narrowest.getIntOrFloatBitWidth())
      narrowest = value.getType();
  }
  return value;
}

static std::optional<Factor> factorOf(Value operand) {
  Factor factor;
  auto argument = dyn_cast<BlockArgument>(withoutCasts(operand, factor.rounded));
  if (!argument)
    return std::nullopt;
  factor.input = argument.getArgNumber();
  factor.stored = argument.getType();
  return factor;
}

// Types that the runtime multiplies and sums.
static bool isMultiplied(const Factor &a, const Factor &b, Type result) {
  if (result.isF64())
    return a.stored.isF64() && b.stored.isF64() && a.rounded.isF64() && b.rounded.isF64();
  if (!result.isF32() && !result.isBF16())
    return false;
  auto isShort = [](Type type) { return type.isF32() || type.isBF16(); };
  bool rounded = a.rounded.isBF16() && b.rounded.isBF16();
  bool asStored = a.rounded == a.stored && b.rounded == b.stored;
  return isShort(a.stored) && isShort(b.stored) && (rounded || asStored);
}

// The dim of an operand's last axis of more than one element; -1 for none.
static int64_t lastDim(model::IndexOp op, AffineMap map) {
  for (AffineExpr expr : llvm::reverse(map.getResults()))
    if (auto dim = dyn_cast<AffineDimExpr>(expr); dim && op.getSizes()[dim.getPosition()] > 1)
      return dim.getPosition();
  return -1;
}

bool cleave::analysis::makesTiles(model::IndexOp op) {
  Type ignored;
  Value term = withoutCasts(cast<model::YieldOp>(op.getBodyBlock().getTerminator()).getValue(), ignored);
  auto multiply = term.getDefiningOp<arith::MulFOp>();
  if (!isProduct(op) || !multiply || op->hasAttr("exact"))
    return false;
  std::optional<Factor> left = factorOf(multiply.getLhs()), right = factorOf(multiply.getRhs());
  if (!left || !right || !isMultiplied(*left, *right, cast<RankedTensorType>(op.getType()).getElementType()))
    return false;
  AffineMap maps[2] = {op.getMap(left->input), op.getMap(right->input)};
  for (unsigned i : {0u, 1u})
    if (!maps[i].isProjectedPermutation(/*allowZeroInResults=*/true) ||
        op.getOutsideValue(i == 0 ? left->input : right->input))
      return false;
  // The result's last dim stands in one factor alone, which ends in it or in a summed dim; the other factor
  // ends in a dim of its own or in the same summed dim.
  int64_t parallel = op.getParallel(), column = parallel - 1;
  while (column >= 0 && op.getSizes()[column] == 1)
    --column;
  if (column < 0 || op.getSizes()[column] < kLeastColumns ||
      maps[0].isFunctionOfDim(column) == maps[1].isFunctionOfDim(column))
    return false;
  unsigned holder = maps[1].isFunctionOfDim(column) ? 1 : 0;
  AffineMap b = maps[holder], a = maps[1 - holder];
  int64_t lastA = lastDim(op, a), lastB = lastDim(op, b);
  bool sumsA = lastA >= parallel, sumsB = lastB >= parallel;
  if ((lastB != column && !sumsB) || (sumsA && sumsB && lastA != lastB) ||
      (!sumsA && lastA >= 0 && b.isFunctionOfDim(lastA)))
    return false;
  int64_t rows = 1, terms = 1;
  for (int64_t dim = 0; dim < op.getNumDims(); ++dim) {
    int64_t size = op.getSizes()[dim];
    if (dim >= parallel)
      terms = std::max(terms, size);
    else if (a.isFunctionOfDim(dim) && !b.isFunctionOfDim(dim))
      rows = std::max(rows, size);
  }
  if (sumsA || sumsB)
    terms = op.getSizes()[sumsA ? lastA : lastB];
  if (!sumsA && lastA >= 0)
    rows = op.getSizes()[lastA];
  return rows * terms * op.getSizes()[column] >= kLeastPoints;
}

bool cleave::analysis::isPointwise(const Group &group, model::IndexOp product) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(product.getType()).getShape();
  return llvm::all_of(llvm::zip(group.ops, group.rowDims), [&](auto pair) {
    auto [op, dims] = pair;
    auto index = dyn_cast<model::IndexOp>(op);
    bool plain = index ? index.getNumReductions() == 0 : isa<model::GatherOp>(op);
    return plain && !op->hasAttr(kChainAttr) &&
           cast<RankedTensorType>(op->getResult(0).getType()).getShape() == shape &&
           llvm::equal(dims, llvm::seq<int64_t>(0, shape.size()));
  });
}

size_t cleave::analysis::countStreams(const Group &group, model::IndexOp product) {
  int64_t points = cast<RankedTensorType>(product.getType()).getNumElements();
  llvm::SmallPtrSet<Operation *, 8> members(group.ops.begin(), group.ops.end());
  llvm::SmallPtrSet<Value, 8> streams;
  auto add = [&](Value value) {
    if (cast<RankedTensorType>(value.getType()).getNumElements() * 2 > points)
      streams.insert(value);
  };
  for (Operation *op : group.ops) {
    if (op != product)
      for (Value operand : op->getOperands())
        if (!members.contains(operand.getDefiningOp()))
          add(operand);
    if (llvm::any_of(op->getUsers(), [&](Operation *user) { return !members.contains(user); }))
      add(op->getResult(0));
  }
  return streams.size();
}

model::IndexOp cleave::analysis::productOf(const Group &group) {
  for (Operation *op : group.ops)
    if (auto index = dyn_cast<model::IndexOp>(op); index && isProduct(index))
      return index;
  return {};
}
