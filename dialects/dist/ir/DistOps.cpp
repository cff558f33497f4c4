#include "dialects/dist/ir/Axes.h"
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

//===------------------------------------------------------------------===//
// Manual regions
//===------------------------------------------------------------------===//

// Elements of a dim that one rank along the manual axes has; 0 where the axes do not divide it.
static int64_t blockOf(MeshOp mesh, int64_t extent, DimAttr dim) {
  int64_t parts = membersOf(mesh, dim.getAxes());
  return parts && extent % parts == 0 ? extent / parts : 0;
}

static bool isManual(ManualOp op, AxisRefAttr axis) { return llvm::is_contained(op.getOver(), axis); }

// A layout at the boundary: closed, and over manual axes alone.
static LogicalResult verifyBoundary(ManualOp op, Attribute attr, Type type) {
  auto layout = dyn_cast<LayoutAttr>(attr);
  auto tensor = cast<RankedTensorType>(type);
  if (!layout || layout.getMesh() != op.getMeshAttr())
    return op.emitOpError("needs layouts on its mesh at the boundary, got: ") << attr;
  if (static_cast<int64_t>(layout.getDims().size()) != tensor.getRank())
    return op.emitOpError("needs a dim for each axis of ") << type << ", got: " << attr;
  if (!layout.getPartials().empty() || llvm::any_of(layout.getDims(), [](DimAttr d) { return d.getOpen(); }))
    return op.emitOpError("needs closed layouts with nothing pending at the boundary, got: ") << attr;
  for (DimAttr dim : layout.getDims())
    for (AxisRefAttr axis : dim.getAxes())
      if (!isManual(op, axis))
        return op.emitOpError("needs layouts over its manual axes ") << op.getOver() << ", got: " << axis;
  return success();
}

LogicalResult ManualOp::verify() {
  if (getInLayouts().size() != getInputs().size() || getOutLayouts().size() != getNumResults())
    return emitOpError("needs a layout for each operand and result, got: ")
           << getInLayouts().size() << " and " << getOutLayouts().size();
  for (Attribute axis : getOver())
    if (!isa<AxisRefAttr>(axis) || !cast<AxisRefAttr>(axis).isWhole())
      return emitOpError("needs whole mesh axes, got: ") << axis;
  for (auto [layout, type] : llvm::zip(getInLayouts(), getInputs().getTypes()))
    if (failed(verifyBoundary(*this, layout, type)))
      return failure();
  for (auto [layout, type] : llvm::zip(getOutLayouts(), getResultTypes()))
    if (failed(verifyBoundary(*this, layout, type)))
      return failure();
  return success();
}

// What the body has of a value, against the type it is declared with.
static LogicalResult verifyBlock(ManualOp op, MeshOp mesh, Type whole, Attribute layout, Type block) {
  auto outer = cast<RankedTensorType>(whole), inner = dyn_cast<RankedTensorType>(block);
  if (!inner || inner.getRank() != outer.getRank() || inner.getElementType() != outer.getElementType() ||
      inner.getEncoding() != outer.getEncoding())
    return op.emitOpError("has a body of its values' blocks, got: ") << block << " for " << whole;
  for (auto [i, dim] : llvm::enumerate(cast<LayoutAttr>(layout).getDims())) {
    int64_t expected = blockOf(mesh, outer.getDimSize(i), dim);
    if (!expected)
      return op.emitOpError("needs dims that the manual axes divide, got: ")
             << outer.getDimSize(i) << " over " << dim;
    if (inner.getDimSize(i) != expected)
      return op.emitOpError("has a body of its values' blocks, got: ") << block << " for " << whole;
  }
  return success();
}

LogicalResult ManualOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto mesh = symbols.lookupNearestSymbolFrom<MeshOp>(*this, getMeshAttr());
  if (!mesh)
    return emitOpError("is on a mesh that is not declared, got: ") << getMeshAttr();
  for (AxisRefAttr axis : axesOf(getOver()))
    if (!mesh.sizeOf(axis))
      return emitOpError("is over axes of its mesh, got: ") << axis.getName();
  auto function = symbols.lookupNearestSymbolFrom<mlir::func::FuncOp>(*this, getBodyAttr());
  if (!function)
    return emitOpError("runs an unknown function, got: ") << getBodyAttr();
  FunctionType type = function.getFunctionType();
  if (type.getNumInputs() != getInputs().size() || type.getNumResults() != getNumResults())
    return emitOpError("has a body with its operands and results, got: ") << type;
  for (auto [whole, layout, block] : llvm::zip(getInputs().getTypes(), getInLayouts(), type.getInputs()))
    if (failed(verifyBlock(*this, mesh, whole, layout, block)))
      return failure();
  for (auto [whole, layout, block] : llvm::zip(getResultTypes(), getOutLayouts(), type.getResults()))
    if (failed(verifyBlock(*this, mesh, whole, layout, block)))
      return failure();
  return success();
}

// The result of a collective among `members` ranks, by its sizes: stacked, taken apart or as it was.
LogicalResult CollectiveOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType()),
       result = cast<RankedTensorType>(getResult().getType());
  bool reduces = getKind() == CollectiveKind::AllReduce || getKind() == CollectiveKind::ReduceScatter;
  if (reduces != (getCombiner() != model::Combiner::None))
    return emitOpError("has a combiner where it reduces, got: ") << model::stringifyCombiner(getCombiner());
  ArrayRef<int64_t> from = input.getShape(), to = result.getShape();
  if (getKind() == CollectiveKind::AllGather && !to.empty())
    to = to.drop_front();
  if (getKind() == CollectiveKind::ReduceScatter && !from.empty())
    from = from.drop_front();
  bool stacked = getKind() == CollectiveKind::AllGather ? result.getRank() == input.getRank() + 1
                 : getKind() == CollectiveKind::ReduceScatter
                     ? input.getRank() == result.getRank() + 1
                     : getKind() != CollectiveKind::AllToAll || input.getRank() > 0;
  if (!stacked || from != to || input.getElementType() != result.getElementType())
    return emitOpError("stacks along a leading dim, takes that apart, or keeps the type, got: ")
           << input << " to " << result;
  return success();
}
