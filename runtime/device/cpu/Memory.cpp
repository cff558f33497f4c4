#include "runtime/device/cpu/Memory.h"

#include "runtime/device/cpu/ControlGroups.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <sys/mman.h>
#include <utility>

namespace cleave::rt {

namespace {

constexpr int64_t kPage = 4096;
constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr int64_t kMost = INT64_MAX - 2 * kHugePage; // with room to align

int64_t roundUp(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

int64_t leastKnown(int64_t a, int64_t b) { return a < 0 ? b : b < 0 ? a : std::min(a, b); }

// A limit may stand on this process's group or on any above it.
int64_t leftOfControlGroups() {
  int64_t least = -1;
  for (const ControlGroup &group : controlGroups("memory")) {
    auto read = [&](const char *name) { return readNumbers(group.folder + name, 1); };
    std::vector<int64_t> limit = read(group.unified ? "memory.max" : "memory.limit_in_bytes");
    std::vector<int64_t> usage = read(group.unified ? "memory.current" : "memory.usage_in_bytes");
    if (!limit.empty() && !usage.empty())
      least = leastKnown(least, std::max<int64_t>(0, limit[0] - usage[0]));
  }
  return least;
}

int64_t leftOfSystem() {
  std::ifstream info("/proc/meminfo");
  std::string key, unit;
  for (int64_t value; info >> key >> value; std::getline(info, unit))
    if (key == "MemAvailable:")
      return value * 1024;
  return -1;
}

} // namespace

Memory::Memory(int64_t bytes) {
  if (bytes < 0 || bytes > kMost)
    return;
  bool huge = bytes >= kHugePage;
  // Room to align the start to a huge page; untouched pages cost nothing.
  int64_t room = huge ? roundUp(bytes, kHugePage) + kHugePage : roundUp(std::max<int64_t>(bytes, 1), kPage);
  void *block =
      mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (block == MAP_FAILED)
    return;
  start = block;
  length = bytes;
  mapped = room;
  if (!huge)
    return;
  auto address = reinterpret_cast<uintptr_t>(block);
  int64_t skip = static_cast<int64_t>(roundUp(static_cast<int64_t>(address), kHugePage) - address);
  if (skip > 0)
    munmap(block, skip);
  start = static_cast<char *>(block) + skip;
  mapped = room - skip;
  madvise(start, mapped, MADV_HUGEPAGE);
}

Memory::Memory(Memory &&other) noexcept
    : start(std::exchange(other.start, nullptr)), length(std::exchange(other.length, 0)),
      mapped(std::exchange(other.mapped, 0)) {}

Memory &Memory::operator=(Memory &&other) noexcept {
  std::swap(start, other.start);
  std::swap(length, other.length);
  std::swap(mapped, other.mapped);
  return *this;
}

Memory::~Memory() { release(); }

void Memory::release() {
  if (start)
    munmap(start, mapped);
  start = nullptr;
}

int64_t availableMemory() { return leastKnown(leftOfSystem(), leftOfControlGroups()); }

} // namespace cleave::rt
