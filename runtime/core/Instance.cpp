#include "runtime/core/Instance.h"

#include "runtime/comm/local/Local.h"
#include "runtime/core/Footprint.h"
#include "runtime/core/Ports.h"
#include "runtime/core/SavedState.h"
#include "runtime/core/Text.h"
#include "runtime/core/Verify.h"
#include "runtime/core/Weights.h"

#include <chrono>
#include <cstdio>
#include <cstring>

namespace cleave::rt {

namespace {

int64_t bytesOf(const std::vector<Port> &ports) {
  int64_t total = 0;
  for (const Port &port : ports)
    total += port.shape.bytes();
  return total;
}

Error tooLarge(const char *what, int64_t bytes) {
  return {"E702",
          std::string("memory must be had for the ") + what + ", found none left for " + bytesText(bytes),
          "",
          {},
          ""};
}

} // namespace

Instance::Instance(std::shared_ptr<const Program> program, std::shared_ptr<void> code, InstanceOptions given)
    : source(std::move(program)), code(std::move(code)), options(std::move(given)),
      pool(options.threads, options.pinThreads), runners(source->entries.size()) {
  if (!options.communicator) {
    alone = std::move(makeLocal(1)[0]);
    options.communicator = alone.get();
  }
  options.communicator->setThreads(&pool);
  if (options.slowLinks)
    options.communicator->slowDown();
  hooks.allowNonFinite = options.allowNonFinite;
  hooks.print = [this](const Instruction &print, void *const *values) {
    std::string line = printedLine(print, values);
    if (options.print)
      options.print(line);
    else
      std::printf("%s\n", line.c_str());
  };
}

Instance::~Instance() = default;

Result<std::unique_ptr<Instance>> Instance::create(std::shared_ptr<const Program> program,
                                                   std::shared_ptr<void> code, InstanceOptions options) {
  if (Status status = verify(*program); !status)
    return status.error();
  if (program->mesh.ranks() != (options.communicator ? options.communicator->ranks() : 1))
    return Error{"E715",
                 "a program must be started with the ranks of its mesh, found " +
                     (options.communicator ? std::to_string(options.communicator->ranks()) : "one") +
                     " where it has " + toString(program->mesh),
                 "",
                 {},
                 ""};
  Result<std::optional<Fault>> fault = faultFromEnvironment();
  if (!fault)
    return fault.error();
  int64_t limit = options.memoryLimit == 0 ? availableMemory() : options.memoryLimit;
  if (Status status = checkFootprint(*program, limit); !status)
    return status.error();
  std::unique_ptr<Instance> instance(new Instance(std::move(program), std::move(code), std::move(options)));
  instance->fault = *fault;
  if (Status status = instance->allocate(); !status)
    return status.error();
  return instance;
}

Status Instance::allocate() {
  if (options.profile)
    roofline = measureRoofline(pool);
  int64_t scratchBytes = source->scratchBytes;
  for (const Entry &entry : source->entries)
    scratchBytes = std::max(scratchBytes, entry.scratchBytes);
  stateMemory = Memory(source->stateBytes);
  if (!stateMemory.data())
    return tooLarge("state", source->stateBytes);
  scratch = Memory(scratchBytes);
  if (!scratch.data())
    return tooLarge("scratch", scratchBytes);
  constants = Memory(source->constants.size());
  if (!constants.data())
    return tooLarge("constants", source->constants.size());
  if (!source->constants.empty())
    std::memcpy(constants.data(), source->constants.data(), source->constants.size());
  return {};
}

// The executor and buffers of an entry, made when first asked for: an entry that is never run costs nothing.
Result<Instance::Runner *> Instance::runner(int index) {
  Runner &made = runners[index];
  if (made.executor)
    return &made;
  const Entry &entry = source->entries[index];
  auto allocateSlots = [](const std::vector<Port> &ports, std::vector<Slot> &slots) {
    for (const Port &port : ports) {
      Slot slot;
      slot.owned = Memory(port.shape.bytes());
      slot.data = slot.owned.data();
      if (!slot.data)
        return false;
      slots.push_back(std::move(slot));
    }
    return true;
  };
  made.inputs.clear();
  made.outputs.clear();
  if (!allocateSlots(entry.inputs, made.inputs) || !allocateSlots(entry.outputs, made.outputs))
    return tooLarge("inputs and outputs", bytesOf(entry.inputs) + bytesOf(entry.outputs));
  auto executor =
      std::make_unique<Executor>(*source, entry, Bases{stateMemory.data(), scratch.data(), constants.data()});
  if (Status status = executor->connect(*options.communicator); !status)
    return status.error();
  made.executor = std::move(executor);
  for (size_t i = 0; i < made.inputs.size(); ++i)
    made.executor->bindInput(i, made.inputs[i].data);
  for (size_t i = 0; i < made.outputs.size(); ++i)
    made.executor->bindOutput(i, made.outputs[i].data);
  if (options.profile)
    made.executor->enableProfile(roofline);
  if (options.trace) {
    made.log = std::make_unique<TraceLog>();
    made.executor->enableTrace(*made.log);
  }
  return &made;
}

Result<Instance::Bindable> Instance::bindable(int entry, const std::vector<Port> &ports, const char *kind,
                                              const std::string &name, int64_t bytes) {
  Result<int> at = findPort(ports, name, kind);
  if (!at)
    return at.error();
  const Shape &shape = ports[*at].shape;
  if (shape.bytes() != bytes)
    return wrongSize(kind, name, shape, bytes, ports[*at].location);
  Result<Runner *> made = runner(entry);
  if (!made)
    return made.error();
  return Bindable{*made, *at};
}

Status Instance::setInput(int entry, const std::string &input, const void *data, int64_t bytes) {
  Result<Bindable> port = bindable(entry, source->entries[entry].inputs, "input", input, bytes);
  if (!port)
    return port.error();
  Slot &slot = port->runner->inputs[port->at];
  if (slot.data != slot.owned.data()) {
    slot.data = slot.owned.data();
    port->runner->executor->bindInput(port->at, slot.data);
  }
  std::memmove(slot.data, data, bytes); // a caller may hand out what he was given
  slot.given = true;
  return {};
}

Status Instance::bindInput(int entry, const std::string &input, void *data, int64_t bytes) {
  Result<Bindable> port = bindable(entry, source->entries[entry].inputs, "input", input, bytes);
  if (!port)
    return port.error();
  Slot &slot = port->runner->inputs[port->at];
  slot.data = data;
  slot.given = true;
  port->runner->executor->bindInput(port->at, data);
  return {};
}

Status Instance::bindOutput(int entry, const std::string &output, void *data, int64_t bytes) {
  Result<Bindable> port = bindable(entry, source->entries[entry].outputs, "output", output, bytes);
  if (!port)
    return port.error();
  port->runner->outputs[port->at].data = data;
  port->runner->executor->bindOutput(port->at, data);
  return {};
}

Status Instance::unbindInput(int entry, int input) {
  Result<Runner *> made = runner(entry);
  if (!made)
    return made.error();
  Slot &slot = (*made)->inputs[input];
  slot.data = slot.owned.data();
  slot.given = false;
  (*made)->ready = false; // its data source, if any, may never have been opened
  (*made)->executor->bindInput(input, slot.data);
  return {};
}

Status Instance::unbindOutput(int entry, int output) {
  Result<Runner *> made = runner(entry);
  if (!made)
    return made.error();
  Slot &slot = (*made)->outputs[output];
  slot.data = slot.owned.data();
  (*made)->executor->bindOutput(output, slot.data);
  return {};
}

Result<const Dataset *> Instance::dataset(const std::string &name) {
  auto found = datasets.find(name);
  if (found != datasets.end())
    return found->second.get();
  for (const DataSource &candidate : source->data) {
    if (candidate.name != name)
      continue;
    Result<std::unique_ptr<Dataset>> opened = Dataset::open(candidate);
    if (!opened)
      return opened.error();
    return (datasets[name] = std::move(*opened)).get();
  }
  return Error{"E506", "an input's data source must be declared, found '" + name + "'", "", {}, ""};
}

Status Instance::prepare(int index) {
  Result<Runner *> made = runner(index);
  if (!made)
    return made.error();
  const Entry &entry = source->entries[index];
  for (size_t i = 0; i < entry.inputs.size(); ++i) {
    Slot &slot = (*made)->inputs[i];
    const Port &port = entry.inputs[i];
    if (slot.given)
      continue;
    if (port.source.empty()) {
      Error error = {"E512",
                     "every input must have a value, found none for '" + port.name + "' of entry '" +
                         entry.name + "', " + toString(port.shape),
                     port.location,
                     {},
                     "give one with --input " + port.name + "=FILE.npy"};
      return error;
    }
    Result<const Dataset *> feed = dataset(port.source);
    if (!feed)
      return feed.error();
    slot.whole = port;
    slot.whole.shape = wholeOf(port.shape, port.split);
    slot.part = InputPart::of(port, source->mesh, rank());
    if (Status status = (*feed)->check(slot.whole); !status)
      return status;
    slot.feed = *feed;
  }
  (*made)->ready = true;
  return {};
}

Status Instance::initialise(int64_t seed) {
  Result<int> init = findEntry("init");
  if (!init)
    return init.error();
  if (findInput(*init, "seed"))
    if (Status status = setInput(*init, "seed", &seed, sizeof(seed)); !status)
      return status;
  for (Runner &made : runners) // whatever ran before, data begins anew
    made.runsAtStep = 0;
  return run(*init);
}

// Rows that lie in their file as the input wants them are read there.
void Instance::feed(Runner &made, size_t input, int64_t step) {
  Slot &slot = made.inputs[input];
  auto *rows =
      const_cast<void *>(slot.feed->view(slot.whole, slot.part, seed(), step)); // inputs are never written
  void *data = rows ? rows : slot.owned.data();
  if (!rows)
    slot.feed->fill(slot.whole, slot.part, seed(), step, data);
  if (data == slot.data)
    return;
  slot.data = data;
  made.executor->bindInput(input, data);
}

Status Instance::run(int index) {
  Runner &made = runners[index];
  if (!made.ready)
    if (Status status = prepare(index); !status)
      return status;
  auto start = std::chrono::steady_clock::now();
  // An entry that leaves the step as it is goes on through its data all the same.
  int64_t before = step(), again = made.lastStep == before ? made.runsAtStep : 0;
  made.executor->clearPosition();
  atStep.store(before, std::memory_order_relaxed);
  hasEnded.store(false, std::memory_order_relaxed);
  atEntry.store(index, std::memory_order_release);
  for (size_t i = 0; i < made.inputs.size(); ++i)
    if (made.inputs[i].feed && !made.inputs[i].given)
      feed(made, i, before + again);
  if (fault && fault->strikes(rank(), source->entries[index].name, before)) {
    Status status = made.executor->inject(*fault, *options.communicator);
    fault.reset();
    if (!status)
      return status;
  }
  Executor::End end = made.executor->run(pool, hooks);
  if (Profile *profile = made.executor->profile())
    profile->nanoseconds += std::chrono::nanoseconds(std::chrono::steady_clock::now() - start).count();
  if (end.outcome == Executor::Outcome::Done) {
    hasEnded.store(true, std::memory_order_relaxed);
    made.lastStep = before;
    made.runsAtStep = step() == before ? again + 1 : 0;
    return {};
  }
  if (end.outcome == Executor::Outcome::Failed) {
    Error error = made.executor->failure();
    error.location = end.instruction->source;
    return error;
  }
  if (end.outcome == Executor::Outcome::NotFinite)
    return reportNonFinite(index, *end.instruction);
  return Error{"E711",
               "an assertion must hold, found it false in step " + std::to_string(step()) + ": " +
                   end.instruction->text,
               end.instruction->source,
               {},
               ""};
}

namespace {

// The port of that name, or E510; E513 where the entry has no buffers yet.
Result<int> valueOf(const std::vector<Port> &ports, const std::string &name, const char *kind, bool hasRun) {
  Result<int> at = findPort(ports, name, kind);
  if (at && !hasRun)
    return Error{"E513",
                 std::string("an ") + kind + " has a value once its entry has run, found none for '" + name +
                     "'",
                 "",
                 {},
                 ""};
  return at;
}

} // namespace

Result<TensorView> Instance::output(int entry, const std::string &name) const {
  const std::vector<Port> &ports = source->entries[entry].outputs;
  Result<int> at = valueOf(ports, name, "output", runners[entry].executor != nullptr);
  if (!at)
    return at.error();
  return TensorView{ports[*at].shape, runners[entry].outputs[*at].data};
}

Result<TensorView> Instance::input(int entry, const std::string &name) const {
  const std::vector<Port> &ports = source->entries[entry].inputs;
  Result<int> at = valueOf(ports, name, "input", runners[entry].executor != nullptr);
  if (!at)
    return at.error();
  return TensorView{ports[*at].shape, runners[entry].inputs[*at].data};
}

Result<TensorView> Instance::state(const std::string &path) const {
  std::vector<std::string> paths;
  for (const State &state : source->states) {
    for (const NamedTensor &tensor : unstack(state, stateMemory.data())) {
      if (tensor.name == path)
        return TensorView{tensor.shape, const_cast<void *>(tensor.data)};
      paths.push_back(tensor.name);
    }
    if (state.path == path)
      return TensorView{state.shape, stateMemory.data() + state.offset};
  }
  return unknown("E612", "a path must be one of the program's states", path, paths);
}

Status Instance::setState(const std::string &path, const void *data, int64_t bytes) {
  Result<TensorView> view = state(path);
  if (!view)
    return view.error();
  if (view->shape.bytes() != bytes)
    return Error{"E511",
                 "a value must have the size of its state, found " + std::to_string(bytes) + " bytes for '" +
                     path + "', " + toString(view->shape) + " of " + std::to_string(view->shape.bytes()),
                 "",
                 {},
                 ""};
  std::memmove(view->data, data, bytes);
  return {};
}

int64_t Instance::counter(const char *path) const {
  for (const State &state : source->states)
    if (state.shape.type == Type::I64 && state.shape.sizes.empty() && state.path == path) {
      int64_t value;
      std::memcpy(&value, stateMemory.data() + state.offset, sizeof(value));
      return value;
    }
  return 0;
}

Status Instance::save(const std::string &path) const { return saveState(path, *source, stateMemory.data()); }

Status Instance::load(const StateFile &file) { return file.read(*source, rank(), stateMemory.data(), pool); }

Status Instance::load(const std::string &path) { return loadState(path, *source, stateMemory.data(), pool); }

Status Instance::loadWeights(const std::string &path, const std::string &name) {
  return rt::loadWeights(path, name, *source, stateMemory.data(), pool, rank());
}

std::vector<RankTrace> Instance::traces(int entry) const {
  if (!trace(entry))
    return {};
  return {{source.get(), trace(entry), 0}};
}

const Profile *Instance::profile(int entry) const {
  return runners[entry].executor ? runners[entry].executor->profile() : nullptr;
}

} // namespace cleave::rt
