#include "runtime/core/Npy.h"

#include "runtime/core/Executor.h"

#include <cstring>
#include <optional>

namespace cleave::rt {

namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr int64_t kMagicBytes = 6;
constexpr int64_t kUnit = 64; // headers are padded to it

Error invalid(const std::string &path, const std::string &found) {
  return {"E505",
          "a .npy file must be a valid array of format 1 to 3, found " + found + " in '" + path + "'",
          "",
          {},
          ""};
}

// Reads the one dictionary a header holds: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
class HeaderParser {
public:
  explicit HeaderParser(const std::string &text) : text(text) {}

  bool parse() {
    if (!take('{'))
      return false;
    while (!take('}')) {
      std::string key;
      if (!string(key) || !take(':') || !value(key))
        return false;
      take(',');
    }
    return descr && fortran && shape;
  }

  std::optional<std::string> descr;
  std::optional<bool> fortran;
  std::optional<std::vector<int64_t>> shape;

private:
  bool value(const std::string &key) {
    if (key == "descr") {
      descr.emplace();
      return string(*descr);
    }
    if (key == "fortran_order") {
      fortran = word("True");
      return *fortran || word("False");
    }
    return key == "shape" && tuple();
  }

  bool tuple() {
    shape.emplace();
    if (!take('('))
      return false;
    while (!take(')')) {
      space();
      size_t digits = 0;
      int64_t number = 0;
      for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && digits < 19; ++at, ++digits)
        if (digits < 18) // what is longer is refused below
          number = number * 10 + (text[at] - '0');
      if (digits == 0 || digits > 18)
        return false;
      shape->push_back(number);
      take(',');
    }
    return true;
  }

  void space() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n'))
      ++at;
  }
  bool take(char c) {
    space();
    if (at < text.size() && text[at] == c) {
      ++at;
      return true;
    }
    return false;
  }
  bool word(const char *expected) {
    space();
    size_t length = std::strlen(expected);
    if (text.compare(at, length, expected) != 0)
      return false;
    at += length;
    return true;
  }
  bool string(std::string &out) {
    space();
    if (at >= text.size() || (text[at] != '\'' && text[at] != '"'))
      return false;
    size_t end = text.find(text[at], at + 1);
    if (end == std::string::npos)
      return false;
    out = text.substr(at + 1, end - at - 1);
    at = end + 1;
    return true;
  }

  const std::string &text;
  size_t at = 0;
};

struct Code {
  const char *descr;
  Type type;
};
// The first one of a type is what is written. ml_dtypes stores bf16 as two opaque bytes.
constexpr Code kCodes[] = {{"<f4", Type::F32},  {"<f8", Type::F64}, {"<f2", Type::F16}, {"|i1", Type::I8},
                           {"<i4", Type::I32},  {"<i8", Type::I64}, {"|u1", Type::U8},  {"|b1", Type::Bool},
                           {"<V2", Type::BF16}, {"|V2", Type::BF16}};

std::optional<Type> typeOf(const std::string &descr) {
  for (const Code &code : kCodes)
    if (descr == code.descr)
      return code.type;
  return std::nullopt;
}

const char *descrOf(Type type) {
  for (const Code &code : kCodes)
    if (code.type == type)
      return code.descr;
  return "";
}

} // namespace

Result<Npy> Npy::open(const std::string &path) {
  Npy npy;
  std::string why;
  if (!MappedFile::open(path, npy.file, why))
    return Error{"E501", "a data file must be readable, found '" + path + "': " + why, "", {}, ""};
  const char *bytes = npy.file.data();
  int64_t size = npy.file.size();
  if (size < kMagicBytes + 4 || std::memcmp(bytes, kMagic, kMagicBytes) != 0)
    return invalid(path, "no magic number");
  int major = bytes[kMagicBytes];
  if (major < 1 || major > 3)
    return invalid(path, "format version " + std::to_string(major));
  int64_t lengthBytes = major == 1 ? 2 : 4;
  int64_t headerBytes = 0;
  if (size < kMagicBytes + 2 + lengthBytes)
    return invalid(path, "a truncated header");
  std::memcpy(&headerBytes, bytes + kMagicBytes + 2, lengthBytes);
  npy.start = kMagicBytes + 2 + lengthBytes + headerBytes;
  if (npy.start > size)
    return invalid(path, "a truncated header");
  std::string header(bytes + npy.start - headerBytes, headerBytes);
  HeaderParser parser(header);
  if (!parser.parse())
    return invalid(path, "the header " + header.substr(0, header.find_last_not_of(" \n") + 1));
  std::optional<Type> type = typeOf(*parser.descr);
  if (!type)
    return invalid(path, "elements of dtype '" + *parser.descr + "'");
  if (*parser.fortran && parser.shape->size() > 1)
    return invalid(path, "Fortran order; save it with numpy.ascontiguousarray");
  npy.header.type = *type;
  npy.header.sizes = *parser.shape;
  int64_t total = sizeOf(*type);
  for (int64_t dim : npy.header.sizes)
    if (__builtin_mul_overflow(total, dim, &total))
      return invalid(path, "a shape whose size overflows");
  if (total != size - npy.start)
    return invalid(path, std::to_string(size - npy.start) + " bytes of data where " + toString(npy.header) +
                             " takes " + std::to_string(total));
  return npy;
}

Status writeNpy(const std::string &path, const Shape &shape, const void *data) {
  std::vector<float> widened;
  Shape stored = shape;
  if (shape.type == Type::BF16) {
    for (int64_t i = 0; i < shape.elements(); ++i)
      widened.push_back(static_cast<float>(elementAsDouble(shape.type, data, i)));
    stored.type = Type::F32;
    data = widened.data();
  }
  std::string header =
      std::string("{'descr': '") + descrOf(stored.type) + "', 'fortran_order': False, 'shape': (";
  for (int64_t size : stored.sizes)
    header += std::to_string(size) + ",";
  header += "), }";
  int64_t prefix = kMagicBytes + 4;
  int64_t padded = (prefix + static_cast<int64_t>(header.size()) + 1 + kUnit - 1) / kUnit * kUnit - prefix;
  header.resize(padded - 1, ' ');
  header += '\n';
  std::string start(kMagic, kMagicBytes);
  start += std::string("\x01\x00", 2);
  start += static_cast<char>(padded & 255);
  start += static_cast<char>(padded >> 8);
  start += header;
  std::string why;
  std::vector<Piece> pieces = {{start.data(), static_cast<int64_t>(start.size())}, {data, stored.bytes()}};
  if (!replaceFile(path, pieces, why))
    return Error{"E507",
                 "a value must be written to be dumped, found that '" + path + "' cannot be: " + why,
                 "",
                 {},
                 ""};
  return {};
}

} // namespace cleave::rt
