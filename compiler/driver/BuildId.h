// Which compiler this is, to the bit: what one build has compiled, another does not take for its own.
#ifndef CLEAVE_COMPILER_DRIVER_BUILDID_H
#define CLEAVE_COMPILER_DRIVER_BUILDID_H

#include <string>

namespace cleave {

// The build ids that the linker gave the binary this code is in, and LLVM's and MLIR's libraries. Without
// one, the file's place, size and time stand for it.
const std::string &buildId();

} // namespace cleave

#endif
