#include "dialects/dist/ir/Axes.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;
using namespace cleave::dist;

bool cleave::dist::overlap(const Axis &a, const Axis &b) {
  if (a.mesh != b.mesh)
    return false;
  const Axis &first = a.pre <= b.pre ? a : b, &second = a.pre <= b.pre ? b : a;
  return second.pre < first.end() || second.pre % first.end() != 0;
}

bool cleave::dist::overlaps(const Axis &axis, AxisListRef list) {
  return llvm::any_of(list, [&](const Axis &other) { return overlap(axis, other); });
}

std::optional<Axis> cleave::dist::prefixWithout(const Axis &axis, AxisListRef list) {
  Axis prefix = axis;
  for (const Axis &other : list) {
    if (!overlap(prefix, other))
      continue;
    // What lies before `other`, as far as one splitting of the axis has both.
    int64_t size = other.pre % prefix.pre == 0 ? std::gcd(other.pre / prefix.pre, prefix.size) : 1;
    if (size == 1)
      return std::nullopt;
    prefix.size = size;
    if (overlap(prefix, other))
      return std::nullopt;
  }
  return prefix;
}

int64_t cleave::dist::membersOf(MeshOp mesh, ArrayRef<AxisRefAttr> over) {
  int64_t members = 1;
  for (AxisRefAttr axis : over)
    members *= mesh.sizeOf(axis);
  return members;
}

int64_t cleave::dist::sizeOf(AxisListRef list) {
  int64_t size = 1;
  for (const Axis &axis : list)
    size *= axis.size;
  return size;
}

void cleave::dist::append(AxisList &list, Axis axis) {
  if (!list.empty() && list.back().mesh == axis.mesh && list.back().end() == axis.pre && axis.size > 1)
    list.back().size *= axis.size;
  else
    list.push_back(axis);
}

Prefix cleave::dist::prefixOf(AxisListRef a, AxisListRef b) {
  if (a.empty())
    return b.empty() ? Prefix::Equal : Prefix::Strict;
  if (a.size() > b.size() || a.drop_back() != b.take_front(a.size() - 1))
    return Prefix::No;
  const Axis &last = a.back(), &same = b[a.size() - 1];
  if (last == same)
    return a.size() == b.size() ? Prefix::Equal : Prefix::Strict;
  return last.isPrefixOf(same) ? Prefix::Strict : Prefix::No;
}

bool Cut::uses(const Axis &axis) const {
  return llvm::any_of(dims, [&](const DimCut &dim) { return overlaps(axis, dim.axes); });
}

// Along one dim: the longer list, where the other begins it and is open to more.
static std::optional<DimCut> agreed(const DimCut &a, const DimCut &b) {
  Prefix grows = prefixOf(a.axes, b.axes), shrinks = prefixOf(b.axes, a.axes);
  bool agree =
      grows == Prefix::Equal || (grows == Prefix::Strict && a.open) || (shrinks == Prefix::Strict && b.open);
  if (!agree)
    return std::nullopt;
  return DimCut{grows == Prefix::Strict ? b.axes : a.axes, a.open && b.open,
                std::min(a.priority, b.priority)};
}

std::optional<Cut> cleave::dist::agreed(const Cut &a, const Cut &b) {
  auto samePending = [](const PendingCut &x, const PendingCut &y) {
    return x.combiner == y.combiner && x.axes == y.axes;
  };
  if (a.dims.size() != b.dims.size() || !llvm::equal(a.partials, b.partials, samePending))
    return std::nullopt;
  Cut both = a;
  for (const Axis &axis : b.replicated)
    if (!overlaps(axis, both.replicated))
      both.replicated.push_back(axis);
  AxisList used = both.replicated;
  for (auto [dim, other] : llvm::zip(both.dims, b.dims)) {
    std::optional<DimCut> one = ::agreed(dim, other);
    if (!one || llvm::any_of(one->axes, [&](const Axis &axis) { return overlaps(axis, used); }))
      return std::nullopt;
    llvm::append_range(used, one->axes);
    dim = std::move(*one);
  }
  return both;
}

FailureOr<Axis> cleave::dist::resolve(MeshOp mesh, AxisRefAttr axis,
                                      function_ref<InFlightDiagnostic()> error) {
  std::optional<unsigned> position = mesh.find(axis.getName().getValue());
  if (!position) {
    error() << "names a mesh axis that @" << mesh.getSymName() << " does not have: \""
            << axis.getName().getValue() << "\"";
    return failure();
  }
  int64_t whole = mesh.getSizes()[*position];
  if (axis.isWhole())
    return Axis{*position, 1, whole};
  if (whole % (axis.getPre() * axis.getSize()) != 0) {
    error() << "splits mesh axis \"" << axis.getName().getValue() << "\" of size " << whole << " at ("
            << axis.getPre() << ")" << axis.getSize() << ", which does not divide it";
    return failure();
  }
  return Axis{*position, axis.getPre(), axis.getSize()};
}

FailureOr<AxisList> cleave::dist::resolve(MeshOp mesh, ArrayRef<AxisRefAttr> axes,
                                          function_ref<InFlightDiagnostic()> error) {
  AxisList list;
  for (AxisRefAttr axis : axes) {
    FailureOr<Axis> resolved = resolve(mesh, axis, error);
    if (failed(resolved))
      return failure();
    list.push_back(*resolved);
  }
  return list;
}

FailureOr<Cut> cleave::dist::resolve(MeshOp mesh, LayoutAttr layout,
                                     function_ref<InFlightDiagnostic()> error) {
  Cut cut;
  AxisList seen;
  auto take = [&](ArrayRef<AxisRefAttr> axes, AxisList &into) {
    FailureOr<AxisList> list = resolve(mesh, axes, error);
    if (failed(list))
      return failure();
    for (const Axis &axis : *list) {
      if (overlaps(axis, seen)) {
        error() << "uses mesh axis \"" << cast<StringAttr>(mesh.getAxes()[axis.mesh]).getValue()
                << "\" twice";
        return failure();
      }
      seen.push_back(axis);
    }
    into = std::move(*list);
    return success();
  };
  for (DimAttr dim : layout.getDims()) {
    DimCut &into = cut.dims.emplace_back();
    into.open = dim.getOpen();
    into.priority = dim.getPriority();
    if (failed(take(dim.getAxes(), into.axes)))
      return failure();
  }
  if (failed(take(layout.getReplicated(), cut.replicated)))
    return failure();
  for (PartialAttr partial : layout.getPartials()) {
    PendingCut &into = cut.partials.emplace_back();
    into.combiner = partial.getCombiner();
    if (failed(take(partial.getAxes(), into.axes)))
      return failure();
  }
  return cut;
}

AxisRefAttr cleave::dist::toAttr(MeshOp mesh, const Axis &axis) {
  auto name = cast<StringAttr>(mesh.getAxes()[axis.mesh]);
  if (axis.pre == 1 && axis.size == mesh.getSizes()[axis.mesh])
    return AxisRefAttr::get(mesh.getContext(), name);
  return AxisRefAttr::get(mesh.getContext(), name, axis.pre, axis.size);
}

static SmallVector<AxisRefAttr> toAttrs(MeshOp mesh, AxisListRef list) {
  return llvm::map_to_vector(list, [&](const Axis &axis) { return toAttr(mesh, axis); });
}

DimAttr cleave::dist::toAttr(MeshOp mesh, const DimCut &dim) {
  return DimAttr::get(mesh.getContext(), toAttrs(mesh, dim.axes), dim.open, dim.priority);
}

LayoutAttr cleave::dist::toAttr(MeshOp mesh, const Cut &cut) {
  MLIRContext *context = mesh.getContext();
  SmallVector<DimAttr> dims =
      llvm::map_to_vector(cut.dims, [&](const DimCut &dim) { return toAttr(mesh, dim); });
  SmallVector<PartialAttr> partials = llvm::map_to_vector(cut.partials, [&](const PendingCut &partial) {
    return PartialAttr::get(context, partial.combiner, toAttrs(mesh, partial.axes));
  });
  return LayoutAttr::get(context, FlatSymbolRefAttr::get(mesh.getSymNameAttr()), dims,
                         toAttrs(mesh, cut.replicated), partials);
}

std::string cleave::dist::text(MeshOp mesh, AxisListRef list) {
  std::string out;
  llvm::raw_string_ostream stream(out);
  llvm::interleaveComma(list, stream, [&](const Axis &axis) {
    AxisRefAttr attr = toAttr(mesh, axis);
    stream << '"' << attr.getName().getValue() << '"';
    if (!attr.isWhole())
      stream << ":(" << axis.pre << ")" << axis.size;
  });
  return out;
}
