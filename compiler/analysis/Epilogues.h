// What a product's kernel does to its result while a tile of it is in the cache: bias, activation, residual.
#ifndef CLEAVE_COMPILER_ANALYSIS_EPILOGUES_H
#define CLEAVE_COMPILER_ANALYSIS_EPILOGUES_H

#include "compiler/analysis/Grouping.h"

namespace cleave::analysis {

// Whether code generation makes tiles of this product (codegen's matchProduct), so that more can be done to
// them: a sum of floating-point products large enough for the runtime, whose operands and result end in dims
// that matrices may end in.
bool makesTiles(model::IndexOp product);

// Whether a group is computed point by point over the result of `product`.
bool isPointwise(const Group &group, model::IndexOp product);

// How many values of the size of `product`, or nearly, a group with it reads and writes, its factors aside.
size_t countStreams(const Group &group, model::IndexOp product);

// The product of a group of kind Product, which may have an epilogue already.
model::IndexOp productOf(const Group &group);

} // namespace cleave::analysis

#endif
