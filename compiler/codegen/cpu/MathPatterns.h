// Transcendental f32 functions as short sequences of vector operations.
//
// | function | error, relative            | how |
// |----------|----------------------------|-------------------------------------------------------------------------|
// | exp      | 2e-7; 0 below 2^-125       | 2^n * polynomial of degree 5 on [-ln 2 / 2, ln 2 / 2] | | sin,
// cos | 2e-7 where abs(x) <= 2^50  | argument reduced in f64; polynomials in x^2 on [-pi / 4, pi / 4] | | pow
// | 2e-7                       | 2^(y log2 x) in f64, log2 by atanh                                       |
//
// Infinities, NaN, zeros and negative bases give what libm gives. Beyond 2^50, where neighbouring floats are
// many turns apart, sin and cos are those of 0. Source: Cody and Waite, "Software manual for the elementary
// functions", 1980 (reductions); coefficients are minimax fits of our own.
#ifndef CLEAVE_COMPILER_CODEGEN_CPU_MATHPATTERNS_H
#define CLEAVE_COMPILER_CODEGEN_CPU_MATHPATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace cleave::codegen {

/// math.exp, sin, cos and powf on f32 and vectors of it.
void populateMathPatterns(mlir::RewritePatternSet &patterns);

} // namespace cleave::codegen

#endif
