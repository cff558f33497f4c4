#include "compiler/driver/Cache.h"

#include "compiler/driver/BuildId.h"
#include "compiler/driver/Session.h"
#include "lang/diag/Engine.h"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cleave {
namespace {

const char kProgram[] = R"(axis N = 3
layer Net() -> f32[N] {
  param w: f32[N] = normal(std: 1)
  return 2 * w
}
layer net = Net
entry twice() -> (y: f32[N]) {
  return net()
}
)";

class CacheTest : public testing::Test {
protected:
  CacheTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cleave-unit-XXXXXX").string();
    folder = mkdtemp(pattern.data());
  }
  ~CacheTest() override { std::filesystem::remove_all(folder); }

  std::string write(const std::string &name, const std::string &bytes) const {
    std::ofstream(folder + "/" + name, std::ios::binary) << bytes;
    return folder + "/" + name;
  }

  // An artefact that holds `bytes` of constants, under a key of one digit.
  static std::string keyOf(char digit) { return std::string(64, digit); }
  static std::string artefact(char digit, size_t bytes) {
    rt::ArtefactContents contents;
    contents.facts.name = "program";
    contents.facts.origin = keyOf(digit);
    contents.program.constants.resize(bytes);
    return rt::encodeArtefact(contents);
  }
  // Sets when an entry was last used.
  void age(char digit, int64_t seconds) const {
    timespec times[2] = {{std::time(nullptr) - seconds, 0}, {std::time(nullptr) - seconds, 0}};
    std::string file = kept() + "/" + keyOf(digit) + ".cleave";
    ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  }
  std::string kept() const { return folder + "/deep/kept"; }
  static std::string digits(const Cache &cache) {
    std::string all;
    for (const CacheEntry &entry : cache.list())
      all += entry.key[0];
    return all;
  }

  std::string folder;
};

TEST_F(CacheTest, KeepsWhatIsStored) {
  Cache cache(kept());
  bool damaged = true;
  EXPECT_FALSE(cache.load(keyOf('a'), damaged));
  EXPECT_FALSE(damaged);
  ASSERT_TRUE(cache.store(keyOf('a'), artefact('a', 100)));
  std::optional<rt::Artefact> loaded = cache.load(keyOf('a'), damaged);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->program->constants.size(), 100u);
  EXPECT_EQ(std::filesystem::status(kept()).permissions(), std::filesystem::perms::owner_all);
}

TEST_F(CacheTest, EvictsWhatWasUsedLongestAgo) {
  Cache cache(kept(), 100'000);
  for (char digit : {'a', 'b', 'c'})
    ASSERT_TRUE(cache.store(keyOf(digit), artefact(digit, 30'000)));
  age('a', 300);
  age('b', 200);
  age('c', 100);
  EXPECT_EQ(digits(cache), "cba");
  bool damaged;
  ASSERT_TRUE(cache.load(keyOf('a'), damaged)); // used now
  EXPECT_EQ(digits(cache), "acb");
  ASSERT_TRUE(cache.store(keyOf('d'), artefact('d', 25'000))); // over the limit: down to nine tenths
  EXPECT_THAT(digits(cache), testing::AnyOf("da", "ad", "dac", "adc"));
  EXPECT_EQ(digits(cache).find('b'), std::string::npos);
  EXPECT_FALSE(cache.store(keyOf('e'), artefact('e', 200'000))); // would not leave room for others
  EXPECT_EQ(digits(cache).find('e'), std::string::npos);
}

TEST_F(CacheTest, LeavesOtherFilesAlone) {
  Cache cache(kept());
  ASSERT_TRUE(cache.store(keyOf('a'), artefact('a', 10)));
  std::ofstream(kept() + "/notes.txt") << "mine";
  std::ofstream(kept() + "/thesis.cleave") << "mine";
  std::ofstream(kept() + "/" + keyOf('b') + "-x1y2z3.partial") << "half";
  EXPECT_EQ(digits(cache), "a");
  rt::Result<Cache::Cleared> cleared = cache.clear();
  ASSERT_TRUE(cleared.ok());
  EXPECT_EQ(cleared->entries, 1);
  EXPECT_TRUE(std::filesystem::exists(kept() + "/notes.txt"));
  EXPECT_TRUE(std::filesystem::exists(kept() + "/thesis.cleave"));
  EXPECT_FALSE(std::filesystem::exists(kept() + "/" + keyOf('b') + "-x1y2z3.partial"));
}

TEST_F(CacheTest, RemovesWhatKilledProcessesLeft) {
  Cache cache(kept());
  ASSERT_TRUE(cache.store(keyOf('a'), artefact('a', 10)));
  std::string old = kept() + "/" + keyOf('b') + "-x1y2z3.partial",
              young = kept() + "/" + keyOf('c') + "-x.partial";
  std::ofstream(old) << "half";
  std::ofstream(young) << "half";
  std::filesystem::last_write_time(old,
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  ASSERT_TRUE(cache.store(keyOf('d'), artefact('d', 10)));
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_TRUE(std::filesystem::exists(young)); // someone may be at it
}

TEST_F(CacheTest, DamagedEntriesAreSaid) {
  Cache cache(kept());
  std::string bytes = artefact('a', 100);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(cache.store(keyOf('a'), bytes));
  ASSERT_TRUE(cache.store(keyOf('b'), artefact('a', 100))); // another's
  for (char digit : {'a', 'b'}) {
    bool damaged = false;
    EXPECT_FALSE(cache.load(keyOf(digit), damaged));
    EXPECT_TRUE(damaged) << digit;
  }
  EXPECT_TRUE(cache.list()[0].damaged);
}

TEST_F(CacheTest, FoldersOthersMayWriteToAreNotTrusted) {
  Cache cache(kept());
  ASSERT_TRUE(cache.store(keyOf('a'), artefact('a', 10)));
  chmod(kept().c_str(), 0770);
  bool damaged;
  EXPECT_FALSE(cache.load(keyOf('a'), damaged));
  EXPECT_FALSE(cache.store(keyOf('b'), artefact('b', 10)));
  chmod(kept().c_str(), 0755);
  EXPECT_TRUE(cache.load(keyOf('a'), damaged));
}

// What a driver finds is what it compiled: same bits, and another key for other sources.
TEST_F(CacheTest, DriversFindWhatTheyCompiled) {
  std::string file = write("program.dsl", kProgram);
  auto outputOf = [&](const std::map<std::string, std::string> &sets, CacheUse expected,
                      bool checked = false) {
    Session session;
    DriverOptions options;
    options.file = file;
    options.sets = sets;
    options.stdlib = CLEAVE_SOURCE_DIR "/stdlib";
    options.cacheFolder = kept();
    options.verifyStages = checked;
    EXPECT_TRUE(session.load(std::move(options)).ok()) << session.diagnostics();
    EXPECT_TRUE(session.compile().ok());
    EXPECT_EQ(nameOf(session.driver().cacheUse()), std::string(nameOf(expected)));
    EXPECT_TRUE(session.initialise(1).ok());
    EXPECT_TRUE(session.run("twice").ok());
    rt::TensorView y = *session.output("twice", "y");
    return std::vector<float>(y.as<float>(), y.as<float>() + y.shape.elements());
  };
  std::vector<float> compiled = outputOf({}, CacheUse::Miss);
  EXPECT_EQ(outputOf({}, CacheUse::Hit), compiled);
  EXPECT_EQ(outputOf({{"N", "5"}}, CacheUse::Miss).size(), 5u);
  EXPECT_EQ(outputOf({{"N", "5"}}, CacheUse::Hit).size(), 5u);
  EXPECT_EQ(outputOf({}, CacheUse::Miss, /*checked=*/true), compiled) << "its stages are not known to pass";
  EXPECT_EQ(outputOf({}, CacheUse::Hit, /*checked=*/true), compiled);
  EXPECT_EQ(outputOf({}, CacheUse::Hit), compiled);
  write("program.dsl", std::string(kProgram) + "\n");
  EXPECT_EQ(outputOf({}, CacheUse::Miss), compiled);
}

TEST_F(CacheTest, TargetsHaveKnownNames) {
  diag::Engine engine;
  DriverOptions options;
  options.file = write("program.dsl", kProgram);
  options.stdlib = CLEAVE_SOURCE_DIR "/stdlib";
  options.target = "x86-64-v9";
  EXPECT_FALSE(Driver(options, engine).build());
  EXPECT_THAT(engine.render(),
              testing::HasSubstr("error[E810]: a target must be one of host, x86-64-v3, x86-64-v4 "
                                 "and x86-64-v4-bf16, found 'x86-64-v9'"));
  options.target = "x86-64-v3";
  diag::Engine fine;
  EXPECT_TRUE(Driver(options, fine).build()) << fine.render();
}

TEST(BuildId, IsThere) {
  // The linker's, twenty bytes in hex, for this binary and LLVM's libraries where it has them beside it.
  EXPECT_THAT(buildId(), testing::ContainsRegex("^[0-9a-f]{40}\n"));
}

} // namespace
} // namespace cleave
