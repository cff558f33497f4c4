#include "compiler/driver/Cache.h"

#include "runtime/core/File.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

namespace cleave {

namespace {

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr size_t kKeyLength = 64;
constexpr char kSuffix[] = ".cleave";
constexpr char kPartial[] = ".partial";
constexpr int64_t kAbandonedSeconds = 3600; // a partial file this old is a killed process's

struct File {
  std::string name;
  int64_t bytes = 0;
  timespec used = {};
};

bool endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Only what the cache itself writes: 64 hexadecimal digits, then a suffix. Other files are left alone.
bool isOfCache(const std::string &name) {
  bool isKey = name.size() > kKeyLength && name.find_first_not_of("0123456789abcdef") == kKeyLength;
  return isKey && (name.compare(kKeyLength, std::string::npos, kSuffix) == 0 || endsWith(name, kPartial));
}

std::vector<File> filesIn(const std::string &folder) {
  std::vector<File> files;
  DIR *entries = opendir(folder.c_str());
  if (!entries)
    return files;
  while (dirent *entry = readdir(entries)) {
    struct stat facts;
    if (isOfCache(entry->d_name) &&
        fstatat(dirfd(entries), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(facts.st_mode))
      files.push_back({entry->d_name, facts.st_size, facts.st_mtim});
  }
  closedir(entries);
  std::sort(files.begin(), files.end(), [](const File &a, const File &b) {
    return std::tie(b.used.tv_sec, b.used.tv_nsec, a.name) < std::tie(a.used.tv_sec, a.used.tv_nsec, b.name);
  });
  return files;
}

int64_t ageOf(const File &file) { return std::max<int64_t>(0, std::time(nullptr) - file.used.tv_sec); }

} // namespace

const char *nameOf(CacheUse use) {
  switch (use) {
  case CacheUse::Off:
    return "off";
  case CacheUse::Hit:
    return "hit";
  case CacheUse::Miss:
    return "miss";
  case CacheUse::Replaced:
    return "replaced";
  }
  return "?";
}

std::string standardCacheFolder() {
  if (const char *given = std::getenv("CLEAVE_CACHE"))
    return given;
  if (const char *base = std::getenv("XDG_CACHE_HOME"); base && base[0] == '/')
    return std::string(base) + "/cleave";
  if (const char *home = std::getenv("HOME"); home && home[0] == '/')
    return std::string(home) + "/.cache/cleave";
  return "";
}

int64_t standardCacheLimit() {
  const char *given = std::getenv("CLEAVE_CACHE_SIZE");
  char *end = nullptr;
  errno = 0;
  long long size = given ? std::strtoll(given, &end, 10) : 0;
  bool good = given && end != given && *end == '\0' && errno == 0 && size >= 0 && size <= INT64_MAX / kMiB;
  return good ? size * kMiB : 1024 * kMiB;
}

// Code is run from here, so nobody else may be able to put any.
bool Cache::isOurs() const {
  struct stat facts;
  return stat(folder.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == geteuid() &&
         (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

std::optional<rt::Artefact> Cache::load(const std::string &key, bool &damaged, std::string *bytes) const {
  damaged = false;
  std::string path = fileOf(key);
  if (!isOurs())
    return std::nullopt;
  rt::MappedFile file;
  std::string why;
  if (bytes && rt::MappedFile::open(path, file, why))
    bytes->assign(file.data(), file.size());
  rt::Result<rt::Artefact> loaded =
      bytes && file.data() ? rt::loadArtefact(bytes->data(), static_cast<int64_t>(bytes->size()), path)
                           : rt::loadArtefact(path);
  if (loaded && loaded->facts.origin == key) {
    utimensat(AT_FDCWD, path.c_str(), nullptr, 0); // used now
    return std::move(*loaded);
  }
  damaged = loaded || loaded.error().code != "E801";
  return std::nullopt;
}

bool Cache::store(const std::string &key, const std::string &bytes) const {
  if (static_cast<int64_t>(bytes.size()) > mostBytes)
    return false;
  std::error_code failed;
  std::filesystem::path parent = std::filesystem::path(folder).parent_path();
  if (!parent.empty())
    std::filesystem::create_directories(parent, failed);
  mkdir(folder.c_str(), 0700);
  if (!isOurs())
    return false;
  // Not synced: an entry that a power cut leaves half written is damaged, and replaced.
  std::string partial = folder + "/" + key + "-XXXXXX" + kPartial;
  int descriptor = mkstemps(partial.data(), sizeof(kPartial) - 1);
  if (descriptor < 0)
    return false;
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t written = write(descriptor, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno != EINTR)
      break;
    done += std::max<ssize_t>(0, written);
  }
  bool whole = close(descriptor) == 0 && done == bytes.size();
  if (!whole || rename(partial.c_str(), fileOf(key).c_str()) != 0) {
    unlink(partial.c_str());
    return false;
  }
  evict(key + kSuffix);
  return true;
}

// Down to nine tenths, so that not every new entry walks the folder twice.
void Cache::evict(const std::string &keep) const {
  std::vector<File> files = filesIn(folder);
  int64_t total = 0;
  for (const File &file : files) {
    if (endsWith(file.name, kPartial) && ageOf(file) > kAbandonedSeconds)
      unlink((folder + "/" + file.name).c_str());
    else
      total += file.bytes;
  }
  if (total <= mostBytes)
    return;
  for (size_t i = files.size(); i-- > 0 && total > mostBytes / 10 * 9;) {
    if (files[i].name == keep || endsWith(files[i].name, kPartial))
      continue;
    unlink((folder + "/" + files[i].name).c_str()); // another process may have been faster
    total -= files[i].bytes;
  }
}

std::vector<CacheEntry> Cache::list() const {
  std::vector<CacheEntry> entries;
  for (const File &file : filesIn(folder)) {
    if (endsWith(file.name, kPartial))
      continue;
    CacheEntry entry;
    entry.key = file.name.substr(0, kKeyLength);
    entry.bytes = file.bytes;
    entry.unusedSeconds = ageOf(file);
    rt::Result<rt::ArtefactContents> contents = rt::readArtefact(folder + "/" + file.name);
    entry.damaged = !contents || contents->facts.origin != entry.key;
    if (!entry.damaged) {
      entry.facts = std::move(contents->facts);
      for (const rt::Entry &of : contents->program.entries)
        entry.entries.push_back(of.name);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

rt::Result<Cache::Cleared> Cache::clear() const {
  Cleared cleared;
  for (const File &file : filesIn(folder)) {
    if (unlink((folder + "/" + file.name).c_str()) != 0 && errno != ENOENT)
      return rt::Error{"E809",
                       "entries of the cache must be removable, found that one in '" + folder +
                           "' cannot: " + std::strerror(errno),
                       "",
                       {},
                       ""};
    cleared.entries += !endsWith(file.name, kPartial);
    cleared.bytes += file.bytes;
  }
  return cleared;
}

} // namespace cleave
