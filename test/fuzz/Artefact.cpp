// Any bytes as an artefact, as they are and with the checksum that they should have: rejected with a code, or
// a program that can be shown and written again.
#include "runtime/core/Artefact.h"
#include "runtime/core/PrintProgram.h"
#include "test/fuzz/Target.h"

using namespace cleave;

static void read(const std::string &bytes) {
  auto contents = rt::readArtefact(bytes.data(), static_cast<int64_t>(bytes.size()), "input");
  if (!contents) {
    fuzz::require(!contents.error().code.empty(), "an artefact is rejected with a code");
    return;
  }
  rt::printProgram(contents->program);
  std::string again = rt::encodeArtefact(*contents);
  auto reread = rt::readArtefact(again.data(), static_cast<int64_t>(again.size()), "again");
  fuzz::require(reread.ok(), "what was read can be written and read again",
                reread ? "" : reread.error().message);
}

FUZZ_TARGET(Artefact) {
  std::string text(reinterpret_cast<const char *>(bytes), size);
  read(text);
  rt::fixChecksum(text);
  read(text);
}
