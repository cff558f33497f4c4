// Gradients against central differences, both evaluated in f64 by the reference evaluator.
#include "test/unit/model/Evaluate.h"

#include "dialects/model/transforms/Passes.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace cleave::test;

namespace {
struct Options {
  double low = -1, high = 1; // of floating-point arguments
  double integerHigh = 3;    // integer arguments lie in [0, integerHigh)
  double tolerance = 1e-6;
};

class Gradient : public ::testing::Test {
protected:
  Gradient() {
    context.loadDialect<cleave::model::ModelDialect, func::FuncDialect, arith::ArithDialect,
                        math::MathDialect>();
  }

  static std::string typeOf(Type type) {
    std::string text;
    llvm::raw_string_ostream(text) << type;
    return text;
  }

  // A module with `@loss` gets `@gradient`: its gradient by every floating-point argument.
  static std::string withGradient(ModuleOp module) {
    auto loss = module.lookupSymbol<func::FuncOp>("loss");
    std::string arguments, wrt, types;
    for (auto [i, type] : llvm::enumerate(loss.getArgumentTypes())) {
      std::string name = "%arg" + std::to_string(i);
      arguments += (i ? ", " : "") + name + ": " + typeOf(type);
      if (!isa<FloatType>(cast<RankedTensorType>(type).getElementType()))
        continue;
      wrt += (wrt.empty() ? "" : ", ") + name;
      types += (types.empty() ? "" : ", ") + typeOf(type);
    }
    std::string operands;
    for (unsigned i = 0; i < loss.getNumArguments(); ++i)
      operands += (i ? ", %arg" : "%arg") + std::to_string(i);
    std::string lossType = typeOf(loss.getResultTypes()[0]);
    std::string inputs;
    llvm::raw_string_ostream stream(inputs);
    llvm::interleaveComma(loss.getArgumentTypes(), stream);
    return "func.func @gradient(" + arguments + ") -> (" + types + ") {\n  %loss = model.call @loss(" +
           operands + ") : (" + inputs + ") -> " + lossType + "\n  %g:" + std::to_string(count(loss)) +
           " = model.gradient %loss wrt (" + wrt + ") : " + lossType + ", (" + types + ") -> (" + types +
           ")\n  return " + results(count(loss)) + " : " + types + "\n}\n";
  }

  static unsigned count(func::FuncOp loss) {
    return llvm::count_if(loss.getArgumentTypes(), [](Type type) {
      return isa<FloatType>(cast<RankedTensorType>(type).getElementType());
    });
  }

  static std::string results(unsigned count) {
    std::string text;
    for (unsigned i = 0; i < count; ++i)
      text += (i ? ", %g#" : "%g#") + std::to_string(i);
    return text;
  }

  OwningOpRef<ModuleOp> prepare(StringRef text) {
    OwningOpRef<ModuleOp> plain = parseSourceString<ModuleOp>(text, &context);
    if (!plain)
      return {};
    return parseSourceString<ModuleOp>((text + withGradient(*plain)).str(), &context);
  }

  void check(StringRef text, Options options = {}) {
    OwningOpRef<ModuleOp> module = prepare(text);
    ASSERT_TRUE(module);
    PassManager passes(&context);
    passes.addPass(cleave::model::createModelGradients());
    ASSERT_TRUE(succeeded(passes.run(*module)));
    expectRight(*module, options);
  }

  void expectRight(ModuleOp module, Options options) {
    ASSERT_TRUE(succeeded(verify(module)));
    std::vector<Tensor> arguments;
    for (Type type : module.lookupSymbol<func::FuncOp>("loss").getArgumentTypes()) {
      auto ranked = cast<RankedTensorType>(type);
      bool isFloat = isa<FloatType>(ranked.getElementType());
      arguments.push_back(fill(ranked, arguments.size() + 1, isFloat ? options.low : 0,
                               isFloat ? options.high : options.integerHigh));
    }
    double error = gradientError(module, "loss", "gradient", arguments);
    EXPECT_LE(error, options.tolerance);
    if (error > options.tolerance)
      module.dump();
  }

  MLIRContext context;
};
} // namespace

TEST_F(Gradient, Contraction) {
  check(R"(
    func.func @loss(%x: tensor<3x4xf64, #model.axes<B, I>>, %w: tensor<4x2xf64, #model.axes<I, O>>) -> tensor<f64> {
      %y = model.index (b: B = 3, o: O = 2) sum (i: I = 4)
           ins(%x[b, i], %w[i, o] : tensor<3x4xf64, #model.axes<B, I>>, tensor<4x2xf64, #model.axes<I, O>>) {
      ^bb0(%a: f64, %c: f64):
        %0 = arith.mulf %a, %c : f64
        model.yield %0 : f64
      } : tensor<3x2xf64, #model.axes<B, O>>
      %l = model.index () sum (b: B = 3, o: O = 2) ins(%y[b, o] : tensor<3x2xf64, #model.axes<B, O>>) {
      ^bb0(%a: f64):
        %0 = math.sin %a : f64
        model.yield %0 : f64
      } : tensor<f64>
      return %l : tensor<f64>
    })");
}
