// Programs that continue tokens: the logits and tokens of the examples are those of the `transformers`
// library.
#include "runtime/text/Generator.h"
#include "compiler/driver/Session.h"
#include "runtime/core/Npy.h"

#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace cleave::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Prompts = std::vector<std::vector<int32_t>>;

const std::string kRoot = CLEAVE_SOURCE_DIR;

struct Model {
  std::string name, program;
  std::map<std::string, std::string> sets;
  std::string folder() const { return kRoot + "/test/unit/text/reference/" + name; }
};

const Model kLlama = {"llama",
                      "05_llama/llama.dsl",
                      {{"Vocab", "96"},
                       {"Embed", "32"},
                       {"KeyHeads", "2"},
                       {"Group", "2"},
                       {"Head", "8"},
                       {"Hidden", "40"},
                       {"Layers", "3"},
                       {"Context", "32"},
                       {"rope_base", "10000.0"},
                       {"rope_factor", "8.0"},
                       {"rope_trained", "32.0"}}};
const Model kGpt2 = {"gpt2",
                     "05_gpt2/gpt2.dsl",
                     {{"Vocab", "96"},
                      {"Embed", "32"},
                      {"Heads", "4"},
                      {"Layers", "2"},
                      {"Positions", "64"},
                      {"Context", "32"}}};

// The compiled program with the published weights.
std::unique_ptr<Session> load(const Model &model, int64_t batch, int64_t seq) {
  auto session = std::make_unique<Session>();
  DriverOptions options;
  options.file = kRoot + "/examples/" + model.program;
  options.sets = model.sets;
  options.sets["Batch"] = std::to_string(batch);
  options.sets["Seq"] = std::to_string(seq);
  options.verifyStages = true;
  EXPECT_TRUE(session->load(options).ok()) << session->diagnostics();
  EXPECT_TRUE(session->compile().ok()) << session->diagnostics();
  EXPECT_TRUE(session->initialise(0).ok());
  rt::Instance &instance = session->instance();
  rt::Status status = instance.loadWeights(model.folder());
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
  const float temperature = 0, share = 1;
  const int32_t most = 0;
  for (const char *entry : {"prefill", "decode"}) {
    EXPECT_TRUE(instance.setInput(entry, "temperature", &temperature, sizeof(temperature)).ok());
    EXPECT_TRUE(instance.setInput(entry, "top_k", &most, sizeof(most)).ok());
    EXPECT_TRUE(instance.setInput(entry, "top_p", &share, sizeof(share)).ok());
  }
  return session;
}

// What the library made (tools/bench/record_logits.py).
struct Reference {
  explicit Reference(const Model &model) {
    std::ifstream file(model.folder() + "/prompts.json");
    nlohmann::json json = nlohmann::json::parse(file);
    prompts = json["prompts"].get<Prompts>();
    made = json["made"].get<Prompts>();
    steps = static_cast<int64_t>(made[0].size());
  }
  Prompts prompts, made;
  int64_t steps;
};

Prompts continued(Session &session, const Prompts &prompts, GeneratorOptions options) {
  auto generator = Generator::create(session.instance(), std::move(options));
  EXPECT_TRUE(generator.ok()) << (generator.ok() ? "" : generator.error().message);
  Prompts made(prompts.size());
  rt::Status status = generator->run(prompts, [&](int64_t prompt, int32_t token) {
    made[prompt].push_back(token);
    return true;
  });
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
  return made;
}

GeneratorOptions most(int64_t tokens) {
  GeneratorOptions options;
  options.most = tokens;
  return options;
}

class ModelTest : public testing::TestWithParam<Model> {};

TEST_P(ModelTest, LogitsAreTheLibrarysInPrefillAndDecode) {
  Reference reference(GetParam());
  std::unique_ptr<Session> session = load(GetParam(), 3, 16);
  auto expected = rt::Npy::open(GetParam().folder() + "/logits.npy");
  ASSERT_TRUE(expected.ok());
  const auto *all = reinterpret_cast<const float *>(expected->data());
  int64_t rows = expected->shape().sizes[1], vocab = expected->shape().sizes[2];
  auto generator = Generator::create(session->instance(), most(reference.steps));
  ASSERT_TRUE(generator.ok());
  std::vector<int64_t> steps(rows);
  double worst = 0;
  rt::Status status = generator->run(reference.prompts, [&](int64_t prompt, int32_t token) {
    int64_t step = steps[prompt]++;
    auto logits = session->instance().output(step == 0 ? "prefill" : "decode", "logits");
    for (int64_t v = 0; v < vocab; ++v)
      worst = std::max(worst, std::fabs(static_cast<double>(logits->as<float>()[prompt * vocab + v]) -
                                        all[(step * rows + prompt) * vocab + v]));
    EXPECT_EQ(token, reference.made[prompt][step]);
    return true;
  });
  EXPECT_TRUE(status.ok());
  EXPECT_THAT(steps, testing::Each(reference.steps));
  EXPECT_LT(worst, 1e-4);
}

TEST_P(ModelTest, PromptsAreReadInPiecesAndGroups) {
  Reference reference(GetParam());
  std::unique_ptr<Session> session = load(GetParam(), 2, 4);
  EXPECT_EQ(continued(*session, reference.prompts, most(reference.steps)), reference.made);
  // Again: what the cache held does not show.
  EXPECT_EQ(continued(*session, reference.prompts, most(reference.steps)), reference.made);
}

TEST_P(ModelTest, DecodeAloneReadsPromptsToo) {
  Reference reference(GetParam());
  std::unique_ptr<Session> session = load(GetParam(), 3, 4);
  GeneratorOptions options = most(reference.steps);
  options.prefill = "none";
  EXPECT_EQ(continued(*session, reference.prompts, options), reference.made);
}

TEST_P(ModelTest, SequencesEndAtAStop) {
  Reference reference(GetParam());
  std::unique_ptr<Session> session = load(GetParam(), 3, 16);
  GeneratorOptions options = most(reference.steps);
  options.stops = {reference.made[1].back()};
  Prompts made = continued(*session, reference.prompts, options);
  for (size_t i = 0; i < made.size(); ++i) {
    std::vector<int32_t> expected = reference.made[i];
    expected.erase(std::find(expected.begin(), expected.end(), options.stops[0]), expected.end());
    EXPECT_EQ(made[i], expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Examples, ModelTest, testing::Values(kLlama, kGpt2),
                         [](const auto &info) { return info.param.name; });

TEST(GeneratorTest, AFullCacheIsSaid) {
  std::unique_ptr<Session> session = load(kLlama, 1, 16);
  auto generator = Generator::create(session->instance(), most(100));
  int64_t made = 0;
  rt::Status status =
      generator->run({std::vector<int32_t>(20, 1)}, [&](int64_t, int32_t) { return ++made > 0; });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E711");
  EXPECT_THAT(status.error().message, HasSubstr("the cache of keys and values is full"));
  EXPECT_EQ(made, 13); // 32 positions: behind the 20 of the prompt, 12 read and one more made
}

TEST(GeneratorTest, ReceiversEndARun) {
  std::unique_ptr<Session> session = load(kLlama, 2, 16);
  auto generator = Generator::create(session->instance(), most(10));
  int64_t made = 0;
  EXPECT_TRUE(generator->run({{1, 2}, {3}, {4}}, [&](int64_t, int32_t) { return ++made < 5; }).ok());
  EXPECT_EQ(made, 5);
  EXPECT_EQ(generator->facts().tokens, 5);
  EXPECT_EQ(generator->facts().promptTokens, 3);
}

TEST(GeneratorTest, EmptyPromptsAreRefused) {
  std::unique_ptr<Session> session = load(kLlama, 1, 4);
  auto generator = Generator::create(session->instance());
  rt::Status status = generator->run({{1}, {}}, [](int64_t, int32_t) { return true; });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E516");
  EXPECT_EQ(status.error().message, "a prompt has a token, found none in prompt 2");
}

TEST(GeneratorTest, EntriesOfAnotherFormAreRefused) {
  Session session;
  ASSERT_TRUE(
      session.load(kRoot + "/examples/04_gpt/gpt.dsl", {{"Layers", "1"}, {"Embed", "12"}, {"Length", "2"}})
          .ok());
  ASSERT_TRUE(session.compile().ok());
  GeneratorOptions options;
  options.decode = "sample";
  auto generator = Generator::create(session.instance(), options);
  ASSERT_FALSE(generator.ok());
  EXPECT_EQ(generator.error().code, "E515");
  EXPECT_THAT(generator.error().message,
              HasSubstr("an entry that continues tokens has the inputs tokens: i32[Rows, Width]"));
  EXPECT_EQ(Generator::create(session.instance()).error().code, "E701");
}

} // namespace
} // namespace cleave::text
