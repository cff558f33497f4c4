// Ctrl-C and SIGTERM as a wish that a run looks at between steps. A second signal, a while
// later, ends the process at once.
#ifndef CLEAVE_TOOLS_CLEAVE_INTERRUPT_H
#define CLEAVE_TOOLS_CLEAVE_INTERRUPT_H

#include <cstdint>

namespace cleave::tool {

// From now on signals are remembered instead of ending the process.
void watchForInterrupts();
bool interrupted();

// In one of several processes, until they have joined: signals are remembered, also the one (SIGUSR1) with
// which MPICH's launcher, told to leave the survivors of a death alone, ends those that have not joined yet.
void watchWhileJoining();
bool toldOfTrouble();

// From now on a signal ends the process again: there is nothing left to save.
void stopWatching();

} // namespace cleave::tool

#endif
