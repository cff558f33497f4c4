#include "runtime/abi/Programs.h"
#include "runtime/abi/Handles.h"

using namespace cleave::rt;
using namespace cleave::rt::abi;

namespace cleave::rt::abi {

cleave_program *makeProgram(const Artefact &artefact) {
  return new cleave_program{std::make_shared<const LoadedProgram>(artefact)};
}

namespace {

template <class Load> cleave_status loadWith(cleave_program **program, Load &&load) noexcept {
  return guarded([&]() -> Status {
    if (!program)
      return nullArgument("program");
    *program = nullptr;
    Result<Artefact> loaded = load();
    if (!loaded)
      return loaded.error();
    *program = makeProgram(*loaded);
    return {};
  });
}

} // namespace

} // namespace cleave::rt::abi

cleave_status cleave_program_load(const char *path, cleave_program **program) noexcept {
  return loadWith(program, [&]() -> Result<Artefact> {
    if (!path)
      return nullArgument("path");
    return loadArtefact(path);
  });
}

cleave_status cleave_program_load_memory(const void *data, size_t bytes, cleave_program **program) noexcept {
  return loadWith(program, [&]() -> Result<Artefact> {
    if (!data)
      return nullArgument("data");
    return loadArtefact(static_cast<const char *>(data), static_cast<int64_t>(bytes), "memory");
  });
}

void cleave_program_release(cleave_program *program) noexcept { delete program; }

const cleave_program_info *cleave_program_describe(const cleave_program *program) noexcept {
  return program ? &program->loaded->description.info() : nullptr;
}
