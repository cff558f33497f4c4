// The checked program's mappings of weights -> the runtime's.
#ifndef CLEAVE_COMPILER_DRIVER_ENCODEWEIGHTS_H
#define CLEAVE_COMPILER_DRIVER_ENCODEWEIGHTS_H

#include "lang/ast/Tree.h"
#include "runtime/core/Program.h"

namespace cleave {

// They need nothing of the stages between: states keep their paths and shapes.
std::vector<rt::WeightMap> encodeWeights(const ast::Program &program);

} // namespace cleave

#endif
