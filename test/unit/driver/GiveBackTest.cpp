#include "compiler/driver/GiveBack.h"

#include "compiler/driver/Session.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>

namespace cleave {
namespace {

/// KiB of this process's memory that are code and constants of the compiler's libraries.
int64_t libraryMemory() {
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  int64_t total = 0;
  bool counts = false;
  while (std::getline(maps, line)) {
    std::istringstream words(line);
    std::string first, second;
    words >> first >> second;
    if (first.find('-') != std::string::npos &&
        first.back() != ':') // "7f00-7f10 r-xp ... /usr/lib/libLLVM.so"
      counts = second.find('w') == std::string::npos &&
               (line.find("/libMLIR") != std::string::npos || line.find("/libLLVM") != std::string::npos);
    else if (counts && first == "Rss:")
      total += std::stoll(second);
  }
  return total;
}

TEST(GiveBack, TheCompilerLeavesWhenItIsDone) {
  auto compile = [] {
    Session session;
    ASSERT_TRUE(session.load(std::string(CLEAVE_SOURCE_DIR) + "/examples/01_line/line.dsl"))
        << session.diagnostics();
    ASSERT_TRUE(session.compile()) << session.diagnostics();
    ASSERT_TRUE(session.initialise(0));
    EXPECT_TRUE(session.run("train"));
  };
  compile();
  EXPECT_LT(libraryMemory(), 16 << 10);
  compile(); // and comes again
  giveBackCompilerMemory();
  EXPECT_LT(libraryMemory(), 4 << 10);
}

} // namespace
} // namespace cleave
