// comm-partition: manual regions, and what local programs ask for.
//
//   %y = dist.manual @ring(%x) over @m ["cp"] in [{"cp"}] out [{"cp"}]
//   ->
//   %y = model.call @ring(%x) {comm.manual = ...}      on this rank's blocks
//
//   dist.collective permute %x by 1 over ["cp"]   ->   comm.permute %x from [3, 0, 1, 2] over @m ["cp"]
//
// The call stays until the list of actions is made, so that what checks the comm stage can tell the region,
// whose boundary is declared, from what was derived.
#include "dialects/comm/transforms/Partition.h"
#include "dialects/dist/ir/Notation.h"
#include "dialects/model/transforms/Build.h"
#include "dialects/model/transforms/CallOrder.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

//===------------------------------------------------------------------===//
// Regions
//===------------------------------------------------------------------===//

// What a value at the boundary is cut over: the manual axes, then what the body's block is.
static LayoutAttr boundary(const Shards &shards, LayoutAttr declared, LayoutAttr inside) {
  SmallVector<AxisList> dims = axesPerDim(declared);
  for (auto [outer, inner] : llvm::zip(dims, axesPerDim(inside)))
    outer = joined(shards.getMesh(), llvm::to_vector(llvm::concat<AxisRefAttr>(outer, inner)));
  return makeLayout(declared.getMesh(), dims, inside.getPartials());
}

// The block of a value that the body computes on.
static RankedTensorType blockType(const Shards &shards, RankedTensorType whole, LayoutAttr declared) {
  SmallVector<int64_t> sizes(whole.getShape());
  for (auto [size, axes] : llvm::zip(sizes, axesPerDim(declared)))
    size /= shards.members(axes);
  return RankedTensorType::get(sizes, whole.getElementType(), whole.getEncoding());
}

LogicalResult FunctionPartitioner::partitionManual(dist::ManualOp op) {
  auto body = symbols.lookup<func::FuncOp>(op.getBody());
  auto lieAs = [&](Value value, Attribute declared, LayoutAttr inside) -> FailureOr<LayoutAttr> {
    LayoutAttr layout = boundary(shards, cast<LayoutAttr>(declared), inside);
    RankedTensorType block = blockType(shards, wholeType(value), cast<LayoutAttr>(declared));
    if (shards.localType(wholeType(value), layout) == shards.localType(block, inside))
      return layout;
    return op->emitError()
           << "E928: what goes in and out of a manual region has blocks without padding, found "
           << dist::text(wholeType(value), layout);
  };
  SmallVector<Value> inputs;
  SmallVector<Attribute> in, out, types;
  for (auto [i, value] : llvm::enumerate(op.getInputs())) {
    FailureOr<LayoutAttr> layout =
        lieAs(value, op.getInLayouts()[i], layoutOfArgument(op.getBody(), i, value.getType()));
    if (failed(layout))
      return failure();
    in.push_back(*layout);
    inputs.push_back(get(value, *layout, op));
  }
  SmallVector<Type> local;
  for (auto [i, value] : llvm::enumerate(op.getResults())) {
    auto inside = body.getResultAttrOfType<LayoutAttr>(i, dist::kLayoutAttr);
    FailureOr<LayoutAttr> layout = lieAs(value, op.getOutLayouts()[i], inside ? inside : replicated(value));
    if (failed(layout))
      return failure();
    out.push_back(*layout);
    types.push_back(TypeAttr::get(value.getType()));
    local.push_back(shards.localType(wholeType(value), *layout));
  }
  auto made = model::CallOp::create(builder, op.getLoc(), local, op.getBody(), inputs);
  copyNames(op, made);
  NamedAttribute facts[] = {builder.getNamedAttr("in", builder.getArrayAttr(in)),
                            builder.getNamedAttr("out", builder.getArrayAttr(out)),
                            builder.getNamedAttr("over", op.getOver()),
                            builder.getNamedAttr("types", builder.getArrayAttr(types))};
  made->setAttr(kManualAttr, builder.getDictionaryAttr(facts));
  for (auto [value, result, layout] : llvm::zip(op.getResults(), made.getResults(), out))
    define(value, result, cast<LayoutAttr>(layout));
  return success();
}

void cleave::comm::markLocalPrograms(ModuleOp module, SymbolTable &symbols, const Shards &shards) {
  module.walk([&](dist::ManualOp op) {
    ReasonAttr reason = Reasons(op->getParentOfType<func::FuncOp>(), shards).ofManual(op);
    SmallVector<func::FuncOp> functions = model::calleesOf(op, symbols);
    for (unsigned i = 0; i != functions.size(); ++i) {
      functions[i]->setAttr(kManualAttr, reason);
      functions[i].walk(
          [&](Operation *inner) { llvm::append_range(functions, model::calleesOf(inner, symbols)); });
    }
  });
}

//===------------------------------------------------------------------===//
// Collectives
//===------------------------------------------------------------------===//

// The same elements with a dim of size one, called `axis`, at `at`; or without it, the first called `axis`.
static Value withUnitDim(OpBuilder &builder, Location loc, Value value, int64_t at, StringRef axis,
                         bool add) {
  RankedTensorType type = model::rankedType(value);
  SmallVector<int64_t> sizes(type.getShape());
  SmallVector<StringRef> axes = model::axesOf(type);
  SmallVector<AffineExpr> read;
  if (add) {
    sizes.insert(sizes.begin() + at, 1);
    axes.insert(axes.begin() + at, axis);
  } else {
    sizes.erase(sizes.begin() + at);
    axes.erase(axes.begin() + at);
    if (!axis.empty())
      axes.front() = axis;
  }
  for (unsigned dim = 0; dim != sizes.size(); ++dim)
    read.push_back(builder.getAffineDimExpr(dim));
  if (add)
    read.erase(read.begin() + at);
  else
    read.insert(read.begin() + at, builder.getAffineConstantExpr(0));
  RankedTensorType result = model::tensorOf(type.getElementType(), axes, sizes);
  AffineMap map = AffineMap::get(sizes.size(), 0, read, builder.getContext());
  return model::IndexOp::create(builder, loc, result, value, map, {}, axes, sizes, sizes.size(),
                                model::Combiner::None,
                                [](OpBuilder &, Location, ValueRange values) { return values.front(); });
}

static RankedTensorType withSize(Value value, int64_t dim, int64_t size) {
  RankedTensorType type = model::rankedType(value);
  SmallVector<int64_t> sizes(type.getShape());
  sizes[dim] = size;
  return RankedTensorType::get(sizes, type.getElementType(), type.getEncoding());
}

void FunctionPartitioner::partitionCollective(dist::CollectiveOp op) {
  Value result = op.getResult();
  bool stacks = op.getKind() == dist::CollectiveKind::AllGather;
  bool takes = op.getKind() == dist::CollectiveKind::ReduceScatter;
  SmallVector<AxisList> factors = factorsOf(op, wholeType(stacks ? result : op.getInput()).getRank());
  ArrayRef<AxisList> all = factors;
  LayoutAttr from = makeLayout(shards.getMeshName(), all.drop_front(stacks));
  LayoutAttr to = makeLayout(shards.getMeshName(), all.drop_front(takes));
  Value local = get(op.getInput(), from, op);
  SmallVector<AxisRefAttr> over = dist::axesOf(op.getOver());
  int64_t members = shards.members(over);
  Location loc = op.getLoc();
  StringRef mesh = op.getMesh();
  auto reason = function->getAttrOfType<ReasonAttr>(kManualAttr);
  auto made = [&](auto collective) -> Value {
    if (reason)
      collective.setReasonAttr(reason);
    return collective.getResult();
  };
  // Along the leading dim number i is rank i's; a dim beside it stands for this rank alone.
  switch (op.getKind()) {
  case dist::CollectiveKind::AllReduce:
    local = made(AllReduceOp::create(builder, loc, local.getType(), local, mesh, op.getOver(),
                                     op.getCombiner(), nullptr, nullptr, nullptr));
    break;
  case dist::CollectiveKind::Permute: {
    SmallVector<int64_t> sources;
    for (int64_t member = 0; member != members; ++member)
      sources.push_back(((member - static_cast<int64_t>(op.getShift())) % members + members) % members);
    local = made(PermuteOp::create(builder, loc, local.getType(), local, mesh, op.getOver(), sources, nullptr,
                                   nullptr, nullptr));
    break;
  }
  case dist::CollectiveKind::AllGather:
    local = withUnitDim(builder, loc, local, 0, model::axesOf(wholeType(result)).front(), /*add=*/true);
    local = made(AllGatherOp::create(builder, loc, withSize(local, 0, members), local, mesh, op.getOver(), 0,
                                     nullptr, nullptr, nullptr));
    break;
  case dist::CollectiveKind::ReduceScatter:
    local = made(ReduceScatterOp::create(builder, loc, withSize(local, 0, 1), local, mesh, op.getOver(),
                                         op.getCombiner(), 0, nullptr, nullptr, nullptr));
    local = withUnitDim(builder, loc, local, 0, "", /*add=*/false);
    break;
  case dist::CollectiveKind::AllToAll: {
    local = withUnitDim(builder, loc, local, 1, "#sender", /*add=*/true);
    SmallVector<int64_t> sizes(model::rankedType(local).getShape());
    std::swap(sizes[0], sizes[1]);
    RankedTensorType swapped =
        RankedTensorType::get(sizes, model::elementType(local), model::rankedType(local).getEncoding());
    local = made(AllToAllOp::create(builder, loc, swapped, local, mesh, op.getOver(), 0, 1, nullptr, nullptr,
                                    nullptr));
    local = withUnitDim(builder, loc, local, 0, model::axesOf(wholeType(result)).front(), /*add=*/false);
    break;
  }
  }
  copyNames(op, local.getDefiningOp());
  define(result, local, to);
}

void FunctionPartitioner::partitionRank(dist::RankOp op) {
  SmallVector<AxisRefAttr> over = dist::axesOf(op.getOver());
  Value local = OffsetOp::create(builder, op.getLoc(), op.getResult().getType(), op.getMesh(), op.getOver(),
                                 shards.members(over), 1, nullptr, nullptr);
  define(op.getResult(), local, replicated(op.getResult()));
}
