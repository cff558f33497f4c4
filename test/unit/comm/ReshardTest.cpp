// Conversions between layouts: random pairs on all ranks of a mesh, with their numbers; and what the known
// best sequences cost.
#include "dialects/comm/transforms/Reshard.h"
#include "test/unit/comm/Ranks.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;
using namespace cleave::test;

namespace {
class Reshard : public ::testing::Test {
protected:
  Reshard() {
    context.loadDialect<model::ModelDialect, func::FuncDialect, arith::ArithDialect, comm::CommDialect>();
  }

  // A mesh, and a function @f that keeps a tensor in these layouts, so that their cuts are known.
  void start(const std::string &axes, const std::string &sizes, const std::string &policy,
             RankedTensorType whole, LayoutAttr from, LayoutAttr to) {
    std::string text = "dist.mesh @m " + axes + " = " + sizes +
                       "\ndist.plan @p on @m hash \"\" {\n  dist.remainder [] \"" + policy + "\"\n}\n";
    module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    mesh = *module->getOps<dist::MeshOp>().begin();
    OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
    auto function =
        func::FuncOp::create(builder, module->getLoc(), "cuts", builder.getFunctionType({whole, whole}, {}));
    function.setPrivate();
    function.setArgAttr(0, dist::kLayoutAttr, from);
    function.setArgAttr(1, dist::kLayoutAttr, to);
    ranks.clear();
    for (int64_t rank = 0; rank < mesh.getRanks(); ++rank) {
      auto shards = Shards::create(*module, mesh, coordinatesOf(mesh, rank));
      ASSERT_TRUE(succeeded(shards));
      ranks.push_back(*shards);
    }
  }

  // Runs the steps on every rank; a pending sum begins as parts that add up to the whole.
  void execute(RankedTensorType whole, LayoutAttr from, LayoutAttr to) {
    std::vector<OwningOpRef<ModuleOp>> owned;
    std::vector<ModuleOp> modules;
    for (const Shards &rank : ranks) {
      Resharder resharder(rank);
      OpBuilder builder(&context);
      owned.push_back(ModuleOp::create(builder, builder.getUnknownLoc()));
      builder.setInsertionPointToStart(owned.back()->getBody());
      builder.clone(*mesh);
      Type in = rank.localType(whole, from), out = rank.localType(whole, to);
      auto function =
          func::FuncOp::create(builder, builder.getUnknownLoc(), "f", builder.getFunctionType(in, out));
      builder.setInsertionPointToStart(function.addEntryBlock());
      Value value = function.getArgument(0);
      LayoutAttr at = from;
      for (const Step &step : resharder.plan(whole, from, to)) {
        value = emitStep(builder, builder.getUnknownLoc(), rank, whole, value, at, step, {});
        at = step.after;
      }
      func::ReturnOp::create(builder, builder.getUnknownLoc(), value);
      ASSERT_TRUE(succeeded(verify(*owned.back())));
      modules.push_back(*owned.back());
    }
    Tensor tensor = fill(whole, 7, -1, 1);
    PerRank blocks;
    for (const Shards &rank : ranks) {
      blocks.push_back({blockOf(tensor, whole, from, rank)});
      for (dist::PartialAttr partial : from.getPartials())
        for (Scalar &element : blocks.back().front().data) // parts that differ, and add up
          element.real *= (1 + double(rank.member(partial.getAxes()))) * 2 /
                          double(rank.members(partial.getAxes()) * (rank.members(partial.getAxes()) + 1));
    }
    PerRank found = evaluateRanks(modules, mesh, "f", blocks);
    std::vector<Tensor> results;
    for (auto &list : found)
      results.push_back(list.front());
    EXPECT_LE(difference(tensor, whole, to, ranks, results), 1e-12)
        << described(ranks.front(), whole, from, to);
    if (HasFailure())
      modules.front().dump();
  }

  static std::string described(const Shards &rank, RankedTensorType whole, LayoutAttr from, LayoutAttr to) {
    std::string way = text(from);
    Resharder resharder(rank);
    for (const Step &step : resharder.plan(whole, from, to))
      way += " -> " + text(step.after);
    return way;
  }

  static std::string text(Attribute attribute) {
    std::string result;
    llvm::raw_string_ostream(result) << attribute;
    return result;
  }

  LayoutAttr layout(const std::string &dims) {
    return cast<LayoutAttr>(parseAttribute("#dist.layout<@m, " + dims + ">", &context));
  }

  RankedTensorType type(ArrayRef<int64_t> sizes) {
    StringRef names[] = {"A", "B", "C"};
    return model::tensorOf(Float32Type::get(&context), ArrayRef(names).take_front(sizes.size()), sizes);
  }

  // The collectives of a conversion, as text.
  std::vector<std::string> ways(RankedTensorType whole, const std::string &from, const std::string &to,
                                const std::string &axes = "[\"a\", \"b\"]",
                                const std::string &sizes = "[4, 4]") {
    start(axes, sizes, "error", whole, layout(from), layout(to));
    Resharder resharder(ranks.front());
    const char *const names[] = {"slice",          "all_gather", "all_to_all", "permute",
                                 "reduce_scatter", "all_reduce", "only"};
    std::vector<std::string> list;
    for (const Step &step : resharder.plan(whole, layout(from), layout(to)))
      list.push_back(names[static_cast<int>(step.move)]);
    return list;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  dist::MeshOp mesh;
  std::vector<Shards> ranks;
};

using Ways = std::vector<std::string>;
} // namespace

TEST_F(Reshard, TakesTheKnownBestWays) {
  RankedTensorType whole = type({64, 64});
  EXPECT_EQ(ways(whole, "[{\"a\"}, {}]", "[{\"a\"}, {}]"), Ways());
  EXPECT_EQ(ways(whole, "[{}, {}]", "[{\"a\"}, {\"b\"}]").size(), 2u);
  EXPECT_EQ(ways(whole, "[{\"a\"}, {}]", "[{}, {}]"), Ways{"all_gather"});
  EXPECT_EQ(ways(whole, "[{\"a\", \"b\"}, {}]", "[{\"a\"}, {}]"), Ways{"all_gather"});
  EXPECT_EQ(ways(whole, "[{\"a\"}, {}]", "[{}, {\"a\"}]"), Ways{"all_to_all"});
  EXPECT_EQ(ways(whole, "[{\"a\"}, {}]", "[{\"a\", \"b\"}, {}]"), Ways{"slice"});
  EXPECT_EQ(ways(whole, "[{\"a\", \"b\"}, {}]", "[{\"b\", \"a\"}, {}]"), Ways{"permute"});
  EXPECT_EQ(ways(whole, "[{\"a\"}, {\"b\"}]", "[{\"b\"}, {\"a\"}]"), Ways{"permute"});
  EXPECT_EQ(ways(whole, "[{\"a\"}, {}]", "[{\"b\"}, {}]"), Ways{"permute"});
  EXPECT_EQ(ways(whole, "[{}, {}], partial = [sum {\"a\"}]", "[{}, {}]"), Ways{"all_reduce"});
  EXPECT_EQ(ways(whole, "[{}, {}], partial = [sum {\"a\", \"b\"}]", "[{}, {}]"), Ways{"all_reduce"});
  EXPECT_EQ(ways(whole, "[{}, {}], partial = [sum {\"a\"}]", "[{}, {\"a\"}]"), Ways{"reduce_scatter"});
  EXPECT_EQ(ways(whole, "[{}, {}]", "[{}, {}], partial = [max {\"a\"}]"), Ways{"only"});
}

// What a way may cost at most: S is the whole in bytes, n = 4 members.
TEST_F(Reshard, CostsNoMoreThanTheKnownBest) {
  RankedTensorType whole = type({256, 256});
  const double size = 256 * 256 * 4;
  struct {
    const char *from, *to;
    double bytes;
  } cases[] = {
      {"[{\"a\"}, {}]", "[{}, {}]", size * 3 / 4},
      {"[{\"a\"}, {}]", "[{}, {\"a\"}]", size / 4 * 3 / 4},
      {"[{\"a\", \"b\"}, {}]", "[{}, {\"a\", \"b\"}]", size / 16 * 15 / 16},
      {"[{\"a\", \"b\"}, {}]", "[{\"b\"}, {\"a\"}]", size / 16 * 3 / 4 + size / 16},
      {"[{}, {}], partial = [sum {\"a\"}]", "[{\"b\"}, {\"a\"}]", size / 4 * 3 / 4},
      {"[{}, {}], partial = [sum {\"a\"}]", "[{\"b\"}, {}]", size / 4 * 2 * 3 / 4},
      {"[{\"a\":(1)2, \"b\"}, {}]", "[{\"a\":(1)2}, {\"b\"}]", size / 8 * 3 / 4},
  };
  for (auto &one : cases) {
    start("[\"a\", \"b\"]", "[4, 4]", "error", whole, layout(one.from), layout(one.to));
    Resharder resharder(ranks.front());
    double bytes = 0;
    for (const Step &step : resharder.plan(whole, layout(one.from), layout(one.to)))
      bytes += step.bytes;
    EXPECT_LE(bytes, one.bytes + 1) << one.from << " to " << one.to;
  }
}

// 12 has no one splitting in which a half and a third are, or four parts and six.
TEST_F(Reshard, PartsOfDifferentSplittingsAreWholeInBetween) {
  RankedTensorType whole = type({12, 6});
  EXPECT_EQ(ways(whole, "[{}, {}], partial = [sum {\"x\":(1)6}]", "[{\"x\":(2)2}, {}]", "[\"x\"]", "[12]"),
            (Ways{"all_reduce", "slice"}));
  EXPECT_EQ(ways(whole, "[{\"x\":(1)2}, {}]", "[{\"x\":(1)3}, {}]", "[\"x\"]", "[12]"),
            (Ways{"all_gather", "slice"}));
  const char *const layouts[] = {"[{\"x\":(1)2}, {}]", "[{}, {\"x\":(1)3}]",
                                 "[{\"x\":(1)6}, {}]", "[{\"x\":(4)3}, {\"x\":(1)2}]",
                                 "[{\"x\":(2)2}, {}]", "[{}, {}], partial = [sum {\"x\":(1)6}]"};
  for (const char *from : layouts)
    for (const char *to : ArrayRef(layouts).drop_back()) { // what is pending is no block to hold against
      start("[\"x\"]", "[12]", "error", whole, layout(from), layout(to));
      execute(whole, layout(from), layout(to));
      if (HasFailure())
        FAIL() << from << " to " << to;
    }
}

TEST_F(Reshard, RandomPairsKeepTheNumbers) {
  std::mt19937 random(20);
  auto upTo = [&](unsigned bound) { return std::uniform_int_distribution<unsigned>(0, bound)(random); };
  for (unsigned round = 0; round < 300; ++round) {
    bool uneven = round % 2, sums = round % 3 == 0;
    RankedTensorType whole = type({uneven ? 9 : int64_t(4 + upTo(5)), 8, uneven ? 11 : 6});
    auto deal = [&](bool partial) {
      SmallVector<AxisRefAttr> axes;
      for (const char *name : {"a", "b"}) {
        StringAttr label = StringAttr::get(&context, name);
        if (upTo(1))
          axes.append({AxisRefAttr::get(&context, label, 1, 2), AxisRefAttr::get(&context, label, 2, 2)});
        else
          axes.push_back(AxisRefAttr::get(&context, label));
      }
      std::shuffle(axes.begin(), axes.end(), random);
      SmallVector<AxisList> dims(3);
      AxisList pending;
      SmallVector<int64_t> parts(3, 1);
      for (AxisRefAttr axis : axes) {
        unsigned dim = upTo(partial ? 4 : 3);
        int64_t size = axis.isWhole() ? 4 : 2;
        if (dim == 4 && pending.empty())
          pending.push_back(axis);
        if (dim > 2 || (uneven && parts[dim] * size > whole.getDimSize(dim)))
          continue;
        parts[dim] *= size;
        dims[dim].push_back(axis);
      }
      SmallVector<dist::PartialAttr> partials;
      if (!pending.empty())
        partials.push_back(dist::PartialAttr::get(&context, model::Combiner::Sum, pending));
      return makeLayout(FlatSymbolRefAttr::get(&context, "m"), dims, partials);
    };
    LayoutAttr from = deal(sums), to = deal(false);
    start("[\"a\", \"b\"]", "[4, 4]", uneven ? "uneven" : "pad", whole, from, to);
    from = placement(mesh, from);
    to = placement(mesh, to);
    SCOPED_TRACE("round " + std::to_string(round) + ": " + text(from) + " to " + text(to));
    execute(whole, from, to);
    if (HasFailure())
      return;
  }
}
