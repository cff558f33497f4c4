// What instructions this machine's processor has, asked without a compiler in the process.
#ifndef CLEAVE_RUNTIME_DEVICE_CPU_PROCESSOR_H
#define CLEAVE_RUNTIME_DEVICE_CPU_PROCESSOR_H

#include <string>
#include <vector>

namespace cleave::rt {

// A set of features under a name.
struct Baseline {
  std::string name;
  std::vector<std::string> features; // as LLVM spells them: "avx2", "avx512bf16"
};

// What an artefact may be made for, each holding the one before: x86-64-v3, x86-64-v4, x86-64-v4-bf16.
// https://gitlab.com/x86-psABIs/x86-64-ABI
const std::vector<Baseline> &baselines();

// What generated code may use of this machine. CLEAVE_PROCESSOR=BASELINE in the environment leaves only the
// features of that baseline: a newer machine then stands for an older one.
std::vector<std::string> processorFeatures();

// Those of `required` that this processor has not.
std::vector<std::string> missingFeatures(const std::vector<std::string> &required);

} // namespace cleave::rt

#endif
