#include "runtime/core/Encoding.h"

#include <cstring>
#include <type_traits>

namespace cleave::rt {

namespace {

//===----------------------------------------------------------------------===//
// The fields, in their order
//===----------------------------------------------------------------------===//

// A structured binding names every field: one that is forgotten here does not compile.
template <class Archive> void fields(Archive &archive, Shape &value) {
  auto &[type, sizes, axes] = value;
  archive(type, sizes, axes);
}
template <class Archive> void fields(Archive &archive, MeshAxis &value) {
  auto &[name, size] = value;
  archive(name, size);
}
template <class Archive> void fields(Archive &archive, Mesh &value) {
  auto &[name, axes] = value;
  archive(name, axes);
}
template <class Archive> void fields(Archive &archive, AxisPart &value) {
  auto &[axis, size, after] = value;
  archive(axis, size, after);
}
template <class Archive> void fields(Archive &archive, DimSplit &value) {
  auto &[over, padded, room] = value;
  archive(over, padded, room);
}
template <class Archive> void fields(Archive &archive, Split &value) {
  auto &[global, dims] = value;
  archive(global, dims);
}
template <class Archive> void fields(Archive &archive, MemberPair &value) {
  auto &[from, to] = value;
  archive(from, to);
}
template <class Archive> void fields(Archive &archive, Collective &value) {
  auto &[kind, reduction, over, dim, dim2, low, high, fill, root, pairs, extent, padded, name, because,
         seconds, hidden] = value;
  archive(kind, reduction, over, dim, dim2, low, high, fill, root, pairs, extent, padded, name, because,
          seconds, hidden);
}
template <class Archive> void fields(Archive &archive, Stride &value) {
  auto &[depth, bytes, turns] = value;
  archive(depth, bytes, turns);
}
template <class Archive> void fields(Archive &archive, Address &value) {
  auto &[region, slot, offset, strides, over, memberBytes] = value;
  archive(region, slot, offset, strides, over, memberBytes);
}
template <class Archive> void fields(Archive &archive, Operand &value) {
  auto &[address, shape, name, source] = value;
  archive(address, shape, name, source);
}
template <class Archive> void fields(Archive &archive, Instruction &value) {
  auto &[op, target, outputs, count, reverse, ahead, operands, text, source, lines] = value;
  archive(op, target, outputs, count, reverse, ahead, operands, text, source, lines);
}
template <class Archive> void fields(Archive &archive, Work &value) {
  auto &[flops, bytes] = value;
  archive(flops, bytes);
}
template <class Archive> void fields(Archive &archive, Kernel &value) {
  auto &[name, function, rows, grain, parts, arithmetic] = value;
  archive(name, rows, grain, parts, arithmetic);
}
template <class Archive> void fields(Archive &archive, Port &value) {
  auto &[name, shape, source, ordered, location, split] = value;
  archive(name, shape, source, ordered, location, split);
}
template <class Archive> void fields(Archive &archive, Entry &value) {
  auto &[name, inputs, outputs, instructions, writes, scratchBytes] = value;
  archive(name, inputs, outputs, instructions, writes, scratchBytes);
}
template <class Archive> void fields(Archive &archive, State &value) {
  auto &[path, kind, shape, offset, split] = value;
  archive(path, kind, shape, offset, split);
}
template <class Archive> void fields(Archive &archive, DataSource &value) {
  auto &[name, kind, paths, folder, option, below, location] = value;
  archive(name, kind, paths, folder, option, below, location);
}
template <class Archive> void fields(Archive &archive, WeightPosition &value) {
  auto &[offset, strides] = value;
  archive(offset, strides);
}
template <class Archive> void fields(Archive &archive, WeightSource &value) {
  auto &[name, sizes, positions] = value;
  archive(name, sizes, positions);
}
template <class Archive> void fields(Archive &archive, Weight &value) {
  auto &[path, sources] = value;
  archive(path, sources);
}
template <class Archive> void fields(Archive &archive, WeightMap &value) {
  auto &[name, object, types, prefixes, weights, ignored, location] = value;
  archive(name, object, types, prefixes, weights, ignored, location);
}
template <class Archive> void fields(Archive &archive, Program &value) {
  auto &[kernels, entries, states, data, weights, constants, stateBytes, scratchBytes, mesh, collectives,
         plan, planHash] = value;
  archive(kernels, entries, states, data, weights, constants, stateBytes, scratchBytes, mesh, collectives,
          plan, planHash);
}
template <class Archive> void fields(Archive &archive, RankClasses &value) {
  auto &[others, classOf] = value;
  archive(others, classOf);
}
template <class Archive> void fields(Archive &archive, CodeImage::Import &value) {
  auto &[name, slot] = value;
  archive(name, slot);
}
template <class Archive> void fields(Archive &archive, CodeImage::Relocation &value) {
  auto &[slot, target] = value;
  archive(slot, target);
}
template <class Archive> void fields(Archive &archive, CodeImage::Export &value) {
  auto &[name, offset] = value;
  archive(name, offset);
}
template <class Archive> void fields(Archive &archive, CodeImage &value) {
  auto &[text, data, imports, relocations, exports] = value;
  archive(text, data, imports, relocations, exports);
}

// One more than the last value.
constexpr unsigned countOf(Type) { return static_cast<unsigned>(Type::Bool) + 1; }
constexpr unsigned countOf(Region) { return static_cast<unsigned>(Region::Output) + 1; }
constexpr unsigned countOf(Opcode) { return static_cast<unsigned>(Opcode::Wait) + 1; }
constexpr unsigned countOf(CollectiveKind) { return static_cast<unsigned>(CollectiveKind::Only) + 1; }
constexpr unsigned countOf(Reduction) { return static_cast<unsigned>(Reduction::Prod) + 1; }

//===----------------------------------------------------------------------===//
// Both directions
//===----------------------------------------------------------------------===//

class Writer {
public:
  template <class... T> void operator()(T &...values) { (put(values), ...); }
  std::string bytes;

private:
  void number(uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      bytes += static_cast<char>(value | 0x80);
    bytes += static_cast<char>(value);
  }
  void put(bool value) { bytes += value ? '\1' : '\0'; }
  void put(uint32_t value) { number(value); }
  void put(uint64_t value) { number(value); }
  void put(int64_t value) {
    number((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
  }
  void put(double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    number(bits);
  }
  void put(std::string &text) {
    number(text.size());
    bytes += text;
  }
  void put(std::vector<uint8_t> &raw) {
    number(raw.size());
    bytes.append(reinterpret_cast<const char *>(raw.data()), raw.size());
  }
  template <class T> void put(std::vector<T> &list) {
    number(list.size());
    for (T &item : list)
      put(item);
  }
  template <class T> void put(T &value) {
    if constexpr (std::is_enum_v<T>)
      bytes += static_cast<char>(value);
    else
      fields(*this, value);
  }
};

// Stops at the first fault; what is read behind it has no meaning.
class Reader {
public:
  Reader(const char *bytes, int64_t size) : at(bytes), end(bytes + size) {}
  template <class... T> void operator()(T &...values) { (get(values), ...); }
  const char *failure = nullptr;
  uint64_t left() const { return end - at; }

private:
  bool fail(const char *what) {
    if (!failure)
      failure = what;
    at = end;
    return false;
  }
  uint8_t byte() {
    if (at == end) {
      fail("it ends too early");
      return 0;
    }
    return static_cast<uint8_t>(*at++);
  }
  uint64_t number() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      uint8_t part = byte();
      if (shift == 63 && part > 1)
        break;
      value |= static_cast<uint64_t>(part & 0x7f) << shift;
      if (!(part & 0x80))
        return value;
    }
    fail("a number has more than 64 bits");
    return 0;
  }
  // Whatever is listed takes a byte at least, so no length makes us allocate more than a multiple of the
  // file.
  uint64_t length() {
    uint64_t count = number();
    if (count > left()) {
      fail("a list is longer than the rest of it");
      return 0;
    }
    return count;
  }
  void get(bool &value) {
    uint8_t found = byte();
    if (found > 1)
      fail("a truth value is neither 0 nor 1");
    value = found == 1;
  }
  void get(uint64_t &value) { value = number(); }
  void get(uint32_t &value) {
    uint64_t found = number();
    if (found > UINT32_MAX)
      fail("a number has more than 32 bits");
    value = static_cast<uint32_t>(found);
  }
  void get(int64_t &value) {
    uint64_t found = number();
    value = static_cast<int64_t>((found >> 1) ^ (~(found & 1) + 1));
  }
  void get(double &value) {
    uint64_t bits = number();
    std::memcpy(&value, &bits, sizeof(bits));
  }
  void get(std::string &text) {
    uint64_t count = length();
    text.assign(at, count);
    at += count;
  }
  void get(std::vector<uint8_t> &raw) {
    uint64_t count = length();
    raw.assign(at, at + count);
    at += count;
  }
  template <class T> void get(std::vector<T> &list) {
    list.clear();
    for (uint64_t count = length(); count > 0 && !failure; --count)
      get(list.emplace_back());
  }
  template <class T> void get(T &value) {
    if constexpr (std::is_enum_v<T>) {
      uint8_t found = byte();
      if (found >= countOf(T()))
        fail("an enumeration has no such value");
      else
        value = static_cast<T>(found);
    } else {
      fields(*this, value);
    }
  }

  const char *at, *end;
};

template <class T> std::string encodeAny(const T &value) {
  Writer writer;
  writer(const_cast<T &>(value)); // one list of fields serves both directions; a writer changes nothing
  return std::move(writer.bytes);
}

Status endOf(Reader &reader, const char *what) {
  if (!reader.failure && reader.left() > 0)
    reader.failure = "there is more behind its end";
  if (!reader.failure)
    return {};
  return Error{"E807", std::string("the ") + what + " is malformed: " + reader.failure, "", {}, ""};
}

template <class T> Status decodeAny(const char *bytes, int64_t size, T &value, const char *what) {
  Reader reader(bytes, size);
  reader(value);
  return endOf(reader, what);
}

//===----------------------------------------------------------------------===//
// XXH64
//===----------------------------------------------------------------------===//

constexpr uint64_t kPrime1 = 0x9e3779b185ebca87, kPrime2 = 0xc2b2ae3d27d4eb4f, kPrime3 = 0x165667b19e3779f9,
                   kPrime4 = 0x85ebca77c2b2ae63, kPrime5 = 0x27d4eb2f165667c5;

uint64_t rotate(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

template <class T> uint64_t load(const char *at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

uint64_t mix(uint64_t lane, uint64_t input) { return rotate(lane + input * kPrime2, 31) * kPrime1; }

} // namespace

uint64_t checksum(const void *bytes, int64_t size) {
  const char *at = static_cast<const char *>(bytes), *end = at + size;
  uint64_t hash = kPrime5;
  if (size >= 32) {
    uint64_t lanes[4] = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
    for (; end - at >= 32; at += 32)
      for (int lane = 0; lane < 4; ++lane)
        lanes[lane] = mix(lanes[lane], load<uint64_t>(at + 8 * lane));
    hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
    for (uint64_t lane : lanes)
      hash = (hash ^ mix(0, lane)) * kPrime1 + kPrime4;
  }
  hash += static_cast<uint64_t>(size);
  for (; end - at >= 8; at += 8)
    hash = rotate(hash ^ mix(0, load<uint64_t>(at)), 27) * kPrime1 + kPrime4;
  if (end - at >= 4) {
    hash = rotate(hash ^ (load<uint32_t>(at) * kPrime1), 23) * kPrime2 + kPrime3;
    at += 4;
  }
  for (; at < end; ++at)
    hash = rotate(hash ^ (static_cast<uint8_t>(*at) * kPrime5), 11) * kPrime1;
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

std::string encode(const Program &program) { return encodeAny(program); }
std::string encode(const Program &program, const RankClasses &classes) {
  return classes.classOf.empty() ? encode(program) : encode(program) + encodeAny(classes);
}
std::string encode(const CodeImage &code) { return encodeAny(code); }

Status decode(const char *bytes, int64_t size, Program &program) {
  return decodeAny(bytes, size, program, "program");
}
Status decode(const char *bytes, int64_t size, Program &program, RankClasses &classes) {
  Reader reader(bytes, size);
  reader(program);
  if (!reader.failure && reader.left() > 0)
    reader(classes);
  return endOf(reader, "program");
}
Status decode(const char *bytes, int64_t size, CodeImage &code) {
  return decodeAny(bytes, size, code, "code");
}

} // namespace cleave::rt
