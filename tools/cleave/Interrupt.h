// Ctrl-C and SIGTERM as a wish that a run looks at between steps. A second signal, a while
// later, ends the process at once.
#ifndef CLEAVE_TOOLS_CLEAVE_INTERRUPT_H
#define CLEAVE_TOOLS_CLEAVE_INTERRUPT_H

#include <cstdint>

namespace cleave::tool {

// Until then, in one of several processes: a signal ends it, and it says so; so does waiting for two minutes.
// As long as they have not joined none of them can know which one died.
void watchWhileJoining(int64_t process);

// From now on signals are remembered instead of ending the process.
void watchForInterrupts();
bool interrupted();

// From now on a signal ends the process again: there is nothing left to save.
void stopWatching();

} // namespace cleave::tool

#endif
