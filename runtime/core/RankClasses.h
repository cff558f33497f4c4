// What the ranks of a mesh run: one program for each class of ranks with equal local shapes. There are as
// many classes as blocks of different sizes ask for, however many ranks there are.
#ifndef CLEAVE_RUNTIME_CORE_RANKCLASSES_H
#define CLEAVE_RUNTIME_CORE_RANKCLASSES_H

#include "runtime/core/Program.h"

#include <cstdint>
#include <string>
#include <vector>

namespace cleave::rt {

// Beside the program of class 0, which rank 0 runs.
struct RankClasses {
  std::vector<Program> others;   // of classes 1, 2, ...
  std::vector<uint32_t> classOf; // by rank; empty: all are of class 0
};

// Why ranks could not run these together, or nothing: every rank has a class, and all classes have the same
// mesh, entries and states (by name) and the same collectives in the same order within the same loops.
std::string faultOfClasses(const Program &first, const RankClasses &classes);

} // namespace cleave::rt

#endif
