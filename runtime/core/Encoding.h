// A program and its code as bytes, and back.
//
// Numbers are LEB128 (signed ones zigzag), texts and lists begin with their length, booleans and enumerations
// take a byte. Fields follow each other in the order Encoding.cpp lists them in, once for both directions: a
// new field is one word there, and a new kArtefactVersion.
#ifndef CLEAVE_RUNTIME_CORE_ENCODING_H
#define CLEAVE_RUNTIME_CORE_ENCODING_H

#include "runtime/core/Error.h"
#include "runtime/core/RankClasses.h"
#include "runtime/device/cpu/CodeImage.h"

#include <string>

namespace cleave::rt {

// Kernels lose their functions.
std::string encode(const Program &program);
// A program, and behind it the classes of ranks where there are several.
std::string encode(const Program &program, const RankClasses &classes);
std::string encode(const CodeImage &code);

// Any bytes are read safely; what is read may still be nonsense, see Verify.h. E807 when the bytes are no
// encoding, or more than one.
Status decode(const char *bytes, int64_t size, Program &program);
Status decode(const char *bytes, int64_t size, Program &program, RankClasses &classes);
Status decode(const char *bytes, int64_t size, CodeImage &code);

// XXH64 with seed 0.
// https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
uint64_t checksum(const void *bytes, int64_t size);

} // namespace cleave::rt

#endif
