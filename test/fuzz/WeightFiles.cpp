// Any bytes as the index of published weights (model.safetensors.index.json), beside two files that it may
// name: rejected with a code, or every tensor that it lists is found.
#include "runtime/core/WeightFiles.h"
#include "test/fuzz/Target.h"

#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace cleave;

// A folder of this process, gone with it.
class Folder {
public:
  Folder() : path(std::filesystem::temp_directory_path() / ("cleave-fuzz-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path);
    float numbers[4] = {1, 2, 3, 4};
    rt::Shape shape;
    shape.sizes = {2, 2};
    for (const char *name : {"a", "b"}) {
      rt::Status written =
          rt::writeSafeTensors(path / (name + std::string(".safetensors")), {{name, shape, numbers}}, {});
      fuzz::require(written.ok(), "the files beside the index can be written");
    }
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  const std::filesystem::path path;
};

FUZZ_TARGET(WeightFiles) {
  static const Folder folder;
  std::string index = folder.path / "model.safetensors.index.json";
  std::ofstream(index, std::ios::binary)
      .write(reinterpret_cast<const char *>(bytes), static_cast<std::streamsize>(size));
  auto opened = rt::WeightFiles::open(index);
  if (!opened) {
    fuzz::require(!opened.error().code.empty(), "an index is rejected with a code");
    return;
  }
  for (const std::string &name : opened->names()) {
    const rt::NamedTensor *tensor = opened->find(name);
    fuzz::require(tensor && tensor->data, "what an index lists is found", name);
    opened->release(name);
  }
}
