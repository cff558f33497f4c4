#include "runtime/core/Ports.h"

#include "runtime/core/Text.h"

namespace cleave::rt {

namespace {

std::vector<std::string> namesOf(const std::vector<Port> &ports) {
  std::vector<std::string> names;
  for (const Port &port : ports)
    names.push_back(port.name);
  return names;
}

} // namespace

Error unknown(const char *code, const std::string &rule, const std::string &name,
              const std::vector<std::string> &candidates) {
  Error error = {code, rule + ", found '" + name + "'", "", {}, ""};
  if (std::string near = nearest(name, candidates); !near.empty())
    error.hint = "did you mean '" + near + "'?";
  else if (!candidates.empty())
    error.notes.push_back("there are " + listText(candidates, 8));
  return error;
}

Error wrongSize(const char *kind, const std::string &name, const Shape &shape, int64_t bytes,
                const std::string &location) {
  return {"E511",
          std::string("a value must have the size of its ") + kind + ", found " + std::to_string(bytes) +
              " bytes for '" + name + "', " + toString(shape) + " of " + std::to_string(shape.bytes()),
          location,
          {},
          ""};
}

Result<int> findPort(const std::vector<Port> &ports, const std::string &name, const char *kind) {
  for (size_t i = 0; i < ports.size(); ++i)
    if (ports[i].name == name)
      return static_cast<int>(i);
  return unknown("E510", std::string("an ") + kind + " must be one of the entry's", name, namesOf(ports));
}

} // namespace cleave::rt
