// Random programs through the memory planner, its answers through the model of memory.
#include "compiler/analysis/StageChecks.h"
#include "compiler/convert/EncodeProgram.h"
#include "compiler/convert/Passes.h"
#include "runtime/core/Verify.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

#include <random>

using namespace mlir;
using namespace cleave;

namespace {

const char kKernels[] = R"(
  func.func private @one(%a: tensor<16xf32>) -> tensor<16xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 16>, cleave.inplace = array<i64: 0, 0>}
  func.func private @apart(%a: tensor<16xf32>) -> tensor<16xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 16>}
  func.func private @two(%a: tensor<16xf32>, %b: tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>)
    attributes {cleave.kernel, cleave.rows = array<i64: 16>, cleave.inplace = array<i64: 1, 0>}
  func.func private @norm(%a: tensor<16xf32>) -> tensor<f32>
    attributes {cleave.kernel, cleave.rows = array<i64>}
)";

const std::string kValue = "tensor<16xf32>", kStack = "tensor<3x16xf32>";

// Text of a random entry: launches, loops, branches and whiles over values that are picked at random, so that
// carries, elements, outputs and states get arguments, constants, each other and the same value twice.
class Generator {
public:
  explicit Generator(unsigned seed) : random(seed) {}

  std::string module() {
    std::string text = std::string("module {\n  model.state @s path \"s\" kind \"param\" : ") + kValue +
                       "\n  model.state @t path \"t\" kind \"buffer\" : " + kValue + kKernels;
    text += "  func.func @run(%s: tensor<16xf32> {model.state = @s}, %t: tensor<16xf32> {model.state = @t},\n"
            "      %x: tensor<16xf32> {model.input = \"x\"}, %xs: tensor<3x16xf32> {model.input = \"xs\"},\n"
            "      %c: tensor<i8> {model.input = \"c\"})\n"
            "      -> (tensor<16xf32> {model.output = \"y\"}, tensor<16xf32> {model.state = @t},\n"
            "          tensor<3x16xf32> {model.output = \"ys\"}, tensor<16xf32> {model.state = @s},\n"
            "          tensor<f32> {model.output = \"loss\"}) attributes {model.entry} {\n";
    Scope scope = {{"%s", "%t", "%x"}, {"%xs"}};
    std::string body = block(scope, 0, 6);
    std::string loss = fresh();
    body += loss + " = pipe.launch @norm(" + pick(scope.values) + ") : (" + kValue + ") -> tensor<f32>\n";
    if (random() % 2)
      body += "pipe.guard " + loss + " for \"loss\" : tensor<f32>\n";
    body += block(scope, 0, 3);
    body += "return " + pick(scope.values) + ", " + pick(scope.values) + ", " + pick(scope.stacks) + ", " +
            pick(scope.values) + ", " + loss + " : " + kValue + ", " + kValue + ", " + kStack + ", " +
            kValue + ", tensor<f32>\n";
    return text + body + "  }\n}\n";
  }

private:
  struct Scope {
    std::vector<std::string> values, stacks;
  };

  std::string fresh() { return "%v" + std::to_string(count++); }
  // Late values are picked more often: long chains.
  std::string pick(const std::vector<std::string> &from) {
    size_t a = random() % from.size(), b = random() % from.size();
    return from[std::max(a, b)];
  }

  std::string block(Scope &scope, int depth, int length) {
    std::string text;
    for (int i = 0; i < length; ++i) {
      unsigned kind = random() % (depth < 2 ? 8 : 4);
      if (kind < 4)
        text += launch(scope, kind);
      else if (kind < 6)
        text += loop(scope, depth);
      else
        text += kind == 6 ? branch(scope, depth) : whileLoop(scope, depth);
    }
    return text;
  }

  std::string launch(Scope &scope, unsigned kind) {
    std::string name = fresh();
    if (kind == 0)
      return constant(scope, name);
    if (kind < 3) {
      std::string text = name + " = pipe.launch @" + (kind == 1 ? "one" : "apart") + "(" +
                         pick(scope.values) + ") : (" + kValue + ") -> " + kValue + "\n";
      scope.values.push_back(name);
      return text;
    }
    std::string text = name + ":2 = pipe.launch @two(" + pick(scope.values) + ", " + pick(scope.values) +
                       ") : (" + kValue + ", " + kValue + ") -> (" + kValue + ", " + kValue + ")\n";
    scope.values.push_back(name + "#0");
    scope.values.push_back(name + "#1");
    return text;
  }

  std::string constant(Scope &scope, const std::string &name) {
    if (random() % 4)
      return "";
    scope.values.push_back(name);
    return name + " = pipe.constant dense<1.0> : " + kValue + "\n";
  }

  std::string loop(Scope &scope, int depth) {
    std::string name = fresh(), counter = fresh(), a = fresh(), b = fresh(), slice = fresh();
    Scope inner = scope;
    inner.values.insert(inner.values.end(), {slice, a, b});
    std::string text = name + ":4 = pipe.loop count 3 over \"T\" " + (random() % 2 ? "reverse " : "") +
                       "carries(" + pick(scope.values) + ", " + pick(scope.values) + ") slices(" +
                       pick(scope.stacks) + ") {\n^bb0(" + counter + ": tensor<i64>, " + a + ": " + kValue +
                       ", " + b + ": " + kValue + ", " + slice + ": " + kValue + "):\n" +
                       block(inner, depth + 1, 3);
    text += "pipe.yield " + pick(inner.values) + ", " + pick(inner.values) + ", " + pick(inner.values) +
            ", " + pick(inner.values) + " : " + kValue + ", " + kValue + ", " + kValue + ", " + kValue +
            "\n} : (" + kValue + ", " + kValue + "), (" + kStack + ") -> (" + kValue + ", " + kValue + ", " +
            kStack + ", " + kStack + ")\n";
    scope.values.insert(scope.values.end(), {name + "#0", name + "#1"});
    scope.stacks.insert(scope.stacks.end(), {name + "#2", name + "#3"});
    return text;
  }

  std::string branch(Scope &scope, int depth) {
    std::string name = fresh(), text = name + ":2 = pipe.if %c {\n";
    for (const char *next : {"} else {\n", "} : tensor<i8> -> ("}) {
      Scope inner = scope;
      text += block(inner, depth + 1, 2);
      text += "pipe.yield " + pick(inner.values) + ", " + pick(inner.values) + " : " + kValue + ", " +
              kValue + "\n" + next;
    }
    scope.values.insert(scope.values.end(), {name + "#0", name + "#1"});
    return text + kValue + ", " + kValue + ")\n";
  }

  std::string whileLoop(Scope &scope, int depth) {
    std::string name = fresh(), a = fresh(), b = fresh();
    Scope inner = scope;
    inner.values.push_back(b);
    std::string text = name + " = pipe.while bound 5 carries(" + pick(scope.values) + ") {\n^bb0(" + a +
                       ": " + kValue + "):\npipe.yield %c : tensor<i8>\n} do {\n^bb0(" + b + ": " + kValue +
                       "):\n" + block(inner, depth + 1, 3) + "pipe.yield " + pick(inner.values) + " : " +
                       kValue + "\n} : (" + kValue + ") -> (" + kValue + ")\n";
    scope.values.push_back(name);
    return text;
  }

  std::mt19937 random;
  int count = 0;
};

} // namespace

TEST(PlanMemory, RandomProgramsKeepTheirValues) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<model::ModelDialect, pipe::PipeDialect, func::FuncDialect>();
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::string text = Generator(seed).module();
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module) << text;
    PassManager passes(&context);
    passes.addPass(createPlanMemoryPass());
    ASSERT_TRUE(succeeded(passes.run(*module))) << "seed " << seed;
    ASSERT_TRUE(succeeded(verifyMemoryStage(*module))) << "seed " << seed << (module->dump(), "");
    rt::Status status = rt::verify(convert::encodeProgram(*module));
    ASSERT_TRUE(status) << "seed " << seed << ": " << status.error().message;
  }
}
