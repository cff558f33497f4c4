// Layouts as users write them.
#ifndef CLEAVE_COMPILER_EXPLAIN_NOTATION_H
#define CLEAVE_COMPILER_EXPLAIN_NOTATION_H

#include "dialects/dist/ir/Notation.h"

#include <string>

namespace cleave::explain {

using dist::text; // axes and layouts

// "f32[4, 128, 64]"
std::string sizesText(mlir::RankedTensorType type);

// "sum over tp", or "".
std::string partialText(dist::LayoutAttr layout);

// Elements of the largest block of a dim.
mlir::RankedTensorType largestBlock(mlir::RankedTensorType type, dist::LayoutAttr layout, dist::MeshOp mesh);

} // namespace cleave::explain

#endif
