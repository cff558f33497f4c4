#include "runtime/comm/mpi/Library.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>

namespace cleave::rt::mpi {

namespace {

namespace fs = std::filesystem;

struct LibraryFacts {
  const char *plugin;  // file
  const char *symbol;  // that no other MPI library has
  const char *package; // of Debian
};

const LibraryFacts &factsOf(MpiLibrary library) {
  static const LibraryFacts kOpenMpi = {"cleave-mpi-openmpi.so", "ompi_mpi_comm_world", "openmpi-bin"};
  static const LibraryFacts kMpich = {"cleave-mpi-mpich.so", "MPIR_Version_string", "mpich"};
  return library == MpiLibrary::OpenMpi ? kOpenMpi : kMpich;
}

// Beside the library or the command that this code is in, or where its prefix has libraries.
std::vector<fs::path> placesOfPlugins() {
  std::vector<fs::path> places;
  if (const char *folder = std::getenv("CLEAVE_PLUGINS"); folder && *folder)
    return {folder};
  Dl_info self;
  if (dladdr(reinterpret_cast<void *>(&placesOfPlugins), &self) == 0 || !self.dli_fname)
    return places;
  std::error_code error;
  fs::path file = fs::canonical(self.dli_fname, error);
  if (error || !std::strchr(self.dli_fname, '/')) // a name without a folder: found by PATH
    file = fs::canonical("/proc/self/exe", error);
  for (const fs::path &folder : {file.parent_path(), file.parent_path().parent_path() / "lib",
                                 file.parent_path().parent_path() / CLEAVE_LIBRARY_FOLDER,
                                 file.parent_path().parent_path().parent_path() / "lib"}) // build/test/unit
    places.push_back(folder);
  return places;
}

Error noLibrary(MpiLibrary library, std::string found) {
  return {"E750",
          "ranks in several processes need an MPI library and its plug-in, found " + std::move(found),
          "",
          {},
          std::string("install ") + factsOf(library).package +
              " (and its headers when Cleave is built), or say --communicator local"};
}

} // namespace

Result<const CleaveTransport *> loadTransport(MpiLibrary library) {
  MpiLibrary other = library == MpiLibrary::OpenMpi ? MpiLibrary::Mpich : MpiLibrary::OpenMpi;
  const LibraryFacts &facts = factsOf(library);
  if (dlsym(RTLD_DEFAULT, factsOf(other).symbol))
    return Error{"E751",
                 std::string("the processes of a program are started and joined by one MPI library, found ") +
                     nameOf(other) + " loaded where " + nameOf(library) + " is asked for",
                 "",
                 {},
                 ""};
  std::string file;
  for (const fs::path &folder : placesOfPlugins()) {
    std::error_code error;
    if (fs::exists(folder / facts.plugin, error)) {
      file = (folder / facts.plugin).string();
      break;
    }
  }
  if (file.empty())
    return noLibrary(library, std::string("no ") + facts.plugin +
                                  ": Cleave was built without the headers of " + nameOf(library));
  // Open MPI's own components look its symbols up among those of all.
  void *handle = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (!handle) {
    const char *why = dlerror();
    return noLibrary(library, std::string("none that can be loaded: ") + (why ? why : file));
  }
  auto *table = reinterpret_cast<const CleaveTransport *(*)()>(dlsym(handle, "cleaveTransport"));
  if (!table || table()->version != kCleaveTransportVersion)
    return noLibrary(library, "a plug-in of another version of Cleave: " + file);
  return table();
}

} // namespace cleave::rt::mpi
