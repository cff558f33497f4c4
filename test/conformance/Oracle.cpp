#include "test/conformance/Oracle.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

namespace cleave::rt::test {

namespace {

using Sizes = std::vector<int64_t>;

template <class T> T get(const char *data, int64_t index) {
  T value;
  std::memcpy(&value, data + index * sizeof(T), sizeof(T));
  return value;
}
template <class T> void put(char *data, int64_t index, T value) {
  std::memcpy(data + index * sizeof(T), &value, sizeof(T));
}

// A float of 16 bits with so many bits of exponent and fraction.
double halfToDouble(uint16_t bits, int exponentBits, int fractionBits) {
  int most = (1 << exponentBits) - 1, bias = most / 2;
  int exponent = (bits >> fractionBits) & most, fraction = bits & ((1 << fractionBits) - 1);
  double value = exponent == most ? (fraction ? NAN : INFINITY)
                 : exponent == 0 ? std::ldexp(fraction, 1 - bias - fractionBits)
                                 : std::ldexp((1 << fractionBits) + fraction, exponent - bias - fractionBits);
  return bits & 0x8000 ? -value : value;
}

// The nearest of all there are, ties to even: slow and plainly right.
uint16_t doubleToHalf(double value, int exponentBits, int fractionBits) {
  int sign = std::signbit(value) ? 0x8000 : 0, infinity = ((1 << exponentBits) - 1) << fractionBits;
  if (std::isnan(value))
    return static_cast<uint16_t>(sign | infinity | 1 << (fractionBits - 1));
  // Patterns are in the order of their magnitudes.
  double magnitude = std::fabs(value);
  int low = 0, high = infinity;
  while (high - low > 1) {
    int middle = (low + high) / 2;
    (halfToDouble(static_cast<uint16_t>(middle), exponentBits, fractionBits) <= magnitude ? low : high) =
        middle;
  }
  auto of = [&](int bits) { return halfToDouble(static_cast<uint16_t>(bits), exponentBits, fractionBits); };
  double step = high == infinity ? of(low) - of(low - 1) : of(high) - of(low), over = magnitude - of(low);
  bool up = over > step / 2 || (over == step / 2 && (low & 1));
  return static_cast<uint16_t>(sign | (up ? high : low));
}

Number reducedWhole(Reduction reduction, int64_t a, int64_t b) {
  auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b); // sums wrap round
  switch (reduction) {
  case Reduction::Sum:
    return {0, static_cast<int64_t>(x + y)};
  case Reduction::Prod:
    return {0, static_cast<int64_t>(x * y)};
  case Reduction::Max:
    return {0, std::max(a, b)};
  case Reduction::Min:
    return {0, std::min(a, b)};
  }
  return {};
}

Number reduced(Type type, Reduction reduction, Number a, Number b) {
  if (type == Type::Bool) {
    bool either = reduction == Reduction::Sum || reduction == Reduction::Max;
    return {0, either ? a.whole | b.whole : a.whole & b.whole};
  }
  if (!isFloat(type))
    return reducedWhole(reduction, a.whole, b.whole);
  double x = a.real, y = b.real, value = 0;
  if (reduction == Reduction::Sum)
    value = x + y;
  else if (reduction == Reduction::Prod)
    value = x * y;
  else if (std::isnan(x) || std::isnan(y))
    value = NAN;
  else
    value = reduction == Reduction::Max ? std::max(x, y) : std::min(x, y);
  // A sum or product of two floats that is rounded to double first rounds to the same float.
  return {type == Type::F64 ? value : static_cast<double>(static_cast<float>(value)), 0};
}

Number fromDouble(Type type, double value) {
  if (isFloat(type))
    return {value, 0};
  return {0, type == Type::Bool ? value != 0 : static_cast<int64_t>(value)};
}

Number identity(Type type, Reduction reduction) {
  if (reduction == Reduction::Sum || reduction == Reduction::Prod)
    return fromDouble(type, reduction == Reduction::Prod);
  bool most = reduction == Reduction::Max; // of nothing: the least there is
  auto range = [&](auto kind) -> Number {
    using T = decltype(kind);
    return {0, most ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max()};
  };
  switch (type) {
  case Type::I8:
    return range(int8_t());
  case Type::I32:
    return range(int32_t());
  case Type::I64:
    return range(int64_t());
  case Type::U8:
    return range(uint8_t());
  case Type::Bool:
    return {0, !most};
  default:
    return {most ? -INFINITY : INFINITY, 0};
  }
}

int64_t position(const Sizes &sizes, const Sizes &index) {
  int64_t at = 0;
  for (size_t i = 0; i < sizes.size(); ++i)
    at = at * sizes[i] + index[i];
  return at;
}

void eachIndex(const Sizes &sizes, const std::function<void(const Sizes &)> &visit) {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  Sizes index(sizes.size());
  for (int64_t n = 0; n < count; ++n) {
    int64_t rest = n;
    for (size_t i = sizes.size(); i-- > 0; rest /= sizes[i])
      index[i] = rest % sizes[i];
    visit(index);
  }
}

uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9;
  return x ^ (x >> 32);
}

int64_t indexIn(const Sizes &group, int64_t rank) {
  return std::find(group.begin(), group.end(), rank) - group.begin();
}

// What a member needs to know to say what its result is.
struct Members {
  Type type;
  std::vector<std::vector<char>> inputs;
  std::vector<Shape> shapes;

  Number at(int64_t member, const Sizes &index) const {
    return loadNumber(type, inputs[member].data(), position(shapes[member].sizes, index));
  }
  Number all(Reduction reduction, const Sizes &index) const {
    Number total = at(0, index);
    for (size_t member = 1; member < inputs.size(); ++member)
      total = reduced(type, reduction, total, at(member, index));
    return total;
  }
};

} // namespace

Number loadNumber(Type type, const char *data, int64_t index) {
  switch (type) {
  case Type::F32:
    return {get<float>(data, index), 0};
  case Type::F64:
    return {get<double>(data, index), 0};
  case Type::BF16:
    return {halfToDouble(get<uint16_t>(data, index), 8, 7), 0};
  case Type::F16:
    return {halfToDouble(get<uint16_t>(data, index), 5, 10), 0};
  case Type::I8:
    return {0, get<int8_t>(data, index)};
  case Type::I32:
    return {0, get<int32_t>(data, index)};
  case Type::I64:
    return {0, get<int64_t>(data, index)};
  case Type::U8:
  case Type::Bool:
    return {0, get<uint8_t>(data, index)};
  }
  return {};
}

void storeNumber(Type type, Number value, char *data, int64_t index) {
  switch (type) {
  case Type::F32:
    return put(data, index, static_cast<float>(value.real));
  case Type::F64:
    return put(data, index, value.real);
  case Type::BF16:
    return put(data, index, doubleToHalf(value.real, 8, 7));
  case Type::F16:
    return put(data, index, doubleToHalf(value.real, 5, 10));
  case Type::I8:
    return put(data, index, static_cast<int8_t>(value.whole));
  case Type::I32:
    return put(data, index, static_cast<int32_t>(value.whole));
  case Type::I64:
    return put(data, index, value.whole);
  case Type::U8:
  case Type::Bool:
    return put(data, index, static_cast<uint8_t>(value.whole));
  }
}

CollectiveCase::CollectiveCase(Mesh mesh, Collective collective, Type type, Sizes sizes)
    : mesh(std::move(mesh)), collective(std::move(collective)), type(type), sizes(std::move(sizes)) {
  if (this->collective.kind == CollectiveKind::Halo || this->collective.kind == CollectiveKind::Offset)
    this->collective.extent = this->sizes[this->collective.dim];
}

// By handing out elements one at a time.
CollectiveCase::Part CollectiveCase::part(int64_t extent, int64_t member) const {
  int64_t members = 1;
  for (const AxisPart &axis : collective.over)
    members *= axis.size;
  if (collective.padded) {
    int64_t room = 0, size = 0;
    while (room * members < extent)
      ++room;
    int64_t begin = member * room;
    while (size < room && begin + size < extent)
      ++size;
    return {begin, size, room};
  }
  int64_t begin = 0, size = extent, below = members;
  for (const AxisPart &axis : collective.over) {
    below /= axis.size;
    int64_t digit = (member / below) % axis.size;
    Sizes counts(axis.size);
    for (int64_t i = 0; i < size; ++i)
      ++counts[i % axis.size];
    for (int64_t i = 0; i < digit; ++i)
      begin += counts[i];
    size = counts[digit];
  }
  return {begin, size, size};
}

// All ranks that have my digits where `over` has none, in the order of their digits there.
Sizes CollectiveCase::group(int64_t rank) const {
  auto digits = [&](int64_t of) {
    Sizes at(mesh.axes.size()), mine, others;
    for (size_t i = mesh.axes.size(); i-- > 0; of /= mesh.axes[i].size)
      at[i] = of % mesh.axes[i].size;
    for (const AxisPart &part : collective.over)
      mine.push_back(at[part.axis] / part.after % part.size);
    for (size_t i = 0; i < at.size(); ++i) {
      others.push_back(at[i]);
      for (size_t k = 0; k < mine.size(); ++k)
        if (collective.over[k].axis == i)
          others.back() -= mine[k] * collective.over[k].after;
    }
    return std::pair(others, mine);
  };
  int64_t count = 1;
  for (const MeshAxis &axis : mesh.axes)
    count *= axis.size;
  std::vector<std::pair<Sizes, int64_t>> members;
  for (int64_t other = 0; other < count; ++other)
    if (digits(other).first == digits(rank).first)
      members.push_back({digits(other).second, other});
  std::sort(members.begin(), members.end());
  Sizes ranks;
  for (const auto &[key, other] : members)
    ranks.push_back(other);
  return ranks;
}

Shape CollectiveCase::in(int64_t rank) const {
  Sizes local = sizes;
  int64_t me = indexIn(group(rank), rank);
  if (collective.kind == CollectiveKind::AllGather || collective.kind == CollectiveKind::Halo)
    local[collective.dim] = part(sizes[collective.dim], me).local;
  if (collective.kind == CollectiveKind::AllToAll)
    local[collective.dim2] = part(sizes[collective.dim2], me).local;
  if (collective.kind == CollectiveKind::Offset)
    return {Type::I64, {}, {}};
  return {type, local, std::vector<std::string>(local.size())};
}

Shape CollectiveCase::out(int64_t rank) const {
  Sizes local = sizes;
  int64_t me = indexIn(group(rank), rank), dim = collective.dim;
  switch (collective.kind) {
  case CollectiveKind::ReduceScatter:
  case CollectiveKind::Slice:
  case CollectiveKind::AllToAll:
    local[dim] = part(sizes[dim], me).local;
    break;
  case CollectiveKind::Halo:
    local[dim] = std::max<int64_t>(0, part(sizes[dim], me).local + collective.low + collective.high);
    break;
  case CollectiveKind::Offset:
    return {Type::I64, {}, {}};
  default:
    break;
  }
  return {type, local, std::vector<std::string>(local.size())};
}

std::vector<char> CollectiveCase::input(int64_t rank) const {
  Shape shape = in(rank);
  std::vector<char> data(shape.bytes());
  for (int64_t i = 0; i < shape.elements(); ++i) {
    uint64_t bits = mix(mix(rank + 1) + i);
    int scale = static_cast<int>(bits % 12) - 4;
    double real = std::ldexp(static_cast<double>(bits >> 11) * 0x1p-53 - 0.5, scale);
    auto whole = static_cast<int64_t>(bits);
    storeNumber(type, {real, type == Type::Bool ? (whole >> 20) & 1 : whole}, data.data(), i);
  }
  return data;
}

std::vector<char> CollectiveCase::expected(int64_t rank) const {
  Sizes ranks = group(rank);
  int64_t me = indexIn(ranks, rank), dim = collective.dim, dim2 = collective.dim2;
  Shape result = out(rank);
  std::vector<char> data(result.bytes());
  if (collective.kind == CollectiveKind::Offset) {
    put<int64_t>(data.data(), 0, part(collective.extent, me).begin);
    return data;
  }
  Members members = {type, {}, {}};
  for (int64_t other : ranks) {
    members.inputs.push_back(input(other));
    members.shapes.push_back(in(other));
  }
  Number fill = fromDouble(type, collective.fill);
  std::vector<std::vector<Part>> parts(sizes.size()); // by dim and member
  for (size_t i = 0; i < sizes.size(); ++i)
    for (size_t member = 0; member < ranks.size(); ++member)
      parts[i].push_back(part(sizes[i], static_cast<int64_t>(member)));
  // The element at `whole` of a dim of which the members have blocks.
  auto owned = [&](Sizes index, int64_t along, int64_t whole) {
    for (size_t member = 0; member < ranks.size(); ++member)
      if (Part block = parts[along][member]; whole >= block.begin && whole < block.begin + block.size) {
        index[along] = whole - block.begin;
        return members.at(static_cast<int64_t>(member), index);
      }
    return fill;
  };
  auto element = [&](Sizes index) -> Number {
    Part block = sizes.empty() ? Part() : parts[dim][me];
    bool padding = !sizes.empty() && index[dim] >= block.size;
    switch (collective.kind) {
    case CollectiveKind::AllReduce:
      return members.all(collective.reduction, index);
    case CollectiveKind::ReduceScatter:
      index[dim] += block.begin;
      return padding ? fill : members.all(collective.reduction, index);
    case CollectiveKind::Slice:
      index[dim] += block.begin;
      return padding ? fill : members.at(me, index);
    case CollectiveKind::AllToAll:
      index[dim] += block.begin;
      return padding ? fill : owned(index, dim2, index[dim2]);
    case CollectiveKind::AllGather:
      return owned(index, dim, index[dim]);
    case CollectiveKind::Halo:
      return owned(index, dim, block.begin - collective.low + index[dim]);
    case CollectiveKind::Broadcast:
      return members.at(collective.root, index);
    case CollectiveKind::Permute:
      for (const MemberPair &pair : collective.pairs)
        if (pair.to == me)
          return members.at(pair.from, index);
      return {};
    case CollectiveKind::Only:
      return me == 0 ? members.at(0, index) : identity(type, collective.reduction);
    default:
      return {};
    }
  };
  eachIndex(result.sizes, [&](const Sizes &index) {
    storeNumber(type, element(index), data.data(), position(result.sizes, index));
  });
  return data;
}

} // namespace cleave::rt::test
