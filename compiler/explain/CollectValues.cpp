// Layouts of what a user can name, and what came of the plan's tactics.
#include "compiler/analysis/MemoryReport.h"
#include "compiler/explain/Collect.h"
#include "compiler/explain/Notation.h"

#include "llvm/ADT/StringMap.h"

#include <map>
#include <set>

using namespace mlir;
using namespace cleave;
using namespace cleave::explain;

MeshFacts cleave::explain::collectMesh(ModuleOp module) {
  MeshFacts facts;
  SymbolTable symbols(module);
  dist::MeshOp mesh;
  for (auto plan : module.getOps<dist::PlanOp>()) {
    facts.plan = plan.getSymName();
    facts.hash = plan.getHash();
    for (Operation &tactic : plan.getBody().front())
      facts.tactics.push_back({analysis::sourceOf(tactic.getLoc()), tactic.getName().stripDialect().str()});
    mesh = symbols.lookup<dist::MeshOp>(plan.getMesh());
  }
  for (auto only : module.getOps<dist::MeshOp>())
    mesh = mesh ? mesh : only;
  if (!mesh)
    return facts;
  facts.name = mesh.getSymName();
  facts.ranks = mesh.getRanks();
  for (auto [i, name] : llvm::enumerate(mesh.getAxes().getAsValueRange<StringAttr>())) {
    MeshAxisFacts axis;
    axis.name = name;
    axis.size = mesh.getSizes()[i];
    if (auto link = mesh.getLinks() ? dyn_cast<dist::LinkAttr>((*mesh.getLinks())[i]) : dist::LinkAttr()) {
      axis.link = link.getName().getValue();
      axis.bandwidth = link.getBandwidth().getValueAsDouble();
      axis.latency = link.getLatency().getValueAsDouble();
    }
    facts.axes.push_back(axis);
  }
  return facts;
}

// The lines of the plan's tactics, in order.
static std::vector<std::string> placesOfTactics(ModuleOp module) {
  std::vector<std::string> places;
  for (auto plan : module.getOps<dist::PlanOp>())
    for (Operation &tactic : plan.getBody().front())
      places.push_back(analysis::sourceOf(tactic.getLoc()));
  return places;
}

static std::string placeOfTactic(const std::vector<std::string> &places, int64_t number) {
  return number >= 0 && static_cast<size_t>(number) < places.size() ? places[static_cast<size_t>(number)]
                                                                    : "";
}

namespace {
class ValueCollector {
public:
  explicit ValueCollector(ModuleOp module) : symbols(module), tactics(placesOfTactics(module)) {
    for (auto only : module.getOps<dist::MeshOp>())
      mesh = only;
  }

  void entry(func::FuncOp function) {
    name = function.getName();
    auto at = [&](StringRef attr, unsigned i) { return function.getArgAttr(i, attr); };
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto type = cast<RankedTensorType>(function.getArgumentTypes()[i]);
      auto layout = dyn_cast_or_null<dist::LayoutAttr>(at(dist::kLayoutAttr, i));
      auto origins = dyn_cast_or_null<ArrayAttr>(at(dist::kOriginAttr, i));
      computed = dyn_cast_or_null<dist::LayoutAttr>(at(dist::kComputedAttr, i));
      if (auto state = dyn_cast_or_null<FlatSymbolRefAttr>(at(model::kStateAttr, i)))
        addState(state.getValue(), layout, origins);
      else if (auto input = dyn_cast_or_null<StringAttr>(at(model::kInputAttr, i)))
        add(input.getValue(), "input", type, layout, function.getArgument(i).getLoc(), origins);
      computed = {};
    }
    body(function);
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      if (auto output = function.getResultAttrOfType<StringAttr>(i, model::kOutputAttr))
        add(output.getValue(), "output", cast<RankedTensorType>(function.getResultTypes()[i]),
            function.getResultAttrOfType<dist::LayoutAttr>(i, dist::kLayoutAttr), function.getLoc(),
            function.getResultAttrOfType<ArrayAttr>(i, dist::kOriginAttr));
  }

  std::vector<ValueFacts> take() { return std::move(found); }

private:
  // The named values of a function and of what it calls, in order.
  void body(func::FuncOp function) {
    if (!function || function.isExternal() || !visited.insert(function).second)
      return;
    function.walk<WalkOrder::PreOrder>([&](Operation *op) {
      named(op);
      if (auto scan = dyn_cast<model::ScanOp>(op))
        body(symbols.lookup<func::FuncOp>(scan.getBody()));
      if (auto call = dyn_cast<model::CallOp>(op))
        body(symbols.lookup<func::FuncOp>(call.getCallee()));
      return isa<model::IndexOp>(op) ? WalkResult::skip() : WalkResult::advance();
    });
  }

  void named(Operation *op) {
    auto names = op->getAttrOfType<ArrayAttr>("names");
    auto origins = op->getAttrOfType<ArrayAttr>(dist::kOriginsAttr);
    for (OpResult result : op->getResults())
      if (StringAttr path = names ? dyn_cast<StringAttr>(names[result.getResultNumber()]) : StringAttr();
          path && !path.empty())
        add(path.getValue(), "value", cast<RankedTensorType>(result.getType()), dist::layoutOf(result),
            op->getLoc(), origins ? dyn_cast<ArrayAttr>(origins[result.getResultNumber()]) : ArrayAttr());
  }

  void addState(StringRef symbol, dist::LayoutAttr layout, ArrayAttr origins) {
    auto state = symbols.lookup<model::StateOp>(symbol);
    if (!state)
      return;
    StringRef outer = name;
    name = "";
    add(state.getPath(), state.getKind(), cast<RankedTensorType>(state.getType()), layout, state.getLoc(),
        origins);
    name = outer;
  }

  void add(StringRef path, StringRef kind, RankedTensorType type, dist::LayoutAttr layout, Location loc,
           ArrayAttr origins) {
    if (!known.insert({name.str(), path.str()}).second)
      return;
    ValueFacts facts;
    facts.name = path;
    facts.kind = kind;
    facts.entry = name;
    facts.type = text(type);
    facts.layout = text(type, layout);
    facts.compute = computed ? text(type, computed) : facts.layout;
    facts.partial = partialText(layout);
    RankedTensorType local = largestBlock(type, layout, mesh);
    facts.local = sizesText(local);
    facts.bytes =
        local.getNumElements() * static_cast<int64_t>(llvm::divideCeil(type.getElementTypeBitWidth(), 8));
    facts.source = analysis::sourceOf(loc);
    for (Attribute origin : origins ? origins.getValue() : ArrayRef<Attribute>())
      if (auto known = dyn_cast<dist::OriginAttr>(origin))
        facts.origins.push_back(originFacts(known, path));
    found.push_back(std::move(facts));
  }

  OriginFacts originFacts(dist::OriginAttr origin, StringRef name) const {
    OriginFacts facts;
    facts.axis = text(origin.getAxis());
    facts.tactic = placeOfTactic(tactics, origin.getTactic());
    for (StringRef step : origin.getPath().getAsValueRange<StringAttr>())
      if (facts.path.empty() || facts.path.back() != step)
        facts.path.push_back(step.str());
    if (facts.path.empty() || facts.path.back() != name)
      facts.path.push_back(name.str());
    return facts;
  }

  SymbolTable symbols;
  dist::MeshOp mesh;
  dist::LayoutAttr computed;        // of the argument at hand, where it is stored apart
  std::vector<std::string> tactics; // places
  StringRef name;                   // of the entry
  std::set<std::pair<std::string, std::string>> known;
  llvm::DenseSet<Operation *> visited;
  std::vector<ValueFacts> found;
};
} // namespace

std::vector<ValueFacts> cleave::explain::collectValues(ModuleOp module, StringRef entry) {
  ValueCollector collector(module);
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(model::kEntryAttr) && (entry.empty() || function.getName() == entry))
      collector.entry(function);
  return collector.take();
}

namespace {
// What tactics wanted of the values of functions, one by one.
class ConflictCollector {
public:
  explicit ConflictCollector(ModuleOp module) : tactics(placesOfTactics(module)) {
    for (auto state : module.getOps<model::StateOp>())
      paths[state.getSymName()] = state.getPath();
  }

  void function(func::FuncOp function) {
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      std::string name;
      if (auto state = function.getArgAttrOfType<FlatSymbolRefAttr>(i, model::kStateAttr))
        name = paths.lookup(state.getValue());
      else if (auto input = function.getArgAttrOfType<StringAttr>(i, model::kInputAttr))
        name = input.getValue();
      add(function.getArgAttrOfType<ArrayAttr>(i, dist::kConflictAttr), function.getArgument(i), name);
    }
    function.walk([&](Operation *op) {
      auto conflicts = op->getAttrOfType<ArrayAttr>(dist::kConflictsAttr);
      if (!conflicts)
        return;
      auto names = op->getAttrOfType<ArrayAttr>("names");
      for (auto [result, lost] : llvm::zip(op->getResults(), conflicts))
        add(dyn_cast<ArrayAttr>(lost), result,
            names ? cast<StringAttr>(names[result.getResultNumber()]).getValue().str() : std::string());
    });
  }

  std::vector<ConflictFacts> take() { return std::move(found); }

private:
  void add(ArrayAttr conflicts, Value value, std::string name) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<StringRef> axes = model::axesOf(type);
    std::string place = analysis::sourceOf(value.getLoc());
    for (Attribute attribute : conflicts ? conflicts.getValue() : ArrayRef<Attribute>()) {
      auto conflict = dyn_cast<dist::ConflictAttr>(attribute);
      if (!conflict)
        continue;
      ConflictFacts facts;
      facts.value = !name.empty() ? name : text(type) + (place.empty() ? "" : " of " + place);
      facts.axis = text(conflict.getAxis());
      facts.dim = axes[static_cast<size_t>(conflict.getDim())];
      facts.tactic = placeOfTactic(tactics, conflict.getTactic());
      facts.winner = placeOfTactic(tactics, conflict.getWinner());
      facts.because = conflict.getHolder() == conflict.getDim()
                          ? "it is held as it is"
                          : facts.axis + " cuts " + axes[static_cast<size_t>(conflict.getHolder())].str() +
                                " of it, and a mesh axis cuts one dim of a value: the earlier tactic has it";
      if (known.insert(facts.value + "|" + facts.axis + "|" + facts.dim + "|" + facts.tactic).second)
        found.push_back(std::move(facts));
    }
  }

  std::vector<std::string> tactics;
  llvm::StringMap<std::string> paths;
  std::set<std::string> known;
  std::vector<ConflictFacts> found;
};
} // namespace

std::vector<ConflictFacts> cleave::explain::collectConflicts(ModuleOp module) {
  ConflictCollector collector(module);
  for (auto function : module.getOps<func::FuncOp>())
    collector.function(function);
  return collector.take();
}
