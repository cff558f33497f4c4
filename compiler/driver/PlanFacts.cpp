#include "compiler/driver/PlanFacts.h"

#include "compiler/convert/EncodeProgram.h"
#include "compiler/explain/Collect.h"
#include "dialects/comm/transforms/Shards.h"
#include "runtime/core/Footprint.h"

using namespace mlir;

namespace cleave {

dist::PlanOp planOf(ModuleOp module) {
  auto plans = module.getOps<dist::PlanOp>();
  return plans.empty() ? dist::PlanOp() : *plans.begin();
}

// A class is compiled for its last rank: where blocks are padded, that one's are not what an even cut gives.
std::optional<std::vector<RankClass>> rankClassesOf(ModuleOp module, std::vector<uint32_t> &classOf) {
  FailureOr<SmallVector<SmallVector<int64_t>>> found = comm::rankClasses(module);
  if (failed(found))
    return std::nullopt;
  dist::MeshOp mesh = comm::meshOf(module);
  std::vector<RankClass> classes;
  if (found->size() > 1)
    classOf.resize(mesh.getRanks());
  for (auto [number, ranks] : llvm::enumerate(*found)) {
    SmallVector<int64_t> coordinates = comm::coordinatesOf(mesh, ranks.back());
    classes.push_back({static_cast<unsigned>(number),
                       {coordinates.begin(), coordinates.end()},
                       static_cast<int64_t>(ranks.size())});
    for (int64_t rank : ranks)
      if (!classOf.empty())
        classOf[rank] = number;
  }
  return classes;
}

static LogicalResult checkRoom(Location loc, StringRef axis, int64_t extent, int64_t parts, int64_t room) {
  if (room == (extent + parts - 1) / parts)
    return success();
  return emitError(loc)
         << "E924: axes of one size that are padded are cut into numbers of parts that one padding serves, "
            "found room for "
         << room << " of " << axis << " = " << extent << " over " << parts
         << (parts == 1 ? " rank" : " ranks") << "; `remainder uneven` does without";
}

// Of a tensor whose local type is known, with the attributes that say what it is a block of.
static LogicalResult checkRoom(Location loc, Type type, DictionaryAttr attrs, dist::MeshOp mesh) {
  auto padded = attrs ? attrs.getAs<DenseI64ArrayAttr>(comm::kPaddedAttr) : DenseI64ArrayAttr();
  auto whole = attrs ? attrs.getAs<TypeAttr>(comm::kGlobalAttr) : TypeAttr();
  auto layout = attrs ? attrs.getAs<dist::LayoutAttr>(dist::kLayoutAttr) : dist::LayoutAttr();
  if (!padded || !whole || !layout)
    return success();
  auto global = cast<RankedTensorType>(whole.getValue()), local = cast<RankedTensorType>(type);
  for (int64_t dim : padded.asArrayRef()) {
    int64_t parts = 1;
    for (dist::AxisRefAttr axis : layout.getDims()[dim].getAxes())
      parts *= mesh.sizeOf(axis);
    if (failed(
            checkRoom(loc, model::axesOf(global)[dim], global.getDimSize(dim), parts, local.getDimSize(dim))))
      return failure();
  }
  return success();
}

LogicalResult checkRooms(ModuleOp local) {
  dist::MeshOp mesh = comm::meshOf(local);
  if (!mesh)
    return success();
  for (auto state : local.getOps<model::StateOp>())
    if (failed(checkRoom(state.getLoc(), state.getType(), state->getDiscardableAttrDictionary(), mesh)))
      return failure();
  for (auto entry : local.getOps<func::FuncOp>()) {
    if (!entry->hasAttr(model::kEntryAttr))
      continue;
    for (unsigned i = 0; i < entry.getNumArguments(); ++i)
      if (failed(checkRoom(entry.getLoc(), entry.getArgumentTypes()[i], entry.getArgAttrDict(i), mesh)))
        return failure();
    for (unsigned i = 0; i < entry.getNumResults(); ++i)
      if (failed(checkRoom(entry.getLoc(), entry.getResultTypes()[i], entry.getResultAttrDict(i), mesh)))
        return failure();
  }
  WalkResult offsets = local.walk([&](comm::OffsetOp op) {
    int64_t parts = 1;
    for (dist::AxisRefAttr axis : dist::axesOf(op.getOver()))
      parts *= mesh.sizeOf(axis);
    int64_t block = static_cast<int64_t>(op.getBlock());
    return block > 0 && failed(checkRoom(op.getLoc(), "an axis", op.getExtent(), parts, block))
               ? WalkResult::interrupt()
               : WalkResult::advance();
  });
  return failure(offsets.wasInterrupted());
}

void collectLayouts(explain::Facts &facts, ModuleOp whole) {
  facts.mesh = explain::collectMesh(whole);
  facts.values = explain::collectValues(whole);
  facts.conflicts = explain::collectConflicts(whole);
}

void collectCollectives(explain::Facts &facts, ModuleOp local) {
  facts.collectives = explain::collectCollectives(local);
  explain::addPaths(facts.collectives, facts.values);
  explain::addRegathers(facts.collectives);
}

void addMemory(explain::Facts &facts, const Local &local, const std::vector<uint32_t> &classOf) {
  explain::MemoryFacts memory = explain::collectMemory(*local.module);
  // What the process takes besides goes to buffers: that of collectives, and of the runtime.
  int64_t whole = rt::footprintOf(convert::encodeProgram(*local.module)).bytes;
  memory.buffers += whole - memory.peakBytes;
  memory.peakBytes = whole;
  memory.count = local.ranks.count;
  int64_t first = 0, last = local.ranks.count - 1;
  if (!classOf.empty()) {
    first = llvm::find(classOf, local.ranks.number) - classOf.begin();
    last = classOf.rend() - llvm::find(llvm::reverse(classOf), local.ranks.number) - 1;
  }
  memory.ranks = {first, last};
  facts.memory.push_back(std::move(memory));
}

int64_t largestSum(ModuleOp module) {
  int64_t most = 1;
  module.walk([&](Operation *op) {
    int64_t terms = 1;
    if (auto index = dyn_cast<model::IndexOp>(op))
      for (int64_t size : index.getSizes().drop_front(index.getParallel()))
        terms *= size;
    if (auto scatter = dyn_cast<model::ScatterOp>(op))
      terms = cast<RankedTensorType>(scatter.getUpdates().getType()).getNumElements();
    if (auto scan = dyn_cast<model::ScanOp>(op))
      terms = scan.getCount();
    most = std::max(most, terms);
  });
  return most;
}

} // namespace cleave
