// Random numbers as a fixed sequence of IEEE operations on Philox bits, so that they are the same everywhere.
#ifndef CLEAVE_LANG_LOWER_RANDOM_H
#define CLEAVE_LANG_LOWER_RANDOM_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

#include <cstdint>
#include <string_view>

namespace cleave::lower {

// What names a stream of random numbers.
struct RandomKey {
  mlir::Value seed;  // i64
  mlir::Value step;  // i64
  mlir::Value site;  // i32
  mlir::Value index; // i64
};

// Uniform in [0, 1): a multiple of 2^-24 (f32), 2^-53 (f64), 2^-11 (f16), 2^-8 (bf16).
mlir::Value emitUniform(mlir::OpBuilder &builder, mlir::Location loc, mlir::FloatType type, RandomKey key);

// Standard normal: sqrt(2) * erfinv(u), u uniform in (-1, 1).
// erfinv: Giles, "Approximating the erfinv function", GPU Computing Gems Jade, 2012, chapter 10.
// Its logarithm: Cephes logf (f32) and fdlibm e_log.c (f64).
// Must stand in an `exact` op.
mlir::Value emitNormal(mlir::OpBuilder &builder, mlir::Location loc, mlir::FloatType type, RandomKey key);

// Hash of a call site below `parent`: FNV-1a, 32 bits.
uint32_t mixSite(uint32_t parent, std::string_view name);
uint32_t mixSite(uint32_t parent, uint32_t number);

// The same at run time: site `site` (i32) in round `counter` (i64) of a repeat or scan.
mlir::Value emitMixSite(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value site, mlir::Value counter);

} // namespace cleave::lower

#endif
