// What a GPT's training step sends under the usual plans, against the least there is. Formulas: Rajbhandari,
// Rasley, Ruwase and He, "ZeRO: memory optimizations toward training trillion parameter models", SC 2020,
// section 7 (data parallel and ZeRO); Shoeybi et al., "Megatron-LM", 2019, section 3 (tensor parallel);
// Korthikanti et al., "Reducing activation recomputation in large transformer models", 2022, section 4.2
// (sequence parallel).
#include "dialects/comm/transforms/Traffic.h"
#include "compiler/driver/Driver.h"
#include "compiler/pipeline/Pipeline.h"
#include "dialects/comm/transforms/StageChecks.h"
#include "dialects/dist/ir/Notation.h"
#include "lang/diag/Engine.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace cleave;

namespace {
constexpr int64_t kBatch = 8, kSeq = 32, kEmbed = 16, kLayers = 3;

// A collective's tensor, for counting.
struct Sent {
  std::string op;
  std::vector<int64_t> shape; // of what is whole: the input of a reduction, the result of a gather
  int64_t count;
};

class GptTraffic : public ::testing::Test {
protected:
  GptTraffic() {
    context.loadDialect<model::ModelDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect,
                        tensor::TensorDialect, comm::CommDialect>();
  }

  // The training step under a plan: a mesh axis of each size, and tactics.
  void compile(std::vector<std::pair<std::string, int64_t>> axes, const std::string &tactics) {
    std::string names, sizes;
    for (auto &[name, size] : axes) {
      names += (names.empty() ? "\"" : ", \"") + name + "\"";
      sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
    }
    lower({}, "dist.mesh @m [" + names + "] = [" + sizes + "]\ndist.plan @p on @m hash \"\" {\n" + tactics +
                  "}\n");
  }

  // The same under a plan of the library.
  void compileLibrary(const std::string &plan, std::map<std::string, std::string> mesh) {
    DriverOptions options;
    options.plan = plan;
    options.mesh = std::move(mesh);
    lower(options, "");
  }

  void lower(DriverOptions options, const std::string &plan) {
    diag::Engine engine;
    options.file = std::string(CLEAVE_SOURCE_DIR) + "/examples/04_gpt/gpt.dsl";
    options.stdlib = std::string(CLEAVE_SOURCE_DIR) + "/stdlib";
    options.entries = {"train"};
    options.sets = {{"Batch", std::to_string(kBatch)},
                    {"Seq", std::to_string(kSeq)},
                    {"Embed", std::to_string(kEmbed)},
                    {"Heads", "4"},
                    {"Layers", std::to_string(kLayers)}};
    std::optional<std::string> text = Driver(options, engine).ir(Stage::Grad);
    ASSERT_TRUE(text) << engine.render();
    size_t head = text->find("module {");
    ASSERT_NE(head, std::string::npos);
    text->insert(head + 8, "\n" + plan);
    module = parseSourceString<ModuleOp>(*text, &context);
    ASSERT_TRUE(module);
    PassManager passes(&context);
    buildDistStage(passes, {});
    buildCommStage(passes, {});
    ASSERT_TRUE(succeeded(passes.run(*module)));
    ASSERT_TRUE(succeeded(comm::verifyCommStage(*module)));
    entry = module->lookupSymbol<func::FuncOp>("train");
    traffic = comm::trafficOf(entry);
    for (const comm::Traffic &one : traffic) {
      bool grows = isa<comm::AllGatherOp>(one.op);
      auto type = cast<RankedTensorType>((grows ? one.op->getResult(0) : one.op->getOperand(0)).getType());
      sent.push_back({one.op->getName().stripDialect().str(), type.getShape().vec(), one.count});
    }
  }

  // Bytes of the parameters, each in its own type.
  double parameterBytes() {
    double bytes = 0;
    for (auto state : module->getOps<model::StateOp>())
      if (state.getKind() == "param") {
        auto type = cast<RankedTensorType>(cast<TypeAttr>(state->getAttr(comm::kGlobalAttr)).getValue());
        bytes += double(type.getNumElements()) * type.getElementTypeBitWidth() / 8;
      }
    return bytes;
  }

  // Every collective of the step: "op over [sizes]", with element type, and how often.
  using Account = std::map<std::string, int64_t>;
  Account account() {
    Account all;
    for (auto [one, shape] : llvm::zip(traffic, sent)) {
      std::string key = shape.op + " " + dist::text(dist::axesOf(one.op->getAttrOfType<ArrayAttr>("over")));
      for (int64_t size : shape.shape)
        key += " " + std::to_string(size);
      Type element = cast<RankedTensorType>(one.op->getOperand(0).getType()).getElementType();
      all[key + " " + dist::elementText(element)] += one.count;
    }
    return all;
  }

  // What each parameter sends: `perLayer` once a layer, not once for all of them; `inParts` with the sizes
  // that a rank of tensor parallelism has. `which` picks parameters by path.
  void add(Account &all, const std::string &op, bool perLayer, int64_t times = 1, bool inParts = false,
           llvm::function_ref<bool(StringRef)> which = nullptr) {
    for (auto state : module->getOps<model::StateOp>()) {
      if (state.getKind() != "param" || (which && !which(state.getPath())))
        continue;
      auto whole = cast<RankedTensorType>(cast<TypeAttr>(state->getAttr(comm::kGlobalAttr)).getValue());
      SmallVector<StringRef> axes = model::axesOf(whole);
      bool stacked = state.getPath().contains("[*]"), alone = stacked && perLayer;
      std::string key = op;
      for (auto [dim, size] : llvm::enumerate(whole.getShape())) {
        bool cut = inParts && llvm::is_contained({"Heads", "Hidden", "Vocab"}, axes[dim]);
        if (dim != 0 || !alone)
          key += " " + std::to_string(cut ? size / 2 : size);
      }
      all[key + " f32"] += times * (alone ? kLayers : 1);
    }
  }

  double scalarBytes() {
    double bytes = 0;
    for (auto [one, shape] : llvm::zip(traffic, sent))
      bytes += shape.shape.empty() ? one.bytes * double(one.count) : 0;
    return bytes;
  }

  std::string list() {
    std::string text;
    for (const Sent &one : sent) {
      text += one.op + " x" + std::to_string(one.count) + " [";
      for (int64_t size : one.shape)
        text += " " + std::to_string(size);
      text += " ]\n";
    }
    return text;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  func::FuncOp entry;
  SmallVector<comm::Traffic> traffic;
  std::vector<Sent> sent;
};

const char kData[] = "dist.shard [\"Batch\"] over [#dist.axis<\"dp\">]\n";
const char kTensor[] = "dist.shard [\"Heads\", \"Hidden\", \"Vocab\"] over [#dist.axis<\"tp\">]\n";
const char kSequence[] = "dist.shard [\"Seq\"] over [#dist.axis<\"tp\">]\n";

std::string store(const std::string &kind) {
  return "dist.store \"" + kind + "\" \"\" over [#dist.axis<\"dp\">]\n";
}
} // namespace

// Every gradient is reduced once: 2 Ψ (n - 1) / n, and the loss.
TEST_F(GptTraffic, DataParallel) {
  for (int64_t n : {2, 4}) {
    sent.clear();
    compile({{"dp", n}}, kData);
    EXPECT_DOUBLE_EQ(comm::bytesOf(traffic) - scalarBytes(), 2 * parameterBytes() * double(n - 1) / double(n))
        << list();
    Account expected = {{"all_reduce dp f32", 1}};
    add(expected, "all_reduce dp", /*perLayer=*/false);
    EXPECT_EQ(account(), expected);
  }
}

// Gradients to the rank that updates, parameters back: the same; besides the norm's scalar.
TEST_F(GptTraffic, ShardedOptimizer) {
  for (const std::string &stored : {store("optimizer"), store("gradients") + store("optimizer")}) {
    sent.clear();
    compile({{"dp", 4}}, kData + stored);
    EXPECT_DOUBLE_EQ(comm::bytesOf(traffic) - scalarBytes(), 2 * parameterBytes() * 3 / 4) << list();
    Account expected = {{"all_reduce dp f32", 1}, {"all_reduce dp f64", 1}};
    add(expected, "reduce_scatter dp", /*perLayer=*/true);
    add(expected, "all_gather dp", /*perLayer=*/false);
    EXPECT_EQ(account(), expected);
  }
}

// Micro-batches add their gradients up before they are sent.
TEST_F(GptTraffic, DataParallelInMicroBatches) {
  compile({{"dp", 2}}, std::string(kData) + "dist.accumulate 4 of \"Batch\"\n");
  EXPECT_DOUBLE_EQ(comm::bytesOf(traffic) - scalarBytes(), 2 * parameterBytes() / 2) << list();
}

// Nobody holds a whole gradient: A times to the rank that keeps it, once the parameters back: (A + 1) Ψ (n -
// 1) / n.
TEST_F(GptTraffic, ShardedGradientsInMicroBatches) {
  compile({{"dp", 2}}, kData + store("gradients") + store("optimizer") + "dist.accumulate 4 of \"Batch\"\n");
  EXPECT_DOUBLE_EQ(comm::bytesOf(traffic) - scalarBytes(), 5 * parameterBytes() / 2) << list();
}

// What a layer's backward pass reads of its parameters: not what was only added.
static bool isReadBackwards(StringRef path) { return path.contains("[*]") && !path.ends_with(".b"); }

// Parameters gathered forwards and, in the layers, backwards, gradients scattered: at most 3 Ψ (n - 1) / n.
TEST_F(GptTraffic, ShardedParameters) {
  compile({{"dp", 4}}, kData + store("params") + store("gradients") + store("optimizer"));
  double unit = parameterBytes() * 3 / 4, bytes = comm::bytesOf(traffic) - scalarBytes();
  EXPECT_LE(bytes, 3 * unit) << list();
  EXPECT_GT(bytes, 2 * unit) << list();
  Account expected = {{"all_reduce dp f32", 1}, {"all_reduce dp f64", 1}};
  add(expected, "reduce_scatter dp", /*perLayer=*/true);
  add(expected, "all_gather dp", /*perLayer=*/true);
  add(expected, "all_gather dp", /*perLayer=*/true, 1, /*inParts=*/false, isReadBackwards);
  EXPECT_EQ(account(), expected);
}

// Four all_reduces of batch * seq * embed a layer, one after the embedding, one at the head's backward, three
// of batch * seq in the loss, and the norm.
TEST_F(GptTraffic, TensorParallel) {
  compile({{"tp", 2}}, kTensor);
  Account expected = {{"all_reduce tp 8 32 16 f32", 4 * kLayers + 2},
                      {"all_reduce tp 8 32 f32", 3},
                      {"all_reduce tp f64", 1}};
  EXPECT_EQ(account(), expected);
}

// Each of the all_reduces of activations becomes a reduce_scatter and an all_gather. The inputs of the first
// product of each half of a layer are kept in parts and gathered again backwards: 6 + 4. The embedding
// scatters forwards and gathers backwards, the head the other way. Of the loss's three sums one is wanted in
// parts alone. What is used where positions are cut has gradients that are pending there: norms, and biases
// added there.
TEST_F(GptTraffic, TensorAndSequenceParallel) {
  compile({{"tp", 2}}, std::string(kTensor) + kSequence);
  Account expected = {{"reduce_scatter tp 8 32 16 f32", 4 * kLayers + 2},
                      {"all_gather tp 8 32 16 f32", 6 * kLayers + 2},
                      {"all_reduce tp 8 32 f32", 2},
                      {"reduce_scatter tp 8 32 f32", 1},
                      {"all_reduce tp f32", 1},
                      {"all_reduce tp f64", 1}};
  add(expected, "all_reduce tp", /*perLayer=*/false, 1, /*inParts=*/false,
      [](StringRef path) { return path.contains("norm") || path.ends_with("down.b"); });
  EXPECT_EQ(account(), expected);
}

// Positions in parts, attention by the ring: of n ranks each passes keys and values on n - 1 times forwards
// and as often backwards, and their gradients n times. Besides, what data parallelism sends.
TEST_F(GptTraffic, RingAttention) {
  compileLibrary("ring", {{"cp", "4"}});
  Account expected = {{"permute cp 8 8 4 4 f32", kLayers * (2 * 3 + 2 * 3 + 2 * 4)},
                      {"all_reduce cp f32", 2}}; // the loss, and the norm of the one gradient that is cut
  add(expected, "all_reduce cp", /*perLayer=*/false, 1, /*inParts=*/false,
      [](StringRef path) { return path != "gpt.position"; }); // of which each rank has its part
  EXPECT_EQ(account(), expected);
}

// Both: what each sends along its own axis; what both leave pending is reduced once, over all ranks.
TEST_F(GptTraffic, TwoAxes) {
  compile({{"dp", 2}, {"tp", 2}}, std::string(kData) + kTensor);
  Account expected = {{"all_reduce tp 4 32 16 f32", 4 * kLayers + 2},
                      {"all_reduce tp 4 32 f32", 3},
                      {"all_reduce dp f32", 1},
                      {"all_reduce tp f64", 1}};
  add(expected, "all_reduce dp", /*perLayer=*/false, 1, /*inParts=*/true);
  EXPECT_EQ(account(), expected);
}

TEST_F(GptTraffic, TwoAxesAndSequence) {
  compile({{"dp", 2}, {"tp", 2}}, std::string(kData) + kTensor + kSequence);
  Account expected = {{"reduce_scatter tp 4 32 16 f32", 4 * kLayers + 2},
                      {"all_gather tp 4 32 16 f32", 6 * kLayers + 2},
                      {"all_reduce tp 4 32 f32", 2},
                      {"reduce_scatter tp 4 32 f32", 1},
                      {"all_reduce dp, tp f32", 1},
                      {"all_reduce tp f64", 1}};
  auto inSequence = [](StringRef path) { return path.contains("norm") || path.ends_with("down.b"); };
  add(expected, "all_reduce dp, tp", /*perLayer=*/false, 1, /*inParts=*/false, inSequence);
  add(expected, "all_reduce dp", /*perLayer=*/false, 1, /*inParts=*/true,
      [&](StringRef path) { return !inSequence(path) && path != "gpt.position"; });
  expected["all_reduce dp 16 16 f32"] += 1; // the positions' own embedding, of which each rank has half
  EXPECT_EQ(account(), expected);
}

// Tensor parallelism along one axis, all states in parts along the other; the norm is one scalar for all.
TEST_F(GptTraffic, TwoAxesShardedParameters) {
  compile({{"dp", 2}, {"tp", 2}},
          kData + std::string(kTensor) + store("params") + store("gradients") + store("optimizer"));
  Account expected = {{"all_reduce tp 4 32 16 f32", 4 * kLayers + 2},
                      {"all_reduce tp 4 32 f32", 3},
                      {"all_reduce dp f32", 1},
                      {"all_reduce dp, tp f64", 1}};
  add(expected, "reduce_scatter dp", /*perLayer=*/true, 1, /*inParts=*/true);
  add(expected, "all_gather dp", /*perLayer=*/true, 1, /*inParts=*/true);
  add(expected, "all_gather dp", /*perLayer=*/true, 1, /*inParts=*/true, isReadBackwards);
  EXPECT_EQ(account(), expected);
}
