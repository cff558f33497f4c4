#include "tools/cleave/Interrupt.h"

#include <csignal>
#include <initializer_list>

namespace cleave::tool {

namespace {

volatile std::sig_atomic_t signalled = 0;

void remember(int) { signalled = 1; }

} // namespace

void watchForInterrupts() {
  struct sigaction action = {};
  action.sa_handler = remember;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (int signal : {SIGINT, SIGTERM})
    sigaction(signal, &action, nullptr);
}

bool interrupted() { return signalled != 0; }

} // namespace cleave::tool
