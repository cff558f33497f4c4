#include "runtime/abi/Programs.h"
#include "runtime/abi/Handles.h"

using namespace cleave::rt;
using namespace cleave::rt::abi;

namespace cleave::rt::abi {

cleave_program *makeProgram(std::shared_ptr<const Program> program, std::shared_ptr<void> code,
                            std::string metadata) {
  return new cleave_program{
      std::make_shared<const LoadedProgram>(std::move(program), std::move(code), std::move(metadata))};
}

} // namespace cleave::rt::abi

void cleave_program_release(cleave_program *program) noexcept { delete program; }

const cleave_program_info *cleave_program_describe(const cleave_program *program) noexcept {
  return program ? &program->loaded->description.info() : nullptr;
}
