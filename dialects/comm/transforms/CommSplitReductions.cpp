// --comm-split-reductions: all_reduces of this many bytes and more become a reduce_scatter and an all_gather.
//
//   %y = comm.all_reduce sum %x   ->   %s = comm.reduce_scatter sum %x; %y = comm.all_gather %s
//
// Before and after: a legal comm stage; comm-simplify goes the way back. The bytes are the same; between the
// two other work may stand. It stands behind comm-merge-reductions. Nothing asks for it by default: the
// runtime's all_reduce does both.
#include "dialects/comm/transforms/Passes.h"
#include "dialects/comm/transforms/Traffic.h"
#include "dialects/dist/ir/Axes.h"

namespace cleave::comm {
#define GEN_PASS_DEF_COMMSPLITREDUCTIONS
#include "dialects/comm/transforms/Passes.h.inc"
} // namespace cleave::comm

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

// The first dim that the members divide.
static std::optional<int64_t> dividedDim(RankedTensorType type, int64_t members) {
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.getDimSize(dim) % members == 0)
      return dim;
  return std::nullopt;
}

namespace {
struct CommSplitReductions : cleave::comm::impl::CommSplitReductionsBase<CommSplitReductions> {
  using CommSplitReductionsBase::CommSplitReductionsBase;

  void runOnOperation() override {
    SmallVector<AllReduceOp> found;
    getOperation().walk([&](AllReduceOp op) { found.push_back(op); });
    for (AllReduceOp op : found)
      split(op);
  }

  void split(AllReduceOp op) {
    auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(op, op.getMeshAttr());
    int64_t members = dist::membersOf(mesh, dist::axesOf(op.getOver()));
    auto type = cast<RankedTensorType>(op.getType());
    int64_t bytes = type.getNumElements() * std::max(8u, type.getElementTypeBitWidth()) / 8;
    std::optional<int64_t> dim = dividedDim(type, members);
    if (!dim || bytes < least)
      return;
    SmallVector<int64_t> sizes(type.getShape());
    sizes[*dim] /= members;
    OpBuilder builder(op);
    auto scattered = ReduceScatterOp::create(
        builder, op.getLoc(), RankedTensorType::get(sizes, type.getElementType(), type.getEncoding()),
        op.getInput(), op.getMesh(), op.getOver(), op.getCombiner(), *dim, op.getReasonAttr(), nullptr,
        nullptr);
    auto gathered = AllGatherOp::create(builder, op.getLoc(), type, scattered, op.getMesh(), op.getOver(),
                                        *dim, op.getReasonAttr(), nullptr, nullptr);
    op.getResult().replaceAllUsesWith(gathered);
    op.erase();
  }
};
} // namespace
