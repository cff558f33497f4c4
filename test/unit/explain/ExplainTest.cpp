#include "compiler/explain/Assertions.h"
#include "compiler/explain/Collect.h"
#include "compiler/explain/Text.h"
#include "test/unit/explain/Module.h"

#include "mlir/IR/Diagnostics.h"
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace cleave::explain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Sizes such that all numbers differ.
const char kDist[] = R"(
dist.mesh @m ["dp", "tp"] = [2, 4]
dist.plan @megatron on @m hash "3fa94c1e77aa00" {
  dist.shard ["Batch"] over [#dist.axis<"dp">] loc("net.dsl":40:3)
  dist.shard ["Hidden"] over [#dist.axis<"tp">] loc("net.dsl":41:3)
}
model.state @w path "net.w" kind "param" : tensor<16x32xf32, #model.axes<Embed, Hidden>>
func.func @train(
    %w: tensor<16x32xf32, #model.axes<Embed, Hidden>>
      {model.state = @w, dist.layout = #dist.layout<@m, [{}, {"tp"}]>,
       dist.origin = [#dist.origin<<"tp">, 1, []>]},
    %x: tensor<8x16xf32, #model.axes<Batch, Embed>> {model.input = "x", dist.layout = #dist.layout<@m, [{"dp"}, {}]>})
    -> (tensor<8x16xf32, #model.axes<Batch, Embed>> {model.output = "y", dist.layout = #dist.layout<@m, [{"dp"}, {}]>})
    attributes {model.entry} {
  %h = model.index (b: Batch = 8, i: Hidden = 32) sum (e: Embed = 16) ins(%x[b, e], %w[e, i] :
      tensor<8x16xf32, #model.axes<Batch, Embed>>, tensor<16x32xf32, #model.axes<Embed, Hidden>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } {names = ["h"], dist.layouts = [#dist.layout<@m, [{"dp"}, {"tp"}]>],
     dist.origins = [[#dist.origin<<"tp">, 1, ["net.w"]>]],
     dist.conflicts = [[#dist.conflict<<"dp">, dim 1 by 1, held 0 by 0>]]} : tensor<8x32xf32, #model.axes<Batch, Hidden>> loc("net.dsl":12:7)
  %p = model.index (b: Batch = 8, e: Embed = 16) sum (i: Hidden = 32) ins(%h[b, i], %w[e, i] :
      tensor<8x32xf32, #model.axes<Batch, Hidden>>, tensor<16x32xf32, #model.axes<Embed, Hidden>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } {names = ["p"], dist.layouts = [#dist.layout<@m, [{"dp"}, {}], partial = [sum {"tp"} ]>]}
    : tensor<8x16xf32, #model.axes<Batch, Embed>>
  return %p : tensor<8x16xf32, #model.axes<Batch, Embed>>
}
)";

const char kComm[] = R"(
#reason = #comm.reason<"h", "forward", "Hidden is summed over and cut over tp", "do not shard Hidden", loc("net.dsl":41:3)
    path = ["net.w", "h"] edits = [#comm.edit<1, "">] merged = [#comm.reason<"g", "forward", "Heads is summed over", "",
    loc("net.dsl":42:3) source = loc("net.dsl":13:7)>]>
dist.mesh @m ["dp", "tp"] = [2, 4] links [#dist.link<"node", 1.0e9, 1.0e-6, "node">, #dist.link<"board", 1.0e10, 1.0e-7, "node">]
dist.plan @megatron on @m hash "3fa94c1e77aa00" {
  TACTICS
}
func.func private @layer(%i: tensor<i64>, %x: tensor<4x16xf32, #model.axes<Batch, Embed>>) -> tensor<4x16xf32, #model.axes<Batch, Embed>> {
  %y = comm.all_reduce sum %x over @m [#dist.axis<"tp">] {reason = #reason} : tensor<4x16xf32, #model.axes<Batch, Embed>> loc("net.dsl":12:7)
  return %y : tensor<4x16xf32, #model.axes<Batch, Embed>>
}
func.func @train(%x: tensor<4x16xf32, #model.axes<Batch, Embed>> {model.input = "x"})
    -> (tensor<8x16xf32, #model.axes<Batch, Embed>> {model.output = "y"}) attributes {model.entry} {
  %0 = model.scan @layer count 6 over "Layers" consts() carries(%x) slices() : (), (tensor<4x16xf32, #model.axes<Batch, Embed>>), () -> (tensor<4x16xf32, #model.axes<Batch, Embed>>)
  %1 = comm.slice %0 dim 1 over @m [#dist.axis<"tp">] : tensor<4x16xf32, #model.axes<Batch, Embed>> -> tensor<4x4xf32, #model.axes<Batch, Embed>>
  %2 = comm.all_gather %0 dim 0 over @m [#dist.axis<"dp">] {reason = #comm.reason<"net.out", "backward",
      "out is f32[Batch/dp, Embed], and is wanted as f32[Batch, Embed]", "let it be cut over dp", loc("net.dsl":40:3)>}
      : tensor<4x16xf32, #model.axes<Batch, Embed>> -> tensor<8x16xf32, #model.axes<Batch, Embed>> loc("net.dsl":14:3)
  return %2 : tensor<8x16xf32, #model.axes<Batch, Embed>>
}
)";

std::string commWith(llvm::StringRef tactics) {
  std::string text = kComm;
  return text.replace(text.find("TACTICS"), 7, tactics.str());
}

TEST(ExplainTest, ValuesHaveLayoutsAsUsersWriteThem) {
  test::Parsed parsed(kDist);
  std::vector<ValueFacts> values = collectValues(*parsed.module);
  ASSERT_EQ(values.size(), 5u);
  EXPECT_EQ(values[0].name, "net.w");
  EXPECT_EQ(values[0].kind, "param");
  EXPECT_EQ(values[0].type, "f32[Embed, Hidden]");
  EXPECT_EQ(values[0].layout, "f32[Embed, Hidden/tp]");
  EXPECT_EQ(values[0].local, "f32[16, 8]");
  EXPECT_EQ(values[1].layout, "f32[Batch/dp, Embed]");
  EXPECT_EQ(values[2].name, "h");
  EXPECT_EQ(values[2].layout, "f32[Batch/dp, Hidden/tp]");
  EXPECT_EQ(values[2].source, "net.dsl:12:7");
  ASSERT_EQ(values[2].origins.size(), 1u);
  EXPECT_EQ(values[2].origins[0].tactic, "net.dsl:41:3");
  EXPECT_EQ(values[3].partial, "sum over tp");
  EXPECT_EQ(values[4].kind, "output");
}

TEST(ExplainTest, CollectivesAreCountedThroughLoopsAndPriced) {
  test::Parsed parsed(commWith(""));
  std::vector<CollectiveFacts> found = collectCollectives(*parsed.module);
  ASSERT_EQ(found.size(), 2u) << "a slice sends nothing";
  EXPECT_EQ(found[0].op, "all_reduce");
  EXPECT_EQ(found[0].count, 6);
  EXPECT_EQ(found[0].bytes, 2 * 4 * 16 * 4 * 3 / 4);
  EXPECT_NEAR(found[0].seconds, 6 * 1e-7 + 384 / 1e10, 1e-12);
  EXPECT_THAT(found[0].meshAxes, ElementsAre("tp"));
  EXPECT_EQ(found[0].source, "net.dsl:12:7");
  EXPECT_EQ(found[0].plan, "net.dsl:41:3");
  EXPECT_EQ(found[1].op, "all_gather");
  EXPECT_EQ(found[1].bytes, 8 * 16 * 4 / 2);
  EXPECT_EQ(found[1].phase, "backward");
}

Facts facts() {
  test::Parsed dist(kDist), comm(commWith(""));
  Facts facts;
  facts.mesh = collectMesh(*comm.module);
  facts.values = collectValues(*dist.module);
  facts.conflicts = collectConflicts(*dist.module);
  facts.collectives = collectCollectives(*comm.module);
  facts.memory = {{{0, 7}, 8, 1 << 20, 1, 2, 3, 4, 5, 6}};
  return facts;
}

TEST(ExplainTest, TheTextSaysWhatWhyAndHowOften) {
  TextOptions options;
  options.line = [](const std::string &file, int line) {
    return file == "net.dsl" && line == 41 ? std::string("  shard Hidden over tp") : std::string();
  };
  std::string text = renderText(facts(), options);
  EXPECT_THAT(text,
              HasSubstr("plan megatron (3fa94c1e77aa) on mesh(dp: 2 over node, tp: 4 over board), 8 ranks"));
  EXPECT_THAT(text, HasSubstr("all_reduce over tp of h f32[4, 16]\n      6 x 384 B per rank"));
  EXPECT_THAT(text, HasSubstr("because Hidden is summed over and cut over tp"));
  EXPECT_THAT(text, HasSubstr("plan net.dsl:41:3\n        shard Hidden over tp\n        ^"));
  EXPECT_THAT(text, HasSubstr("spread net.w -> h"));
  EXPECT_THAT(text, HasSubstr("also for g: Heads is summed over, at net.dsl:13:7, by net.dsl:42:3"));
  EXPECT_THAT(text, HasSubstr("without it: do not shard Hidden"));
  EXPECT_THAT(text, HasSubstr("Hidden is not cut over dp\n      of h\n"));
  EXPECT_THAT(text, HasSubstr("all                  7  2.5 KiB"));
  EXPECT_THAT(text, HasSubstr("0-7"));
  EXPECT_THAT(text, Not(HasSubstr("\033"))) << "colour is for terminals";
  options.colour = true;
  EXPECT_THAT(renderText(facts(), options), HasSubstr("\033[1m"));
  size_t longest = 0, start = 0;
  for (size_t end; (end = text.find('\n', start)) != std::string::npos; start = end + 1)
    longest = std::max(longest, end - start);
  EXPECT_LE(longest, 100u);
}

// Gathered twice (@again, by the place of what is gathered), kept as a stack, kept for an op behind, not
// read.
const char kGathers[] = R"(
!part = tensor<4xf32, #model.axes<A>>
!whole = tensor<8xf32, #model.axes<A>>
!stack = tensor<3x8xf32, #model.axes<L, A>>
dist.mesh @m ["tp"] = [2]
#f = #comm.reason<"x", "forward", "it lies in parts", "", loc("plan.dsl":1:1)>
#b = #comm.reason<"dx", "backward", "it lies in parts", "", loc("plan.dsl":1:1)>
func.func private @layer(%i: tensor<i64>, %x: !part) -> (!part, !whole) {
  %a = comm.all_gather %x dim 0 over @m [#dist.axis<"tp">] {reason = #f} : !part -> !whole loc("net.dsl":1:1)
  %b = comm.all_gather %x dim 0 over @m [#dist.axis<"tp">] {reason = #f} : !part -> !whole loc("net.dsl":2:1)
  %c = comm.slice %a dim 0 over @m [#dist.axis<"tp">] : !whole -> !part
  return %c, %b : !part, !whole
}
func.func @train(%x: !part {model.input = "x"}, %w: !part {model.state = @w})
    -> (!part {model.output = "y"}, !part {model.state = @w}) attributes {model.entry} {
  %0:2 = model.scan @layer count 3 over "L" consts() carries(%x) slices() : (), (!part), () -> (!part, !stack)
  %1 = comm.all_gather %0#0 dim 0 over @m [#dist.axis<"tp">] {reason = #f} : !part -> !whole loc("net.dsl":3:1)
  %2 = comm.slice %1 dim 0 over @m [#dist.axis<"tp">] : !whole -> !part
  %3 = comm.all_gather %2 dim 0 over @m [#dist.axis<"tp">] {reason = #f} : !part -> !whole loc("net.dsl":4:1)
  %4 = comm.slice %3 dim 0 over @m [#dist.axis<"tp">] : !whole -> !part
  %5 = comm.all_gather %w dim 0 over @m [#dist.axis<"tp">] {reason = #b} : !part -> !whole loc("net.dsl":1:1)
  %6 = comm.reduce_scatter sum %1 dim 0 over @m [#dist.axis<"tp">] {reason = #b} : !whole -> !part
  return %4, %6 : !part, !part
}
model.state @w path "w" kind "param" : !part
)";

TEST(ExplainTest, GathersSayWhetherTheyAreMadeAgain) {
  using Regather = CollectiveFacts::Regather;
  test::Parsed parsed(kGathers);
  Facts facts;
  facts.collectives = collectCollectives(*parsed.module);
  ASSERT_EQ(facts.collectives.size(), 6u);
  EXPECT_EQ(facts.collectives[0].regather, Regather::Again);
  EXPECT_THAT(facts.collectives[0].because, HasSubstr("gathered again going backwards"));
  EXPECT_EQ(facts.collectives[1].regather, Regather::Kept) << "a stack";
  EXPECT_EQ(facts.collectives[2].regather, Regather::Kept) << "an op of the backward pass reads it";
  EXPECT_THAT(facts.collectives[2].because, HasSubstr("is kept for going backwards"));
  EXPECT_EQ(facts.collectives[3].regather, Regather::None);
  EXPECT_EQ(facts.collectives[4].regather, Regather::None) << "it goes backwards itself";
  std::string text = renderText(facts);
  EXPECT_THAT(text, HasSubstr("kept as gathered               4  64 B per rank more than their parts"));
  EXPECT_THAT(text,
              HasSubstr("kept in parts, gathered again  3  48 B per rank sent again; keeping them would "
                        "take 48 B"));
}

TEST(ExplainTest, TheJsonHasTheStableFields) {
  nlohmann::json json = nlohmann::json::parse(renderJson(facts()));
  EXPECT_EQ(json["mesh"]["ranks"], 8);
  for (const char *field : {"name", "type", "layout", "partial", "source"})
    EXPECT_TRUE(json["values"][0].contains(field)) << field;
  for (const char *field : {"op", "mesh_axes", "value", "phase", "count", "bytes_per_rank", "seconds",
                            "source", "because", "hint"})
    EXPECT_TRUE(json["collectives"][0].contains(field)) << field;
  for (const char *field :
       {"peak_bytes", "params", "gradients", "optimizer", "activations", "buffers", "temporaries"})
    EXPECT_TRUE(json["memory"][0].contains(field)) << field;
  EXPECT_EQ(json["collectives"][0]["count"], 6);
}

// The messages of the assertions that do not hold.
std::string judged(llvm::StringRef tactics) {
  test::Parsed parsed(commWith(tactics));
  Facts found = facts();
  std::string messages;
  mlir::ScopedDiagnosticHandler handler(&parsed.context, [&](mlir::Diagnostic &diagnostic) {
    messages += diagnostic.str() + "\n";
    for (mlir::Diagnostic &note : diagnostic.getNotes())
      messages += "  " + note.str() + "\n";
    return mlir::success();
  });
  bool holds = succeeded(checkAssertions(*parsed.module, found));
  EXPECT_EQ(holds, messages.empty());
  return messages;
}

TEST(AssertionsTest, CountsOfCollectives) {
  EXPECT_EQ(judged(R"(dist.assert "count" "all_reduce" over [#dist.axis<"tp">] in "" most 6)"), "");
  EXPECT_THAT(
      judged(R"(dist.assert "count" "all_reduce" over [#dist.axis<"tp">] in "" most 5)"),
      HasSubstr("E950: an assertion of the plan must hold: at most 5 all_reduce over tp in a step, found 6\n"
                "  6 x all_reduce over tp of h (forward): 384 B each, at net.dsl:12:7"));
}

TEST(AssertionsTest, AbsenceInASelector) {
  EXPECT_EQ(judged(R"(dist.assert "count" "all_gather" over [] in "net.w" most 0)"), "");
  EXPECT_THAT(judged(R"(dist.assert "count" "all_gather" over [] in "net" most 0)"),
              HasSubstr("at most 0 all_gather in net in a step, found 1"));
}

TEST(AssertionsTest, Bytes) {
  EXPECT_EQ(judged(R"(dist.assert "bytes" "" over [] in "" most 2560)"), "");
  EXPECT_THAT(judged(R"(dist.assert "bytes" "" over [] in "" most 2048)"),
              HasSubstr("at most 2.0 KiB sent per rank and step by collectives, found 2.5 KiB"));
}

TEST(AssertionsTest, PeakMemory) {
  EXPECT_EQ(judged(R"(dist.assert "peak_memory" "" over [] in "" most 1048576)"), "");
  EXPECT_THAT(
      judged(R"(dist.assert "peak_memory" "" over [] in "" most 1024)"),
      HasSubstr("peak_memory of at most 1.0 KiB per rank, found 1.0 MiB\n  parameters 1 B, gradients 2 B"));
}

TEST(AssertionsTest, ReshardsBeyondTheAllowance) {
  EXPECT_EQ(judged("dist.allow reshard 256"), "") << "finishing a sum is no reshard";
  std::string message = judged("dist.allow reshard 255");
  EXPECT_THAT(message,
              HasSubstr("E951: a reshard that nobody asked for may move at most 255 B per rank, found 1 x "
                        "all_gather over dp of net.out (backward): 256 B each, at net.dsl:14:3"));
  EXPECT_THAT(message, HasSubstr("out is f32[Batch/dp, Embed], and is wanted as f32[Batch, Embed]"));
  EXPECT_THAT(message, HasSubstr("to do without: let it be cut over dp"));
}

} // namespace
} // namespace cleave::explain
