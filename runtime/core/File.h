// Files as bytes: whole, mapped, or written piece by piece.
#ifndef CLEAVE_RUNTIME_CORE_FILE_H
#define CLEAVE_RUNTIME_CORE_FILE_H

#include "runtime/core/Error.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace cleave::rt {

// A read-only view of a file's bytes. Mapped, so a large file costs only the pages that are read; a file that
// another process cuts short meanwhile is that process's fault.
class MappedFile {
public:
  MappedFile() = default;
  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  // `why` receives the system's reason on failure.
  static bool open(const std::string &path, MappedFile &file, std::string &why);

  const char *data() const { return static_cast<const char *>(start); }
  int64_t size() const { return length; }

  // Copies bytes of the file without touching the mapping, whose pages would count as memory of this process
  // beside the copy. On failure `why` receives the system's reason.
  bool read(int64_t offset, int64_t bytes, void *to, std::string &why) const;

  // Gives back the memory that reading a part of the file took; the part can be read again.
  void release(const void *data, int64_t bytes) const;

private:
  void *start = nullptr;
  int64_t length = 0;
  int descriptor = -1;
};

// One step of a write.
struct Piece {
  const void *data;
  int64_t bytes;
};

// Takes the pieces of a file one after the other; small ones are put together. Whether it could write so far.
class PieceWriter {
public:
  explicit PieceWriter(int descriptor) : descriptor(descriptor) {}
  bool write(const void *data, int64_t bytes);
  bool flush();
  bool isGood() const { return good; }

private:
  int descriptor;
  bool good = true;
  std::string waiting;
};

// Whether replaceFile() may make a file there, as far as can be told beforehand; if not, `why` has the
// reason. Only a regular file is replaced: a device or a pipe is not.
bool canReplaceFile(const std::string &path, std::string &why);

// Replaces the file at `path` by `pieces` so that a kill or a power cut at any moment leaves the old file or
// the new one: a temporary file in the same folder is written, synced and renamed. On failure the old file is
// untouched, the temporary one is gone, and the system's reason is in `why`.
bool replaceFile(const std::string &path, const std::vector<Piece> &pieces, std::string &why);
// The same, of what `contents` writes; it may stop once it cannot.
bool replaceFile(const std::string &path, const std::function<void(PieceWriter &)> &contents,
                 std::string &why);

} // namespace cleave::rt

#endif
