// Broken lowerings are refused, with the value and the reason.
#include "compiler/driver/Diagnostics.h"
#include "compiler/prove/Prove.h"
#include "test/unit/prove/Mutations.h"
#include "test/unit/prove/Programs.h"

#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <sstream>
#include <unistd.h>

namespace cleave::test {
namespace {

using testing::HasSubstr;

TEST(Mutation, OfADroppedReductionIsRefused) {
  std::unique_ptr<Compiled> compiled =
      compile({CLEAVE_SOURCE_DIR "/examples/02_mlp/mlp.dsl", "", "data", "dp=2", ""});
  ASSERT_EQ(compiled->locals.size(), 1u) << compiled->engine.render();
  EXPECT_EQ(prove(*compiled), "");
  auto train = compiled->locals[0]->lookupSymbol<mlir::func::FuncOp>("train");
  auto reductions = llvm::to_vector(train.getOps<comm::AllReduceOp>());
  ASSERT_FALSE(reductions.empty());
  reductions.back().getResult().replaceAllUsesWith(reductions.back().getInput());
  std::string said = prove(*compiled);
  EXPECT_THAT(said,
              HasSubstr("error[E960]: what a rank has of a value is its part of what the program computes, "
                        "found '"));
  EXPECT_THAT(said, HasSubstr("it is never summed over dp: each rank has a part of it"));
}

TEST(Mutation, AnOpThatHasNoRuleIsSaid) {
  std::unique_ptr<Compiled> compiled =
      compile({CLEAVE_SOURCE_DIR "/examples/02_mlp/mlp.dsl", "", "data", "dp=2", ""});
  ASSERT_EQ(compiled->locals.size(), 1u) << compiled->engine.render();
  auto train = compiled->locals[0]->lookupSymbol<mlir::func::FuncOp>("train");
  mlir::OpBuilder builder = mlir::OpBuilder::atBlockBegin(&train.getBody().front());
  mlir::tensor::EmptyOp::create(builder, train.getLoc(), llvm::ArrayRef<int64_t>{4}, builder.getF32Type());
  EXPECT_THAT(prove(*compiled),
              HasSubstr("error[E961]: what ranks run is made of ops that the checker knows, found an op "
                        "'tensor.empty'"));
}

//===----------------------------------------------------------------------===//
// 300 of them
//===----------------------------------------------------------------------===//

struct Broken {
  std::string program, plan, mesh, tactics;
  unsigned mutants;
};

std::ostream &operator<<(std::ostream &stream, const Broken &it) {
  return stream << it.program << " under " << it.plan << " on " << it.mesh << " " << it.tactics;
}

class MutantTest : public testing::TestWithParam<Broken> {};

// What is checked is the entry `train`.
void keepTrain(mlir::ModuleOp module) {
  for (auto function : llvm::make_early_inc_range(module.getOps<mlir::func::FuncOp>()))
    if (function->hasAttr(model::kEntryAttr) && function.getName() != "train")
      function.erase();
  mlir::SymbolTable symbols(module); // and what it calls
  for (bool again = true; again;) {
    again = false;
    for (auto function : llvm::make_early_inc_range(module.getOps<mlir::func::FuncOp>()))
      if (function.isPrivate() && mlir::SymbolTable::symbolKnownUseEmpty(function, module)) {
        function.erase();
        again = true;
      }
  }
}

// Reasons that say no more than that something else is computed.
bool isPlain(const std::string &said) {
  for (const char *words : {"in another way", "terms where", "reads other elements", "have different values"})
    if (said.find(words) != std::string::npos)
      return true;
  return false;
}

// Whether a reason names what was done.
bool fits(Fault fault, const std::string &said) {
  auto has = [&](const char *words) { return said.find(words) != std::string::npos; };
  switch (fault) {
  case Fault::Dropped:
  case Fault::Moved:
    return has("it is never summed over ");
  case Fault::Doubled:
    return has("it is summed over ") && has("along which every rank has the whole sum already: ");
  case Fault::OtherAxis:
    return has("its sum is taken over ") || has(" is gathered over ") || has(" where element ");
  case Fault::OtherReduction:
    return has("its maximum is taken over ") && has("where each rank has a part of a sum");
  case Fault::Scaled:
    return has("it is 2 times what is meant");
  case Fault::Shifted:
  case Fault::Swapped:
    return has("rank (") && (has(" where it should have element") || has(" where element "));
  case Fault::Kept:
    return true; // what has gone round is another's value, not one that was moved
  }
  return false;
}

// What is said of every fault goes to that file, where there is one.
constexpr const char *kWords = "CLEAVE_WORDS";

TEST_P(MutantTest, IsRefusedWithTheValueAndTheReason) {
  const Broken &it = GetParam();
  std::string plan = it.tactics.empty() ? it.plan : planWith(it.plan, it.tactics);
  std::string sets = it.program == "04_gpt/gpt.dsl" ? "Batch=8,Seq=8,Embed=16,Heads=8,Layers=2" : "";
  std::unique_ptr<Compiled> compiled =
      compile({CLEAVE_SOURCE_DIR "/examples/" + it.program, "", plan, it.mesh, sets});
  ASSERT_FALSE(compiled->locals.empty()) << compiled->engine.render();
  keepTrain(*compiled->whole);
  prove::Prover prover(*compiled->whole);
  std::vector<std::pair<mlir::ModuleOp, Mutation>> mutations; // of each class of ranks
  for (auto &local : compiled->locals) {
    keepTrain(*local);
    ASSERT_TRUE(mlir::succeeded(prover.check(*local)));
    for (const Mutation &mutation : mutationsOf(*local))
      mutations.emplace_back(*local, mutation);
  }
  ASSERT_GE(mutations.size(), it.mutants);
  std::shuffle(mutations.begin(), mutations.end(), std::mt19937(it.mutants));
  mutations.resize(it.mutants);
  std::ofstream words;
  if (const char *path = std::getenv(kWords))
    words.open(path, std::ios::app);
  unsigned plain = 0, fitting = 0;
  for (auto &[right, mutation] : mutations) {
    mlir::OwningOpRef<mlir::ModuleOp> broken = right.clone();
    apply(*broken, mutation);
    diag::Engine engine;
    for (const auto &source : compiled->engine.getSources())
      engine.addSource(source->getPath(), std::string(source->getText()));
    DiagnosticsBridge bridge(*compiled->context, engine);
    EXPECT_TRUE(mlir::failed(prover.check(*broken))) << nameOf(mutation);
    EXPECT_THAT(engine.render(),
                testing::ContainsRegex("E960.: what a rank has of a value is its part of what the "
                                       "program computes, found '.+'.*: .+"))
        << nameOf(mutation);
    words << it << ": " << nameOf(mutation) << "\n" << engine.render();
    plain += mutation.fault != Fault::Kept && isPlain(engine.render());
    fitting += fits(mutation.fault, engine.render());
  }
  RecordProperty("plain", static_cast<int>(plain));
  RecordProperty("fitting", static_cast<int>(fitting));
  // Masks of padding and layers of their own are in the way of telling what was done.
  bool isEasy = it.tactics.empty() || it.tactics.find("accumulate") == 0;
  EXPECT_LE(plain * 20, it.mutants * (isEasy ? 1 : 6)) << "reasons that say little";
  EXPECT_GE(fitting * 20, it.mutants * (isEasy ? 19 : 10)) << "reasons that say what was done";
}

INSTANTIATE_TEST_SUITE_P(
    Plans, MutantTest,
    testing::Values(Broken{"02_mlp/mlp.dsl", "data", "dp=2", "", 20},
                    Broken{"02_mlp/mlp.dsl", "zero2", "dp=2", "", 20},
                    Broken{"04_gpt/gpt.dsl", "fsdp", "dp=2", "", 50},
                    Broken{"04_gpt/gpt.dsl", "tensor", "tp=2", "", 35},
                    Broken{"04_gpt/gpt.dsl", "tensor_sequence", "tp=4", "", 40},
                    Broken{"04_gpt/gpt.dsl", "two_d", "dp=2,tp=2", "", 75},
                    Broken{"04_gpt/gpt.dsl", "two_d", "dp=2,tp=2", "accumulate 2 of Batch", 40},
                    Broken{"03_conv/conv.dsl", "spatial", "sp=2", "", 20},
                    Broken{"04_gpt/gpt.dsl", "ring", "dp=2,cp=4", "", 30},
                    Broken{"04_gpt/gpt.dsl", "fsdp", "dp=3", "remainder pad", 40},
                    Broken{"04_gpt/gpt.dsl", "tensor_sequence", "tp=3", "remainder pad", 40},
                    Broken{"03_conv/conv.dsl", "spatial", "sp=3", "remainder pad", 10},
                    Broken{"04_gpt/gpt.dsl", "fsdp", "dp=3", "remainder uneven", 40},
                    Broken{"04_gpt/gpt.dsl", "tensor_sequence", "tp=3", "remainder uneven", 40},
                    Broken{"04_gpt/gpt.dsl", "two_d", "dp=2,tp=2",
                           "layout gpt.blocks[0].h: [Batch, Seq, Embed/tp]\n"
                           "store params of gpt.blocks[1].up.w over dp",
                           40}),
    [](const auto &info) {
      std::string first = info.param.tactics.substr(0, info.param.tactics.find('\n')).substr(0, 16);
      std::string name =
          info.param.program.substr(3, 4) + info.param.plan + (first.empty() ? "" : "_" + first);
      for (char &letter : name)
        if (!std::isalnum(static_cast<unsigned char>(letter)))
          letter = '_';
      return name;
    });

//===----------------------------------------------------------------------===//
// The same in every process
//===----------------------------------------------------------------------===//

std::string wordsOfAProcess(const std::string &filter, int number) {
  std::string path = testing::TempDir() + "words_" + std::to_string(getpid()) + "_" + std::to_string(number);
  std::remove(path.c_str());
  std::string command = std::string(kWords) + "='" + path + "' /proc/" + std::to_string(getpid()) +
                        "/exe --gtest_filter='" + filter + "' > /dev/null";
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  std::remove(path.c_str());
  return text.str();
}

// Where things lie in memory differs from process to process. CLEAVE_ALL=1 in the environment: of all plans.
TEST(Mutation, IsSaidInTheSameWordsByEveryProcess) {
  std::string filter = "Plans/MutantTest.*/";
  std::string all = std::getenv("CLEAVE_ALL") ? "*" : "mlp*:" + filter + "conv*:" + filter + "gpt_tensor";
  std::string first = wordsOfAProcess(filter + all, 0);
  EXPECT_THAT(first, HasSubstr("error[E960]"));
  for (int number = 1; number < 5; ++number)
    EXPECT_EQ(wordsOfAProcess(filter + all, number), first);
}

} // namespace
} // namespace cleave::test
