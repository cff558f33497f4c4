#include "tools/cleave/Interrupt.h"

#include "tools/cleave/Commands.h"

#include <csignal>
#include <cstdio>
#include <ctime>
#include <initializer_list>
#include <unistd.h>

namespace cleave::tool {

namespace {

constexpr unsigned kJoinSeconds = 120;

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

char joiningMessage[256], aloneMessage[256];

void sayAndEnd(const char *message) {
  size_t length = 0;
  while (message[length])
    ++length;
  if (write(STDERR_FILENO, message, length) < 0)
    _exit(Failed);
  _exit(Failed);
}

void endWhileJoining(int) { sayAndEnd(joiningMessage); }
void endAlone(int) { sayAndEnd(aloneMessage); }

} // namespace

void watchWhileJoining(int64_t process) {
  std::snprintf(
      joiningMessage, sizeof(joiningMessage),
      "cleave: error[E738]: processes must all live until they have joined, found process %lld told to "
      "end before: another one has died, or the launcher was stopped\n",
      static_cast<long long>(process));
  std::snprintf(
      aloneMessage, sizeof(aloneMessage),
      "cleave: error[E738]: processes must join within %u s, found process %lld to wait still: another "
      "one has died, or was never started\n",
      kJoinSeconds, static_cast<long long>(process));
  handleWith(endWhileJoining);
  std::signal(SIGALRM, endAlone);
  alarm(kJoinSeconds);
}

void watchForInterrupts() {
  alarm(0);
  terminal = isatty(STDERR_FILENO);
  handleWith(remember);
}

void stopWatching() {
  alarm(0);
  handleWith(SIG_DFL);
}

bool interrupted() { return signalled != 0; }

} // namespace cleave::tool
