#include "runtime/core/File.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace cleave::rt {

MappedFile::MappedFile(MappedFile &&other) noexcept
    : start(std::exchange(other.start, nullptr)), length(std::exchange(other.length, 0)),
      descriptor(std::exchange(other.descriptor, -1)) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(start, other.start);
  std::swap(length, other.length);
  std::swap(descriptor, other.descriptor);
  return *this;
}

MappedFile::~MappedFile() {
  if (start)
    munmap(start, length);
  if (descriptor >= 0)
    close(descriptor);
}

bool MappedFile::read(int64_t offset, int64_t bytes, void *to, std::string &why) const {
  char *out = static_cast<char *>(to);
  while (bytes > 0) {
    ssize_t got = pread(descriptor, out, bytes, offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0) {
      why = got < 0 ? std::strerror(errno) : "it was cut short meanwhile";
      return false;
    }
    out += got;
    offset += got;
    bytes -= got;
  }
  return true;
}

void MappedFile::release(const void *data, int64_t bytes) const {
  // Whole pages inside the part: its neighbours share the others.
  uintptr_t page = sysconf(_SC_PAGESIZE), begin = reinterpret_cast<uintptr_t>(data);
  uintptr_t end = (begin + bytes) / page * page;
  begin = (begin + page - 1) / page * page;
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

bool MappedFile::open(const std::string &path, MappedFile &file, std::string &why) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    why = std::strerror(errno);
    return false;
  }
  struct stat facts;
  bool good = fstat(descriptor, &facts) == 0;
  if (good && S_ISDIR(facts.st_mode)) {
    good = false;
    errno = EISDIR;
  }
  MappedFile result;
  if (good && facts.st_size > 0) {
    void *block = mmap(nullptr, facts.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    good = block != MAP_FAILED;
    if (good) {
      result.start = block;
      result.length = facts.st_size;
    }
  }
  if (!good)
    why = std::strerror(errno);
  if (good && result.start) {
    result.descriptor = descriptor;
    file = std::move(result);
    return true;
  }
  close(descriptor);
  if (good)
    file = MappedFile();
  return good;
}

namespace {

std::string folderOf(const std::string &path) {
  size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string nameOf(const std::string &path) { return path.substr(path.find_last_of('/') + 1); }

// Removes what saves that were killed have left: `.NAME.PID.partial` of processes that are gone.
void removeLeftovers(const std::string &folder, const std::string &name) {
  DIR *entries = opendir(folder.c_str());
  if (!entries)
    return;
  std::string prefix = "." + name + ".";
  std::string suffix = ".partial";
  while (dirent *entry = readdir(entries)) {
    std::string found = entry->d_name;
    if (found.size() <= prefix.size() + suffix.size() || found.compare(0, prefix.size(), prefix) != 0 ||
        found.compare(found.size() - suffix.size(), suffix.size(), suffix) != 0)
      continue;
    std::string middle = found.substr(prefix.size(), found.size() - prefix.size() - suffix.size());
    if (middle.size() > 9 || middle.find_first_not_of("0123456789") != std::string::npos)
      continue;
    pid_t process = std::atoi(middle.c_str());
    if (process > 0 && kill(process, 0) != 0 && errno == ESRCH)
      unlink((folder + "/" + found).c_str());
  }
  closedir(entries);
}

constexpr size_t kGathered = size_t{1} << 20; // bytes of small pieces that are written at once
constexpr int64_t kSmall = int64_t{64} << 10;

bool writeAll(int descriptor, const char *data, int64_t bytes) {
  for (int64_t left = bytes; left > 0;) {
    ssize_t written = write(descriptor, data, std::min<int64_t>(left, int64_t{1} << 30));
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return false;
    data += written;
    left -= written;
  }
  return true;
}

// The file a path means behind symbolic links, so that a save replaces it and not the link.
std::string behindLinks(const std::string &path) {
  char resolved[PATH_MAX];
  return realpath(path.c_str(), resolved) ? resolved : path;
}

} // namespace

bool canReplaceFile(const std::string &path, std::string &why) {
  std::string target = behindLinks(path);
  struct stat facts;
  errno = 0;
  bool there = stat(target.c_str(), &facts) == 0;
  if (there && S_ISDIR(facts.st_mode)) {
    errno = EISDIR;
  } else if (there && !S_ISREG(facts.st_mode)) {
    why = "it is no regular file"; // a device or a pipe would be replaced by one
    return false;
  } else if (access(folderOf(target).c_str(), W_OK | X_OK) == 0) {
    return true;
  }
  why = std::strerror(errno);
  return false;
}

bool PieceWriter::write(const void *data, int64_t bytes) {
  if (bytes < kSmall) {
    waiting.append(static_cast<const char *>(data), bytes);
    return waiting.size() < kGathered || flush();
  }
  flush();
  return good = good && writeAll(descriptor, static_cast<const char *>(data), bytes);
}

bool PieceWriter::flush() {
  good = good && writeAll(descriptor, waiting.data(), static_cast<int64_t>(waiting.size()));
  waiting.clear();
  return good;
}

bool replaceFile(const std::string &path, const std::vector<Piece> &pieces, std::string &why) {
  auto contents = [&](PieceWriter &writer) {
    for (const Piece &piece : pieces)
      if (!writer.write(piece.data, piece.bytes))
        return;
  };
  return replaceFile(path, contents, why);
}

bool replaceFile(const std::string &path, const std::function<void(PieceWriter &)> &contents,
                 std::string &why) {
  if (!canReplaceFile(path, why))
    return false;
  std::string target = behindLinks(path);
  std::string folder = folderOf(target);
  removeLeftovers(folder, nameOf(target));
  // The name is this process's own: two processes that save to one path never share a temporary file.
  std::string temporary = folder + "/." + nameOf(target) + "." + std::to_string(getpid()) + ".partial";
  int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  bool good = descriptor >= 0;
  if (good) {
    PieceWriter writer(descriptor);
    contents(writer);
    good = writer.flush();
  }
  good = good && fsync(descriptor) == 0;
  int reason = errno;
  if (descriptor >= 0 && close(descriptor) != 0 && good) {
    reason = errno;
    good = false;
  }
  if (good && rename(temporary.c_str(), target.c_str()) != 0) {
    reason = errno;
    good = false;
  }
  if (!good) {
    why = std::strerror(reason);
    if (descriptor >= 0)
      unlink(temporary.c_str());
    return false;
  }
  // The rename itself must survive a power cut. Some file systems cannot sync a folder; the data is safe
  // then.
  int parent = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent >= 0) {
    fsync(parent);
    close(parent);
  }
  return true;
}

} // namespace cleave::rt
