#include "test/unit/codegen/KernelTester.h"

#include "compiler/codegen/cpu/Target.h"
#include "dialects/model/ir/Model.h"

#include "mlir/InitAllDialects.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;

namespace cleave::codegen::test {

Kernels::Kernels(const std::string &text) {
  DialectRegistry registry;
  registerAllDialects(registry);
  registry.insert<model::ModelDialect>();
  context.appendDialectRegistry(registry);
  module = parseSourceString<ModuleOp>(text, &context);
  EXPECT_TRUE(module) << text;
  if (!module)
    return;
  for (auto kernel : module->getOps<func::FuncOp>())
    for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(), kernel.getResultTypes())) {
      auto tensor = cast<RankedTensorType>(type);
      size_t element = (tensor.getElementTypeBitWidth() + 7) / 8;
      bytes[kernel.getName().str()].push_back(tensor.getNumElements() * element);
    }
  Target::host().attachTo(*module);
  PassManager passes(&context);
  buildLoopsPipeline(passes);
  buildKernelsPipeline(passes);
  LogicalResult lowered = passes.run(*module);
  EXPECT_TRUE(succeeded(lowered)) << text;
  if (failed(lowered))
    return;
  auto compiled = jit(*module);
  EXPECT_TRUE(static_cast<bool>(compiled));
  if (compiled)
    code = std::move(*compiled);
  else
    ADD_FAILURE() << llvm::toString(compiled.takeError());
}

Kernels::~Kernels() = default;

namespace {

/// A copy of an array, the last byte of which is the last of a page that has no readable page behind it.
class GuardedCopy {
public:
  GuardedCopy(void *original, size_t size) : original(original), size(size) {
    size_t page = sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page * page;
    length = pages + page;
    start = static_cast<char *>(
        mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(start + pages, page, PROT_NONE);
    data = start + pages - size;
    std::memcpy(data, original, size);
  }
  ~GuardedCopy() {
    std::memcpy(original, data, size);
    munmap(start, length);
  }
  GuardedCopy(const GuardedCopy &) = delete;
  GuardedCopy &operator=(const GuardedCopy &) = delete;

  char *data = nullptr;

private:
  void *original;
  size_t size, length = 0;
  char *start = nullptr;
};

} // namespace

int64_t Kernels::attribute(const std::string &name, const char *key) {
  Operation *kernel = module->lookupSymbol(name);
  return kernel->getAttrOfType<IntegerAttr>(key).getInt();
}

int64_t Kernels::units(const std::string &name) { return attribute(name, "cleave.row_count"); }
int64_t Kernels::grain(const std::string &name) { return attribute(name, "cleave.grain"); }

void Kernels::run(const std::string &name, std::vector<void *> arguments, int64_t step) {
  ASSERT_TRUE(code);
  rt::KernelFunction function = code->lookup(name);
  ASSERT_NE(function, nullptr);
  int64_t count = units(name);
  if (step == 0)
    step = count;
  std::map<void *, std::unique_ptr<GuardedCopy>> copies; // arguments that share memory share a copy
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto &copy = copies[arguments[i]];
    if (!copy)
      copy = std::make_unique<GuardedCopy>(arguments[i], bytes[name][i]);
    arguments[i] = copy->data;
  }
  for (int64_t begin = 0; begin < count; begin += step)
    function(arguments.data(), begin, std::min(begin + step, count));
}

std::string substitute(std::string text, const std::vector<std::pair<std::string, std::string>> &pairs) {
  for (const auto &[key, value] : pairs)
    for (size_t at; (at = text.find("$" + key)) != std::string::npos;)
      text.replace(at, key.size() + 1, value);
  return text;
}

template <typename T> static double distanceOf(const std::vector<T> &a, const std::vector<double> &b) {
  double worst = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    double x = a[i], y = b[i];
    if (std::isnan(x) && std::isnan(y))
      continue;
    if (std::isnan(x) || std::isnan(y) || std::isinf(x) || std::isinf(y))
      worst = x == y ? worst : INFINITY;
    else
      worst = std::max(worst, std::fabs(x - y) / std::max(1.0, std::fabs(y)));
  }
  return worst;
}

double distance(const std::vector<float> &a, const std::vector<double> &b) { return distanceOf(a, b); }
double distance(const std::vector<double> &a, const std::vector<double> &b) { return distanceOf(a, b); }

} // namespace cleave::codegen::test
