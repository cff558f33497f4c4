#include "tools/cleave/Inputs.h"

#include "runtime/core/Convert.h"
#include "runtime/core/Npy.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace cleave::tool {

rt::Status openArtefact(Session &session, const CommonOptions &options) {
  if (!options.plan.empty())
    return rt::Error{"E811",
                     "the plan is settled when an artefact is made, found --plan " + options.plan,
                     "",
                     {},
                     "give it to cleave build"};
  if (!options.overlap.empty() || !options.device.empty())
    return rt::Error{
        "E811",
        "the plan is settled when an artefact is made, found " +
            (options.overlap.empty() ? "--device " + options.device : "--overlap " + options.overlap[0]),
        "",
        {},
        "give it to cleave build"};
  if (options.sets.empty())
    return session.open(options.file);
  return rt::Error{"E811",
                   "sizes are settled when an artefact is made, found --set " + options.sets[0],
                   "",
                   {},
                   "set it with cleave build"};
}

rt::Status readWeights(rt::Runnable &running, const std::string &text) {
  size_t equals = text.find('=');
  const std::vector<rt::WeightMap> &maps = running.program().weights;
  bool named = equals != std::string::npos &&
               std::any_of(maps.begin(), maps.end(),
                           [&](const rt::WeightMap &map) { return map.name == text.substr(0, equals); });
  return named ? running.loadWeights(text.substr(equals + 1), text.substr(0, equals))
               : running.loadWeights(text);
}

namespace {

struct Number {
  bool isInteger = false;
  int64_t integer = 0;
  double real = 0;
};

std::optional<Number> numberOf(const std::string &text) {
  Number number;
  if (text == "true" || text == "false") {
    number = {true, text == "true", 0};
    return number;
  }
  const char *end = text.data() + text.size();
  auto [stop, failure] = std::from_chars(text.data(), end, number.integer);
  number.isInteger = failure == std::errc() && stop == end;
  char *realEnd = nullptr;
  number.real = std::strtod(text.c_str(), &realEnd);
  if (!number.isInteger && (text.empty() || realEnd != text.c_str() + text.size()))
    return std::nullopt;
  return number;
}

// The bytes of a scalar; none where the type does not hold the number.
std::optional<std::vector<char>> bytesOf(const Number &number, rt::Type type) {
  std::vector<char> bytes(rt::sizeOf(type));
  if (rt::isFloat(type)) {
    rt::copyStrided(type, bytes.data(), rt::Type::F64, &number.real, {});
    return bytes;
  }
  int64_t bits = 8 * rt::sizeOf(type);
  bool isUnsigned = type == rt::Type::U8 || type == rt::Type::Bool;
  int64_t least = isUnsigned ? 0 : bits == 64 ? INT64_MIN : -(int64_t(1) << (bits - 1));
  int64_t most = type == rt::Type::Bool ? 1
                 : bits == 64           ? INT64_MAX
                                        : (int64_t(1) << (isUnsigned ? bits : bits - 1)) - 1;
  if (!number.isInteger || number.integer < least || number.integer > most)
    return std::nullopt;
  std::memcpy(bytes.data(), &number.integer, bytes.size()); // little endian
  return bytes;
}

// One input's value, from a number or a file.
rt::Status giveOne(rt::Runnable &running, int entry, const rt::Port &port, const std::string &text,
                   const std::optional<Number> &number, const std::optional<rt::Npy> &file) {
  std::optional<std::vector<char>> bytes;
  if (number && port.shape.sizes.empty())
    bytes = bytesOf(*number, port.shape.type);
  if (bytes)
    return running.setInput(entry, port.name, bytes->data(), static_cast<int64_t>(bytes->size()));
  if (number)
    return rt::Error{"E504",
                     "a number is the value of a scalar input whose type holds it, found " + text + " for '" +
                         port.name + "', " + rt::toString(port.shape),
                     port.location,
                     {},
                     ""};
  const rt::Shape &found = file->shape();
  if (found.type != port.shape.type || found.sizes != port.shape.sizes)
    return rt::Error{"E504",
                     "a value must have the type and shape of its input, found " + rt::toString(found) +
                         " in '" + text + "' for '" + port.name + "', " + rt::toString(port.shape),
                     port.location,
                     {},
                     "no conversion is implicit"};
  return running.setInput(entry, port.name, file->data(), found.bytes());
}

} // namespace

rt::Status giveInput(rt::Runnable &running, int entry, const std::string &given) {
  size_t equals = given.find('=');
  std::string name = given.substr(0, equals), text = given.substr(equals + 1);
  std::optional<Number> number = numberOf(text);
  std::optional<rt::Npy> file;
  if (!number) {
    rt::Result<rt::Npy> opened = rt::Npy::open(text);
    if (!opened)
      return opened.error();
    file = std::move(*opened);
  }
  bool used = false;
  for (size_t i = 0; i < running.program().entries.size(); ++i)
    for (const rt::Port &port : running.program().entries[i].inputs) {
      if (port.name != name)
        continue;
      used = true;
      if (rt::Status status = giveOne(running, static_cast<int>(i), port, text, number, file); !status)
        return status;
    }
  // An unknown name: let the runtime say it, with its suggestion.
  return used ? rt::Status() : running.setInput(entry, name, nullptr, 0);
}

} // namespace cleave::tool
