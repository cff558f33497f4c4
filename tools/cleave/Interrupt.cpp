#include "tools/cleave/Interrupt.h"

#include "tools/cleave/Commands.h"

#include <csignal>
#include <ctime>
#include <initializer_list>
#include <unistd.h>

namespace cleave::tool {

namespace {

volatile std::sig_atomic_t signalled = 0;
volatile std::sig_atomic_t signalledAt = 0; // seconds

// Launchers (timeout, srun) may send one signal twice, to the process and to its group: only one that comes
// later is a second wish.
void remember(int) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  auto seconds = static_cast<std::sig_atomic_t>(now.tv_sec);
  if (signalled && seconds - signalledAt > 1)
    _exit(Interrupted);
  if (!signalled)
    signalledAt = seconds;
  signalled = 1;
}

} // namespace

void watchForInterrupts() {
  struct sigaction action = {};
  action.sa_handler = remember;
  for (int signal : {SIGINT, SIGTERM})
    sigaction(signal, &action, nullptr);
}

bool interrupted() { return signalled != 0; }

} // namespace cleave::tool
