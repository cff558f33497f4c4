#include "compiler/codegen/common/Contraction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace cleave::codegen {

namespace {

constexpr int64_t kShortestSum = 8;
constexpr int64_t kFewestRows = 16;

Value stripCasts(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<arith::ExtFOp, arith::TruncFOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// The operands whose product the generic sums; nothing when it does something else.
std::optional<std::pair<unsigned, unsigned>> factorsOf(linalg::GenericOp op) {
  if (op->getNumResults() != 1 || op.getNumReductionLoops() == 0)
    return std::nullopt;
  Block *body = op.getBody();
  auto add = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!add)
    return std::nullopt;
  Value sum = body->getArguments().back();
  Value term = add.getLhs() == sum ? add.getRhs() : add.getRhs() == sum ? add.getLhs() : Value();
  if (!term)
    return std::nullopt;
  if (auto select = term.getDefiningOp<arith::SelectOp>())
    if (matchPattern(select.getFalseValue(), m_AnyZeroFloat()))
      term = select.getTrueValue();
  auto multiply = stripCasts(term).getDefiningOp<arith::MulFOp>();
  if (!multiply)
    return std::nullopt;
  auto left = dyn_cast<BlockArgument>(stripCasts(multiply.getLhs()));
  auto right = dyn_cast<BlockArgument>(stripCasts(multiply.getRhs()));
  bool plain = left && right && left != right && left.getOwner() == body && right.getOwner() == body;
  if (!plain)
    return std::nullopt;
  return std::pair(left.getArgNumber(), right.getArgNumber());
}

/// The loop dim that is the kernel's last row dim, or -1.
int64_t laneDim(const Kernel &kernel, const Stage &stage) {
  for (auto [loop, dim] : llvm::enumerate(stage.dims))
    if (dim.kind == LoopDim::Row && dim.index + 1 == kernel.rowSizes.size())
      return static_cast<int64_t>(loop);
  return -1;
}

} // namespace

std::optional<Contraction> matchContraction(const Kernel &kernel, const Stage &stage) {
  linalg::GenericOp op = stage.op;
  auto factors = factorsOf(op);
  int64_t lane = laneDim(kernel, stage);
  if (!factors || lane < 0 || stage.exact)
    return std::nullopt;
  int64_t terms = 1;
  for (unsigned dim = 0; dim < stage.inner.size(); ++dim)
    terms *= stage.reduces(dim) ? stage.innerSizes[dim] : 1;
  if (terms < kShortestSum)
    return std::nullopt;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  std::optional<Contraction> found;
  for (auto [rows, columns] : {*factors, std::pair(factors->second, factors->first)})
    for (unsigned dim = 0; dim < stage.inner.size(); ++dim) {
      unsigned loop = stage.inner[dim];
      bool fits = !stage.reduces(dim) && maps[rows].isFunctionOfDim(lane) &&
                  !maps[rows].isFunctionOfDim(loop) && maps[columns].isFunctionOfDim(loop) &&
                  !maps[columns].isFunctionOfDim(lane);
      if (fits && (!found || stage.innerSizes[dim] > stage.innerSizes[found->dim]))
        found = Contraction{dim};
    }
  return found;
}

bool isTiled(const Kernel &kernel) {
  return !kernel.rowSizes.empty() && kernel.rowSizes.back() >= kFewestRows &&
         llvm::any_of(kernel.stages,
                      [&](const Stage &stage) { return matchContraction(kernel, stage).has_value(); });
}

//===----------------------------------------------------------------------===//
// Transposed rows
//===----------------------------------------------------------------------===//

namespace {

/// Rows first, then the other axes: the dims of a tensor of the kernel as an operand of `op` walks them.
SmallVector<unsigned> rowsThenOthers(linalg::GenericOp op, AffineMap map) {
  SmallVector<unsigned> dims;
  for (int64_t row : op->getAttrOfType<DenseI64ArrayAttr>(kRowsAttr).asArrayRef())
    dims.push_back(row);
  for (AffineExpr expr : map.getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(expr); dim && !llvm::is_contained(dims, dim.getPosition()))
      dims.push_back(dim.getPosition());
  return dims;
}

/// Whether the tensor's last axis is something else than the last row dim, which it has as another axis.
bool liesAcross(linalg::GenericOp op, AffineMap map) {
  ArrayRef<int64_t> rows = op->getAttrOfType<DenseI64ArrayAttr>(kRowsAttr).asArrayRef();
  if (!map.isProjectedPermutation(/*allowZeroInResults=*/true) || map.getNumResults() == 0 || rows.empty())
    return false;
  auto isLane = [&](AffineExpr expr) { return expr.isFunctionOfDim(rows.back()); };
  return llvm::any_of(map.getResults(), isLane) && !isLane(map.getResults().back());
}

Value makeCopy(OpBuilder &builder, Value source, ArrayRef<int64_t> sizes, AffineMap from, AffineMap to,
               ArrayRef<int64_t> rows) {
  auto type = cast<RankedTensorType>(source.getType());
  SmallVector<int64_t> shape;
  for (AffineExpr expr : to.getResults())
    shape.push_back(sizes[cast<AffineDimExpr>(expr).getPosition()]);
  Value empty = tensor::EmptyOp::create(builder, source.getLoc(), shape, type.getElementType());
  auto copy = linalg::GenericOp::create(
      builder, source.getLoc(), empty.getType(), source, empty, ArrayRef<AffineMap>{from, to},
      SmallVector<utils::IteratorType>(sizes.size(), utils::IteratorType::parallel),
      [](OpBuilder &b, Location loc, ValueRange args) { linalg::YieldOp::create(b, loc, args[0]); });
  copy->setAttr(kRowsAttr, builder.getDenseI64ArrayAttr(rows));
  copy->setAttr(kTransposeAttr, builder.getUnitAttr());
  return copy.getResult(0);
}

/// Reads an argument through a copy whose axes are the kernel's rows, then the others.
void copyArgument(OpOperand &operand, llvm::DenseMap<std::pair<Value, Attribute>, Value> &copies) {
  auto op = cast<linalg::GenericOp>(operand.getOwner());
  AffineMap map = op.getMatchingIndexingMap(&operand);
  SmallVector<unsigned> dims = rowsThenOthers(op, map);
  SmallVector<int64_t> loops = op.getStaticLoopRanges(), sizes;
  SmallVector<AffineExpr> toCopy(map.getNumDims(), getAffineConstantExpr(0, op.getContext())), own;
  for (auto [position, dim] : llvm::enumerate(dims)) {
    toCopy[dim] = getAffineDimExpr(position, op.getContext());
    own.push_back(getAffineDimExpr(dim, op.getContext()));
    sizes.push_back(loops[dim]);
  }
  AffineMap from = map.replaceDimsAndSymbols(toCopy, {}, dims.size(), 0);
  Value &copy = copies[{operand.get(), AffineMapAttr::get(from)}];
  if (!copy) {
    OpBuilder builder = OpBuilder::atBlockBegin(op->getBlock());
    size_t rows = op->getAttrOfType<DenseI64ArrayAttr>(kRowsAttr).size();
    copy = makeCopy(builder, operand.get(), sizes, from, builder.getMultiDimIdentityMap(dims.size()),
                    llvm::to_vector(llvm::seq<int64_t>(0, rows)));
  }
  operand.set(copy);
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  maps[operand.getOperandNumber()] = AffineMap::get(map.getNumDims(), 0, own, op.getContext());
  op.setIndexingMapsAttr(OpBuilder(op).getAffineMapArrayAttr(maps));
}

} // namespace

void transposeRows(func::FuncOp func) {
  llvm::DenseMap<std::pair<Value, Attribute>, Value> copies;
  for (auto op : llvm::make_early_inc_range(func.getOps<linalg::GenericOp>()))
    for (OpOperand &operand : op->getOpOperands())
      if (isa<BlockArgument>(operand.get()) && liesAcross(op, op.getMatchingIndexingMap(&operand)))
        copyArgument(operand, copies);
  Operation *end = func.front().getTerminator();
  OpBuilder builder(end);
  for (OpOperand &result : end->getOpOperands()) {
    auto op = result.get().getDefiningOp<linalg::GenericOp>();
    if (!op)
      continue;
    AffineMap map = op.getIndexingMapMatchingResult(cast<OpResult>(result.get()));
    if (!liesAcross(op, map))
      continue;
    SmallVector<int64_t> rows;
    for (int64_t row : op->getAttrOfType<DenseI64ArrayAttr>(kRowsAttr).asArrayRef())
      rows.push_back(*map.getResultPosition(getAffineDimExpr(row, op.getContext())));
    AffineMap identity = builder.getMultiDimIdentityMap(map.getNumResults());
    auto type = cast<RankedTensorType>(result.get().getType());
    result.set(makeCopy(builder, result.get(), type.getShape(), identity, identity, rows));
  }
}

} // namespace cleave::codegen
