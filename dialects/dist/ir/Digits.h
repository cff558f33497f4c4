// Affine expressions as sums of digits of dims.
#ifndef CLEAVE_DIALECTS_DIST_IR_DIGITS_H
#define CLEAVE_DIALECTS_DIST_IR_DIGITS_H

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace cleave::dist {

// coefficient * ((d floordiv low) mod size)
struct Digit {
  unsigned dim;
  int64_t low, size;
  int64_t coefficient;
};

struct DigitSum {
  llvm::SmallVector<Digit, 4> digits;
  int64_t constant = 0;
};

// `expr` over dims of these sizes, with floordiv and mod taken apart digit by digit; none where it has
// symbols or a division that does not fall between digits.
//   (d0 * 16 + d1) floordiv 4, d1 < 16  ->  4 * d0 + (d1 / 4) % 4
std::optional<DigitSum> digitsOf(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> sizes);

} // namespace cleave::dist

#endif
