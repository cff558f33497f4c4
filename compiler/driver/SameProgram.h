// What processes that run one program must have alike: files, plan, options and the version of Cleave.
#ifndef CLEAVE_COMPILER_DRIVER_SAMEPROGRAM_H
#define CLEAVE_COMPILER_DRIVER_SAMEPROGRAM_H

#include "runtime/comm/Processes.h"

#include <string>
#include <utility>
#include <vector>

namespace cleave {

struct SameProgram {
  // By a hash of its content; processes may have it at different places.
  void addFile(const std::string &path, const std::string &content);

  std::vector<std::pair<std::string, std::string>> files; // path, hash
  std::string plan;                                       // hash; empty: none
  std::string options;
  std::string failure; // why there is no program here; empty: there is one
};

// Compares what all processes have, in all of them. E717: they differ from process 0's. Where that one has no
// program, the error of the others has no code: nothing is to be said.
rt::Status requireSameProgram(rt::Processes &processes, const SameProgram &mine);

} // namespace cleave

#endif
