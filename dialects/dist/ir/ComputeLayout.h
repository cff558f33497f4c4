// Where an op is computed: `dist.factors` against the layouts of what it reads and makes.
#ifndef CLEAVE_DIALECTS_DIST_IR_COMPUTELAYOUT_H
#define CLEAVE_DIALECTS_DIST_IR_COMPUTELAYOUT_H

#include "dialects/dist/ir/Axes.h"
#include "dialects/dist/ir/FactorMap.h"

namespace cleave::dist {

// The mesh axes that each factor of an op is computed over.
using Assignment = llvm::SmallVector<AxisList, 6>;

// The axes that cut a factor of a dim, and those that cut the dim within the factor, but not in equal parts.
struct FactorAxes {
  AxisList axes, overflow;
};

// Gives the axes of a dim to its factors, major first: each takes axes, or parts of them, until it is cut up;
// the last takes what remains. An axis that is left while a factor is not cut up overflows it.
//   8 = 2 * 4 over "a" = 4: the factor 2 gets "a":(1)2, the factor 4 "a":(2)2
void projectDim(const FactorMap &map, const DimFactors &dim, AxisListRef axes,
                llvm::MutableArrayRef<FactorAxes> byFactor);

// The axes that cut each factor of a tensor under a layout of it; what cuts dims that no factor walks along,
// or does not fall on a factor's end, is left out.
Assignment factorAxes(const FactorMap &map, const TensorFactors &tensor, const Cut &cut);

// From `dist.factors`, one list per iteration dim, and back. A minor digit of a dim has axes only where the
// digits before it are cut up: the dim's list is then one block rule.
Assignment assignmentOf(const FactorMap &map, llvm::ArrayRef<AxisList> perDim);
llvm::SmallVector<AxisList, 6> perDim(const FactorMap &map, const Assignment &assignment);

// `dist.factors` of an op as an assignment. Fails, with an error given by `error`, where there are none, or
// other than the op has dims, an axis twice, a dim that must be whole cut, or digits cut that are not block
// by block.
llvm::FailureOr<Assignment> readFactors(mlir::Operation *op, const FactorMap &map, MeshOp mesh,
                                        llvm::function_ref<mlir::InFlightDiagnostic()> error);

// How a tensor must lie where the op is computed under an assignment: the blocks it reads (dims read Whole
// are whole; a Window's blocks still need their edges), or the blocks of a result.
Cut cutUnder(const TensorFactors &tensor, const FactorMap &map, const Assignment &assignment);

// How a result lies as it is computed: `cutUnder`, with a pending reduction over the axes of reductions.
Cut computedCut(const FactorMap &map, const Assignment &assignment, unsigned result = 0);

// Bytes that one rank sends, by ring, to turn `bytes` (of the whole tensor) from one layout to another:
// gathers, exchanges between dims, reductions of what is pending. Cutting further is free.
int64_t bytesToConvert(const Cut &from, const Cut &to, int64_t bytes);

int64_t bytesOf(mlir::RankedTensorType type);

// Whether a result that is computed so becomes `declared` without a gather: what is cut stays cut, or was
// never; what is pending may be scattered.
bool becomes(const Cut &computed, const Cut &declared);

} // namespace cleave::dist

#endif
