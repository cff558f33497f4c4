// What is wrong in a compiled program is found, and the first value it reaches is named.
#include "compiler/verify/Verify.h"
#include "lang/diag/Engine.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <unistd.h>

namespace cleave::verify {
namespace {

class BrokenTest : public testing::Test {
protected:
  BrokenTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cleave-broken-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    options.file = folder + "/program.dsl";
    options.stdlib = CLEAVE_SOURCE_DIR "/stdlib";
    options.plan = "both";
    std::ifstream dense(CLEAVE_SOURCE_DIR "/test/unit/verify/programs/dense.dsl");
    std::stringstream text;
    text << dense.rdbuf();
    std::string program = text.str();
    program.replace(program.find(", 1.0)"), 6, ", 0.01)"); // the norm counts where it clips
    std::ofstream(options.file) << program << "\nplan both on mesh(dp: 2, tp: 2) {\n  shard Batch over dp\n"
                                << "  shard Hidden over tp\n}\n";
  }
  ~BrokenTest() override { std::filesystem::remove_all(folder); }

  std::string folder;
  DriverOptions options;
};

// The collective is left out: every rank is a group of its own.
std::shared_ptr<const rt::Program> without(const rt::Program &program, size_t collective) {
  auto broken = std::make_shared<rt::Program>(program);
  broken->collectives[collective].over.clear();
  return broken;
}

TEST_F(BrokenTest, EveryCollectiveThatIsLeftOutIsMissed) {
  diag::Engine engine;
  std::optional<Reference> reference = referenceOf(options, "train", /*exposed=*/true, engine);
  ASSERT_TRUE(reference) << engine.render();
  DriverOptions promoted = options;
  promoted.promote = true;
  promoted.entries = {"train"};
  promoted.expose = {"*"};
  Driver driver(promoted, engine);
  std::optional<rt::Artefact> artefact = driver.compile();
  ASSERT_TRUE(artefact) << engine.render();
  RunOptions run{"train", 1, reference->below};
  rt::Result<RunResult> whole = runOnce(*artefact, run);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_FALSE(compare(reference->values, whole->values, reference->bounds).first);

  size_t tried = 0;
  for (size_t i = 0; i < artefact->program->collectives.size(); ++i) {
    const rt::Collective &collective = artefact->program->collectives[i];
    // What is greatest is wanted by an assertion alone.
    if (collective.kind != rt::CollectiveKind::AllReduce || collective.reduction != rt::Reduction::Sum)
      continue;
    rt::Artefact broken = *artefact;
    broken.program = without(*artefact->program, i);
    rt::Result<RunResult> result = runOnce(broken, run);
    ASSERT_TRUE(result) << result.error().message;
    Comparison comparison = compare(reference->values, result->values, reference->bounds);
    EXPECT_TRUE(comparison.first) << "without the all_reduce of " << collective.name << ": "
                                  << collective.because;
    ++tried;
  }
  EXPECT_GE(tried, 4u);
}

TEST_F(BrokenTest, TheFirstValueOfTheProgramThatIsWrongIsNamed) {
  diag::Engine engine;
  std::optional<Reference> reference = referenceOf(options, "train", /*exposed=*/true, engine);
  ASSERT_TRUE(reference) << engine.render();
  Values wrong = reference->values;
  for (Value &value : wrong)
    if (value.name == "net.h" || value.name == "net.up.w")
      value.copies[0][0] += 1e-6;
  Comparison comparison = compare(reference->values, wrong, reference->bounds);
  ASSERT_TRUE(comparison.first);
  EXPECT_EQ(comparison.first->place(), "net.h[0, 0]") << "it is computed before the parameter is updated";
}

} // namespace
} // namespace cleave::verify
