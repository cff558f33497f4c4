// Random plans on small programs: each is refused with a diagnostic, or computes what one rank computes.
//
// CLEAVE_PLAN=transformer:17 in the environment runs one of them and shows it.
#include "compiler/verify/Verify.h"
#include "lang/diag/Engine.h"
#include "test/unit/verify/RandomPlans.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sstream>
#include <unistd.h>

namespace cleave::verify {
namespace {

std::string textOf(const std::string &path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class RandomPlanTest : public testing::TestWithParam<test::PlannedProgram> {
protected:
  RandomPlanTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cleave-plans-XXXXXX").string();
    folder = mkdtemp(pattern.data());
  }
  ~RandomPlanTest() override { std::filesystem::remove_all(folder); }

  DriverOptions optionsWith(const std::string &plan) const {
    DriverOptions options;
    options.file = folder + "/program.dsl";
    options.stdlib = CLEAVE_SOURCE_DIR "/stdlib";
    options.plan = plan.empty() ? "" : "random";
    std::ofstream(options.file) << textOf(CLEAVE_SOURCE_DIR "/test/unit/verify/programs/" + GetParam().file +
                                          ".dsl")
                                << "\n"
                                << plan;
    return options;
  }

  // Whether it was accepted. A plan that is accepted must run and give the reference's values.
  bool check(const std::string &plan, const Reference &reference) {
    diag::Engine engine;
    RunOptions run;
    run.entry = "train";
    run.below = reference.below;
    int64_t ranks = 0;
    std::optional<Values> values = valuesUnder(optionsWith(plan), run, /*exposed=*/false, ranks, engine);
    if (!values) {
      EXPECT_TRUE(engine.hasErrors()) << plan;
      for (const auto &diagnostic : engine.getDiagnostics()) {
        // Refusals are about the plan: neither the compiler's own faults nor failures of a run.
        EXPECT_NE(diagnostic->code, "E999") << plan << engine.render();
        EXPECT_NE(diagnostic->code[1], '7') << plan << engine.render();
        ++refusals[diagnostic->code];
        if (std::getenv("CLEAVE_REFUSALS"))
          std::cout << diagnostic->code << ": " << diagnostic->message << "\n";
      }
      return false;
    }
    if (plan.find("assert") != std::string::npos) { // which small sizes do not hold against it
      EXPECT_TRUE(Driver(optionsWith(plan), engine).explain("train")) << plan;
      EXPECT_FALSE(engine.hasErrors()) << plan << engine.render();
    }
    Comparison comparison = compare(reference.values, *values, reference.bounds);
    EXPECT_TRUE(comparison.missing.empty()) << comparison.missing.front() << "\n" << plan;
    if (comparison.first)
      ADD_FAILURE() << comparison.first->place() << " is " << comparison.first->found << " and should be "
                    << comparison.first->expected << " (bound " << comparison.first->bound << ")\n"
                    << plan;
    return true;
  }

  std::string folder;
  std::map<std::string, int> refusals; // by code
};

TEST_P(RandomPlanTest, IsRefusedOrGivesTheSameValues) {
  const test::PlannedProgram &program = GetParam();
  uint64_t first = 0, last = program.plans;
  if (const char *wanted = std::getenv("CLEAVE_PLAN")) {
    std::string text = wanted;
    if (text.substr(0, text.find(':')) != program.file)
      GTEST_SKIP();
    first = std::strtoull(text.c_str() + text.find(':') + 1, nullptr, 10);
    last = first + 1;
    std::cout << test::randomPlan(program, first);
  }
  diag::Engine engine;
  std::optional<Reference> reference = referenceOf(optionsWith(""), "train", /*exposed=*/false, engine);
  ASSERT_TRUE(reference) << engine.render();
  uint64_t accepted = 0;
  for (uint64_t number = first; number < last; ++number) {
    SCOPED_TRACE("CLEAVE_PLAN=" + program.file + ":" + std::to_string(number));
    accepted += check(test::randomPlan(program, number), *reference);
  }
  std::cout << program.file << ": " << accepted << " accepted";
  for (const auto &[code, count] : refusals)
    std::cout << ", " << count << " " << code;
  std::cout << "\n";
  if (last - first == program.plans)
    EXPECT_GE(2 * accepted, program.plans) << "plans that are refused test little";
}

INSTANTIATE_TEST_SUITE_P(Programs, RandomPlanTest, testing::ValuesIn(test::plannedPrograms()),
                         [](const auto &info) { return info.param.file; });

} // namespace
} // namespace cleave::verify
