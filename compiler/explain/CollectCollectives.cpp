// Collectives of an entry with their causes, and how often each runs.
#include "compiler/analysis/MemoryReport.h"
#include "compiler/explain/Collect.h"
#include "compiler/explain/Notation.h"
#include "compiler/explain/Phases.h"
#include "dialects/comm/transforms/Traffic.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <map>

using namespace mlir;
using namespace cleave;
using namespace cleave::explain;
using Regather = CollectiveFacts::Regather;

//===------------------------------------------------------------------===//
// Reasons
//===------------------------------------------------------------------===//

static ReasonFacts reasonOf(comm::ReasonAttr reason, Location place) {
  ReasonFacts facts;
  facts.value = reason.getValue().getValue();
  facts.source = analysis::sourceOf(reason.getSource() ? Location(reason.getSource()) : place);
  facts.plan = analysis::sourceOf(reason.getPlan());
  facts.because = reason.getBecause().getValue();
  facts.hint = reason.getHint().getValue();
  if (reason.getPath())
    for (StringRef step : reason.getPath().getAsValueRange<StringAttr>())
      facts.path.push_back(step.str());
  if (reason.getEdits())
    for (auto edit : reason.getEdits().getAsRange<comm::EditAttr>())
      facts.edits.push_back({edit.getTactic(), edit.getAxis().getValue().str()});
  return facts;
}

static CollectiveFacts describe(const comm::Traffic &traffic, func::FuncOp entry) {
  Operation *op = traffic.op;
  CollectiveFacts facts;
  if (auto reason = op->getAttrOfType<comm::ReasonAttr>("reason")) {
    static_cast<ReasonFacts &>(facts) = reasonOf(reason, op->getLoc());
    facts.phase = reason.getPhase().getValue();
    if (reason.getMerged())
      for (auto other : reason.getMerged().getAsRange<comm::ReasonAttr>())
        facts.merged.push_back(reasonOf(other, op->getLoc()));
  }
  facts.entry = entry.getName();
  facts.op = op->getName().stripDialect().str();
  for (dist::AxisRefAttr axis : dist::axesOf(op->getAttrOfType<ArrayAttr>("over")))
    facts.meshAxes.push_back(text(axis));
  facts.type = sizesText(cast<RankedTensorType>(op->getOperand(0).getType()));
  facts.count = traffic.count;
  facts.bytes = std::llround(traffic.bytes);
  facts.seconds = traffic.seconds;
  facts.source = analysis::sourceOf(op->getLoc());
  facts.kept = pipe::bytesOf(op->getResult(0).getType()) - pipe::bytesOf(op->getOperand(0).getType());
  return facts;
}

//===------------------------------------------------------------------===//
// Gathers and the backward pass
//===------------------------------------------------------------------===//

// What the same value, gathered alike, is known by: recomputing copies an op with its place.
using GatherKey = std::tuple<Attribute, Type, Attribute>;

static std::optional<GatherKey> gatherKey(Operation *op, StringRef phase) {
  auto reason = op->getAttrOfType<comm::ReasonAttr>("reason");
  if (!isa<comm::AllGatherOp>(op) || !reason || reason.getPhase() != phase)
    return std::nullopt;
  return GatherKey(op->getLoc(), op->getResult(0).getType(), op->getAttr("over"));
}

// Whether what the op makes is there when the backward pass begins, because that reads it: a user that the
// outputs do not need, or a stack of what a loop's turns made.
static bool isKept(Operation *op, const Forward &forward) {
  return llvm::any_of(op->getResult(0).getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    auto function = user->getParentOfType<func::FuncOp>();
    if (function->hasAttr(model::kEntryAttr))
      return !forward.contains(user);
    return isa<func::ReturnOp>(user) && forward.isStack(function, use.getOperandNumber());
  });
}

static void addRegather(CollectiveFacts &facts, Operation *op, const Forward &forward,
                        const llvm::DenseSet<GatherKey> &again) {
  std::optional<GatherKey> key = gatherKey(op, "forward");
  if (!key)
    return;
  facts.regather = isKept(op, forward)    ? Regather::Kept
                   : again.contains(*key) ? Regather::Again
                                          : Regather::None;
  if (facts.regather == Regather::Again)
    facts.because += "; each rank keeps its part alone, and it is gathered again going backwards";
  if (facts.regather == Regather::Kept)
    facts.because += "; what was gathered is kept for going backwards";
}

//===------------------------------------------------------------------===//
// Entries
//===------------------------------------------------------------------===//

// What makes two of them one.
static std::string keyOf(const CollectiveFacts &facts) {
  return llvm::join(facts.meshAxes, "/") + "|" + facts.op + "|" + facts.value + "|" + facts.phase + "|" +
         facts.source + "|" + facts.plan + "|" + facts.type + "|" + facts.because + "|" +
         llvm::join(facts.path, "/") + "|" + std::to_string(facts.merged.size());
}

static void collect(func::FuncOp entry, std::vector<CollectiveFacts> &found) {
  SmallVector<comm::Traffic> all = comm::trafficOf(entry);
  Forward forward(entry);
  llvm::DenseSet<GatherKey> again;
  for (const comm::Traffic &traffic : all)
    if (std::optional<GatherKey> key = gatherKey(traffic.op, "backward"))
      again.insert(*key);
  std::map<std::string, size_t> known; // in `found`
  for (const comm::Traffic &traffic : all) {
    CollectiveFacts facts = describe(traffic, entry);
    addRegather(facts, traffic.op, forward, again);
    auto [place, isNew] = known.emplace(keyOf(facts), found.size());
    if (isNew)
      found.push_back(std::move(facts));
    else
      found[place->second].count += facts.count;
  }
}

// What tells which one it is: not the type, for it may be cut in parts.
static std::string sourceOf(const CollectiveFacts &facts) {
  return facts.entry + "|" + llvm::join(facts.meshAxes, "/") + "|" + facts.op + "|" + facts.value + "|" +
         facts.phase + "|" + facts.source + "|" + facts.because;
}

// How an action is hidden, in words.
static std::string overlapText(Operation *op) {
  std::string text;
  auto say = [&](const std::string &more) { text += (text.empty() ? "" : ", ") + more; };
  Operation *wait = comm::isAsync(op) ? comm::waitOf(op) : nullptr;
  auto loop = dyn_cast<pipe::LoopOp>(op->getParentOp());
  if (auto members = op->getAttrOfType<ArrayAttr>(comm::kMembersAttr))
    say("in one message with " + std::to_string(members.size() - 1) + " more");
  if (loop && loop.getAxis() == "Chunks")
    say("in " + std::to_string(loop.getCount()) + " parts, each beside the work on the next");
  else if (comm::isAhead(op))
    say("begun a turn ahead");
  else if (wait)
    say(wait->getBlock() == op->getBlock() ? "begun early and waited for late"
                                           : "waited for behind the loop");
  return text;
}

void cleave::explain::addOverlap(std::vector<CollectiveFacts> &collectives, ModuleOp module) {
  std::map<std::string, CollectiveFacts *> known;
  for (CollectiveFacts &facts : collectives)
    known.try_emplace(sourceOf(facts), &facts);
  auto add = [&](Operation *op, const CollectiveFacts &seen) {
    auto found = known.find(sourceOf(seen));
    if (found == known.end())
      return;
    auto hidden = op->getAttrOfType<FloatAttr>(comm::kHiddenAttr);
    double part = seen.seconds > 0 && hidden ? hidden.getValueAsDouble() / seen.seconds : 0;
    found->second->overlap = overlapText(op);
    found->second->hidden = std::min(1.0, part) * found->second->seconds;
  };
  for (auto entry : module.getOps<func::FuncOp>())
    entry.walk([&](Operation *op) {
      if (!comm::communicates(op))
        return;
      CollectiveFacts seen = describe(comm::trafficOf(op), entry);
      auto members = op->getAttrOfType<ArrayAttr>(comm::kMembersAttr);
      if (!members)
        return add(op, seen);
      for (auto member : members.getAsRange<DictionaryAttr>()) {
        seen.source = analysis::sourceOf(cast<LocationAttr>(member.get("loc")));
        if (auto reason = member.getAs<comm::ReasonAttr>("reason")) {
          seen.value = reason.getValue().getValue();
          seen.because = reason.getBecause().getValue();
        }
        add(op, seen);
      }
    });
}

std::vector<CollectiveFacts> cleave::explain::collectCollectives(ModuleOp module, StringRef entry) {
  std::vector<CollectiveFacts> found;
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(model::kEntryAttr) && (entry.empty() || function.getName() == entry))
      collect(function, found);
  return found;
}
