// What is drawn is a function of seed, step and place in the whole: masks, noise and initial values have the
// same bits under every plan, on every rank.
#include "compiler/verify/Runs.h"
#include "lang/diag/Engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::verify {
namespace {

constexpr char kProgram[] = CLEAVE_SOURCE_DIR "/test/unit/verify/programs/random.dsl";
const std::vector<std::string> kDrawn = {"x", "net.blocks[*].mask", "net.blocks[*].noise",
                                         "net.blocks[*].kept"};

rt::Result<RunResult> run(const std::string &plan) {
  DriverOptions options;
  options.file = kProgram;
  options.stdlib = CLEAVE_SOURCE_DIR "/stdlib";
  options.plan = plan;
  options.entries = {"train"};
  options.expose = {"*"};
  diag::Engine engine;
  std::optional<rt::Artefact> artefact = Driver(options, engine).compile();
  if (!artefact)
    return rt::Error{"E999", engine.render(), "", {}, ""};
  return runOnce(*artefact, {"train", 7});
}

const rt::Result<RunResult> &runOfOne() {
  static const rt::Result<RunResult> result = run("");
  return result;
}

const Value *find(const Values &values, const std::string &name) {
  for (const Value &value : values)
    if (value.name == name)
      return &value;
  return nullptr;
}

class DrawnTest : public testing::TestWithParam<const char *> {};

TEST_P(DrawnTest, HasTheSameBitsOnAllRanks) {
  const rt::Result<RunResult> &one = runOfOne();
  rt::Result<RunResult> many = run(GetParam());
  ASSERT_TRUE(one) << one.error().message;
  ASSERT_TRUE(many) << many.error().message;
  std::vector<std::string> names = kDrawn;
  for (const Value &value : one->values)
    if (value.name.size() > 9 && value.name.substr(value.name.size() - 9) == " at first")
      names.push_back(value.name);
  ASSERT_EQ(names.size(), kDrawn.size() + 3);
  for (const std::string &name : names) {
    const Value *wanted = find(one->values, name), *found = find(many->values, name);
    ASSERT_TRUE(wanted && found) << name;
    EXPECT_FALSE(found->copies.empty());
    // f32 as f64: equal numbers are equal bits, but for the sign of zero, which nothing here draws.
    for (const std::vector<double> &copy : found->copies)
      EXPECT_EQ(copy, wanted->copies[0]) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Plans, DrawnTest,
                         testing::Values("data", "tensor", "both", "uneven", "pad", "parts", "layers",
                                         "micro"),
                         [](const auto &info) { return std::string(info.param); });

// What the test above compares is drawn indeed, anew in every layer, step and element.
TEST(DrawnValuesTest, DifferFromLayerToLayer) {
  const rt::Result<RunResult> &one = runOfOne();
  ASSERT_TRUE(one) << one.error().message;
  for (const std::string &name : kDrawn) {
    if (name == "x")
      continue;
    const Value *value = find(one->values, name);
    ASSERT_TRUE(value) << name;
    const std::vector<double> &all = value->copies[0];
    size_t layer = all.size() / 4;
    for (size_t i = 1; i < 4; ++i)
      EXPECT_NE(std::vector<double>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(layer)),
                std::vector<double>(all.begin() + static_cast<std::ptrdiff_t>(i * layer),
                                    all.begin() + static_cast<std::ptrdiff_t>((i + 1) * layer)))
          << name;
  }
}

} // namespace
} // namespace cleave::verify
