// Sums of products as strided matrices.
#ifndef CLEAVE_COMPILER_CODEGEN_COMMON_PRODUCT_H
#define CLEAVE_COMPILER_CODEGEN_COMMON_PRODUCT_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace cleave::codegen {

/// C[m, n] = sum over k of A[m, k] * B[k, n], repeated for every point of `outer`.
///
///   scores[b, h, s, t] = sum(d) q[b, s, h, d] * k[b, t, h, d]
///   -> m = s, n = t, k = d, outer = (b, h); A = q with row stride H * D, B = k transposed
///
/// Neighbouring dims that every operand walks as one are one (m may stand for batch and position together).
struct Product {
  struct Matrix {
    unsigned operand = 0;   // of the generic
    int64_t leading = 0;    // elements from one stored row to the next
    bool transpose = false; // stored with rows and columns exchanged
    int64_t rowStride = 0, columnStride = 0;
    mlir::Type type; // of its elements
  };
  struct OuterDim {
    int64_t size = 1;
    int64_t strideA = 0, strideB = 0, strideC = 0;
    bool reduced = false; // the products are added up
  };
  Matrix a, b, c;
  mlir::Type factors; // what elements of A and B are rounded to before they are multiplied
  int64_t m = 1, n = 1, k = 1;
  llvm::SmallVector<OuterDim> outer;
};

/// Reads a generic over dense row-major operands as a product whose matrices a BLAS can take as they lie:
/// one of two strides of each is 1, and C is stored by rows. Picks the largest such matrices. Casts between
/// floating-point types may stand around the factors and their product.
std::optional<Product> matchProduct(mlir::linalg::GenericOp op);

} // namespace cleave::codegen

#endif
