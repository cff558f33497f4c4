#include "runtime/core/Weights.h"

#include "runtime/core/Blocks.h"
#include "runtime/core/Convert.h"
#include "runtime/core/Paths.h"
#include "runtime/core/Text.h"
#include "runtime/core/WeightFiles.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <algorithm>
#include <set>

namespace cleave::rt {

namespace {

constexpr int64_t kTaskElements = int64_t(1) << 18;

// A part of a state that lies in one tensor of the files.
struct Piece {
  const State *state = nullptr;
  const WeightSource *source = nullptr;
  std::string name;             // of the tensor
  std::vector<int64_t> first;   // by dim of the state: of its layers, where it has some of a repeat's
  std::vector<int64_t> indices; // by dim of the whole stack: what the name says, or kAll
  std::vector<int64_t> steps;   // by dim of the state: from one index to the next in the tensor, in elements
};

constexpr int64_t kAll = -1; // the tensor holds every index

// What a rank copies of a piece. Nothing where a size is 0.
struct LocalPiece {
  const Piece *piece = nullptr;
  int64_t to = 0, from = 0;  // in elements, from where the rank's state and the tensor begin
  std::vector<CopyDim> dims; // of those that the name does not say
};

LocalPiece localPiece(const Piece &piece, const Mesh &mesh, int64_t rank) {
  std::vector<Block> blocks = blocksOf(mesh, piece.state->shape, piece.state->split, rank);
  LocalPiece mine = {&piece, 0, 0, {}};
  int64_t fileStep = 1, step = 1;
  for (size_t d = piece.source->sizes.size(); d-- > 0; fileStep *= piece.source->sizes[d])
    mine.from += fileStep * piece.source->positions[d].offset;
  for (size_t k = blocks.size(); k-- > 0; step *= blocks[k].local) {
    const Block &block = blocks[k];
    if (piece.indices[k] == kAll) {
      mine.from += (piece.first[k] + block.begin) * piece.steps[k];
      mine.dims.insert(mine.dims.begin(), {block.size, step, piece.steps[k]});
      continue;
    }
    int64_t index = piece.indices[k] - piece.first[k] - block.begin;
    if (index < 0 || index >= block.size)
      mine.dims.insert(mine.dims.begin(), {0, 0, 0});
    mine.to += index * step;
  }
  return mine;
}

// Which dims of the state stand in the name, "h.{0}.weight".
std::vector<size_t> dimsOfName(const std::string &name) {
  std::vector<size_t> dims;
  for (size_t open = name.find('{'); open != std::string::npos; open = name.find('{', open + 1))
    dims.push_back(std::strtoul(name.c_str() + open + 1, nullptr, 10));
  return dims;
}

std::string expanded(const std::string &name, const std::vector<int64_t> &indices) {
  std::string result;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '{') {
      result += name[i];
      continue;
    }
    size_t close = name.find('}', i);
    result += std::to_string(indices[std::strtoul(name.c_str() + i + 1, nullptr, 10)]);
    i = close;
  }
  return result;
}

bool matches(const std::string &pattern, const std::string &name, size_t p = 0, size_t n = 0) {
  size_t star = std::string::npos, mark = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string::npos) {
      p = star + 1;
      n = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

// Work of one thread: part of a piece, cut along its first dim.
struct Task {
  const LocalPiece *piece = nullptr;
  const NamedTensor *tensor = nullptr;
  int64_t begin = 0, end = 0;
};

class Loader {
public:
  Loader(const std::string &path, const WeightMap &map, const Program &program, const WeightFiles &files)
      : path(path), map(map), program(program), files(files) {}
  Status match();
  void copy(char *base, int64_t rank, ThreadPool &pool) const;

private:
  std::vector<Piece> expand(const Weight &weight, const WeightSource &source) const;
  std::vector<Piece> expand(const State &state, const WeightSource &source) const;
  std::vector<Piece> choose(const Weight &weight) const;
  void choosePrefix();
  bool isIgnored(const std::string &name) const;
  Status compareNames() const;
  Status checkTensor(const Piece &piece) const;
  static void runTasks(void *const *arguments, int64_t begin, int64_t end);

  const std::string &path;
  const WeightMap &map;
  const Program &program;
  const WeightFiles &files;
  std::string prefix;
  std::vector<Piece> pieces; // in the order of the rows
};

std::vector<Piece> Loader::expand(const Weight &weight, const WeightSource &source) const {
  std::vector<Piece> result;
  for (const State &state : program.states) // several where a plan keeps a stack in parts
    if (withAllLayers(state.path) == weight.path)
      for (Piece &piece : expand(state, source))
        result.push_back(std::move(piece));
  return result;
}

// One piece per tensor that the name stands for.
std::vector<Piece> Loader::expand(const State &state, const WeightSource &source) const {
  const std::vector<int64_t> &sizes = wholeOf(state.shape, state.split).sizes;
  std::vector<size_t> named = dimsOfName(source.name);
  Piece piece;
  piece.state = &state;
  piece.source = &source;
  piece.steps.resize(sizes.size());
  int64_t fileStep = 1;
  for (size_t d = source.sizes.size(); d-- > 0; fileStep *= source.sizes[d])
    for (size_t k = 0; k < sizes.size(); ++k)
      piece.steps[k] += fileStep * source.positions[d].strides[k];
  piece.indices.assign(sizes.size(), kAll);
  piece.first.assign(sizes.size(), 0);
  std::vector<Layers> layers = layersOf(state.path);
  for (size_t k = 0; k < std::min(layers.size(), sizes.size()); ++k)
    piece.first[k] = layers[k].begin;
  int64_t count = 1;
  for (size_t k : named) {
    piece.indices[k] = piece.first[k];
    count *= sizes[k];
  }
  std::vector<Piece> result;
  for (int64_t n = 0; n < count; ++n) {
    piece.name = prefix + expanded(source.name, piece.indices);
    result.push_back(piece);
    for (size_t i = named.size(); i-- > 0;) {
      size_t k = named[i];
      if (++piece.indices[k] < piece.first[k] + sizes[k])
        break;
      piece.indices[k] = piece.first[k];
    }
  }
  return result;
}

// The alternative of which most is there; of equal ones the first.
std::vector<Piece> Loader::choose(const Weight &weight) const {
  std::vector<Piece> best;
  int64_t most = -1;
  for (const WeightSource &source : weight.sources) {
    std::vector<Piece> candidate = expand(weight, source);
    int64_t found = std::count_if(candidate.begin(), candidate.end(),
                                  [&](const Piece &piece) { return files.find(piece.name); });
    if (found <= most)
      continue;
    most = found;
    best = std::move(candidate);
  }
  return best;
}

void Loader::choosePrefix() {
  int64_t most = -1;
  std::string best;
  for (const std::string &candidate : map.prefixes) {
    prefix = candidate;
    int64_t found = 0;
    for (const Weight &weight : map.weights)
      for (const Piece &piece : choose(weight))
        found += files.find(piece.name) != nullptr;
    if (found > most)
      best = candidate;
    most = std::max(most, found);
  }
  prefix = best;
}

bool Loader::isIgnored(const std::string &name) const {
  bool prefixed = name.compare(0, prefix.size(), prefix) == 0;
  return std::any_of(map.ignored.begin(), map.ignored.end(), [&](const std::string &pattern) {
    return matches(pattern, name) || (prefixed && matches(pattern, name, 0, prefix.size()));
  });
}

// What one side has and the other has not, the nearest pairs first.
Status Loader::compareNames() const {
  std::set<std::string> wanted, unread;
  std::map<std::string, const State *> users;
  for (const std::string &name : files.names())
    if (!isIgnored(name))
      unread.insert(name);
  for (const Piece &piece : pieces) {
    unread.erase(piece.name);
    if (!files.find(piece.name)) {
      wanted.insert(piece.name);
      users.try_emplace(piece.name, piece.state);
    }
  }
  if (wanted.empty() && unread.empty())
    return {};
  Error error = {"E614",
                 "a weight file holds the tensors that the program's weights name, found " +
                     std::to_string(wanted.size()) + " missing and " + std::to_string(unread.size()) +
                     " that nothing reads in '" + path + "'",
                 map.location,
                 {},
                 ""};
  for (const NamePair &pair : nearestPairs({wanted.begin(), wanted.end()}, {unread.begin(), unread.end()}))
    error.notes.push_back("'" + pair.first + "' is wanted for " + users[pair.first]->path +
                          (pair.second.empty() ? "" : ", and nothing reads '" + pair.second + "'"));
  if (!unread.empty())
    error.notes.push_back("nothing reads " + listText({unread.begin(), unread.end()}, 8));
  if (wanted.empty())
    error.hint = "what a program does not need is named so: ignore \"" + *unread.begin() + "\"";
  return error;
}

Status Loader::checkTensor(const Piece &piece) const {
  const Shape &found = files.find(piece.name)->shape;
  Shape expected = {piece.state->shape.type, piece.source->sizes, {}};
  if (found.sizes != expected.sizes)
    return Error{"E615",
                 "a tensor must have the shape that the program's weights give it, found " + toString(found) +
                     " where '" + piece.name + "' for " + piece.state->path + " is " + toString(expected) +
                     ", in '" + path + "'",
                 map.location,
                 {},
                 "axis sizes must be those of the published model (--set)"};
  bool named = std::find(map.types.begin(), map.types.end(), found.type) != map.types.end();
  if (found.type == expected.type || (named && isConvertible(found.type, expected.type)))
    return {};
  std::string type = nameOf(found.type);
  return Error{"E616",
               "a tensor has the parameter's type or one that the weights are declared `from`, found " +
                   type + " where '" + piece.name + "' for " + piece.state->path + " is " +
                   nameOf(expected.type) + ", in '" + path + "'",
               map.location,
               {},
               isConvertible(found.type, expected.type)
                   ? "declare the conversion: weights " + map.name + " for " + map.object + " from " + type
                   : "no conversion is known"};
}

Status Loader::match() {
  choosePrefix();
  for (const Weight &weight : map.weights)
    for (Piece &piece : choose(weight))
      pieces.push_back(std::move(piece));
  if (Status status = compareNames(); !status)
    return status;
  for (const Piece &piece : pieces)
    if (Status status = checkTensor(piece); !status)
      return status;
  return {};
}

void Loader::runTasks(void *const *arguments, int64_t begin, int64_t end) {
  const auto &tasks = *static_cast<const std::vector<Task> *>(arguments[0]);
  auto *base = static_cast<char *>(arguments[1]);
  for (int64_t n = begin; n < end; ++n) {
    const Task &task = tasks[n];
    int64_t to = task.piece->to, from = task.piece->from;
    std::vector<CopyDim> dims = task.piece->dims;
    if (!dims.empty()) {
      to += task.begin * dims[0].to;
      from += task.begin * dims[0].from;
      dims[0].size = task.end - task.begin;
    }
    const State &state = *task.piece->piece->state;
    Type toType = state.shape.type, fromType = task.tensor->shape.type;
    copyStrided(toType, base + state.offset + to * sizeOf(toType), fromType,
                static_cast<const char *>(task.tensor->data) + from * sizeOf(fromType), std::move(dims));
  }
}

void Loader::copy(char *base, int64_t rank, ThreadPool &pool) const {
  for (const Piece &piece : pieces) {
    LocalPiece mine = localPiece(piece, program.mesh, rank);
    std::vector<Task> tasks;
    int64_t first = mine.dims.empty() ? 1 : mine.dims[0].size, rest = 1;
    for (size_t k = 1; k < mine.dims.size(); ++k)
      rest *= mine.dims[k].size;
    int64_t step = rest == 0 ? 0 : std::max<int64_t>(1, kTaskElements / rest);
    for (int64_t at = 0; at < first && rest > 0; at += step)
      tasks.push_back({&mine, files.find(piece.name), at, std::min(first, at + step)});
    void *arguments[] = {&tasks, base};
    pool.run(runTasks, arguments, static_cast<int64_t>(tasks.size()), 1);
    files.release(piece.name);
  }
}

Result<const WeightMap *> declaration(const std::string &name, const Program &program) {
  std::vector<std::string> names;
  for (const WeightMap &map : program.weights) {
    names.push_back(map.name);
    if (map.name == name || (name.empty() && program.weights.size() == 1))
      return &map;
  }
  Error error = {"E618", "", "", {}, ""};
  if (names.empty()) {
    error.message =
        "a program says where its parameters lie in published files (weights), found no such declaration";
  } else if (name.empty()) {
    error.message =
        "one declaration of weights is meant, found " + std::to_string(names.size()) + ": " + listText(names);
    error.hint = "say which: --weights " + names[0] + "=PATH";
  } else {
    error.message = "weights are read by a declaration of the program, found '" + name + "'";
    std::string near = nearest(name, names);
    error.hint = near.empty() ? "there are " + listText(names) : "did you mean '" + near + "'?";
  }
  return error;
}

} // namespace

Status loadWeights(const std::string &path, const std::string &name, const Program &program, char *base,
                   ThreadPool &pool, int64_t rank) {
  Result<const WeightMap *> map = declaration(name, program);
  if (!map)
    return map.error();
  Result<WeightFiles> files = WeightFiles::open(path);
  if (!files)
    return files.error();
  Loader loader(path, **map, program, *files);
  if (Status status = loader.match(); !status)
    return status;
  loader.copy(base, rank, pool);
  return {};
}

} // namespace cleave::rt
