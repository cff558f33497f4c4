#include "compiler/explain/Assertions.h"

#include "compiler/explain/Notation.h"
#include "runtime/core/Text.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::explain;

static constexpr size_t kShown = 4; // of what an assertion counts

bool cleave::explain::isImplicitReshard(const CollectiveFacts &collective) {
  return (collective.op == "all_gather" || collective.op == "all_to_all" || collective.op == "permute") &&
         collective.phase != "state" && collective.phase != "update";
}

// A note that says itself where: the place of the error is shown already.
static Diagnostic &note(InFlightDiagnostic &error) {
  return error.attachNote(UnknownLoc::get(error.getUnderlyingDiagnostic()->getLocation().getContext()));
}

// "all_reduce over tp in gpt.blocks"
static std::string whatCounts(dist::AssertOp assertion) {
  std::string text = assertion.getOp().empty() ? "collectives" : assertion.getOp().str();
  if (SmallVector<dist::AxisRefAttr> axes = dist::axesOf(assertion.getOver()); !axes.empty())
    text += " over " + explain::text(axes);
  if (!assertion.getSelector().empty())
    text += " in " + assertion.getSelector().str();
  return text;
}

static bool counts(dist::AssertOp assertion, const CollectiveFacts &collective) {
  if (!assertion.getOp().empty() && assertion.getOp() != collective.op)
    return false;
  for (dist::AxisRefAttr axis : dist::axesOf(assertion.getOver()))
    if (!llvm::is_contained(collective.meshAxes, explain::text(axis)))
      return false;
  return dist::selects(assertion.getSelector(), collective.value);
}

// "4 x all_reduce over tp of gpt.blocks[*].y (forward): 128 KiB each"
static std::string lineOf(const CollectiveFacts &collective) {
  std::string axes;
  for (const std::string &axis : collective.meshAxes)
    axes += (axes.empty() ? "" : ", ") + axis;
  return std::to_string(collective.count) + " x " + collective.op + " over " + axes +
         (collective.value.empty() ? "" : " of " + collective.value) +
         (collective.phase.empty() ? "" : " (" + collective.phase + ")") + ": " +
         rt::bytesText(collective.bytes) + " each" +
         (collective.source.empty() ? "" : ", at " + collective.source);
}

static LogicalResult failCollectives(dist::AssertOp assertion, StringRef quantity, const std::string &limit,
                                     const std::string &found, ArrayRef<const CollectiveFacts *> counted) {
  InFlightDiagnostic error = mlir::emitError(assertion.getLoc())
                             << "E950: an assertion of the plan must hold: at most " << limit << " "
                             << (quantity == "bytes" ? "sent per rank and step by " : "")
                             << whatCounts(assertion) << (quantity == "bytes" ? "" : " in a step")
                             << ", found " << found;
  for (const CollectiveFacts *collective : counted.take_front(kShown))
    note(error) << lineOf(*collective);
  if (counted.size() > kShown)
    note(error) << "and " << counted.size() - kShown << " more";
  return error;
}

static LogicalResult checkCollectives(dist::AssertOp assertion, const Facts &facts) {
  std::vector<const CollectiveFacts *> counted;
  int64_t count = 0, bytes = 0;
  for (const CollectiveFacts &collective : facts.collectives)
    if (counts(assertion, collective)) {
      counted.push_back(&collective);
      count += collective.count;
      bytes += collective.count * collective.bytes;
    }
  bool ofBytes = assertion.getQuantity() == "bytes";
  if ((ofBytes ? bytes : count) <= static_cast<int64_t>(assertion.getLimit()))
    return success();
  llvm::sort(counted, [&](const CollectiveFacts *a, const CollectiveFacts *b) {
    int64_t first = ofBytes ? a->count * a->bytes : a->count,
            second = ofBytes ? b->count * b->bytes : b->count;
    return first != second ? first > second : a < b; // they lie in one vector
  });
  int64_t limit = static_cast<int64_t>(assertion.getLimit());
  return ofBytes ? failCollectives(assertion, "bytes", rt::bytesText(limit), rt::bytesText(bytes), counted)
                 : failCollectives(assertion, "count", std::to_string(limit), std::to_string(count), counted);
}

static LogicalResult checkMemory(dist::AssertOp assertion, const Facts &facts) {
  const MemoryFacts *worst = nullptr;
  for (const MemoryFacts &memory : facts.memory)
    if (!worst || memory.peakBytes > worst->peakBytes)
      worst = &memory;
  if (!worst || worst->peakBytes <= static_cast<int64_t>(assertion.getLimit()))
    return success();
  InFlightDiagnostic error = mlir::emitError(assertion.getLoc())
                             << "E950: an assertion of the plan must hold: peak_memory of at most "
                             << rt::bytesText(static_cast<int64_t>(assertion.getLimit()))
                             << " per rank, found " << rt::bytesText(worst->peakBytes);
  auto part = [](const char *name, int64_t bytes) { return std::string(name) + " " + rt::bytesText(bytes); };
  note(error) << part("parameters", worst->params) << ", " << part("gradients", worst->gradients) << ", "
              << part("optimizer", worst->optimizer) << ", " << part("activations", worst->activations)
              << ", " << part("buffers", worst->buffers) << ", " << part("temporaries", worst->temporaries);
  return error;
}

static LogicalResult checkAllowance(dist::AllowOp allowance, const Facts &facts) {
  LogicalResult result = success();
  int64_t most = static_cast<int64_t>(allowance.getBytes());
  for (const CollectiveFacts &collective : facts.collectives) {
    if (!isImplicitReshard(collective) || collective.bytes <= most)
      continue;
    InFlightDiagnostic error = mlir::emitError(allowance.getLoc())
                               << "E951: a reshard that nobody asked for may move at most "
                               << rt::bytesText(most) << " per rank, found " << lineOf(collective);
    if (!collective.because.empty())
      note(error) << collective.because;
    if (!collective.hint.empty())
      note(error) << "to do without: " << collective.hint;
    result = error;
  }
  return result;
}

LogicalResult cleave::explain::checkAssertions(ModuleOp module, const Facts &facts) {
  bool holds = true;
  for (auto plan : module.getOps<dist::PlanOp>())
    for (Operation &tactic : plan.getBody().front()) {
      if (auto assertion = dyn_cast<dist::AssertOp>(tactic))
        holds &= succeeded(assertion.getQuantity() == "peak_memory" ? checkMemory(assertion, facts)
                                                                    : checkCollectives(assertion, facts));
      if (auto allowance = dyn_cast<dist::AllowOp>(tactic))
        holds &= succeeded(checkAllowance(allowance, facts));
    }
  return success(holds);
}
