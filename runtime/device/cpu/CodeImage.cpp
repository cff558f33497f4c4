#include "runtime/device/cpu/CodeImage.h"

#include "runtime/core/Text.h"
#include "runtime/device/cpu/KernelSupport.h"

#include <cstring>
#include <sys/mman.h>

namespace cleave::rt {

namespace {

Error malformed(const std::string &what) { return {"E807", "the code is malformed: " + what, "", {}, ""}; }

void *addressOfSupport(const std::string &name) {
  for (const SupportSymbol &symbol : supportSymbols())
    if (name == symbol.name)
      return symbol.address;
  return nullptr;
}

} // namespace

Status verify(const CodeImage &image) {
  // What is past here fits any sum of two of these numbers.
  if (image.text.size() >> 40 || image.data.size() >> 40)
    return malformed("it is larger than any program");
  auto isSlot = [&](uint64_t slot) {
    return slot % 8 == 0 && slot < image.data.size() && image.data.size() - slot >= 8;
  };
  for (const CodeImage::Import &import : image.imports) {
    if (!isSlot(import.slot))
      return malformed("the address of '" + import.name + "' belongs outside its data");
    if (!addressOfSupport(import.name))
      return malformed("it calls '" + import.name + "', which this runtime does not have");
  }
  for (const CodeImage::Relocation &relocation : image.relocations)
    if (!isSlot(relocation.slot) || relocation.target >= image.size())
      return malformed("an address in its data points outside");
  for (const CodeImage::Export &exported : image.exports)
    if (exported.offset >= image.text.size())
      return malformed("kernel '" + exported.name + "' lies outside its text");
  return {};
}

Result<std::shared_ptr<LoadedCode>> LoadedCode::load(const CodeImage &image) {
  if (Status status = verify(image); !status)
    return status.error();
  std::shared_ptr<LoadedCode> code(new LoadedCode);
  if (image.size() == 0)
    return code;
  void *block = mmap(nullptr, image.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  auto refused = [&] {
    return Error{"E702",
                 "memory must be had for the program's code, found none left for " +
                     bytesText(static_cast<int64_t>(image.size())) + " that may be executed",
                 "",
                 {},
                 ""};
  };
  if (block == MAP_FAILED)
    return refused();
  code->start = static_cast<char *>(block);
  code->mapped = image.size();
  char *data = code->start + image.dataOffset();
  auto fill = [&](uint64_t slot, const void *address) {
    std::memcpy(data + slot, &address, sizeof(address));
  };
  if (!image.text.empty())
    std::memcpy(code->start, image.text.data(), image.text.size());
  if (!image.data.empty())
    std::memcpy(data, image.data.data(), image.data.size());
  for (const CodeImage::Import &import : image.imports)
    fill(import.slot, addressOfSupport(import.name));
  for (const CodeImage::Relocation &relocation : image.relocations)
    fill(relocation.slot, code->start + relocation.target);
  if (mprotect(code->start, image.size(), PROT_READ) != 0 ||
      mprotect(code->start, image.dataOffset(), PROT_READ | PROT_EXEC) != 0)
    return refused();
  for (const CodeImage::Export &exported : image.exports)
    code->kernels[exported.name] = reinterpret_cast<KernelFunction>(code->start + exported.offset);
  return code;
}

LoadedCode::~LoadedCode() {
  if (start)
    munmap(start, mapped);
}

KernelFunction LoadedCode::lookup(const std::string &kernel) const {
  auto found = kernels.find(kernel);
  return found == kernels.end() ? nullptr : found->second;
}

} // namespace cleave::rt
