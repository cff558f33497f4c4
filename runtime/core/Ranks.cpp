#include "runtime/core/Ranks.h"

#include "runtime/comm/local/Local.h"
#include "runtime/core/Blocks.h"
#include "runtime/core/Footprint.h"
#include "runtime/core/Ports.h"
#include "runtime/core/SavedState.h"
#include "runtime/core/Text.h"

#include <algorithm>
#include <cstring>

namespace cleave::rt {

namespace {

constexpr int64_t kRanksPerProcessor = 8; // each is a thread at least

Error wrongRanks(const std::string &found, const Mesh &mesh) {
  return {"E715",
          "a program must be started with the ranks of its mesh, found " + found + " where it has " +
              toString(mesh),
          "",
          {},
          ""};
}

} // namespace

Ranks::~Ranks() {
  if (!stuck)
    return;
  // A rank is at work on what it has, for all that is known: that stays.
  struct Left {
    std::vector<std::unique_ptr<Communicator>> ends;
    std::vector<std::unique_ptr<Instance>> instances;
    std::unique_ptr<Crew> crew;
  };
  new Left{std::move(ends), std::move(instances), std::move(crew)};
}

Result<std::unique_ptr<Ranks>> Ranks::create(std::vector<std::shared_ptr<const Program>> classes,
                                             std::vector<uint32_t> classOf, std::shared_ptr<void> code,
                                             RanksOptions options, RanksPart part) {
  const Mesh &mesh = classes[0]->mesh;
  int64_t count = mesh.ranks();
  int64_t most = options.mostRanks > 0 ? options.mostRanks : kRanksPerProcessor * processorCount();
  if (count > most && part.ends.empty())
    return Error{"E715",
                 "the ranks of a mesh are started in this process, at most " + std::to_string(most) +
                     ", found " + std::to_string(count) + " in " + toString(mesh),
                 "",
                 {},
                 "make the mesh smaller with --mesh, or allow more with --most-ranks"};
  if (classOf.empty())
    classOf.assign(count, 0);
  if (static_cast<int64_t>(classOf.size()) != count)
    return wrongRanks(std::to_string(classOf.size()), mesh);
  for (uint32_t number : classOf)
    if (number >= classes.size() || classes[number]->mesh.ranks() != count)
      return wrongRanks("a rank of a program with another mesh", mesh);
  int64_t available = options.memoryLimit == 0 ? availableMemory() : options.memoryLimit;
  int64_t sharing = part.ends.empty() ? count : std::max<int64_t>(1, part.onMachine);
  for (const std::shared_ptr<const Program> &program : classes)
    if (Status status = checkFootprint(*program, available < 0 ? available : available / sharing); !status)
      return status.error();
  std::unique_ptr<Ranks> made(new Ranks());
  if (Status status = made->make(classes, classOf, code, options, std::move(part)); !status)
    return status.error();
  return made;
}

// Every rank makes its own instance, so that its memory is near its threads.
Status Ranks::make(const std::vector<std::shared_ptr<const Program>> &classes,
                   const std::vector<uint32_t> &classOf, const std::shared_ptr<void> &code,
                   const RanksOptions &options, RanksPart part) {
  whole = programOfWhole(*classes[0]);
  timeoutSeconds = options.timeoutSeconds;
  firstRank = part.first;
  ends = std::move(part.ends);
  auto count = static_cast<int64_t>(ends.empty() ? classOf.size() : ends.size());
  int threads = options.threadsPerRank > 0
                    ? options.threadsPerRank
                    : std::max(1, processorCount() / static_cast<int>(std::min<int64_t>(count, 1 << 16)));
  bool hasFree = count > 1 && count * (threads + 1) <= processorCount();
  if (ends.empty())
    ends = makeLocal(count, {options.timeoutSeconds, hasFree || options.slowLinks});
  instances.resize(count);
  crew = std::make_unique<Crew>(count, options.pinThreads ? threads : 0);
  return each([&](int64_t rank) -> Status {
    InstanceOptions own;
    own.threads = threads;
    own.pinThreads = options.pinThreads;
    own.allowNonFinite = options.allowNonFinite;
    own.profile = options.profile && firstRank + rank == 0;
    own.trace = options.trace;
    own.slowLinks = options.slowLinks;
    own.memoryLimit = -1; // asked for all of them
    own.communicator = ends[rank].get();
    own.print = firstRank + rank == 0 ? options.print : [](const std::string &) {};
    Result<std::unique_ptr<Instance>> instance =
        Instance::create(classes[classOf[firstRank + rank]], code, own);
    if (!instance)
      return instance.error();
    instances[rank] = std::move(*instance);
    return {};
  });
}

Status Ranks::initialise(int64_t seed) {
  return each([this, seed](int64_t rank) { return instances[rank]->initialise(seed); }, /*watched=*/true);
}

Status Ranks::prepare(int entry) {
  return each([&](int64_t rank) { return instances[rank]->prepare(entry); });
}

Status Ranks::run(int entry) {
  auto first = std::pair(entry, 0), end = std::pair(entry + 1, 0);
  auto job = [this, entry, first, end](int64_t rank) -> Status { // by value: a rank may be left behind
    for (auto it = boundInputs.lower_bound(first); it != boundInputs.lower_bound(end); ++it)
      if (Status given = giveInput(rank, entry, it->first.second, it->second); !given)
        return given;
    return instances[rank]->run(entry);
  };
  Status status = each(job, /*watched=*/true);
  for (auto it = boundOutputs.lower_bound(first); status && it != boundOutputs.lower_bound(end); ++it) {
    Result<TensorView> value = output(entry, whole.entries[entry].outputs[it->first.second].name);
    if (!value)
      return value.error();
    std::memcpy(it->second, value->data, value->shape.bytes());
  }
  return status;
}

Status Ranks::setInput(int entry, const std::string &input, const void *data, int64_t bytes) {
  Result<int> at = instances[0]->findInput(entry, input);
  if (!at)
    return at.error();
  const Shape &shape = whole.entries[entry].inputs[*at].shape;
  if (shape.bytes() != bytes)
    return wrongSize("input", input, shape, bytes);
  boundInputs.erase({entry, *at});
  return each([&](int64_t rank) { return giveInput(rank, entry, *at, data); });
}

Status Ranks::giveInput(int64_t rank, int entry, int input, const void *data) {
  const Port &port = programOf(rank).entries[entry].inputs[input];
  const Shape &shape = whole.entries[entry].inputs[input].shape;
  if (port.split.dims.empty())
    return instances[rank]->setInput(entry, port.name, data, shape.bytes());
  std::vector<char> mine(port.shape.bytes());
  copyToBlock(shape, blocksOf(whole.mesh, port.shape, port.split, firstRank + rank), data, mine.data());
  return instances[rank]->setInput(entry, port.name, mine.data(), port.shape.bytes());
}

Status Ranks::bindInput(int entry, const std::string &input, void *data, int64_t bytes) {
  Status status = setInput(entry, input, data, bytes); // it has a value from now on
  if (status)
    boundInputs[{entry, *findInput(entry, input)}] = data;
  return status;
}

Status Ranks::bindOutput(int entry, const std::string &output, void *data, int64_t bytes) {
  Result<int> at = findOutput(entry, output);
  if (!at)
    return at.error();
  const Shape &shape = whole.entries[entry].outputs[*at].shape;
  if (shape.bytes() != bytes)
    return wrongSize("output", output, shape, bytes);
  boundOutputs[{entry, *at}] = data;
  return {};
}

Status Ranks::unbindInput(int entry, int input) {
  boundInputs.erase({entry, input});
  return each([&](int64_t rank) { return instances[rank]->unbindInput(entry, input); });
}

Status Ranks::unbindOutput(int entry, int output) {
  boundOutputs.erase({entry, output});
  return {};
}

static Error noMemory(const std::string &key, const Shape &shape) {
  return {"E702",
          "memory must be had for '" + key + "', found none left for " + bytesText(shape.bytes()),
          "",
          {},
          ""};
}

// What ranks hold together. Ranks that have the same block say the same.
Result<TensorView> Ranks::gather(const std::string &key, const Shape &local, const Split &split,
                                 const Local &valueOf) const {
  if (split.dims.empty())
    return valueOf(0);
  Memory &memory = gathered[key];
  const Shape &shape = split.global;
  if (!memory.data())
    memory = Memory(shape.bytes());
  if (!memory.data())
    return noMemory(key, shape);
  for (int64_t rank = 0; rank < ranks(); ++rank) {
    Result<TensorView> mine = valueOf(rank);
    if (!mine)
      return mine.error();
    copyFromBlock(shape, blocksOf(whole.mesh, local, split, firstRank + rank), mine->data, memory.data());
  }
  return TensorView{shape, memory.data()};
}

Result<TensorView> Ranks::join(const std::string &key, const std::vector<Part> &parts,
                               const std::function<Result<TensorView>(const std::string &)> &partAt) const {
  Shape shape = joined(parts);
  Memory &memory = gathered[key];
  if (!memory.data())
    memory = Memory(shape.bytes());
  if (!memory.data())
    return noMemory(key, shape);
  for (const Part &part : parts) {
    Result<TensorView> view = partAt(part.path);
    if (!view)
      return view.error();
    copyIn(shape, part, view->data, memory.data());
  }
  return TensorView{shape, memory.data()};
}

std::vector<Part> Ranks::partsOfState(const std::string &path) const {
  std::vector<Part> all;
  for (const State &state : whole.states)
    all.push_back({state.path, state.shape});
  return partsOf(all, path);
}

Result<TensorView> Ranks::output(int entry, const std::string &name) const {
  std::vector<Part> outputs;
  for (const Port &port : whole.entries[entry].outputs)
    outputs.push_back({port.name, port.shape});
  if (std::vector<Part> parts = partsOf(outputs, name); !parts.empty())
    return join("output " + std::to_string(entry) + " " + name, parts,
                [&](const std::string &part) { return output(entry, part); });
  Result<int> at = instances[0]->findOutput(entry, name);
  if (!at)
    return at.error();
  const Port &port = programOf(0).entries[entry].outputs[*at];
  return gather("output " + std::to_string(entry) + " " + name, port.shape, port.split,
                [&](int64_t rank) { return std::as_const(*instances[rank]).output(entry, name); });
}

Result<TensorView> Ranks::input(int entry, const std::string &name) const {
  Result<int> at = instances[0]->findInput(entry, name);
  if (!at)
    return at.error();
  const Port &port = programOf(0).entries[entry].inputs[*at];
  return gather("input " + std::to_string(entry) + " " + name, port.shape, port.split,
                [&](int64_t rank) { return std::as_const(*instances[rank]).input(entry, name); });
}

static constexpr char kNowhere[1] = {}; // names and shapes are asked for alone

std::optional<LocalShape> localShapeOf(const Program &program, const std::string &path) {
  for (const State &state : program.states) {
    LocalShape found = {state.shape, state.split};
    for (const NamedTensor &tensor : unstack(state, kNowhere)) {
      if (tensor.name != path)
        continue;
      found.shape = tensor.shape;
      if (Split &split = found.split; !split.dims.empty()) {
        size_t stacked = state.shape.sizes.size() - tensor.shape.sizes.size();
        split.dims.erase(split.dims.begin(), split.dims.begin() + stacked);
        Shape &global = split.global;
        global.sizes.erase(global.sizes.begin(), global.sizes.begin() + stacked);
        if (global.axes.size() >= stacked)
          global.axes.erase(global.axes.begin(), global.axes.begin() + stacked);
      }
      return found;
    }
    if (state.path == path)
      return found;
  }
  return std::nullopt;
}

Result<TensorView> Ranks::state(const std::string &path) const {
  if (std::vector<Part> parts = partsOfState(path); !parts.empty())
    return join("state " + path, parts, [&](const std::string &part) { return state(part); });
  Result<TensorView> one = instances[0]->state(path);
  std::optional<LocalShape> local = localShapeOf(programOf(0), path);
  if (!one || !local)
    return one;
  return gather("state " + path, one->shape, local->split,
                [&](int64_t rank) { return instances[rank]->state(path); });
}

Status Ranks::setState(const std::string &path, const void *data, int64_t bytes) {
  if (std::vector<Part> parts = partsOfState(path); !parts.empty()) {
    Shape stack = joined(parts);
    if (stack.bytes() != bytes)
      return wrongSize("state", path, stack, bytes);
    for (const Part &part : parts) {
      std::vector<char> own(part.shape.bytes());
      copyOut(stack, part, data, own.data());
      if (Status status = setState(part.path, own.data(), part.shape.bytes()); !status)
        return status;
    }
    return {};
  }
  Result<TensorView> one = instances[0]->state(path);
  if (!one)
    return one.error();
  Split split = localShapeOf(programOf(0), path)->split;
  const Shape &shape = wholeOf(one->shape, split);
  if (shape.bytes() != bytes)
    return wrongSize("state", path, shape, bytes);
  return each([&](int64_t rank) -> Status {
    Result<TensorView> mine = instances[rank]->state(path);
    if (!mine)
      return mine.error();
    copyToBlock(shape, blocksOf(whole.mesh, mine->shape, split, firstRank + rank), data, mine->data);
    return {};
  });
}

Status Ranks::save(const std::string &path) const {
  std::vector<StateHolder> holders;
  for (int64_t rank = 0; rank < ranks(); ++rank)
    holders.push_back({&programOf(rank), instances[rank]->stateData(), firstRank + rank});
  return saveState(path, holders);
}

Status Ranks::load(const std::string &path) {
  Result<StateFile> file = StateFile::open(path, programOf(0));
  if (!file)
    return file.error();
  return each([&](int64_t rank) { return instances[rank]->load(*file); });
}

Status Ranks::loadWeights(const std::string &path, const std::string &name) {
  return each([&](int64_t rank) { return instances[rank]->loadWeights(path, name); });
}

std::vector<RankTrace> Ranks::traces(int entry) const {
  std::vector<RankTrace> all;
  if (isStuck()) // it may go on writing
    return all;
  for (const std::unique_ptr<Instance> &instance : instances)
    for (RankTrace one : instance->traces(entry)) {
      one.rank = firstRank + (&instance - instances.data());
      all.push_back(one);
    }
  return all;
}

void Ranks::clearTraffic() {
  for (std::unique_ptr<Communicator> &end : ends)
    end->clearTraffic();
}

} // namespace cleave::rt
