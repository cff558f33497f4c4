#include "compiler/driver/Session.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace cleave {
namespace {

using testing::HasSubstr;

const char kProgram[] = R"(import optim

axis N = 4
layer Line(x: f32[N]) -> f32[N] {
  param w: f32[N] = uniform(low: -1, high: 1)
  return w * x
}
layer line = Line

entry train(x: f32[N], y: f32[N]) -> (loss: f32) {
  let e = line(x) - y
  let loss = sum(i) e[i] * e[i]
  update line with optim.Sgd(grad(loss, line), lr: 0.1)
  return loss
}

entry apply(x: f32[N]) -> (y: f32[N]) {
  return line(x)
}
)";

class SessionTest : public testing::Test {
protected:
  SessionTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cleave-unit-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    file = write("program.dsl", kProgram);
  }
  ~SessionTest() override { std::filesystem::remove_all(folder); }

  std::string write(const std::string &name, const std::string &text) {
    std::ofstream(folder + "/" + name) << text;
    return folder + "/" + name;
  }

  static void expectFine(const rt::Status &status) { ASSERT_TRUE(status.ok()) << status.error().message; }

  static void prepare(Session &session, const std::string &file) {
    expectFine(session.load(file));
    expectFine(session.compile());
    expectFine(session.initialise(3));
    expectFine(session.setInput("train", "x", kX, sizeof(kX)));
    expectFine(session.setInput("train", "y", kY, sizeof(kY)));
  }

  static float step(Session &session) {
    expectFine(session.run("train"));
    return session.output("train", "loss")->as<float>()[0];
  }

  static constexpr float kX[4] = {1, 1, 1, 1}, kY[4] = {1, 2, 3, 4};
  std::string folder, file;
};

TEST_F(SessionTest, LoadCompileRunSave) {
  Session session;
  prepare(session, file);
  float first = step(session), last = first;
  for (int i = 0; i < 30; ++i)
    last = step(session);
  EXPECT_LT(last, first * 1e-3f);
  expectFine(session.setInput("apply", "x", kX, sizeof(kX)));
  expectFine(session.run("apply"));
  for (int i = 0; i < 4; ++i)
    EXPECT_NEAR(session.output("apply", "y")->as<float>()[i], kY[i], 0.1);
  expectFine(session.save(folder + "/a.safetensors"));

  Session resumed;
  prepare(resumed, file);
  expectFine(resumed.resume(folder + "/a.safetensors"));
  EXPECT_EQ(resumed.instance().step(), 31);
  EXPECT_EQ(step(resumed), step(session)) << "a resumed session goes on as the first one";
}

TEST_F(SessionTest, SizesAreSetWhenAProgramIsLoaded) {
  Session session;
  expectFine(session.load(file, {{"N", "7"}}));
  expectFine(session.compile());
  EXPECT_EQ(rt::toString(session.instance().state("line.w")->shape), "f32[N = 7]");
}

TEST_F(SessionTest, ARejectedProgramIsAnErrorWithItsPlace) {
  Session session;
  rt::Status status =
      session.load(write("bad.dsl", "axis N = 4\nentry main(x: f32[M]) -> (y: f32) { return x[0] }\n"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code[0], 'E');
  EXPECT_THAT(status.error().location, HasSubstr("bad.dsl:2:"));
  EXPECT_THAT(session.diagnostics(), HasSubstr("error[" + status.error().code + "]"));
}

TEST_F(SessionTest, AMissingFileIsAnError) {
  Session session;
  EXPECT_EQ(session.load(folder + "/none.dsl").error().code, "E500");
}

} // namespace
} // namespace cleave
