#include "compiler/convert/EncodeCollectives.h"

#include "dialects/comm/transforms/Traffic.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using cleave::convert::partsOf;

static rt::AxisPart partOf(dist::MeshOp mesh, dist::AxisRefAttr axis) {
  rt::AxisPart part;
  part.axis = *mesh.find(axis.getName().getValue());
  part.size = mesh.sizeOf(axis);
  if (!axis.isWhole())
    part.after = mesh.getSizes()[part.axis] / (axis.getPre() * axis.getSize());
  return part;
}

std::vector<rt::AxisPart> cleave::convert::partsOf(dist::MeshOp mesh, ArrayRef<dist::AxisRefAttr> axes) {
  std::vector<rt::AxisPart> parts;
  for (dist::AxisRefAttr axis : axes)
    parts.push_back(partOf(mesh, axis));
  return parts;
}

void cleave::convert::encodePlan(ModuleOp module, rt::Program &program) {
  auto plans = module.getOps<dist::PlanOp>();
  auto meshes = module.getOps<dist::MeshOp>();
  if (meshes.empty())
    return;
  dist::MeshOp mesh = *meshes.begin();
  if (!plans.empty()) {
    dist::PlanOp plan = *plans.begin();
    program.plan = plan.getSymName();
    program.planHash = plan.getHash();
    mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(plan, plan.getMeshAttr());
  }
  program.mesh.name = mesh.getSymName();
  for (auto [name, size] : llvm::zip(mesh.getAxes().getAsValueRange<StringAttr>(), mesh.getSizes()))
    program.mesh.axes.push_back({name.str(), size});
}

rt::Split cleave::convert::encodeSplit(ModuleOp module, DictionaryAttr attrs,
                                       llvm::function_ref<rt::Shape(Type)> whole) {
  auto global = attrs ? attrs.getAs<TypeAttr>(comm::kGlobalAttr) : TypeAttr();
  auto layout = attrs ? attrs.getAs<dist::LayoutAttr>(dist::kLayoutAttr) : dist::LayoutAttr();
  auto padded = attrs ? attrs.getAs<DenseI64ArrayAttr>(comm::kPaddedAttr) : DenseI64ArrayAttr();
  rt::Split split;
  if (!global || !layout)
    return split;
  bool isCut = llvm::any_of(layout.getDims(), [](dist::DimAttr dim) { return !dim.getAxes().empty(); });
  if (!isCut)
    return split;
  auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(module, layout.getMesh());
  split.global = whole(global.getValue());
  for (auto [i, dim] : llvm::enumerate(layout.getDims())) {
    int64_t room = padded ? padded[i] : 0;
    split.dims.push_back({partsOf(mesh, dim.getAxes()), room > 0, room});
  }
  return split;
}

static rt::Reduction reductionOf(model::Combiner combiner) {
  switch (combiner) {
  case model::Combiner::Max:
    return rt::Reduction::Max;
  case model::Combiner::Min:
    return rt::Reduction::Min;
  case model::Combiner::Prod:
    return rt::Reduction::Prod;
  default:
    return rt::Reduction::Sum;
  }
}

static double numberOf(TypedAttr value) {
  if (auto real = dyn_cast_or_null<FloatAttr>(value))
    return real.getValueAsDouble();
  auto integer = dyn_cast_or_null<IntegerAttr>(value);
  return integer ? static_cast<double>(integer.getValue().getSExtValue()) : 0.0;
}

namespace {

// Fills in what one kind of op has beyond all others.
struct OwnFields {
  rt::Collective &it;
  void operator()(comm::AllReduceOp op) const {
    it.kind = rt::CollectiveKind::AllReduce;
    it.reduction = reductionOf(op.getCombiner());
  }
  void operator()(comm::ReduceScatterOp op) const {
    it.kind = rt::CollectiveKind::ReduceScatter;
    it.reduction = reductionOf(op.getCombiner());
    it.dim = op.getDim();
  }
  void operator()(comm::AllGatherOp op) const {
    it.kind = rt::CollectiveKind::AllGather;
    it.dim = op.getDim();
  }
  void operator()(comm::AllToAllOp op) const {
    it.kind = rt::CollectiveKind::AllToAll;
    it.dim = op.getSplit();
    it.dim2 = op.getConcat();
  }
  void operator()(comm::PermuteOp op) const {
    it.kind = rt::CollectiveKind::Permute;
    for (auto [to, from] : llvm::enumerate(op.getSources()))
      if (from >= 0)
        it.pairs.push_back({from, static_cast<int64_t>(to)});
  }
  void operator()(comm::BroadcastOp op) const {
    it.kind = rt::CollectiveKind::Broadcast;
    it.root = op.getRoot();
  }
  void operator()(comm::SliceOp op) const {
    it.kind = rt::CollectiveKind::Slice;
    it.dim = op.getDim();
  }
  void operator()(comm::HaloOp op) const {
    it.kind = rt::CollectiveKind::Halo;
    it.dim = op.getDim();
    it.low = op.getLow();
    it.high = op.getHigh();
    it.extent = op.getExtent();
    it.fill = op.getFill() ? numberOf(*op.getFill()) : 0.0;
  }
};

} // namespace

static rt::Collective encodeOffset(comm::OffsetOp op) {
  auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(op, op.getMeshAttr());
  rt::Collective it;
  it.kind = rt::CollectiveKind::Offset;
  it.over = partsOf(mesh, dist::axesOf(op.getOver()));
  it.extent = op.getExtent();
  it.padded = op.getBlock() > 0;
  return it;
}

std::optional<rt::Collective> cleave::convert::encodeCollective(Operation *op) {
  if (auto offset = dyn_cast<comm::OffsetOp>(op))
    return encodeOffset(offset);
  rt::Collective it;
  auto encode = [&](auto along) {
    auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(op, along.getMeshAttr());
    it.over = partsOf(mesh, dist::axesOf(along.getOver()));
    it.padded = along.getPadded();
    if (std::optional<comm::ReasonAttr> reason = along.getReason()) {
      it.name = reason->getValue().getValue();
      it.because = reason->getBecause().getValue();
    }
    it.seconds = comm::trafficOf(op).seconds;
    if (auto hidden = op->getAttrOfType<FloatAttr>(comm::kHiddenAttr))
      it.hidden = hidden.getValueAsDouble();
    OwnFields{it}(along);
    return true;
  };
  bool known = llvm::TypeSwitch<Operation *, bool>(op)
                   .Case<comm::AllReduceOp, comm::ReduceScatterOp, comm::AllGatherOp, comm::AllToAllOp,
                         comm::PermuteOp, comm::BroadcastOp, comm::SliceOp, comm::HaloOp>(encode)
                   .Default([](Operation *) { return false; });
  return known ? std::optional(it) : std::nullopt;
}
