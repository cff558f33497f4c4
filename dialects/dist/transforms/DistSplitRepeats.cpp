// --dist-split-repeats: a `repeat` of which a plan names some layers becomes several, one behind the other.
//
//   dist.layout_of "net.blocks[2].w" is ...
//   %y = model.scan @"net.blocks[*]" count 4 carries(%x) slices(%w)
//   ->
//   %a = model.scan @"net.blocks[0..2]" count 2 carries(%x) slices(%w0)
//   %b = model.scan @"net.blocks[2]" count 1 carries(%a) slices(%w1)
//   %y = model.scan @"net.blocks[3]" count 1 carries(%b) slices(%w2)
//
// Before and after: a legal model stage. States that a repeat stacks become one state for each range of its
// layers, so that each has a layout of its own; what is computed of a whole stack reads their concatenation.
// It stands before residuals and gradients, which then are of each range.
#include "dialects/dist/transforms/Passes.h"
#include "dialects/dist/transforms/SplitRepeat.h"
#include "dialects/model/ir/Repeats.h"

#include <map>
#include <set>

namespace cleave::dist {
#define GEN_PASS_DEF_DISTSPLITREPEATS
#include "dialects/dist/transforms/Passes.h.inc"
} // namespace cleave::dist

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

//===------------------------------------------------------------------===//
// What plans name
//===------------------------------------------------------------------===//

// "gpt.blocks[2].up.w" -> gpt, blocks[2], up, w
static SmallVector<StringRef> stepsOf(StringRef path) {
  SmallVector<StringRef> steps;
  size_t begin = 0, depth = 0;
  for (size_t at = 0; at <= path.size(); ++at) {
    if (at < path.size() && path[at] == '[')
      ++depth;
    if (at < path.size() && path[at] == ']')
      --depth;
    if (at == path.size() || (path[at] == '.' && depth == 0)) {
      steps.push_back(path.slice(begin, at));
      begin = at + 1;
    }
  }
  return steps;
}

// The layers that a pattern names of a repeat, `gpt.blocks[*]`; none where it is not about it, or about all.
static std::optional<rt::Layers> namedLayers(StringRef pattern, StringRef repeat) {
  SmallVector<StringRef> wanted = stepsOf(pattern), steps = stepsOf(repeat);
  if (wanted.size() < steps.size())
    return std::nullopt;
  auto nameOf = [](StringRef step) { return step.take_until([](char c) { return c == '['; }); };
  for (auto [want, step] : llvm::zip(wanted, steps))
    if (want != "*" && nameOf(want) != nameOf(step))
      return std::nullopt;
  std::vector<rt::Layers> layers = rt::layersOf(wanted[steps.size() - 1]);
  if (layers.empty() || layers.back().all())
    return std::nullopt;
  return layers.back();
}

static StringRef selectorOf(Operation *tactic) {
  if (auto op = dyn_cast<LayoutOfOp>(tactic))
    return op.getSelector();
  if (auto op = dyn_cast<ReplicateOp>(tactic))
    return op.getSelector();
  if (auto op = dyn_cast<StoreOp>(tactic))
    return op.getSelector();
  if (auto op = dyn_cast<ResidualOp>(tactic))
    return op.getSelector();
  if (auto op = dyn_cast<AssertOp>(tactic)) // what is counted is that of these layers
    return op.getSelector();
  return "";
}

// Every repeat of the module with its number of layers, by path.
static std::map<std::string, int64_t> repeatsOf(ModuleOp module) {
  std::map<std::string, int64_t> repeats;
  module.walk([&](model::ScanOp scan) {
    if (auto path = scan->getAttrOfType<StringAttr>(model::kRepeatAttr))
      repeats.try_emplace(path.str(), scan.getCount());
  });
  return repeats;
}

// The ranges that a repeat falls into; none where no tactic names some of its layers.
static SmallVector<rt::Layers> rangesOf(ModuleOp module, StringRef repeat, int64_t count) {
  std::set<int64_t> cuts;
  for (auto plan : module.getOps<PlanOp>())
    for (Operation &tactic : plan.getBody().front())
      for (StringRef pattern : llvm::split(selectorOf(&tactic), ", "))
        if (std::optional<rt::Layers> named = namedLayers(pattern, repeat))
          cuts.insert({named->begin, named->end});
  SmallVector<rt::Layers> ranges;
  if (cuts.empty())
    return ranges;
  cuts.insert({0, count});
  for (auto cut = cuts.begin(); std::next(cut) != cuts.end() && *std::next(cut) <= count; ++cut)
    ranges.push_back({*cut, *std::next(cut)});
  return ranges;
}

namespace {
struct DistSplitRepeats : dist::impl::DistSplitRepeatsBase<DistSplitRepeats> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::map<std::string, int64_t> repeats = repeatsOf(module);
    // Inner ones first: the path of an outer one then still begins theirs.
    std::vector<std::pair<std::string, int64_t>> order(repeats.begin(), repeats.end());
    llvm::sort(order, [](const auto &a, const auto &b) {
      return std::make_pair(llvm::count(b.first, '['), StringRef(a.first)) <
             std::make_pair(llvm::count(a.first, '['), StringRef(b.first));
    });
    for (const auto &[path, count] : order)
      if (SmallVector<rt::Layers> ranges = rangesOf(module, path, count); !ranges.empty())
        splitRepeat(module, path, ranges);
    module.walk([](model::ScanOp scan) { scan->removeAttr(model::kRepeatAttr); });
  }
};
} // namespace
