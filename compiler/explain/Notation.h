// Layouts as users write them.
#ifndef CLEAVE_COMPILER_EXPLAIN_NOTATION_H
#define CLEAVE_COMPILER_EXPLAIN_NOTATION_H

#include "dialects/dist/ir/Dist.h"

#include <string>

namespace cleave::explain {

// "tp"; "tp[2:4]" for the part of size 4 behind a part of size 2.
std::string text(dist::AxisRefAttr axis);
// "dp, tp"
std::string text(llvm::ArrayRef<dist::AxisRefAttr> axes);

// "f32[Batch/dp, Seq, Embed]"; without a layout "f32[Batch, Seq, Embed]".
std::string text(mlir::RankedTensorType type, dist::LayoutAttr layout = {});
// "f32[4, 128, 64]"
std::string sizesText(mlir::RankedTensorType type);

// "sum over tp", or "".
std::string partialText(dist::LayoutAttr layout);

// Elements of the largest block of a dim.
mlir::RankedTensorType largestBlock(mlir::RankedTensorType type, dist::LayoutAttr layout, dist::MeshOp mesh);

} // namespace cleave::explain

#endif
