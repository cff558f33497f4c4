// Compiling takes memory that running does not need.
#ifndef CLEAVE_COMPILER_DRIVER_GIVEBACK_H
#define CLEAVE_COMPILER_DRIVER_GIVEBACK_H

namespace cleave {

/// Gives back what this process holds of the compiler's shared libraries, a hundred MiB of code and constants
/// that are read from their files again should they be needed, and what of the heap is free. Takes about a
/// millisecond.
void giveBackCompilerMemory();

} // namespace cleave

#endif
