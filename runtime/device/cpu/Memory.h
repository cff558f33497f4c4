// Zeroed, page-aligned memory for the regions of an instance. Large blocks ask for huge pages: touching fresh
// 4 KiB pages costs seconds per GiB.
#ifndef CLEAVE_RUNTIME_DEVICE_CPU_MEMORY_H
#define CLEAVE_RUNTIME_DEVICE_CPU_MEMORY_H

#include <cstddef>
#include <cstdint>

namespace cleave::rt {

// Owns one block; empty when the system refused it. Aligned to 64 bytes or more.
class Memory {
public:
  Memory() = default;
  // Zeroed memory of `bytes` bytes; data() is null when there is not enough.
  explicit Memory(int64_t bytes);
  Memory(Memory &&other) noexcept;
  Memory &operator=(Memory &&other) noexcept;
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;
  ~Memory();

  char *data() const { return static_cast<char *>(start); }
  int64_t size() const { return length; }

private:
  void release();

  void *start = nullptr;
  int64_t length = 0;
  int64_t mapped = 0;
};

// Bytes a new program may use: the least of the system's available memory and what the control groups of this
// process leave. Negative when neither is known.
int64_t availableMemory();

} // namespace cleave::rt

#endif
