#include "compiler/explain/Edits.h"

#include "test/unit/explain/Module.h"

#include <gmock/gmock.h>

namespace cleave::explain {
namespace {

const char kPlan[] = R"(
dist.mesh @m ["dp", "tp"] = [2, 2]
dist.plan @p on @m hash "" {
  dist.shard ["Batch"] over [#dist.axis<"dp">] loc("p.dsl":2:3)
  dist.shard ["Heads", "Hidden"] over [#dist.axis<"tp">] loc("p.dsl":3:3)
  dist.store "gradients" "" over [#dist.axis<"dp">] loc("p.dsl":4:3)
  dist.store "optimizer" "" over [#dist.axis<"dp">] loc("p.dsl":4:3)
}
)";

class EditsTest : public testing::Test {
protected:
  static CollectiveFacts collective(const char *value, std::vector<EditFacts> edits) {
    CollectiveFacts facts;
    facts.op = "all_reduce";
    facts.meshAxes = {"tp"};
    facts.value = value;
    facts.count = 2;
    facts.bytes = 10;
    facts.hint = "a guess";
    facts.edits = std::move(edits);
    return facts;
  }
  static EditFacts edit(int64_t tactic, const char *axis) { return {tactic, axis, "", ""}; }

  dist::PlanOp plan() { return *parsed.module->getOps<dist::PlanOp>().begin(); }

  // Settles hints where a collective goes with any of these edits being made; counts trials.
  void settle(std::vector<CollectiveFacts> &collectives,
              const std::function<bool(const CollectiveFacts &, const Edits &)> &goes) {
    std::vector<CollectiveFacts> all = collectives;
    settleHints(collectives, plan(), [&](const Edits &edits) {
      ++trials;
      std::vector<CollectiveFacts> left;
      for (const CollectiveFacts &one : all)
        if (!goes(one, edits))
          left.push_back(one);
      return left;
    });
  }

  test::Parsed parsed{kPlan};
  unsigned trials = 0;
};

TEST_F(EditsTest, TheNarrowestEditThatHelpsIsTheHint) {
  std::vector<CollectiveFacts> all = {collective("h", {edit(1, "Hidden"), edit(1, "")}),
                                      collective("q", {edit(1, "Hidden"), edit(1, "")})};
  settle(all, [](const CollectiveFacts &one, const Edits &edits) {
    return one.value == "h" || edits.front().axis.empty();
  });
  EXPECT_EQ(all[0].hint, "leave Hidden out of `shard Heads, Hidden over tp`");
  EXPECT_EQ(all[0].bytesWithout, 20) << "what the other sends";
  ASSERT_EQ(all[0].removedBy.size(), 1u);
  EXPECT_EQ(all[0].removedBy[0].plan, "p.dsl:3:3");
  EXPECT_EQ(all[0].removedBy[0].part, "Hidden");
  EXPECT_EQ(all[1].hint, "leave out `shard Heads, Hidden over tp`");
  EXPECT_EQ(trials, 2u) << "each edit is made once";
}

TEST_F(EditsTest, NoHintIsGivenWhereNoEditHelps) {
  std::vector<CollectiveFacts> all = {collective("h", {edit(0, "")})};
  settle(all, [](const CollectiveFacts &, const Edits &) { return false; });
  EXPECT_EQ(all[0].hint, "");
  EXPECT_TRUE(all[0].removedBy.empty());
}

TEST_F(EditsTest, WhatStandsForSeveralGoesWithAllOfTheirReasons) {
  CollectiveFacts merged = collective("h", {edit(1, "Hidden"), edit(1, "")});
  ReasonFacts other;
  other.edits = {edit(3, "")};
  merged.merged.push_back(other);
  std::vector<CollectiveFacts> all = {merged};
  settle(all, [](const CollectiveFacts &, const Edits &edits) { return edits.size() == 2; });
  EXPECT_EQ(all[0].hint, "leave Hidden out of `shard Heads, Hidden over tp`, leave optimizer out of `store "
                         "gradients, optimizer over dp`");
}

TEST_F(EditsTest, EditsAreMadeToThePlan) {
  leaveOut(plan(), {edit(1, "Heads"), edit(2, ""), edit(0, "Batch")});
  std::string text;
  llvm::raw_string_ostream stream(text);
  plan().print(stream);
  EXPECT_THAT(text, testing::HasSubstr("dist.shard [\"Hidden\"]"));
  EXPECT_THAT(text, testing::HasSubstr("dist.store \"optimizer\""));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("Batch"))) << "a shard of nothing goes";
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("gradients")));
}

} // namespace
} // namespace cleave::explain
