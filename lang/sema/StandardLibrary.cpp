#include "lang/sema/StandardLibrary.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>

namespace cleave {

std::string standardLibrary() {
  if (const char *given = std::getenv("CLEAVE_STDLIB"))
    return given;
  // An installed prefix may be moved as a whole, so the way leads from this code's own file.
  Dl_info self = {};
  std::error_code error;
  if (dladdr(reinterpret_cast<void *>(&standardLibrary), &self) != 0 && self.dli_fname) {
    namespace fs = std::filesystem;
    // The name of an executable is how it was called, perhaps by the search path alone.
    fs::path file = fs::canonical(self.dli_fname, error);
    if (error || !std::strchr(self.dli_fname, '/'))
      file = fs::canonical("/proc/self/exe", error);
    fs::path folder = file.parent_path();
    for (int up = 0; up < 3 && folder.has_relative_path(); ++up) {
      folder = folder.parent_path();
      fs::path installed = folder / "share/cleave/stdlib";
      if (fs::is_directory(installed, error))
        return installed.string();
    }
  }
  return CLEAVE_DEFAULT_STDLIB;
}

} // namespace cleave
