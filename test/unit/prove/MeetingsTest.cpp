// Classes of ranks take part in the same collectives, or are refused.
#include "compiler/prove/Meetings.h"
#include "compiler/driver/Diagnostics.h"
#include "test/unit/prove/Programs.h"

#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::test {
namespace {

using testing::HasSubstr;

// Rows [Batch] on three ranks: two of class 0 have two rows, one of class 1 has one.
constexpr const char *kSum = "%a = comm.all_reduce sum %l over @m [#dist.axis<\"dp\">] : tensor<f32>\n";
constexpr const char *kMax = "%b = comm.all_reduce max %l over @m [#dist.axis<\"dp\">] : tensor<f32>\n";

std::string gather(int rows, int all = 5, const char *axis = "dp") {
  return "%g = comm.all_gather %x dim 0 over @m [#dist.axis<\"" + std::string(axis) + "\">] : tensor<" +
         std::to_string(rows) + "x4xf32> -> tensor<" + std::to_string(all) + "x4xf32>\n";
}

std::string classText(int rank, int rows, const std::string &body) {
  std::string type = "tensor<" + std::to_string(rows) + "x4xf32>";
  return "module attributes {comm.rank = array<i64: " + std::to_string(rank) +
         ", 0>} {\n  dist.mesh @m [\"dp\", \"tp\"] = [3, 1]\n  func.func @step(%x: " + type +
         ", %l: tensor<f32>) -> " + type + " attributes {model.entry} {\n" + body +
         "    return %x : " + type + "\n  }\n}\n";
}

// What is said of two classes' programs.
std::string meet(const std::string &first, const std::string &second, int rows = 2, int other = 1) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  diag::Engine engine;
  DiagnosticsBridge bridge(context, engine);
  prove::Meetings meetings;
  for (const std::string &text : {classText(0, rows, first), classText(2, other, second)}) {
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      return "no module: " + engine.render() + text;
    meetings.add(*module);
  }
  return mlir::succeeded(meetings.check({0, 0, 1})) ? "" : engine.render();
}

TEST(Meetings, OfTheSameCollectivesAreFine) {
  EXPECT_EQ(meet(kSum + gather(2) + kMax, kSum + gather(1) + kMax), "");
}

TEST(Meetings, WithACollectiveLeftOutAreRefused) {
  std::string rule =
      "error[E962]: ranks of all classes take part in the same collectives in the same order, found ";
  std::string said = meet(kSum + gather(2) + kMax, kSum + std::string(kMax));
  EXPECT_THAT(said,
              HasSubstr(rule + "'all_gather over dp' as number 2 of entry 'step' on rank (dp 0, tp 0), which "
                               "rank (dp 2, tp 0) leaves out"));
  EXPECT_THAT(said, HasSubstr("note: rank (dp 2, tp 0) goes on to 'all_reduce max over dp' here"));
  said = meet(kSum + gather(2), kSum + gather(1) + kMax);
  EXPECT_THAT(said,
              HasSubstr(rule +
                        "'all_reduce max over dp' as number 3 of entry 'step' on rank (dp 2, tp 0), which "
                        "rank (dp 0, tp 0) leaves out"));
}

TEST(Meetings, InAnotherOrderAreRefused) {
  std::string said = meet(kSum + gather(2), gather(1) + kSum);
  EXPECT_THAT(said, HasSubstr("error[E962]"));
  EXPECT_THAT(
      said,
      HasSubstr("found 'all_reduce sum over dp' as number 1 of entry 'step' on rank (dp 0, tp 0), where "
                "rank (dp 2, tp 0) has 'all_gather over dp', and that one behind it"));
  EXPECT_THAT(said, HasSubstr("note: this is number 1 of rank (dp 2, tp 0)"));
}

TEST(Meetings, OverOtherAxesOrWithAnotherReductionAreRefused) {
  std::string text = kMax;
  text.replace(text.find("\"dp\""), 4, "\"tp\"");
  EXPECT_THAT(meet(kSum + std::string(kMax), kSum + text), HasSubstr("which rank (dp 2, tp 0) leaves out"));
  text = kSum;
  text.replace(text.find("sum"), 3, "max");
  EXPECT_THAT(meet(kSum, text),
              HasSubstr("found 'all_reduce sum over dp' as number 1 of entry 'step' on rank (dp 0, tp "
                        "0), where rank (dp 2, tp 0) has 'all_reduce max over dp'"));
}

TEST(Meetings, WithOtherNumbersOfElementsAreRefused) {
  std::string rule =
      "error[E963]: members of a collective give as many elements as the others expect, found ";
  EXPECT_THAT(
      meet(gather(2, 6), gather(1, 6)),
      HasSubstr(rule +
                "'all_gather over dp' in entry 'step': rank (dp 0, tp 0) expects 6 along its dim 0, all "
                "members have 5"));
  std::string sum = "%a = comm.all_reduce sum %x over @m [#dist.axis<\"dp\">] : tensor<";
  EXPECT_EQ(meet(sum + "2x4xf32>\n", sum + "2x4xf32>\n", 2, 2), "");
  EXPECT_THAT(
      meet(sum + "2x4xf32>\n", sum + "1x4xf32>\n"),
      HasSubstr(rule +
                "'all_reduce sum over dp' in entry 'step': rank (dp 0, tp 0) gives [2, 4], rank (dp 2, tp "
                "0) [1, 4]"));
}

// Every collective of a class of a plan with uneven blocks, left out, or put behind the next one.
TEST(Meetings, OfCompiledClassesAreRefusedOnceOneIsChanged) {
  std::unique_ptr<Compiled> compiled = compile(
      {CLEAVE_SOURCE_DIR "/examples/02_mlp/mlp.dsl", "", planWith("zero2", "remainder uneven"), "dp=3", ""});
  ASSERT_GE(compiled->locals.size(), 2u) << compiled->engine.render();
  diag::Engine engine;
  DiagnosticsBridge bridge(*compiled->context, engine);
  auto isMet = [&](mlir::ModuleOp second) {
    prove::Meetings meetings;
    for (auto [i, local] : llvm::enumerate(compiled->locals))
      meetings.add(i == 1 ? second : *local);
    return mlir::succeeded(meetings.check(compiled->classOf));
  };
  ASSERT_TRUE(isMet(*compiled->locals[1])) << engine.render();
  auto count = [](mlir::ModuleOp module) {
    unsigned number = 0;
    module.walk(
        [&](mlir::Operation *op) { number += mlir::isa<comm::AllReduceOp, comm::ReduceScatterOp>(op); });
    return number;
  };
  unsigned all = count(*compiled->locals[1]);
  ASSERT_GE(all, 4u);
  for (unsigned number = 0; number < all; ++number) {
    mlir::OwningOpRef<mlir::ModuleOp> broken = compiled->locals[1]->clone();
    unsigned at = 0;
    broken->walk([&](mlir::Operation *op) {
      if (mlir::isa<comm::AllReduceOp, comm::ReduceScatterOp>(op) && at++ == number)
        op->setAttr("combiner", model::CombinerAttr::get(op->getContext(), model::Combiner::Prod));
    });
    EXPECT_FALSE(isMet(*broken)) << number;
  }
  EXPECT_THAT(engine.render(), HasSubstr("E962"));
}

} // namespace
} // namespace cleave::test
