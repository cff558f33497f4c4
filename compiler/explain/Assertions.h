// A plan's assertions and its allowance for reshards, held against what was found.
#ifndef CLEAVE_COMPILER_EXPLAIN_ASSERTIONS_H
#define CLEAVE_COMPILER_EXPLAIN_ASSERTIONS_H

#include "compiler/explain/Facts.h"
#include "dialects/dist/ir/Dist.h"

namespace cleave::explain {

// Fails with one diagnostic per assertion of the module's plan that does not hold (E950: what was found, and
// where it comes from), and per value whose implicit reshards move more than is allowed (E951). An assertion
// about memory is passed over where none was planned.
mlir::LogicalResult checkAssertions(mlir::ModuleOp module, const Facts &facts);

// Whether a collective brings a value from one layout to another that no tactic stated: gathers, exchanges.
// What finishes a sum, or loads and keeps what is stored apart, is none.
bool isImplicitReshard(const CollectiveFacts &collective);

} // namespace cleave::explain

#endif
