// Compiled programs against the reference evaluator: the gradient programs, forwards and backwards, through
// every stage to native code. Slow turns of the scheduler, the planner or the code generator show here as
// wrong numbers.
#include "test/unit/model/Evaluate.h"
#include "test/unit/model/RandomProgram.h"

#include "compiler/codegen/cpu/Codegen.h"
#include "compiler/codegen/cpu/Target.h"
#include "compiler/convert/EncodeProgram.h"
#include "compiler/pipeline/Pipeline.h"
#include "runtime/core/Instance.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::test;

namespace {

const char kFolder[] = CLEAVE_SOURCE_DIR "/test/unit/model/gradients";

std::vector<std::string> programs() {
  std::vector<std::string> names;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(kFolder, error), end; it != end && !error; it.increment(error))
    if (llvm::sys::path::extension(it->path()) == ".mlir")
      names.push_back(llvm::sys::path::stem(it->path()).str());
  std::sort(names.begin(), names.end());
  return names;
}

// Of arguments; the first line of a program may set them: `// low: 0.5 high: 2 integers: 4`.
struct Bounds {
  double low = -1, high = 1, integers = 3;
};

Bounds boundsOf(llvm::StringRef text) {
  Bounds bounds;
  llvm::SmallVector<llvm::StringRef> words;
  text.split('\n').first.split(words, ' ');
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    double *slot = words[i] == "low:"        ? &bounds.low
                   : words[i] == "high:"     ? &bounds.high
                   : words[i] == "integers:" ? &bounds.integers
                                             : nullptr;
    if (slot)
      words[i + 1].getAsDouble(*slot);
  }
  return bounds;
}

std::string textOf(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

bool isFloat(Type type) { return isa<FloatType>(cast<RankedTensorType>(type).getElementType()); }

// Text of an entry `@run` that returns the loss and its gradient by every floating-point argument.
std::string entryText(func::FuncOp loss) {
  std::string arguments, operands, types, wrt, wrtTypes, results;
  unsigned count = 0;
  for (auto [i, type] : llvm::enumerate(loss.getArgumentTypes())) {
    std::string number = std::to_string(i), comma = i ? ", " : "";
    arguments += comma + "%a" + number + ": " + textOf(type) + " {model.input = \"a" + number + "\"}";
    operands += comma + "%a" + number;
    types += comma + textOf(type);
    if (!isFloat(type))
      continue;
    wrt += (count ? ", %a" : "%a") + number;
    wrtTypes += (count ? ", " : "") + textOf(type);
    results += ", " + textOf(type) + " {model.output = \"g" + std::to_string(count++) + "\"}";
  }
  std::string lossType = textOf(loss.getResultTypes()[0]), returned;
  for (unsigned i = 0; i < count; ++i)
    returned += ", %g#" + std::to_string(i);
  return "func.func @run(" + arguments + ") -> (" + lossType + " {model.output = \"loss\"}" + results +
         ") attributes {model.entry} {\n  %loss = model.call @loss(" + operands + ") : (" + types + ") -> " +
         lossType + "\n  %g:" + std::to_string(count) + " = model.gradient %loss wrt (" + wrt +
         ") : " + lossType + ", (" + wrtTypes + ") -> (" + wrtTypes + ")\n  return %loss" + returned + " : " +
         lossType + ", " + wrtTypes + "\n}\n";
}

template <class T> std::vector<char> pack(const Tensor &tensor, bool isFloat) {
  std::vector<T> values;
  for (const Scalar &scalar : tensor.data)
    values.push_back(isFloat ? T(scalar.real) : T(scalar.integer));
  const char *begin = reinterpret_cast<const char *>(values.data());
  return {begin, begin + values.size() * sizeof(T)};
}

std::vector<char> bytesOf(const Tensor &tensor, Type type) {
  Type element = cast<RankedTensorType>(type).getElementType();
  bool isFloat = isa<FloatType>(element);
  switch (element.getIntOrFloatBitWidth()) {
  case 64:
    return isFloat ? pack<double>(tensor, true) : pack<int64_t>(tensor, false);
  case 32:
    return isFloat ? pack<float>(tensor, true) : pack<int32_t>(tensor, false);
  default:
    return pack<int8_t>(tensor, false);
  }
}

double valueOf(const rt::TensorView &view, size_t i) {
  return view.shape.type == rt::Type::F64 ? view.as<double>()[i] : view.as<float>()[i];
}

struct Compiled : ::testing::Test {
  Compiled() {
    DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  // Runs stages on the module up to native code; the program keeps its code alive.
  std::unique_ptr<rt::Instance> compile(ModuleOp module, int threads) {
    codegen::Target::host().attachTo(module);
    PassManager passes(&context);
    PipelineOptions options;
    options.verify = true;
    for (auto build : {buildSchedStage, buildMemoryStage, buildLoopsStage, buildKernelsStage})
      build(passes, options);
    if (failed(passes.run(module)))
      return nullptr;
    auto program = std::make_shared<rt::Program>(convert::encodeProgram(module));
    auto jit = codegen::jit(module);
    if (!jit) {
      ADD_FAILURE() << llvm::toString(jit.takeError());
      return nullptr;
    }
    for (rt::Kernel &kernel : program->kernels)
      kernel.function = (*jit)->lookup(kernel.name);
    rt::InstanceOptions instanceOptions;
    instanceOptions.threads = threads;
    instanceOptions.allowNonFinite = true;
    auto made = rt::Instance::create(program, std::move(*jit), instanceOptions);
    if (!made) {
      ADD_FAILURE() << made.error().message;
      return nullptr;
    }
    return std::move(*made);
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
};

void expectClose(const Tensor &expected, const rt::TensorView &found, const std::string &name) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < expected.data.size(); ++i) {
    double difference = valueOf(found, i) - expected.data[i].real;
    error += difference * difference;
    norm += expected.data[i].real * expected.data[i].real;
  }
  double tolerance = found.shape.type == rt::Type::F64 ? 1e-9 : 1e-4;
  EXPECT_LE(std::sqrt(error), tolerance * std::max(1e-3, std::sqrt(norm))) << name;
}

} // namespace

struct CompiledProgram : Compiled, ::testing::WithParamInterface<std::string> {};

TEST_P(CompiledProgram, AgreesWithTheEvaluator) {
  auto file = llvm::MemoryBuffer::getFile(std::string(kFolder) + "/" + GetParam() + ".mlir");
  ASSERT_TRUE(file);
  std::string text = (*file)->getBuffer().str();
  OwningOpRef<ModuleOp> plain = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(plain);
  auto loss = plain->lookupSymbol<func::FuncOp>("loss");
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text + entryText(loss), &context);
  ASSERT_TRUE(module);
  PassManager passes(&context);
  buildGradStage(passes, {});
  ASSERT_TRUE(succeeded(passes.run(*module)));

  Bounds bounds = boundsOf(text);
  std::vector<Tensor> arguments;
  std::vector<std::vector<char>> bytes;
  for (Type type : loss.getArgumentTypes()) {
    double low = isFloat(type) ? bounds.low : 0, high = isFloat(type) ? bounds.high : bounds.integers;
    arguments.push_back(fill(cast<RankedTensorType>(type), arguments.size() + 1, low, high));
    bytes.push_back(bytesOf(arguments.back(), type));
  }
  std::vector<Tensor> expected = evaluate(*module, "run", arguments);

  std::unique_ptr<rt::Instance> instance = compile(*module, 2);
  ASSERT_TRUE(instance);
  for (auto [i, input] : llvm::enumerate(bytes))
    ASSERT_TRUE(instance->setInput("run", "a" + std::to_string(i), input.data(), input.size()));
  rt::Status status = instance->run("run");
  ASSERT_TRUE(status) << status.error().message;
  for (unsigned i = 0; i < expected.size(); ++i) {
    std::string name = i ? "g" + std::to_string(i - 1) : "loss";
    auto found = instance->output("run", name);
    ASSERT_TRUE(found);
    expectClose(expected[i], *found, name);
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, CompiledProgram, ::testing::ValuesIn(programs()),
                         [](const ::testing::TestParamInfo<std::string> &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Whether functions that take the arguments of @loss, as entries, give what the evaluator gives.
static void checkEntries(Compiled &compiler, ModuleOp module, ArrayRef<StringRef> entries, unsigned seed) {
  OpBuilder builder(module.getContext());
  std::vector<Tensor> arguments;
  std::vector<std::vector<char>> bytes;
  for (auto function : module.getOps<func::FuncOp>()) {
    function->setAttr(model::kEntryAttr, builder.getUnitAttr());
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      function.setArgAttr(i, model::kInputAttr, builder.getStringAttr("a" + Twine(i)));
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      function.setResultAttr(i, model::kOutputAttr, builder.getStringAttr("r" + Twine(i)));
  }
  for (Type type : module.lookupSymbol<func::FuncOp>("loss").getArgumentTypes()) {
    arguments.push_back(fill(cast<RankedTensorType>(type), seed + arguments.size(), 0.3, 1.1));
    bytes.push_back(bytesOf(arguments.back(), type));
  }
  PassManager passes(module.getContext());
  buildGradStage(passes, {});
  ASSERT_TRUE(succeeded(passes.run(module)));
  std::vector<std::vector<Tensor>> results;
  for (StringRef entry : entries)
    results.push_back(evaluate(module, entry, arguments));
  std::unique_ptr<rt::Instance> instance = compiler.compile(module, 1);
  ASSERT_TRUE(instance);
  for (auto [name, expected] : llvm::zip(entries, results)) {
    std::string entry = name.str();
    for (auto [i, input] : llvm::enumerate(bytes))
      ASSERT_TRUE(instance->setInput(entry, "a" + std::to_string(i), input.data(), input.size()));
    rt::Status status = instance->run(entry);
    ASSERT_TRUE(status) << status.error().message;
    for (size_t i = 0; i < expected.size(); ++i)
      expectClose(expected[i], *instance->output(entry, "r" + std::to_string(i)), entry);
  }
}

// The gradients of a convolution large enough that its weights' is summed in two steps.
TEST_F(Compiled, GradientsOfALargeConvolution) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(R"(
func.func @loss(%y: tensor<9x31x31x5xf32, #model.axes<N, I, J, O>>, %x: tensor<9x31x31x2xf32, #model.axes<N, I, J, C>>,
                %w: tensor<3x3x2x5xf32, #model.axes<U, V, C, O>>)
    -> (tensor<3x3x2x5xf32, #model.axes<U, V, C, O>>, tensor<9x31x31x2xf32, #model.axes<N, I, J, C>>) {
  %g = model.index (u: U = 3, v: V = 3, c: C = 2, o: O = 5) sum (n: N = 9, i: I = 31, j: J = 31)
      ins(%y[n, i, j, o], %x[n, i + u - 1, j + v - 1, c] outside 0.0 : f32 :
          tensor<9x31x31x5xf32, #model.axes<N, I, J, O>>, tensor<9x31x31x2xf32, #model.axes<N, I, J, C>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<3x3x2x5xf32, #model.axes<U, V, C, O>>
  %d = model.index (n: N = 9, i: I = 31, j: J = 31, c: C = 2) sum (u: U = 3, v: V = 3, o: O = 5)
      ins(%y[n, i - u + 1, j - v + 1, o] outside 0.0 : f32, %w[u, v, c, o] :
          tensor<9x31x31x5xf32, #model.axes<N, I, J, O>>, tensor<3x3x2x5xf32, #model.axes<U, V, C, O>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<9x31x31x2xf32, #model.axes<N, I, J, C>>
  return %g, %d : tensor<3x3x2x5xf32, #model.axes<U, V, C, O>>, tensor<9x31x31x2xf32, #model.axes<N, I, J, C>>
})",
                                                             &context);
  ASSERT_TRUE(module);
  checkEntries(*this, *module, {"loss"}, 1);
}

struct CompiledRandom : Compiled {};

TEST_F(CompiledRandom, AgreesWithTheEvaluator) {
  for (unsigned seed = 0; seed < 40 && !HasFailure(); ++seed) {
    OwningOpRef<ModuleOp> module = RandomProgram(context, seed).make(), copy = module->clone();
    checkEntries(*this, *module, {"loss", "gradient"}, seed);
    if (HasFailure()) {
      llvm::errs() << "seed " << seed << "\n";
      copy->dump();
    }
  }
}
