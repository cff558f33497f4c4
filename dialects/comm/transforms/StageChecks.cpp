#include "dialects/comm/transforms/StageChecks.h"
#include "dialects/comm/transforms/Shards.h"
#include "dialects/dist/ir/Axes.h"
#include "dialects/model/transforms/StageChecks.h"

#include "llvm/ADT/TypeSwitch.h"
#include <set>

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

static LogicalResult checkAxes(Operation *op, dist::MeshOp mesh, ArrayRef<dist::AxisRefAttr> axes) {
  std::map<StringRef, SmallVector<std::pair<int64_t, int64_t>>> taken;
  for (dist::AxisRefAttr axis : axes) {
    StringRef name = axis.getName().getValue();
    std::optional<unsigned> position = mesh.find(name);
    if (!position)
      return op->emitError("a collective is over axes of its mesh, got: ") << axis.getName();
    int64_t low = axis.isWhole() ? 1 : axis.getPre(), high = low * mesh.sizeOf(axis);
    if (mesh.getSizes()[*position] % high != 0)
      return op->emitError("a part of a mesh axis divides it, got: ") << axis;
    for (auto [otherLow, otherHigh] : taken[name])
      if (low < otherHigh && otherLow < high)
        return op->emitError("a collective is over a mesh axis once, got twice: ") << axis.getName();
    taken[name].push_back({low, high});
  }
  return success();
}

// Whether `local` is the size of some member's block of `whole`, or of all where they are padded.
static bool isBlock(int64_t local, int64_t whole, dist::MeshOp mesh, ArrayRef<dist::AxisRefAttr> axes) {
  SmallVector<int64_t> parts;
  int64_t members = 1;
  for (dist::AxisRefAttr axis : axes) {
    parts.push_back(mesh.sizeOf(axis));
    members *= parts.back();
  }
  return local * members == whole || llvm::is_contained(blocksOf(whole, parts), local);
}

static LogicalResult checkSizes(Operation *op, dist::MeshOp mesh, ArrayRef<dist::AxisRefAttr> axes) {
  auto size = [](Value value, int64_t dim) {
    return cast<RankedTensorType>(value.getType()).getDimSize(dim);
  };
  auto check = [&](Value block, Value whole, int64_t dim) -> LogicalResult {
    if (isBlock(size(block, dim), size(whole, dim), mesh, axes))
      return success();
    return op->emitError("the parts of a dim are blocks of it, got: ")
           << size(block, dim) << " of " << size(whole, dim) << " over " << op->getAttr("over");
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](ReduceScatterOp it) { return check(it.getResult(), it.getInput(), it.getDim()); })
      .Case([&](SliceOp it) { return check(it.getResult(), it.getInput(), it.getDim()); })
      .Case([&](AllGatherOp it) { return check(it.getInput(), it.getResult(), it.getDim()); })
      .Case([&](AllToAllOp it) {
        return success(succeeded(check(it.getResult(), it.getInput(), it.getSplit())) &&
                       succeeded(check(it.getInput(), it.getResult(), it.getConcat())));
      })
      .Case([&](HaloOp it) -> LogicalResult {
        auto dim = static_cast<int64_t>(it.getDim());
        int64_t grown = size(it.getInput(), dim) + static_cast<int64_t>(it.getLow() + it.getHigh());
        if (grown == size(it.getResult(), dim))
          return success();
        return op->emitError("a halo adds its widths, got: ")
               << size(it.getResult(), dim) << " for " << grown;
      })
      .Case([&](PermuteOp it) -> LogicalResult {
        int64_t members = dist::membersOf(mesh, axes);
        std::set<int64_t> seen;
        for (int64_t source : it.getSources())
          if (source >= members || source < -1 || (source >= 0 && !seen.insert(source).second))
            return op->emitError("a member gives once, and is one of the group, got source: ") << source;
        if (static_cast<int64_t>(it.getSources().size()) != members)
          return op->emitError("a permute has a source per member, got: ") << it.getSources().size();
        return success();
      })
      .Default([](Operation *) { return success(); });
}

static LogicalResult checkCollective(Operation *op) {
  auto name = op->getAttrOfType<FlatSymbolRefAttr>("mesh");
  auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(op, name);
  if (!mesh)
    return op->emitError("a collective is over a mesh that is declared, got: ") << name;
  SmallVector<dist::AxisRefAttr> axes = dist::axesOf(op->getAttrOfType<ArrayAttr>("over"));
  return success(succeeded(checkAxes(op, mesh, axes)) && succeeded(checkSizes(op, mesh, axes)));
}

// What goes in and out of an entry, or a state, is a block of the whole.
static LogicalResult checkPort(Operation *op, Type type, DictionaryAttr attributes) {
  auto global = attributes.getAs<TypeAttr>(kGlobalAttr);
  if (!global)
    return op->emitError("what goes in and out of an entry has its global type beside it, got none");
  auto local = cast<RankedTensorType>(type), whole = cast<RankedTensorType>(global.getValue());
  if (local.getRank() != whole.getRank() || local.getElementType() != whole.getElementType() ||
      local.getEncoding() != whole.getEncoding())
    return op->emitError("a block has its whole's element type and axes, got: ") << local << " of " << whole;
  auto layout = attributes.getAs<dist::LayoutAttr>(dist::kLayoutAttr);
  auto padded = attributes.getAs<DenseI64ArrayAttr>(kPaddedAttr);
  for (int64_t dim = 0; dim < local.getRank(); ++dim) {
    ArrayRef<dist::AxisRefAttr> axes =
        layout ? layout.getDims()[dim].getAxes() : ArrayRef<dist::AxisRefAttr>();
    dist::MeshOp mesh;
    if (!axes.empty())
      mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(op, layout.getMesh());
    bool fits = axes.empty() ? local.getDimSize(dim) == whole.getDimSize(dim)
                             : isBlock(local.getDimSize(dim), whole.getDimSize(dim), mesh, axes);
    if (!fits && !(padded && padded[dim] == local.getDimSize(dim)))
      return op->emitError("what goes in and out of an entry is a block of its whole, got: ")
             << local << " of " << whole;
  }
  return success();
}

static LogicalResult checkPorts(ModuleOp module) {
  for (auto entry : module.getOps<func::FuncOp>()) {
    if (!entry->hasAttr(model::kEntryAttr))
      continue;
    for (auto [i, type] : llvm::enumerate(entry.getArgumentTypes()))
      if (failed(checkPort(entry, type, entry.getArgAttrDict(i))))
        return failure();
    for (auto [i, type] : llvm::enumerate(entry.getResultTypes()))
      if (failed(checkPort(entry, type, entry.getResultAttrDict(i))))
        return failure();
  }
  for (auto state : module.getOps<model::StateOp>())
    if (failed(checkPort(state, state.getType(), state->getDiscardableAttrDictionary())))
      return failure();
  return success();
}

LogicalResult cleave::comm::verifyCommStage(ModuleOp module) {
  if (!meshOf(module))
    return model::verifyGradStage(module);
  WalkResult result = module.walk([](Operation *op) {
    if (isa<dist::ConstrainOp, dist::BarrierOp, dist::ManualOp, dist::CollectiveOp, dist::RankOp>(op) ||
        op->hasAttr(dist::kLayoutsAttr) || op->hasAttr(dist::kFactorsAttr)) {
      op->emitError("nothing of the dist stage is left, got: ") << op->getName();
      return WalkResult::interrupt();
    }
    bool collective = isa_and_present<CommDialect>(op->getDialect()) && !isa<WaitOp>(op);
    return collective && failed(checkCollective(op)) ? WalkResult::interrupt() : WalkResult::advance();
  });
  if (result.wasInterrupted() || failed(checkPorts(module)))
    return failure();
  return model::verifyGradStage(module);
}
