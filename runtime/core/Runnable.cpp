#include "runtime/core/Runnable.h"

#include "runtime/core/Ports.h"

namespace cleave::rt {

Result<int> Runnable::findEntry(const std::string &name) const {
  for (size_t i = 0; i < program().entries.size(); ++i)
    if (program().entries[i].name == name)
      return static_cast<int>(i);
  std::vector<std::string> names;
  for (const Entry &entry : program().entries)
    names.push_back(entry.name);
  return unknown("E701", "an entry must be one of the program's", name, names);
}

Result<int> Runnable::findInput(int entry, const std::string &name) const {
  return findPort(program().entries[entry].inputs, name, "input");
}

Result<int> Runnable::findOutput(int entry, const std::string &name) const {
  return findPort(program().entries[entry].outputs, name, "output");
}

Status Runnable::run(const std::string &entry) {
  Result<int> index = findEntry(entry);
  return index ? run(*index) : Status(index.error());
}

Status Runnable::setInput(const std::string &entry, const std::string &input, const void *data,
                          int64_t bytes) {
  Result<int> index = findEntry(entry);
  return index ? setInput(*index, input, data, bytes) : Status(index.error());
}

Result<TensorView> Runnable::output(const std::string &entry, const std::string &name) const {
  Result<int> index = findEntry(entry);
  if (!index)
    return index.error();
  return output(*index, name);
}

} // namespace cleave::rt
