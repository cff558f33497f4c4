#include "runtime/device/cpu/Processor.h"

#include <algorithm>
#include <cpuid.h>
#include <cstdint>
#include <cstdlib>

namespace cleave::rt {

namespace {

enum Register { Eax, Ebx, Ecx, Edx };

// What the operating system must save when it switches threads.
enum Saved { Nothing, Avx, Avx512, Tiles };

struct Feature {
  const char *name;
  uint32_t leaf, subleaf;
  Register in;
  int bit;
  Saved saved;
};

// Intel's Software Developer's Manual, volume 2A, CPUID; AMD's volume 3, appendix E.
constexpr uint32_t kExtended = 0x80000001;
constexpr Feature kFeatures[] = {
    {"cx8", 1, 0, Edx, 8, Nothing},
    {"cmov", 1, 0, Edx, 15, Nothing},
    {"mmx", 1, 0, Edx, 23, Nothing},
    {"fxsr", 1, 0, Edx, 24, Nothing},
    {"sse", 1, 0, Edx, 25, Nothing},
    {"sse2", 1, 0, Edx, 26, Nothing},
    // x86-64-v2
    {"sse3", 1, 0, Ecx, 0, Nothing},
    {"ssse3", 1, 0, Ecx, 9, Nothing},
    {"cx16", 1, 0, Ecx, 13, Nothing},
    {"sse4.1", 1, 0, Ecx, 19, Nothing},
    {"sse4.2", 1, 0, Ecx, 20, Nothing},
    {"popcnt", 1, 0, Ecx, 23, Nothing},
    {"sahf", kExtended, 0, Ecx, 0, Nothing},
    {"crc32", 1, 0, Ecx, 20, Nothing},
    // x86-64-v3
    {"fma", 1, 0, Ecx, 12, Avx},
    {"movbe", 1, 0, Ecx, 22, Nothing},
    {"xsave", 1, 0, Ecx, 26, Nothing},
    {"avx", 1, 0, Ecx, 28, Avx},
    {"f16c", 1, 0, Ecx, 29, Avx},
    {"bmi", 7, 0, Ebx, 3, Nothing},
    {"avx2", 7, 0, Ebx, 5, Avx},
    {"bmi2", 7, 0, Ebx, 8, Nothing},
    {"lzcnt", kExtended, 0, Ecx, 5, Nothing},
    // x86-64-v4
    {"avx512f", 7, 0, Ebx, 16, Avx512},
    {"avx512dq", 7, 0, Ebx, 17, Avx512},
    {"avx512cd", 7, 0, Ebx, 28, Avx512},
    {"avx512bw", 7, 0, Ebx, 30, Avx512},
    {"avx512vl", 7, 0, Ebx, 31, Avx512},
    // Beyond
    {"avx512ifma", 7, 0, Ebx, 21, Avx512},
    {"avx512vbmi", 7, 0, Ecx, 1, Avx512},
    {"avx512vbmi2", 7, 0, Ecx, 6, Avx512},
    {"avx512vnni", 7, 0, Ecx, 11, Avx512},
    {"avx512bitalg", 7, 0, Ecx, 12, Avx512},
    {"avx512vpopcntdq", 7, 0, Ecx, 14, Avx512},
    {"avx512vp2intersect", 7, 0, Edx, 8, Avx512},
    {"avx512fp16", 7, 0, Edx, 23, Avx512},
    {"avx512bf16", 7, 1, Eax, 5, Avx512},
    {"gfni", 7, 0, Ecx, 8, Nothing},
    {"adx", 7, 0, Ebx, 19, Nothing},
    {"avxvnni", 7, 1, Eax, 4, Avx},
    {"avxifma", 7, 1, Eax, 23, Avx},
    {"avxneconvert", 7, 1, Edx, 5, Avx},
    {"amx-bf16", 7, 0, Edx, 22, Tiles},
    {"amx-tile", 7, 0, Edx, 24, Tiles},
    {"amx-int8", 7, 0, Edx, 25, Tiles},
};

bool hasBit(uint32_t leaf, uint32_t subleaf, Register in, int bit) {
  uint32_t registers[4];
  return __get_cpuid_count(leaf, subleaf, &registers[0], &registers[1], &registers[2], &registers[3]) &&
         (registers[in] >> bit & 1);
}

// The register XCR0: which parts of a thread's state the operating system keeps.
bool keeps(Saved saved) {
  constexpr uint64_t kParts[] = {0, 0x6, 0xe6, 0x60000};
  if (saved == Nothing)
    return true;
  if (!hasBit(1, 0, Ecx, 27)) // XGETBV is there
    return false;
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return ((static_cast<uint64_t>(high) << 32 | low) & kParts[saved]) == kParts[saved];
}

bool contains(const std::vector<std::string> &names, const std::string &name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The features of the table up to and with `last`.
std::vector<std::string> featuresUpTo(const std::string &last) {
  std::vector<std::string> names;
  for (const Feature &feature : kFeatures) {
    names.push_back(feature.name);
    if (names.back() == last)
      break;
  }
  return names;
}

} // namespace

const std::vector<Baseline> &baselines() {
  static const std::vector<Baseline> all = [] {
    Baseline v3 = {"x86-64-v3", featuresUpTo("lzcnt")};
    Baseline v4 = {"x86-64-v4", featuresUpTo("avx512vl")};
    Baseline bf16 = {"x86-64-v4-bf16", v4.features};
    bf16.features.push_back("avx512bf16");
    return std::vector<Baseline>{v3, v4, bf16};
  }();
  return all;
}

std::vector<std::string> processorFeatures() {
  const Baseline *standIn = nullptr;
  const char *wanted = std::getenv("CLEAVE_PROCESSOR");
  for (const Baseline &baseline : baselines())
    if (wanted && baseline.name == wanted)
      standIn = &baseline;
  std::vector<std::string> found;
  for (const Feature &feature : kFeatures)
    if (hasBit(feature.leaf, feature.subleaf, feature.in, feature.bit) && keeps(feature.saved) &&
        (!standIn || contains(standIn->features, feature.name)))
      found.push_back(feature.name);
  return found;
}

std::vector<std::string> missingFeatures(const std::vector<std::string> &required) {
  std::vector<std::string> present = processorFeatures(), missing;
  for (const std::string &feature : required)
    if (!contains(present, feature))
      missing.push_back(feature);
  return missing;
}

} // namespace cleave::rt
