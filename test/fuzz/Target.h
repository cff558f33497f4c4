// A fuzz target: a function that takes any bytes, and must neither crash nor break the properties it checks.
//
//   FUZZ_TARGET(Npy) { read(bytes, size); }      // in test/fuzz/Npy.cpp, with its corpus in
//   test/fuzz/corpus/Npy
//
// Built with libFuzzer (CLEAVE_FUZZ) each file is a fuzzer of its own. In any other build all of them are in
// one test that runs the committed corpora through them.
#ifndef CLEAVE_TEST_FUZZ_TARGET_H
#define CLEAVE_TEST_FUZZ_TARGET_H

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace cleave::fuzz {

using Function = void (*)(const uint8_t *bytes, size_t size);

// Every target of this binary, by name.
inline std::map<std::string, Function> &targets() {
  static std::map<std::string, Function> all;
  return all;
}

inline bool addTarget(const char *name, Function function) {
  return targets().emplace(name, function).second;
}

using Seeds = std::vector<std::string> (*)();

// Inputs that targets make, by name.
inline std::map<std::string, Seeds> &seeds() {
  static std::map<std::string, Seeds> all;
  return all;
}

inline bool addSeeds(const char *name, Seeds make) { return seeds().emplace(name, make).second; }

// A property that must hold for every input.
inline void require(bool holds, const char *rule, const std::string &found = "") {
  if (holds)
    return;
  std::fprintf(stderr, "%s\n%s\n", rule, found.c_str());
  std::abort();
}

// What targets make, into the folder that tools/dev/fuzz.py names: the fuzzer begins there too.
inline void writeSeeds() {
  const char *folder = std::getenv("CLEAVE_FUZZ_SEEDS");
  if (!folder)
    return;
  for (const auto &[name, make] : seeds()) {
    int number = 0;
    for (const std::string &seed : make())
      std::ofstream(folder + ("/made-" + std::to_string(number++)), std::ios::binary) << seed;
  }
}

} // namespace cleave::fuzz

#ifdef CLEAVE_FUZZ
#define FUZZ_ENTRY(name)                                                                                     \
  extern "C" int LLVMFuzzerInitialize(int *, char ***) {                                                     \
    cleave::fuzz::writeSeeds();                                                                              \
    return 0;                                                                                                \
  }                                                                                                          \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {                                 \
    run##name(bytes, size);                                                                                  \
    return 0;                                                                                                \
  }
#else
#define FUZZ_ENTRY(name)                                                                                     \
  [[maybe_unused]] static const bool added##name = cleave::fuzz::addTarget(#name, run##name);
#endif

#define FUZZ_TARGET(name)                                                                                    \
  static void run##name(const uint8_t *bytes, size_t size);                                                  \
  FUZZ_ENTRY(name)                                                                                           \
  static void run##name([[maybe_unused]] const uint8_t *bytes, [[maybe_unused]] size_t size)

// Inputs to begin with that would grow old in a corpus: those of a format with versions.
#define FUZZ_SEEDS(name)                                                                                     \
  static std::vector<std::string> make##name();                                                              \
  [[maybe_unused]] static const bool made##name = cleave::fuzz::addSeeds(#name, make##name);                 \
  static std::vector<std::string> make##name()

#endif
