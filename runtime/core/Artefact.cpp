#include "runtime/core/Artefact.h"

#include "runtime/abi/cleave.h"
#include "runtime/core/Encoding.h"
#include "runtime/core/File.h"
#include "runtime/core/Footprint.h"
#include "runtime/core/Text.h"
#include "runtime/core/Verify.h"
#include "runtime/device/cpu/Processor.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace cleave::rt {

namespace {

using Json = nlohmann::ordered_json;

constexpr char kMagic[8] = {'\x89', 'C', 'L', 'E', 'A', 'V', 'E', '\n'};

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t abi;
  uint64_t size;
  uint64_t checksum;
  uint64_t metadata, program, code; // sizes of the sections
  uint64_t reserved;
};
static_assert(sizeof(Header) == 64);

constexpr size_t kMostMetadata = size_t{64} << 20;

Error failure(const char *code, std::string message, std::string hint = "") {
  return {code, std::move(message), "", {}, std::move(hint)};
}

const char *const kRemake = "make it again with cleave build";

//===----------------------------------------------------------------------===//
// Metadata
//===----------------------------------------------------------------------===//

Json shapeJson(const Shape &shape) {
  return {{"type", toString(shape)},
          {"element", nameOf(shape.type)},
          {"axes", shape.axes},
          {"sizes", shape.sizes},
          {"bytes", shape.bytes()}};
}

Json portsJson(const std::vector<Port> &ports) {
  Json list = Json::array();
  for (const Port &port : ports) {
    Json json = {{"name", port.name}};
    json.update(shapeJson(port.shape));
    if (!port.source.empty())
      json["data"] = port.source;
    list.push_back(std::move(json));
  }
  return list;
}

Json entriesJson(const Program &program) {
  Json list = Json::array();
  for (const Entry &entry : program.entries)
    list.push_back({{"name", entry.name},
                    {"inputs", portsJson(entry.inputs)},
                    {"outputs", portsJson(entry.outputs)},
                    {"updates", entry.writes},
                    {"instructions", entry.instructions.size()},
                    {"scratch_bytes", entry.scratchBytes}});
  return list;
}

Json statesJson(const Program &program) {
  Json list = Json::array();
  for (const State &state : program.states) {
    Json json = {{"path", state.path}, {"kind", state.kind}};
    json.update(shapeJson(state.shape));
    json["offset"] = state.offset;
    list.push_back(std::move(json));
  }
  return list;
}

Json memoryJson(const Program &program) {
  Footprint footprint = footprintOf(program);
  Json parts = Json::array();
  for (const Footprint::Part &part : footprint.parts)
    if (part.bytes > 0)
      parts.push_back({{"what", part.what}, {"bytes", part.bytes}});
  return {{"state_bytes", program.stateBytes},
          {"scratch_bytes", program.scratchBytes},
          {"constant_bytes", program.constants.size()},
          {"peak_bytes", footprint.bytes},
          {"parts", std::move(parts)}};
}

// Of several classes of ranks, what stands beside is the first one's.
Json planJson(const ArtefactContents &contents) {
  const Program &program = contents.program;
  Json mesh = Json::object(), peaks = Json::array({footprintOf(program).bytes});
  for (const MeshAxis &axis : program.mesh.axes)
    mesh[axis.name] = axis.size;
  for (const Program &other : contents.classes.others)
    peaks.push_back(footprintOf(other).bytes);
  return {{"name", program.plan},
          {"hash", program.planHash},
          {"mesh", std::move(mesh)},
          {"ranks", program.mesh.ranks()},
          {"peak_bytes_by_class", std::move(peaks)}};
}

Json metadataOf(const ArtefactContents &contents) {
  const ArtefactFacts &facts = contents.facts;
  Json json = {
      {"program", facts.name},     {"compiler", facts.compiler},
      {"origin", facts.origin},    {"format", kArtefactVersion},
      {"abi", CLEAVE_ABI_VERSION}, {"target", {{"name", facts.target}, {"features", facts.features}}}};
  json["axes"] = Json::object();
  for (const auto &[name, size] : facts.axes)
    json["axes"][name] = size;
  json["hypers"] = Json::object();
  for (const auto &[name, value] : facts.hypers)
    json["hypers"][name] = Json::parse(value, nullptr, /*allow_exceptions=*/false);
  json["entries"] = entriesJson(contents.program);
  json["states"] = statesJson(contents.program);
  Json data = Json::array();
  for (const DataSource &source : contents.program.data)
    data.push_back(
        {{"name", source.name}, {"kind", source.kind}, {"paths", source.paths}, {"folder", source.folder}});
  json["data"] = std::move(data);
  json["memory"] = memoryJson(contents.program);
  if (!contents.program.mesh.axes.empty())
    json["plan"] = planJson(contents);
  json["kernels"] = contents.program.kernels.size();
  json["code_bytes"] = contents.code.size();
  return json;
}

// A member of an object, or null.
const Json *member(const Json &json, const char *name) {
  auto found = json.is_object() ? json.find(name) : json.end();
  return found == json.end() ? nullptr : &*found;
}

std::string textOf(const Json *json) { return json && json->is_string() ? json->get<std::string>() : ""; }

bool readFacts(const Json &json, ArtefactFacts &facts) {
  facts.name = textOf(member(json, "program"));
  facts.compiler = textOf(member(json, "compiler"));
  facts.origin = textOf(member(json, "origin"));
  const Json *target = member(json, "target"), *axes = member(json, "axes"), *hypers = member(json, "hypers");
  const Json *features = target ? member(*target, "features") : nullptr;
  if (!features || !features->is_array() || !axes || !axes->is_object() || !hypers || !hypers->is_object())
    return false;
  facts.target = textOf(member(*target, "name"));
  for (const Json &feature : *features) {
    if (!feature.is_string())
      return false;
    facts.features.push_back(feature);
  }
  for (auto &[name, size] : axes->items()) {
    if (!size.is_number_integer())
      return false;
    facts.axes.emplace_back(name, size.get<int64_t>());
  }
  for (auto &[name, value] : hypers->items()) {
    if (!value.is_primitive())
      return false;
    facts.hypers.emplace_back(name, value.dump());
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Header
//===----------------------------------------------------------------------===//

uint64_t checksumOf(const char *bytes, int64_t size) {
  // The checksum's own bytes count as zero: sum what is around them.
  Header header;
  std::memcpy(&header, bytes, sizeof(header));
  header.checksum = 0;
  uint64_t parts[2] = {checksum(&header, sizeof(header)),
                       checksum(bytes + sizeof(header), size - static_cast<int64_t>(sizeof(header)))};
  return checksum(parts, sizeof(parts));
}

Status checkSizes(const Header &header, int64_t size, const std::string &name) {
  if (static_cast<uint64_t>(size) != header.size)
    return failure("E804",
                   "an artefact must be as long as it says, found " + std::to_string(size) + " bytes of " +
                       std::to_string(header.size) + " in '" + name + "'",
                   static_cast<uint64_t>(size) < header.size ? "copy it again; it is cut short" : kRemake);
  uint64_t left = header.size - sizeof(Header);
  for (uint64_t section : {header.metadata, header.program, header.code}) {
    if (section > left)
      return failure("E807",
                     "sections of an artefact lie inside it, found one that does not in '" + name + "'",
                     kRemake);
    left -= section;
  }
  if (left > 0 || header.reserved != 0 || header.metadata > kMostMetadata)
    return failure("E807",
                   "the header of an artefact must be well formed, found that of '" + name + "' is not",
                   kRemake);
  return {};
}

Result<Header> readHeader(const char *bytes, int64_t size, const std::string &name) {
  Header header = {};
  if (size < 8 || std::memcmp(bytes, kMagic, sizeof(kMagic)) != 0)
    return failure("E802",
                   "an artefact is a file that cleave build makes, found other content in '" + name + "'");
  if (size < static_cast<int64_t>(sizeof(Header)))
    return failure("E804",
                   "an artefact has a header of 64 bytes, found only " + std::to_string(size) + " in '" +
                       name + "'",
                   "copy it again; it is cut short");
  std::memcpy(&header, bytes, sizeof(header));
  if (header.version != kArtefactVersion || header.abi != CLEAVE_ABI_VERSION)
    return failure("E803",
                   "an artefact must be of this runtime's format " + std::to_string(kArtefactVersion) +
                       " and interface " + std::to_string(CLEAVE_ABI_VERSION) + ", found format " +
                       std::to_string(header.version) + " and interface " + std::to_string(header.abi) +
                       " in '" + name + "'",
                   kRemake);
  if (Status status = checkSizes(header, size, name); !status)
    return status.error();
  if (checksumOf(bytes, size) != header.checksum)
    return failure("E805",
                   "an artefact must be what cleave build wrote, found '" + name +
                       "' altered: its checksum is wrong",
                   kRemake);
  return header;
}

Error malformed(const Error &error, const std::string &name) {
  return failure("E807", "an artefact must be well formed, found '" + name + "' is not: " + error.message,
                 kRemake);
}

// The file's bytes, or only their beginning where that is no artefact's. A copy, not a mapping: what is
// checked stays as it was, whoever writes to the file.
Result<std::string> readFile(const std::string &path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string bytes(sizeof(kMagic), '\0');
  if (!file || (!file.read(bytes.data(), sizeof(kMagic)) && !file.eof()))
    return failure("E801", "an artefact is a file that can be read, found '" + path +
                               "': " + (errno ? std::strerror(errno) : "it cannot be"));
  bytes.resize(file.gcount());
  if (bytes != std::string(kMagic, sizeof(kMagic)))
    return bytes;
  std::ostringstream rest;
  rest << file.rdbuf();
  return bytes + rest.str();
}

std::string metadataText(const ArtefactContents &contents) {
  return metadataOf(contents).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace

std::string encodeArtefact(const ArtefactContents &contents) {
  std::string sections[] = {metadataText(contents), encode(contents.program, contents.classes),
                            encode(contents.code)};
  Header header = {};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.version = kArtefactVersion;
  header.abi = CLEAVE_ABI_VERSION;
  header.metadata = sections[0].size();
  header.program = sections[1].size();
  header.code = sections[2].size();
  header.size = sizeof(Header) + header.metadata + header.program + header.code;
  std::string bytes(reinterpret_cast<const char *>(&header), sizeof(header));
  for (const std::string &section : sections)
    bytes += section;
  fixChecksum(bytes);
  return bytes;
}

void fixChecksum(std::string &bytes) {
  if (bytes.size() < sizeof(Header))
    return;
  uint64_t sum = checksumOf(bytes.data(), static_cast<int64_t>(bytes.size()));
  std::memcpy(bytes.data() + offsetof(Header, checksum), &sum, sizeof(sum));
}

Status writeArtefact(const std::string &path, const std::string &bytes) {
  std::string why;
  if (replaceFile(path, {{bytes.data(), static_cast<int64_t>(bytes.size())}}, why))
    return {};
  return failure("E808", "an artefact must be written whole, found that '" + path + "' cannot be: " + why);
}

Result<ArtefactContents> readArtefact(const char *bytes, int64_t size, const std::string &name) {
  Result<Header> header = readHeader(bytes, size, name);
  if (!header)
    return header.error();
  const char *metadata = bytes + sizeof(Header), *program = metadata + header->metadata,
             *code = program + header->program;
  ArtefactContents contents;
  Json json = Json::parse(metadata, program, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !readFacts(json, contents.facts))
    return malformed({"", "its metadata is not what it should be", "", {}, ""}, name);
  if (Status status = decode(program, header->program, contents.program, contents.classes); !status)
    return malformed(status.error(), name);
  if (Status status = decode(code, header->code, contents.code); !status)
    return malformed(status.error(), name);
  if (Status status = verify(contents.program); !status)
    return malformed(status.error(), name);
  for (const Program &other : contents.classes.others)
    if (Status status = verify(other); !status)
      return malformed(status.error(), name);
  if (std::string fault = faultOfClasses(contents.program, contents.classes); !fault.empty())
    return malformed({"", fault, "", {}, ""}, name);
  if (Status status = verify(contents.code); !status)
    return malformed(status.error(), name);
  return contents;
}

Result<ArtefactContents> readArtefact(const std::string &path) {
  Result<std::string> bytes = readFile(path);
  if (!bytes)
    return bytes.error();
  return readArtefact(bytes->data(), bytes->size(), path);
}

Result<std::string> inspectArtefact(const std::string &path) {
  Result<std::string> bytes = readFile(path);
  if (!bytes)
    return bytes.error();
  Result<Header> header = readHeader(bytes->data(), bytes->size(), path);
  if (!header)
    return header.error();
  return bytes->substr(sizeof(Header), header->metadata);
}

bool isArtefact(const std::string &path) {
  char begin[sizeof(kMagic)];
  std::ifstream file(path, std::ios::binary);
  return file.read(begin, sizeof(begin)) && std::memcmp(begin, kMagic, sizeof(kMagic)) == 0;
}

// Points the kernels of a program at their code; the name of one that has none, or nothing.
static std::string linkKernels(Program &program, const LoadedCode &code) {
  for (Kernel &kernel : program.kernels)
    if (kernel.function = code.lookup(kernel.name); !kernel.function)
      return kernel.name;
  return "";
}

Result<Artefact> loadContents(ArtefactContents contents, const std::string &name) {
  if (std::vector<std::string> missing = missingFeatures(contents.facts.features); !missing.empty()) {
    Error error = failure("E806",
                          "a processor must have every feature the artefact was made for, found none of " +
                              listText(missing, 8) + " here for '" + name + "'",
                          "make one for an older processor: cleave build --target x86-64-v3");
    error.notes.push_back("it was made for " + contents.facts.target);
    return error;
  }
  Result<std::shared_ptr<LoadedCode>> code = LoadedCode::load(contents.code);
  if (!code)
    return code.error();
  std::string lacking = linkKernels(contents.program, **code);
  for (Program &other : contents.classes.others)
    lacking = lacking.empty() ? linkKernels(other, **code) : lacking;
  if (!lacking.empty())
    return malformed({"", "there is no code for kernel '" + lacking + "'", "", {}, ""}, name);
  std::string metadata = metadataText(contents);
  Artefact loaded = {std::move(contents.facts), std::make_shared<const Program>(std::move(contents.program)),
                     std::move(*code), std::move(metadata)};
  for (Program &other : contents.classes.others)
    loaded.others.push_back(std::make_shared<const Program>(std::move(other)));
  loaded.classOf = std::move(contents.classes.classOf);
  return loaded;
}

Result<Artefact> loadArtefact(const char *bytes, int64_t size, const std::string &name) {
  Result<ArtefactContents> contents = readArtefact(bytes, size, name);
  if (!contents)
    return contents.error();
  return loadContents(std::move(*contents), name);
}

Result<Artefact> loadArtefact(const std::string &path) {
  Result<std::string> bytes = readFile(path);
  if (!bytes)
    return bytes.error();
  return loadArtefact(bytes->data(), bytes->size(), path);
}

} // namespace cleave::rt
