// What an artefact costs before its first step, in a process that holds no compiler.
//
//   bench-artefact ART [ENTRY [STEPS [THREADS]]]
//
// Prints one JSON object. Seconds: `load` (file to program and code), `create` (instance), `initialise`
// (entry `init`), `data` (opening the entry's sources), `first` and `steady` (median of the others) of
// ENTRY's steps. `touch` is what any program pays for the memory of its regions, a word written to every page
// of it: `cold` before all else, when a virtual machine may have to ask its host for the memory, and `fresh`
// at the end, when the system only clears pages that it has. Since `cold` comes first, the steps pay `fresh`.
// `losses` has the first scalar output of each step, in hexadecimal so that every bit shows; `compiler` says
// whether LLVM or MLIR is mapped.
#include "runtime/core/Artefact.h"
#include "runtime/core/Footprint.h"
#include "runtime/core/Instance.h"
#include "runtime/device/cpu/Memory.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace cleave::rt;
using Json = nlohmann::ordered_json;

namespace {

class Stopwatch {
public:
  double lap() {
    auto now = std::chrono::steady_clock::now();
    double seconds = std::chrono::duration<double>(now - begin).count();
    begin = now;
    return seconds;
  }

private:
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
};

bool isCompilerMapped() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find("LLVM") != std::string::npos || line.find("MLIR") != std::string::npos)
      return true;
  return false;
}

[[noreturn]] void fail(const Error &error) {
  std::fprintf(stderr, "bench-artefact: error[%s]: %s\n", error.code.c_str(), error.message.c_str());
  std::exit(1);
}

void require(const Status &status) {
  if (!status)
    fail(status.error());
}

template <class T> T require(Result<T> result) {
  if (!result)
    fail(result.error());
  return std::move(*result);
}

std::string hexOf(const TensorView &value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%a", elementAsDouble(value.shape.type, value.data, 0));
  return text;
}

// Fresh memory as an instance takes it, and a word written to every page.
double secondsToTouch(const Program &program) {
  Stopwatch watch;
  Memory regions[] = {Memory(program.stateBytes), Memory(program.scratchBytes)};
  for (const Memory &region : regions)
    for (int64_t at = 0; at < region.size(); at += 4096)
      *reinterpret_cast<volatile char *>(region.data() + at) = 1;
  return watch.lap();
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench-artefact ART [ENTRY [STEPS [THREADS]]]\n");
    return 2;
  }
  std::string entry = argc > 2 ? argv[2] : "train";
  int steps = argc > 3 ? std::atoi(argv[3]) : 10;
  InstanceOptions options;
  options.threads = argc > 4 ? std::atoi(argv[4]) : 2;

  Json json;
  Stopwatch watch;
  Artefact artefact = require(loadArtefact(argv[1]));
  json["load"] = watch.lap();
  json["touch"]["cold"] = secondsToTouch(*artefact.program);
  watch.lap();
  std::unique_ptr<Instance> instance = require(Instance::create(artefact.program, artefact.code, options));
  json["create"] = watch.lap();
  require(instance->initialise(0));
  json["initialise"] = watch.lap();

  int index = require(instance->findEntry(entry));
  require(instance->prepare(index));
  json["data"] = watch.lap();
  std::vector<double> seconds;
  json["losses"] = Json::array();
  for (int step = 0; step < steps; ++step) {
    watch.lap();
    require(instance->run(index));
    seconds.push_back(watch.lap());
    for (const Port &port : artefact.program->entries[index].outputs)
      if (port.shape.sizes.empty() && isFloat(port.shape.type)) {
        json["losses"].push_back(hexOf(require(instance->output(index, port.name))));
        break;
      }
  }
  if (!seconds.empty())
    json["first"] = seconds.front();
  if (seconds.size() > 1) {
    std::nth_element(seconds.begin() + 1, seconds.begin() + 1 + (seconds.size() - 1) / 2, seconds.end());
    json["steady"] = seconds[1 + (seconds.size() - 1) / 2];
  }
  instance.reset();
  json["touch"]["fresh"] = secondsToTouch(*artefact.program);
  json["peak_bytes"] = footprintOf(*artefact.program).bytes;
  json["compiler"] = isCompilerMapped();
  std::printf("%s\n", json.dump().c_str());
}
