// How ranks share values and what they tell each other, from attributes and comm ops to the runtime's data.
#ifndef CLEAVE_COMPILER_CONVERT_ENCODECOLLECTIVES_H
#define CLEAVE_COMPILER_CONVERT_ENCODECOLLECTIVES_H

#include "dialects/comm/ir/Comm.h"
#include "runtime/core/Program.h"

namespace cleave::convert {

// The mesh of a module's plan and the plan's name and hash; nothing where there is no plan.
void encodePlan(mlir::ModuleOp module, rt::Program &program);

// Which block of the whole a local tensor is: from `comm.global`, `dist.layout` and `comm.padded` among the
// attributes of an argument, a result or a state. Nothing where it has all. `whole` is the shape of a type.
rt::Split encodeSplit(mlir::ModuleOp module, mlir::DictionaryAttr attrs,
                      llvm::function_ref<rt::Shape(mlir::Type)> whole);

// Mesh axes and parts of them.
std::vector<rt::AxisPart> partsOf(dist::MeshOp mesh, llvm::ArrayRef<dist::AxisRefAttr> axes);

// A comm op, or none for another.
std::optional<rt::Collective> encodeCollective(mlir::Operation *op);

} // namespace cleave::convert

#endif
