// Sums of products whose factors are read at positions that are linear in the loops.
#ifndef CLEAVE_COMPILER_CODEGEN_COMMON_STRIDEDPRODUCT_H
#define CLEAVE_COMPILER_CODEGEN_COMMON_STRIDEDPRODUCT_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace cleave::codegen {

/// What `runtime/device/cpu/StridedProduct.h` multiplies, and where it finds it.
///
///   y[b, i, j, o] = sum(u, v, c) x[b, i + u, j + v, c] * w[u, v, c, o]
///   -> units (b, i), rows j, columns o, segments (u), terms (v, c)
///
/// Strides count elements. Dims that all operands walk as one are one.
struct StridedProduct {
  struct Dim {
    int64_t size = 1;
    int64_t a = 0, b = 0, c = 0; // strides
  };
  struct Factor {
    unsigned argument = 0; // of the kernel
    int64_t offset = 0;    // where index 0 of all loops reads
  };
  Factor a, b;
  Dim row, column, term;
  llvm::SmallVector<Dim> units, segments; // outermost first

  int64_t unitCount() const;
  int64_t segmentCount() const;
  /// Of one unit.
  int64_t multiplications() const { return row.size * column.size * term.size * segmentCount(); }
};

/// Reads a kernel's generic; nothing where it is something else, or where B and C have no rows in common.
std::optional<StridedProduct> matchStridedProduct(mlir::linalg::GenericOp op);

} // namespace cleave::codegen

#endif
