// Object files to one image that may lie anywhere. What a linker would leave to a dynamic loader is here a
// table of runtime functions; everything else is settled now.
#ifndef CLEAVE_COMPILER_CODEGEN_CPU_LINK_H
#define CLEAVE_COMPILER_CODEGEN_CPU_LINK_H

#include "runtime/device/cpu/CodeImage.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

namespace cleave::codegen {

/// Links relocatable ELF files for x86-64, position independent and of the small code model. Their global
/// functions are exported. Undefined symbols must be functions of the runtime (rt::supportSymbols). Kernels
/// hold no writable or thread-local data; an error says so.
llvm::Expected<rt::CodeImage> link(llvm::ArrayRef<llvm::MemoryBufferRef> objects);

} // namespace cleave::codegen

#endif
