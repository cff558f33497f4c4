#include "compiler/driver/BuildId.h"

#include <cstring>
#include <elf.h>
#include <link.h>
#include <sys/stat.h>

namespace cleave {

namespace {

constexpr char kHex[] = "0123456789abcdef";

std::string hex(const unsigned char *bytes, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += {kHex[bytes[i] >> 4], kHex[bytes[i] & 15]};
  return text;
}

size_t padded(size_t size) { return (size + 3) / 4 * 4; }

// The note "GNU" of type NT_GNU_BUILD_ID, or empty.
std::string noteOf(const dl_phdr_info &module) {
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = module.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE)
      continue;
    const char *at = reinterpret_cast<const char *>(module.dlpi_addr + segment.p_vaddr);
    const char *end = at + segment.p_memsz;
    while (end - at >= static_cast<ptrdiff_t>(sizeof(ElfW(Nhdr)))) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof(note));
      const char *name = at + sizeof(note), *value = name + padded(note.n_namesz);
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
        return hex(reinterpret_cast<const unsigned char *>(value), note.n_descsz);
      at = value + padded(note.n_descsz);
    }
  }
  return "";
}

std::string factsOf(const char *path) {
  struct stat facts;
  const char *file = path && *path ? path : "/proc/self/exe";
  if (stat(file, &facts) != 0)
    return "";
  return std::string(file) + ":" + std::to_string(facts.st_size) + ":" +
         std::to_string(facts.st_mtim.tv_sec) + "." + std::to_string(facts.st_mtim.tv_nsec);
}

bool holds(const dl_phdr_info &module, const void *address) {
  auto place = reinterpret_cast<ElfW(Addr)>(address) - module.dlpi_addr;
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = module.dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && place >= segment.p_vaddr && place - segment.p_vaddr < segment.p_memsz)
      return true;
  }
  return false;
}

int visit(dl_phdr_info *module, size_t, void *result) {
  std::string name = module->dlpi_name ? module->dlpi_name : "";
  bool isCompiler = name.find("libLLVM") != std::string::npos || name.find("libMLIR") != std::string::npos;
  if (!isCompiler && !holds(*module, reinterpret_cast<const void *>(&buildId)))
    return 0;
  std::string id = noteOf(*module);
  *static_cast<std::string *>(result) += (id.empty() ? factsOf(name.c_str()) : id) + "\n";
  return 0;
}

} // namespace

const std::string &buildId() {
  static const std::string id = [] {
    std::string found;
    dl_iterate_phdr(visit, &found);
    return found;
  }();
  return id;
}

} // namespace cleave
