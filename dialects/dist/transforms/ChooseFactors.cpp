// Over which mesh axes each op is computed, from the layouts that propagation settled.
#include "dialects/dist/transforms/ChooseFactors.h"

#include "compiler/cost/Collectives.h"
#include "dialects/dist/ir/ComputeLayout.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

namespace {

class Chooser {
public:
  Chooser(const Graph &graph, const Rule &rule, MeshOp mesh)
      : graph(graph), rule(rule), map(rule.map), mesh(mesh) {
    for (auto [cell, tensor] : llvm::zip(rule.operands, map.operands))
      operandAxes.push_back(factorAxes(map, tensor, graph.cells[cell].cut));
    for (auto [cell, tensor] : llvm::zip(rule.results, map.results))
      resultAxes.push_back(factorAxes(map, tensor, graph.cells[cell].cut));
    chosen.resize(map.factors.size());
  }

  Assignment run();

private:
  bool has(const TensorFactors &tensor, unsigned factor) const { return tensor.find(factor).has_value(); }
  AxisList agreed(unsigned factor) const;
  void take(unsigned factor, AxisListRef axes);
  void tryAxes(unsigned factor);
  bool isCutAlong(unsigned factor, AxisListRef axes) const;
  bool isStoredAlong(unsigned factor, AxisListRef axes) const;
  void tryGathering(unsigned reduced, unsigned factor);
  int64_t cost(int64_t bytesOfStart = 0) const;

  const Graph &graph;
  const Rule &rule;
  const FactorMap &map;
  MeshOp mesh;
  SmallVector<Assignment, 4> operandAxes, resultAxes;
  Assignment chosen;
};

} // namespace

// The axes that every operand with the factor is cut over.
AxisList Chooser::agreed(unsigned factor) const {
  std::optional<AxisList> list;
  for (auto [tensor, axes] : llvm::zip(map.operands, operandAxes)) {
    if (!has(tensor, factor))
      continue;
    if (!list || prefixOf(axes[factor], *list) == Prefix::Strict)
      list = axes[factor];
    else if (prefixOf(*list, axes[factor]) == Prefix::No)
      return {};
  }
  return list.value_or(AxisList{});
}

// As many axes of a list, from the major end, as no other factor is computed over.
void Chooser::take(unsigned factor, AxisListRef axes) {
  AxisList used;
  for (auto [other, list] : llvm::enumerate(chosen))
    if (other != factor)
      llvm::append_range(used, list);
  AxisList taken;
  // Digits before the last are cut in equal parts, or the dim would not be cut block by block.
  bool isLast = factor + 1 == map.factors.size() || map.factors[factor + 1].dim != map.factors[factor].dim;
  for (const Axis &axis : axes) {
    std::optional<Axis> prefix = prefixWithout(axis, used);
    if (!prefix || (!isLast && map.factors[factor].size % (sizeOf(taken) * prefix->size) != 0))
      break;
    taken.push_back(*prefix);
    if (*prefix != axis)
      break;
  }
  chosen[factor] = std::move(taken);
}

// Bytes that a rank sends, and for each conversion as many as the link would carry while a message starts.
int64_t Chooser::cost(int64_t bytesOfStart) const {
  int64_t sent = 0;
  auto add = [&](int64_t bytes) { sent += bytes + (bytes ? bytesOfStart : 0); };
  SmallVector<std::pair<unsigned, LayoutAttr>>
      counted; // an operand that is read twice alike is converted once
  for (auto [cell, tensor, value] : llvm::zip(rule.operands, map.operands, rule.op->getOperands())) {
    Cut need = cutUnder(tensor, map, chosen);
    std::pair<unsigned, LayoutAttr> read = {cell, toAttr(mesh, need)};
    if (llvm::is_contained(counted, read))
      continue;
    counted.push_back(read);
    add(bytesToConvert(graph.cells[cell].cut, need, bytesOf(cast<RankedTensorType>(value.getType()))));
  }
  for (auto [number, cell] : llvm::enumerate(rule.results))
    add(bytesToConvert(computedCut(map, chosen, number), graph.cells[cell].cut,
                       bytesOf(cast<RankedTensorType>(rule.op->getResult(number).getType()))));
  return sent;
}

// Computes a factor over what some operand has, if that moves fewer bytes.
void Chooser::tryAxes(unsigned factor) {
  for (auto [tensor, axes] : llvm::zip(map.operands, operandAxes)) {
    if (!has(tensor, factor) || prefixOf(chosen[factor], axes[factor]) != Prefix::Strict)
      continue;
    AxisList old = chosen[factor];
    int64_t before = cost();
    take(factor, axes[factor]);
    if (cost() >= before)
      chosen[factor] = old;
  }
}

// Whether everything that has a factor is cut along it, beginning with these axes.
bool Chooser::isCutAlong(unsigned factor, AxisListRef axes) const {
  auto cut = [&](auto pair) {
    auto [tensor, own] = pair;
    return !has(tensor, factor) || prefixOf(axes, own[factor]) != Prefix::No;
  };
  return llvm::all_of(llvm::zip(map.operands, operandAxes), cut) &&
         llvm::all_of(llvm::zip(map.results, resultAxes), cut) &&
         llvm::any_of(map.results, [&](const TensorFactors &tensor) { return has(tensor, factor); });
}

// Whether every result is cut along a factor over these axes for the sake of storage alone: a gradient, where
// a plan stores gradients, or what an update makes of them, in parts.
bool Chooser::isStoredAlong(unsigned factor, AxisListRef axes) const {
  auto isStored = [&](auto each) {
    auto [number, tensor, own] = each;
    const Cell &cell = graph.cells[number];
    return has(tensor, factor) && prefixOf(axes, own[factor]) != Prefix::No && cell.computed &&
           llvm::none_of(axes, [&](const Axis &axis) { return cell.computed->uses(axis); });
  };
  return llvm::all_of(llvm::zip(rule.results, map.results, resultAxes), isStored);
}

// Bytes that a link carries in the time in which the messages of a ring over these axes start, one by one.
static int64_t bytesOfStart(MeshOp mesh, AxisListRef axes) {
  cost::Link link;
  double most = mesh.getLinks() ? 0 : link.bandwidth * link.latency;
  if (mesh.getLinks())
    for (LinkAttr each : mesh.getLinks()->getAsRange<LinkAttr>())
      most = std::max(most, each.getBandwidth().getValueAsDouble() * each.getLatency().getValueAsDouble());
  return static_cast<int64_t>(most * static_cast<double>(sizeOf(axes) - 1));
}

// A sum over mesh axes that its result is cut over along a factor of its own: gathering what is summed gives
// each rank its part of the result, and nobody holds the whole of it. Done if it moves fewer bytes, where
// everything that walks along the result is cut so already.
//   table[v / tp, e] += x[s / tp, e] at ids[s / tp]: x and ids are gathered, or a sum of the table's size is
//   scattered
// A gradient that is stored in parts is computed in parts where its factors are that much smaller than
// itself: they are activations, for a sum over what is stored is a weight's gradient.
//   gradient[i / dp, o] += x[b / dp, i] y[b / dp, o]: x is exchanged for x[b, i / dp], y gathered, or a sum
//   of the gradient's size is scattered
void Chooser::tryGathering(unsigned reduced, unsigned factor) {
  bool isCut = !chosen[reduced].empty() && isCutAlong(factor, chosen[reduced]);
  if (chosen[reduced].empty() || (!isCut && !isStoredAlong(factor, chosen[reduced])))
    return;
  Assignment old = chosen;
  int64_t start = isCut ? 0 : bytesOfStart(mesh, chosen[reduced]);
  int64_t before = cost(start);
  AxisList axes = std::move(chosen[reduced]);
  chosen[reduced].clear();
  take(factor, axes);
  if (chosen[factor] != axes || cost(start) >= before)
    chosen = old;
}

Assignment Chooser::run() {
  for (auto [number, factor] : llvm::enumerate(map.factors))
    if (factor.kind == FactorKind::Reduction || factor.kind == FactorKind::Indexed)
      take(number, agreed(number));
  for (auto [number, factor] : llvm::enumerate(map.factors))
    if (factor.kind == FactorKind::Parallel)
      for (auto [tensor, axes] : llvm::zip(map.results, resultAxes))
        if (has(tensor, number))
          take(number, axes[number]);
  for (unsigned reduced = 0; reduced != map.factors.size(); ++reduced)
    for (unsigned factor = 0; factor != map.factors.size(); ++factor)
      if (map.factors[reduced].kind == FactorKind::Reduction &&
          map.factors[factor].kind == FactorKind::Parallel)
        tryGathering(reduced, factor);
  for (auto [number, factor] : llvm::enumerate(map.factors))
    if (factor.kind != FactorKind::Blocked)
      tryAxes(number);
  return assignmentOf(map, perDim(map, chosen)); // minor digits only where the major ones are cut up
}

static MeshOp meshOf(const Graph &graph, const Rule &rule) {
  for (unsigned cell : llvm::concat<const unsigned>(rule.operands, rule.results))
    if (MeshOp mesh = graph.cells[cell].mesh)
      return mesh;
  return {};
}

Cut cleave::dist::neededLayout(const Graph &graph, const Rule &rule, unsigned operand) {
  MeshOp mesh = meshOf(graph, rule);
  const Cut &own = graph.cells[rule.operands[operand]].cut;
  return mesh ? cutUnder(rule.map.operands[operand], rule.map, Chooser(graph, rule, mesh).run()) : own;
}

void cleave::dist::chooseFactors(const Graph &graph) {
  for (const Rule &rule : graph.rules) {
    if (!rule.computes)
      continue;
    MeshOp mesh = meshOf(graph, rule);
    if (!mesh)
      continue;
    Assignment assignment = Chooser(graph, rule, mesh).run();
    SmallVector<Attribute> dims;
    for (AxisList &axes : perDim(rule.map, assignment))
      dims.push_back(toAttr(mesh, DimCut{axes, /*open=*/false, 0}));
    rule.op->setAttr(kFactorsAttr, ArrayAttr::get(rule.op->getContext(), dims));
    rule.op->removeAttr(kGathersAttr);
    for (auto [number, cell] : llvm::enumerate(rule.results))
      if (!becomes(computedCut(rule.map, assignment, number), graph.cells[cell].cut))
        rule.op->setAttr(kGathersAttr, UnitAttr::get(rule.op->getContext()));
  }
}
