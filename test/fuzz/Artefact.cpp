// Any bytes as an artefact, as they are and with the checksum that they should have: rejected with a code, or
// a program that can be shown and written again, whose weights are read from a file or refused with a code.
#include "runtime/core/Artefact.h"
#include "runtime/core/PrintProgram.h"
#include "runtime/core/Weights.h"
#include "runtime/device/cpu/ThreadPool.h"
#include "test/fuzz/InputFile.h"
#include "test/unit/runtime/Programs.h"

#include <cstring>
#include <vector>

using namespace cleave;

// A weight file of eight zeros as "a", f32[4, 2].
static std::string weightFile() {
  std::string header = R"({"a":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]}})";
  uint64_t length = header.size();
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + header + std::string(32, '\0');
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

// A program with loops, data, weights and code, and one of several ranks.
FUZZ_SEEDS(Artefact) {
  rt::ArtefactContents one;
  one.facts = {"trainer", "0.1.0", "ab12", "x86-64-v3", {"sse2"}, {{"N", 4}}, {{"lr", "0.25"}}};
  one.program = rt::test::trainer();
  one.program.constants = {1, 2, 3};
  one.program.data = {{"text", "bytes", {"a.txt"}, "/data", "", 0, "model.dsl:1:1"}};
  rt::WeightMap map = {"hf", "net", {rt::Type::BF16}, {"m.", ""}, {}, {"*.mask"}, "model.dsl:7:1"};
  map.weights = {
      {"net.layers[*].w", {{"h.{0}.w", {4}, {{0, {0, 1}}}}, {"a", {4, 2}, {{0, {0, 1}}, {0, {1, 0}}}}}}};
  one.program.weights = {map};
  one.code.text = {0xc3};
  one.code.data.resize(16);
  one.code.imports = {{"memcpy", 0}};
  one.code.relocations = {{8, 0}};
  for (const rt::Kernel &kernel : one.program.kernels)
    one.code.exports.push_back({kernel.name, 0});
  rt::ArtefactContents many;
  many.facts = one.facts;
  many.program = rt::test::splitProgram();
  std::vector<std::string> seeds;
  for (const rt::ArtefactContents *contents : {&one, &many}) {
    seeds.push_back(rt::encodeArtefact(*contents));
    auto read = rt::readArtefact(seeds.back().data(), static_cast<int64_t>(seeds.back().size()), "seed");
    fuzz::require(read.ok(), "a seed is an artefact", read ? "" : read.error().message);
  }
  return seeds;
}
