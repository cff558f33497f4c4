#include "compiler/driver/PlanFacts.h"

#include "dialects/comm/transforms/Shards.h"

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

} // namespace cleave
