// A program as cleave_program_describe() shows it: C structs that live as long as the object.
#ifndef CLEAVE_RUNTIME_ABI_DESCRIPTION_H
#define CLEAVE_RUNTIME_ABI_DESCRIPTION_H

#include "runtime/abi/cleave.h"
#include "runtime/core/Program.h"

#include <deque>
#include <string>
#include <vector>

namespace cleave::rt::abi {

class Description {
public:
  // Points into `program`, which outlives it.
  Description(const Program &program, std::string metadata);
  Description(const Description &) = delete;
  Description &operator=(const Description &) = delete;

  const cleave_program_info &info() const { return whole; }

private:
  const cleave_tensor_info *add(const std::string &name, const std::string &kind, const Shape &shape,
                                const std::string *source);
  const cleave_tensor_info *const *addAll(const std::vector<Port> &ports, const char *kind);
  void addEntry(const Entry &entry);

  std::string metadata;
  std::deque<std::string> kinds;
  std::deque<std::vector<const char *>> texts; // names of axes, paths
  std::deque<std::vector<const cleave_tensor_info *>> lists;
  std::deque<cleave_tensor_info> tensors;
  std::deque<cleave_entry_info> entries;
  std::vector<const cleave_entry_info *> entryList;
  cleave_program_info whole = {};
};

} // namespace cleave::rt::abi

#endif
