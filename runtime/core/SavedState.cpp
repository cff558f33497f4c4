#include "runtime/core/SavedState.h"

#include "runtime/core/Text.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

namespace cleave::rt {

namespace {

constexpr char kVersion[] = "1";
constexpr char kStar[] = "[*]";

size_t starsIn(const std::string &path) {
  size_t count = 0;
  for (size_t at = path.find(kStar); at != std::string::npos; at = path.find(kStar, at + 1))
    ++count;
  return count;
}

Shape unstackedShape(const State &state) {
  Shape shape = state.shape;
  size_t stacked = std::min(starsIn(state.path), shape.sizes.size());
  shape.sizes.erase(shape.sizes.begin(), shape.sizes.begin() + stacked);
  if (shape.axes.size() >= stacked)
    shape.axes.erase(shape.axes.begin(), shape.axes.begin() + stacked);
  return shape;
}

// gpt.blocks[*].w, {3} -> gpt.blocks[3].w
std::string indexed(const std::string &path, const std::vector<int64_t> &indices) {
  std::string result = path;
  size_t from = 0;
  for (int64_t index : indices) {
    from = result.find(kStar, from);
    std::string number = "[" + std::to_string(index) + "]";
    result.replace(from, sizeof(kStar) - 1, number);
    from += number.size();
  }
  return result;
}

int64_t counterOf(const Program &program, const char *base, const char *path) {
  for (const State &state : program.states)
    if (state.path == path && state.shape.type == Type::I64 && state.shape.sizes.empty()) {
      int64_t value;
      std::memcpy(&value, base + state.offset, sizeof(value));
      return value;
    }
  return 0;
}

std::vector<NamedTensor> allTensors(const Program &program, const char *base) {
  std::vector<NamedTensor> tensors;
  for (const State &state : program.states)
    for (NamedTensor &tensor : unstack(state, base))
      tensors.push_back(std::move(tensor));
  return tensors;
}

Error missing(const std::string &path, const std::vector<std::string> &names, const SafeTensors &file) {
  Error error = {"E607",
                 "a saved state must hold every state of the program, found " + std::to_string(names.size()) +
                     " missing in '" + path + "': " + listText(names),
                 "",
                 {},
                 ""};
  std::vector<std::string> there;
  for (const auto &[name, tensor] : file.tensors())
    there.push_back(name);
  for (size_t i = 0; i < names.size() && i < 3; ++i)
    if (std::string near = nearest(names[i], there); !near.empty())
      error.notes.push_back("the file holds '" + near + "', near '" + names[i] + "'");
  error.hint = "was it saved by another program, or with other axis sizes?";
  return error;
}

Status checkMetadata(const std::string &path, const SafeTensors &file) {
  auto version = file.metadata().find("version");
  auto format = file.metadata().find("format");
  if (format == file.metadata().end() || format->second != "cleave" || version == file.metadata().end() ||
      version->second == kVersion)
    return {}; // files of other tools are welcome: tensors are checked one by one
  return Error{"E611",
               std::string("a saved state must be of format version ") + kVersion + ", found version " +
                   version->second + " in '" + path + "'",
               "",
               {},
               "it was saved by a newer cleave"};
}

// What one thread reads at a time: touching fresh memory costs as much as copying, so all threads do both.
constexpr int64_t kPieceBytes = int64_t{4} << 20;

struct ReadPiece {
  const NamedTensor *tensor = nullptr; // in the file
  int64_t offset = 0, bytes = 0;
  char *to = nullptr;
  Status status;
};

void readPieces(void *const *arguments, int64_t begin, int64_t end) {
  auto *file = static_cast<const SafeTensors *>(arguments[0]);
  auto *pieces = static_cast<ReadPiece *>(arguments[1]);
  for (ReadPiece *piece = pieces + begin; piece != pieces + end; ++piece)
    piece->status = file->read(*piece->tensor, piece->offset, piece->bytes, piece->to);
}

// The contents of `wanted`, which lie below `base`.
Status copyAll(const SafeTensors &file, const std::vector<NamedTensor> &wanted, char *base,
               ThreadPool &pool) {
  std::vector<ReadPiece> pieces;
  for (const NamedTensor &tensor : wanted) {
    char *to = base + (static_cast<const char *>(tensor.data) - base);
    int64_t bytes = tensor.shape.bytes();
    for (int64_t at = 0; at < bytes; at += kPieceBytes)
      pieces.push_back({&file.tensors().at(tensor.name), at, std::min(kPieceBytes, bytes - at), to + at, {}});
  }
  void *arguments[] = {const_cast<SafeTensors *>(&file), pieces.data()};
  pool.run(readPieces, arguments, static_cast<int64_t>(pieces.size()), 1);
  for (const ReadPiece &piece : pieces)
    if (!piece.status)
      return piece.status;
  return {};
}

} // namespace

std::vector<NamedTensor> unstack(const State &state, const char *base) {
  size_t stacked = std::min(starsIn(state.path), state.shape.sizes.size());
  Shape shape = unstackedShape(state);
  std::vector<NamedTensor> tensors;
  std::vector<int64_t> indices(stacked, 0);
  int64_t count = 1;
  for (size_t i = 0; i < stacked; ++i)
    count *= state.shape.sizes[i];
  const char *data = base + state.offset;
  for (int64_t n = 0; n < count; ++n, data += shape.bytes()) {
    int64_t rest = n;
    for (size_t i = stacked; i-- > 0; rest /= state.shape.sizes[i])
      indices[i] = rest % state.shape.sizes[i];
    tensors.push_back({indexed(state.path, indices), shape, data});
  }
  return tensors;
}

std::string layoutHash(const Program &program) {
  uint64_t hash = 0xcbf29ce484222325; // FNV-1a
  auto add = [&](const std::string &text) {
    for (unsigned char c : text)
      hash = (hash ^ c) * 0x100000001b3;
    hash = (hash ^ 0xff) * 0x100000001b3;
  };
  for (const State &state : program.states) {
    add(state.path);
    add(nameOf(state.shape.type));
    for (int64_t size : state.shape.sizes)
      add(std::to_string(size));
  }
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

Status saveState(const std::string &path, const Program &program, const char *base) {
  nlohmann::ordered_json axes = nlohmann::ordered_json::object();
  for (const State &state : program.states)
    if (Shape shape = unstackedShape(state); !shape.axes.empty())
      axes[state.path] = shape.axes;
  std::map<std::string, std::string> metadata = {
      {"format", "cleave"},
      {"version", kVersion},
      {"step", std::to_string(counterOf(program, base, "step"))},
      {"seed", std::to_string(counterOf(program, base, "seed"))},
      {"layout", layoutHash(program)},
      {"axes", axes.dump()},
  };
  return writeSafeTensors(path, allTensors(program, base), metadata);
}

Status loadState(const std::string &path, const Program &program, char *base, ThreadPool &pool) {
  Result<SafeTensors> file = SafeTensors::open(path);
  if (!file)
    return file.error();
  if (Status status = checkMetadata(path, *file); !status)
    return status;
  std::vector<NamedTensor> wanted = allTensors(program, base);
  std::vector<std::string> absent;
  std::map<std::string, NamedTensor> unexpected = file->tensors();
  for (const NamedTensor &tensor : wanted)
    if (unexpected.erase(tensor.name) == 0)
      absent.push_back(tensor.name);
  if (!absent.empty())
    return missing(path, absent, *file);
  if (!unexpected.empty()) {
    std::vector<std::string> names;
    for (const auto &[name, tensor] : unexpected)
      names.push_back(name);
    return Error{"E608",
                 "a saved state must hold nothing but states of the program, found " +
                     std::to_string(names.size()) + " unexpected in '" + path + "': " + listText(names),
                 "",
                 {},
                 "was it saved by another program, or with other axis sizes?"};
  }
  for (const NamedTensor &tensor : wanted) {
    const Shape &found = file->tensors().at(tensor.name).shape;
    if (found.type != tensor.shape.type || found.sizes != tensor.shape.sizes)
      return Error{"E609",
                   "a saved tensor must have the state's type and shape, found " + toString(found) +
                       " where '" + tensor.name + "' is " + toString(tensor.shape) + ", in '" + path + "'",
                   "",
                   {},
                   "axis sizes must be those of the run that saved it (--set)"};
  }
  return copyAll(*file, wanted, base, pool);
}

} // namespace cleave::rt
