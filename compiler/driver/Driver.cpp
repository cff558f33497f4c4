#include "compiler/driver/Driver.h"

#include "compiler/codegen/cpu/Codegen.h"
#include "compiler/convert/EncodeProgram.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/pipeline/Pipeline.h"
#include "lang/lower/Lower.h"
#include "lang/sema/Check.h"
#include "lang/sema/StandardLibrary.h"
#include "runtime/core/PrintProgram.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace cleave {

const std::vector<std::string> &stageNames() {
  static const std::vector<std::string> names = {"ast",   "model",   "grad", "sched", "memory",
                                                 "loops", "kernels", "exec", "asm"};
  return names;
}

std::optional<Stage> parseStage(const std::string &name) {
  const std::vector<std::string> &names = stageNames();
  auto found = llvm::find(names, name);
  if (found == names.end())
    return std::nullopt;
  return static_cast<Stage>(found - names.begin());
}

namespace {

using StageBuilder = void (*)(OpPassManager &, const PipelineOptions &);

// Builders of the stages that are module passes, each with the stage it ends in.
constexpr std::pair<Stage, StageBuilder> kStageBuilders[] = {
    {Stage::Model, buildModelStage},   {Stage::Grad, buildGradStage},   {Stage::Sched, buildSchedStage},
    {Stage::Memory, buildMemoryStage}, {Stage::Loops, buildLoopsStage}, {Stage::Kernels, buildKernelsStage},
};

std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registerDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->printOpOnDiagnostic(false);
  return context;
}

// Points the program's kernels at their code; code generation may have set their rows after encoding.
void bindKernels(rt::Program &program, ModuleOp module, const codegen::Jit &jit) {
  SymbolTable symbols(module);
  for (rt::Kernel &kernel : program.kernels) {
    kernel.function = jit.lookup(kernel.name);
    Operation *function = symbols.lookup(kernel.name);
    if (auto rows = function->getAttrOfType<IntegerAttr>("cleave.row_count"))
      kernel.rows = rows.getInt();
    if (auto grain = function->getAttrOfType<IntegerAttr>("cleave.grain"))
      kernel.grain = grain.getInt();
  }
}

std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text;
}

} // namespace

struct Driver::Implementation {
  DriverOptions options;
  diag::Engine &engine;
  std::unique_ptr<ast::Program> program;
  bool checked = false;
  std::unique_ptr<MLIRContext> context;

  Implementation(DriverOptions options, diag::Engine &engine) : options(std::move(options)), engine(engine) {}

  const ast::Program *check();
  OwningOpRef<ModuleOp> lower();
  bool run(ModuleOp module, Stage first, Stage last);
  std::unique_ptr<CompiledProgram> plan(OwningOpRef<ModuleOp> &module);
  PipelineOptions pipelineOptions() const;
};

const ast::Program *Driver::Implementation::check() {
  if (checked)
    return program.get();
  checked = true;
  sema::Options semaOptions;
  semaOptions.sets.assign(options.sets.begin(), options.sets.end());
  semaOptions.stdlib = options.stdlib.empty() ? standardLibrary() : options.stdlib;
  program = sema::checkFile(options.file, semaOptions, engine);
  return program.get();
}

OwningOpRef<ModuleOp> Driver::Implementation::lower() {
  if (!check())
    return nullptr;
  context = makeContext();
  lower::Options lowerOptions;
  lowerOptions.entries = options.entries;
  return lower::lower(*program, *context, lowerOptions);
}

PipelineOptions Driver::Implementation::pipelineOptions() const {
  PipelineOptions pipeline;
  pipeline.expose = options.expose;
  pipeline.verify = options.verifyStages;
  pipeline.dumpFolder = options.dumpFolder;
  return pipeline;
}

// Takes the module from the end of the stage before `first` to the end of `last`.
bool Driver::Implementation::run(ModuleOp module, Stage first, Stage last) {
  DiagnosticsBridge bridge(*context, engine);
  PassManager manager(context.get());
  manager.enableVerifier(options.verifyStages);
  PipelineOptions pipeline = pipelineOptions();
  for (auto [stage, build] : kStageBuilders)
    if (stage >= first && stage <= last)
      build(manager, pipeline);
  if (succeeded(manager.run(module)))
    return true;
  if (!engine.hasErrors())
    engine.error("E999", {}, "the compiler failed on a program it accepted; please report it");
  return false;
}

std::optional<std::string> Driver::ir(Stage stage) {
  Implementation &self = *implementation;
  const ast::Program *program = check();
  if (!program)
    return std::nullopt;
  if (stage == Stage::Ast)
    return ast::print(*program);
  if (stage == Stage::Exec) {
    std::unique_ptr<CompiledProgram> compiled = plan();
    if (!compiled)
      return std::nullopt;
    return rt::printProgram(compiled->program);
  }
  OwningOpRef<ModuleOp> module = self.lower();
  Stage last = stage == Stage::Asm ? Stage::Kernels : stage;
  if (!module || !self.run(*module, Stage::Model, last))
    return std::nullopt;
  if (stage == Stage::Asm) {
    DiagnosticsBridge bridge(*self.context, self.engine);
    llvm::Expected<std::string> text = codegen::emitAssembly(*module);
    if (text)
      return *text;
    self.engine.error("E999", {}, "assembly could not be made: " + llvm::toString(text.takeError()));
    return std::nullopt;
  }
  return textOf(*module);
}

const ast::Program *Driver::check() { return implementation->check(); }

// Leaves the module at the memory stage, from which code is generated.
std::unique_ptr<CompiledProgram> Driver::Implementation::plan(OwningOpRef<ModuleOp> &module) {
  module = lower();
  if (!module || !run(*module, Stage::Model, Stage::Memory))
    return nullptr;
  auto compiled = std::make_unique<CompiledProgram>();
  compiled->program = convert::encodeProgram(*module);
  return compiled;
}

std::unique_ptr<CompiledProgram> Driver::plan() {
  OwningOpRef<ModuleOp> module;
  return implementation->plan(module);
}

std::unique_ptr<CompiledProgram> Driver::compile() {
  Implementation &self = *implementation;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<CompiledProgram> compiled = self.plan(module);
  if (!compiled)
    return nullptr;
  if (!self.run(*module, Stage::Loops, Stage::Kernels))
    return nullptr;
  DiagnosticsBridge bridge(*self.context, self.engine);
  llvm::Expected<std::unique_ptr<codegen::Jit>> jit = codegen::jit(*module);
  if (!jit) {
    self.engine.error("E999", {}, "native code could not be made: " + llvm::toString(jit.takeError()));
    return nullptr;
  }
  bindKernels(compiled->program, *module, **jit);
  compiled->code = std::shared_ptr<codegen::Jit>(std::move(*jit));
  return compiled;
}

void Driver::select(std::vector<std::string> entries, std::vector<std::string> expose) {
  implementation->options.entries = std::move(entries);
  implementation->options.expose = std::move(expose);
}

Driver::Driver(DriverOptions options, diag::Engine &engine)
    : implementation(std::make_unique<Implementation>(std::move(options), engine)) {}
Driver::~Driver() = default;

} // namespace cleave
