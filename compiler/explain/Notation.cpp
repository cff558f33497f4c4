#include "compiler/explain/Notation.h"

#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace cleave;

std::string cleave::explain::sizesText(RankedTensorType type) {
  std::string all;
  llvm::raw_string_ostream stream(all);
  stream << dist::elementText(type.getElementType());
  if (type.getRank() == 0)
    return all;
  stream << "[";
  llvm::interleaveComma(type.getShape(), stream);
  stream << "]";
  return all;
}

std::string cleave::explain::partialText(dist::LayoutAttr layout) {
  std::string all;
  if (layout)
    for (dist::PartialAttr partial : layout.getPartials())
      all += (all.empty() ? "" : ", ") + model::stringifyCombiner(partial.getCombiner()).str() + " over " +
             text(partial.getAxes());
  return all;
}

RankedTensorType cleave::explain::largestBlock(RankedTensorType type, dist::LayoutAttr layout,
                                               dist::MeshOp mesh) {
  if (!layout || !mesh)
    return type;
  SmallVector<int64_t> sizes(type.getShape());
  for (auto [size, dim] : llvm::zip(sizes, layout.getDims()))
    for (dist::AxisRefAttr axis : dim.getAxes())
      size = static_cast<int64_t>(llvm::divideCeil(size, std::max<int64_t>(mesh.sizeOf(axis), 1)));
  return type.clone(sizes);
}
