// --comm-norms: what is computed row by row of a sum is computed on a part of the rows.
//
//   s = all_reduce(x); n = norm(s)   ->   s = reduce_scatter(x); n = all_gather(norm(s))
//
// Before and after: a legal comm stage. An op belongs to the region of a sum where it reads the sum, or what
// the region makes, by identity along the rows, and makes them as a dim of its own; what else it reads is the
// same on all ranks, and along the rows it is cut (comm.slice sends nothing). What others read of the region
// is gathered. It stands behind comm-simplify. The cost model decides, where messages travel by themselves.
#include "dialects/comm/transforms/Overlap.h"
#include "dialects/comm/transforms/Passes.h"
#include "dialects/comm/transforms/Traffic.h"
#include "dialects/comm/transforms/Varying.h"
#include "dialects/dist/ir/Axes.h"
#include "dialects/model/transforms/Build.h"

#include "llvm/ADT/MapVector.h"

namespace cleave::comm {
#define GEN_PASS_DEF_COMMNORMS
#include "dialects/comm/transforms/Passes.h.inc"
} // namespace cleave::comm

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

namespace {

class RowRegion {
public:
  RowRegion(AllReduceOp sum, int64_t dim, int64_t members, Varying &varying)
      : sum(sum), members(members), varying(varying) {
    rows[sum] = dim;
  }

  void grow();
  bool normalises() const;
  SmallVector<Value> outputs() const;
  double saved() const;
  void rewrite();

private:
  std::optional<int64_t> rowsOf(model::IndexOp op) const;
  bool othersAreSame(model::IndexOp op) const;
  Value part(OpBuilder &builder, Value value, int64_t dim);
  RankedTensorType partType(Value value, int64_t dim) const;

  mutable AllReduceOp sum; // ops' accessors are not const
  int64_t members;
  Varying &varying;
  llvm::MapVector<Operation *, int64_t> rows; // the dim of each result that is cut
};

} // namespace

// The dim of an op's result that are the rows, where it belongs to the region.
std::optional<int64_t> RowRegion::rowsOf(model::IndexOp op) const {
  std::optional<int64_t> found;
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    auto known = rows.find(input.getDefiningOp());
    if (!input.getDefiningOp() || known == rows.end())
      continue;
    AffineMap map = op.getMap(i);
    auto dim = dyn_cast<AffineDimExpr>(map.getResult(known->second));
    if (!dim || dim.getPosition() >= static_cast<unsigned>(op.getParallel()) ||
        (found && *found != static_cast<int64_t>(dim.getPosition())) || !isa<UnitAttr>(op.getOutside()[i]))
      return std::nullopt;
    found = dim.getPosition();
  }
  if (!found)
    return std::nullopt;
  // Nothing else may depend on where in the whole a row is.
  bool asks = false;
  int64_t size = op.getSizes()[*found];
  op.getBody().walk([&](model::IterOp iter) { asks |= static_cast<int64_t>(iter.getDim()) == *found; });
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    for (auto [position, expr] : llvm::enumerate(op.getMap(i).getResults()))
      if (expr.isFunctionOfDim(*found))
        asks |= !isa<AffineDimExpr>(expr) || model::rankedType(input).getDimSize(position) != size;
    if (llvm::count_if(op.getMap(i).getResults(),
                       [&](AffineExpr expr) { return expr.isFunctionOfDim(*found); }) > 1)
      asks = true;
  }
  op.getBody().walk([&](Operation *inner) { asks |= isa<model::RandomBitsOp>(inner); });
  return asks ? std::nullopt : found;
}

// Whether what it reads besides is the same on all ranks: a gathered row would have another rank's columns.
bool RowRegion::othersAreSame(model::IndexOp op) const {
  return llvm::all_of(op.getInputs(), [&](Value input) {
    return rows.contains(input.getDefiningOp()) || varying.isSame(input, sum.getOver());
  });
}

// A product of what was summed is no part of a norm: it reads rows once for many, and would be a region of
// its own.
static bool isProduct(model::IndexOp op) {
  if (op.getNumReductions() == 0)
    return false;
  int64_t large = 0;
  for (Value input : op.getInputs())
    large += model::rankedType(input).getRank() > 1;
  return large > 1 && model::rankedType(op.getResult()).getNumElements() * 4 >
                          model::rankedType(op.getInputs().front()).getNumElements();
}

void RowRegion::grow() {
  Block *block = sum->getBlock();
  for (Operation *op = sum->getNextNode(); op && op != block->getTerminator(); op = op->getNextNode())
    if (auto name = dyn_cast<model::NameOp>(op)) {
      if (auto known = rows.find(name.getInput().getDefiningOp()); known != rows.end())
        rows[op] = known->second;
    } else if (auto index = dyn_cast<model::IndexOp>(op); index && !isProduct(index)) {
      if (std::optional<int64_t> dim = rowsOf(index); dim && othersAreSame(index))
        rows[op] = *dim;
    }
}

// Whether the region reduces its rows: else nothing is gained.
bool RowRegion::normalises() const {
  return llvm::any_of(rows, [](const auto &entry) {
    auto op = dyn_cast<model::IndexOp>(entry.first);
    return op && op.getNumReductions() > 0;
  });
}

SmallVector<Value> RowRegion::outputs() const {
  SmallVector<Value> found;
  for (auto [op, dim] : rows)
    if (llvm::any_of(op->getUsers(), [&](Operation *user) { return !rows.contains(user); }))
      found.push_back(op->getResult(0));
  return found;
}

static double bytesOf(Value value) { return static_cast<double>(model::bytesOf(value)); }

// Seconds that the region gains; less than 0: it loses.
double RowRegion::saved() const {
  auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(sum, sum.getMeshAttr());
  cost::Link link = linkOf(mesh, dist::axesOf(sum.getOver()));
  double seconds = trafficOf(sum).seconds -
                   cost::seconds(cost::Collective::ReduceScatter, bytesOf(sum.getInput()), members, link);
  for (Value value : outputs())
    seconds -= cost::seconds(cost::Collective::AllGather, bytesOf(value), members, link);
  double bytes = 0;
  for (auto [op, dim] : rows)
    if (op != sum.getOperation())
      bytes += bytesOf(op->getResult(0));
  return seconds + bytes * (1 - 1 / static_cast<double>(members)) / deviceOf(sum).bandwidth;
}

RankedTensorType RowRegion::partType(Value value, int64_t dim) const {
  RankedTensorType type = model::rankedType(value);
  SmallVector<int64_t> sizes(type.getShape());
  sizes[dim] /= members;
  return RankedTensorType::get(sizes, type.getElementType(), type.getEncoding());
}

Value RowRegion::part(OpBuilder &builder, Value value, int64_t dim) {
  return SliceOp::create(builder, value.getLoc(), partType(value, dim), value, sum.getMesh(), sum.getOver(),
                         dim, nullptr, nullptr, nullptr);
}

void RowRegion::rewrite() {
  SmallVector<Value> gathered = outputs();
  llvm::DenseMap<Value, Value> parts;
  ReasonAttr reason = withNote(sum.getReasonAttr(), "its rows are computed in parts");
  for (auto [op, dim] : rows) {
    OpBuilder builder(op);
    if (op == sum.getOperation()) {
      parts[sum.getResult()] = ReduceScatterOp::create(builder, sum.getLoc(), partType(sum.getResult(), dim),
                                                       sum.getInput(), sum.getMesh(), sum.getOver(),
                                                       sum.getCombiner(), dim, reason, nullptr, nullptr);
      continue;
    }
    if (isa<model::NameOp>(op)) {
      Operation *made = builder.clone(*op);
      made->setOperand(0, parts[op->getOperand(0)]);
      made->getResult(0).setType(partType(op->getResult(0), dim));
      parts[op->getResult(0)] = made->getResult(0);
      continue;
    }
    auto index = cast<model::IndexOp>(op);
    auto made = cast<model::IndexOp>(builder.clone(*op));
    builder.setInsertionPoint(made);
    for (auto [i, input] : llvm::enumerate(index.getInputs())) {
      Value own = parts.lookup(input);
      AffineMap map = index.getMap(i);
      for (auto [position, expr] : llvm::enumerate(map.getResults()))
        if (!own && expr == getAffineDimExpr(dim, op->getContext()))
          own = part(builder, input, static_cast<int64_t>(position));
      if (own)
        made->setOperand(i, own);
    }
    SmallVector<int64_t> sizes(index.getSizes());
    sizes[dim] /= members;
    made.setSizes(sizes);
    made.getResult().setType(partType(index.getResult(), dim));
    parts[index.getResult()] = made.getResult();
  }
  for (Value value : gathered) {
    Operation *op = value.getDefiningOp();
    OpBuilder builder(op);
    builder.setInsertionPointAfterValue(parts[value]);
    Value whole = AllGatherOp::create(builder, value.getLoc(), value.getType(), parts[value], sum.getMesh(),
                                      sum.getOver(), rows[op], reason, nullptr, nullptr);
    value.replaceUsesWithIf(whole, [&](OpOperand &use) { return !rows.contains(use.getOwner()); });
  }
  for (auto [op, dim] : llvm::reverse(rows))
    op->erase();
}

static int64_t membersOf(AllReduceOp op) {
  auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(op, op.getMeshAttr());
  return dist::membersOf(mesh, dist::axesOf(op.getOver()));
}

static bool fuse(AllReduceOp sum, Varying &varying) {
  auto module = sum->getParentOfType<ModuleOp>();
  bool always = choiceOf(module, Technique::Norms) == Choice::Always;
  if (!mayUse(Technique::Norms, sum) || (!always && isUneven(module)))
    return false;
  int64_t members = membersOf(sum);
  RankedTensorType type = model::rankedType(sum.getResult());
  for (int64_t dim = 0; dim + 1 < type.getRank(); ++dim) {
    if (members < 2 || type.getDimSize(dim) % members != 0)
      continue;
    RowRegion region(sum, dim, members, varying);
    region.grow();
    if (region.normalises() && (always || region.saved() > 0)) {
      region.rewrite();
      varying.forget();
      return true;
    }
  }
  return false;
}

namespace {
struct CommNorms : cleave::comm::impl::CommNormsBase<CommNorms> {
  void runOnOperation() override {
    SmallVector<AllReduceOp> found;
    getOperation().walk([&](AllReduceOp op) {
      if (op->getParentOp()->getParentOp() == getOperation())
        found.push_back(op);
    });
    Varying varying(getOperation());
    for (AllReduceOp op : found)
      fuse(op, varying);
  }
};
} // namespace
