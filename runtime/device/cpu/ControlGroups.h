// The control groups this process is in: where containers and job schedulers put limits.
#ifndef CLEAVE_RUNTIME_DEVICE_CPU_CONTROLGROUPS_H
#define CLEAVE_RUNTIME_DEVICE_CPU_CONTROLGROUPS_H

#include <cstdint>
#include <string>
#include <vector>

namespace cleave::rt {

struct ControlGroup {
  std::string folder;   // ends in '/'
  bool unified = false; // version 2, whose files have other names
};

// This process's group for "memory" or "cpu" and all above it, innermost first.
std::vector<ControlGroup> controlGroups(const std::string &controller);

// Numbers at the start of a one-line file; fewer than `most` where it says "max" or is missing.
std::vector<int64_t> readNumbers(const std::string &path, size_t most);

} // namespace cleave::rt

#endif
