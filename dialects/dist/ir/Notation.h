// Axes and layouts as users write them: in diagnostics, reasons and reports.
#ifndef CLEAVE_DIALECTS_DIST_IR_NOTATION_H
#define CLEAVE_DIALECTS_DIST_IR_NOTATION_H

#include "dialects/dist/ir/Dist.h"

#include <string>

namespace cleave::dist {

// "f32", "bool"
std::string elementText(mlir::Type element);

// "tp"; "tp[2:4]" for the part of size 4 behind a part of size 2.
std::string text(AxisRefAttr axis);
// "dp, tp"
std::string text(llvm::ArrayRef<AxisRefAttr> axes);

// "f32[Batch/dp, Seq, Embed]"; without a layout "f32[Batch, Seq, Embed]".
std::string text(mlir::RankedTensorType type, LayoutAttr layout = {});

// "file:line:column" of the first place in the program text that a location names, or "".
std::string text(mlir::Location loc);

} // namespace cleave::dist

#endif
