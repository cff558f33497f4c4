// Turns the model's control flow into pipe regions.
#ifndef CLEAVE_COMPILER_CONVERT_INLINEBODIES_H
#define CLEAVE_COMPILER_CONVERT_INLINEBODIES_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave::convert {

// Inlines every called body of an entry: model.call becomes its callee's ops, model.scan a pipe.loop,
// model.if a pipe.if, model.while a pipe.while; each body stands once, whatever the number of iterations.
// model.name and model.stop_gradient go: a path moves to the attribute `names` of the op it names, where that
// op has none yet. model.print and model.assert become pipe ops.
void inlineBodies(mlir::func::FuncOp entry);

} // namespace cleave::convert

#endif
