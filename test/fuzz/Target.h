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
#include <map>
#include <string>

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

// A property that must hold for every input.
inline void require(bool holds, const char *rule, const std::string &found = "") {
  if (holds)
    return;
  std::fprintf(stderr, "%s\n%s\n", rule, found.c_str());
  std::abort();
}

} // namespace cleave::fuzz

#ifdef CLEAVE_FUZZ
#define FUZZ_ENTRY(name)                                                                                     \
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

#endif
