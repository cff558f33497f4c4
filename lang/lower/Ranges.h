// What is known of integers without running: enough to see that bytes stay inside a table of 256 rows.
#ifndef CLEAVE_LANG_LOWER_RANGES_H
#define CLEAVE_LANG_LOWER_RANGES_H

#include "mlir/IR/Value.h"

#include <cstdint>

namespace cleave::lower {

// Least and greatest value, both included.
struct Interval {
  int64_t low, high;
};

// The range of the elements of an integer or bool tensor, by the ops that made it; that of its type where
// nothing is known.
Interval rangeOf(mlir::Value tensor);

} // namespace cleave::lower

#endif
