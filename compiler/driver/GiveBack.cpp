#include "compiler/driver/GiveBack.h"

#include <cstdint>
#include <cstring>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>

namespace {

constexpr uintptr_t kPage = 4096;

// Segments that are written hold relocated addresses and stay.
int giveBackLibrary(dl_phdr_info *object, size_t /*size*/, void * /*data*/) {
  if (!std::strstr(object->dlpi_name, "/libLLVM") && !std::strstr(object->dlpi_name, "/libMLIR"))
    return 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto &segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0)
      continue;
    uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) & ~(kPage - 1);
    uintptr_t end = (object->dlpi_addr + segment.p_vaddr + segment.p_memsz) & ~(kPage - 1);
    if (begin < end)
      madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

} // namespace

void cleave::giveBackCompilerMemory() {
  dl_iterate_phdr(giveBackLibrary, nullptr);
  malloc_trim(0);
}
