// Whether a program is well formed: jumps land inside it, loops nest, every operand lies inside its region
// for every value of the counters, every weight inside its tensor of a file. An instance refuses a program
// that is not.
#ifndef CLEAVE_RUNTIME_CORE_VERIFY_H
#define CLEAVE_RUNTIME_CORE_VERIFY_H

#include "runtime/core/Error.h"
#include "runtime/core/Program.h"

namespace cleave::rt {

// E799, naming the entry and the instruction, when the program is malformed: a fault of the compiler.
Status verify(const Program &program);

} // namespace cleave::rt

#endif
