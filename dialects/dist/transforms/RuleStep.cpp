// One application of a rule: layouts of its tensors are taken apart by factor, the axes that a factor has
// somewhere are given to the tensors that have it too, and what grew is put together again.
#include "dialects/dist/ir/ComputeLayout.h"
#include "dialects/dist/transforms/Propagate.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;
using namespace cleave::dist;

namespace {

// How one tensor is cut along one factor.
struct FactorCut {
  bool present = false;
  AxisList axes;
  AxisList overflow; // cut the dim within this factor, but not in equal parts of it
  bool open = true;
  bool minor = true; // the dim's last factor: may be cut in parts that do not divide it
  int64_t limit = 0; // what parts must divide: the factor's size, or the dim's
  unsigned remainder = Graph::Any;
};

struct TensorCut {
  unsigned cell;
  bool operand;
  bool broadcast; // lacks a factor of the result
  const TensorFactors *factors;
  SmallVector<FactorCut, 6> byFactor;
  AxisList barred;  // replicated, reserved, partial, or on dims that no factor walks along
  int64_t size = 1; // of the space its factors span
};

class Step {
public:
  Step(Graph &graph, const Rule &rule, const RuleStep &options)
      : graph(graph), rule(rule), options(options) {}
  void run();

private:
  bool findMesh();
  void addTensor(unsigned cell, const TensorFactors &factors, bool operand);
  AxisList axesFor(unsigned factor) const;
  void order();
  std::optional<Axis> fitWithin(const Axis &axis, const TensorCut &tensor, unsigned factor,
                                int64_t before) const;
  std::optional<Axis> fitAcross(const Axis &axis, const TensorCut &tensor, unsigned factor) const;
  AxisList wanted(const TensorCut &tensor, unsigned factor) const;
  bool isOriginal(const TensorCut &tensor, unsigned factor) const;
  void limitBasic();
  void spread(TensorCut &tensor);
  void store(const TensorCut &tensor);
  int sourceOf(const Axis &axis, unsigned factor, const TensorCut &target) const;

  Graph &graph;
  const Rule &rule;
  const RuleStep &options;
  MeshOp mesh;
  SmallVector<TensorCut, 4> tensors; // operands, then results
  SmallVector<TensorCut, 4> before;  // as they were
  SmallVector<AxisList, 6> axes;     // per factor: what is to be spread
  SmallVector<unsigned> sorted;      // factors, those that win conflicts first
};

} // namespace

//===------------------------------------------------------------------===//
// Layouts by factor
//===------------------------------------------------------------------===//

void Step::addTensor(unsigned number, const TensorFactors &factors, bool operand) {
  const Cell &cell = graph.cells[number];
  TensorCut &tensor = tensors.emplace_back();
  tensor.cell = number;
  tensor.operand = operand;
  tensor.factors = &factors;
  tensor.byFactor.resize(rule.map.factors.size());
  tensor.broadcast =
      operand && rule.kind == RuleClass::PassThrough && !rule.slides && !rule.map.isFull(factors);
  tensor.barred = cell.cut.replicated;
  llvm::append_range(tensor.barred, cell.reserved);
  for (const PendingCut &partial : cell.cut.partials)
    llvm::append_range(tensor.barred, partial.axes);
  SmallVector<FactorAxes, 6> projected(rule.map.factors.size());
  for (auto [position, dim] : llvm::enumerate(factors.dims)) {
    const DimCut &cut = cell.cut.dims[position];
    if (dim.factors.empty())
      llvm::append_range(tensor.barred, cut.axes);
    projectDim(rule.map, dim, cut.axes, projected);
    bool overflows = false;
    for (unsigned factor : dim.factors) {
      FactorCut &made = tensor.byFactor[factor];
      made.present = true;
      made.axes = projected[factor].axes;
      made.overflow = projected[factor].overflow;
      made.minor = factor == dim.factors.back();
      made.open = cut.open && !overflows; // nothing cuts minor factors of one that is cut unevenly
      overflows |= !made.overflow.empty();
      made.limit = dim.read == Read::Window ? cell.shape[position] : rule.map.factors[factor].size;
      made.remainder = cell.remainder[position];
      tensor.size *= rule.map.factors[factor].size;
    }
  }
}

//===------------------------------------------------------------------===//
// What there is to spread
//===------------------------------------------------------------------===//

// Joins what one more tensor has to what was found; `grow` says whether it may add axes. Returns whether more
// may be added after it: not behind a conflict.
static bool join(AxisList &found, AxisListRef more, bool grow) {
  AxisList joined;
  AxisListRef old = found;
  while (!old.empty() && !more.empty()) {
    Axis a = old.front(), b = more.front();
    old = old.drop_front();
    more = more.drop_front();
    bool stops = false;
    if (a == b) {
      joined.push_back(a);
    } else if (b.isPrefixOf(a)) {
      stops = !more.empty();
      joined.push_back(stops ? b : a);
    } else if (a.isPrefixOf(b)) {
      stops = !grow || !old.empty();
      joined.push_back(stops ? a : b);
    } else {
      stops = true;
    }
    if (stops) {
      found = std::move(joined);
      return false;
    }
  }
  llvm::append_range(joined, old);
  if (grow)
    llvm::append_range(joined, more);
  found = std::move(joined);
  return grow;
}

// The longest list of axes that the tensors agree on along a factor, given by those that may give.
AxisList Step::axesFor(unsigned factor) const {
  Directions directions = options.directionOf(factor);
  if (!directions.any())
    return {};
  AxisList found;
  bool grow = true;
  auto gives = [&](const TensorCut &tensor) {
    return (tensor.operand ? directions.forward : directions.backward) &&
           (!tensor.broadcast || options.broadcastGives);
  };
  for (bool giving : {true, false})
    for (const TensorCut &tensor : tensors)
      if (tensor.byFactor[factor].present && gives(tensor) == giving)
        grow = join(found, tensor.byFactor[factor].axes, grow && giving);
  return found;
}

// Larger tensors win, then, where all walk together, the factor that is cut in more parts; then the order of
// operands and of factors.
void Step::order() {
  struct Rank {
    int64_t size = -1, parts = 0;
    size_t tensor = 0;
  };
  SmallVector<Rank> ranks(axes.size());
  for (auto [factor, rank] : llvm::enumerate(ranks)) {
    rank.parts = rule.elementwise ? sizeOf(axes[factor]) : 0;
    rank.tensor = tensors.size();
    for (auto [number, tensor] : llvm::enumerate(tensors)) {
      const FactorCut &cut = tensor.byFactor[factor];
      bool source = cut.present && !axes[factor].empty() && prefixOf(axes[factor], cut.axes) != Prefix::No;
      if (source && tensor.size > rank.size) {
        rank.size = tensor.size;
        rank.tensor = number;
      }
    }
  }
  sorted = llvm::to_vector(llvm::seq<unsigned>(0, axes.size()));
  llvm::sort(sorted, [&](unsigned a, unsigned b) {
    return std::make_tuple(-ranks[a].size, -ranks[a].parts, ranks[a].tensor, a) <
           std::make_tuple(-ranks[b].size, -ranks[b].parts, ranks[b].tensor, b);
  });
}

//===------------------------------------------------------------------===//
// Who takes it
//===------------------------------------------------------------------===//

// The first part of `axis` that may cut the factor behind `before` parts.
std::optional<Axis> Step::fitWithin(const Axis &axis, const TensorCut &tensor, unsigned factor,
                                    int64_t before) const {
  const FactorCut &cut = tensor.byFactor[factor];
  std::optional<Axis> prefix = prefixWithout(axis, tensor.barred);
  if (!prefix)
    return std::nullopt;
  for (const Axis &own : cut.axes)
    if (own.mesh == prefix->mesh && own.pre <= prefix->pre && own.end() >= prefix->end())
      return prefix; // it has that already
  if (cut.open && cut.overflow.empty()) {
    if (cut.minor) {
      int64_t parts = before * prefix->size;
      if (cut.remainder == Graph::Any || (cut.remainder == Graph::NotEmpty && parts <= cut.limit) ||
          (cut.limit != 0 && cut.limit % parts == 0))
        return prefix;
    } else if (cut.limit % before == 0) {
      int64_t common = std::gcd(cut.limit / before, prefix->size);
      if (common == prefix->size)
        return prefix;
      if (common != 1)
        return Axis{prefix->mesh, prefix->pre, common};
    }
  }
  // What it has may be a part of the axis.
  if (!cut.axes.empty() && cut.axes.back().isPrefixOf(*prefix))
    return cut.axes.back();
  return std::nullopt;
}

std::optional<Axis> Step::fitAcross(const Axis &axis, const TensorCut &tensor, unsigned factor) const {
  std::optional<Axis> prefix = axis;
  for (auto [other, cut] : llvm::enumerate(tensor.byFactor)) {
    if (other == factor)
      continue;
    for (AxisListRef list : {AxisListRef(cut.axes), AxisListRef(cut.overflow)})
      if (prefix)
        prefix = prefixWithout(*prefix, list);
  }
  return prefix;
}

// Shortens a list to what fits, axis by axis; the last may remain in part.
static void shorten(AxisList &list, function_ref<std::optional<Axis>(const Axis &, int64_t before)> fit) {
  int64_t before = 1;
  for (auto [position, axis] : llvm::enumerate(list)) {
    std::optional<Axis> fits = fit(axis, before);
    if (!fits)
      return list.truncate(position);
    if (*fits != axis) {
      axis = *fits;
      return list.truncate(position + 1);
    }
    before *= axis.size;
  }
}

AxisList Step::wanted(const TensorCut &tensor, unsigned factor) const {
  const FactorCut &cut = tensor.byFactor[factor];
  if (!cut.present)
    return {};
  AxisList list = axes[factor];
  shorten(list, [&](const Axis &axis, int64_t parts) { return fitWithin(axis, tensor, factor, parts); });
  if (prefixOf(cut.axes, list) != Prefix::Strict)
    return {};
  shorten(list, [&](const Axis &axis, int64_t) { return fitAcross(axis, tensor, factor); });
  return prefixOf(cut.axes, list) == Prefix::Strict ? list : AxisList{};
}

// Without conflict resolution: what any tensor cannot take, none takes.
void Step::limitBasic() {
  for (unsigned factor = 0; factor != axes.size(); ++factor)
    for (const TensorCut &tensor : tensors)
      shorten(axes[factor], [&](const Axis &axis, int64_t parts) -> std::optional<Axis> {
        std::optional<Axis> prefix = fitAcross(axis, tensor, factor);
        if (prefix && tensor.byFactor[factor].present)
          prefix = fitWithin(*prefix, tensor, factor, parts);
        return prefix;
      });
}

void Step::spread(TensorCut &tensor) {
  if (tensor.broadcast && !options.broadcastTakes)
    return;
  bool grew = false;
  for (unsigned factor : sorted) {
    AxisList list = wanted(tensor, factor);
    if (list.empty())
      continue;
    // Sideways from operand to operand of an element-wise op only as far as the result follows.
    if (tensor.operand && rule.elementwise)
      for (const TensorCut &result : tensors)
        if (!result.operand && result.byFactor[factor].present &&
            prefixOf(result.byFactor[factor].axes, list) == Prefix::Strict)
          list = result.byFactor[factor].axes;
    if (prefixOf(tensor.byFactor[factor].axes, list) != Prefix::Strict)
      continue;
    tensor.byFactor[factor].axes = std::move(list);
    grew = true;
  }
  if (grew)
    store(tensor);
}

//===------------------------------------------------------------------===//
// Back to layouts
//===------------------------------------------------------------------===//

int Step::sourceOf(const Axis &axis, unsigned factor, const TensorCut &target) const {
  for (const TensorCut &tensor : before)
    if (tensor.cell != target.cell && tensor.byFactor[factor].present &&
        llvm::any_of(tensor.byFactor[factor].axes, [&](const Axis &own) { return overlap(own, axis); }))
      return tensor.cell;
  return -1;
}

void Step::store(const TensorCut &tensor) {
  Cell &cell = graph.cells[tensor.cell];
  bool grew = false;
  for (auto [position, dim] : llvm::enumerate(tensor.factors->dims)) {
    if (dim.factors.empty())
      continue;
    AxisList list;
    for (unsigned factor : dim.factors) {
      const FactorCut &cut = tensor.byFactor[factor];
      for (const Axis &axis : cut.axes)
        append(list, axis);
      for (const Axis &axis : cut.overflow)
        append(list, axis);
      // Minor factors of one that is not cut up would not be blocks of the dim.
      if (!cut.overflow.empty() || sizeOf(cut.axes) < rule.map.factors[factor].size)
        break;
    }
    DimCut &old = cell.cut.dims[position];
    if (prefixOf(old.axes, list) != Prefix::Strict)
      continue; // another tensor of the rule that is the same cell was faster
    AxisListRef added = AxisListRef(list).drop_front(old.axes.size());
    if (llvm::any_of(added, [&](const Axis &axis) { return cell.cut.uses(axis); }))
      continue;
    for (const Axis &axis : list)
      if (!overlaps(axis, old.axes) || !llvm::is_contained(old.axes, axis))
        for (unsigned factor : dim.factors)
          if (int from = sourceOf(axis, factor, tensor); from >= 0) {
            cell.origins.push_back({axis, options.tactic, from});
            break;
          }
    old.axes = std::move(list);
    grew = true;
  }
  if (!grew)
    return;
  if (!cell.mesh)
    cell.mesh = mesh;
  options.changed(tensor.cell);
}

// Meshes with the same axes are the same; different ones do not mix.
bool Step::findMesh() {
  for (unsigned number : llvm::concat<const unsigned>(rule.operands, rule.results)) {
    MeshOp other = graph.cells[number].mesh;
    if (!other || other == mesh)
      continue;
    if (mesh && (mesh.getAxes() != other.getAxes() || mesh.getSizes() != other.getSizes()))
      return false;
    if (!mesh)
      mesh = other;
  }
  return static_cast<bool>(mesh);
}

void Step::run() {
  if (!findMesh())
    return;
  for (auto [cell, factors] : llvm::zip(rule.operands, rule.map.operands))
    addTensor(cell, factors, /*operand=*/true);
  for (auto [cell, factors] : llvm::zip(rule.results, rule.map.results))
    addTensor(cell, factors, /*operand=*/false);
  for (unsigned factor = 0; factor != rule.map.factors.size(); ++factor)
    axes.push_back(rule.map.factors[factor].kind == FactorKind::Blocked ? AxisList{} : axesFor(factor));
  if (llvm::all_of(axes, [](const AxisList &list) { return list.empty(); }))
    return;
  if (options.strategy == Strategy::Basic)
    limitBasic();
  order();
  before = tensors;
  for (bool operand : {false, true}) // results first: they say how far operands follow each other
    for (TensorCut &tensor : tensors)
      if (tensor.operand == operand)
        spread(tensor);
}

void cleave::dist::applyRule(Graph &graph, const Rule &rule, const RuleStep &step) {
  Step(graph, rule, step).run();
}
