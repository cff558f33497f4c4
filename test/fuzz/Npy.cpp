// Any bytes as an .npy file: rejected with a code, or every byte of the tensor can be read.
#include "runtime/core/Npy.h"
#include "test/fuzz/InputFile.h"

FUZZ_TARGET(Npy) {
  cleave::fuzz::InputFile file(bytes, size);
  auto opened = cleave::rt::Npy::open(file.path());
  if (!opened) {
    cleave::fuzz::require(!opened.error().code.empty(), "a file is rejected with a code");
    return;
  }
  uint64_t sum = 0;
  for (int64_t i = 0; i < opened->shape().bytes(); ++i)
    sum += static_cast<uint8_t>(opened->data()[i]);
  [[maybe_unused]] volatile uint64_t used = sum;
}
