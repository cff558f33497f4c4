// Meshes are lowered to the ranks there may be, but not below the parts of axes that a plan names.
#include "compiler/verify/Verify.h"
#include "lang/diag/Engine.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace cleave::verify {
namespace {

constexpr const char *kProgram = R"(
import optim

axis Batch = 12, In = 4, Out = 6

layer Net(x: f32[Batch, In]) -> f32[Batch, Out] {
  param w: f32[In, Out] = normal(std: 0.1)
  return y[b, o] = sum(i) x[b, i] * w[i, o]
}

layer net = Net

entry train() -> (loss: f32) {
  let x[b: Batch, i: In] = normal()
  let y = net(x)
  let loss = mean(b, o) y[b, o] * y[b, o]
  let g = grad(loss, net)
  update net with optim.Adam(g, lr: 1e-3)
  return loss
}
)";

class MeshTest : public testing::Test {
protected:
  MeshTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cleave-mesh-XXXXXX").string();
    folder = mkdtemp(pattern.data());
  }
  ~MeshTest() override { std::filesystem::remove_all(folder); }

  // The mesh that a plan is run on, where its values are the program's.
  Sizes meshOf(const std::string &plan) {
    VerifyOptions options;
    options.program.file = folder + "/program.dsl";
    options.program.stdlib = CLEAVE_SOURCE_DIR "/stdlib";
    options.program.plan = "tried";
    std::ofstream(options.program.file) << kProgram << "\nplan tried for any on mesh" << plan << "\n";
    diag::Engine engine;
    auto verdict = verify(options, engine);
    EXPECT_TRUE(verdict) << engine.render();
    EXPECT_FALSE(verdict && verdict->comparison.first);
    return verdict ? verdict->mesh : Sizes();
  }

  std::string folder;
};

TEST_F(MeshTest, WithoutPartsIsLoweredToTwo) {
  EXPECT_EQ(meshOf("(x: 12, y: 2) { shard Batch over x }"), (Sizes{{"x", 2}, {"y", 2}}));
}

TEST_F(MeshTest, KeepsWhatPartsArePartsOf) {
  EXPECT_EQ(meshOf("(x: 12) { shard Batch over x[1:6] }"), (Sizes{{"x", 6}}));
  EXPECT_EQ(meshOf("(x: 12) { shard Batch over x[1:6]\n shard Out over x[2:2] }"), (Sizes{{"x", 12}}));
}

} // namespace
} // namespace cleave::verify
