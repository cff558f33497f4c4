#include "test/unit/comm/Ranks.h"

#include "llvm/ADT/TypeSwitch.h"
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>

using namespace mlir;
using namespace cleave;
using namespace cleave::test;

//===------------------------------------------------------------------===//
// Tensors
//===------------------------------------------------------------------===//

// The elements along a dim, as outer * size * inner.
static std::pair<int64_t, int64_t> around(const Tensor &tensor, int64_t dim) {
  int64_t outer = 1, inner = 1;
  for (int64_t i = 0; i < static_cast<int64_t>(tensor.shape.size()); ++i)
    (i < dim ? outer : inner) *= i == dim ? 1 : tensor.shape[i];
  return {outer, inner};
}

// Elements [begin, begin + size) along a dim; `fill` outside [low, high).
static Tensor part(const Tensor &tensor, int64_t dim, int64_t begin, int64_t size, Scalar fill = {},
                   std::optional<int64_t> end = std::nullopt) {
  auto [outer, inner] = around(tensor, dim);
  int64_t extent = tensor.shape[dim], high = end.value_or(extent);
  Tensor result{tensor.shape, {}};
  result.shape[dim] = size;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t at = begin; at < begin + size; ++at)
      for (int64_t i = 0; i < inner; ++i)
        result.data.push_back(
            at < 0 || at >= high || at >= extent ? fill : tensor.data[(o * extent + at) * inner + i]);
  return result;
}

static Tensor join(ArrayRef<Tensor> parts, int64_t dim) {
  Tensor result = parts.front();
  for (const Tensor &next : parts.drop_front()) {
    auto [outer, inner] = around(result, dim);
    int64_t a = result.shape[dim] * inner, b = next.shape[dim] * inner;
    std::vector<Scalar> data;
    for (int64_t o = 0; o < outer; ++o) {
      data.insert(data.end(), result.data.begin() + o * a, result.data.begin() + (o + 1) * a);
      data.insert(data.end(), next.data.begin() + o * b, next.data.begin() + (o + 1) * b);
    }
    result.shape[dim] += next.shape[dim];
    result.data = std::move(data);
  }
  return result;
}

//===------------------------------------------------------------------===//
// Collectives
//===------------------------------------------------------------------===//

namespace {
// All ranks come to every collective in the same order; each sees what the others brought.
class Exchange {
public:
  explicit Exchange(size_t ranks) : brought(ranks) {}

  // `use` runs on every rank between two barriers.
  Tensor meet(size_t rank, Tensor mine, llvm::function_ref<Tensor(ArrayRef<Tensor>)> use) {
    brought[rank] = std::move(mine);
    wait();
    Tensor result = use(brought);
    wait();
    return result;
  }

private:
  void wait() {
    std::unique_lock lock(mutex);
    uint64_t round = rounds;
    if (++arrived == brought.size()) {
      arrived = 0;
      ++rounds;
      all.notify_all();
      return;
    }
    all.wait(lock, [&] { return rounds != round; });
  }

  std::vector<Tensor> brought;
  std::mutex mutex;
  std::condition_variable all;
  size_t arrived = 0;
  uint64_t rounds = 0;
};

class Rank {
public:
  Rank(dist::MeshOp mesh, int64_t rank, Exchange &exchange) : mesh(mesh), rank(rank), exchange(exchange) {}

  std::vector<Tensor> run(Operation *op, ArrayRef<Tensor> inputs) {
    if (isa<comm::WaitOp>(op))
      return {inputs.front()};
    over = dist::axesOf(op->getAttrOfType<ArrayAttr>("over"));
    if (auto offset = dyn_cast<comm::OffsetOp>(op)) {
      int64_t block = offset.getBlock(), begin = block * member(rank);
      if (!block)
        begin = beginOf(offset.getExtent(), member(rank));
      return {Tensor{{}, {Scalar{0, begin}}}};
    }
    return {exchange.meet(rank, inputs.front(), [&](ArrayRef<Tensor> all) {
      SmallVector<Tensor> group;
      for (int64_t other : groupOf())
        group.push_back(all[other]);
      return collective(op, group);
    })};
  }

private:
  int64_t digit(SmallVector<int64_t> at, dist::AxisRefAttr axis) {
    unsigned position = *mesh.find(axis.getName().getValue());
    if (axis.isWhole())
      return at[position];
    return at[position] / (mesh.getSizes()[position] / (axis.getPre() * axis.getSize())) % axis.getSize();
  }

  int64_t member(int64_t of) {
    int64_t number = 0;
    for (dist::AxisRefAttr axis : over)
      number = number * mesh.sizeOf(axis) + digit(comm::coordinatesOf(mesh, of), axis);
    return number;
  }

  // The ranks that differ in the digits of `over` alone, by member number.
  std::vector<int64_t> groupOf() {
    auto rest = [&](int64_t of) { // its coordinates with the digits of `over` taken out
      SmallVector<int64_t> at = comm::coordinatesOf(mesh, of);
      SmallVector<int64_t> plain = at;
      for (dist::AxisRefAttr axis : over) {
        unsigned position = *mesh.find(axis.getName().getValue());
        int64_t behind = axis.isWhole() ? 1 : mesh.getSizes()[position] / (axis.getPre() * axis.getSize());
        plain[position] -= digit(at, axis) * behind;
      }
      return plain;
    };
    std::map<int64_t, int64_t> byMember;
    for (int64_t other = 0; other < mesh.getRanks(); ++other)
      if (rest(other) == rest(rank))
        byMember[member(other)] = other;
    std::vector<int64_t> ranks;
    for (auto [number, other] : byMember)
      ranks.push_back(other);
    return ranks;
  }

  int64_t beginOf(int64_t extent, int64_t number) {
    SmallVector<int64_t> parts;
    for (dist::AxisRefAttr axis : over)
      parts.push_back(mesh.sizeOf(axis));
    SmallVector<int64_t> blocks = comm::blocksOf(extent, parts);
    return std::accumulate(blocks.begin(), blocks.begin() + number, int64_t(0));
  }

  // This member's block of a whole.
  Tensor block(const Tensor &whole, int64_t dim, int64_t size) {
    return part(whole, dim, beginOf(whole.shape[dim], member(rank)), size);
  }

  static Tensor reduce(model::Combiner combiner, Type element, ArrayRef<Tensor> group) {
    Tensor result = group.front();
    for (const Tensor &next : group.drop_front())
      for (auto [a, b] : llvm::zip(result.data, next.data))
        a = combine(combiner, isa<FloatType>(element), a, b);
    return result;
  }

  Tensor collective(Operation *op, ArrayRef<Tensor> group) {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    Type element = type.getElementType();
    int64_t me = member(rank);
    return llvm::TypeSwitch<Operation *, Tensor>(op)
        .Case([&](comm::AllReduceOp it) { return reduce(it.getCombiner(), element, group); })
        .Case([&](comm::ReduceScatterOp it) {
          return block(reduce(it.getCombiner(), element, group), it.getDim(), type.getDimSize(it.getDim()));
        })
        .Case([&](comm::AllGatherOp it) { return join(group, it.getDim()); })
        .Case([&](comm::AllToAllOp it) {
          SmallVector<Tensor> parts;
          for (const Tensor &from : group)
            parts.push_back(block(from, it.getSplit(), type.getDimSize(it.getSplit())));
          return join(parts, it.getConcat());
        })
        .Case([&](comm::PermuteOp it) {
          int64_t source = it.getSources()[me];
          return source < 0 ? Tensor{SmallVector<int64_t>(type.getShape()),
                                     std::vector<Scalar>(type.getNumElements())}
                            : group[source];
        })
        .Case([&](comm::BroadcastOp it) { return group[it.getRoot()]; })
        .Case([&](comm::SliceOp it) { return block(group[me], it.getDim(), type.getDimSize(it.getDim())); })
        .Case([&](comm::OnlyOp it) {
          Tensor result = group[me];
          if (me == 0)
            return result;
          for (Scalar &value : result.data)
            value = identity(it.getCombiner(), element);
          return result;
        })
        .Case([&](comm::HaloOp it) {
          int64_t dim = it.getDim(), low = it.getLow(), begin = 0;
          for (int64_t i = 0; i < me; ++i)
            begin += group[i].shape[dim];
          Scalar fill;
          if (std::optional<TypedAttr> value = it.getFill()) {
            if (auto real = dyn_cast<FloatAttr>(*value))
              fill.real = real.getValueAsDouble();
            else
              fill.integer = cast<IntegerAttr>(*value).getInt();
          }
          return part(join(group, dim), dim, begin - low, type.getDimSize(dim), fill, it.getExtent());
        })
        .Default([&](Operation *) -> Tensor { llvm::report_fatal_error("an op that ranks do not run"); });
  }

  static Scalar identity(model::Combiner combiner, Type element) {
    bool real = isa<FloatType>(element);
    switch (combiner) {
    case model::Combiner::Max:
      return {-INFINITY, real ? 0 : INT64_MIN};
    case model::Combiner::Min:
      return {INFINITY, real ? 0 : INT64_MAX};
    case model::Combiner::Prod:
      return {1, 1};
    default:
      return {};
    }
  }

  dist::MeshOp mesh;
  int64_t rank;
  Exchange &exchange;
  SmallVector<dist::AxisRefAttr> over;
};
} // namespace

PerRank cleave::test::evaluateRanks(ArrayRef<ModuleOp> modules, dist::MeshOp mesh, StringRef function,
                                    PerRank arguments) {
  PerRank results(arguments.size());
  Exchange exchange(arguments.size());
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < arguments.size(); ++rank)
    threads.emplace_back([&, rank] {
      Rank self(mesh, static_cast<int64_t>(rank), exchange);
      results[rank] = evaluate(modules[rank], function, arguments[rank], nullptr,
                               [&](Operation *op, ArrayRef<Tensor> inputs) { return self.run(op, inputs); });
    });
  for (std::thread &thread : threads)
    thread.join();
  return results;
}

//===------------------------------------------------------------------===//
// Blocks
//===------------------------------------------------------------------===//

// Begin and valid size of a rank's block of a dim.
static std::pair<int64_t, int64_t> rangeOf(int64_t extent, ArrayRef<dist::AxisRefAttr> axes,
                                           const comm::Shards &rank) {
  if (axes.empty())
    return {0, extent};
  int64_t member = rank.member(axes);
  if (rank.isEven(extent, axes)) {
    int64_t local = rank.local(extent, axes), begin = member * local;
    return {begin, std::clamp<int64_t>(extent - begin, 0, local)};
  }
  SmallVector<int64_t> parts;
  for (dist::AxisRefAttr axis : axes)
    parts.push_back(rank.sizeOf(axis));
  SmallVector<int64_t> blocks = comm::blocksOf(extent, parts);
  return {std::accumulate(blocks.begin(), blocks.begin() + member, int64_t(0)), blocks[member]};
}

Tensor cleave::test::blockOf(const Tensor &whole, RankedTensorType type, comm::LayoutAttr layout,
                             const comm::Shards &rank) {
  Tensor result = whole;
  for (auto [dim, attribute] : llvm::enumerate(layout.getDims())) {
    int64_t begin = rangeOf(type.getDimSize(dim), attribute.getAxes(), rank).first;
    result = part(result, dim, begin, rank.local(type.getDimSize(dim), attribute.getAxes()), Scalar{NAN, 77});
  }
  return result;
}

double cleave::test::difference(const Tensor &whole, RankedTensorType type, comm::LayoutAttr layout,
                                ArrayRef<comm::Shards> ranks, ArrayRef<Tensor> blocks) {
  bool isFloat = isa<FloatType>(type.getElementType());
  double scale = 1e-30, worst = 0;
  for (const Scalar &value : whole.data)
    scale = std::max(scale, isFloat ? std::abs(value.real) : std::abs(static_cast<double>(value.integer)));
  for (auto [rank, block] : llvm::zip(ranks, blocks)) {
    Tensor expected = whole, found = block;
    for (auto [dim, attribute] : llvm::enumerate(layout.getDims())) {
      auto [begin, size] = rangeOf(type.getDimSize(dim), attribute.getAxes(), rank);
      if (found.shape[dim] != rank.local(type.getDimSize(dim), attribute.getAxes()))
        return INFINITY;
      expected = part(expected, dim, begin, size);
      found = part(found, dim, 0, size);
    }
    for (auto [a, b] : llvm::zip_equal(expected.data, found.data)) {
      double real =
          a.real == b.real || (std::isnan(a.real) && std::isnan(b.real)) ? 0 : std::abs(a.real - b.real);
      double steps = std::abs(static_cast<double>(a.integer - b.integer));
      double error = (isFloat ? real : steps) / scale;
      worst = std::isnan(error) ? INFINITY : std::max(worst, error);
    }
  }
  return worst;
}
