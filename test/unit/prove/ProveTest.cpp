// No false alarm: every plan of the test suite is proved.
#include "test/unit/prove/Programs.h"

#include <gtest/gtest.h>

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
  program.plan = planWith(it.plan, it.tactics);
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
  for (int ranks : {2, 4}) {
    std::string size = std::to_string(ranks);
    for (const std::string &program : {gpt, conv, mlp})
      for (const char *plan : {"data", "zero1", "zero2", "fsdp"})
        all.push_back({program, plan, "dp=" + size});
    for (const char *plan : {"tensor", "tensor_sequence"})
      all.push_back({gpt, plan, "tp=" + size});
    all.push_back({gpt, "two_d", ranks % 2 ? "dp=3,tp=1" : "dp=2,tp=" + std::to_string(ranks / 2)});
    all.push_back({conv, "spatial", "sp=" + size});
  }
  for (const char *remainder : {"remainder pad", "remainder uneven\naccumulate 2 of Batch"}) {
    all.push_back({gpt, "fsdp", "dp=2", remainder});
    all.push_back({gpt, "two_d", "dp=2,tp=2", remainder});
  }
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

} // namespace
} // namespace cleave::test
