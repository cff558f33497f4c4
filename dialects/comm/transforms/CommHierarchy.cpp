// --comm-hierarchy: a sum over fast and slow links goes over the slow ones in parts.
//
//   all_reduce(x) over [slow, fast]
//   ->
//   all_gather(all_reduce(reduce_scatter(x) over [fast]) over [slow]) over [fast]
//
// Before and after: a legal comm stage. How sums are grouped: over the fast axes first, in rank order, then
// over the slow ones, in rank order; the flat sum takes all members in rank order. It stands last in the
// stage. The cost model decides, where messages travel by themselves.
#include "dialects/comm/transforms/Overlap.h"
#include "dialects/comm/transforms/Passes.h"
#include "dialects/comm/transforms/Traffic.h"
#include "dialects/dist/ir/Axes.h"

namespace cleave::comm {
#define GEN_PASS_DEF_COMMHIERARCHY
#include "dialects/comm/transforms/Passes.h.inc"
} // namespace cleave::comm

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

namespace {

struct Levels {
  SmallVector<dist::AxisRefAttr> fast, slow;
};

} // namespace

// The axes of the fastest links, and the others.
static Levels levelsOf(dist::MeshOp mesh, ArrayRef<dist::AxisRefAttr> over) {
  double most = 0;
  for (dist::AxisRefAttr axis : over)
    if (mesh.sizeOf(axis) > 1)
      most = std::max(most, linkOf(mesh, axis).bandwidth);
  Levels levels;
  for (dist::AxisRefAttr axis : over)
    (linkOf(mesh, axis).bandwidth >= most ? levels.fast : levels.slow).push_back(axis);
  return levels;
}

static double secondsOf(dist::MeshOp mesh, ArrayRef<dist::AxisRefAttr> over, cost::Collective kind,
                        double bytes) {
  return cost::seconds(kind, bytes, dist::membersOf(mesh, over), linkOf(mesh, over));
}

// The first dim that the members divide.
static std::optional<int64_t> dividedDim(RankedTensorType type, int64_t members) {
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.getDimSize(dim) > 0 && type.getDimSize(dim) % members == 0)
      return dim;
  return std::nullopt;
}

static ArrayAttr arrayOf(MLIRContext *context, ArrayRef<dist::AxisRefAttr> axes) {
  SmallVector<Attribute> list(axes.begin(), axes.end());
  return ArrayAttr::get(context, list);
}

static bool pays(AllReduceOp op, dist::MeshOp mesh, const Levels &levels) {
  auto type = cast<RankedTensorType>(op.getType());
  double bytes = static_cast<double>(type.getNumElements()) * std::max(8u, type.getElementTypeBitWidth()) / 8;
  double part = bytes / static_cast<double>(dist::membersOf(mesh, levels.fast));
  double steps = secondsOf(mesh, levels.fast, cost::Collective::ReduceScatter, bytes) +
                 secondsOf(mesh, levels.slow, cost::Collective::AllReduce, part) +
                 secondsOf(mesh, levels.fast, cost::Collective::AllGather, bytes);
  return steps < trafficOf(op).seconds;
}

static void layer(AllReduceOp op) {
  auto module = op->getParentOfType<ModuleOp>();
  auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(op, op.getMeshAttr());
  Levels levels = levelsOf(mesh, dist::axesOf(op.getOver()));
  if (levels.fast.empty() || levels.slow.empty() || !mayUse(Technique::Hierarchy, op))
    return;
  auto type = cast<RankedTensorType>(op.getType());
  std::optional<int64_t> dim = dividedDim(type, dist::membersOf(mesh, levels.fast));
  bool always = choiceOf(module, Technique::Hierarchy) == Choice::Always;
  if (!dim || (!always && (isUneven(module) || !pays(op, mesh, levels))))
    return;
  SmallVector<int64_t> sizes(type.getShape());
  sizes[*dim] /= dist::membersOf(mesh, levels.fast);
  auto part = RankedTensorType::get(sizes, type.getElementType(), type.getEncoding());
  OpBuilder builder(op);
  ArrayAttr fast = arrayOf(op.getContext(), levels.fast), slow = arrayOf(op.getContext(), levels.slow);
  Value scattered = ReduceScatterOp::create(
      builder, op.getLoc(), part, op.getInput(), op.getMesh(), fast, op.getCombiner(), *dim,
      withNote(op.getReasonAttr(), "the fast links sum first"), nullptr, nullptr);
  Value summed = AllReduceOp::create(
      builder, op.getLoc(), part, scattered, op.getMesh(), slow, op.getCombiner(),
      withNote(op.getReasonAttr(), "a part of it goes over the slow links"), nullptr, nullptr);
  auto gathered =
      AllGatherOp::create(builder, op.getLoc(), type, summed, op.getMesh(), fast, *dim,
                          withNote(op.getReasonAttr(), "the fast links gather the parts"), nullptr, nullptr);
  op.getResult().replaceAllUsesWith(gathered);
  op.erase();
}

namespace {
struct CommHierarchy : cleave::comm::impl::CommHierarchyBase<CommHierarchy> {
  void runOnOperation() override {
    SmallVector<AllReduceOp> found;
    getOperation().walk([&](AllReduceOp op) { found.push_back(op); });
    for (AllReduceOp op : found)
      layer(op);
  }
};
} // namespace
