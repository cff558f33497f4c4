// Bytes as a file, for readers that take a path. It lies in memory.
#ifndef CLEAVE_TEST_FUZZ_INPUTFILE_H
#define CLEAVE_TEST_FUZZ_INPUTFILE_H

#include "test/fuzz/Target.h"

#include <sys/mman.h>
#include <unistd.h>

namespace cleave::fuzz {

class InputFile {
public:
  InputFile(const uint8_t *bytes, size_t size) : file(memfd_create("input", 0)) {
    for (size_t at = 0; file >= 0 && at < size;) {
      ssize_t written = write(file, bytes + at, size - at);
      require(written > 0, "the input fits in memory");
      at += static_cast<size_t>(written);
    }
  }
  ~InputFile() { close(file); }
  InputFile(const InputFile &) = delete;
  InputFile &operator=(const InputFile &) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(file); }

private:
  int file;
};

} // namespace cleave::fuzz

#endif
