// What a kernel costs at least: floating-point operations and bytes of memory traffic, op by op.
//
//   y[b, o] = sum(i) x[b, i] * w[i, o]       2 * B * O * I operations, 4 * (B * I + I * O + B * O) bytes
//
// Operations: an addition, multiplication, division, comparison for the greatest or least, or square root is
// 1; exp, log, tanh, erf, sin and cos are 16 and pow is 40, about the length of their polynomials. What
// depends on some loops of an op only counts for those. Integers count nothing, and neither do choices.
//
// Bytes: every element of an argument that is read, once, and every element of a result, once. What passes
// from op to op inside a kernel costs nothing. The first op that reads an argument is charged with it.
#ifndef CLEAVE_COMPILER_ANALYSIS_KERNELWORK_H
#define CLEAVE_COMPILER_ANALYSIS_KERNELWORK_H

#include "runtime/core/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace cleave::analysis {

// The ops of a kernel (tensors, not yet loops) that compute, in order: what `Kernel::parts` has one entry
// for.
llvm::SmallVector<mlir::Operation *> partsOf(mlir::func::FuncOp kernel);

// One entry per part.
std::vector<rt::Work> workOf(mlir::func::FuncOp kernel);

// The type that decides how fast the processor can be: of the factors of a sum of products where the kernel
// has one, else f64 where it computes in that, else f32.
rt::Type arithmeticOf(mlir::func::FuncOp kernel);

// Where each part of a kernel came from, kept in the location of its launches: equal kernels are one
// function, but stand for different lines.
mlir::Location locationOfParts(mlir::func::FuncOp kernel);
// As `locationOfParts` put them down; empty for other locations.
std::vector<std::string> linesOfParts(mlir::Location loc);

} // namespace cleave::analysis

#endif
