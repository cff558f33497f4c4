// Reductions in the forms that kernels are good at.
#ifndef CLEAVE_COMPILER_CONVERT_SHAPEREDUCTIONS_H
#define CLEAVE_COMPILER_CONVERT_SHAPEREDUCTIONS_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave::convert {

// Rewrites the sums of a block and of the regions within: a sum of a product of more than two plain factors
// becomes a plain product, with what concerns one factor before it and what is the same for all terms behind
// it.
//
//   %y = index (m, n) sum (k) ins(%a[m, k], %b[k, n], %c[n]) { (exp %a) * %b * %c }
//   ->  %0 = index (m, k) ins(%a[m, k]) { exp %a }
//       %1 = index (m, n) sum (k) ins(%0[m, k], %b[k, n]) { %0 * %b }
//       %y = index (m, n) ins(%1[m, n], %c[n]) { %1 * %c }
//
// How terms are grouped depends on shapes alone. Large sums to few results are split before, by
// --model-split-reductions.
void shapeReductions(mlir::Block &block);

} // namespace cleave::convert

#endif
