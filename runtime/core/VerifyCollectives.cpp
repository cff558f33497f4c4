#include "runtime/core/VerifyCollectives.h"

#include <algorithm>
#include <set>

namespace cleave::rt {

namespace {

constexpr int64_t kMostRanks = int64_t{1} << 31;
constexpr int64_t kMostElements = int64_t{1} << 60; // of a dim, so that sums of a few fit 64 bits

bool isCount(int64_t value) { return value >= 0 && value <= kMostElements; }

// Every part lies in its axis and no digit of a rank is used twice.
std::string faultOfParts(const Mesh &mesh, std::vector<AxisPart> parts) {
  for (const AxisPart &part : parts) {
    if (part.axis >= mesh.axes.size())
      return "it is over a mesh axis that does not exist";
    int64_t size = mesh.axes[part.axis].size;
    if (part.size < 1 || part.after < 1 || part.size > size || part.after > size ||
        size % (part.size * part.after) != 0)
      return "it is over a part that axis '" + mesh.axes[part.axis].name + "' does not have";
  }
  auto cutsNothing = [](const AxisPart &part) { return part.size == 1; };
  parts.erase(std::remove_if(parts.begin(), parts.end(), cutsNothing), parts.end());
  std::sort(parts.begin(), parts.end(), [](const AxisPart &a, const AxisPart &b) {
    return a.axis != b.axis ? a.axis < b.axis : a.after < b.after;
  });
  for (size_t i = 1; i < parts.size(); ++i)
    if (parts[i].axis == parts[i - 1].axis && parts[i].after % (parts[i - 1].after * parts[i - 1].size) != 0)
      return "it uses mesh axis '" + mesh.axes[parts[i].axis].name + "' twice";
  return "";
}

// Whether some member has so many elements of a dim. The first has most, the last fewest.
bool isBlock(int64_t local, int64_t extent, const DimSplit &split) {
  return local <= blockOf(extent, split, 0).local &&
         local >= blockOf(extent, split, membersOf(split.over) - 1).local;
}

bool hasDim(CollectiveKind kind) {
  return kind == CollectiveKind::ReduceScatter || kind == CollectiveKind::AllGather ||
         kind == CollectiveKind::AllToAll || kind == CollectiveKind::Slice || kind == CollectiveKind::Halo;
}

// Whether a result has the type and the sizes of its operand, but for the dims that change.
bool agree(const Shape &in, const Shape &out, const Collective &it) {
  if (in.type != out.type || in.sizes.size() != out.sizes.size())
    return false;
  for (size_t i = 0; i < in.sizes.size(); ++i) {
    auto at = static_cast<int64_t>(i);
    bool changes =
        (hasDim(it.kind) && at == it.dim) || (it.kind == CollectiveKind::AllToAll && at == it.dim2);
    if (!changes && in.sizes[i] != out.sizes[i])
      return false;
  }
  return true;
}

bool splitsFit(const Shape &in, const Shape &out, const Collective &it) {
  DimSplit split = {it.over, it.padded};
  switch (it.kind) {
  case CollectiveKind::ReduceScatter:
  case CollectiveKind::Slice:
    return isBlock(out.sizes[it.dim], in.sizes[it.dim], split);
  case CollectiveKind::AllGather:
    return isBlock(in.sizes[it.dim], out.sizes[it.dim], split);
  case CollectiveKind::AllToAll:
    return isBlock(out.sizes[it.dim], in.sizes[it.dim], split) &&
           isBlock(in.sizes[it.dim2], out.sizes[it.dim2], split);
  case CollectiveKind::Halo:
    return isBlock(in.sizes[it.dim], it.extent, split) &&
           out.sizes[it.dim] == in.sizes[it.dim] + it.low + it.high;
  default:
    return true;
  }
}

bool same(const AxisPart &a, const AxisPart &b) {
  return a.axis == b.axis && a.size == b.size && a.after == b.after;
}

bool same(const Stride &a, const Stride &b) {
  return a.depth == b.depth && a.bytes == b.bytes && a.turns == b.turns;
}

template <class T> bool areSame(const std::vector<T> &a, const std::vector<T> &b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const T &x, const T &y) { return same(x, y); });
}

// Bytes from an operand's first on the first rank to its last on the last.
int64_t spanOf(const Operand &operand) {
  return operand.shape.bytes() + operand.address.memberBytes * (membersOf(operand.address.over) - 1);
}

// What is sent and what is received, as far as it shows.
bool overlap(const Operand &in, const Operand &out) {
  const Address &a = in.address, &b = out.address;
  if (a.region != b.region || a.slot != b.slot || !areSame(a.strides, b.strides))
    return false;
  return a.offset < b.offset + spanOf(out) && b.offset < a.offset + spanOf(in);
}

// Whether each member's block already lies in the whole, where an all-gather would put it.
bool isInWhole(const Collective &it, const Operand &in, const Operand &out) {
  int64_t outer = 1;
  for (int64_t i = 0; i < it.dim; ++i)
    outer *= in.shape.sizes[i];
  return it.kind == CollectiveKind::AllGather && outer == 1 && !it.padded &&
         in.address.offset == out.address.offset && areSame(in.address.over, it.over) &&
         out.address.over.empty() && in.address.memberBytes == in.shape.bytes() &&
         spanOf(in) == out.shape.bytes();
}

} // namespace

size_t operandsRead(CollectiveKind kind) {
  return kind == CollectiveKind::Recv || kind == CollectiveKind::Offset ? 0 : 1;
}

size_t operandsOf(CollectiveKind kind) {
  return kind == CollectiveKind::Send || operandsRead(kind) == 0 ? 1 : 2;
}

std::string faultOfMesh(const Mesh &mesh) {
  int64_t ranks = 1;
  std::set<std::string> names;
  for (const MeshAxis &axis : mesh.axes) {
    if (axis.size < 1 || axis.size > kMostRanks || (ranks *= axis.size) > kMostRanks)
      return "mesh axis '" + axis.name + "' has no valid size";
    if (!names.insert(axis.name).second)
      return "two mesh axes have the name '" + axis.name + "'";
  }
  return "";
}

std::string faultOfShare(const Mesh &mesh, const Address &address) {
  if (address.memberBytes < 0 || address.memberBytes > kMostElements)
    return "blocks of it have no valid size";
  return faultOfParts(mesh, address.over);
}

std::string faultOfSplit(const Mesh &mesh, const Shape &shape, const Split &split) {
  if (split.dims.empty())
    return "";
  if (split.dims.size() != shape.sizes.size() || split.global.sizes.size() != shape.sizes.size() ||
      split.global.type != shape.type)
    return "its whole has another type or number of dims";
  std::vector<AxisPart> all;
  for (const DimSplit &dim : split.dims)
    all.insert(all.end(), dim.over.begin(), dim.over.end());
  if (std::string fault = faultOfParts(mesh, all); !fault.empty())
    return fault;
  for (const DimSplit &dim : split.dims)
    if (dim.room < 0 || dim.room > kMostElements / membersOf(dim.over))
      return "its blocks have no valid size";
  for (size_t i = 0; i < shape.sizes.size(); ++i)
    if (!isCount(split.global.sizes[i]) || !isBlock(shape.sizes[i], split.global.sizes[i], split.dims[i]))
      return "it is no block of its whole, " + toString(split.global);
  return "";
}

std::string faultOfCollective(const Mesh &mesh, const Collective &it) {
  if (std::string fault = faultOfParts(mesh, it.over); !fault.empty())
    return fault;
  for (int64_t number : {it.dim, it.dim2, it.extent})
    if (!isCount(number))
      return "a number of it is no count";
  for (int64_t width : {it.low, it.high})
    if (width < -kMostElements || width > kMostElements)
      return "a width of it is no count";
  int64_t members = membersOf(it.over);
  if (it.root < 0 || it.root >= members)
    return "its root is not in the group";
  std::set<int64_t> from, to;
  for (const MemberPair &pair : it.pairs) {
    if (std::min(pair.from, pair.to) < 0 || std::max(pair.from, pair.to) >= members)
      return "a pair of it is not in the group";
    if (!to.insert(pair.to).second || (!from.insert(pair.from).second && it.kind != CollectiveKind::Permute))
      return "a member of it sends or receives twice";
  }
  return "";
}

std::string faultOfOperands(const Collective &it, const std::vector<Operand> &operands) {
  if (operands.size() != operandsOf(it.kind))
    return std::string("collective ") + nameOf(it.kind) + " takes another number of operands";
  if (it.kind == CollectiveKind::Offset) {
    const Shape &shape = operands[0].shape;
    bool fits = shape.sizes.empty() && (shape.type == Type::I32 || shape.type == Type::I64);
    return fits ? "" : "an offset is an i32 or i64 scalar";
  }
  if (operands.size() == 1)
    return "";
  const Shape &in = operands[0].shape, &out = operands[1].shape;
  auto dims = static_cast<int64_t>(in.sizes.size());
  if (hasDim(it.kind) && it.dim >= dims)
    return std::string("collective ") + nameOf(it.kind) + " is along a dim that does not exist";
  if (it.kind == CollectiveKind::AllToAll && (it.dim2 >= dims || it.dim2 == it.dim))
    return "an all_to_all splits one dim and gathers another";
  for (const Shape *shape : {&in, &out})
    if (!std::all_of(shape->sizes.begin(), shape->sizes.end(), isCount))
      return "an operand of it has no valid shape";
  if (!agree(in, out, it) || !splitsFit(in, out, it))
    return std::string("collective ") + nameOf(it.kind) + " does not make " + toString(out) + " of " +
           toString(in);
  const Address &a = operands[0].address, &b = operands[1].address;
  bool inPlace = (it.kind == CollectiveKind::AllReduce && a.offset == b.offset && areSame(a.over, b.over)) ||
                 isInWhole(it, operands[0], operands[1]);
  if (overlap(operands[0], operands[1]) && !inPlace)
    return std::string("what collective ") + nameOf(it.kind) + " sends and receives overlaps";
  return "";
}

} // namespace cleave::rt
