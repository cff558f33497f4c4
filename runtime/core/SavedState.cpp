#include "runtime/core/SavedState.h"

#include "runtime/core/Blocks.h"
#include "runtime/core/Paths.h"
#include "runtime/core/Text.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

namespace cleave::rt {

namespace {

constexpr char kVersion[] = "1";
constexpr char kNowhere[1] = {}; // a base for those who ask for names and shapes alone

size_t stackedOf(const State &state) {
  return std::min(layersOf(state.path).size(), state.shape.sizes.size());
}

Shape withoutStacked(Shape shape, size_t stacked) {
  shape.sizes.erase(shape.sizes.begin(), shape.sizes.begin() + stacked);
  if (shape.axes.size() >= stacked)
    shape.axes.erase(shape.axes.begin(), shape.axes.begin() + stacked);
  return shape;
}

// Of one tensor of the stack, as a rank has it.
Shape unstackedShape(const State &state) { return withoutStacked(state.shape, stackedOf(state)); }

// Of the whole of it, and how ranks share it.
Shape unstackedWhole(const State &state) {
  return withoutStacked(wholeOf(state.shape, state.split), stackedOf(state));
}
Split unstackedSplit(const State &state) {
  Split split = state.split;
  if (split.dims.empty())
    return split;
  split.dims.erase(split.dims.begin(), split.dims.begin() + stackedOf(state));
  split.global = unstackedWhole(state);
  return split;
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

// One tensor of the file and what holds it.
struct Saved {
  NamedTensor tensor; // name and shape of the whole; where this rank has its part
  const State *state;
  int64_t inState; // bytes from where the state begins on a rank
};

std::vector<Saved> allTensors(const Program &program, const char *base) {
  std::vector<Saved> all;
  for (const State &state : program.states)
    for (NamedTensor &tensor : unstack(state, base)) {
      int64_t inState = static_cast<const char *>(tensor.data) - (base + state.offset);
      tensor.shape = unstackedWhole(state);
      all.push_back({std::move(tensor), &state, inState});
    }
  return all;
}

//===-- Tensors that ranks share ----------------------------------------===//

// A tensor of which each rank has a block.
class SharedTensor {
public:
  // `states` has each rank's of the same path; `inState`: see Saved.
  SharedTensor(const std::vector<StateHolder> &ranks, size_t state, size_t number) {
    const Mesh &mesh = ranks[0].program->mesh;
    const State &first = ranks[0].program->states[state];
    whole = unstackedWhole(first);
    Split split = unstackedSplit(first);
    for (size_t i = 0; i < split.dims.size(); ++i)
      if (!split.dims[i].over.empty())
        last = i;
    cuts.resize(split.dims.size());
    for (size_t i = 0; i < cuts.size(); ++i)
      for (int64_t member = 0; member < membersOf(split.dims[i].over); ++member)
        cuts[i].push_back(blockOf(whole.sizes[i], split.dims[i], member));
    int64_t all = 1;
    for (const std::vector<Block> &cut : cuts)
      all *= static_cast<int64_t>(cut.size());
    owners.resize(all);
    for (const StateHolder &holder : ranks) {
      int64_t at = 0;
      for (size_t i = 0; i < cuts.size(); ++i)
        at = at * static_cast<int64_t>(cuts[i].size()) + memberOf(mesh, split.dims[i].over, holder.rank);
      const State &mine = holder.program->states[state];
      if (owners[at].rank < 0)
        owners[at] = {holder.rank, !holder.base
                                       ? nullptr
                                       : holder.base + mine.offset +
                                             static_cast<int64_t>(number) * unstackedShape(mine).bytes()};
    }
  }

  // The runs of the whole in order, each a rank's: where they lie, or null where it is in another process.
  // Stops when one is not taken.
  using Take = std::function<bool(int64_t rank, const char *data, int64_t bytes)>;
  void eachRun(const Take &take) const {
    int64_t rows = 1;
    for (size_t i = 0; i < last; ++i)
      rows *= whole.sizes[i];
    std::vector<int64_t> index(last);
    for (int64_t row = 0; row < rows; ++row) {
      int64_t rest = row;
      for (size_t i = last; i-- > 0; rest /= whole.sizes[i])
        index[i] = rest % whole.sizes[i];
      for (size_t member = 0; member < cuts[last].size(); ++member)
        if (!takeRun(index, member, take))
          return;
    }
  }

private:
  // The elements of a member's block of dim `last`, with all that is behind them.
  bool takeRun(const std::vector<int64_t> &index, size_t member, const Take &take) const {
    int64_t at = 0, offset = 0;
    for (size_t i = 0; i < cuts.size(); ++i) {
      size_t cut = i < last ? cutOf(i, index[i]) : i == last ? member : 0;
      const Block &block = cuts[i][cut];
      at = at * static_cast<int64_t>(cuts[i].size()) + static_cast<int64_t>(cut);
      offset = offset * block.local + (i < last ? index[i] - block.begin : 0);
    }
    int64_t bytes = cuts[last][member].size * sizeOf(whole.type);
    for (size_t i = last + 1; i < whole.sizes.size(); ++i)
      bytes *= whole.sizes[i];
    const Owner &owner = owners[at];
    return bytes == 0 ||
           take(owner.rank, owner.begin ? owner.begin + offset * sizeOf(whole.type) : nullptr, bytes);
  }

  size_t cutOf(size_t dim, int64_t index) const {
    size_t cut = 0;
    while (index >= cuts[dim][cut].begin + cuts[dim][cut].size)
      ++cut;
    return cut;
  }

  Shape whole;
  size_t last = 0;                      // the last dim that is cut
  std::vector<std::vector<Block>> cuts; // by dim and member
  struct Owner {
    int64_t rank = -1;
    const char *begin = nullptr; // of its part
  };
  std::vector<Owner> owners; // by members of all dims, row-major
};

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
  std::vector<Block> blocks; // of a tensor that is cut otherwise than in its first dim
  Status status;
};

void readPieces(void *const *arguments, int64_t begin, int64_t end) {
  auto *file = static_cast<const SafeTensors *>(arguments[0]);
  auto *pieces = static_cast<ReadPiece *>(arguments[1]);
  for (ReadPiece *piece = pieces + begin; piece != pieces + end; ++piece) {
    if (piece->blocks.empty()) {
      piece->status = file->read(*piece->tensor, piece->offset, piece->bytes, piece->to);
      continue;
    }
    copyToBlock(piece->tensor->shape, piece->blocks, piece->tensor->data, piece->to);
    file->release(*piece->tensor);
  }
}

// Whether blocks are one run of bytes of the whole, and none of padding.
bool areTogether(const std::vector<Block> &blocks, const Shape &whole) {
  for (size_t i = 1; i < blocks.size(); ++i)
    if (blocks[i].size != whole.sizes[i])
      return false;
  return !hasPadding(blocks);
}

void addPieces(const NamedTensor &inFile, const std::vector<Block> &blocks, char *to,
               std::vector<ReadPiece> &pieces) {
  if (!areTogether(blocks, inFile.shape)) {
    pieces.push_back({&inFile, 0, 0, to, blocks, {}});
    return;
  }
  int64_t row = sizeOf(inFile.shape.type);
  for (size_t i = 1; i < blocks.size(); ++i)
    row *= blocks[i].size;
  int64_t begin = blocks.empty() ? 0 : blocks[0].begin * row;
  int64_t bytes = blocks.empty() ? row : blocks[0].size * row;
  for (int64_t at = 0; at < bytes; at += kPieceBytes)
    pieces.push_back({&inFile, begin + at, std::min(kPieceBytes, bytes - at), to + at, {}, {}});
}

} // namespace

std::vector<NamedTensor> unstack(const State &state, const char *base) {
  size_t stacked = stackedOf(state);
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
    tensors.push_back({layerAt(state.path, indices), shape, data});
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
  // In an order that does not depend on which layers of a repeat are kept together.
  std::map<std::string, Shape> tensors;
  for (const Saved &saved : allTensors(program, kNowhere))
    tensors.emplace(saved.tensor.name, saved.tensor.shape);
  for (const auto &[name, shape] : tensors) {
    add(name);
    add(nameOf(shape.type));
    for (int64_t size : shape.sizes)
      add(std::to_string(size));
  }
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

Status saveState(const std::string &path, const Program &program, const char *base) {
  return saveState(path, std::vector<StateHolder>{{&program, base, 0}});
}

static SharedTensor sharedTensor(const std::vector<StateHolder> &ranks, const Saved &saved) {
  int64_t bytes = unstackedShape(*saved.state).bytes();
  return SharedTensor(ranks, saved.state - ranks[0].program->states.data(),
                      bytes == 0 ? 0 : saved.inState / bytes);
}

void streamState(const std::vector<StateHolder> &ranks, const StatePush &push) {
  bool goOn = true;
  for (const Saved &saved : allTensors(*ranks[0].program, kNowhere)) {
    if (saved.state->split.dims.empty()) // rank 0 has it
      continue;
    sharedTensor(ranks, saved).eachRun([&](int64_t, const char *data, int64_t bytes) {
      return goOn = !data || push(data, bytes);
    });
    if (!goOn)
      return;
  }
}

Status saveState(const std::string &path, const std::vector<StateHolder> &ranks, const StatePull &pull) {
  const Program &program = *ranks[0].program;
  const char *base = ranks[0].base;
  nlohmann::ordered_json axes = nlohmann::ordered_json::object();
  for (const State &state : program.states)
    if (Shape shape = unstackedShape(state); !shape.axes.empty())
      axes[withAllLayers(state.path)] = shape.axes;
  std::map<std::string, std::string> metadata = {
      {"format", "cleave"},
      {"version", kVersion},
      {"step", std::to_string(counterOf(program, base, "step"))},
      {"seed", std::to_string(counterOf(program, base, "seed"))},
      {"layout", layoutHash(program)},
      {"axes", axes.dump()},
  };
  if (!program.plan.empty())
    metadata["plan"] = program.plan + " " + program.planHash;
  std::vector<Saved> all = allTensors(program, base);
  std::vector<NamedTensor> tensors;
  for (const Saved &saved : all)
    tensors.push_back(saved.tensor);
  return writeSafeTensors(path, tensors, metadata, [&](size_t tensor, PieceWriter &writer) {
    const Saved &saved = all[tensor];
    if (saved.state->split.dims.empty()) {
      writer.write(saved.tensor.data, saved.tensor.shape.bytes());
      return;
    }
    sharedTensor(ranks, saved).eachRun([&](int64_t rank, const char *data, int64_t size) {
      return data ? writer.write(data, size) : pull(rank, size, writer);
    });
  });
}

Result<StateFile> StateFile::open(const std::string &path, const Program &program) {
  Result<SafeTensors> file = SafeTensors::open(path);
  if (!file)
    return file.error();
  if (Status status = checkMetadata(path, *file); !status)
    return status.error();
  std::vector<NamedTensor> wanted;
  for (Saved &saved : allTensors(program, kNowhere))
    wanted.push_back(std::move(saved.tensor));
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
  return StateFile(std::move(*file));
}

Status StateFile::read(const Program &program, int64_t rank, char *base, ThreadPool &pool) const {
  std::vector<ReadPiece> pieces;
  for (const Saved &saved : allTensors(program, base)) {
    const State &state = *saved.state;
    std::vector<Block> blocks = blocksOf(program.mesh, unstackedShape(state), unstackedSplit(state), rank);
    addPieces(file.tensors().at(saved.tensor.name), blocks, base + state.offset + saved.inState, pieces);
  }
  void *arguments[] = {const_cast<SafeTensors *>(&file), pieces.data()};
  pool.run(readPieces, arguments, static_cast<int64_t>(pieces.size()), 1);
  for (const ReadPiece &piece : pieces)
    if (!piece.status)
      return piece.status;
  return {};
}

Status loadState(const std::string &path, const Program &program, char *base, ThreadPool &pool) {
  Result<StateFile> file = StateFile::open(path, program);
  return file ? file->read(program, 0, base, pool) : Status(file.error());
}

} // namespace cleave::rt
