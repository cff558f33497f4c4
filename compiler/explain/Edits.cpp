#include "compiler/explain/Edits.h"

#include "compiler/analysis/MemoryReport.h"
#include "dialects/comm/transforms/Causes.h"

#include <map>
#include <set>

using namespace mlir;
using namespace cleave;
using namespace cleave::explain;

void cleave::explain::leaveOut(dist::PlanOp plan, const Edits &edits) {
  SmallVector<Operation *> tactics;
  for (Operation &op : plan.getBody().getOps())
    tactics.push_back(&op);
  std::set<Operation *> dead;
  for (const EditFacts &edit : edits) {
    if (edit.tactic < 0 || static_cast<size_t>(edit.tactic) >= tactics.size())
      continue;
    Operation *tactic = tactics[static_cast<size_t>(edit.tactic)];
    auto shard = dyn_cast<dist::ShardOp>(tactic);
    SmallVector<Attribute> left;
    if (shard && !edit.axis.empty())
      for (Attribute axis : shard.getAxes())
        if (cast<StringAttr>(axis).getValue() != edit.axis)
          left.push_back(axis);
    if (left.empty())
      dead.insert(tactic);
    else
      shard.setAxesAttr(ArrayAttr::get(plan.getContext(), left));
  }
  for (Operation *tactic : dead)
    tactic->erase();
}

namespace {

struct Outcome {
  std::set<std::string> left;           // keys of collectives
  std::map<std::string, int64_t> bytes; // by entry: all that is sent
};

class Settler {
public:
  Settler(dist::PlanOp plan, const Trial &trial) : plan(plan), trial(trial) {
    for (Operation &op : plan.getBody().getOps())
      tactics.push_back(&op);
  }
  void settle(CollectiveFacts &collective);

private:
  static std::string keyOf(const CollectiveFacts &collective);
  static std::vector<Edits> candidatesFor(const CollectiveFacts &collective);
  // Null where it was not tried, or the program is rejected.
  const Outcome *outcomeOf(const Edits &edits, bool &wasTried);
  std::string describe(const Edits &edits) const;
  void name(Edits &edits) const;

  dist::PlanOp plan;
  const Trial &trial;
  std::vector<Operation *> tactics;
  std::map<std::vector<std::pair<int64_t, std::string>>, std::optional<Outcome>> tried;
};

} // namespace

// What an edited program's collective is the same by: types and sentences change with the plan.
std::string Settler::keyOf(const CollectiveFacts &collective) {
  std::string key = collective.entry + "|" + collective.op + "|" + collective.phase + "|" + collective.value +
                    "|" + collective.source;
  for (const std::string &axis : collective.meshAxes)
    key += "|" + axis;
  return key;
}

// Its own edits one by one, then those that do without every reason that was merged into it.
std::vector<Edits> Settler::candidatesFor(const CollectiveFacts &collective) {
  std::vector<Edits> candidates;
  for (const EditFacts &edit : collective.edits)
    candidates.push_back({edit});
  auto together = [&](bool whole) {
    Edits all;
    auto add = [&](const ReasonFacts &reason) {
      if (reason.edits.empty())
        return;
      EditFacts edit = reason.edits.front();
      if (whole)
        edit.axis.clear();
      if (std::find(all.begin(), all.end(), edit) == all.end())
        all.push_back(edit);
    };
    add(collective);
    for (const ReasonFacts &other : collective.merged)
      add(other);
    if (all.size() > 1)
      candidates.push_back(std::move(all));
  };
  together(false);
  together(true);
  return candidates;
}

const Outcome *Settler::outcomeOf(const Edits &edits, bool &wasTried) {
  std::vector<std::pair<int64_t, std::string>> key;
  for (const EditFacts &edit : edits)
    key.emplace_back(edit.tactic, edit.axis);
  std::sort(key.begin(), key.end());
  auto known = tried.find(key);
  wasTried = known != tried.end() || tried.size() < kMostTrials;
  if (!wasTried)
    return nullptr;
  if (known == tried.end()) {
    std::optional<Outcome> outcome;
    if (std::optional<std::vector<CollectiveFacts>> left = trial(edits)) {
      outcome.emplace();
      for (const CollectiveFacts &collective : *left) {
        outcome->left.insert(keyOf(collective));
        outcome->bytes[collective.entry] += collective.count * collective.bytes;
      }
    }
    known = tried.emplace(std::move(key), std::move(outcome)).first;
  }
  return known->second ? &*known->second : nullptr;
}

std::string Settler::describe(const Edits &edits) const {
  std::string text;
  for (const EditFacts &edit : edits) {
    MLIRContext *context = tactics.front()->getContext();
    auto attr = comm::EditAttr::get(context, edit.tactic, StringAttr::get(context, edit.axis));
    text += (text.empty() ? "" : ", ") + comm::describe(plan, attr);
  }
  return text;
}

// For programs that make the edit in the text.
void Settler::name(Edits &edits) const {
  for (EditFacts &edit : edits) {
    Operation *tactic = tactics[static_cast<size_t>(edit.tactic)];
    MLIRContext *context = tactic->getContext();
    edit.plan = analysis::sourceOf(tactic->getLoc());
    edit.part =
        comm::partOf(plan, comm::EditAttr::get(context, edit.tactic, StringAttr::get(context, edit.axis)));
  }
}

void Settler::settle(CollectiveFacts &collective) {
  if (collective.edits.empty() && collective.merged.empty())
    return;
  bool allTried = true;
  for (Edits &edits : candidatesFor(collective)) {
    bool wasTried;
    const Outcome *outcome = outcomeOf(edits, wasTried);
    allTried &= wasTried;
    if (!outcome || outcome->left.count(keyOf(collective)))
      continue;
    collective.hint = describe(edits);
    name(edits);
    collective.removedBy = edits;
    auto bytes = outcome->bytes.find(collective.entry);
    collective.bytesWithout = bytes == outcome->bytes.end() ? 0 : bytes->second;
    return;
  }
  if (allTried)
    collective.hint.clear();
}

void cleave::explain::settleHints(std::vector<CollectiveFacts> &collectives, dist::PlanOp plan,
                                  const Trial &trial) {
  Settler settler(plan, trial);
  for (CollectiveFacts &collective : collectives)
    settler.settle(collective);
}
