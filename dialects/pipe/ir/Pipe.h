// The pipe dialect: a program as ordered lists of actions. See ../README.md for its decisions.
#ifndef CLEAVE_DIALECTS_PIPE_IR_PIPE_H
#define CLEAVE_DIALECTS_PIPE_IR_PIPE_H

#include "dialects/model/ir/Model.h"

#include "dialects/pipe/ir/PipeDialect.h.inc"
#include "dialects/pipe/ir/PipeEnums.h.inc"
#include "dialects/pipe/ir/PipeInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/pipe/ir/PipeAttributes.h.inc"
#define GET_OP_CLASSES
#include "dialects/pipe/ir/PipeOps.h.inc"

namespace cleave::pipe {

// On kernels: the unit attribute that marks them, the sizes of their row dims, and pairs (argument, result)
// that may share memory. On linalg ops of a kernel `cleave.rows` lists the loop dims that are the row dims.
inline constexpr llvm::StringLiteral kKernelAttr = "cleave.kernel";
inline constexpr llvm::StringLiteral kRowsAttr = "cleave.rows";
inline constexpr llvm::StringLiteral kInplaceAttr = "cleave.inplace";
inline constexpr llvm::StringLiteral kExactAttr = "cleave.exact";
// Set by code generation: how many units of rows a kernel has, and how many make a task.
inline constexpr llvm::StringLiteral kRowCountAttr = "cleave.row_count";
inline constexpr llvm::StringLiteral kGrainAttr = "cleave.grain";

// On arguments and results of entries and on ops, from the memory stage on.
inline constexpr llvm::StringLiteral kPlaceAttr = "pipe.place";
inline constexpr llvm::StringLiteral kPlacesAttr = "places";
inline constexpr llvm::StringLiteral kArgPlacesAttr = "arg_places";
inline constexpr llvm::StringLiteral kNamesAttr = "names";
// On ports: the user's element type where the storage type does not tell ("u8", "bool").
inline constexpr llvm::StringLiteral kTypeAttr = "model.type";
// On entries: bytes of scratch they need, and the most that is alive at once (what no plan could go below).
inline constexpr llvm::StringLiteral kScratchBytesAttr = "pipe.scratch_bytes";
inline constexpr llvm::StringLiteral kScratchAliveAttr = "pipe.scratch_alive";
// On states (model.state): byte offset in the state region. On the module: its size.
inline constexpr llvm::StringLiteral kStateOffsetAttr = "pipe.offset";
inline constexpr llvm::StringLiteral kStateBytesAttr = "pipe.state_bytes";

// Bytes of a tensor as stored: one byte per i1 element.
int64_t bytesOf(mlir::Type type);

// Whether an op, or one within, may stop the run: a guard or an assert. State is written behind all of them.
bool mayStop(mlir::Operation *op);

// Whether an op is an action that other ranks take part in, or holds one.
bool holdsCollective(mlir::Operation *op);

// The user's path of a value, or "".
llvm::StringRef nameOf(mlir::Value value);

// The place of a value, or null before the memory stage.
PlaceAttr placeOf(mlir::Value value);

} // namespace cleave::pipe

#endif
