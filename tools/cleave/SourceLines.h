// The text of files that facts name lines of.
#ifndef CLEAVE_TOOLS_CLEAVE_SOURCELINES_H
#define CLEAVE_TOOLS_CLEAVE_SOURCELINES_H

#include "lang/diag/Engine.h"

#include <map>
#include <string>
#include <vector>

namespace cleave::tool {

// Files of the program as they were checked, and others (a plan in the library) as they lie on the disk.
class SourceLines {
public:
  explicit SourceLines(const diag::Engine &engine) : engine(engine) {}

  // Without their ends; empty where there is no such file.
  const std::vector<std::string> &of(const std::string &file);
  // From 1; "" where there is none.
  std::string line(const std::string &file, int number);

private:
  const diag::Engine &engine;
  std::map<std::string, std::vector<std::string>> read;
};

} // namespace cleave::tool

#endif
