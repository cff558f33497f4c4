// The model dialect: programs as pure tensors over named axes. See ../README.md for its decisions.
//
// Entries are `func.func`s with the unit attribute `model.entry`. State goes in as arguments and comes out as
// results, each with `model.state = @symbol`; other arguments have `model.input = "name"` (and
// `model.source = @data` where a data source feeds it), other results `model.output = "name"`. An entry reads
// only the states it names; a state it does not return is unchanged.
#ifndef CLEAVE_DIALECTS_MODEL_IR_MODEL_H
#define CLEAVE_DIALECTS_MODEL_IR_MODEL_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/model/ir/ModelDialect.h.inc"
#include "dialects/model/ir/ModelEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/model/ir/ModelAttributes.h.inc"
#define GET_OP_CLASSES
#include "dialects/model/ir/ModelOps.h.inc"

namespace cleave::model {

inline constexpr llvm::StringLiteral kEntryAttr = "model.entry";
inline constexpr llvm::StringLiteral kStateAttr = "model.state";
inline constexpr llvm::StringLiteral kInputAttr = "model.input";
inline constexpr llvm::StringLiteral kOutputAttr = "model.output";
inline constexpr llvm::StringLiteral kSourceAttr = "model.source";
inline constexpr llvm::StringLiteral kOrderedAttr =
    "model.ordered"; // unit, beside kSourceAttr: rows in order
inline constexpr llvm::StringLiteral kBackwardAttr = "model.backward";
inline constexpr llvm::StringLiteral kResidualsAttr = "model.residuals";
// On the function of an update: the path of what it updates.
inline constexpr llvm::StringLiteral kUpdateAttr = "model.update";
inline constexpr llvm::StringLiteral kCompositeAttr = "model.composite";
// On the module: what a plan says of residuals, pairs of a selector and "save" or "recompute".
inline constexpr llvm::StringLiteral kResidualPolicyAttr = "model.residual_policy";

// The tensor type with these axes and sizes; rank 0 has no encoding.
mlir::RankedTensorType tensorOf(mlir::Type element, llvm::ArrayRef<llvm::StringRef> axes,
                                llvm::ArrayRef<int64_t> sizes);

// The axis names of a tensor type; empty for rank 0.
llvm::SmallVector<llvm::StringRef> axesOf(mlir::RankedTensorType type);

// The least and greatest value of an affine expression whose dims run from 0 to their sizes.
std::pair<int64_t, int64_t> rangeOf(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> sizes);

} // namespace cleave::model

#endif
