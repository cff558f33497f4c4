// No false alarm: every plan of the test suite is proved.
#include "test/unit/prove/Programs.h"
#include "test/unit/verify/RandomPlans.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace cleave::test {
namespace {

struct Case {
  std::string program, plan, mesh, tactics = "remainder uneven";
};

std::ostream &operator<<(std::ostream &stream, const Case &it) {
  return stream << it.program << " under " << it.plan << " on " << it.mesh << " with " << it.tactics;
}

class LibraryPlanTest : public testing::TestWithParam<Case> {};

TEST_P(LibraryPlanTest, IsProved) {
  const Case &it = GetParam();
  ProgramUnderPlan program;
  program.path = CLEAVE_SOURCE_DIR "/examples/" + it.program;
  program.plan = it.tactics.empty() ? it.plan : planWith(it.plan, it.tactics);
  program.mesh = it.mesh;
  if (it.program.find("gpt.dsl") != std::string::npos)
    program.sets = "Batch=8,Seq=8,Embed=16,Heads=8,Layers=2";
  std::unique_ptr<Compiled> compiled = compile(program);
  ASSERT_FALSE(compiled->locals.empty()) << compiled->engine.render();
  EXPECT_EQ(prove(*compiled), "");
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const std::string gpt = "04_gpt/gpt.dsl", conv = "03_conv/conv.dsl", mlp = "02_mlp/mlp.dsl";
  for (int ranks : {2, 3, 4, 8}) {
    std::string size = std::to_string(ranks);
    for (const std::string &program : {gpt, conv, mlp})
      for (const char *plan : {"data", "zero1", "zero2", "fsdp"})
        all.push_back({program, plan, "dp=" + size});
    all.push_back({gpt, "tensor", "tp=" + size});
    all.push_back({gpt, "tensor_sequence", "tp=" + size, ranks == 3 ? "remainder uneven" : ""});
    all.push_back({gpt, "two_d", ranks % 2 ? "dp=3,tp=1" : "dp=2,tp=" + std::to_string(ranks / 2)});
    if (ranks != 3) // the pool's rows are blocks of their own
      all.push_back({conv, "spatial", "sp=" + size});
  }
  for (const char *mesh : {"cp=2", "dp=2,cp=4"})
    for (const char *tactics : {"", "accumulate 2 of Batch"})
      all.push_back({gpt, "ring", mesh, tactics});
  for (const char *tactics :
       {"store params, gradients, optimizer over dp\nrecompute gpt.blocks[*]",
        "store params of gpt.blocks[1] over dp\nrecompute gpt.blocks[0]", "overlap all"})
    all.push_back({gpt, "ring", "dp=2,cp=4", tactics});
  for (const char *remainder : {"remainder pad", "remainder uneven\naccumulate 2 of Batch"}) {
    all.push_back({gpt, "fsdp", "dp=2", remainder});
    all.push_back({gpt, "two_d", "dp=2,tp=2", remainder});
  }
  all.push_back({conv, "spatial", "sp=3", "remainder pad"});
  all.push_back({gpt, "two_d", "dp=2,tp=2", "accumulate 2 of Batch\nrecompute gpt.blocks[*]"});
  return all;
}

std::string nameOf(const testing::TestParamInfo<Case> &info) {
  std::string name =
      info.param.program.substr(3) + "_" + info.param.plan + "_" + info.param.mesh + "_" + info.param.tactics;
  for (char &letter : name)
    if (!std::isalnum(static_cast<unsigned char>(letter)))
      letter = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Library, LibraryPlanTest, testing::ValuesIn(cases()), nameOf);

//===----------------------------------------------------------------------===//
// Random plans
//===----------------------------------------------------------------------===//

constexpr uint64_t kPlans = 30; // for each program, of those of verify's test

class RandomPlanTest : public testing::TestWithParam<PlannedProgram> {};

// CLEAVE_PLAN=transformer:17 in the environment proves one of them and shows it; CLEAVE_PLANS=500 as many.
TEST_P(RandomPlanTest, IsRefusedOrProved) {
  const PlannedProgram &random = GetParam();
  uint64_t first = 0, last = kPlans, accepted = 0, uneven[2] = {};
  if (const char *plans = std::getenv("CLEAVE_PLANS"))
    last = std::strtoull(plans, nullptr, 10);
  if (const char *wanted = std::getenv("CLEAVE_PLAN")) {
    std::string text = wanted;
    if (text.substr(0, text.find(':')) != random.file)
      GTEST_SKIP();
    first = std::strtoull(text.c_str() + text.find(':') + 1, nullptr, 10);
    last = first + 1;
    std::cout << randomPlan(random, first);
  }
  std::string path = CLEAVE_SOURCE_DIR "/test/unit/verify/programs/" + random.file + ".dsl";
  std::ifstream file(path);
  std::stringstream source;
  source << file.rdbuf();
  for (uint64_t number = first; number < last; ++number) {
    SCOPED_TRACE("CLEAVE_PLAN=" + random.file + ":" + std::to_string(number));
    std::string plan = randomPlan(random, number);
    std::unique_ptr<Compiled> compiled = compile({path, source.str() + "\n" + plan, "random", "", ""});
    if (compiled->locals.empty())
      continue;
    std::string said = prove(*compiled);
    accepted += said.empty();
    if (isCovered(*compiled))
      EXPECT_EQ(said, "") << plan;
    else
      ++uneven[said.empty()];
  }
  std::cout << random.file << ": " << accepted << " proved; of " << uneven[0] + uneven[1]
            << " with uneven blocks " << uneven[1] << "\n";
  if (last - first == kPlans)
    EXPECT_GE(accepted, kPlans / 10) << "plans that are all refused test nothing";
  // Concatenations of uneven blocks are what `shapes` is made of.
  EXPECT_GE(uneven[1] * 10, (uneven[0] + uneven[1]) * (random.file == "shapes" ? 0 : 7));
}

INSTANTIATE_TEST_SUITE_P(Programs, RandomPlanTest, testing::ValuesIn(plannedPrograms()),
                         [](const auto &info) { return info.param.file; });

} // namespace
} // namespace cleave::test
