#include "compiler/codegen/common/Groups.h"

#include "compiler/codegen/common/Contraction.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace cleave::codegen {

bool Group::contains(const Stage *stage) const {
  return llvm::any_of(members, [&](const Member &member) { return member.stage == stage; });
}

static constexpr unsigned kUnknown = ~0u;

SmallVector<unsigned> axisDims(const Member &member, AffineMap map) {
  SmallVector<unsigned> dims;
  for (AffineExpr expr : map.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    const LoopDim *loop = dim ? &member.stage->dims[dim.getPosition()] : nullptr;
    dims.push_back(loop && loop->kind == LoopDim::Inner ? member.groupDim[loop->index] : kUnknown);
  }
  return dims;
}

namespace {

/// All tensors a member touches by maps, with the group dims of their axes.
SmallVector<std::pair<Value, SmallVector<unsigned>>> accesses(const Member &member) {
  SmallVector<std::pair<Value, SmallVector<unsigned>>> result;
  linalg::GenericOp op = member.stage->op;
  for (OpOperand &operand : op->getOpOperands()) {
    SmallVector<unsigned> dims = axisDims(member, op.getMatchingIndexingMap(&operand));
    bool isInit = op.isDpsInit(&operand);
    result.push_back({isInit ? Value(op.getTiedOpResult(&operand)) : operand.get(), dims});
  }
  return result;
}

class Grouper {
public:
  explicit Grouper(const Kernel &kernel) : kernel(kernel) {}

  SmallVector<Group> run() {
    for (const Stage &stage : kernel.stages)
      place(stage);
    return std::move(groups);
  }

private:
  /// Tiles and transposed copies have loops of their own.
  bool standsAlone(const Stage &stage) const {
    return linalg::GenericOp(stage.op)->hasAttr(kTransposeAttr) || matchContraction(kernel, stage);
  }

  void place(const Stage &stage) {
    for (unsigned index = firstGroup(stage); index < groups.size(); ++index)
      if (join(groups[index], stage))
        return;
    Group group;
    Member member{&stage, {}};
    for (unsigned dim = 0; dim < stage.inner.size(); ++dim) {
      member.groupDim.push_back(dim);
      group.sizes.push_back(stage.innerSizes[dim]);
      group.reduced.push_back(stage.reduces(dim));
    }
    group.members.push_back(std::move(member));
    groups.push_back(std::move(group));
  }

  /// The first group behind everything the stage reads, or the last one it reads from.
  unsigned firstGroup(const Stage &stage) {
    unsigned first = 0;
    auto after = [&](Value value) {
      const Stage *producer = kernel.producer(value);
      for (auto [index, group] : llvm::enumerate(groups))
        if (producer && group.contains(producer))
          first = std::max<unsigned>(first, index);
    };
    linalg::GenericOp op = stage.op;
    for (Value operand : op->getOperands())
      after(operand);
    op.getBody()->walk([&](tensor::ExtractOp extract) { after(extract.getTensor()); });
    return first;
  }

  /// Adds the stage to the group when it can share its loops.
  bool join(Group &group, const Stage &stage) {
    if (stage.innerSizes.size() != group.sizes.size() || standsAlone(stage) ||
        standsAlone(*group.members.front().stage))
      return false;
    Member member{&stage, SmallVector<unsigned>(stage.inner.size(), kUnknown)};
    if (!matchDims(group, member) || !readsAtPoint(group, member))
      return false;
    SmallVector<bool> reduced(group.sizes.size(), false);
    for (auto [dim, groupDim] : llvm::enumerate(member.groupDim))
      reduced[groupDim] = stage.reduces(dim);
    if (stage.reducesAny() && group.reducesAny() && reduced != group.reduced)
      return false;
    if (stage.reducesAny())
      group.reduced = reduced;
    group.members.push_back(std::move(member));
    return true;
  }

  /// Names the stage's dims as the group does: by tensors both touch, the rest in order.
  bool matchDims(const Group &group, Member &member) {
    linalg::GenericOp op = member.stage->op;
    for (OpOperand &operand : op->getOpOperands())
      for (const Member &other : group.members)
        for (auto &[tensor, dims] : accesses(other))
          if (tensor == operand.get() && !matchAxes(group, member, op.getMatchingIndexingMap(&operand), dims))
            return false;
    for (auto [dim, groupDim] : llvm::enumerate(member.groupDim)) {
      if (groupDim != kUnknown)
        continue;
      for (unsigned free = 0; free < group.sizes.size() && groupDim == kUnknown; ++free)
        if (!llvm::is_contained(member.groupDim, free) && group.sizes[free] == member.stage->innerSizes[dim])
          groupDim = free;
      if (groupDim == kUnknown)
        return false;
    }
    return true;
  }

  static bool matchAxes(const Group &group, Member &member, AffineMap map, ArrayRef<unsigned> dims) {
    for (auto [axis, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim || member.stage->dims[dim.getPosition()].kind != LoopDim::Inner || dims[axis] == kUnknown)
        continue;
      unsigned inner = member.stage->dims[dim.getPosition()].index;
      unsigned &known = member.groupDim[inner];
      if (known == dims[axis])
        continue;
      if (known != kUnknown || llvm::is_contained(member.groupDim, dims[axis]) ||
          group.sizes[dims[axis]] != member.stage->innerSizes[inner])
        return false;
      known = dims[axis];
    }
    return true;
  }

  /// Whether every value of the group that the stage reads is made at the very point where it is read.
  bool readsAtPoint(const Group &group, const Member &member) {
    linalg::GenericOp op = member.stage->op;
    for (OpOperand &operand : op->getOpOperands()) {
      const Stage *producer = kernel.producer(operand.get());
      if (!producer || !group.contains(producer))
        continue;
      if (producer->reducesAny() || op.isDpsInit(&operand))
        return false;
      SmallVector<unsigned> read = axisDims(member, op.getMatchingIndexingMap(&operand));
      for (const Member &other : group.members)
        for (auto &[tensor, dims] : accesses(other))
          if (other.stage == producer && tensor == operand.get() && dims != read)
            return false;
    }
    WalkResult extracts = op.getBody()->walk([&](tensor::ExtractOp extract) {
      const Stage *producer = kernel.producer(extract.getTensor());
      return producer && group.contains(producer) ? WalkResult::interrupt() : WalkResult::advance();
    });
    return !extracts.wasInterrupted();
  }

  const Kernel &kernel;
  SmallVector<Group> groups;
};

} // namespace

SmallVector<Group> groupStages(const Kernel &kernel) { return Grouper(kernel).run(); }

} // namespace cleave::codegen
