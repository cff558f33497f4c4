#include "dialects/dist/ir/Dist.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace cleave::dist;

#define GET_OP_CLASSES
#include "dialects/dist/ir/DistOps.cpp.inc"

LogicalResult MeshOp::verify() {
  if (getAxes().size() != getSizes().size())
    return emitOpError("needs a size per axis, got: ") << getSizes().size() << " for " << getAxes().size();
  llvm::StringSet<> seen;
  for (auto [axis, size] : llvm::zip(getAxes().getAsValueRange<StringAttr>(), getSizes())) {
    if (!seen.insert(axis).second)
      return emitOpError("has axis \"") << axis << "\" twice";
    if (size < 1)
      return emitOpError("has axis \"") << axis << "\" of size " << size << "; sizes are at least 1";
  }
  if (getLinks() && getLinks()->size() != getAxes().size())
    return emitOpError("needs a link per axis, got: ") << getLinks()->size() << " for " << getAxes().size();
  return success();
}

std::optional<unsigned> MeshOp::find(StringRef axis) {
  for (auto [position, name] : llvm::enumerate(getAxes().getAsValueRange<StringAttr>()))
    if (name == axis)
      return position;
  return std::nullopt;
}

int64_t MeshOp::sizeOf(AxisRefAttr axis) {
  std::optional<unsigned> position = find(axis.getName().getValue());
  if (!position)
    return 0;
  return axis.isWhole() ? getSizes()[*position] : axis.getSize();
}

int64_t MeshOp::getRanks() {
  int64_t ranks = 1;
  for (int64_t size : getSizes())
    ranks *= size;
  return ranks;
}
