#include "dialects/dist/ir/ComputeLayout.h"

#include <numeric>

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

void cleave::dist::projectDim(const FactorMap &map, const DimFactors &dim, AxisListRef axes,
                              MutableArrayRef<FactorAxes> byFactor) {
  SmallVector<Axis> rest(axes.rbegin(), axes.rend());
  for (unsigned factor : dim.factors) {
    FactorAxes &made = byFactor[factor];
    if (factor == dim.factors.back()) {
      for (const Axis &axis : llvm::reverse(rest))
        append(made.axes, axis);
      return;
    }
    int64_t remaining = map.factors[factor].size;
    while (!rest.empty()) {
      Axis &next = rest.back();
      int64_t common = std::gcd(remaining, next.size);
      if (next.size != 1 && common == 1)
        break;
      append(made.axes, {next.mesh, next.pre, common});
      remaining /= common;
      if (common == next.size)
        rest.pop_back();
      else
        next = {next.mesh, next.pre * common, next.size / common};
    }
    if (remaining > 1 && !rest.empty()) {
      made.overflow.assign(rest.rbegin(), rest.rend());
      return;
    }
  }
}

Assignment cleave::dist::factorAxes(const FactorMap &map, const TensorFactors &tensor, const Cut &cut) {
  SmallVector<FactorAxes, 6> byFactor(map.factors.size());
  for (auto [dim, factors] : llvm::enumerate(tensor.dims))
    projectDim(map, factors, cut.dims[dim].axes, byFactor);
  Assignment axes;
  for (FactorAxes &factor : byFactor)
    axes.push_back(std::move(factor.axes));
  return axes;
}

Assignment cleave::dist::assignmentOf(const FactorMap &map, ArrayRef<AxisList> perDim) {
  // The iteration is a tensor whose dims are the op's.
  TensorFactors space;
  Cut cut;
  for (auto [dim, axes] : llvm::enumerate(perDim)) {
    space.dims.push_back({Read::Plain, map.factorsOf(dim)});
    cut.dims.push_back({axes, false, 0});
  }
  return factorAxes(map, space, cut);
}

// The axes of factors that stand together, as one list.
static AxisList joinFactors(ArrayRef<unsigned> factors, const FactorMap &map, const Assignment &assignment) {
  AxisList list;
  for (unsigned factor : factors) {
    for (const Axis &axis : assignment[factor])
      append(list, axis);
    if (sizeOf(assignment[factor]) < map.factors[factor].size)
      break;
  }
  return list;
}

SmallVector<AxisList, 6> cleave::dist::perDim(const FactorMap &map, const Assignment &assignment) {
  SmallVector<AxisList, 6> lists;
  for (unsigned dim = 0; dim != map.dims.size(); ++dim)
    lists.push_back(joinFactors(map.factorsOf(dim), map, assignment));
  return lists;
}

FailureOr<Assignment> cleave::dist::readFactors(Operation *op, const FactorMap &map, MeshOp mesh,
                                                function_ref<InFlightDiagnostic()> error) {
  auto factors = op->getAttrOfType<ArrayAttr>(kFactorsAttr);
  if (!factors || factors.size() != map.dims.size()) {
    error() << "needs an entry of dist.factors for each of its " << map.dims.size()
            << " dims, got: " << (factors ? factors.size() : 0);
    return failure();
  }
  SmallVector<AxisList, 6> lists;
  AxisList seen;
  for (auto [dim, attr] : llvm::enumerate(factors)) {
    FailureOr<AxisList> list = resolve(mesh, cast<DimAttr>(attr).getAxes(), error);
    if (failed(list))
      return failure();
    for (const Axis &axis : *list)
      if (overlaps(axis, seen)) {
        error() << "is computed twice over one mesh axis: " << text(mesh, {axis});
        return failure();
      }
    llvm::append_range(seen, *list);
    lists.push_back(std::move(*list));
  }
  Assignment assignment = assignmentOf(map, lists);
  for (auto [factor, axes] : llvm::zip(map.factors, assignment))
    if (factor.kind == FactorKind::Blocked && !axes.empty()) {
      error() << "is cut along dim " << factor.dim << ", which must be whole";
      return failure();
    }
  if (perDim(map, assignment) != lists) {
    error() << "is cut within a digit of a dim that is not cut up to it";
    return failure();
  }
  return assignment;
}

bool cleave::dist::becomes(const Cut &computed, const Cut &declared) {
  return llvm::all_of(llvm::zip(computed.dims, declared.dims), [](auto pair) {
    auto &[from, to] = pair;
    return prefixOf(from.axes, to.axes) != Prefix::No;
  });
}

Cut cleave::dist::cutUnder(const TensorFactors &tensor, const FactorMap &map, const Assignment &assignment) {
  Cut cut;
  for (const DimFactors &dim : tensor.dims)
    cut.dims.push_back({joinFactors(dim.factors, map, assignment), /*open=*/false, 0});
  return cut;
}

Cut cleave::dist::computedCut(const FactorMap &map, const Assignment &assignment, unsigned result) {
  Cut cut = cutUnder(map.results[result], map, assignment);
  for (auto [factor, axes] : llvm::zip(map.factors, assignment)) {
    if (axes.empty() || (factor.kind != FactorKind::Reduction && factor.kind != FactorKind::Indexed))
      continue;
    model::Combiner combiner = factor.kind == FactorKind::Indexed ? model::Combiner::Sum : map.combiner;
    if (cut.partials.empty() || cut.partials.back().combiner != combiner)
      cut.partials.push_back({combiner, {}});
    llvm::append_range(cut.partials.back().axes, axes);
  }
  return cut;
}

int64_t cleave::dist::bytesOf(RankedTensorType type) {
  return type.getNumElements() * std::max<int64_t>(type.getElementTypeBitWidth(), 8) / 8;
}

// The axes that both lists begin with.
static AxisList common(AxisListRef a, AxisListRef b) {
  AxisList list;
  for (auto [x, y] : llvm::zip(a, b)) {
    if (x == y) {
      list.push_back(x);
      continue;
    }
    if (x.isPrefixOf(y))
      list.push_back(x);
    else if (y.isPrefixOf(x))
      list.push_back(y);
    break;
  }
  return list;
}

int64_t cleave::dist::bytesToConvert(const Cut &from, const Cut &to, int64_t bytes) {
  int64_t kept = 1, gathered = 1, exchanged = 1, scattered = 1, reduced = 1;
  for (auto [a, b] : llvm::zip(from.dims, to.dims)) {
    AxisList same = common(a.axes, b.axes);
    int64_t parts = sizeOf(same);
    kept *= parts;
    int64_t lost = sizeOf(a.axes) / parts;
    bool moves = llvm::any_of(AxisListRef(a.axes).drop_front(std::min(same.size(), a.axes.size())),
                              [&](const Axis &axis) { return to.uses(axis); });
    (moves ? exchanged : gathered) *= lost;
  }
  for (const PendingCut &partial : from.partials)
    for (const Axis &axis : partial.axes)
      if (llvm::none_of(to.partials, [&](const PendingCut &other) { return overlaps(axis, other.axes); }))
        (to.uses(axis) ? scattered : reduced) *= axis.size;
  double local = static_cast<double>(bytes) / static_cast<double>(kept), sent = 0;
  auto share = [](int64_t parts) { return 1.0 - 1.0 / static_cast<double>(parts); };
  sent += local * share(scattered);
  local /= static_cast<double>(scattered);
  sent += 2 * local * share(reduced);
  sent += local / static_cast<double>(exchanged) * share(exchanged);
  sent += local * share(gathered);
  return static_cast<int64_t>(sent);
}
