// Handles from programs that are in memory already: how the compiler, and tests, reach the C interface.
#ifndef CLEAVE_RUNTIME_ABI_PROGRAMS_H
#define CLEAVE_RUNTIME_ABI_PROGRAMS_H

#include "runtime/abi/cleave.h"
#include "runtime/core/Artefact.h"

namespace cleave::rt::abi {

// May throw std::bad_alloc. To be given to cleave_program_release().
cleave_program *makeProgram(const Artefact &artefact);

} // namespace cleave::rt::abi

#endif
