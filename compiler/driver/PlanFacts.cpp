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

void collectLayouts(explain::Facts &facts, ModuleOp whole) {
  facts.mesh = explain::collectMesh(whole);
  facts.values = explain::collectValues(whole);
  facts.conflicts = explain::collectConflicts(whole);
}

void collectCollectives(explain::Facts &facts, ModuleOp local) {
  facts.collectives = explain::collectCollectives(local);
}

void addMemory(explain::Facts &facts, const Local &local, const std::vector<uint32_t> &classOf) {
  if (local.ranks.number == 0)
    explain::addOverlap(facts.collectives, *local.module);
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
