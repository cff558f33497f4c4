// The gradients of programs in the language: every primitive and every library function of
// test/e2e/gradients, against central differences, both by the reference evaluator. Native code is checked
// elsewhere; this tells a wrong gradient from wrong code.
#include "compiler/driver/Driver.h"
#include "lang/diag/Engine.h"
#include "test/unit/model/Evaluate.h"

#include "dialects/model/transforms/Passes.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir;
using namespace cleave::test;
namespace model = cleave::model;

namespace {
const char kFolder[] = CLEAVE_SOURCE_DIR "/test/e2e/gradients";

std::vector<std::string> programs() {
  std::vector<std::string> names;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(kFolder, error), end; it != end && !error; it.increment(error))
    if (llvm::sys::path::extension(it->path()) == ".dsl")
      names.push_back(llvm::sys::path::stem(it->path()).str());
  std::sort(names.begin(), names.end());
  return names;
}

// "name" of an input or output, "@name" of a state.
std::string portName(DictionaryAttr attributes) {
  if (auto state = attributes.getAs<FlatSymbolRefAttr>(model::kStateAttr))
    return "@" + state.getValue().str();
  for (StringRef key : {model::kInputAttr, model::kOutputAttr})
    if (auto name = attributes.getAs<StringAttr>(key))
      return name.getValue().str();
  return "";
}

using Ports = std::map<std::string, Tensor>;

class LanguageGradient : public ::testing::TestWithParam<std::string> {
protected:
  LanguageGradient() {
    context.loadDialect<model::ModelDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect,
                        tensor::TensorDialect>();
  }

  void compile(bool simplified) {
    cleave::diag::Engine engine;
    cleave::DriverOptions options;
    options.file = std::string(kFolder) + "/" + GetParam() + ".dsl";
    options.stdlib = CLEAVE_SOURCE_DIR "/stdlib";
    std::optional<std::string> text = cleave::Driver(options, engine).ir(cleave::Stage::Model);
    ASSERT_TRUE(text) << engine.render();
    module = parseSourceString<ModuleOp>(*text, &context);
    ASSERT_TRUE(module);
    PassManager passes(&context);
    if (simplified)
      passes.addPass(model::createModelSimplify());
    passes.addPass(model::createModelGradients());
    if (simplified) {
      passes.addPass(model::createModelExpose());
      passes.addPass(model::createModelInline());
      passes.addPass(model::createModelSimplify());
    }
    ASSERT_TRUE(succeeded(passes.run(*module)));
    ASSERT_TRUE(succeeded(verify(*module)));
  }

  // Values for every input and state of both entries.
  void fillPorts() {
    for (StringRef entry : {"loss", "gradient"}) {
      auto function = module->lookupSymbol<func::FuncOp>(entry);
      ASSERT_TRUE(function);
      for (unsigned i = 0; i < function.getNumArguments(); ++i) {
        auto type = cast<RankedTensorType>(function.getArgumentTypes()[i]);
        std::string name = portName(function.getArgAttrDict(i));
        bool isFloat = isa<FloatType>(type.getElementType());
        bool isParameter = name[0] == '@', isOptimizer = StringRef(name).starts_with("@optimizer");
        double low = isParameter && isFloat ? -0.5
                     : isFloat              ? 0.2
                                            : 0,
               high = isParameter ? 0.5
                      : isFloat   ? 0.9
                                  : 2;
        if (!ports.count(name))
          ports[name] = fill(type, ports.size() + 3, isOptimizer ? 0 : low, isOptimizer ? 0 : high);
        if (isFloat && !isOptimizer)
          differentiable.insert(name);
      }
    }
  }

  Ports run(StringRef entry) {
    auto function = module->lookupSymbol<func::FuncOp>(entry);
    std::vector<Tensor> arguments;
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      arguments.push_back(ports[portName(function.getArgAttrDict(i))]);
    std::vector<Tensor> values = evaluate(*module, entry, arguments);
    Ports results;
    for (auto [i, value] : llvm::enumerate(values))
      results[portName(function.getResultAttrDict(i))] = value;
    return results;
  }

  // The gradient by a port: an output, or what a step of size one took from a state. Empty where there is
  // none.
  std::vector<double> found(const std::string &name, Ports &results) {
    bool isState = name[0] == '@';
    auto result = results.find(isState ? name : "d_" + name);
    std::vector<double> gradient;
    if (result == results.end())
      return gradient;
    size_t elements = ports[name].data.size();
    for (size_t index = 0; index < elements; index += strideOf(elements)) {
      double now = result->second.data[index].real;
      gradient.push_back(isState ? ports[name].data[index].real - now : now);
    }
    return gradient;
  }

  // Of large tensors some elements, spread over all positions: the evaluator takes its time, and compiled
  // code is compared element by element in GradientTest.
  static size_t strideOf(size_t elements) {
    const size_t most = 64, wanted = 13;
    return elements <= most ? 1 : elements / wanted | 1;
  }

  // Central differences of fourth order: (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h.
  std::vector<double> expected(const std::string &name) {
    const double step = 1e-4;
    std::vector<double> gradient;
    size_t elements = ports[name].data.size();
    for (size_t index = 0; index < elements; index += strideOf(elements)) {
      Scalar &element = ports[name].data[index];
      double saved = element.real;
      auto lossAt = [&](double offset) {
        element.real = saved + offset;
        return run("loss")["loss"].data[0].real;
      };
      double near = lossAt(step) - lossAt(-step), far = lossAt(2 * step) - lossAt(-2 * step);
      element.real = saved;
      gradient.push_back((8 * near - far) / (12 * step));
    }
    return gradient;
  }

  void check() {
    Ports results = run("gradient");
    std::map<std::string, std::pair<double, double>> errors; // error and norm
    double total = 0;
    for (const std::string &name : differentiable) {
      std::vector<double> have = found(name, results);
      if (have.empty())
        continue;
      double error = 0, norm = 0;
      for (auto [want, got] : llvm::zip(expected(name), have)) {
        error += (want - got) * (want - got);
        norm += want * want;
      }
      errors[name] = {std::sqrt(error), std::sqrt(norm)};
      total += norm;
    }
    EXPECT_FALSE(errors.empty());
    for (auto &[name, pair] : errors)
      EXPECT_LE(pair.first, 1e-6 * std::max(pair.second, 1e-3 * std::sqrt(total))) << name;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  Ports ports;
  std::set<std::string> differentiable;
};
} // namespace

TEST_P(LanguageGradient, AgreesWithDifferences) {
  compile(/*simplified=*/false);
  if (HasFatalFailure())
    return;
  fillPorts();
  check();
}

TEST_P(LanguageGradient, AgreesWithDifferencesSimplified) {
  compile(/*simplified=*/true);
  if (HasFatalFailure())
    return;
  fillPorts();
  check();
}

INSTANTIATE_TEST_SUITE_P(Programs, LanguageGradient, ::testing::ValuesIn(programs()));
