// What the handles of cleave.h are, and the way from the runtime's errors to statuses. Not installed.
#ifndef CLEAVE_RUNTIME_ABI_HANDLES_H
#define CLEAVE_RUNTIME_ABI_HANDLES_H

#include "runtime/abi/Description.h"
#include "runtime/abi/cleave.h"
#include "runtime/core/Artefact.h"
#include "runtime/core/Runnable.h"

#include <atomic>
#include <memory>
#include <new>

namespace cleave::rt::abi {

// What handles of one program share.
struct LoadedProgram {
  explicit LoadedProgram(const Artefact &given)
      : artefact(given), whole(artefact.program->mesh.ranks() > 1
                                   ? std::make_shared<const Program>(programOfWhole(*artefact.program))
                                   : artefact.program),
        description(*whole, artefact.metadata) {}

  Artefact artefact;
  std::shared_ptr<const Program> whole; // with the shapes of its text
  Description description;
};

// A buffer of the caller's that an input or output is bound to.
struct Binding {
  const char *data = nullptr; // null: the instance's own memory
  int64_t bytes = 0;
  std::shared_ptr<void> owner; // of a DLPack tensor: calls its deleter
};

struct EntryUse {
  std::vector<Binding> inputs, outputs;
  bool ran = false; // its last run succeeded, so outputs have values
};

// An instance and who uses it. Tensors given out share it with the handle.
struct Core {
  std::shared_ptr<const LoadedProgram> program;
  std::unique_ptr<Runnable> instance; // on one rank, or on several
  std::vector<EntryUse> uses;         // per entry
  bool hasState = false;
  std::atomic<bool> busy{false};
};

// Marks an instance as in use for as long as it lives; false when another call is under way.
class Use {
public:
  explicit Use(Core &core) : core(core), taken(!core.busy.exchange(true, std::memory_order_acquire)) {}
  ~Use() {
    if (taken)
      core.busy.store(false, std::memory_order_release);
  }
  Use(const Use &) = delete;
  Use &operator=(const Use &) = delete;
  explicit operator bool() const { return taken; }

private:
  Core &core;
  bool taken;
};

// Keeps the error for cleave_last_error() and says its kind.
cleave_status finish(const Status &status) noexcept;
cleave_status outOfMemory() noexcept;
// The same for an error that is text already.
cleave_status fail(std::string code, std::string text) noexcept;

Error nullArgument(const char *name);
Error wrongOrder(const std::string &rule, const std::string &found);
Error busyInstance();

// Calls `work`, which returns a Status. Nothing it throws leaves.
template <class Work> cleave_status guarded(Work &&work) noexcept {
  try {
    return finish(work());
  } catch (const std::bad_alloc &) {
    return outOfMemory();
  } catch (const std::exception &failure) {
    return finish(Error{"E799", std::string("nothing is thrown here, found: ") + failure.what(), "", {}, ""});
  } catch (...) {
    return finish(Error{"E799", "nothing is thrown here, found an unknown exception", "", {}, ""});
  }
}

// Which input or output of which entry.
struct PortAt {
  int entry = 0;
  int port = 0;
  const Port *shape = nullptr;
};
enum class Side { Input, Output };
Result<int> findEntry(const Core &core, const char *entry);
// E701, E510.
Result<PortAt> findPort(const Core &core, Side side, const char *entry, const char *name);
// Binds a port to memory of the caller's. E724 not aligned, E725 overlapping, E511 another size.
Status bindPort(Core &core, Side side, const PortAt &at, const void *data, int64_t bytes,
                std::shared_ptr<void> owner);
// Copies a value into an input, which is no longer bound.
Status setInput(Core &core, const PortAt &at, const void *data, int64_t bytes);
// The view of an output after a run, E513 without one; of a state, E721 without values.
Result<TensorView> outputOf(Core &core, const PortAt &at);
Result<TensorView> outputOf(Core &core, const char *entry, const char *output);
Result<TensorView> stateOf(Core &core, const char *path);

} // namespace cleave::rt::abi

// NOLINTBEGIN(readability-identifier-naming): C names
struct cleave_program {
  std::shared_ptr<const cleave::rt::abi::LoadedProgram> loaded;
};
struct cleave_instance {
  std::shared_ptr<cleave::rt::abi::Core> core;
};
// NOLINTEND(readability-identifier-naming)

namespace cleave::rt::abi {

// Calls `work` with the instance's core, when no other thread is in it.
template <class Work> cleave_status onInstance(cleave_instance *instance, Work &&work) noexcept {
  return guarded([&]() -> Status {
    if (!instance)
      return nullArgument("instance");
    std::shared_ptr<Core> core = instance->core; // lives on when `work` drops what the last tensor held
    Use use(*core);
    if (!use)
      return busyInstance();
    return work(*core);
  });
}

} // namespace cleave::rt::abi

#endif
