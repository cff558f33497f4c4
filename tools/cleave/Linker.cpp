#include "tools/cleave/Linker.h"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

namespace cleave::tool {

// Segments that are never written hold the same bytes as the file; relocations are made in writable ones.
static int forget(dl_phdr_info *object, size_t, void *) {
  auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || segment.p_flags != PF_R)
      continue;
    uintptr_t begin = (object->dlpi_addr + segment.p_vaddr + page - 1) / page * page;
    uintptr_t end = (object->dlpi_addr + segment.p_vaddr + segment.p_filesz) / page * page;
    if (begin < end)
      madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

void forgetLinkerTables() { dl_iterate_phdr(forget, nullptr); }

} // namespace cleave::tool
