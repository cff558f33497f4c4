// Collectives of an entry with their causes, and how often each runs.
#include "compiler/analysis/MemoryReport.h"
#include "compiler/explain/Collect.h"
#include "compiler/explain/Notation.h"
#include "dialects/comm/transforms/Traffic.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <map>
#include <set>

using namespace mlir;
using namespace cleave;
using namespace cleave::explain;

static CollectiveFacts describe(const comm::Traffic &traffic, func::FuncOp entry) {
  Operation *op = traffic.op;
  CollectiveFacts facts;
  facts.entry = entry.getName();
  facts.op = op->getName().stripDialect().str();
  for (dist::AxisRefAttr axis : dist::axesOf(op->getAttrOfType<ArrayAttr>("over")))
    facts.meshAxes.push_back(text(axis));
  facts.type = sizesText(cast<RankedTensorType>(op->getOperand(0).getType()));
  facts.count = traffic.count;
  facts.bytes = std::llround(traffic.bytes);
  facts.seconds = traffic.seconds;
  facts.source = analysis::sourceOf(op->getLoc());
  if (auto reason = op->getAttrOfType<comm::ReasonAttr>("reason")) {
    facts.value = reason.getValue().getValue();
    facts.phase = reason.getPhase().getValue();
    facts.because = reason.getBecause().getValue();
    facts.hint = reason.getHint().getValue();
    facts.plan = analysis::sourceOf(reason.getPlan());
  }
  return facts;
}

// What makes two of them one.
static std::string keyOf(const CollectiveFacts &facts) {
  return llvm::join(facts.meshAxes, "/") + "|" + facts.op + "|" + facts.value + "|" + facts.phase + "|" +
         facts.source + "|" + facts.plan + "|" + facts.type + "|" + facts.because;
}

std::vector<CollectiveFacts> cleave::explain::collectCollectives(ModuleOp module, StringRef entry) {
  std::vector<CollectiveFacts> found;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function->hasAttr(model::kEntryAttr) || (!entry.empty() && function.getName() != entry))
      continue;
    std::map<std::string, size_t> known; // in `found`
    for (const comm::Traffic &traffic : comm::trafficOf(function)) {
      CollectiveFacts facts = describe(traffic, function);
      auto [place, isNew] = known.emplace(keyOf(facts), found.size());
      if (isNew)
        found.push_back(std::move(facts));
      else
        found[place->second].count += facts.count;
    }
  }
  return found;
}

void cleave::explain::addRegathers(std::vector<CollectiveFacts> &collectives) {
  auto keyOfGather = [](const CollectiveFacts &facts) {
    return facts.entry + "|" + facts.value + "|" + llvm::join(facts.meshAxes, "/");
  };
  std::set<std::string> forward, backward;
  for (const CollectiveFacts &facts : collectives)
    if (facts.op == "all_gather")
      (facts.phase == "forward" ? forward : backward).insert(keyOfGather(facts));
  bool goesBack =
      llvm::any_of(collectives, [](const CollectiveFacts &facts) { return facts.phase == "backward"; });
  auto say = [](std::string &text, const std::string &more) { text += (text.empty() ? "" : "; ") + more; };
  for (CollectiveFacts &facts : collectives) {
    if (facts.op != "all_gather" || !goesBack)
      continue;
    bool twice = forward.count(keyOfGather(facts)) && backward.count(keyOfGather(facts));
    if (facts.phase == "backward" && twice) {
      say(facts.because, "it was gathered forwards too, and each rank kept its part alone");
      say(facts.hint, "`save " + facts.value + "` keeps what was gathered, for more memory");
    } else if (facts.phase == "forward") {
      say(facts.because, twice ? "each rank keeps its part alone, and it is gathered again going backwards"
                               : "what was gathered is kept for going backwards where that reads it");
    }
  }
}
