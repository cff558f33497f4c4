// Any bytes as an artefact, as they are and with the checksum that they should have: rejected with a code, or
// a program that can be shown and written again, whose weights are read from a file or refused with a code.
#include "runtime/core/Artefact.h"
#include "runtime/core/PrintProgram.h"
#include "runtime/core/Weights.h"
#include "runtime/device/cpu/ThreadPool.h"
#include "test/fuzz/InputFile.h"

#include <cstring>
#include <vector>

using namespace cleave;

// A weight file of four zeros as "a", f32[2, 2].
static std::string weightFile() {
  std::string header = R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})";
  uint64_t length = header.size();
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + header + std::string(16, '\0');
}

static void readWeights(const rt::Program &program) {
  constexpr int64_t kMostBytes = 1 << 16; // of a state that is worth having here
  if (program.weights.empty() || program.stateBytes > kMostBytes)
    return;
  static const std::string bytes = weightFile();
  static const fuzz::InputFile file(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  static rt::ThreadPool pool(1);
  for (const rt::WeightMap &map : program.weights) {
    std::vector<char> state(program.stateBytes);
    rt::Status status = rt::loadWeights(file.path(), map.name, program, state.data(), pool);
    fuzz::require(status || !status.error().code.empty(), "weights are refused with a code");
  }
}

static void read(const std::string &bytes) {
  auto contents = rt::readArtefact(bytes.data(), static_cast<int64_t>(bytes.size()), "input");
  if (!contents) {
    fuzz::require(!contents.error().code.empty(), "an artefact is rejected with a code");
    return;
  }
  rt::printProgram(contents->program);
  readWeights(contents->program);
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
