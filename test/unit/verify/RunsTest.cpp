#include "compiler/verify/Runs.h"
#include "lang/diag/Engine.h"

#include <gtest/gtest.h>

namespace cleave::verify {
namespace {

rt::Result<RunResult> run(const std::string &example, bool promote, bool jitter) {
  DriverOptions options;
  options.file = CLEAVE_SOURCE_DIR "/examples/" + example;
  options.stdlib = CLEAVE_SOURCE_DIR "/stdlib";
  options.sets = {{"Batch", "4"}};
  if (example == "04_gpt/gpt.dsl")
    options.sets = {{"Batch", "2"},  {"Seq", "8"},    {"Embed", "16"}, {"Heads", "2"},
                    {"Vocab", "32"}, {"Layers", "2"}, {"Length", "4"}};
  options.entries = {"train"};
  options.expose = {"*"};
  options.promote = promote;
  options.jitter = jitter;
  diag::Engine engine;
  Driver driver(options, engine);
  std::optional<rt::Artefact> artefact = driver.compile();
  if (!artefact)
    return rt::Error{"E999", engine.render(), "", {}, ""};
  return runOnce(*artefact, {"train"});
}

// Promoted, jittered and as they are, programs compute the same to what their types allow.
class RunsTest : public testing::TestWithParam<const char *> {};

TEST_P(RunsTest, JitterMovesValuesALittleAndPromotionKeepsThem) {
  rt::Result<RunResult> plain = run(GetParam(), true, false);
  ASSERT_TRUE(plain) << plain.error().message;
  rt::Result<RunResult> jittered = run(GetParam(), true, true), narrow = run(GetParam(), false, false);
  ASSERT_TRUE(jittered) << jittered.error().message;
  ASSERT_TRUE(narrow) << narrow.error().message;
  EXPECT_GT(plain->below, 1);
  Bounds bounds = boundsOf(plain->values, jittered->values, 1000);
  Comparison same = compare(plain->values, plain->values, bounds);
  EXPECT_FALSE(same.first);
  // What jitter does to a value is small beside it, and more than rounding does.
  double most = 0;
  for (const Compared &value : same.values)
    most = std::max(most, value.scale > 0 ? value.bound / value.scale : 0);
  EXPECT_GT(most, 1e-15);
  Comparison rounded = compare(plain->values, narrow->values, bounds);
  ASSERT_TRUE(rounded.first) << "f32 rounds more than f64's sums explain";
  for (const Compared &value : rounded.values)
    if (value.name == "loss")
      EXPECT_LT(value.largest, 1e-4 * value.scale);
}

INSTANTIATE_TEST_SUITE_P(Examples, RunsTest, testing::Values("02_mlp/mlp.dsl", "04_gpt/gpt.dsl"));

} // namespace
} // namespace cleave::verify
