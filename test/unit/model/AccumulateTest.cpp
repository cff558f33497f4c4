// A step in micro-batches against the step in one piece, both by the reference evaluator: every output and
// every new state.
#include "dialects/model/transforms/Accumulate.h"
#include "compiler/driver/Driver.h"
#include "dialects/model/transforms/Passes.h"
#include "lang/diag/Engine.h"
#include "test/unit/model/Evaluate.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"
#include <cmath>
#include <fstream>

using namespace mlir;
using namespace cleave::test;
namespace model = cleave::model;

namespace {

// A repeat of blocks with dropout, whose masks must keep their bits; a mean over a mask of the inputs alone,
// which is counted before the loop; a maximum over the batch, which is no sum; values made of an example's
// position.
const char kDropout[] = R"(
import nn
import optim
axis Batch = 12, In = 5, Layers = 2
layer Block(x: f32[Batch, In]) -> f32[Batch, In] {
  layer up = nn.Linear[In, In]
  return x + nn.dropout(nn.gelu(up(x)), 0.25, true)
}
layer Net(x: f32[Batch, In]) -> f32[Batch, In] {
  repeat blocks[Layers] = Block
  return blocks(x)
}
layer net = Net
entry train(x: f32[Batch, In], mask: f32[Batch]) -> (loss: f32, top: f32, y: f32[Batch, In]) {
  let shifted[b, i] = x[b, i] + 0.01 * f32(b % 5)
  let y = net(shifted)
  let count = sum(b) mask[b]
  let loss = (sum(b, i) mask[b] * y[b, i] * y[b, i]) / count
  let top = max(b, i) y[b, i]
  update net with optim.Adam(grad(loss, net), lr: 0.01)
  return loss, top, y
}
)";

class Accumulate : public ::testing::Test {
protected:
  Accumulate() {
    context.loadDialect<model::ModelDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect,
                        tensor::TensorDialect>();
  }

  void load(const std::string &file, const std::map<std::string, std::string> &sets) {
    cleave::diag::Engine engine;
    cleave::DriverOptions options;
    options.file = file;
    options.sets = sets;
    options.stdlib = CLEAVE_SOURCE_DIR "/stdlib";
    std::optional<std::string> text = cleave::Driver(options, engine).ir(cleave::Stage::Grad);
    ASSERT_TRUE(text) << engine.render();
    whole = parseSourceString<ModuleOp>(*text, &context);
    ASSERT_TRUE(whole);
    PassManager passes(&context);
    passes.addPass(model::createModelInline());
    passes.addPass(model::createModelSimplify());
    ASSERT_TRUE(succeeded(passes.run(*whole)));
    parts = whole->clone();
  }

  void compare(int64_t count) {
    ASSERT_TRUE(succeeded(model::accumulate(*parts, "Batch", count, parts->getLoc())));
    ASSERT_TRUE(succeeded(verify(*parts)));
    auto before = whole->lookupSymbol<func::FuncOp>("train"),
         after = parts->lookupSymbol<func::FuncOp>("train");
    ASSERT_EQ(before.getFunctionType(), after.getFunctionType());
    int loops = 0;
    after.walk([&](model::ScanOp scan) { loops += scan.getAxis() == "Micro"; });
    ASSERT_EQ(loops, 1);
    std::vector<Tensor> arguments;
    for (unsigned i = 0; i < before.getNumArguments(); ++i) {
      auto type = cast<RankedTensorType>(before.getArgumentTypes()[i]);
      bool isFloat = isa<FloatType>(type.getElementType());
      arguments.push_back(fill(type, i, isFloat ? 0.1 : 1, isFloat ? 0.6 : 3));
    }
    std::vector<Tensor> expected = evaluate(*whole, "train", arguments),
                        found = evaluate(*parts, "train", arguments);
    ASSERT_EQ(expected.size(), found.size());
    for (size_t result = 0; result < expected.size(); ++result)
      for (size_t i = 0; i < expected[result].data.size(); ++i) {
        double real = expected[result].data[i].real;
        ASSERT_NEAR(found[result].data[i].real, real, 1e-9 * std::max(1.0, std::fabs(real)))
            << "result " << result;
        ASSERT_EQ(found[result].data[i].integer, expected[result].data[i].integer) << "result " << result;
      }
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> whole, parts;
};

TEST_F(Accumulate, GptStepIsTheSame) {
  load(CLEAVE_SOURCE_DIR "/examples/04_gpt/gpt.dsl",
       {{"Batch", "4"}, {"Seq", "6"}, {"Embed", "8"}, {"Heads", "2"}, {"Layers", "2"}, {"Vocab", "16"}});
  compare(2);
}

TEST_F(Accumulate, DropoutMasksAndCountsAreThoseOfTheWhole) {
  std::string file = ::testing::TempDir() + "/accumulate.dsl";
  std::ofstream(file) << kDropout;
  load(file, {});
  compare(3);
}

} // namespace
