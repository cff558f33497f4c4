#include "dialects/dist/ir/Notation.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

std::string cleave::dist::text(AxisRefAttr axis) {
  std::string name = axis.getName().getValue().str();
  if (axis.isWhole())
    return name;
  return name + "[" + std::to_string(axis.getPre()) + ":" + std::to_string(axis.getSize()) + "]";
}

std::string cleave::dist::text(ArrayRef<AxisRefAttr> axes) {
  std::string all;
  for (AxisRefAttr axis : axes)
    all += (all.empty() ? "" : ", ") + text(axis);
  return all;
}

std::string cleave::dist::elementText(Type element) {
  if (element.isInteger(1))
    return "bool";
  std::string name;
  llvm::raw_string_ostream(name) << element;
  return name;
}

std::string cleave::dist::text(RankedTensorType type, LayoutAttr layout) {
  std::string all;
  llvm::raw_string_ostream stream(all);
  stream << elementText(type.getElementType());
  if (type.getRank() == 0)
    return all;
  SmallVector<StringRef> names = model::axesOf(type);
  stream << "[";
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    stream << (dim ? ", " : "");
    if (names.empty())
      stream << type.getDimSize(dim);
    else
      stream << names[dim];
    if (layout)
      for (AxisRefAttr axis : layout.getDims()[dim].getAxes())
        stream << "/" << text(axis);
  }
  stream << "]";
  return all;
}

std::string cleave::dist::text(Location loc) {
  std::string found;
  loc->walk([&](Location inner) {
    auto file = dyn_cast<FileLineColLoc>(inner);
    if (!file)
      return WalkResult::advance();
    found = llvm::formatv("{0}:{1}:{2}", file.getFilename().getValue(), file.getLine(), file.getColumn());
    return WalkResult::interrupt();
  });
  return found;
}
