#include "tools/cleave/Interrupt.h"

#include "tools/cleave/Commands.h"

#include <csignal>
#include <cstdio>
#include <ctime>
#include <initializer_list>
#include <unistd.h>

namespace cleave::tool {

namespace {

volatile std::sig_atomic_t signalled = 0;
volatile std::sig_atomic_t signalledAt = 0; // seconds
volatile std::sig_atomic_t terminal = 0;    // someone reads standard error

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

namespace {

char joiningMessage[256];

void endWhileJoining(int) {
  size_t length = 0;
  while (joiningMessage[length])
    ++length;
  if (write(STDERR_FILENO, joiningMessage, length) < 0)
    _exit(Failed);
  _exit(Failed);
}

} // namespace

void watchWhileJoining(int64_t process) {
  std::snprintf(
      joiningMessage, sizeof(joiningMessage),
      "cleave: error[E738]: processes must all live until they have joined, found process %lld told to "
      "end before: another one has died, or the launcher was stopped\n",
      static_cast<long long>(process));
  handleWith(endWhileJoining);
}

void watchForInterrupts() {
  terminal = isatty(STDERR_FILENO);
  handleWith(remember);
}

void stopWatching() { handleWith(SIG_DFL); }

bool interrupted() { return signalled != 0; }

} // namespace cleave::tool
