// Counter-based random numbers: Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2,
// 3", SC 2011.
#ifndef CLEAVE_COMPILER_CODEGEN_COMMON_PHILOX_H
#define CLEAVE_COMPILER_CODEGEN_COMMON_PHILOX_H

#include "mlir/IR/Builders.h"

#include <array>

namespace cleave::codegen {

/// The four output words for a counter of four words and a key of two; all i32, or all vectors of i32.
std::array<mlir::Value, 4> philox(mlir::OpBuilder &builder, mlir::Location loc,
                                  std::array<mlir::Value, 4> counter, std::array<mlir::Value, 2> key);

/// What `model.random_bits` yields. Key: the seed's two words; counter: index low, index high, step's low
/// word, site. `seed`, `step` and `index` are i64, `site` is i32, or all are vectors of these.
mlir::Value randomBits(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value seed, mlir::Value step,
                       mlir::Value site, mlir::Value index);

} // namespace cleave::codegen

#endif
