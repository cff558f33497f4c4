// The dist dialect: meshes, layouts and plans. See ../README.md for its decisions.
//
// Layouts are attributes beside the values: `dist.layout` on arguments and results of functions,
// `dist.layouts` on ops (an array, one per result). A value without one has no layout yet; `layoutOf` says
// which a value has.
#ifndef CLEAVE_DIALECTS_DIST_IR_DIST_H
#define CLEAVE_DIALECTS_DIST_IR_DIST_H

#include "dialects/model/ir/Model.h"

#include "dialects/dist/ir/DistDialect.h.inc"
#include "dialects/dist/ir/DistEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/dist/ir/DistAttributes.h.inc"
#define GET_OP_CLASSES
#include "dialects/dist/ir/DistOps.h.inc"

namespace cleave::dist {

// On arguments and results of functions.
inline constexpr llvm::StringLiteral kLayoutAttr = "dist.layout";
// On ops: one layout per result.
inline constexpr llvm::StringLiteral kLayoutsAttr = "dist.layouts";
// On ops with iteration dims, after propagation: an array with one #dist.dim per dim (the result's axes
// first, then what is reduced), over which mesh axes the dim is computed.
inline constexpr llvm::StringLiteral kFactorsAttr = "dist.factors";

// On ops that are computed over more than their results are cut over, because gathering these moves fewer
// bytes than gathering operands.
inline constexpr llvm::StringLiteral kGathersAttr = "dist.gathers";
// Beside layouts, under a plan: arrays of #dist.origin, on ops one array per result; where there are any, of
// #dist.conflict.
inline constexpr llvm::StringLiteral kOriginAttr = "dist.origin";
inline constexpr llvm::StringLiteral kOriginsAttr = "dist.origins";
inline constexpr llvm::StringLiteral kConflictAttr = "dist.conflict";
inline constexpr llvm::StringLiteral kConflictsAttr = "dist.conflicts";

// On a manual region: the tactic that it comes from, as it is written.
inline constexpr llvm::StringLiteral kTacticAttr = "dist.tactic";
// Beside the layout of a state that is stored apart: the one it is brought to where it is computed with.
inline constexpr llvm::StringLiteral kComputedAttr = "dist.used";

// On a plan: the one entry it is for. On a tactic: its selector is about values of this entry alone.
inline constexpr llvm::StringLiteral kEntryAttr = "dist.entry";

// Whether a tactic's selector names what has this path. A selector is a list of patterns, separated by ", ":
// each is steps separated by dots, in which `*` stands for any one; what it matches and all below that is
// meant. "" is all.
//
//   selects("gpt.blocks[*].up", "gpt.blocks[*].up.w"), selects("gpt.*.w", "gpt.head.w")
bool selects(llvm::StringRef selector, llvm::StringRef path);

// The layout of a value, or null.
LayoutAttr layoutOf(mlir::Value value);
void setLayout(mlir::Value value, LayoutAttr layout);

// All dims closed and whole.
LayoutAttr replicatedLayout(mlir::FlatSymbolRefAttr mesh, int64_t rank);

// Lists of axes as in `over ["dp", "tp":(1)2]`.
mlir::ParseResult parseAxes(mlir::AsmParser &parser, llvm::SmallVectorImpl<AxisRefAttr> &axes,
                            mlir::AsmParser::Delimiter delimiter);
void printAxes(mlir::AsmPrinter &printer, llvm::ArrayRef<AxisRefAttr> axes);
llvm::SmallVector<AxisRefAttr> axesOf(mlir::ArrayAttr axes);

} // namespace cleave::dist

#endif
