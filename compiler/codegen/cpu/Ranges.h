// What is known of integers in a generic's body: an interval that holds them. Decides which clamps and
// conditions of a window can never matter, so that its inside is loads and products alone.
#ifndef CLEAVE_COMPILER_CODEGEN_CPU_RANGES_H
#define CLEAVE_COMPILER_CODEGEN_CPU_RANGES_H

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <optional>

namespace cleave::codegen {

/// low <= value <= high.
struct Range {
  int64_t low = 0, high = 0;

  bool isPoint() const { return low == high; }
};

/// The interval of the one result of `op`, given its operands'; nothing when it may be anything. A comparison
/// that has only one outcome is the point 0 or 1.
std::optional<Range> rangeOf(mlir::Operation *op, llvm::ArrayRef<std::optional<Range>> operands);

/// The operand that `op` always equals (a clamp that never bites, a select that always takes one side), as
/// position.
std::optional<unsigned> passedOperand(mlir::Operation *op, llvm::ArrayRef<std::optional<Range>> operands);

} // namespace cleave::codegen

#endif
