// NumPy's .npy files: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
//
// Read: versions 1 to 3, C order, little endian. Every header is validated before a byte of data is used.
#ifndef CLEAVE_RUNTIME_CORE_NPY_H
#define CLEAVE_RUNTIME_CORE_NPY_H

#include "runtime/core/Error.h"
#include "runtime/core/File.h"
#include "runtime/core/Program.h"

namespace cleave::rt {

class Npy {
public:
  // Maps the file. E501 missing or unreadable, E505 not a valid .npy file.
  static Result<Npy> open(const std::string &path);

  const Shape &shape() const { return header; } // axes are empty
  const char *data() const { return file.data() + start; }

private:
  MappedFile file;
  Shape header;
  int64_t start = 0;
};

// Writes a tensor as version 1.0. bf16, which .npy lacks, is written as f32, with the same values. Crash-safe
// as replaceFile() is. E507 when it cannot be written.
Status writeNpy(const std::string &path, const Shape &shape, const void *data);

} // namespace cleave::rt

#endif
