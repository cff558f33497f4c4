#include "compiler/codegen/cpu/Emit.h"

#include "compiler/codegen/common/Kernel.h"
#include "compiler/codegen/cpu/Link.h"
#include "compiler/codegen/cpu/Target.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <mutex>
#include <thread>

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace cleave::codegen {

namespace {

/// One LLVM module, in a context of its own so that threads can compile side by side.
struct Part {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
  llvm::SmallVector<char, 0> output;
};

void initialiseTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
  });
}

Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// The features and nothing else: a processor's name would bring its own along. It is only tuned for, by an
/// attribute of each function.
constexpr llvm::StringLiteral kProcessor = "x86-64";

std::string featureList(const Target &target) {
  std::string list;
  for (const std::string &feature : target.features)
    list += (list.empty() ? "+" : ",+") + feature;
  return list;
}

Expected<std::unique_ptr<llvm::TargetMachine>> makeMachine(const Target &target) {
  initialiseTargets();
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  std::string why;
  const llvm::Target *found = llvm::TargetRegistry::lookupTarget(triple, why);
  if (!found)
    return makeError(why);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  std::unique_ptr<llvm::TargetMachine> machine(
      found->createTargetMachine(triple, kProcessor, featureList(target), options, llvm::Reloc::PIC_,
                                 llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
  if (!machine)
    return makeError("there is no code generation for " + target.name);
  return machine;
}

//===----------------------------------------------------------------------===//
// From the LLVM dialect to LLVM modules
//===----------------------------------------------------------------------===//

/// Copies every `parts`-th kernel, starting with number `part`, with all that kernels refer to.
OwningOpRef<ModuleOp> takePart(ModuleOp module, unsigned part, unsigned parts) {
  OwningOpRef<ModuleOp> result = ModuleOp::create(module.getLoc());
  OpBuilder builder(result->getBodyRegion());
  unsigned number = 0;
  for (Operation &op : *module.getBody()) {
    auto function = dyn_cast<LLVM::LLVMFuncOp>(op);
    bool shared = isa<LLVM::GlobalOp>(op) || (function && function.isExternal());
    if (shared)
      builder.clone(op);
    if (!function || !function->hasAttr(kKernelAttr) || number++ % parts != part)
      continue;
    Operation *entry = builder.clone(op);
    for (NamedAttribute attribute : llvm::to_vector(entry->getDiscardableAttrs()))
      entry->removeDiscardableAttr(attribute.getName());
    if (Operation *body = SymbolTable::lookupSymbolIn(module, (function.getName() + ".body").str()))
      builder.clone(*body);
  }
  return result;
}

/// No kernel throws, and all may use the widest vectors, which LLVM by itself avoids on some processors. No
/// reciprocal estimates: refined by Newton's method they make NaN of 1 / inf, which a logistic function
/// needs.
void setAttributes(llvm::Module &module, const Target &target) {
  std::string features = featureList(target), width = std::to_string(target.vectorBits());
  for (llvm::Function &function : module) {
    function.addFnAttr(llvm::Attribute::NoUnwind);
    function.addFnAttr("target-cpu", kProcessor);
    function.addFnAttr("target-features", features);
    function.addFnAttr("tune-cpu", target.tune);
    function.addFnAttr("reciprocal-estimates", "none");
    function.addFnAttr("prefer-vector-width", width);
    function.addFnAttr("min-legal-vector-width", width);
  }
}

Expected<std::vector<Part>> translate(ModuleOp module, unsigned threads) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  unsigned kernels = 0;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    kernels += function->hasAttr(kKernelAttr);
  unsigned count = std::clamp(kernels / 4, 1u, std::max(1u, threads));
  std::vector<Part> parts(count);
  Target target = Target::of(module);
  for (unsigned number = 0; number < count; ++number) {
    Part &part = parts[number];
    OwningOpRef<ModuleOp> taken = takePart(module, number, count);
    part.context = std::make_unique<llvm::LLVMContext>();
    part.module = translateModuleToLLVMIR(*taken, *part.context, "kernels");
    if (!part.module)
      return makeError("kernels could not be translated to LLVM IR");
    auto machine = makeMachine(target);
    if (!machine)
      return machine.takeError();
    part.machine = std::move(*machine);
    part.module->setDataLayout(part.machine->createDataLayout());
    part.module->setTargetTriple(part.machine->getTargetTriple());
    setAttributes(*part.module, target);
  }
  return parts;
}

//===----------------------------------------------------------------------===//
// Optimising and emitting
//===----------------------------------------------------------------------===//

/// Kernels arrive vectorised and tiled: what is left is to fold addresses and to hoist what does not change.
constexpr llvm::StringLiteral kPasses =
    "function(early-cse,simplifycfg,instcombine<no-verify-fixpoint>,early-cse<memssa>,"
    "loop-mssa(licm<allowspeculation>),instcombine<no-verify-fixpoint>,simplifycfg,loop(indvars),adce)";

Error optimise(Part &part) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(part.machine.get());
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  llvm::ModulePassManager passes;
  if (Error error = builder.parsePassPipeline(passes, kPasses))
    return error;
  passes.run(*part.module, modules);
  return Error::success();
}

Error compile(Part &part, llvm::CodeGenFileType type) {
  if (Error error = optimise(part))
    return error;
  llvm::raw_svector_ostream stream(part.output);
  llvm::legacy::PassManager passes;
  if (part.machine->addPassesToEmitFile(passes, stream, nullptr, type))
    return makeError("this target cannot emit code");
  passes.run(*part.module);
  return Error::success();
}

Error compileAll(std::vector<Part> &parts, llvm::CodeGenFileType type) {
  std::vector<std::string> messages(parts.size());
  auto work = [&](unsigned number) {
    if (Error error = compile(parts[number], type))
      messages[number] = llvm::toString(std::move(error));
  };
  std::vector<std::thread> threads;
  for (unsigned number = 1; number < parts.size(); ++number)
    threads.emplace_back(work, number);
  work(0);
  for (std::thread &thread : threads)
    thread.join();
  for (const std::string &message : messages)
    if (!message.empty())
      return makeError(message);
  return Error::success();
}

} // namespace

Expected<rt::CodeImage> emitImage(ModuleOp module, const EmitOptions &options) {
  auto parts = translate(module, options.threads);
  if (!parts)
    return parts.takeError();
  if (Error error = compileAll(*parts, llvm::CodeGenFileType::ObjectFile))
    return std::move(error);
  std::vector<llvm::MemoryBufferRef> objects;
  for (Part &part : *parts)
    objects.emplace_back(StringRef(part.output.data(), part.output.size()), "kernels");
  return link(objects);
}

Expected<std::string> emitAssembly(ModuleOp module) {
  auto parts = translate(module, /*threads=*/1); // one file
  if (!parts)
    return parts.takeError();
  if (Error error = compileAll(*parts, llvm::CodeGenFileType::AssemblyFile))
    return std::move(error);
  return std::string(parts->front().output.begin(), parts->front().output.end());
}

Expected<std::shared_ptr<rt::LoadedCode>> jit(ModuleOp module, const EmitOptions &options) {
  Expected<rt::CodeImage> image = emitImage(module, options);
  if (!image)
    return image.takeError();
  rt::Result<std::shared_ptr<rt::LoadedCode>> code = rt::LoadedCode::load(*image);
  if (!code)
    return makeError(code.error().message);
  return *code;
}

} // namespace cleave::codegen
