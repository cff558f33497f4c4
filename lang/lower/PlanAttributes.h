// Mesh axes and layouts as attributes of the dist dialect.
#ifndef CLEAVE_LANG_LOWER_PLANATTRIBUTES_H
#define CLEAVE_LANG_LOWER_PLANATTRIBUTES_H

#include "dialects/dist/ir/Dist.h"
#include "lang/ast/Plan.h"

namespace cleave::lower {

llvm::SmallVector<dist::AxisRefAttr> axesOf(mlir::OpBuilder &builder, const ast::Mesh &mesh,
                                            const std::vector<ast::MeshUse> &uses);
dist::LayoutAttr layoutOf(mlir::OpBuilder &builder, const ast::Mesh &mesh, mlir::FlatSymbolRefAttr meshName,
                          const ast::Layout &layout);

// "manual nn.attention = nn.ring_attention over cp": what a reader finds the line of a manual region by.
std::string regionText(const ast::Tactic &tactic, const ast::Mesh &mesh);

} // namespace cleave::lower

#endif
