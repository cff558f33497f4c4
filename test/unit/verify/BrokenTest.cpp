// What is wrong in a compiled program is found, and the first value it reaches is named.
#include "compiler/verify/Verify.h"
#include "lang/diag/Engine.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <sstream>
#include <unistd.h>

namespace cleave::verify {
namespace {

struct Case {
  std::string program, plan;
  // For collectives that are known by none of the values that are compared: what they reach first.
  std::map<std::string, std::string> reaches;
};

void PrintTo(const Case &of, std::ostream *out) { *out << of.program << " on " << of.plan; }

class BrokenTest : public testing::TestWithParam<Case> {
protected:
  BrokenTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cleave-broken-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    options.file = folder + "/program.dsl";
    options.stdlib = CLEAVE_SOURCE_DIR "/stdlib";
    options.plan = "broken";
    std::ifstream file(CLEAVE_SOURCE_DIR "/test/unit/verify/programs/" + GetParam().program + ".dsl");
    std::stringstream text;
    text << file.rdbuf();
    std::string program = text.str();
    if (size_t norm = program.find(", 1.0)"); norm != std::string::npos)
      program.replace(norm, 6, ", 0.01)"); // the norm counts where it clips
    std::ofstream(options.file) << program << "\nplan broken on " << GetParam().plan << "\n";
  }
  ~BrokenTest() override { std::filesystem::remove_all(folder); }

  std::string folder;
  DriverOptions options;
};

// Not summed: every rank is a group of its own, or has the greatest of the terms.
std::shared_ptr<const rt::Program> without(const rt::Program &program, size_t collective) {
  auto broken = std::make_shared<rt::Program>(program);
  rt::Collective &left = broken->collectives[collective];
  if (left.kind == rt::CollectiveKind::AllReduce)
    left.over.clear();
  else
    left.reduction = rt::Reduction::Max;
  return broken;
}

TEST_P(BrokenTest, ASumThatIsLeftOutIsFoundAtTheFirstValueItReaches) {
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
    bool sums = collective.kind == rt::CollectiveKind::AllReduce ||
                collective.kind == rt::CollectiveKind::ReduceScatter;
    // What is greatest is wanted by an assertion alone.
    if (!sums || collective.reduction != rt::Reduction::Sum)
      continue;
    rt::Artefact broken = *artefact;
    broken.program = without(*artefact->program, i);
    rt::Result<RunResult> result = runOnce(broken, run);
    ASSERT_TRUE(result) << result.error().message;
    Comparison comparison = compare(reference->values, result->values, reference->bounds);
    std::string what = std::string(nameOf(collective.kind)) + " of " + collective.name;
    ASSERT_TRUE(comparison.first) << "without the " << what << ": " << collective.because;
    auto reaches = GetParam().reaches.find(what);
    EXPECT_EQ(comparison.first->name, reaches == GetParam().reaches.end() ? collective.name : reaches->second)
        << "without the " << what << ": " << collective.because;
    ++tried;
  }
  EXPECT_GE(tried, 6u);
}

INSTANTIATE_TEST_SUITE_P(
    Plans, BrokenTest,
    testing::Values(Case{"dense",
                         "mesh(dp: 2, tp: 2) { shard Batch over dp shard Hidden over tp }",
                         {{"all_reduce of net.down.b", "net.up.w"}}}, // the norm that clips
                    Case{"transformer",
                         "mesh(dp: 2, tp: 2) { shard Batch over dp shard Heads, Hidden, Vocab over tp "
                         "shard Seq over tp store gradients, optimizer over dp }",
                         // What the layer gives, and the cotangent of it, have no names.
                         {{"reduce_scatter of model.blocks[*].down.w", "model.blocks[*].attention.q"},
                          {"reduce_scatter of grad(model.blocks[*].norm.gain)",
                           "grad(model.blocks[*].down.b)"}}}),
    [](const auto &info) { return info.param.program; });

//===------------------------------------------------------------------===//
// What is said of a difference
//===------------------------------------------------------------------===//

class DifferenceTest : public BrokenTest {};

TEST_P(DifferenceTest, TheFirstValueOfTheProgramThatIsWrongIsNamed) {
  diag::Engine engine;
  std::optional<Reference> reference = referenceOf(options, "train", /*exposed=*/true, engine);
  ASSERT_TRUE(reference) << engine.render();
  std::vector<std::string> order;
  for (const Value &value : reference->values)
    if (value.name != "step")
      order.push_back(value.name);
    else
      break; // states are last
  // What comes later reads what comes before.
  EXPECT_THAT(order,
              testing::ElementsAre("net.up.w at first", "net.up.b at first", "net.down.w at first",
                                   "net.down.b at first", "net.h", "logits", "loss", "grad(net.down.b)",
                                   "grad(net.down.w)", "grad(net.up.b)", "grad(net.up.w)"));
}

TEST_P(DifferenceTest, IsSaidWithItsPlaceLayoutNumbersAndBound) {
  Verdict verdict;
  verdict.entry = "train";
  verdict.plan = "broken";
  verdict.ranks = 4;
  verdict.axes = {{"Batch", 8}};
  verdict.mesh = {{"dp", 2}, {"tp", 2}};
  Difference difference;
  difference.name = "grad(net.up.w)";
  difference.index = {3, 0};
  difference.expected = 0.5;
  difference.found = 0.25;
  difference.bound = 1e-16;
  locate(options, "train", difference);
  verdict.comparison.first = difference;
  std::string linear = CLEAVE_SOURCE_DIR "/stdlib/nn/linear.dsl";
  EXPECT_EQ(textOf(verdict), "train under broken on 4 ranks, against one rank\n"
                             "  sizes: Batch = 8\n"
                             "  mesh: dp = 2, tp = 2\n"
                             "differs: grad(net.up.w)[3, 0] is 0.25, and should be 0.5\n"
                             "  by 0.25, where the order of sums explains 1e-16; all that the program names "
                             "before it is equal\n"
                             "  its layout is f64[In, Hidden/tp]\n"
                             "  computed at " +
                                 linear +
                                 ":12:23\n"
                                 "    return y[...l, o] = (sum(i) x[...l, i] * T(w[i, o])) + T(b[o])\n");
}

INSTANTIATE_TEST_SUITE_P(Plans, DifferenceTest,
                         testing::Values(Case{"dense",
                                              "mesh(dp: 2, tp: 2) { shard Batch over dp "
                                              "shard Hidden over tp }",
                                              {}}),
                         [](const auto &info) { return info.param.program; });

} // namespace
} // namespace cleave::verify
