// The committed corpora through their targets, without the fuzzer.
#include "test/fuzz/Target.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <vector>

using namespace cleave;
namespace fs = std::filesystem;

static const fs::path kCorpora = CLEAVE_SOURCE_DIR "/test/fuzz/corpus";

TEST(FuzzTest, EveryTargetHasACorpusAndEveryCorpusATarget) {
  ASSERT_FALSE(fuzz::targets().empty());
  for (const auto &[name, target] : fuzz::targets())
    EXPECT_TRUE(fs::is_directory(kCorpora / name)) << name;
  for (const auto &entry : fs::directory_iterator(kCorpora))
    EXPECT_TRUE(fuzz::targets().count(entry.path().filename().string())) << entry.path();
}

TEST(FuzzTest, TheCorporaRunThroughTheirTargets) {
  for (const auto &[name, target] : fuzz::targets()) {
    std::vector<fs::path> files;
    for (const auto &entry : fs::directory_iterator(kCorpora / name))
      files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    EXPECT_FALSE(files.empty()) << name;
    for (const fs::path &file : files) {
      SCOPED_TRACE(file);
      std::ifstream in(file, std::ios::binary);
      std::vector<char> bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
      target(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
    }
  }
}

TEST(FuzzTest, WhatTargetsMakeRunsThroughThem) {
  EXPECT_FALSE(fuzz::seeds().empty());
  for (const auto &[name, make] : fuzz::seeds())
    for (const std::string &seed : make())
      fuzz::targets().at(name)(reinterpret_cast<const uint8_t *>(seed.data()), seed.size());
}
