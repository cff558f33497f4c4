#include "compiler/convert/ShareKernels.h"

#include "dialects/pipe/ir/Pipe.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::convert;

// What a kernel computes, whatever its name.
static std::string textOf(func::FuncOp kernel) {
  std::string name = kernel.getName().str(), text;
  kernel.setName("kernel");
  llvm::raw_string_ostream stream(text);
  kernel->print(stream, OpPrintingFlags().useLocalScope());
  kernel.setName(name);
  return text;
}

static SmallVector<func::FuncOp> kernelsOf(ModuleOp module) {
  return llvm::filter_to_vector(module.getOps<func::FuncOp>(),
                                [](func::FuncOp function) { return function->hasAttr(pipe::kKernelAttr); });
}

SharedKernels::SharedKernels(ModuleOp first) : module(first), symbols(first) {
  for (func::FuncOp kernel : kernelsOf(first))
    names[textOf(kernel)] = kernel.getName().str();
}

void SharedKernels::add(ModuleOp other, rt::Program &program) {
  llvm::StringMap<std::string> renamed;
  for (func::FuncOp kernel : kernelsOf(other)) {
    std::string old = kernel.getName().str();
    auto [known, isNew] = names.try_emplace(textOf(kernel));
    if (isNew) {
      kernel->remove();
      symbols.insert(kernel); // which finds it a name of its own
      known->second = kernel.getName().str();
    }
    renamed[old] = known->second;
  }
  for (rt::Kernel &kernel : program.kernels)
    kernel.name = renamed.lookup(kernel.name);
}
