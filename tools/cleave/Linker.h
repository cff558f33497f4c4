// What the dynamic linker leaves behind.
#ifndef CLEAVE_TOOLS_CLEAVE_LINKER_H
#define CLEAVE_TOOLS_CLEAVE_LINKER_H

namespace cleave::tool {

// Gives back the pages of symbol tables and relocations that were read to link the compiler's libraries, 40
// MiB of the process's memory that nothing reads again. What is read again comes back from the page cache.
void forgetLinkerTables();

} // namespace cleave::tool

#endif
