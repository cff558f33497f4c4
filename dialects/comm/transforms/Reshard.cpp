#include "dialects/comm/transforms/Reshard.h"

#include "dialects/comm/transforms/Traffic.h"

#include "llvm/ADT/StringMap.h"
#include <map>
#include <queue>

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

namespace {

// Mesh axes cut into the parts that all layouts at hand are made of, as numbers.
using Atoms = SmallVector<uint8_t, 4>;

struct Placement {
  SmallVector<Atoms> dims;
  std::map<model::Combiner, Atoms> partials; // sorted atoms

  bool operator<(const Placement &other) const {
    if (partials != other.partials)
      return partials < other.partials;
    return std::lexicographical_compare(dims.begin(), dims.end(), other.dims.begin(), other.dims.end());
  }
  bool operator==(const Placement &other) const { return dims == other.dims && partials == other.partials; }
};

class AtomTable {
public:
  AtomTable(const Shards &shards, ArrayRef<LayoutAttr> layouts) : shards(shards) {
    std::map<std::string, std::set<int64_t>> cuts;
    auto note = [&](AxisRefAttr axis) {
      auto [low, high] = shards.reach(axis);
      cuts[axis.getName().str()].insert({low, high});
      names[axis.getName().str()] = axis.getName();
    };
    for (LayoutAttr layout : layouts) {
      for (dist::DimAttr dim : layout.getDims())
        llvm::for_each(dim.getAxes(), note);
      for (dist::PartialAttr partial : layout.getPartials())
        llvm::for_each(partial.getAxes(), note);
    }
    for (auto &[name, points] : cuts)
      for (auto it = points.begin(); std::next(it) != points.end(); ++it)
        atoms.push_back(part(names[name], *it, *std::next(it)));
  }

  size_t size() const { return atoms.size(); }
  AxisRefAttr operator[](uint8_t atom) const { return atoms[atom]; }
  int64_t sizeOf(uint8_t atom) const { return shards.sizeOf(atoms[atom]); }
  int64_t members(ArrayRef<uint8_t> list) const {
    int64_t product = 1;
    for (uint8_t atom : list)
      product *= sizeOf(atom);
    return product;
  }

  Atoms split(ArrayRef<AxisRefAttr> axes) const {
    Atoms result;
    for (AxisRefAttr axis : axes) {
      auto [low, high] = shards.reach(axis);
      for (auto [i, atom] : llvm::enumerate(atoms)) {
        auto [least, greatest] = shards.reach(atom);
        if (atom.getName() == axis.getName() && least >= low && greatest <= high)
          result.push_back(static_cast<uint8_t>(i));
      }
    }
    return result;
  }

  Placement split(LayoutAttr layout) const {
    Placement result;
    for (dist::DimAttr dim : layout.getDims())
      result.dims.push_back(split(dim.getAxes()));
    for (dist::PartialAttr partial : layout.getPartials()) {
      Atoms list = split(partial.getAxes());
      if (list.empty())
        continue; // over mesh axes of one rank: nothing is pending
      Atoms &known = result.partials[partial.getCombiner()];
      known.append(list);
      llvm::sort(known);
    }
    return result;
  }

  AxisList join(ArrayRef<uint8_t> list) const {
    AxisList axes;
    for (uint8_t atom : list)
      axes.push_back(atoms[atom]);
    return joined(shards.getMesh(), axes);
  }

  LayoutAttr join(const Placement &placement) const {
    SmallVector<AxisList> dims;
    for (const Atoms &list : placement.dims)
      dims.push_back(join(list));
    SmallVector<dist::PartialAttr> partials;
    for (auto &[combiner, list] : placement.partials)
      partials.push_back(dist::PartialAttr::get(shards.getMeshName().getContext(), combiner, join(list)));
    return makeLayout(shards.getMeshName(), dims, partials);
  }

private:
  AxisRefAttr part(StringAttr name, int64_t low, int64_t high) const {
    MLIRContext *context = name.getContext();
    AxisRefAttr whole = AxisRefAttr::get(context, name);
    return low == 1 && high == shards.sizeOf(whole) ? whole
                                                    : AxisRefAttr::get(context, name, low, high / low);
  }

  const Shards &shards;
  std::map<std::string, StringAttr> names;
  std::vector<AxisRefAttr> atoms;
};

class Search {
public:
  Search(const Shards &shards, RankedTensorType whole, LayoutAttr from, LayoutAttr to)
      : shards(shards), whole(whole), atoms(shards, {from, to}), source(atoms.split(from)),
        target(atoms.split(to)), to(to) {}

  SmallVector<Step> run();

private:
  struct Node {
    double seconds = 0;
    unsigned steps = 0;
    Placement before;
    Step step;
    bool done = false;
  };

  double bytesOf(const Placement &at) const;
  void offer(const Placement &before, Placement after, Step step, std::optional<cost::Collective> kind,
             double size);
  void visit(const Placement &at);
  void gathers(const Placement &at);
  void slices(const Placement &at);
  void exchanges(const Placement &at);
  void reductions(const Placement &at);
  void begins(const Placement &at);
  void permutes(const Placement &at);
  void permuteTo(const Placement &at, const Placement &wanted);
  int64_t number(ArrayRef<uint8_t> list, std::map<uint8_t, int64_t> &digits) const;
  void split(int64_t value, ArrayRef<uint8_t> list, std::map<uint8_t, int64_t> &digits) const;
  bool mayAppend(const Placement &at, unsigned dim, ArrayRef<uint8_t> list) const;
  bool mayDrop(const Placement &at, unsigned dim, size_t count) const;
  bool isFree(const Placement &at, uint8_t atom) const;
  bool isEven(const Placement &at) const;

  const Shards &shards;
  RankedTensorType whole;
  AtomTable atoms;
  Placement source, target;
  LayoutAttr to;
  std::map<Placement, Node> nodes;
  using Entry = std::tuple<double, unsigned, uint64_t, Placement>; // seconds, steps, order of discovery
  std::vector<Entry> queue;
  uint64_t discovered = 0;
};

} // namespace

// A collective costs one latency here, whatever its messages: bytes decide, then the number of steps. A local
// slice reads and writes memory.
constexpr double kSecondsPerStep = 1e-6;
constexpr double kMemoryBandwidth = 50e9;

double Search::bytesOf(const Placement &at) const {
  double elements = 1;
  for (auto [extent, list] : llvm::zip(whole.getShape(), at.dims))
    elements *= static_cast<double>(shards.most(extent, atoms.join(list)));
  return elements * std::max(8u, whole.getElementTypeBitWidth()) / 8;
}

void Search::offer(const Placement &before, Placement after, Step step, std::optional<cost::Collective> kind,
                   double size) {
  step.after = after == target ? to : atoms.join(after);
  int64_t members = shards.members(step.over);
  if (kind) {
    step.bytes = cost::bytesSent(*kind, size, members);
    cost::Link link = linkOf(shards.getMesh(), step.over);
    step.seconds = link.latency + step.bytes / link.bandwidth;
  } else {
    step.seconds = 2 * size / kMemoryBandwidth;
  }
  step.seconds += kSecondsPerStep;
  const Node &here = nodes.at(before);
  double seconds = here.seconds + step.seconds;
  unsigned steps = here.steps + 1;
  auto [it, fresh] = nodes.try_emplace(after);
  if (!fresh &&
      (it->second.done || std::tie(it->second.seconds, it->second.steps) <= std::tie(seconds, steps)))
    return;
  it->second = Node{seconds, steps, before, std::move(step), false};
  queue.emplace_back(seconds, steps, discovered++, std::move(after));
  std::push_heap(queue.begin(), queue.end(), std::greater<>());
}

bool Search::isFree(const Placement &at, uint8_t atom) const {
  for (const Atoms &list : at.dims)
    if (llvm::is_contained(list, atom))
      return false;
  return llvm::none_of(at.partials, [&](auto &partial) { return llvm::is_contained(partial.second, atom); });
}

bool Search::isEven(const Placement &at) const {
  return llvm::all_of(llvm::zip(whole.getShape(), at.dims), [&](auto pair) {
    return shards.isEven(std::get<0>(pair), atoms.join(std::get<1>(pair)));
  });
}

static bool isPrefix(ArrayRef<AxisRefAttr> some, ArrayRef<AxisRefAttr> all) {
  return some.size() <= all.size() && some == all.take_front(some.size());
}

// A dim takes on what the target has there. Uneven blocks nest in one order only, axis by axis.
bool Search::mayAppend(const Placement &at, unsigned dim, ArrayRef<uint8_t> list) const {
  const Atoms &wanted = target.dims[dim];
  Atoms grown = at.dims[dim];
  grown.append(list.begin(), list.end());
  AxisList all = atoms.join(wanted), some = atoms.join(grown), now = atoms.join(at.dims[dim]);
  int64_t extent = whole.getDimSize(dim);
  // A part that its neighbour joins is cut anew: 6 in 2 are 3, 3, and in 4 they are 2, 2, 1, 1.
  if (!shards.isEven(extent, all) || !shards.isEven(extent, some))
    return isPrefix(some, all) && isPrefix(now, some);
  return llvm::all_of(list, [&](uint8_t atom) { return llvm::is_contained(wanted, atom); });
}

bool Search::mayDrop(const Placement &at, unsigned dim, size_t count) const {
  AxisList all = atoms.join(at.dims[dim]);
  return shards.isEven(whole.getDimSize(dim), all) ||
         isPrefix(atoms.join(ArrayRef(at.dims[dim]).drop_back(count)), all);
}

void Search::gathers(const Placement &at) {
  for (unsigned dim = 0; dim < at.dims.size(); ++dim)
    for (size_t count = 1; count <= at.dims[dim].size(); ++count) {
      if (!mayDrop(at, dim, count))
        continue;
      Placement after = at;
      Atoms minor(ArrayRef(at.dims[dim]).take_back(count));
      after.dims[dim].pop_back_n(count);
      Step step(Move::AllGather, atoms.join(minor));
      step.dim = dim;
      double size = bytesOf(after);
      offer(at, std::move(after), std::move(step), cost::Collective::AllGather, size);
    }
}

void Search::slices(const Placement &at) {
  for (unsigned dim = 0; dim < at.dims.size(); ++dim)
    for (size_t first = 0; first < target.dims[dim].size(); ++first)
      for (size_t count = 1; first + count <= target.dims[dim].size(); ++count) {
        ArrayRef<uint8_t> list = ArrayRef(target.dims[dim]).slice(first, count);
        if (!llvm::all_of(list, [&](uint8_t atom) { return isFree(at, atom); }) || !mayAppend(at, dim, list))
          continue;
        Placement after = at;
        after.dims[dim].append(list.begin(), list.end());
        Step step(Move::Slice, atoms.join(list));
        step.dim = dim;
        double size = bytesOf(after);
        offer(at, std::move(after), std::move(step), std::nullopt, size);
      }
}

void Search::exchanges(const Placement &at) {
  for (unsigned from = 0; from < at.dims.size(); ++from)
    for (unsigned into = 0; into < at.dims.size(); ++into)
      for (size_t count = 1; from != into && count <= at.dims[from].size(); ++count) {
        Atoms minor(ArrayRef(at.dims[from]).take_back(count));
        if (!mayDrop(at, from, count) || !mayAppend(at, into, minor))
          continue;
        Placement after = at;
        after.dims[from].pop_back_n(count);
        after.dims[into].append(minor);
        Step step(Move::AllToAll, atoms.join(minor));
        step.dim = into;
        step.concat = from;
        offer(at, std::move(after), std::move(step), cost::Collective::AllToAll, bytesOf(at));
      }
}

static void erasePartial(Placement &at, model::Combiner combiner, ArrayRef<uint8_t> list) {
  Atoms &known = at.partials[combiner];
  llvm::erase_if(known, [&](uint8_t atom) { return llvm::is_contained(list, atom); });
  if (known.empty())
    at.partials.erase(combiner);
}

void Search::reductions(const Placement &at) {
  for (auto &[combiner, list] : at.partials) {
    for (unsigned subset = 1; subset < 1u << list.size(); ++subset) {
      Atoms chosen;
      for (size_t i = 0; i < list.size(); ++i)
        if (subset >> i & 1)
          chosen.push_back(list[i]);
      Placement after = at;
      erasePartial(after, combiner, chosen);
      Step step(Move::AllReduce, atoms.join(chosen));
      step.combiner = combiner;
      offer(at, after, step, cost::Collective::AllReduce, bytesOf(at));
    }
    for (unsigned dim = 0; dim < at.dims.size(); ++dim) {
      Atoms run; // what the target has next to each other here and is pending
      for (uint8_t atom : target.dims[dim]) {
        run.push_back(atom);
        if (!llvm::is_contained(list, atom))
          run.clear();
        for (size_t first = 0; first < run.size(); ++first) {
          Atoms chosen(ArrayRef(run).drop_front(first));
          if (!mayAppend(at, dim, chosen))
            continue;
          Placement after = at;
          erasePartial(after, combiner, chosen);
          after.dims[dim].append(chosen);
          Step step(Move::ReduceScatter, atoms.join(chosen));
          step.combiner = combiner;
          step.dim = dim;
          offer(at, std::move(after), std::move(step), cost::Collective::ReduceScatter, bytesOf(at));
        }
      }
    }
  }
}

// Replicated to partial: member 0 keeps the value.
void Search::begins(const Placement &at) {
  for (auto &[combiner, list] : target.partials)
    for (uint8_t atom : list) {
      if (!isFree(at, atom))
        continue;
      Placement after = at;
      Atoms &known = after.partials[combiner];
      known.push_back(atom);
      llvm::sort(known);
      Step step(Move::Only, atoms.join(ArrayRef(atom)));
      step.combiner = combiner;
      offer(at, std::move(after), std::move(step), std::nullopt, bytesOf(at));
    }
}

// Blocks of equal shape change hands, everybody giving once: where source and target cut every dim in as many
// blocks, part by part; or where the parts of a dim only change their order.
void Search::permutes(const Placement &at) {
  if (!isEven(at) || !isEven(target))
    return;
  if (at.partials == target.partials && at.dims != target.dims)
    permuteTo(at, target);
  for (unsigned dim = 0; dim < at.dims.size(); ++dim) {
    Placement after = at;
    llvm::sort(after.dims[dim]);
    do {
      if (after.dims != at.dims && at.dims[dim].size() <= 4)
        permuteTo(at, after);
    } while (std::next_permutation(after.dims[dim].begin(), after.dims[dim].end()));
  }
}

void Search::permuteTo(const Placement &at, const Placement &wanted) {
  std::set<uint8_t> gives, takes;
  for (auto [mine, other] : llvm::zip(at.dims, wanted.dims)) {
    if (atoms.members(mine) != atoms.members(other))
      return;
    gives.insert(mine.begin(), mine.end());
    takes.insert(other.begin(), other.end());
  }
  // Parts that only one side uses: digits of the giver that its blocks do not tell are mine of those that
  // mine do not.
  SmallVector<uint8_t> rest, open;
  std::set_difference(gives.begin(), gives.end(), takes.begin(), takes.end(), std::back_inserter(rest));
  std::set_difference(takes.begin(), takes.end(), gives.begin(), gives.end(), std::back_inserter(open));
  Atoms moved(gives.begin(), gives.end());
  moved.append(open.begin(), open.end());
  llvm::sort(moved);
  Step step(Move::Permute, atoms.join(moved));
  for (int64_t member = 0, count = atoms.members(moved); member < count; ++member) {
    std::map<uint8_t, int64_t> mine, giver;
    split(member, moved, mine);
    for (auto [given, taken] : llvm::zip(at.dims, wanted.dims))
      split(number(taken, mine), given, giver);
    split(number(rest, mine), open, giver);
    step.sources.push_back(number(moved, giver));
  }
  offer(at, wanted, std::move(step), cost::Collective::Permute, bytesOf(at));
}

// The number that digits make up, major first, and the way back.
int64_t Search::number(ArrayRef<uint8_t> list, std::map<uint8_t, int64_t> &digits) const {
  int64_t value = 0;
  for (uint8_t atom : list)
    value = value * atoms.sizeOf(atom) + digits[atom];
  return value;
}

void Search::split(int64_t value, ArrayRef<uint8_t> list, std::map<uint8_t, int64_t> &digits) const {
  for (uint8_t atom : llvm::reverse(list)) {
    digits[atom] = value % atoms.sizeOf(atom);
    value /= atoms.sizeOf(atom);
  }
}

void Search::visit(const Placement &at) {
  gathers(at);
  slices(at);
  exchanges(at);
  reductions(at);
  begins(at);
  permutes(at);
}

SmallVector<Step> Search::run() {
  nodes[source] = Node();
  queue.emplace_back(0.0, 0u, discovered++, source);
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), std::greater<>());
    Placement at = std::move(std::get<3>(queue.back()));
    queue.pop_back();
    Node &node = nodes.at(at);
    if (node.done)
      continue;
    node.done = true;
    if (at == target)
      break;
    visit(at);
  }
  SmallVector<Step> steps;
  for (Placement at = target; !(at == source);) {
    Node &node = nodes.at(at);
    steps.push_back(node.step);
    at = Placement(node.before);
  }
  std::reverse(steps.begin(), steps.end());
  return steps;
}

// Mesh axes of which no one splitting has all parts that are in these layouts.
static std::set<StringRef> unsplit(const Shards &shards, ArrayRef<LayoutAttr> layouts) {
  std::map<StringRef, std::set<int64_t>> cuts;
  auto note = [&](AxisRefAttr axis) {
    auto [low, high] = shards.reach(axis);
    cuts[axis.getName().getValue()].insert({low, high});
  };
  for (LayoutAttr layout : layouts) {
    for (dist::DimAttr dim : layout.getDims())
      llvm::for_each(dim.getAxes(), note);
    for (dist::PartialAttr partial : layout.getPartials())
      llvm::for_each(partial.getAxes(), note);
  }
  std::set<StringRef> found;
  for (auto &[name, points] : cuts)
    for (auto it = points.begin(); std::next(it) != points.end(); ++it)
      if (*std::next(it) % *it != 0)
        found.insert(name);
  return found;
}

// A layout without these mesh axes.
static LayoutAttr without(LayoutAttr layout, FlatSymbolRefAttr mesh, const std::set<StringRef> &names) {
  auto isOf = [&](AxisRefAttr axis) { return names.count(axis.getName().getValue()) != 0; };
  SmallVector<AxisList> dims;
  for (dist::DimAttr dim : layout.getDims()) {
    ArrayRef<AxisRefAttr> axes = dim.getAxes();
    dims.emplace_back(axes.begin(), llvm::find_if(axes, isOf)); // and what cuts its blocks further
  }
  SmallVector<dist::PartialAttr> partials;
  for (dist::PartialAttr partial : layout.getPartials()) {
    AxisList axes(partial.getAxes());
    llvm::erase_if(axes, isOf);
    if (!axes.empty())
      partials.push_back(dist::PartialAttr::get(layout.getContext(), partial.getCombiner(), axes));
  }
  return makeLayout(mesh, dims, partials);
}

const SmallVector<Step> &Resharder::plan(RankedTensorType whole, LayoutAttr from, LayoutAttr to) {
  auto key = std::tuple(mlir::Type(whole), from, to);
  if (auto it = known.find(key); it != known.end())
    return it->second;
  SmallVector<Step> steps;
  std::set<StringRef> names = unsplit(shards, {from, to});
  if (names.empty() && from != to) {
    steps = Search(shards, whole, from, to).run();
  } else if (from != to) { // what lies along such parts is whole in between
    LayoutAttr between = without(from, shards.getMeshName(), names);
    steps = plan(whole, from, between);
    llvm::append_range(steps, SmallVector<Step>(plan(whole, between, to)));
  }
  return known.try_emplace(key, std::move(steps)).first->second;
}
