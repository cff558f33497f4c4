// A compiled program in one file, which runs with no compiler in the process.
//
//   Result<Artefact> loaded = loadArtefact("gpt.cleave");
//   if (!loaded) ... loaded.error()
//   auto instance = Instance::create(loaded->program, loaded->code, options);
//
// Layout, little endian; sections follow each other without gaps:
//
//   offset  bytes
//        0      8   magic: 0x89 "CLEAVE" 0x0a
//        8      4   kArtefactVersion
//       12      4   CLEAVE_ABI_VERSION: what the code expects of the runtime
//       16      8   size of the whole file
//       24      8   checksum: XXH64 of two XXH64: of the header with zero in these 8 bytes, of the rest
//       32   3 x 8  sizes of the sections
//       56      8   zero
//       64          metadata: JSON for people and tools (see ../README.md)
//        .          program: rt::Program, or several and which rank has which, see Encoding.h
//        .          code: CodeImage, see Encoding.h
//
// Errors of reading:
//   E801 missing or unreadable            E802 not an artefact
//   E803 made for another runtime         E804 truncated, or longer than it says
//   E805 altered: the checksum is wrong   E806 the processor lacks features it needs
//   E807 malformed, though the checksum is right
#ifndef CLEAVE_RUNTIME_CORE_ARTEFACT_H
#define CLEAVE_RUNTIME_CORE_ARTEFACT_H

#include "runtime/core/Error.h"
#include "runtime/core/RankClasses.h"
#include "runtime/device/cpu/CodeImage.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace cleave::rt {

// Rises whenever an artefact of before could be misread.
constexpr uint32_t kArtefactVersion = 4;

// What an artefact says about itself beyond its program.
struct ArtefactFacts {
  std::string name;                  // of the program: its file's, without folder and suffix
  std::string compiler;              // version that made it: "0.1.0"
  std::string origin;                // hash of all it was made from and by; empty: unknown
  std::string target;                // "x86-64-v4", or "host" with the name of its processor
  std::vector<std::string> features; // processor features it needs, as LLVM spells them
  // As the program has them after --set; values of hyper-parameters are JSON numbers or booleans.
  std::vector<std::pair<std::string, int64_t>> axes;
  std::vector<std::pair<std::string, std::string>> hypers;
};

// An artefact in memory, not yet runnable: kernels have no addresses.
struct ArtefactContents {
  ArtefactFacts facts;
  Program program;
  CodeImage code;
  RankClasses classes = {}; // one code for all: classes share kernels
};

// The bytes of the file. Metadata is made of `facts` and of what the program says.
std::string encodeArtefact(const ArtefactContents &contents);

// Writes what encodeArtefact() made. E808 when the file cannot be written; an old one is then untouched.
Status writeArtefact(const std::string &path, const std::string &bytes);

// Reads and checks everything but the processor: survives any bytes. `name` stands for the file in messages.
Result<ArtefactContents> readArtefact(const char *bytes, int64_t size, const std::string &name);

// The same of a file.
Result<ArtefactContents> readArtefact(const std::string &path);

// The metadata section of a file, formatted; checked like the whole.
Result<std::string> inspectArtefact(const std::string &path);

// Whether a file begins like an artefact, as far as it can be read.
bool isArtefact(const std::string &path);

// A program ready to run.
struct Artefact {
  ArtefactFacts facts;
  std::shared_ptr<const Program> program;
  std::shared_ptr<void> code;                              // keeps the kernels' code mapped
  std::string metadata;                                    // JSON, as inspectArtefact() gives it
  std::vector<std::shared_ptr<const Program>> others = {}; // of the other classes of ranks
  std::vector<uint32_t> classOf = {};                      // by rank; empty: all run `program`
  std::vector<std::shared_ptr<const Program>> classes() const {
    std::vector<std::shared_ptr<const Program>> all = {program};
    all.insert(all.end(), others.begin(), others.end());
    return all;
  }
  // What a rank runs.
  const std::shared_ptr<const Program> &programOf(int64_t rank) const {
    uint32_t number = classOf.empty() ? 0 : classOf[rank];
    return number == 0 ? program : others[number - 1];
  }
};

// Puts the code of `contents` into memory and points the kernels at it. E806 here.
Result<Artefact> loadContents(ArtefactContents contents, const std::string &name);

Result<Artefact> loadArtefact(const std::string &path);
// The same from memory, which may go afterwards.
Result<Artefact> loadArtefact(const char *bytes, int64_t size, const std::string &name);

// Puts the right checksum into `bytes`, for tests and fuzzers that look behind it.
void fixChecksum(std::string &bytes);

} // namespace cleave::rt

#endif
