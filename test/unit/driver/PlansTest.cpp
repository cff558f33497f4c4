// One program under the library's plans, on ranks of this process: the numbers are one rank's.
#include "compiler/driver/Session.h"
#include "lang/diag/Engine.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>

namespace cleave {
namespace {

struct Case {
  std::string program;                      // "gpt", "conv"
  std::string plan;                         // of the standard library; empty: one rank
  std::string mesh;                         // "dp=2,tp=4"
  std::string tactics = "remainder uneven"; // besides the plan's
};

std::ostream &operator<<(std::ostream &stream, const Case &it) {
  return stream << it.program << " under " << it.plan << " on " << it.mesh;
}

// What a run leaves: losses, and states by their paths.
struct Trace {
  std::string failure;
  std::vector<double> losses;
  std::map<std::string, std::vector<char>> initial, last;
};

std::map<std::string, std::string> pairsOf(const std::string &text) {
  std::map<std::string, std::string> pairs;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');)
    pairs[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
  return pairs;
}

// The library's plan with more tactics.
std::string planFile(const Case &it) {
  std::string path = testing::TempDir() + "more_" + it.plan + ".dsl";
  std::ofstream(path) << "import plans\nplan more for any extends plans." << it.plan << " {\n"
                      << it.tactics << "\n}\n";
  return path + ":more";
}

DriverOptions optionsOf(const Case &it, bool promote) {
  DriverOptions options;
  bool isGpt = it.program == "gpt";
  options.file = CLEAVE_SOURCE_DIR "/examples/" + std::string(isGpt ? "04_gpt/gpt.dsl" : "03_conv/conv.dsl");
  options.stdlib = CLEAVE_SOURCE_DIR "/stdlib";
  if (isGpt)
    options.sets = pairsOf("Batch=8,Seq=8,Embed=16,Heads=8,Layers=2,steps=50,warm_up=5");
  options.entries = {"train"};
  options.promote = promote;
  if (!it.plan.empty()) {
    options.plan = planFile(it);
    options.mesh = pairsOf(it.mesh);
  }
  return options;
}

std::map<std::string, std::vector<char>> statesOf(rt::Runnable &running) {
  std::map<std::string, std::vector<char>> states;
  for (const rt::State &state : running.program().states)
    if (rt::Result<rt::TensorView> view = running.state(state.path))
      states[state.path].assign(view->as<char>(), view->as<char>() + view->shape.bytes());
  return states;
}

Trace trace(const Case &it, bool promote, int steps) {
  Trace made;
  SessionOptions limits;
  limits.threads = it.plan.empty() ? 0 : 1;
  Session session(limits);
  auto failed = [&](const rt::Status &status) {
    if (!status)
      made.failure = status.error().message + "\n" + session.diagnostics();
    return !status;
  };
  if (failed(session.load(optionsOf(it, promote))) || failed(session.compile()) ||
      failed(session.initialise(1)))
    return made;
  made.initial = statesOf(session.runnable());
  for (int step = 0; step < steps; ++step) {
    if (failed(session.run("train")))
      return made;
    rt::Result<rt::TensorView> loss = session.output("train", "loss");
    made.losses.push_back(promote ? *loss->as<double>() : *loss->as<float>());
  }
  made.last = statesOf(session.runnable());
  return made;
}

// The same on one rank, made once.
const Trace &reference(const std::string &program, bool promote, int steps) {
  static std::map<std::string, Trace> known;
  auto [it, isNew] = known.try_emplace(program + (promote ? " f64 " : " ") + std::to_string(steps));
  if (isNew)
    it->second = trace({program, "", ""}, promote, steps);
  return it->second;
}

// The largest difference of two f32 tensors beside the largest value.
double distance(const std::vector<char> &a, const std::vector<char> &b) {
  double most = 0, scale = 0;
  for (size_t at = 0; at + sizeof(float) <= a.size(); at += sizeof(float)) {
    float x, y;
    std::memcpy(&x, &a[at], sizeof(x));
    std::memcpy(&y, &b[at], sizeof(y));
    most = std::max(most, std::fabs(double(x) - y));
    scale = std::max(scale, std::fabs(double(x)));
  }
  return scale > 0 ? most / scale : most;
}

class PlansTest : public testing::TestWithParam<Case> {};

// 50 steps in f64: only the order of sums differs.
TEST_P(PlansTest, LossesAreOneRanks) {
  const Trace &one = reference(GetParam().program, true, 50);
  ASSERT_EQ(one.failure, "");
  Trace many = trace(GetParam(), true, 50);
  ASSERT_EQ(many.failure, "");
  for (size_t step = 0; step < 50; ++step)
    ASSERT_NEAR(many.losses[step], one.losses[step], 1e-9 * std::fabs(one.losses[step])) << "step " << step;
}

class PlansInF32Test : public PlansTest {};

// In f32, as it is: initial values have the same bits; the first loss agrees, and so do gradients, which
// Adam's first moments are a multiple of.
TEST_P(PlansInF32Test, FirstStepIsOneRanks) {
  const Trace &one = reference(GetParam().program, false, 1);
  ASSERT_EQ(one.failure, "");
  Trace many = trace(GetParam(), false, 1);
  ASSERT_EQ(many.failure, "");
  ASSERT_EQ(many.initial.size(), one.initial.size());
  for (const auto &[path, bytes] : one.initial)
    EXPECT_TRUE(many.initial[path] == bytes) << path;
  EXPECT_NEAR(many.losses[0], one.losses[0], 1e-5 * std::fabs(one.losses[0]));
  size_t moments = 0;
  for (const auto &[path, bytes] : one.last) {
    bool isMoment = path.size() > 2 && path.substr(path.size() - 2) == ".m";
    moments += isMoment;
    if (isMoment)
      EXPECT_LT(distance(bytes, many.last[path]), 1e-5) << path;
  }
  EXPECT_GT(moments, 0u);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (int ranks : {2, 3, 4, 8}) {
    std::string size = std::to_string(ranks);
    for (const char *plan : {"data", "zero1", "zero2", "fsdp"})
      all.push_back({"gpt", plan, "dp=" + size});
    for (const char *plan : {"tensor", "tensor_sequence"})
      all.push_back({"gpt", plan, "tp=" + size});
    if (ranks % 2 == 0)
      all.push_back({"gpt", "two_d", "dp=2,tp=" + std::to_string(ranks / 2)});
    else
      all.push_back({"gpt", "two_d", "dp=3,tp=1"});
    all.push_back({"conv", "data", "dp=" + size});
    all.push_back({"conv", "spatial", "sp=" + size});
  }
  return all;
}

std::string nameOf(const testing::TestParamInfo<Case> &info) {
  std::string name = info.param.program + "_" + info.param.plan + "_" + info.param.mesh;
  for (char &letter : name)
    if (!std::isalnum(static_cast<unsigned char>(letter)))
      letter = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Library, PlansTest, testing::ValuesIn(cases()), nameOf);
// What else plans may ask: padding, micro-batches, residuals computed again.
INSTANTIATE_TEST_SUITE_P(Tactics, PlansTest,
                         testing::Values(Case{"gpt", "fsdp", "dp=3", "remainder pad"},
                                         Case{"gpt", "tensor_sequence", "tp=3", "remainder pad"},
                                         Case{"conv", "spatial", "sp=3", "remainder pad"},
                                         Case{"gpt", "zero2", "dp=2", "accumulate 2 of Batch"},
                                         Case{"gpt", "two_d", "dp=2,tp=2",
                                              "accumulate 2 of Batch\nrecompute gpt.blocks[*]"}),
                         nameOf);
// A local program in attention's place: keys and values go round.
INSTANTIATE_TEST_SUITE_P(Manual, PlansTest,
                         testing::Values(Case{"gpt", "ring", "cp=2"}, Case{"gpt", "ring", "cp=4"},
                                         Case{"gpt", "ring", "dp=2,cp=2", "accumulate 2 of Batch"}),
                         nameOf);
INSTANTIATE_TEST_SUITE_P(Library, PlansInF32Test,
                         testing::Values(Case{"gpt", "data", "dp=3"}, Case{"gpt", "fsdp", "dp=2"},
                                         Case{"gpt", "tensor_sequence", "tp=3"},
                                         Case{"gpt", "two_d", "dp=2,tp=2"}, Case{"gpt", "ring", "cp=2"},
                                         Case{"conv", "data", "dp=2"}, Case{"conv", "spatial", "sp=3"}),
                         nameOf);

} // namespace
} // namespace cleave
