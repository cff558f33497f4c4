// Compiled programs on disk, found by the content of all they were made from. An entry is an artefact named
// by its key, so any number of processes may use one folder:
//
//   reading   takes no lock: an entry appears whole, by a rename, and is checked like any artefact
//   writing   goes to a file of its own first; of two processes that write one entry, either's will do
//   evicting  removes what was used longest ago; who has it open keeps it
//
// A cache never makes a run fail: what cannot be read is compiled, what cannot be written is not kept.
#ifndef CLEAVE_COMPILER_DRIVER_CACHE_H
#define CLEAVE_COMPILER_DRIVER_CACHE_H

#include "runtime/core/Artefact.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cleave {

// How a compilation got its code.
enum class CacheUse {
  Off,     // nobody asked for the cache
  Hit,     // from the cache
  Miss,    // compiled, and kept where that was possible
  Replaced // the entry was damaged; compiled and kept in its place
};
// "off", "hit", "miss", "replaced".
const char *nameOf(CacheUse use);

// The folder of this user's cache: the environment's CLEAVE_CACHE (empty: none), else $XDG_CACHE_HOME/cleave,
// else ~/.cache/cleave; empty where there is none of these.
std::string standardCacheFolder();

// What all entries may take: the environment's CLEAVE_CACHE_SIZE in MiB, else 1 GiB.
int64_t standardCacheLimit();

struct CacheEntry {
  std::string key;
  int64_t bytes = 0;
  int64_t unusedSeconds = 0; // since it was made or last read
  bool damaged = false;      // no artefact of this compiler's format; the rest is then empty
  rt::ArtefactFacts facts;
  std::vector<std::string> entries; // of the program
};

class Cache {
public:
  explicit Cache(std::string folder, int64_t mostBytes = standardCacheLimit())
      : folder(std::move(folder)), mostBytes(mostBytes) {}

  // The entry's program, ready to run. None when there is no such entry; `damaged` when there is one that
  // cannot be used. `bytes` receives those of the artefact, where they are asked for.
  std::optional<rt::Artefact> load(const std::string &key, bool &damaged, std::string *bytes = nullptr) const;

  // Keeps an artefact's bytes, and evicts others until all fit. False when it could not be written.
  bool store(const std::string &key, const std::string &bytes) const;

  // All entries, the one used last first.
  std::vector<CacheEntry> list() const;

  // Removes every entry: how many and how many bytes. E809 when one cannot be.
  struct Cleared {
    int64_t entries = 0, bytes = 0;
  };
  rt::Result<Cleared> clear() const;

  const std::string &path() const { return folder; }
  int64_t limit() const { return mostBytes; }

private:
  std::string fileOf(const std::string &key) const { return folder + "/" + key + ".cleave"; }
  bool isOurs() const;
  void evict(const std::string &keep) const;

  std::string folder;
  int64_t mostBytes;
};

} // namespace cleave

#endif
