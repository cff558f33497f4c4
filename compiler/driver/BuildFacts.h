// What a Cleave was built from, and what it compiles for: the text of `cleave --version`.
#ifndef CLEAVE_COMPILER_DRIVER_BUILDFACTS_H
#define CLEAVE_COMPILER_DRIVER_BUILDFACTS_H

#include <string>

namespace cleave {

struct BuildFacts {
  std::string version;   // of Cleave: "0.1.0"
  std::string commit;    // of the sources, "-changed" behind it when they are not quite; empty when not known
  std::string buildType; // "Release"
  std::string llvm;      // "22.1.8"
  std::string target;    // "x86_64-pc-linux-gnu"
  std::string processor; // of this machine, as LLVM names it
};

BuildFacts buildFacts();

// One fact per line, the version first.
std::string toString(const BuildFacts &facts);

} // namespace cleave

#endif
