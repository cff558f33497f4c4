#include "compiler/codegen/cpu/Jit.h"

#include "compiler/codegen/common/Kernel.h"
#include "runtime/device/cpu/KernelSupport.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

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

Expected<std::unique_ptr<llvm::TargetMachine>> makeMachine(const JitOptions &options) {
  initialiseTargets();
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  if (!options.cpu.empty())
    builder->setCPU(options.cpu);
  builder->setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  builder->setRelocationModel(llvm::Reloc::PIC_);
  builder->setCodeModel(llvm::CodeModel::Small); // for a JIT the default is Large, with constants far away
  builder->getOptions().AllowFPOpFusion = llvm::FPOpFusion::Standard;
  return builder->createTargetMachine();
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
void setAttributes(llvm::Module &module) {
  for (llvm::Function &function : module) {
    function.addFnAttr(llvm::Attribute::NoUnwind);
    function.addFnAttr("reciprocal-estimates", "none");
    function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr("min-legal-vector-width", "512");
  }
}

Expected<std::vector<Part>> translate(ModuleOp module, const JitOptions &options) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  unsigned kernels = 0;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    kernels += function->hasAttr(kKernelAttr);
  unsigned count = std::clamp(kernels / 4, 1u, std::max(1u, options.threads));
  std::vector<Part> parts(count);
  for (unsigned number = 0; number < count; ++number) {
    Part &part = parts[number];
    OwningOpRef<ModuleOp> taken = takePart(module, number, count);
    part.context = std::make_unique<llvm::LLVMContext>();
    part.module = translateModuleToLLVMIR(*taken, *part.context, "kernels");
    if (!part.module)
      return makeError("kernels could not be translated to LLVM IR");
    auto machine = makeMachine(options);
    if (!machine)
      return machine.takeError();
    part.machine = std::move(*machine);
    part.module->setDataLayout(part.machine->createDataLayout());
    part.module->setTargetTriple(part.machine->getTargetTriple());
    setAttributes(*part.module);
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

Expected<std::string> emit(ModuleOp module, JitOptions options, llvm::CodeGenFileType type) {
  options.threads = 1; // one file
  auto parts = translate(module, options);
  if (!parts)
    return parts.takeError();
  if (Error error = compileAll(*parts, type))
    return error;
  return std::string(parts->front().output.begin(), parts->front().output.end());
}

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

class OrcJit : public Jit {
public:
  OrcJit(std::unique_ptr<llvm::orc::LLJIT> session, llvm::StringMap<rt::KernelFunction> kernels)
      : session(std::move(session)), kernels(std::move(kernels)) {}

  rt::KernelFunction lookup(StringRef kernel) const override { return kernels.lookup(kernel); }

private:
  std::unique_ptr<llvm::orc::LLJIT> session;
  llvm::StringMap<rt::KernelFunction> kernels;
};

/// The runtime's functions by address, since a static executable does not export them; libm from the process.
Error addSymbols(llvm::orc::LLJIT &session) {
  llvm::orc::SymbolMap symbols;
  for (const rt::SupportSymbol &symbol : rt::supportSymbols())
    symbols[session.mangleAndIntern(symbol.name)] = {llvm::orc::ExecutorAddr::fromPtr(symbol.address),
                                                     llvm::JITSymbolFlags::Exported};
  if (Error error = session.getMainJITDylib().define(llvm::orc::absoluteSymbols(symbols)))
    return error;
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      session.getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  session.getMainJITDylib().addGenerator(std::move(*process));
  return Error::success();
}

} // namespace

Expected<std::unique_ptr<Jit>> jit(ModuleOp module, const JitOptions &options) {
  auto parts = translate(module, options);
  if (!parts)
    return parts.takeError();
  if (Error error = compileAll(*parts, llvm::CodeGenFileType::ObjectFile))
    return error;
  auto session = llvm::orc::LLJITBuilder().create();
  if (!session)
    return session.takeError();
  if (Error error = addSymbols(**session))
    return error;
  for (Part &part : *parts)
    if (Error error = (*session)->addObjectFile(
            std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(part.output), "kernels", false)))
      return error;
  llvm::StringMap<rt::KernelFunction> kernels;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    if (!function->hasAttr(kKernelAttr))
      continue;
    auto address = (*session)->lookup(function.getName());
    if (!address)
      return address.takeError();
    kernels[function.getName()] = address->toPtr<rt::KernelFunction>();
  }
  return std::make_unique<OrcJit>(std::move(*session), std::move(kernels));
}

Expected<std::string> emitAssembly(ModuleOp module, const JitOptions &options) {
  return emit(module, options, llvm::CodeGenFileType::AssemblyFile);
}

Expected<std::string> emitObject(ModuleOp module, const JitOptions &options) {
  return emit(module, options, llvm::CodeGenFileType::ObjectFile);
}

} // namespace cleave::codegen
