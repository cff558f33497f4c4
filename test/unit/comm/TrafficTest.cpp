// What a GPT's training step sends under the usual plans, against the least there is. Formulas: Rajbhandari,
// Rasley, Ruwase and He, "ZeRO: memory optimizations toward training trillion parameter models", SC 2020,
// section 7 (data parallel and ZeRO); Shoeybi et al., "Megatron-LM", 2019, section 3 (tensor parallel);
// Korthikanti et al., "Reducing activation recomputation in large transformer models", 2022, section 4.2
// (sequence parallel).
#include "dialects/comm/transforms/Traffic.h"
#include "compiler/driver/Driver.h"
#include "compiler/pipeline/Pipeline.h"
#include "dialects/comm/transforms/StageChecks.h"
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
    diag::Engine engine;
    DriverOptions options;
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
    std::string names, sizes;
    for (auto &[name, size] : axes) {
      names += (names.empty() ? "\"" : ", \"") + name + "\"";
      sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
    }
    std::string plan =
        "dist.mesh @m [" + names + "] = [" + sizes + "]\ndist.plan @p on @m hash \"\" {\n" + tactics + "}\n";
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

  int64_t countOf(StringRef op, std::vector<int64_t> shape) {
    int64_t count = 0;
    for (const Sent &one : sent)
      if (one.op == op && one.shape == shape)
        count += one.count;
    return count;
  }

  // Times that scalars are sent.
  int64_t scalars() {
    int64_t count = 0;
    for (const Sent &one : sent)
      count += one.shape.empty() ? one.count : 0;
    return count;
  }

  double scalarBytes() {
    double bytes = 0;
    for (auto [one, shape] : llvm::zip(traffic, sent))
      bytes += shape.shape.empty() ? one.bytes * double(one.count) : 0;
    return bytes;
  }

  int64_t total() {
    int64_t count = 0;
    for (const Sent &one : sent)
      count += one.count;
    return count;
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
    EXPECT_EQ(scalars(), 1) << list();
  }
}

// Gradients to the rank that updates, parameters back: the same; besides the norm's scalar.
TEST_F(GptTraffic, ShardedOptimizer) {
  for (const std::string &stored : {store("optimizer"), store("gradients") + store("optimizer")}) {
    sent.clear();
    compile({{"dp", 4}}, kData + stored);
    EXPECT_DOUBLE_EQ(comm::bytesOf(traffic) - scalarBytes(), 2 * parameterBytes() * 3 / 4) << list();
    EXPECT_EQ(scalars(), 2) << list();
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

// Parameters gathered forwards and backwards, gradients scattered: at most 3 Ψ (n - 1) / n.
TEST_F(GptTraffic, ShardedParameters) {
  compile({{"dp", 4}}, kData + store("params") + store("gradients") + store("optimizer"));
  double unit = parameterBytes() * 3 / 4, bytes = comm::bytesOf(traffic) - scalarBytes();
  EXPECT_LE(bytes, 3 * unit) << list();
  EXPECT_GT(bytes, 2 * unit) << list();
  EXPECT_EQ(scalars(), 2) << list();
}

// Four all_reduces of batch * seq * embed a layer, one after the embedding, one at the head's backward, three
// of batch * seq in the loss, and the norm.
TEST_F(GptTraffic, TensorParallel) {
  compile({{"tp", 2}}, kTensor);
  EXPECT_EQ(countOf("all_reduce", {kBatch, kSeq, kEmbed}), 4 * kLayers + 2) << list();
  EXPECT_LE(countOf("all_reduce", {kBatch, kSeq}), 3) << list();
  EXPECT_EQ(scalars(), 1) << list();
  EXPECT_EQ(total(), 4 * kLayers + 2 + 3 + 1) << list();
}

// Each of those all_reduces becomes a reduce_scatter and an all_gather: 4 + 4 a layer, or 6 + 4.
TEST_F(GptTraffic, TensorAndSequenceParallel) {
  compile({{"tp", 2}}, std::string(kTensor) + kSequence);
  int64_t scatters = countOf("reduce_scatter", {kBatch, kSeq, kEmbed}),
          gathers = countOf("all_gather", {kBatch, kSeq, kEmbed});
  EXPECT_EQ(scatters, 4 * kLayers + 2) << list();
  EXPECT_LE(gathers, 6 * kLayers + 3) << list();
  EXPECT_GE(gathers, 4 * kLayers + 2) << list();
  EXPECT_EQ(countOf("all_reduce", {kBatch, kSeq, kEmbed}), 0) << list();
}

// Both: what each sends along its own axis.
TEST_F(GptTraffic, TwoAxes) {
  compile({{"dp", 2}, {"tp", 2}}, std::string(kData) + kTensor);
  EXPECT_EQ(countOf("all_reduce", {kBatch / 2, kSeq, kEmbed}), 4 * kLayers + 2) << list();
}
