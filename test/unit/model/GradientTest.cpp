// Gradients against central differences, both evaluated in f64 by the reference evaluator.
#include "test/unit/model/Evaluate.h"

#include "dialects/model/transforms/Passes.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace cleave::test;

namespace {
const char kFolder[] = CLEAVE_SOURCE_DIR "/test/unit/model/gradients";

// The first line of a program may set them: `// low: 0.5 high: 2 integers: 4`.
struct Options {
  double low = -1, high = 1; // of floating-point arguments
  double integers = 3;       // integer arguments lie in [0, integers)
};

Options optionsOf(llvm::StringRef text) {
  Options options;
  llvm::SmallVector<llvm::StringRef> words;
  text.take_until([](char c) { return c == '\n'; }).split(words, ' ');
  for (unsigned i = 0; i + 1 < words.size(); ++i)
    for (auto [name, slot] : {std::pair<llvm::StringRef, double *>{"low:", &options.low},
                              {"high:", &options.high},
                              {"integers:", &options.integers}})
      if (words[i] == name)
        words[i + 1].getAsDouble(*slot);
  return options;
}

std::vector<std::string> programs() {
  std::vector<std::string> names;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(kFolder, error), end; it != end && !error; it.increment(error))
    if (llvm::sys::path::extension(it->path()) == ".mlir")
      names.push_back(llvm::sys::path::stem(it->path()).str());
  std::sort(names.begin(), names.end());
  return names;
}

class Gradient : public ::testing::TestWithParam<std::string> {
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

  void check(StringRef text, llvm::function_ref<void(PassManager &)> addPasses) {
    Options options = optionsOf(text);
    OwningOpRef<ModuleOp> module = prepare(text);
    ASSERT_TRUE(module);
    PassManager passes(&context);
    addPasses(passes);
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
                               isFloat ? options.high : options.integers));
    }
    double error = gradientError(module, "loss", "gradient", arguments);
    EXPECT_LE(error, 1e-6);
    if (error > 1e-6)
      module.dump();
  }

  MLIRContext context;
};
} // namespace

static std::string programText(const std::string &name) {
  auto text = llvm::MemoryBuffer::getFile(std::string(kFolder) + "/" + name + ".mlir");
  return text ? (*text)->getBuffer().str() : "";
}

TEST_P(Gradient, AgreesWithDifferences) {
  check(programText(GetParam()),
        [](PassManager &passes) { passes.addPass(cleave::model::createModelGradients()); });
}

TEST_P(Gradient, AgreesWithDifferencesSimplified) {
  check(programText(GetParam()), [](PassManager &passes) {
    passes.addPass(cleave::model::createModelSimplify());
    passes.addPass(cleave::model::createModelGradients());
    passes.addPass(cleave::model::createModelExpose());
    passes.addPass(cleave::model::createModelInline());
    passes.addPass(cleave::model::createModelSimplify());
  });
}

INSTANTIATE_TEST_SUITE_P(Programs, Gradient, ::testing::ValuesIn(programs()),
                         [](const ::testing::TestParamInfo<std::string> &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });
