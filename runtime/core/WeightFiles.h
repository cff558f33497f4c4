// Published weights on disk: one file in the safetensors layout, or several with an index of which holds
// what.
#ifndef CLEAVE_RUNTIME_CORE_WEIGHTFILES_H
#define CLEAVE_RUNTIME_CORE_WEIGHTFILES_H

#include "runtime/core/SafeTensors.h"

namespace cleave::rt {

// Errors: those of SafeTensors, and
//   E601 no weights at the path           E617 an index that is malformed, names a file that is not there, or
//   a tensor that its file has not
class WeightFiles {
public:
  // `path`: a .safetensors file, an index (.json), or a folder with model.safetensors.index.json,
  // model.safetensors or one .safetensors file.
  static Result<WeightFiles> open(const std::string &path);

  // Null when there is none of this name.
  const NamedTensor *find(const std::string &name) const;
  std::vector<std::string> names() const;
  void release(const std::string &name) const;

private:
  Status openIndex(const std::string &path);
  Status openFile(const std::string &path);

  std::vector<SafeTensors> files;
  std::map<std::string, size_t> holders; // by name of a tensor
};

} // namespace cleave::rt

#endif
