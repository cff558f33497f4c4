// Ranks in several processes: mpirun or srun starts the command with one command line everywhere. Process 0
// does what the command is for and alone writes; the others serve it.
#ifndef CLEAVE_TOOLS_CLEAVE_LAUNCH_H
#define CLEAVE_TOOLS_CLEAVE_LAUNCH_H

#include "compiler/driver/Session.h"
#include "tools/cleave/Commands.h"

#include <functional>
#include <optional>

namespace cleave::tool {

// `lead` does the command's work, in process 0 or where there is one alone, with a session of these options.
int launched(const CommonOptions &common, const LaunchOptions &launch, SessionOptions session,
             const std::function<int(SessionOptions)> &lead);

// For a command that has all ranks in one process: the exit status of this one where a launcher has started
// several, which would all do the same. E746, told once.
std::optional<int> refusedIfLaunched(const char *command, bool json);

} // namespace cleave::tool

#endif
