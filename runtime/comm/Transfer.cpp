#include "runtime/comm/Transfer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace cleave::rt {

namespace {

using Sizes = std::vector<int64_t>;

// A box of a dense tensor of `sizes` elements.
struct Box {
  Sizes sizes, begin;
};

Sizes pitches(const Sizes &sizes, int64_t bytes) {
  Sizes result(sizes.size());
  for (size_t i = sizes.size(); i-- > 0; bytes *= sizes[i])
    result[i] = bytes;
  return result;
}

// Runs of a box of `extents` elements that lies in two tensors: dims that are whole in both become one.
BlockCopy copyOf(const Box &from, const Box &to, const Sizes &extents, int64_t elementBytes, int64_t member) {
  BlockCopy copy;
  copy.member = member;
  Sizes fromPitch = pitches(from.sizes, elementBytes), toPitch = pitches(to.sizes, elementBytes);
  copy.bytes = elementBytes;
  bool together = true; // the run goes on through this dim
  for (size_t i = extents.size(); i-- > 0;) {
    copy.from += from.begin[i] * fromPitch[i];
    copy.to += to.begin[i] * toPitch[i];
    if (together)
      copy.bytes *= extents[i];
    else if (extents[i] != 1)
      copy.loops.insert(copy.loops.begin(), {extents[i], fromPitch[i], toPitch[i]});
    together &= extents[i] == from.sizes[i] && extents[i] == to.sizes[i];
  }
  return copy;
}

BlockFill fillOf(const Box &to, const Sizes &extents, int64_t elementBytes) {
  BlockCopy runs = copyOf(to, to, extents, elementBytes, 0);
  return {runs.to, runs.bytes, std::move(runs.loops)};
}

bool isEmpty(const Sizes &extents) {
  return std::any_of(extents.begin(), extents.end(), [](int64_t n) { return n <= 0; });
}

class Planner {
public:
  Planner(const Mesh &mesh, const Collective &it, const Shape &in, const Shape &out, int64_t rank,
          int64_t from)
      : it(it), in(in), out(out), split({it.over, it.padded}), me(memberOf(mesh, it.over, rank)),
        members(membersOf(it.over)), firstFrom(from < 0 ? 0 : from), lastFrom(from < 0 ? members : from + 1),
        width(sizeOf(in.type)) {}

  Transfer plan() {
    storeElement(out.type, it.fill, result.element);
    switch (it.kind) {
    case CollectiveKind::AllReduce:
      reduceAll();
      break;
    case CollectiveKind::ReduceScatter:
      reduceScatter();
      break;
    case CollectiveKind::AllGather:
      allGather();
      break;
    case CollectiveKind::AllToAll:
      allToAll();
      break;
    case CollectiveKind::Permute:
      permute();
      break;
    case CollectiveKind::Broadcast:
      copyWhole(it.root);
      break;
    case CollectiveKind::Slice:
      slice();
      break;
    case CollectiveKind::Halo:
      halo();
      break;
    case CollectiveKind::Only:
      only();
      break;
    case CollectiveKind::Offset:
      storeElement(out.type, static_cast<double>(blockOf(it.extent, split, me).begin), result.element);
      fill({out.sizes, {}}, {});
      break;
    case CollectiveKind::Send:
    case CollectiveKind::Recv:
      copyWhole(0);
      break;
    }
    return std::move(result);
  }

private:
  // Cut where cache lines end, so that no two members write to one.
  void reduceAll() {
    int64_t elements = in.elements(), line = 64 / width;
    Block lines = blockOf((elements + line - 1) / line, {it.over, false}, me);
    int64_t begin = std::min(elements, lines.begin * line);
    int64_t end = std::min(elements, (lines.begin + lines.size) * line);
    result.reduction = {end > begin, end - begin, begin * width, 0, begin * width, 0, true};
  }

  void reduceScatter() {
    Block mine = blockOf(in.sizes[it.dim], split, me);
    int64_t inner = width, outer = 1; // bytes of one index of the dim, and how often the dim comes
    for (size_t i = it.dim + 1; i < in.sizes.size(); ++i)
      inner *= in.sizes[i];
    for (int64_t i = 0; i < it.dim; ++i)
      outer *= in.sizes[i];
    result.reduction = {outer,
                        mine.size * inner / width,
                        mine.begin * inner,
                        in.sizes[it.dim] * inner,
                        0,
                        out.sizes[it.dim] * inner,
                        false};
    pad(it.dim, mine.size);
  }

  void allGather() {
    for (int64_t member = firstFrom; member < lastFrom; ++member) {
      Block block = blockOf(out.sizes[it.dim], split, member);
      Box from = {in.sizes, Sizes(in.sizes.size())}, to = {out.sizes, Sizes(in.sizes.size())};
      from.sizes[it.dim] = block.local;
      to.begin[it.dim] = block.begin;
      Sizes extents = in.sizes;
      extents[it.dim] = block.size;
      copy(from, to, extents, member);
    }
  }

  void allToAll() {
    Block mine = blockOf(in.sizes[it.dim], split, me);
    for (int64_t member = firstFrom; member < lastFrom; ++member) {
      Block block = blockOf(out.sizes[it.dim2], split, member);
      Box from = {in.sizes, Sizes(in.sizes.size())}, to = {out.sizes, Sizes(in.sizes.size())};
      from.sizes[it.dim2] = block.local;
      from.begin[it.dim] = mine.begin;
      to.begin[it.dim2] = block.begin;
      Sizes extents = in.sizes;
      extents[it.dim] = mine.size;
      extents[it.dim2] = block.size;
      copy(from, to, extents, member);
    }
    pad(it.dim, mine.size);
  }

  void permute() {
    for (const MemberPair &pair : it.pairs)
      if (pair.to == me)
        return copyWhole(pair.from);
    storeElement(out.type, 0, result.element);
    fill({out.sizes, Sizes(out.sizes.size())}, out.sizes);
  }

  void slice() {
    Block mine = blockOf(in.sizes[it.dim], split, me);
    Box from = {in.sizes, Sizes(in.sizes.size())};
    from.begin[it.dim] = mine.begin;
    Sizes extents = out.sizes;
    extents[it.dim] = mine.size;
    copy(from, {out.sizes, Sizes(out.sizes.size())}, extents, me);
    pad(it.dim, mine.size);
  }

  // My result is [first, last) of the whole: what others have of that, and `fill` where nobody has.
  void halo() {
    int64_t first = blockOf(it.extent, split, me).begin - it.low, last = first + out.sizes[it.dim];
    for (int64_t member = firstFrom; member < lastFrom; ++member) {
      Block block = blockOf(it.extent, split, member);
      int64_t begin = std::max(first, block.begin), end = std::min(last, block.begin + block.size);
      Box from = {in.sizes, Sizes(in.sizes.size())}, to = {out.sizes, Sizes(in.sizes.size())};
      from.sizes[it.dim] = block.local;
      from.begin[it.dim] = begin - block.begin;
      to.begin[it.dim] = begin - first;
      Sizes extents = out.sizes;
      extents[it.dim] = end - begin;
      copy(from, to, extents, member);
    }
    fillBetween(0, std::clamp<int64_t>(-first, 0, out.sizes[it.dim]));
    fillBetween(std::clamp<int64_t>(it.extent - first, 0, out.sizes[it.dim]), out.sizes[it.dim]);
  }

  void fillBetween(int64_t begin, int64_t end) {
    Box to = {out.sizes, Sizes(out.sizes.size())};
    to.begin[it.dim] = begin;
    Sizes extents = out.sizes;
    extents[it.dim] = end - begin;
    fill(to, extents);
  }

  void only() {
    if (me == 0)
      return copyWhole(0);
    storeElement(out.type, identityOf(it.reduction, out.type), result.element);
    fill({out.sizes, Sizes(out.sizes.size())}, out.sizes);
  }

  void copyWhole(int64_t member) {
    Box all = {in.sizes, Sizes(in.sizes.size())};
    copy(all, all, in.sizes, member);
  }

  void copy(const Box &from, const Box &to, const Sizes &extents, int64_t member) {
    if (!isEmpty(extents) && member >= firstFrom && member < lastFrom)
      result.copies.push_back(copyOf(from, to, extents, width, member));
  }

  void fill(const Box &to, const Sizes &extents) {
    if (!isEmpty(extents))
      result.fills.push_back(fillOf(to, extents, width));
  }

  // What is behind `size` elements of a dim of the result.
  void pad(int64_t dim, int64_t size) {
    Box to = {out.sizes, Sizes(out.sizes.size())};
    to.begin[dim] = size;
    Sizes extents = out.sizes;
    extents[dim] -= size;
    fill(to, extents);
  }

  const Collective &it;
  const Shape &in, &out;
  DimSplit split;
  int64_t me, members, firstFrom, lastFrom, width;
  Transfer result;
};

template <class Function>
void eachRun(const std::vector<RunLoop> &loops, size_t depth, int64_t from, int64_t to, Function run) {
  if (depth == loops.size())
    return run(from, to);
  const RunLoop &loop = loops[depth];
  for (int64_t i = 0; i < loop.count; ++i)
    eachRun(loops, depth + 1, from + i * loop.from, to + i * loop.to, run);
}

template <class T> void storeInteger(double value, void *to) {
  double least = static_cast<double>(std::numeric_limits<T>::min());
  double most = static_cast<double>(std::numeric_limits<T>::max());
  T stored = value != value   ? 0
             : value >= most  ? std::numeric_limits<T>::max()
             : value <= least ? std::numeric_limits<T>::min()
                              : static_cast<T>(value);
  std::memcpy(to, &stored, sizeof(stored));
}

} // namespace

int64_t BlockCopy::total() const {
  int64_t sum = bytes;
  for (const RunLoop &loop : loops)
    sum *= loop.count;
  return sum;
}

bool BlockCopy::isDenseFrom() const {
  int64_t run = bytes;
  for (size_t i = loops.size(); i-- > 0; run *= loops[i].count)
    if (loops[i].from != run)
      return false;
  return true;
}

bool BlockCopy::isDenseTo() const {
  int64_t run = bytes;
  for (size_t i = loops.size(); i-- > 0; run *= loops[i].count)
    if (loops[i].to != run)
      return false;
  return true;
}

Transfer planTransfer(const Mesh &mesh, const Collective &collective, const Shape &in, const Shape &out,
                      int64_t rank, int64_t from) {
  return Planner(mesh, collective, in, out, rank, from).plan();
}

Operands operandsOfMember(const Collective &it, const Shape &in, const Shape &out, int64_t member) {
  Operands its = {in, out};
  DimSplit split = {it.over, it.padded};
  switch (it.kind) {
  case CollectiveKind::ReduceScatter:
    its.out.sizes[it.dim] = blockOf(in.sizes[it.dim], split, member).local;
    break;
  case CollectiveKind::AllGather:
    its.in.sizes[it.dim] = blockOf(out.sizes[it.dim], split, member).local;
    break;
  case CollectiveKind::AllToAll:
    its.in.sizes[it.dim2] = blockOf(out.sizes[it.dim2], split, member).local;
    its.out.sizes[it.dim] = blockOf(in.sizes[it.dim], split, member).local;
    break;
  case CollectiveKind::Halo:
    its.in.sizes[it.dim] = blockOf(it.extent, split, member).local;
    its.out.sizes[it.dim] = std::max<int64_t>(0, its.in.sizes[it.dim] + it.low + it.high);
    break;
  default:
    break;
  }
  return its;
}

void storeElement(Type type, double value, void *to) {
  auto single = static_cast<float>(value);
  switch (type) {
  case Type::F32:
    std::memcpy(to, &single, sizeof(single));
    return;
  case Type::F64:
    std::memcpy(to, &value, sizeof(value));
    return;
  case Type::BF16: {
    uint32_t bits;
    std::memcpy(&bits, &single, sizeof(bits));
    auto rounded = static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    auto quiet = static_cast<uint16_t>((bits >> 16) | 0x40);
    std::memcpy(to, std::isnan(single) ? &quiet : &rounded, sizeof(rounded));
    return;
  }
  case Type::F16: {
    auto half = static_cast<_Float16>(single);
    std::memcpy(to, &half, sizeof(half));
    return;
  }
  case Type::I8:
    return storeInteger<int8_t>(value, to);
  case Type::I32:
    return storeInteger<int32_t>(value, to);
  case Type::I64:
    return storeInteger<int64_t>(value, to);
  case Type::U8:
    return storeInteger<uint8_t>(value, to);
  case Type::Bool:
    *static_cast<uint8_t *>(to) = value != 0;
  }
}

double identityOf(Reduction reduction, Type type) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  switch (reduction) {
  case Reduction::Sum:
    return 0;
  case Reduction::Prod:
    return 1;
  case Reduction::Max:
    return type == Type::Bool ? 0 : -kInfinity; // of integers: the least there is
  case Reduction::Min:
    return type == Type::Bool ? 1 : kInfinity;
  }
  return 0;
}

void runCopy(const BlockCopy &copy, const void *in, void *out) {
  runCopyInPieces(copy, in, out, INT64_MAX, [] {});
}

void runCopyInPieces(const BlockCopy &copy, const void *in, void *out, int64_t most,
                     const std::function<void()> &between) {
  auto *from = static_cast<const char *>(in);
  auto *to = static_cast<char *>(out);
  eachRun(copy.loops, 0, copy.from, copy.to, [&](int64_t source, int64_t target) {
    if (from + source == to + target)
      return;
    for (int64_t at = 0, size; at < copy.bytes; at += size) {
      size = std::min(most, copy.bytes - at);
      std::memcpy(to + target + at, from + source + at, size);
      between();
    }
  });
}

namespace {

// Calls `part(place, at, bytes)` for each part of a run in [begin, begin + bytes): its place by the strides
// that `stride` picks, and how far it is from `begin`.
template <class Stride, class Part>
void eachPart(const BlockCopy &copy, int64_t first, int64_t begin, int64_t bytes, Stride stride, Part part) {
  int64_t run = begin / copy.bytes, skip = begin % copy.bytes;
  for (int64_t at = 0; at < bytes; ++run, skip = 0) {
    int64_t place = first, rest = run;
    for (size_t i = copy.loops.size(); i-- > 0; rest /= copy.loops[i].count)
      place += rest % copy.loops[i].count * stride(copy.loops[i]);
    int64_t size = std::min(copy.bytes - skip, bytes - at);
    part(place + skip, at, size);
    at += size;
  }
}

} // namespace

void packRuns(const BlockCopy &copy, const void *in, int64_t begin, int64_t bytes, void *packed) {
  eachPart(
      copy, copy.from, begin, bytes, [](const RunLoop &loop) { return loop.from; },
      [&](int64_t place, int64_t at, int64_t size) {
        std::memcpy(static_cast<char *>(packed) + at, static_cast<const char *>(in) + place, size);
      });
}

void unpackRuns(const BlockCopy &copy, const void *packed, int64_t begin, int64_t bytes, void *out) {
  eachPart(
      copy, copy.to, begin, bytes, [](const RunLoop &loop) { return loop.to; },
      [&](int64_t place, int64_t at, int64_t size) {
        std::memcpy(static_cast<char *>(out) + place, static_cast<const char *>(packed) + at, size);
      });
}

void runFill(const BlockFill &fill, const unsigned char *element, int64_t elementBytes, void *out) {
  auto *to = static_cast<char *>(out);
  eachRun(fill.loops, 0, 0, fill.to, [&](int64_t, int64_t target) {
    bool same =
        std::all_of(element, element + elementBytes, [&](unsigned char c) { return c == element[0]; });
    if (same)
      std::memset(to + target, element[0], fill.bytes);
    else
      for (int64_t at = 0; at < fill.bytes; at += elementBytes)
        std::memcpy(to + target + at, element, elementBytes);
  });
}

} // namespace cleave::rt
