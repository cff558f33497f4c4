// What the checks of the model and grad stages reject, each beside the program they accept.
#include "dialects/model/transforms/StageChecks.h"

#include "mlir/Parser/Parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace mlir;
using ::testing::HasSubstr;

namespace {
class StageChecks : public ::testing::Test {
protected:
  StageChecks() {
    context.loadDialect<cleave::model::ModelDialect, func::FuncDialect, arith::ArithDialect,
                        math::MathDialect>();
  }

  // The first diagnostic of a check; empty when the module passes.
  std::string check(LogicalResult (*verify)(ModuleOp), const std::string &text) {
    std::string message;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      if (message.empty())
        message = diagnostic.str();
      return success();
    });
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    if (!module)
      return "does not parse: " + message;
    return succeeded(verify(*module)) ? "" : message;
  }

  std::string checkModel(const std::string &text) { return check(cleave::model::verifyModelStage, text); }
  std::string checkGrad(const std::string &text) { return check(cleave::model::verifyGradStage, text); }

  // An entry with these argument and result attributes, and state @w : tensor<f32>.
  static std::string entry(const std::string &argument, const std::string &result,
                           const std::string &type = "tensor<f32>") {
    return "model.state @w path \"w\" kind \"param\" : tensor<f32>\n"
           "model.data @d kind \"bytes\" {paths = []}\n"
           "func.func @run(%x: " +
           type + " " + argument + ") -> (" + type + " " + result +
           ") attributes {model.entry} {\n"
           "  return %x : " +
           type + "\n}\n";
  }

  MLIRContext context;
};
} // namespace

TEST_F(StageChecks, ArgumentsAreStatesOrInputs) {
  EXPECT_EQ(checkModel(entry("{model.state = @w}", "{model.state = @w}")), "");
  EXPECT_EQ(checkModel(entry("{model.input = \"x\"}", "{model.output = \"y\"}")), "");
  EXPECT_THAT(checkModel(entry("", "{model.output = \"y\"}")),
              HasSubstr("an argument of an entry is either a state or an input, got: argument 0"));
  EXPECT_THAT(checkModel(entry("{model.input = \"x\"}", "")),
              HasSubstr("a result of an entry is either a state or an output, got: result 0"));
}

TEST_F(StageChecks, StatesAreDeclaredWithTheirType) {
  EXPECT_THAT(checkModel(entry("{model.state = @v}", "{model.output = \"y\"}")),
              HasSubstr("a state of an entry is declared, got: @v"));
  EXPECT_THAT(checkModel(entry("{model.state = @w}", "{model.output = \"y\"}", "tensor<f64>")),
              HasSubstr("a state has the type of its declaration, 'tensor<f32>', got: 'tensor<f64>' for @w"));
}

TEST_F(StageChecks, SourcesAreDeclared) {
  EXPECT_EQ(checkModel(entry("{model.input = \"x\", model.source = @d}", "{model.output = \"y\"}")), "");
  EXPECT_THAT(checkModel(entry("{model.input = \"x\", model.source = @e}", "{model.output = \"y\"}")),
              HasSubstr("a source of an input is declared, got: @e"));
}

TEST_F(StageChecks, NoRecursion) {
  EXPECT_EQ(checkModel("func.func private @f(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }"),
            "");
  EXPECT_THAT(checkModel("func.func private @f(%x: tensor<f32>) -> tensor<f32> {\n"
                         "  %y = model.call @f(%x) : (tensor<f32>) -> tensor<f32>\n"
                         "  return %y : tensor<f32>\n}"),
              HasSubstr("a function does not call itself, got: @f"));
}

TEST_F(StageChecks, AxesAreNamedAndSizesKnown) {
  const char *text = "func.func private @f(%%x: tensor<4xf32, #model.axes<A>>) -> %s {\n"
                     "  %%y = model.index (a: A = 4) ins() {\n"
                     "    %%c = arith.constant 1.0 : f32\n"
                     "    model.yield %%c : f32\n"
                     "  } : %s\n"
                     "  return %%y : %s\n}";
  auto with = [&](const char *type) {
    char buffer[1024];
    snprintf(buffer, sizeof(buffer), text, type, type, type);
    return std::string(buffer);
  };
  EXPECT_EQ(checkModel(with("tensor<4xf32, #model.axes<A>>")), "");
  EXPECT_THAT(checkModel(with("tensor<4xf32>")), HasSubstr("every axis has a name, got: 'tensor<4xf32>'"));
}

TEST_F(StageChecks, NoGradientIsLeft) {
  std::string text = "func.func private @f(%x: tensor<f32>) -> tensor<f32> {\n"
                     "  %y = model.gradient %x wrt (%x) : tensor<f32>, (tensor<f32>) -> (tensor<f32>)\n"
                     "  return %y : tensor<f32>\n}";
  EXPECT_EQ(checkModel(text), "");
  EXPECT_THAT(checkGrad(text), HasSubstr("no gradient is left behind the grad stage"));
}

TEST_F(StageChecks, LinkedFunctionsExist) {
  std::string text =
      "func.func private @f(%x: tensor<f32>) -> tensor<f32> attributes {model.forward = @g} {\n"
      "  return %x : tensor<f32>\n}\n";
  EXPECT_THAT(checkGrad(text), HasSubstr("a differentiated body is linked to functions that exist, got: @g"));
  EXPECT_EQ(
      checkGrad(text + "func.func private @g(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }"),
      "");
}
