#include "compiler/codegen/common/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

#include <numeric>

using namespace mlir;

namespace cleave::codegen {

bool Stage::reduces(unsigned innerDim) const {
  auto iterator = linalg::GenericOp(op).getIteratorTypesArray()[inner[innerDim]];
  return iterator == utils::IteratorType::reduction;
}

bool Stage::reducesAny() const {
  return llvm::any_of(llvm::seq<unsigned>(0, inner.size()), [&](unsigned dim) { return reduces(dim); });
}

SmallVector<int64_t> Stage::loopStrides(unsigned operand, ArrayRef<int64_t> axisStrides) const {
  AffineMap map = linalg::GenericOp(op).getIndexingMapsArray()[operand];
  SmallVector<int64_t> strides(map.getNumDims(), 0);
  for (auto [axis, expr] : llvm::enumerate(map.getResults()))
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      strides[dim.getPosition()] += axisStrides[axis];
  return strides;
}

int64_t Kernel::rows() const {
  return std::accumulate(rowSizes.begin(), rowSizes.end(), int64_t{1}, std::multiplies<>());
}

const Stage *Kernel::producer(Value value) const {
  for (const Stage &stage : stages)
    if (value.getDefiningOp() == stage.op)
      return &stage;
  return nullptr;
}

SmallVector<int64_t> rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t axis = static_cast<int64_t>(shape.size()) - 2; axis >= 0; --axis)
    strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

TypedAttr splatOf(Value tensor) {
  DenseElementsAttr dense;
  if (matchPattern(tensor, m_Constant(&dense)) && dense.isSplat())
    return dense.getSplatValue<TypedAttr>();
  auto fill = tensor.getDefiningOp<linalg::FillOp>();
  TypedAttr value;
  if (fill && matchPattern(fill.getInputs()[0], m_Constant(&value)))
    return value;
  return {};
}

//===----------------------------------------------------------------------===//
// Results that no generic makes
//===----------------------------------------------------------------------===//

/// Which loop dims of a copy of `type` are the kernel's rows: the leading ones where the sizes agree. A
/// kernel that does nothing but copy may choose its rows itself.
static SmallVector<int64_t> rowsOfCopy(func::FuncOp func, RankedTensorType type) {
  auto rows = func->getAttrOfType<DenseI64ArrayAttr>(kRowsAttr);
  if (rows && type.getShape().take_front(rows.size()) == rows.asArrayRef())
    return llvm::to_vector(llvm::seq<int64_t>(0, rows.size()));
  if (!func.getOps<linalg::GenericOp>().empty())
    return {};
  func->setAttr(kRowsAttr, DenseI64ArrayAttr::get(func.getContext(), type.getShape()));
  return llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
}

static Value makeCopy(OpBuilder &builder, func::FuncOp func, Value source) {
  auto type = cast<RankedTensorType>(source.getType());
  SmallVector<int64_t> rows = rowsOfCopy(func, type);
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  Value empty = tensor::EmptyOp::create(builder, source.getLoc(), type.getShape(), type.getElementType());
  auto copy = linalg::GenericOp::create(
      builder, source.getLoc(), type, source, empty, ArrayRef<AffineMap>{identity, identity},
      SmallVector<utils::IteratorType>(type.getRank(), utils::IteratorType::parallel),
      [](OpBuilder &b, Location loc, ValueRange args) { linalg::YieldOp::create(b, loc, args[0]); });
  copy->setAttr(kRowsAttr, builder.getDenseI64ArrayAttr(rows));
  return copy.getResult(0);
}

static void copyPlainResults(func::FuncOp func) {
  Operation *terminator = func.front().getTerminator();
  OpBuilder builder(terminator);
  llvm::SmallDenseSet<Value> seen;
  for (OpOperand &result : terminator->getOpOperands())
    if (!result.get().getDefiningOp<linalg::GenericOp>() || !seen.insert(result.get()).second)
      result.set(makeCopy(builder, func, result.get()));
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

using RowDims = SmallVector<SmallVector<int64_t>>; // [stage][row dim of the kernel] -> loop dim

static bool usesIndexOf(linalg::GenericOp op, int64_t dim) {
  WalkResult found = op.getBody()->walk([&](linalg::IndexOp index) {
    return static_cast<int64_t>(index.getDim()) == dim ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found.wasInterrupted();
}

/// Whether loop dims `outer` and `inner` walk every operand of the stage as one.
static bool foldable(const Stage &stage, int64_t outer, int64_t inner) {
  linalg::GenericOp op = stage.op;
  if (usesIndexOf(op, outer) || usesIndexOf(op, inner))
    return false;
  int64_t size = op.getStaticLoopRanges()[inner];
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = cast<RankedTensorType>(operand.get().getType());
    SmallVector<int64_t> strides =
        stage.loopStrides(operand.getOperandNumber(), rowMajorStrides(type.getShape()));
    if (strides[outer] != strides[inner] * size)
      return false;
  }
  return true;
}

static void setRowDims(Kernel &kernel, ArrayRef<int64_t> sizes, const RowDims &rowDims,
                       std::optional<unsigned> apart) {
  for (unsigned row = 0; row < sizes.size(); ++row) {
    if (sizes[row] == 1)
      continue;
    unsigned next = row + 1; // the next row dim that is not of size 1
    while (next < sizes.size() && sizes[next] == 1)
      ++next;
    bool folds = next < sizes.size() && !(apart && row < *apart && next >= *apart) &&
                 llvm::all_of(
                     llvm::enumerate(kernel.stages),
                     [&](auto it) {
                       return foldable(it.value(), rowDims[it.index()][row], rowDims[it.index()][next]);
                     });
    bool continues = !kernel.rowSizes.empty() && kernel.rowSizes.back() < 0; // an open merged dim
    int64_t size = (continues ? -kernel.rowSizes.pop_back_val() : 1) * sizes[row];
    for (auto [stage, dims] : llvm::zip(kernel.stages, rowDims))
      stage.dims[dims[row]] = {folds ? LoopDim::Folded : LoopDim::Row,
                               static_cast<unsigned>(kernel.rowSizes.size())};
    kernel.rowSizes.push_back(folds ? -size : size);
  }
}

static void setInnerDims(Stage &stage, ArrayRef<int64_t> rows) {
  SmallVector<int64_t> sizes = linalg::GenericOp(stage.op).getStaticLoopRanges();
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    if (size == 1 || llvm::is_contained(rows, static_cast<int64_t>(dim)))
      continue;
    stage.dims[dim] = {LoopDim::Inner, static_cast<unsigned>(stage.inner.size())};
    stage.inner.push_back(dim);
    stage.innerSizes.push_back(size);
  }
}

FailureOr<Kernel> analyseKernel(func::FuncOp func, std::optional<unsigned> apart) {
  copyPlainResults(func);
  auto sizes = func->getAttrOfType<DenseI64ArrayAttr>(kRowsAttr);
  if (!sizes)
    return func.emitError("a kernel has `cleave.rows`; found none"), failure();
  Kernel kernel;
  kernel.func = func;
  RowDims rowDims;
  for (Operation &op : func.front().without_terminator()) {
    if (isa<tensor::EmptyOp, linalg::FillOp, arith::ConstantOp>(op))
      continue;
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!generic)
      return op.emitError("a kernel holds linalg.generic, linalg.fill, tensor.empty and constants; found ")
                 << op.getName(),
             failure();
    auto rows = generic->getAttrOfType<DenseI64ArrayAttr>(kRowsAttr);
    if (!rows || rows.size() != sizes.size())
      return op.emitError("a generic names one loop dim per row dim of its kernel (")
                 << sizes.size() << "); found " << (rows ? rows.size() : 0),
             failure();
    Stage stage;
    stage.op = generic;
    stage.dims.resize(generic.getNumLoops());
    stage.exact = generic->hasAttr(kExactAttr);
    setInnerDims(stage, rows.asArrayRef());
    kernel.stages.push_back(std::move(stage));
    rowDims.emplace_back(rows.asArrayRef());
  }
  setRowDims(kernel, sizes.asArrayRef(), rowDims, apart);
  return kernel;
}

//===----------------------------------------------------------------------===//
// Index values
//===----------------------------------------------------------------------===//

// None where it takes more than 64 bits: hashes of indices have such factors.
static std::optional<int64_t> multiply(int64_t a, int64_t b) {
  int64_t product;
  return llvm::MulOverflow(a, b, product) ? std::nullopt : std::optional<int64_t>(product);
}

static std::optional<int64_t> combine(std::optional<int64_t> a, std::optional<int64_t> b, int64_t sign) {
  std::optional<int64_t> term = a && b ? multiply(sign, *b) : std::nullopt;
  int64_t sum;
  return !term || llvm::AddOverflow(*a, *term, sum) ? std::nullopt : std::optional<int64_t>(sum);
}

static std::optional<int64_t> productCoefficient(Value lhs, Value rhs, unsigned dim) {
  std::optional<int64_t> a = coefficientOf(lhs, dim), b = coefficientOf(rhs, dim);
  if (a == 0 && b == 0)
    return 0;
  APInt factor;
  if (b && matchPattern(lhs, m_ConstantInt(&factor)))
    return multiply(factor.getSExtValue(), *b);
  if (a && matchPattern(rhs, m_ConstantInt(&factor)))
    return multiply(factor.getSExtValue(), *a);
  return std::nullopt;
}

std::optional<int64_t> coefficientOf(Value value, unsigned dim) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto generic = dyn_cast<linalg::GenericOp>(argument.getOwner()->getParentOp());
    bool depends = generic && generic.getIndexingMapsArray()[argument.getArgNumber()].isFunctionOfDim(dim);
    return depends ? std::nullopt : std::optional<int64_t>(0);
  }
  Operation *op = value.getDefiningOp();
  if (auto index = dyn_cast<linalg::IndexOp>(op))
    return index.getDim() == dim ? 1 : 0;
  if (isa<arith::AddIOp>(op))
    return combine(coefficientOf(op->getOperand(0), dim), coefficientOf(op->getOperand(1), dim), 1);
  if (isa<arith::SubIOp>(op))
    return combine(coefficientOf(op->getOperand(0), dim), coefficientOf(op->getOperand(1), dim), -1);
  if (isa<arith::MulIOp>(op))
    return productCoefficient(op->getOperand(0), op->getOperand(1), dim);
  if (isa<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>(op))
    return coefficientOf(op->getOperand(0), dim);
  if (isa<arith::MaxSIOp, arith::MinSIOp>(op) && matchPattern(op->getOperand(1), m_Constant()))
    return coefficientOf(op->getOperand(0), dim);
  bool depends =
      llvm::any_of(op->getOperands(), [&](Value operand) { return coefficientOf(operand, dim) != 0; });
  return depends ? std::nullopt : std::optional<int64_t>(0);
}

} // namespace cleave::codegen
