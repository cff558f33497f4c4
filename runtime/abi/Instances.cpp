#include "runtime/abi/Handles.h"
#include "runtime/core/Ranks.h"
#include "runtime/core/Text.h"

#include <cstring>

namespace cleave::rt::abi {

Result<int> findEntry(const Core &core, const char *entry) {
  if (!entry)
    return nullArgument("entry");
  return core.instance->findEntry(entry);
}

Result<PortAt> findPort(const Core &core, Side side, const char *entry, const char *name) {
  if (!name)
    return nullArgument(side == Side::Input ? "input" : "output");
  Result<int> index = findEntry(core, entry);
  if (!index)
    return index.error();
  const Entry &found = core.instance->program().entries[*index];
  Result<int> port =
      side == Side::Input ? core.instance->findInput(*index, name) : core.instance->findOutput(*index, name);
  if (!port)
    return port.error();
  return PortAt{*index, *port, side == Side::Input ? &found.inputs[*port] : &found.outputs[*port]};
}

namespace {

Binding &bindingOf(Core &core, Side side, const PortAt &at) {
  EntryUse &use = core.uses[at.entry];
  return side == Side::Input ? use.inputs[at.port] : use.outputs[at.port];
}

Error misaligned(const Port &port, const void *data) {
  int64_t element = sizeOf(port.shape.type);
  auto address = reinterpret_cast<uintptr_t>(data);
  return {"E724",
          "a buffer must be aligned to its elements, found an address " + std::to_string(address % element) +
              " bytes past a multiple of " + std::to_string(element) + " for '" + port.name + "', " +
              toString(port.shape),
          "",
          {},
          ""};
}

Error wrongSize(const Shape &shape, const std::string &name, int64_t bytes) {
  return {"E511",
          "a value must have the size of its tensor, found " + std::to_string(bytes) + " bytes for '" + name +
              "', " + toString(shape) + " of " + std::to_string(shape.bytes()),
          "",
          {},
          ""};
}

bool overlap(const Binding &binding, const char *data, int64_t bytes) {
  return binding.data && binding.data < data + bytes && data < binding.data + binding.bytes;
}

// An output is written while inputs and other outputs are still needed.
Status checkOverlap(const Core &core, Side side, const PortAt &at, const char *data, int64_t bytes) {
  const Entry &entry = core.instance->program().entries[at.entry];
  const EntryUse &use = core.uses[at.entry];
  auto error = [&](const Port &other) {
    return Error{"E725",
                 "an output's buffer must not overlap another of its entry, found '" + at.shape->name +
                     "' and '" + other.name + "' to do",
                 "",
                 {},
                 ""};
  };
  for (size_t i = 0; i < use.outputs.size(); ++i)
    if ((side == Side::Input || static_cast<int>(i) != at.port) && overlap(use.outputs[i], data, bytes))
      return error(entry.outputs[i]);
  if (side == Side::Output)
    for (size_t i = 0; i < use.inputs.size(); ++i)
      if (overlap(use.inputs[i], data, bytes))
        return error(entry.inputs[i]);
  return {};
}

} // namespace

Status bindPort(Core &core, Side side, const PortAt &at, const void *data, int64_t bytes,
                std::shared_ptr<void> owner) {
  if (!data)
    return nullArgument("data");
  const Port &port = *at.shape;
  if (port.shape.bytes() != bytes)
    return wrongSize(port.shape, port.name, bytes);
  if (reinterpret_cast<uintptr_t>(data) % sizeOf(port.shape.type) != 0)
    return misaligned(port, data);
  auto *place = static_cast<char *>(const_cast<void *>(data)); // inputs are only read
  if (Status status = checkOverlap(core, side, at, place, bytes); !status)
    return status;
  Status status = side == Side::Input ? core.instance->bindInput(at.entry, port.name, place, bytes)
                                      : core.instance->bindOutput(at.entry, port.name, place, bytes);
  if (!status)
    return status;
  Binding &binding = bindingOf(core, side, at);
  if (side == Side::Output && binding.data != place)
    core.uses[at.entry].ran = false; // nothing has been written there
  binding = {place, bytes, std::move(owner)};
  return {};
}

Status setInput(Core &core, const PortAt &at, const void *data, int64_t bytes) {
  if (!data)
    return nullArgument("data");
  Status status = core.instance->setInput(at.entry, at.shape->name, data, bytes);
  if (status.ok())
    bindingOf(core, Side::Input, at) = {};
  return status;
}

Result<TensorView> outputOf(Core &core, const PortAt &at) {
  if (!core.uses[at.entry].ran)
    return Error{"E513",
                 "an output has a value once its entry has run, found none for '" + at.shape->name + "'",
                 "",
                 {},
                 ""};
  return core.instance->output(at.entry, at.shape->name);
}

Result<TensorView> outputOf(Core &core, const char *entry, const char *output) {
  Result<PortAt> at = findPort(core, Side::Output, entry, output);
  return at ? outputOf(core, *at) : Result<TensorView>(at.error());
}

Result<TensorView> stateOf(Core &core, const char *path) {
  if (!path)
    return nullArgument("path");
  Result<TensorView> view = core.instance->state(path);
  if (view && !core.hasState)
    return wrongOrder("a state has a value once its instance is initialised or loaded",
                      std::string("'") + path + "' to be asked for before");
  return view;
}

namespace {

// The options that the caller knows of; those added later have their defaults.
Result<RanksOptions> optionsFrom(const cleave_instance_options *given) {
  RanksOptions options;
  if (!given)
    return options;
  cleave_instance_options known = CLEAVE_INSTANCE_OPTIONS;
  if (given->struct_size < sizeof(size_t) || given->struct_size > sizeof(known))
    return Error{"E723",
                 "options must begin as CLEAVE_INSTANCE_OPTIONS of this version or an older one, found a "
                 "struct_size of " +
                     std::to_string(given->struct_size) + " where " + std::to_string(sizeof(known)) +
                     " is the largest known",
                 "",
                 {},
                 ""};
  std::memcpy(&known, given, given->struct_size);
  constexpr int32_t kMostThreads = 4096;
  if (known.threads < 0 || known.threads > kMostThreads)
    return Error{"E720",
                 "threads must be 0 or a number up to " + std::to_string(kMostThreads) + ", found " +
                     std::to_string(known.threads),
                 "",
                 {},
                 ""};
  if (known.most_ranks < 0)
    return Error{"E720",
                 "most_ranks must be 0 or a number of ranks, found " + std::to_string(known.most_ranks),
                 "",
                 {},
                 ""};
  options.threadsPerRank = known.threads;
  options.mostRanks = known.most_ranks;
  options.pinThreads = known.pin_threads != 0;
  options.allowNonFinite = known.allow_non_finite != 0;
  options.memoryLimit = known.memory_limit;
  if (auto *print = known.print)
    options.print = [print, user = known.print_user](const std::string &line) { print(user, line.c_str()); };
  return options;
}

Status unbind(Core &core, Side side, const char *entry, const char *name) {
  Result<PortAt> at = findPort(core, side, entry, name);
  if (!at)
    return at.error();
  Status status = side == Side::Input ? core.instance->unbindInput(at->entry, at->port)
                                      : core.instance->unbindOutput(at->entry, at->port);
  if (!status)
    return status;
  Binding &binding = bindingOf(core, side, *at);
  if (side == Side::Output && binding.data)
    core.uses[at->entry].ran = false;
  binding = {};
  return {};
}

Result<std::unique_ptr<Runnable>> makeInstance(const Artefact &artefact, RanksOptions options) {
  if (artefact.program->mesh.ranks() > 1) {
    auto ranks = Ranks::create(artefact.classes(), artefact.classOf, artefact.code, std::move(options));
    if (ranks)
      return std::unique_ptr<Runnable>(std::move(*ranks));
    Error error = ranks.error();
    if (error.code == "E715" && !error.hint.empty())
      error.hint = "allow more with most_ranks of cleave_instance_options";
    return error;
  }
  InstanceOptions own;
  own.threads = options.threadsPerRank;
  own.pinThreads = options.pinThreads;
  own.allowNonFinite = options.allowNonFinite;
  own.memoryLimit = options.memoryLimit;
  own.print = std::move(options.print);
  auto instance = Instance::create(artefact.program, artefact.code, std::move(own));
  return instance ? Result<std::unique_ptr<Runnable>>(std::move(*instance)) : instance.error();
}

// The runtime's own hint is for the command line.
Error inTermsOfTheApi(Error error) {
  error.hint = "give one with cleave_set_input() or cleave_bind_input()";
  return error;
}

Status copyOut(const TensorView &view, const std::string &name, void *data, size_t bytes) {
  if (!data)
    return nullArgument("data");
  if (static_cast<size_t>(view.shape.bytes()) != bytes)
    return wrongSize(view.shape, name, bytes);
  std::memmove(data, view.data, bytes); // perhaps where it lies already
  return {};
}

} // namespace

} // namespace cleave::rt::abi

using namespace cleave::rt;
using namespace cleave::rt::abi;

cleave_status cleave_instance_create(const cleave_program *program, const cleave_instance_options *options,
                                     cleave_instance **instance) noexcept {
  return guarded([&]() -> Status {
    if (!instance)
      return nullArgument("instance");
    *instance = nullptr;
    if (!program)
      return nullArgument("program");
    Result<RanksOptions> wanted = optionsFrom(options);
    if (!wanted)
      return wanted.error();
    auto core = std::make_shared<Core>();
    core->program = program->loaded;
    auto made = makeInstance(program->loaded->artefact, std::move(*wanted));
    if (!made)
      return made.error();
    core->instance = std::move(*made);
    for (const Entry &entry : program->loaded->whole->entries) {
      EntryUse &use = core->uses.emplace_back();
      use.inputs.resize(entry.inputs.size());
      use.outputs.resize(entry.outputs.size());
    }
    *instance = std::make_unique<cleave_instance>(cleave_instance{std::move(core)}).release();
    return {};
  });
}

cleave_status cleave_instance_release(cleave_instance *instance) noexcept {
  if (!instance)
    return CLEAVE_OK;
  cleave_status status = onInstance(instance, [](Core &core) -> Status {
    // Tensors given out may keep the instance: the caller's own buffers are given back now.
    for (EntryUse &use : core.uses)
      for (std::vector<Binding> *bindings : {&use.inputs, &use.outputs})
        for (Binding &binding : *bindings)
          binding = {};
    return {};
  });
  if (status == CLEAVE_OK)
    delete instance;
  return status;
}

cleave_status cleave_initialise(cleave_instance *instance, int64_t seed) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    Status status = core.instance->initialise(seed);
    core.hasState |= status.ok();
    return status;
  });
}

cleave_status cleave_run(cleave_instance *instance, const char *entry) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    Result<int> index = findEntry(core, entry);
    if (!index)
      return index.error();
    if (!core.hasState)
      return wrongOrder("an entry runs once its instance is initialised or loaded",
                        std::string("'") + entry + "' to be run before");
    EntryUse &use = core.uses[*index];
    use.ran = false;
    Status status = core.instance->run(*index);
    use.ran = status.ok();
    return status.ok() || status.error().code != "E512" ? status : inTermsOfTheApi(status.error());
  });
}

cleave_status cleave_set_input(cleave_instance *instance, const char *entry, const char *input,
                               const void *data, size_t bytes) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    Result<PortAt> at = findPort(core, Side::Input, entry, input);
    if (!at)
      return at.error();
    return setInput(core, *at, data, bytes);
  });
}

cleave_status cleave_bind_input(cleave_instance *instance, const char *entry, const char *input,
                                const void *data, size_t bytes) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    Result<PortAt> at = findPort(core, Side::Input, entry, input);
    return at ? bindPort(core, Side::Input, *at, data, bytes, nullptr) : Status(at.error());
  });
}

cleave_status cleave_bind_output(cleave_instance *instance, const char *entry, const char *output, void *data,
                                 size_t bytes) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    Result<PortAt> at = findPort(core, Side::Output, entry, output);
    return at ? bindPort(core, Side::Output, *at, data, bytes, nullptr) : Status(at.error());
  });
}

cleave_status cleave_unbind_input(cleave_instance *instance, const char *entry, const char *input) noexcept {
  return onInstance(instance, [&](Core &core) { return unbind(core, Side::Input, entry, input); });
}

cleave_status cleave_unbind_output(cleave_instance *instance, const char *entry,
                                   const char *output) noexcept {
  return onInstance(instance, [&](Core &core) { return unbind(core, Side::Output, entry, output); });
}

cleave_status cleave_get_output(cleave_instance *instance, const char *entry, const char *output, void *data,
                                size_t bytes) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    Result<TensorView> view = outputOf(core, entry, output);
    return view ? copyOut(*view, output, data, bytes) : Status(view.error());
  });
}

cleave_status cleave_output_data(cleave_instance *instance, const char *entry, const char *output,
                                 const void **data) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    if (!data)
      return nullArgument("data");
    Result<TensorView> view = outputOf(core, entry, output);
    if (!view)
      return view.error();
    *data = view->data;
    return {};
  });
}

cleave_status cleave_get_state(cleave_instance *instance, const char *path, void *data,
                               size_t bytes) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    Result<TensorView> view = stateOf(core, path);
    return view ? copyOut(*view, path, data, bytes) : Status(view.error());
  });
}

cleave_status cleave_set_state(cleave_instance *instance, const char *path, const void *data,
                               size_t bytes) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    Result<TensorView> view = stateOf(core, path);
    if (!view)
      return view.error();
    if (!data)
      return nullArgument("data");
    return core.instance->setState(path, data, bytes);
  });
}

cleave_status cleave_step(cleave_instance *instance, int64_t *step) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    if (!step)
      return nullArgument("step");
    *step = core.instance->step();
    return {};
  });
}

cleave_status cleave_save(cleave_instance *instance, const char *path) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    if (!path)
      return nullArgument("path");
    if (!core.hasState)
      return wrongOrder("a state is saved once its instance is initialised or loaded", "it to be before");
    return core.instance->save(path);
  });
}

cleave_status cleave_load(cleave_instance *instance, const char *path) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    if (!path)
      return nullArgument("path");
    Status status = core.instance->load(path);
    core.hasState |= status.ok();
    return status;
  });
}

cleave_status cleave_load_weights(cleave_instance *instance, const char *path, const char *mapping) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    if (!path)
      return nullArgument("path");
    if (!core.hasState)
      return wrongOrder("weights are loaded once their instance is initialised or loaded", "it to be before");
    return core.instance->loadWeights(path, mapping ? mapping : "");
  });
}
