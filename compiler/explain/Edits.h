// Edits of a plan that do without a collective, found by making them.
#ifndef CLEAVE_COMPILER_EXPLAIN_EDITS_H
#define CLEAVE_COMPILER_EXPLAIN_EDITS_H

#include "compiler/explain/Facts.h"
#include "dialects/dist/ir/Dist.h"

#include <functional>
#include <optional>

namespace cleave::explain {

using Edits = std::vector<EditFacts>;

// Makes the edits to a plan: tactics go, or axes of a `shard`.
void leaveOut(dist::PlanOp plan, const Edits &edits);

// The collectives of the program once its plan is edited so; none where it is rejected then.
using Trial = std::function<std::optional<std::vector<CollectiveFacts>>(const Edits &)>;

// Gives each collective the narrowest of its edits without which it is not there, and what is sent then; no
// hint where none of them does. Each edit is tried once, at most `kMostTrials` of them: hints that were not
// tried stay as they are.
void settleHints(std::vector<CollectiveFacts> &collectives, dist::PlanOp plan, const Trial &trial);
inline constexpr size_t kMostTrials = 48;

} // namespace cleave::explain

#endif
