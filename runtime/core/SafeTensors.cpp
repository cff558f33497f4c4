#include "runtime/core/SafeTensors.h"

#include "runtime/core/Text.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

namespace cleave::rt {

namespace {

using Json = nlohmann::json;

constexpr int64_t kLengthBytes = 8;
constexpr int64_t kLargestHeader = 100'000'000; // the format's own limit

struct Code {
  const char *name;
  Type type;
};
constexpr Code kCodes[] = {{"F32", Type::F32}, {"F64", Type::F64}, {"BF16", Type::BF16},
                           {"F16", Type::F16}, {"I8", Type::I8},   {"I32", Type::I32},
                           {"I64", Type::I64}, {"U8", Type::U8},   {"BOOL", Type::Bool}};

std::optional<Type> typeOf(const std::string &name) {
  for (const Code &code : kCodes)
    if (name == code.name)
      return code.type;
  return std::nullopt;
}

const char *codeOf(Type type) {
  for (const Code &code : kCodes)
    if (code.type == type)
      return code.name;
  return "";
}

Error bad(const char *code, const std::string &path, const std::string &rule, const std::string &found) {
  return {code, rule + ", found " + found + " in '" + path + "'", "", {}, ""};
}

// Parses the header; a name that stands twice is an error, not the last one's win.
Json parseHeader(const std::string &text, std::string &duplicate) {
  std::vector<std::string> seen;
  auto callback = [&](int depth, Json::parse_event_t event, Json &parsed) {
    if (event == Json::parse_event_t::key && depth == 1)
      seen.push_back(parsed.get<std::string>());
    return true;
  };
  Json header = Json::parse(text, callback, /*allow_exceptions=*/false);
  std::sort(seen.begin(), seen.end());
  auto twice = std::adjacent_find(seen.begin(), seen.end());
  if (twice != seen.end())
    duplicate = *twice;
  return header;
}

// One tensor's entry: shape and place in the data.
struct Extent {
  Shape shape;
  int64_t begin = 0;
  int64_t end = 0;
};

std::optional<int64_t> natural(const Json &value) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > INT64_MAX)
    return std::nullopt;
  return value.get<int64_t>();
}

// Empty when fine, else what is malformed.
std::string parseEntry(const Json &value, Extent &extent) {
  if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") ||
      !value.contains("data_offsets"))
    return "no dtype, shape and data_offsets";
  if (!value["dtype"].is_string() || !typeOf(value["dtype"].get<std::string>()))
    return "dtype " + value["dtype"].dump();
  extent.shape.type = *typeOf(value["dtype"].get<std::string>());
  const Json &shape = value["shape"];
  if (!shape.is_array())
    return "shape " + shape.dump();
  for (const Json &size : shape) {
    std::optional<int64_t> number = natural(size);
    if (!number)
      return "shape " + shape.dump();
    extent.shape.sizes.push_back(*number);
  }
  const Json &offsets = value["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !natural(offsets[0]) || !natural(offsets[1]))
    return "data_offsets " + offsets.dump();
  extent.begin = *natural(offsets[0]);
  extent.end = *natural(offsets[1]);
  return "";
}

std::string placeOf(const std::string &name, const Extent &extent) {
  return "'" + name + "' at [" + std::to_string(extent.begin) + ", " + std::to_string(extent.end) + ")";
}

// Whether offsets and shape fit each other.
Status checkExtent(const std::string &path, const std::string &name, const Extent &extent) {
  int64_t bytes = sizeOf(extent.shape.type);
  for (int64_t size : extent.shape.sizes)
    if (__builtin_mul_overflow(bytes, size, &bytes))
      return bad("E605", path, "a tensor's size must not overflow", "'" + name + "'");
  if (extent.begin > extent.end || extent.end - extent.begin != bytes)
    return bad("E605", path, "a tensor's bytes must fit its shape",
               placeOf(name, extent) + " where " + toString(extent.shape) + " takes " +
                   std::to_string(bytes) + " bytes");
  return {};
}

// Tensors must tile the data: no overlap, no hole.
Status checkTiling(const std::string &path, const std::map<std::string, Extent> &extents, int64_t dataBytes) {
  std::vector<std::pair<const std::string *, const Extent *>> order;
  for (const auto &[name, extent] : extents)
    order.push_back({&name, &extent});
  std::sort(order.begin(), order.end(), [](const auto &a, const auto &b) {
    return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
  });
  int64_t at = 0;
  const std::string *previous = nullptr;
  for (const auto &[name, extent] : order) {
    if (extent->begin < at)
      return bad("E606", path, "tensors must not overlap", "'" + *name + "' over '" + *previous + "'");
    if (extent->begin > at)
      return bad("E606", path, "tensors must leave no holes",
                 std::to_string(extent->begin - at) + " bytes before '" + *name + "'");
    at = extent->end;
    previous = name;
  }
  if (at != dataBytes)
    return bad("E606", path, "tensors must leave no holes",
               std::to_string(dataBytes - at) + " bytes after the last one");
  return {};
}

// All tensors together. A file cut short has entries that tile more data than there is; any other entry
// beyond the end is out of range.
Status checkExtents(const std::string &path, const std::string &what,
                    const std::map<std::string, Extent> &extents, int64_t dataBytes) {
  int64_t needed = 0;
  for (const auto &[name, extent] : extents) {
    if (Status status = checkExtent(path, name, extent); !status)
      return status;
    needed = std::max(needed, extent.end);
  }
  Status tiling = checkTiling(path, extents, std::max(needed, dataBytes));
  if (needed <= dataBytes)
    return tiling;
  if (tiling)
    return bad("E602", path, what + " must be whole",
               std::to_string(dataBytes) + " bytes of data where the header lists " + std::to_string(needed));
  auto beyond = std::find_if(extents.begin(), extents.end(),
                             [&](const auto &item) { return item.second.end > dataBytes; });
  return bad("E605", path, "a tensor must lie inside the file's data",
             placeOf(beyond->first, beyond->second) + " of " + std::to_string(dataBytes) + " bytes");
}

} // namespace

Status writeSafeTensors(const std::string &path, const std::vector<NamedTensor> &tensors,
                        const std::map<std::string, std::string> &metadata) {
  return writeSafeTensors(path, tensors, metadata, [&](size_t tensor, PieceWriter &writer) {
    writer.write(tensors[tensor].data, tensors[tensor].shape.bytes());
  });
}

Status writeSafeTensors(const std::string &path, const std::vector<NamedTensor> &tensors,
                        const std::map<std::string, std::string> &metadata,
                        const std::function<void(size_t, PieceWriter &)> &contents) {
  nlohmann::ordered_json header;
  if (!metadata.empty())
    header["__metadata__"] = metadata;
  int64_t offset = 0;
  for (const NamedTensor &tensor : tensors) {
    int64_t bytes = tensor.shape.bytes();
    header[tensor.name] = {{"dtype", codeOf(tensor.shape.type)},
                           {"shape", tensor.shape.sizes},
                           {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' '); // tensors begin on 8 bytes
  uint64_t length = text.size();
  auto write = [&](PieceWriter &writer) {
    bool good =
        writer.write(&length, kLengthBytes) && writer.write(text.data(), static_cast<int64_t>(text.size()));
    for (size_t i = 0; good && i < tensors.size(); ++i) {
      contents(i, writer);
      good = writer.isGood();
    }
  };
  std::string why;
  if (replaceFile(path, write, why))
    return {};
  Error error = {"E610",
                 "a state must be written whole, found that '" + path + "' cannot be (" +
                     bytesText(offset + kLengthBytes + static_cast<int64_t>(length)) + "): " + why,
                 "",
                 {"nothing was lost: a file that was there before is unchanged"},
                 ""};
  return error;
}

Status SafeTensors::read(const NamedTensor &tensor, int64_t offset, int64_t bytes, void *to) const {
  std::string why;
  if (file.read(static_cast<const char *>(tensor.data) - file.data() + offset, bytes, to, why))
    return {};
  return bad("E601", path, "a saved state must be readable", why);
}

Result<SafeTensors> SafeTensors::open(const std::string &path, const std::string &what) {
  SafeTensors result;
  result.path = path;
  std::string why;
  if (!MappedFile::open(path, result.file, why))
    return bad("E601", path, what + " must be readable", why);
  int64_t size = result.file.size();
  uint64_t length = 0;
  if (size < kLengthBytes)
    return bad("E602", path, what + " must be whole", std::to_string(size) + " bytes");
  std::memcpy(&length, result.file.data(), kLengthBytes);
  if (length > static_cast<uint64_t>(kLargestHeader))
    return bad("E603", path, "a header is at most 100 MB", std::to_string(length) + " bytes");
  int64_t dataBytes = size - kLengthBytes - static_cast<int64_t>(length);
  if (dataBytes < 0)
    return bad("E602", path, what + " must be whole",
               std::to_string(size) + " bytes where the header alone takes " +
                   std::to_string(length + kLengthBytes));
  std::string duplicate;
  Json header = parseHeader(std::string(result.file.data() + kLengthBytes, length), duplicate);
  if (!header.is_object())
    return bad("E603", path, "a header must be a JSON object", "something else");
  if (!duplicate.empty())
    return bad("E604", path, "a tensor stands in the header once", "'" + duplicate + "' twice");
  std::map<std::string, Extent> extents;
  for (const auto &[name, value] : header.items()) {
    if (name == "__metadata__") {
      for (const auto &[key, text] : value.items())
        if (text.is_string())
          result.facts[key] = text.get<std::string>();
      continue;
    }
    std::string malformed = parseEntry(value, extents[name]);
    if (!malformed.empty())
      return bad("E604", path, "a tensor has a known dtype, a shape and offsets",
                 malformed + " for '" + name + "'");
  }
  if (Status status = checkExtents(path, what, extents, dataBytes); !status)
    return status.error();
  const char *data = result.file.data() + kLengthBytes + length;
  for (const auto &[name, extent] : extents)
    result.entries[name] = {name, extent.shape, data + extent.begin};
  return result;
}

} // namespace cleave::rt
