#include "compiler/codegen/cpu/Emitters.h"
using namespace mlir;
namespace cleave::codegen {
std::optional<LogicalResult> emitProduct(func::FuncOp) { return std::nullopt; }
LogicalResult emitScatter(func::FuncOp, model::ScatterOp scatter) { return scatter.emitError("not yet"); }
LogicalResult emitArgsort(func::FuncOp, model::ArgsortOp sort) { return sort.emitError("not yet"); }
} // namespace cleave::codegen
