// How much memory a program takes, known before anything runs.
#ifndef CLEAVE_RUNTIME_CORE_FOOTPRINT_H
#define CLEAVE_RUNTIME_CORE_FOOTPRINT_H

#include "runtime/core/Error.h"
#include "runtime/core/Program.h"

namespace cleave::rt {

struct Footprint {
  struct Part {
    std::string what; // "parameters", "scratch of entry 'train'"
    int64_t bytes = 0;
  };
  std::vector<Part> parts; // largest first
  int64_t bytes = 0;       // the peak
};

// State, the largest entry's scratch, constants, and every entry's input and output buffers.
Footprint footprintOf(const Program &program);

// E703, with what takes the space, when the program needs more than `available` bytes. A negative number
// means that nobody knows; everything fits then.
Status checkFootprint(const Program &program, int64_t available);

} // namespace cleave::rt

#endif
