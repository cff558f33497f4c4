#include "runtime/core/Mesh.h"

#include <algorithm>

namespace cleave::rt {

int64_t Mesh::ranks() const {
  int64_t product = 1;
  for (const MeshAxis &axis : axes)
    product *= axis.size;
  return product;
}

const char *nameOf(CollectiveKind kind) {
  static const char *const kNames[] = {"all_reduce", "reduce_scatter", "all_gather", "all_to_all",
                                       "permute",    "broadcast",      "send",       "recv",
                                       "slice",      "halo",           "offset",     "only"};
  return kNames[static_cast<size_t>(kind)];
}

const char *nameOf(Reduction reduction) {
  static const char *const kNames[] = {"sum", "max", "min", "prod"};
  return kNames[static_cast<size_t>(reduction)];
}

bool communicates(CollectiveKind kind) {
  return kind != CollectiveKind::Slice && kind != CollectiveKind::Offset && kind != CollectiveKind::Only;
}

std::string toString(const Mesh &mesh) {
  std::string text = "[";
  for (const MeshAxis &axis : mesh.axes)
    text += (text.size() > 1 ? ", \"" : "\"") + axis.name + "\" = " + std::to_string(axis.size);
  return text + "]";
}

std::string toString(const Mesh &mesh, const std::vector<AxisPart> &parts) {
  std::string text;
  for (const AxisPart &part : parts) {
    const MeshAxis &axis = mesh.axes[part.axis];
    text += (text.empty() ? "\"" : ", \"") + axis.name + "\"";
    if (part.size != axis.size)
      text += ":(" + std::to_string(axis.size / (part.size * part.after)) + ")" + std::to_string(part.size);
  }
  return text;
}

int64_t coordinate(const Mesh &mesh, int64_t rank, uint32_t axis) {
  for (size_t i = mesh.axes.size(); i-- > axis + 1;)
    rank /= mesh.axes[i].size;
  return rank % mesh.axes[axis].size;
}

int64_t membersOf(const std::vector<AxisPart> &over) {
  int64_t product = 1;
  for (const AxisPart &part : over)
    product *= part.size;
  return product;
}

int64_t memberOf(const Mesh &mesh, const std::vector<AxisPart> &over, int64_t rank) {
  int64_t index = 0;
  for (const AxisPart &part : over)
    index = index * part.size + coordinate(mesh, rank, part.axis) / part.after % part.size;
  return index;
}

std::vector<int64_t> groupOf(const Mesh &mesh, const std::vector<AxisPart> &over, int64_t rank) {
  // What one step of a part's digit moves in the ranks' order.
  auto strideOf = [&](const AxisPart &part) {
    int64_t stride = part.after;
    for (size_t i = part.axis + 1; i < mesh.axes.size(); ++i)
      stride *= mesh.axes[i].size;
    return stride;
  };
  int64_t first = rank;
  for (const AxisPart &part : over)
    first -= coordinate(mesh, rank, part.axis) / part.after % part.size * strideOf(part);
  std::vector<int64_t> ranks = {first};
  for (const AxisPart &part : over) {
    std::vector<int64_t> next;
    for (int64_t base : ranks)
      for (int64_t digit = 0; digit < part.size; ++digit)
        next.push_back(base + digit * strideOf(part));
    ranks = std::move(next);
  }
  return ranks;
}

Block blockOf(int64_t extent, const DimSplit &split, int64_t member) {
  int64_t below = membersOf(split.over);
  if (split.padded) {
    int64_t local = std::max(split.room, (extent + below - 1) / below), begin = member * local;
    return {begin, std::clamp<int64_t>(extent - begin, 0, local), local};
  }
  Block block = {0, extent, extent};
  for (const AxisPart &part : split.over) {
    below /= part.size;
    int64_t digit = member / below % part.size;
    int64_t least = block.size / part.size, more = block.size % part.size;
    block.begin += digit * least + std::min(digit, more);
    block.size = least + (digit < more ? 1 : 0);
  }
  block.local = block.size;
  return block;
}

} // namespace cleave::rt
