#include "dialects/dist/ir/FactorMap.h"

#include "dialects/dist/ir/Digits.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

std::optional<unsigned> TensorFactors::find(unsigned factor) const {
  for (auto [position, dim] : llvm::enumerate(dims))
    if (llvm::is_contained(dim.factors, factor))
      return position;
  return std::nullopt;
}

SmallVector<unsigned, 2> FactorMap::factorsOf(unsigned dim) const {
  SmallVector<unsigned, 2> found;
  for (auto [position, factor] : llvm::enumerate(factors))
    if (factor.dim == dim)
      found.push_back(position);
  return found;
}

bool FactorMap::isFull(const TensorFactors &tensor) const {
  for (auto [position, factor] : llvm::enumerate(factors))
    if (factor.kind == FactorKind::Parallel && factor.size != 1 && !tensor.find(position))
      return false;
  return true;
}

bool FactorMap::hasReductions() const {
  return llvm::any_of(factors, [](const Factor &factor) { return factor.kind != FactorKind::Parallel; });
}

FactorMap cleave::dist::identityFactors(ArrayRef<int64_t> shape, unsigned operands, unsigned results) {
  FactorMap map;
  TensorFactors tensor;
  for (auto [dim, size] : llvm::enumerate(shape)) {
    map.factors.push_back({size, FactorKind::Parallel, static_cast<unsigned>(dim)});
    map.dims.push_back(size);
    tensor.dims.push_back({Read::Plain, {static_cast<unsigned>(dim)}});
  }
  map.operands.assign(operands, tensor);
  map.results.assign(results, tensor);
  return map;
}

//===------------------------------------------------------------------===//
// Maps
//===------------------------------------------------------------------===//

namespace {

// Builds the factors of an op from the maps at which its tensors are read.
class MapReader {
public:
  explicit MapReader(ArrayRef<int64_t> sizes) : sizes(sizes), cuts(sizes.size()) {}

  // All maps first: they say where a dim falls apart.
  void note(AffineMap map);
  // Then the factors of every dim.
  void makeFactors(FactorMap &map, function_ref<FactorKind(unsigned)> kindOf);
  DimFactors read(AffineExpr expr, int64_t extent) const;
  TensorFactors read(AffineMap map, RankedTensorType type) const;
  // A tensor whose dims are these dims of the iteration, in order.
  TensorFactors plain(unsigned first, unsigned count) const;

private:
  // The factors that make a digit up, major first; false where it begins or ends within one.
  bool factorsOf(const Digit &digit, SmallVectorImpl<unsigned> &found) const;
  DimFactors readWindow(const DigitSum &sum, int64_t extent) const;

  SmallVector<int64_t> sizes;
  SmallVector<SmallVector<int64_t, 4>, 6> cuts; // per dim: where digits begin, ascending, from 1 to its size
  SmallVector<unsigned> first;                  // per dim: its major-most factor
};

} // namespace

void MapReader::note(AffineMap map) {
  for (AffineExpr expr : map.getResults())
    if (std::optional<DigitSum> sum = digitsOf(expr, sizes))
      for (const Digit &digit : sum->digits)
        llvm::append_range(cuts[digit.dim], ArrayRef<int64_t>{digit.low, digit.low * digit.size});
}

void MapReader::makeFactors(FactorMap &map, function_ref<FactorKind(unsigned)> kindOf) {
  llvm::append_range(map.dims, sizes);
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    SmallVector<int64_t, 4> &points = cuts[dim];
    llvm::sort(points);
    SmallVector<int64_t, 4> chain = {1};
    for (int64_t point : points)
      if (point > chain.back() && point % chain.back() == 0 && point < size && size % point == 0)
        chain.push_back(point);
    if (size != 1)
      chain.push_back(size);
    points = chain;
    first.push_back(map.factors.size());
    FactorKind kind = kindOf(dim);
    for (size_t i = chain.size(); i-- > 1;)
      map.factors.push_back({chain[i] / chain[i - 1], kind, static_cast<unsigned>(dim)});
    if (chain.size() == 1)
      map.factors.push_back({size, kind, static_cast<unsigned>(dim)});
  }
}

bool MapReader::factorsOf(const Digit &digit, SmallVectorImpl<unsigned> &found) const {
  ArrayRef<int64_t> chain = cuts[digit.dim];
  const int64_t *begin = llvm::find(chain, digit.low), *end = llvm::find(chain, digit.low * digit.size);
  if (begin == chain.end() || end == chain.end())
    return false;
  for (const int64_t *point = end; point != begin; --point)
    found.push_back(first[digit.dim] + (chain.end() - 1 - point));
  return true;
}

DimFactors MapReader::read(AffineExpr expr, int64_t extent) const {
  std::optional<DigitSum> sum = digitsOf(expr, sizes);
  if (!sum || sum->digits.empty()) {
    // A dim of one that a dim of one walks along goes with it.
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (dim && extent == 1 && sizes[dim.getPosition()] == 1)
      return {Read::Plain, {first[dim.getPosition()]}};
    return {};
  }
  llvm::sort(sum->digits, [](const Digit &a, const Digit &b) {
    return std::make_tuple(-a.coefficient, a.dim, a.low) < std::make_tuple(-b.coefficient, b.dim, b.low);
  });
  DimFactors made{Read::Plain, {}};
  int64_t expected = 1;
  bool exact = sum->constant == 0;
  for (const Digit &digit : llvm::reverse(sum->digits)) {
    exact &= digit.coefficient == expected;
    expected *= digit.size;
  }
  if (!exact || expected != extent)
    return readWindow(*sum, extent);
  for (const Digit &digit : sum->digits)
    if (!factorsOf(digit, made.factors))
      return {};
  return made;
}

// The digit that reaches furthest is the window's place, the others are within it.
DimFactors MapReader::readWindow(const DigitSum &sum, int64_t extent) const {
  auto reach = [](const Digit &digit) { return digit.coefficient * (digit.size - 1); };
  const Digit *place = nullptr;
  for (const Digit &digit : sum.digits) {
    if (digit.coefficient > 0 && (!place || reach(digit) > reach(*place)))
      place = &digit;
  }
  // Only the whole of a dim, or its major digits, walks along in blocks.
  if (!place || place->low * place->size != sizes[place->dim] || extent <= 1)
    return {};
  DimFactors made{Read::Window, {}, place->coefficient, sum.constant, sum.constant};
  for (const Digit &digit : sum.digits)
    if (&digit != place)
      (digit.coefficient > 0 ? made.high : made.low) += reach(digit);
  return factorsOf(*place, made.factors) ? made : DimFactors{};
}

TensorFactors MapReader::read(AffineMap map, RankedTensorType type) const {
  TensorFactors tensor;
  SmallVector<unsigned> taken;
  for (auto [expr, extent] : llvm::zip(map.getResults(), type.getShape())) {
    DimFactors dim = read(expr, extent);
    // x[i, i] has one factor for two dims; the first has it.
    if (llvm::any_of(dim.factors, [&](unsigned factor) { return llvm::is_contained(taken, factor); }))
      dim = {};
    llvm::append_range(taken, dim.factors);
    tensor.dims.push_back(std::move(dim));
  }
  return tensor;
}

TensorFactors MapReader::plain(unsigned begin, unsigned count) const {
  TensorFactors tensor;
  for (unsigned dim = begin; dim != begin + count; ++dim) {
    DimFactors &made = tensor.dims.emplace_back();
    made.read = Read::Plain;
    unsigned digits = std::max<size_t>(cuts[dim].size(), 2) - 1;
    for (unsigned digit = 0; digit != digits; ++digit)
      made.factors.push_back(first[dim] + digit);
  }
  return tensor;
}

//===------------------------------------------------------------------===//
// Ops
//===------------------------------------------------------------------===//

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static FactorMap factorsOf(model::IndexOp op) {
  FactorMap map;
  MapReader reader(op.getSizes());
  for (unsigned i = 0; i != op.getInputs().size(); ++i)
    reader.note(op.getMap(i));
  reader.makeFactors(map, [&](unsigned dim) {
    return dim < op.getParallel() ? FactorKind::Parallel : FactorKind::Reduction;
  });
  map.combiner = op.getCombiner();
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    map.operands.push_back(reader.read(op.getMap(i), typeOf(input)));
  map.results.push_back(reader.plain(0, op.getParallel()));
  return map;
}

// Adds a factor of its own for each dim of a map that a symbol alone stands for.
static void addIndexed(FactorMap &map, AffineMap positions, RankedTensorType type, FactorKind kind,
                       MutableArrayRef<TensorFactors *> tensors) {
  for (auto [dim, expr] : llvm::enumerate(positions.getResults())) {
    if (!isa<AffineSymbolExpr>(expr))
      continue;
    unsigned factor = map.factors.size();
    map.factors.push_back({type.getDimSize(dim), kind, static_cast<unsigned>(map.dims.size())});
    map.dims.push_back(type.getDimSize(dim));
    for (TensorFactors *tensor : tensors)
      tensor->dims[dim] = {Read::Plain, {factor}};
  }
}

static FactorMap factorsOf(model::GatherOp op) {
  FactorMap map;
  RankedTensorType result = typeOf(op.getResult());
  MapReader reader(result.getShape());
  reader.note(op.getTableMap());
  for (Attribute attr : op.getIndexMaps())
    reader.note(cast<AffineMapAttr>(attr).getValue());
  reader.makeFactors(map, [](unsigned) { return FactorKind::Parallel; });
  map.combiner = model::Combiner::Sum;
  TensorFactors &table = map.operands.emplace_back();
  table = reader.read(op.getTableMap(), typeOf(op.getTable()));
  for (auto [attr, index] : llvm::zip(op.getIndexMaps(), op.getIndices()))
    map.operands.push_back(reader.read(cast<AffineMapAttr>(attr).getValue(), typeOf(index)));
  map.results.push_back(reader.plain(0, result.getRank()));
  TensorFactors *tensors[] = {&map.operands.front()};
  addIndexed(map, op.getTableMap(), typeOf(op.getTable()), FactorKind::Indexed, tensors);
  return map;
}

static FactorMap factorsOf(model::ScatterOp op) {
  FactorMap map;
  RankedTensorType updates = typeOf(op.getUpdates()), result = typeOf(op.getResult());
  AffineMap positions = op.getResultMap();
  MapReader reader(updates.getShape());
  reader.note(positions);
  for (Attribute attr : op.getIndexMaps())
    reader.note(cast<AffineMapAttr>(attr).getValue());
  // What walks along the result stays parallel; the rest of the updates is combined, which keeps their order
  // where the last one wins.
  auto walks = [&](unsigned dim) {
    return llvm::any_of(llvm::enumerate(positions.getResults()), [&](auto entry) {
      auto plain = dyn_cast<AffineDimExpr>(entry.value());
      return plain && plain.getPosition() == dim &&
             updates.getDimSize(dim) == result.getDimSize(entry.index());
    });
  };
  reader.makeFactors(map, [&](unsigned dim) {
    if (walks(dim))
      return FactorKind::Parallel;
    bool used =
        llvm::any_of(positions.getResults(), [&](AffineExpr expr) { return expr.isFunctionOfDim(dim); });
    return op.getCombiner() == model::Combiner::None || used ? FactorKind::Blocked : FactorKind::Reduction;
  });
  map.combiner = op.getCombiner();
  TensorFactors init;
  for (auto [expr, extent] : llvm::zip(positions.getResults(), result.getShape())) {
    DimFactors dim = isa<AffineDimExpr>(expr) ? reader.read(expr, extent) : DimFactors{};
    init.dims.push_back(dim.read == Read::Plain ? dim : DimFactors{});
  }
  map.operands.push_back(init);
  for (auto [attr, index] : llvm::zip(op.getIndexMaps(), op.getIndices()))
    map.operands.push_back(reader.read(cast<AffineMapAttr>(attr).getValue(), typeOf(index)));
  map.operands.push_back(reader.plain(0, updates.getRank()));
  map.results.push_back(init);
  TensorFactors *tensors[] = {&map.operands.front(), &map.results.front()};
  addIndexed(map, positions, result, FactorKind::Parallel, tensors);
  return map;
}

// A collective of a local program: element by element, but for the leading dim that its ranks stand along.
static FactorMap factorsOf(CollectiveOp op) {
  bool stacks = op.getKind() == CollectiveKind::AllGather;
  bool leads =
      stacks || op.getKind() == CollectiveKind::ReduceScatter || op.getKind() == CollectiveKind::AllToAll;
  FactorMap map = identityFactors(typeOf(stacks ? op.getResult() : op.getInput()).getShape(), 1, 1);
  if (leads)
    map.factors.front().kind = FactorKind::Blocked;
  if (stacks)
    map.operands.front().dims.erase(map.operands.front().dims.begin());
  if (op.getKind() == CollectiveKind::ReduceScatter)
    map.results.front().dims.erase(map.results.front().dims.begin());
  return map;
}

std::optional<FactorMap> cleave::dist::factorMapOf(Operation *op) {
  return TypeSwitch<Operation *, std::optional<FactorMap>>(op)
      .Case<model::IndexOp, model::GatherOp, model::ScatterOp, CollectiveOp>(
          [](auto op) { return factorsOf(op); })
      .Case([](model::ArgsortOp op) {
        FactorMap map = identityFactors(typeOf(op.getInput()).getShape(), 1, 1);
        map.factors.back().kind = FactorKind::Blocked;
        return map;
      })
      .Case<model::NameOp, model::StopGradientOp, ConstrainOp, BarrierOp>(
          [](auto op) { return identityFactors(typeOf(op.getInput()).getShape(), 1, 1); })
      .Default([](Operation *) { return std::nullopt; });
}
