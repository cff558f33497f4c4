#include "compiler/codegen/common/Product.h"

#include "compiler/codegen/common/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <algorithm>

using namespace mlir;

namespace cleave::codegen {

namespace {

struct Dim {
  int64_t size;
  int64_t strides[3]; // in A, B, C
  bool used = false;
};

/// One of the three index groups of a product: m is in A and C, n in B and C, k in A and B.
struct Span {
  int64_t size = 1;
  int64_t first = 0, second = 0; // strides in the two matrices that have it
  SmallVector<unsigned> dims;
};

/// `value` without the casts that made it; `narrowest` becomes the narrowest type on the way.
Value stripCasts(Value value, Type &narrowest) {
  auto width = [](Type type) { return type.getIntOrFloatBitWidth(); };
  narrowest = value.getType();
  while (isa_and_nonnull<arith::ExtFOp, arith::TruncFOp>(value.getDefiningOp())) {
    value = value.getDefiningOp()->getOperand(0);
    if (width(value.getType()) <= width(narrowest))
      narrowest = value.getType();
  }
  return value;
}

struct Factor {
  Type stored, rounded; // in memory; the narrowest on the way to the multiplication
};

/// The narrowest type that kernels multiply and that holds both factors; nothing where one is rounded to yet
/// another type.
Type factorType(ArrayRef<Factor> factors, Type multiplied) {
  MLIRContext *context = multiplied.getContext();
  Type result = multiplied.isF64() ? multiplied : Type(BFloat16Type::get(context));
  for (const Factor &factor : factors)
    if (!factor.rounded.isBF16() && !result.isF64())
      result = factor.rounded.isF64() ? factor.rounded : Type(Float32Type::get(context));
  bool fits = llvm::all_of(factors, [&](const Factor &factor) {
    return factor.rounded == factor.stored || factor.rounded == result;
  });
  return fits ? result : Type();
}

/// The type of the factors where the generic sums products of its two operands, casts aside.
Type factorsOf(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || op->getNumResults() != 1)
    return {};
  Block *body = op.getBody();
  auto add = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!add)
    return {};
  Value out = body->getArgument(2);
  Value term = add.getLhs() == out ? add.getRhs() : add.getRhs() == out ? add.getLhs() : Value();
  Type ignored;
  auto mul = term ? stripCasts(term, ignored).getDefiningOp<arith::MulFOp>() : nullptr;
  if (!mul)
    return {};
  Factor left, right;
  auto a = dyn_cast<BlockArgument>(stripCasts(mul.getLhs(), left.rounded));
  auto b = dyn_cast<BlockArgument>(stripCasts(mul.getRhs(), right.rounded));
  if (!a || !b || a == b || a == out || b == out)
    return {};
  left.stored = a.getType();
  right.stored = b.getType();
  Type factors = factorType({left, right}, mul.getType());
  bool sums =
      factors && (factors.isF64() ? out.getType().isF64() : out.getType().isF32() || out.getType().isBF16());
  return sums ? factors : Type();
}

/// Loop dims of more than one point, with their strides in the three operands.
std::optional<SmallVector<Dim>> dimsOf(linalg::GenericOp op) {
  SmallVector<Dim> dims;
  for (int64_t size : op.getStaticLoopRanges())
    dims.push_back({size, {0, 0, 0}});
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    if (!map.isProjectedPermutation(/*allowZeroInResults=*/true))
      return std::nullopt;
    SmallVector<int64_t> strides =
        rowMajorStrides(cast<RankedTensorType>(operand.get().getType()).getShape());
    for (auto [expr, stride] : llvm::zip(map.getResults(), strides))
      if (auto dim = dyn_cast<AffineDimExpr>(expr)) // an axis of one element is read at 0
        dims[dim.getPosition()].strides[operand.getOperandNumber()] = stride;
  }
  llvm::erase_if(dims, [](const Dim &dim) { return dim.size == 1; });
  return dims;
}

/// Grows a span from its innermost dim: the next dim must lie just outside in both matrices.
Span grow(ArrayRef<Dim> dims, unsigned seed, ArrayRef<unsigned> candidates, unsigned first, unsigned second) {
  Span span{dims[seed].size, dims[seed].strides[first], dims[seed].strides[second], {seed}};
  for (bool grown = true; grown;) {
    grown = false;
    for (unsigned dim : candidates) {
      bool fits = !llvm::is_contained(span.dims, dim) && dims[dim].strides[first] == span.first * span.size &&
                  dims[dim].strides[second] == span.second * span.size;
      if (!fits)
        continue;
      span.size *= dims[dim].size;
      span.dims.push_back(dim);
      grown = true;
    }
  }
  return span;
}

/// A matrix as BLAS takes it, from the strides of its rows and columns; nothing when neither is 1.
std::optional<Product::Matrix> asMatrix(unsigned operand, int64_t rowStride, int64_t columnStride,
                                        int64_t rows, int64_t columns) {
  Product::Matrix matrix;
  matrix.operand = operand;
  matrix.rowStride = rowStride;
  matrix.columnStride = columnStride;
  matrix.transpose = columnStride != 1;
  matrix.leading = matrix.transpose ? columnStride : rowStride;
  bool fits = (matrix.transpose ? rowStride : columnStride) == 1 &&
              matrix.leading >= (matrix.transpose ? rows : columns);
  return fits ? std::optional<Product::Matrix>(matrix) : std::nullopt;
}

/// Where a matrix has one row or one column only, its stride is what suits the other's.
void completeStrides(int64_t rows, int64_t columns, int64_t &rowStride, int64_t &columnStride) {
  if (rows == 1)
    rowStride = columnStride == 1 ? columns : 1;
  if (columns == 1)
    columnStride = rowStride == 1 && rows > 1 ? rows : 1;
}

std::optional<Product> assemble(ArrayRef<Dim> dims, const Span &m, const Span &n, const Span &k) {
  Product product;
  product.m = m.size;
  product.n = n.size;
  product.k = k.size;
  int64_t rowA = m.first, columnA = k.first, rowB = k.second, columnB = n.first;
  int64_t rowC = m.second, columnC = n.second;
  if (m.size == 1)
    completeStrides(1, k.size, rowA, columnA);
  if (n.size == 1)
    completeStrides(k.size, 1, rowB, columnB);
  if (m.size == 1 || n.size == 1)
    completeStrides(m.size, n.size, rowC, columnC);
  auto a = asMatrix(0, rowA, columnA, m.size, k.size);
  auto b = asMatrix(1, rowB, columnB, k.size, n.size);
  auto c = asMatrix(2, rowC, columnC, m.size, n.size);
  if (!a || !b || !c || c->transpose)
    return std::nullopt;
  product.a = *a;
  product.b = *b;
  product.c = *c;
  for (auto [number, dim] : llvm::enumerate(dims)) {
    bool inside = llvm::is_contained(m.dims, number) || llvm::is_contained(n.dims, number) ||
                  llvm::is_contained(k.dims, number);
    if (!inside)
      product.outer.push_back(
          {dim.size, dim.strides[0], dim.strides[1], dim.strides[2], dim.strides[2] == 0});
  }
  return product;
}

/// All spans that grow from one of these dims; where there is none, one of a single row or column.
SmallVector<Span> spansOf(ArrayRef<Dim> dims, ArrayRef<unsigned> candidates, unsigned first,
                          unsigned second) {
  if (candidates.empty())
    return {Span{}};
  return llvm::map_to_vector(candidates,
                             [&](unsigned seed) { return grow(dims, seed, candidates, first, second); });
}

/// The same product of the transposed matrices: C^T = B^T A^T. The operands exchange their parts.
std::optional<Product> matchWith(ArrayRef<Dim> dims) {
  SmallVector<unsigned> ms, ns, ks;
  for (auto [number, dim] : llvm::enumerate(dims)) {
    bool inA = dim.strides[0], inB = dim.strides[1], inC = dim.strides[2];
    if (!inA && !inB)
      return std::nullopt;
    if (inA && inB && inC)
      continue; // a batch
    if (inC)
      (inA ? ms : ns).push_back(number);
    else if (inA && inB)
      ks.push_back(number);
    else
      return std::nullopt; // sums one operand alone
  }
  std::optional<Product> best;
  if (ks.empty() || (ms.empty() && ns.empty()))
    return best;
  for (const Span &m : spansOf(dims, ms, 0, 2))
    for (const Span &n : spansOf(dims, ns, 1, 2))
      for (const Span &k : spansOf(dims, ks, 0, 1)) {
        std::optional<Product> product = assemble(dims, m, n, k);
        if (product && (!best || product->m * product->n * product->k > best->m * best->n * best->k))
          best = product;
      }
  return best;
}

} // namespace

std::optional<Product> matchProduct(linalg::GenericOp op) {
  Type factors = factorsOf(op);
  if (!factors)
    return std::nullopt;
  std::optional<SmallVector<Dim>> dims = dimsOf(op);
  if (!dims)
    return std::nullopt;
  std::optional<Product> direct = matchWith(*dims);
  for (Dim &dim : *dims)
    std::swap(dim.strides[0], dim.strides[1]);
  std::optional<Product> exchanged = matchWith(*dims);
  if (exchanged) {
    exchanged->a.operand = 1;
    exchanged->b.operand = 0;
  }
  auto size = [](const std::optional<Product> &p) { return p ? p->m * p->n * p->k : 0; };
  // Of equals, the one with fewer rows: a vector times a matrix.
  bool exchange = size(exchanged) > size(direct) ||
                  (exchanged && size(exchanged) == size(direct) && direct->m > direct->n);
  std::optional<Product> best = exchange ? exchanged : direct;
  if (!best)
    return std::nullopt;
  best->factors = factors;
  for (Product::Matrix *matrix : {&best->a, &best->b, &best->c})
    matrix->type = getElementTypeOrSelf(op->getOperand(matrix->operand).getType());
  return best;
}

} // namespace cleave::codegen
