// Native code that may lie anywhere in memory, and how it gets there. Text and data refer to each other by
// distance, so that nothing in text changes; what must be an address lies in slots of the data.
//
//   text  at 0                              executable, read only
//   data  at roundUp(text, kCodePage)       read only once its slots are filled
#ifndef CLEAVE_RUNTIME_DEVICE_CPU_CODEIMAGE_H
#define CLEAVE_RUNTIME_DEVICE_CPU_CODEIMAGE_H

#include "runtime/core/Error.h"
#include "runtime/core/Program.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace cleave::rt {

constexpr uint64_t kCodePage = 4096;

struct CodeImage {
  // Slots are 8 bytes of the data, by their offset in it.
  struct Import { // the slot receives the address of a runtime function, see KernelSupport.h
    std::string name;
    uint64_t slot = 0;
  };
  struct Relocation { // the slot receives the address of an offset in the image
    uint64_t slot = 0;
    uint64_t target = 0;
  };
  struct Export { // a kernel, by its offset in the text
    std::string name;
    uint64_t offset = 0;
  };

  std::vector<uint8_t> text, data;
  std::vector<Import> imports;
  std::vector<Relocation> relocations;
  std::vector<Export> exports;

  uint64_t dataOffset() const { return (text.size() + kCodePage - 1) / kCodePage * kCodePage; }
  uint64_t size() const { return dataOffset() + data.size(); }
};

// Every slot, target and export lies inside, and every import is known. E807.
Status verify(const CodeImage &image);

// Owns code in memory; addresses are valid as long as it lives.
class LoadedCode {
public:
  // E807 as verify(), E702 when the system refuses executable memory.
  static Result<std::shared_ptr<LoadedCode>> load(const CodeImage &image);
  ~LoadedCode();
  LoadedCode(const LoadedCode &) = delete;
  LoadedCode &operator=(const LoadedCode &) = delete;

  // Null when there is no such kernel.
  KernelFunction lookup(const std::string &kernel) const;

private:
  LoadedCode() = default;

  char *start = nullptr;
  uint64_t mapped = 0;
  std::map<std::string, KernelFunction> kernels;
};

} // namespace cleave::rt

#endif
