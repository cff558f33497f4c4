// An instance's state as a safetensors file: one tensor per unstacked path (`gpt.blocks[3].attention.wq`),
// global shapes without the stacked axes, so that a program with another plan, or another tool, can load it.
//
// Metadata: "format" = "cleave", "version" = "1", "step", "seed", "layout" (a hash of all paths, types and
// shapes), "axes" (JSON: stacked path -> names of the unstacked axes).
#ifndef CLEAVE_RUNTIME_CORE_SAVEDSTATE_H
#define CLEAVE_RUNTIME_CORE_SAVEDSTATE_H

#include "runtime/core/Error.h"
#include "runtime/core/Program.h"
#include "runtime/core/SafeTensors.h"

namespace cleave::rt {

class ThreadPool;

// The unstacked tensors of a state: its path with every `[*]` replaced, and where it lies below `base`.
std::vector<NamedTensor> unstack(const State &state, const char *base);

// Hash of paths, types and shapes of all states, as 16 hex digits.
std::string layoutHash(const Program &program);

// E610 when the file cannot be written.
Status saveState(const std::string &path, const Program &program, const char *base);

// Checks the whole file first, then copies, by all threads: on an error the state is untouched. Errors of
// SafeTensors::open, E607 missing tensors, E608 unexpected ones, E609 wrong type or shape, E611 of another
// format version.
Status loadState(const std::string &path, const Program &program, char *base, ThreadPool &pool);

} // namespace cleave::rt

#endif
