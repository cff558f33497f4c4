#include "runtime/device/cpu/ControlGroups.h"

#include <fstream>

namespace cleave::rt {

std::vector<int64_t> readNumbers(const std::string &path, size_t most) {
  std::ifstream file(path);
  std::vector<int64_t> numbers;
  for (int64_t value; numbers.size() < most && file >> value;)
    numbers.push_back(value);
  return numbers;
}

// Lines of /proc/self/cgroup: "0::/path" for version 2, "7:cpu,cpuacct:/path" for version 1.
std::vector<ControlGroup> controlGroups(const std::string &controller) {
  std::vector<ControlGroup> groups;
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    size_t first = line.find(':');
    size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos)
      continue;
    std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    bool unified = controllers == ",,";
    if (!unified && controllers.find("," + controller + ",") == std::string::npos)
      continue;
    std::string root = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/" + controller;
    std::string path = line.substr(second + 1);
    while (!path.empty() && path.back() == '/')
      path.pop_back();
    for (;; path.resize(path.find_last_of('/'))) {
      groups.push_back({root + path + "/", unified});
      if (path.empty())
        break;
    }
  }
  return groups;
}

} // namespace cleave::rt
