#include "dialects/comm/transforms/Shards.h"

#include "dialects/dist/ir/Notation.h"

#include "llvm/ADT/STLExtras.h"
#include <map>
#include <numeric>

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

//===------------------------------------------------------------------===//
// Layouts
//===------------------------------------------------------------------===//

SmallVector<AxisList> cleave::comm::axesPerDim(LayoutAttr layout) {
  return llvm::map_to_vector(layout.getDims(), [](dist::DimAttr dim) {
    return AxisList(dim.getAxes().begin(), dim.getAxes().end());
  });
}

LayoutAttr cleave::comm::makeLayout(FlatSymbolRefAttr mesh, ArrayRef<AxisList> dims,
                                    ArrayRef<dist::PartialAttr> partials) {
  MLIRContext *context = mesh.getContext();
  SmallVector<dist::DimAttr> attributes;
  for (const AxisList &axes : dims)
    attributes.push_back(dist::DimAttr::get(context, axes, /*open=*/false, /*priority=*/0));
  return LayoutAttr::get(context, mesh, attributes, {}, partials);
}

AxisList cleave::comm::joined(dist::MeshOp mesh, ArrayRef<AxisRefAttr> axes) {
  AxisList result;
  for (AxisRefAttr axis : axes) {
    int64_t pre = axis.isWhole() ? 1 : axis.getPre(), size = mesh.sizeOf(axis);
    if (!result.empty() && result.back().getName() == axis.getName() && !result.back().isWhole() &&
        result.back().getPre() * result.back().getSize() == pre) {
      pre = result.back().getPre();
      size *= result.back().getSize();
      result.pop_back();
    }
    AxisRefAttr whole = AxisRefAttr::get(axis.getContext(), axis.getName());
    bool all = pre == 1 && size == mesh.sizeOf(whole);
    result.push_back(all ? whole : AxisRefAttr::get(axis.getContext(), axis.getName(), pre, size));
  }
  return result;
}

LayoutAttr cleave::comm::placement(dist::MeshOp mesh, LayoutAttr layout) {
  SmallVector<AxisList> dims;
  for (const AxisList &axes : axesPerDim(layout))
    dims.push_back(joined(mesh, axes));
  return makeLayout(layout.getMesh(), dims, layout.getPartials());
}

LayoutAttr cleave::comm::withPartials(LayoutAttr layout, ArrayRef<dist::PartialAttr> partials) {
  return makeLayout(layout.getMesh(), axesPerDim(layout), partials);
}

ArrayAttr cleave::comm::overOf(MLIRContext *context, ArrayRef<AxisRefAttr> axes) {
  return ArrayAttr::get(context, SmallVector<Attribute>(axes.begin(), axes.end()));
}

dist::MeshOp cleave::comm::meshOf(ModuleOp module) {
  for (auto plan : module.getOps<dist::PlanOp>())
    if (auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(module, plan.getMeshAttr()))
      return mesh;
  for (auto mesh : module.getOps<dist::MeshOp>())
    return mesh;
  return {};
}

SmallVector<int64_t> cleave::comm::coordinatesOf(dist::MeshOp mesh, int64_t rank) {
  SmallVector<int64_t> coordinates(mesh.getSizes().size());
  for (size_t i = coordinates.size(); i-- > 0;) {
    coordinates[i] = rank % mesh.getSizes()[i];
    rank /= mesh.getSizes()[i];
  }
  return coordinates;
}

//===------------------------------------------------------------------===//
// What a module cuts
//===------------------------------------------------------------------===//

namespace {
struct Cut {
  StringRef axis; // the first name of a dim of this size that is cut so
  Location loc;
};
// By size, then by mesh axes.
using Cuts = std::map<int64_t, llvm::MapVector<ArrayAttr, Cut>>;
} // namespace

static void addCut(Cuts &cuts, dist::MeshOp mesh, int64_t extent, StringRef axis, ArrayRef<AxisRefAttr> axes,
                   Location loc) {
  if (!axes.empty())
    cuts[extent].insert({overOf(loc.getContext(), joined(mesh, axes)), Cut{axis, loc}});
}

static void addLayout(Cuts &cuts, dist::MeshOp mesh, Type type, LayoutAttr layout, Location loc) {
  auto ranked = dyn_cast<RankedTensorType>(type);
  if (!ranked || !layout || layout.getDims().size() != static_cast<size_t>(ranked.getRank()))
    return;
  SmallVector<StringRef> names = model::axesOf(ranked);
  for (auto [i, dim] : llvm::enumerate(layout.getDims()))
    addCut(cuts, mesh, ranked.getDimSize(i), names.empty() ? StringRef() : names[i], dim.getAxes(), loc);
}

static Cuts cutsOf(ModuleOp module, dist::MeshOp mesh) {
  Cuts cuts;
  module.walk([&](Operation *op) {
    if (auto function = dyn_cast<func::FuncOp>(op)) {
      for (unsigned i = 0; i < function.getNumArguments(); ++i)
        addLayout(cuts, mesh, function.getArgumentTypes()[i],
                  function.getArgAttrOfType<LayoutAttr>(i, dist::kLayoutAttr), function.getLoc());
      for (unsigned i = 0; i < function.getNumResults(); ++i)
        addLayout(cuts, mesh, function.getResultTypes()[i],
                  function.getResultAttrOfType<LayoutAttr>(i, dist::kLayoutAttr), function.getLoc());
    }
    if (auto layouts = op->getAttrOfType<ArrayAttr>(dist::kLayoutsAttr))
      for (auto [result, layout] : llvm::zip(op->getResults(), layouts))
        addLayout(cuts, mesh, result.getType(), dyn_cast<LayoutAttr>(layout), op->getLoc());
    auto factors = op->getAttrOfType<ArrayAttr>(dist::kFactorsAttr);
    auto index = dyn_cast<model::IndexOp>(op);
    if (factors && index)
      for (auto [i, factor] : llvm::enumerate(factors))
        addCut(cuts, mesh, index.getSizes()[i], index.getAxis(i), cast<dist::DimAttr>(factor).getAxes(),
               op->getLoc());
  });
  return cuts;
}

// error, pad or uneven, by the axis' name: the plan's line that names it, else the one that names none.
static StringRef policyOf(ModuleOp module, StringRef axis) {
  StringRef others = "error", found;
  module.walk([&](dist::RemainderOp op) {
    if (op.getAxes().empty())
      others = op.getPolicy();
    for (StringRef name : op.getAxes().getAsValueRange<StringAttr>())
      if (name == axis)
        found = op.getPolicy();
  });
  return found.empty() ? others : found;
}

static std::string describe(ArrayAttr axes, dist::MeshOp mesh) {
  std::string text;
  for (AxisRefAttr axis : dist::axesOf(axes))
    text += (text.empty() ? "" : ", ") + dist::text(axis) + " = " + std::to_string(mesh.sizeOf(axis));
  return text;
}

FailureOr<Shards> Shards::create(ModuleOp module, dist::MeshOp mesh, ArrayRef<int64_t> coordinates) {
  Shards shards;
  shards.mesh = mesh;
  shards.coordinates.assign(coordinates.begin(), coordinates.end());
  for (auto &[extent, cuts] : cutsOf(module, mesh)) {
    int64_t common = 1;
    StringRef policy = "error";
    const Cut *first = nullptr;
    ArrayAttr firstAxes;
    for (auto &[axes, cut] : cuts) {
      int64_t parts = shards.members(dist::axesOf(axes));
      common = std::lcm(common, parts);
      if (extent % parts == 0)
        continue;
      StringRef own = policyOf(module, cut.axis);
      if (!first || (policy == "error" && own != "error")) {
        first = &cut;
        firstAxes = axes;
        policy = own;
      }
    }
    if (!first)
      continue;
    if (policy == "error")
      return emitError(first->loc) << "E921: an axis is divided by the mesh axes it is cut over, got: "
                                   << first->axis << " of " << extent << " over "
                                   << describe(firstAxes, mesh);
    if (policy == "pad") {
      shards.paddedExtents[extent] = (extent + common - 1) / common * common;
      continue;
    }
    for (auto &[axes, cut] : cuts) {
      if (extent < shards.members(dist::axesOf(axes)))
        return emitError(cut.loc)
               << "E921: an axis that is cut in uneven blocks has an element for each, got: " << cut.axis
               << " of " << extent << " over " << describe(axes, mesh);
      for (size_t length = 1; length <= axes.size(); ++length)
        shards.uneven.insert(
            {extent, ArrayAttr::get(module.getContext(), axes.getValue().take_front(length))});
    }
  }
  return shards;
}

//===------------------------------------------------------------------===//
// Blocks
//===------------------------------------------------------------------===//

FlatSymbolRefAttr Shards::getMeshName() const {
  return FlatSymbolRefAttr::get(dist::MeshOp(mesh).getSymNameAttr());
}

int64_t Shards::members(ArrayRef<AxisRefAttr> axes) const {
  int64_t product = 1;
  for (AxisRefAttr axis : axes)
    product *= sizeOf(axis);
  return product;
}

std::pair<int64_t, int64_t> Shards::reach(AxisRefAttr axis) const {
  int64_t pre = axis.isWhole() ? 1 : axis.getPre();
  return {pre, pre * sizeOf(axis)};
}

bool Shards::overlap(AxisRefAttr a, AxisRefAttr b) const {
  if (a.getName() != b.getName())
    return false;
  auto [lowA, highA] = reach(a);
  auto [lowB, highB] = reach(b);
  return lowA < highB && lowB < highA;
}

static int64_t digitOf(dist::MeshOp mesh, ArrayRef<int64_t> coordinates, AxisRefAttr axis) {
  unsigned position = *mesh.find(axis.getName().getValue());
  if (axis.isWhole())
    return coordinates[position];
  int64_t behind = mesh.getSizes()[position] / (axis.getPre() * axis.getSize());
  return coordinates[position] / behind % axis.getSize();
}

static int64_t memberOf(const Shards &shards, ArrayRef<int64_t> coordinates, ArrayRef<AxisRefAttr> axes) {
  int64_t number = 0;
  for (AxisRefAttr axis : axes)
    number = number * shards.sizeOf(axis) + digitOf(shards.getMesh(), coordinates, axis);
  return number;
}

int64_t Shards::member(ArrayRef<AxisRefAttr> axes) const { return memberOf(*this, coordinates, axes); }

int64_t Shards::padded(int64_t extent) const {
  auto found = paddedExtents.find(extent);
  return found == paddedExtents.end() ? extent : found->second;
}

bool Shards::isEven(int64_t extent, ArrayRef<AxisRefAttr> axes) const {
  return axes.empty() || padded(extent) % members(axes) == 0;
}

static int64_t blockAt(const Shards &shards, int64_t extent, ArrayRef<AxisRefAttr> axes, int64_t member) {
  SmallVector<int64_t> parts;
  for (AxisRefAttr axis : axes)
    parts.push_back(shards.sizeOf(axis));
  return blocksOf(extent, parts)[member];
}

int64_t Shards::local(int64_t extent, ArrayRef<AxisRefAttr> axes) const {
  if (axes.empty())
    return extent;
  return isEven(extent, axes) ? padded(extent) / members(axes) : blockAt(*this, extent, axes, member(axes));
}

int64_t Shards::most(int64_t extent, ArrayRef<AxisRefAttr> axes) const {
  if (axes.empty())
    return extent;
  return isEven(extent, axes) ? padded(extent) / members(axes) : blockAt(*this, extent, axes, 0);
}

SmallVector<int64_t> Shards::blocks(int64_t extent, ArrayRef<AxisRefAttr> axes) const {
  if (isEven(extent, axes))
    return SmallVector<int64_t>(members(axes), padded(extent) / members(axes));
  SmallVector<int64_t> parts;
  for (AxisRefAttr axis : axes)
    parts.push_back(sizeOf(axis));
  return blocksOf(extent, parts);
}

RankedTensorType Shards::localType(RankedTensorType whole, LayoutAttr layout) const {
  SmallVector<int64_t> sizes(whole.getShape());
  if (layout)
    for (auto [size, dim] : llvm::zip(sizes, layout.getDims()))
      size = local(size, dim.getAxes());
  return RankedTensorType::get(sizes, whole.getElementType(), whole.getEncoding());
}

SmallVector<SmallVector<int64_t>> Shards::classes() const {
  dist::MeshOp grid = mesh;
  llvm::MapVector<Attribute, SmallVector<int64_t>> byBlocks;
  SmallVector<SmallVector<int64_t>> blocks;
  for (auto [extent, axes] : uneven) {
    SmallVector<int64_t> parts;
    for (AxisRefAttr axis : dist::axesOf(axes))
      parts.push_back(sizeOf(axis));
    blocks.push_back(blocksOf(extent, parts));
  }
  for (int64_t rank = 0, ranks = grid.getRanks(); rank < ranks; ++rank) {
    SmallVector<int64_t> at = coordinatesOf(grid, rank), sizes;
    for (auto [cut, sizesOfCut] : llvm::zip(uneven, blocks))
      sizes.push_back(sizesOfCut[memberOf(*this, at, dist::axesOf(cut.second))]);
    byBlocks[DenseI64ArrayAttr::get(grid.getContext(), sizes)].push_back(rank);
  }
  return llvm::map_to_vector(byBlocks, [](auto &entry) { return entry.second; });
}

FailureOr<SmallVector<SmallVector<int64_t>>> cleave::comm::rankClasses(ModuleOp module) {
  dist::MeshOp mesh = meshOf(module);
  if (!mesh)
    return module.emitError("a module with layouts has a mesh, got none");
  FailureOr<Shards> shards = Shards::create(module, mesh, coordinatesOf(mesh, 0));
  if (failed(shards))
    return failure();
  return shards->classes();
}
