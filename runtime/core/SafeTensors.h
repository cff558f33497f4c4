// Tensors in a file, in the safetensors layout: https://github.com/huggingface/safetensors#format
//
//   8 bytes: length N of the header, little endian
//   N bytes: JSON {"__metadata__": {"name": "text"}, "path": {"dtype", "shape", "data_offsets": [begin,
//   end)}} the rest: the tensors, offsets from here
//
// Reading checks everything before a byte is used. Writing is crash-safe (replaceFile).
#ifndef CLEAVE_RUNTIME_CORE_SAFETENSORS_H
#define CLEAVE_RUNTIME_CORE_SAFETENSORS_H

#include "runtime/core/Error.h"
#include "runtime/core/File.h"
#include "runtime/core/Program.h"

#include <functional>
#include <map>

namespace cleave::rt {

// A tensor to write: axes of the shape are ignored.
struct NamedTensor {
  std::string name;
  Shape shape;
  const void *data = nullptr;
};

// E610 when the file cannot be written; the old one is then untouched.
Status writeSafeTensors(const std::string &path, const std::vector<NamedTensor> &tensors,
                        const std::map<std::string, std::string> &metadata);
// The same of tensors that lie in parts: `contents` writes the bytes of tensor number `tensor` in order.
Status writeSafeTensors(const std::string &path, const std::vector<NamedTensor> &tensors,
                        const std::map<std::string, std::string> &metadata,
                        const std::function<void(size_t tensor, PieceWriter &)> &contents);

// A file that passed every check of the format. Errors:
//   E601 missing or unreadable          E602 truncated: shorter than its header says
//   E603 header too large or not JSON   E604 a tensor's entry is malformed (dtype, shape, offsets)
//   E605 offsets outside the data, or that do not fit shape and dtype
//   E606 offsets that overlap or leave holes
class SafeTensors {
public:
  // `what` begins the rules of its errors.
  static Result<SafeTensors> open(const std::string &path, const std::string &what = "a saved state");

  // Gives back the memory that reading a tensor took.
  void release(const NamedTensor &tensor) const { file.release(tensor.data, tensor.shape.bytes()); }

  const std::map<std::string, NamedTensor> &tensors() const { return entries; }
  const std::map<std::string, std::string> &metadata() const { return facts; }
  // Copies `bytes` of one of `tensors()` from `offset` on; E601 when the file can no longer be read. Several
  // threads may read at once.
  Status read(const NamedTensor &tensor, int64_t offset, int64_t bytes, void *to) const;

private:
  std::string path;
  MappedFile file;
  std::map<std::string, NamedTensor> entries;
  std::map<std::string, std::string> facts;
};

} // namespace cleave::rt

#endif
