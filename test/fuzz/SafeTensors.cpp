// Any bytes as a safetensors file: rejected with a code, or every byte of every tensor can be read.
#include "runtime/core/SafeTensors.h"
#include "test/fuzz/InputFile.h"

FUZZ_TARGET(SafeTensors) {
  cleave::fuzz::InputFile file(bytes, size);
  auto opened = cleave::rt::SafeTensors::open(file.path());
  if (!opened) {
    cleave::fuzz::require(!opened.error().code.empty(), "a file is rejected with a code");
    return;
  }
  uint64_t sum = 0;
  for (const auto &[name, tensor] : opened->tensors()) {
    const char *data = static_cast<const char *>(tensor.data);
    for (int64_t i = 0; i < tensor.shape.bytes(); ++i)
      sum += static_cast<uint8_t>(data[i]);
  }
  [[maybe_unused]] volatile uint64_t used = sum;
}
