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
volatile std::sig_atomic_t terminal = 0;    // someone reads standard error
volatile std::sig_atomic_t troubled = 0;

// Launchers (timeout, srun) may send one signal twice, to the process and to its group: only one that comes
// later is a second wish.
void remember(int) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  auto seconds = static_cast<std::sig_atomic_t>(now.tv_sec);
  if (signalled && seconds - signalledAt > 1)
    _exit(Interrupted);
  if (!signalled) {
    signalledAt = seconds;
    constexpr char kMessage[] = "\nstopping after this step; once more ends at once\n";
    if (terminal && write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1) < 0)
      terminal = 0;
  }
  signalled = 1;
}

void handleWith(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  for (int signal : {SIGINT, SIGTERM})
    sigaction(signal, &action, nullptr);
}

} // namespace

void watchWhileJoining() {
  watchForInterrupts();
  std::signal(SIGUSR1, [](int) { troubled = 1; }); // MPI's library takes it over
}

bool toldOfTrouble() { return signalled != 0 || troubled != 0; }

void watchForInterrupts() {
  terminal = isatty(STDERR_FILENO);
  handleWith(remember);
}

void stopWatching() { handleWith(SIG_DFL); }

bool interrupted() { return signalled != 0; }

} // namespace cleave::tool
