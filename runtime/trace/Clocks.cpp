#include "runtime/trace/Clocks.h"

#include <chrono>
#include <cmath>
#include <fstream>
#include <unistd.h>

namespace cleave::rt {

int64_t steadyNanoseconds() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A container may have a clock of its own.
std::string steadyClockName() {
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  char space[64] = "";
  ssize_t length = readlink("/proc/self/ns/time", space, sizeof(space) - 1);
  return boot.empty() ? "" : boot + " " + std::string(space, length > 0 ? length : 0);
}

int64_t ClockRelation::translate(int64_t time) const {
  double between = static_cast<double>(last.at - first.at);
  double part = between > 0 ? static_cast<double>(time - first.at) / between : 0;
  return time - first.ahead - std::llround(part * static_cast<double>(last.ahead - first.ahead));
}

} // namespace cleave::rt
