// Handles from programs that are in memory already: how the compiler, and tests, reach the C interface.
#ifndef CLEAVE_RUNTIME_ABI_PROGRAMS_H
#define CLEAVE_RUNTIME_ABI_PROGRAMS_H

#include "runtime/abi/cleave.h"
#include "runtime/core/Program.h"

#include <memory>

namespace cleave::rt::abi {

// `code` keeps the kernels' machine code alive, `metadata` is JSON. May throw std::bad_alloc. To be given to
// cleave_program_release().
cleave_program *makeProgram(std::shared_ptr<const Program> program, std::shared_ptr<void> code,
                            std::string metadata);

} // namespace cleave::rt::abi

#endif
