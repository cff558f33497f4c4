#include "compiler/codegen/common/StridedProduct.h"

#include "compiler/codegen/common/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

#include <algorithm>
#include <cstdlib>

using namespace mlir;

namespace cleave::codegen {

namespace {

/// A position that is linear in the loops.
struct Linear {
  SmallVector<int64_t> factors; // per loop
  int64_t constant = 0;

  explicit Linear(unsigned loops) : factors(loops, 0) {}
  void add(const Linear &other, int64_t times) {
    for (auto [mine, theirs] : llvm::zip(factors, other.factors))
      mine += theirs * times;
    constant += other.constant * times;
  }
  bool isConstant() const {
    return llvm::all_of(factors, [](int64_t factor) { return factor == 0; });
  }
};

/// Clamps are not looked through: where one works, the position is not linear.
std::optional<Linear> linearOf(Value value, unsigned loops) {
  Linear result(loops);
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant))) {
    result.constant = constant.getSExtValue();
    return result;
  }
  Operation *op = value.getDefiningOp();
  if (auto index = dyn_cast_or_null<linalg::IndexOp>(op)) {
    result.factors[index.getDim()] = 1;
    return result;
  }
  if (!isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op))
    return std::nullopt;
  std::optional<Linear> left = linearOf(op->getOperand(0), loops), right = linearOf(op->getOperand(1), loops);
  if (!left || !right)
    return std::nullopt;
  if (isa<arith::MulIOp>(op)) {
    if (!left->isConstant() && !right->isConstant())
      return std::nullopt;
    result.add(right->isConstant() ? *left : *right, right->isConstant() ? right->constant : left->constant);
    return result;
  }
  result.add(*left, 1);
  result.add(*right, isa<arith::AddIOp>(op) ? 1 : -1);
  return result;
}

/// A factor: which argument of the kernel, walked how.
struct Access {
  StridedProduct::Factor factor;
  SmallVector<int64_t> strides; // per loop
  bool isWindow = false;
};

std::optional<Access> accessOf(linalg::GenericOp op, Value scalar) {
  Access access;
  Value tensor;
  if (auto argument = dyn_cast<BlockArgument>(scalar)) {
    OpOperand *operand = op.getMatchingOpOperand(argument);
    tensor = operand->get();
    AffineMap map = op.getMatchingIndexingMap(operand);
    if (!map.isProjectedPermutation())
      return std::nullopt;
    access.strides.assign(op.getNumLoops(), 0);
    SmallVector<int64_t> axes = rowMajorStrides(cast<RankedTensorType>(tensor.getType()).getShape());
    for (auto [axis, stride] : llvm::enumerate(axes))
      access.strides[map.getDimPosition(axis)] = stride;
  } else if (auto extract = scalar.getDefiningOp<tensor::ExtractOp>()) {
    tensor = extract.getTensor();
    Linear position(op.getNumLoops());
    SmallVector<int64_t> axes = rowMajorStrides(cast<RankedTensorType>(tensor.getType()).getShape());
    for (auto [index, stride] : llvm::zip(extract.getIndices(), axes)) {
      std::optional<Linear> linear = linearOf(index, op.getNumLoops());
      if (!linear)
        return std::nullopt;
      position.add(*linear, stride);
    }
    access.strides = position.factors;
    access.factor.offset = position.constant;
    access.isWindow = true;
  }
  auto argument = dyn_cast_or_null<BlockArgument>(tensor);
  if (!argument || !isa<func::FuncOp>(argument.getOwner()->getParentOp()) ||
      !cast<RankedTensorType>(argument.getType()).getElementType().isF32())
    return std::nullopt;
  access.factor.argument = argument.getArgNumber();
  return access;
}

using Dim = StridedProduct::Dim;

/// Makes `seed` as long as it goes: takes from `dims` what lies just outside it for every operand.
void grow(Dim &seed, SmallVectorImpl<Dim> &dims) {
  for (bool grown = true; grown;) {
    auto next = llvm::find_if(dims, [&](const Dim &dim) {
      return dim.a == seed.a * seed.size && dim.b == seed.b * seed.size && dim.c == seed.c * seed.size;
    });
    grown = next != dims.end();
    if (!grown)
      return;
    seed.size *= next->size;
    dims.erase(next);
  }
}

/// Takes the dim out of `dims` that A walks in the shortest steps, and grows it.
Dim takeInner(SmallVectorImpl<Dim> &dims) {
  auto best = std::min_element(dims.begin(), dims.end(),
                               [](const Dim &x, const Dim &y) { return std::abs(x.a) < std::abs(y.a); });
  if (best == dims.end())
    return {};
  Dim inner = *best;
  dims.erase(best);
  grow(inner, dims);
  return inner;
}

std::optional<StridedProduct> matchWith(ArrayRef<Dim> dims, const Access &a, const Access &b) {
  StridedProduct product;
  product.a = a.factor;
  product.b = b.factor;
  SmallVector<Dim> rows, columns, terms;
  for (const Dim &dim : dims) {
    if (dim.a && dim.b && dim.c)
      product.units.push_back(dim);
    else if (dim.a && dim.c)
      rows.push_back(dim);
    else if (dim.b && dim.c)
      columns.push_back(dim);
    else if (dim.a && dim.b)
      terms.push_back(dim);
    else
      return std::nullopt; // sums one operand alone, or repeats a result
  }
  auto inRows = llvm::find_if(columns, [](const Dim &dim) { return dim.b == 1 && dim.c == 1; });
  if (inRows == columns.end())
    return std::nullopt;
  product.column = *inRows;
  columns.erase(inRows);
  grow(product.column, columns);
  product.row = takeInner(rows);
  product.term = takeInner(terms);
  product.segments = terms;
  llvm::append_range(product.units, rows);
  llvm::append_range(product.units, columns);
  // What changes B is outermost: B is packed once for all that is inside.
  llvm::sort(product.units,
             [](const Dim &x, const Dim &y) { return (x.b != 0) != (y.b != 0) ? x.b != 0 : x.c > y.c; });
  llvm::sort(product.segments, [](const Dim &x, const Dim &y) { return std::abs(x.a) > std::abs(y.a); });
  return product;
}

int64_t pointsOf(ArrayRef<Dim> dims) {
  int64_t points = 1;
  for (const Dim &dim : dims)
    points *= dim.size;
  return points;
}

} // namespace

int64_t StridedProduct::unitCount() const { return pointsOf(units); }
int64_t StridedProduct::segmentCount() const { return pointsOf(segments); }

std::optional<StridedProduct> matchStridedProduct(linalg::GenericOp op) {
  if (op.getNumDpsInits() != 1 ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isProjectedPermutation())
    return std::nullopt;
  auto type = cast<RankedTensorType>(op.getDpsInits()[0].getType());
  Block *body = op.getBody();
  Value out = body->getArguments().back();
  auto add = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!add || !type.getElementType().isF32())
    return std::nullopt;
  Value term = add.getLhs() == out ? add.getRhs() : add.getRhs() == out ? add.getLhs() : Value();
  auto multiply = term ? term.getDefiningOp<arith::MulFOp>() : nullptr;
  if (!multiply)
    return std::nullopt;
  std::optional<Access> left = accessOf(op, multiply.getLhs()), right = accessOf(op, multiply.getRhs());
  if (!left || !right || (!left->isWindow && !right->isWindow))
    return std::nullopt;
  std::optional<Access> result = Access();
  result->strides.assign(op.getNumLoops(), 0);
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  for (auto [axis, stride] : llvm::enumerate(rowMajorStrides(type.getShape())))
    result->strides[map.getDimPosition(axis)] = stride;
  for (bool exchanged : {false, true}) {
    const Access &a = exchanged ? *right : *left, &b = exchanged ? *left : *right;
    SmallVector<Dim> dims;
    for (auto [loop, size] : llvm::enumerate(op.getStaticLoopRanges()))
      if (size > 1)
        dims.push_back({size, a.strides[loop], b.strides[loop], result->strides[loop]});
    if (std::optional<StridedProduct> product = matchWith(dims, a, b))
      return product;
  }
  return std::nullopt;
}

} // namespace cleave::codegen
