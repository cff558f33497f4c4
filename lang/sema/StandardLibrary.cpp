#include "lang/sema/StandardLibrary.h"

#include <cstdlib>
#include <unistd.h>

namespace cleave {

std::string standardLibrary() {
  if (const char *given = std::getenv("CLEAVE_STDLIB"))
    return given;
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  if (length > 0) {
    std::string folder(path, length);
    folder.resize(folder.find_last_of('/'));
    std::string installed = folder + "/../share/cleave/stdlib";
    if (access(installed.c_str(), R_OK) == 0)
      return installed;
  }
  return CLEAVE_DEFAULT_STDLIB;
}

} // namespace cleave
