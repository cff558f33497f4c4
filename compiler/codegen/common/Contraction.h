// Sums of products inside kernels of rows: attention's scores, and what is summed over them.
#ifndef CLEAVE_COMPILER_CODEGEN_COMMON_CONTRACTION_H
#define CLEAVE_COMPILER_CODEGEN_COMMON_CONTRACTION_H

#include "compiler/codegen/common/Kernel.h"

namespace cleave::codegen {

/// A stage that sums products over inner dims for every point of another inner dim, where one factor lacks
/// that dim and the other lacks the last row dim:
///
///   score[s, t] = sum(d) q[s, d] * k[t, d]      rows s: tiled along t
///   y[s, d]     = sum(t) p[s, t] * v[t, d]      rows s: tiled along d
///
/// With lanes along the rows, a register tile of `dim` loads q once per tile and k once per row of lanes.
inline constexpr llvm::StringLiteral kTransposeAttr = "cleave.transpose"; // on copies by transposeRows

struct Contraction {
  unsigned dim = 0; // the inner dim to tile
};

/// Reads a stage as a contraction. The product may stand in a select whose other side is 0.
std::optional<Contraction> matchContraction(const Kernel &kernel, const Stage &stage);

/// Whether a kernel holds a contraction and enough rows for its lanes.
bool isTiled(const Kernel &kernel);

/// In a kernel that holds a contraction: arguments whose last axis is not the last row dim are read through a
/// transposed copy of the current rows, and such results are written through one.
///
///   %y = generic ins(%q[s, d], ...)  ->  %c = generic ins(%q[s, d]) { copy }; %y = generic ins(%c[s, d],
///   ...)
///
/// The copy's buffer has the rows innermost, so that inner loops find lanes side by side.
void transposeRows(mlir::func::FuncOp func);

} // namespace cleave::codegen

#endif
