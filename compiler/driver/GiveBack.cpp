#include "compiler/driver/GiveBack.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/ErrorHandling.h"

#include <cstdint>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>

namespace {

constexpr uintptr_t kPage = 4096;

bool holds(const dl_phdr_info &object, uintptr_t address) {
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const auto &segment = object.dlpi_phdr[i];
    uintptr_t begin = object.dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && begin <= address && address < begin + segment.p_memsz)
      return true;
  }
  return false;
}

// The objects with LLVM's or MLIR's code: their shared libraries, or the program that has them inside.
// Segments that are written hold relocated addresses and stay.
int giveBackObject(dl_phdr_info *object, size_t /*size*/, void * /*data*/) {
  if (!holds(*object, reinterpret_cast<uintptr_t>(&llvm::report_bad_alloc_error)) &&
      !holds(*object, reinterpret_cast<uintptr_t>(&mlir::registerMLIRContextCLOptions)))
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
  dl_iterate_phdr(giveBackObject, nullptr);
  malloc_trim(0);
}
