#include "compiler/driver/Driver.h"

#include "compiler/codegen/cpu/Codegen.h"
#include "compiler/codegen/cpu/Target.h"
#include "compiler/convert/EncodeProgram.h"
#include "compiler/convert/ShareKernels.h"
#include "compiler/driver/BuildId.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/EncodeWeights.h"
#include "compiler/driver/GiveBack.h"
#include "compiler/driver/PlanFacts.h"
#include "compiler/driver/Proofs.h"
#include "compiler/explain/Assertions.h"
#include "compiler/explain/Collect.h"
#include "compiler/explain/Edits.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/prove/Meetings.h"
#include "dialects/comm/transforms/Overlap.h"
#include "dialects/comm/transforms/Traffic.h"
#include "dialects/dist/ir/Dist.h"
#include "lang/lower/Lower.h"
#include "lang/sema/Check.h"
#include "lang/sema/StandardLibrary.h"
#include "runtime/core/PrintProgram.h"
#include "runtime/core/Text.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

#include <filesystem>

using namespace mlir;

namespace cleave {

const std::vector<std::string> &stageNames() {
  static const std::vector<std::string> names = {"ast",    "model", "grad",    "dist", "comm", "sched",
                                                 "memory", "loops", "kernels", "exec", "asm"};
  return names;
}

const std::vector<std::string> &overlapWays() {
  static const std::vector<std::string> ways = [] {
    std::vector<std::string> names;
    for (comm::Technique technique : comm::kTechniques)
      names.push_back(comm::nameOf(technique).str());
    names.push_back("all");
    return names;
  }();
  return ways;
}

std::vector<std::string> targetNames() { return codegen::Target::names(); }

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
    {Stage::Model, buildModelStage}, {Stage::Grad, buildGradStage},       {Stage::Dist, buildDistStage},
    {Stage::Comm, buildCommStage},   {Stage::Sched, buildSchedStage},     {Stage::Memory, buildMemoryStage},
    {Stage::Loops, buildLoopsStage}, {Stage::Kernels, buildKernelsStage},
};

bool isOfPlan(Stage stage) { return stage == Stage::Dist || stage == Stage::Comm; }

std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registerDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->printOpOnDiagnostic(false);
  return context;
}

// Code generation may have set the rows of kernels after encoding.
void updateKernels(rt::Program &program, ModuleOp module) {
  SymbolTable symbols(module);
  for (rt::Kernel &kernel : program.kernels) {
    Operation *function = symbols.lookup(kernel.name);
    if (auto rows = function->getAttrOfType<IntegerAttr>("cleave.row_count"))
      kernel.rows = rows.getInt();
    if (auto grain = function->getAttrOfType<IntegerAttr>("cleave.grain"))
      kernel.grain = grain.getInt();
  }
}

// As JSON has it; a hyper-parameter is finite.
std::string literalText(const ast::Literal &literal) {
  if (literal.type().element == ast::ElementType::Bool)
    return literal.integer ? "true" : "false";
  if (!ast::isFloat(literal.type().element))
    return std::to_string(literal.integer);
  char text[32];
  std::snprintf(text, sizeof(text), "%.17g", literal.real);
  return text;
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
  std::optional<std::pair<std::string, uint32_t>> planAt; // see sema::Options
  std::shared_ptr<MLIRContext> context;
  bool manualRegions = true;
  bool isHeldAgainst = false;   // another plan, in that one's context: it is proved, and no more
  std::optional<Proofs> proofs; // of the last localModules()
  CacheUse cacheUse = CacheUse::Off;

  Implementation(DriverOptions options, diag::Engine &engine) : options(std::move(options)), engine(engine) {}

  const ast::Program *check();
  OwningOpRef<ModuleOp> lower();
  bool run(ModuleOp module, Stage first, Stage last, const RankClass &ranks = {});
  bool hasStage(Stage stage);
  std::optional<std::vector<Local>> localModules(Stage last, rt::RankClasses &classes,
                                                 explain::Facts *facts = nullptr);
  std::optional<std::vector<explain::CollectiveFacts>> collectivesWithout(const explain::Edits &edits,
                                                                          ModuleOp program);
  void tryHints(explain::Facts &facts);
  bool holdsAssertions(const std::vector<Local> &locals, const explain::Facts &facts);
  void settleRegions();
  bool isEquivalent(const ast::Tactic &assertion);
  bool isEquivalentUnder(const ast::Tactic &assertion, Implementation &other);
  explain::ProofFacts proof() const { return proofs ? proofs->facts() : explain::ProofFacts(); }
  std::optional<Planned> plan(OwningOpRef<ModuleOp> &module);
  std::optional<codegen::Target> target();
  std::string originOf(const codegen::Target &target) const;
  rt::ArtefactFacts facts(const codegen::Target &target) const;
  PipelineOptions pipelineOptions(const RankClass &ranks) const;
};

const ast::Program *Driver::Implementation::check() {
  if (checked)
    return program.get();
  checked = true;
  sema::Options semaOptions;
  semaOptions.sets.assign(options.sets.begin(), options.sets.end());
  semaOptions.plan = options.plan;
  semaOptions.planAt = planAt;
  semaOptions.mesh.assign(options.mesh.begin(), options.mesh.end());
  semaOptions.libraryPlans = options.libraryPlans;
  semaOptions.stdlib = options.stdlib.empty() ? standardLibrary() : options.stdlib;
  program = sema::checkFile(options.file, semaOptions, engine);
  return program.get();
}

// As if these stood last in the plan.
static void addOverlap(ModuleOp module, const std::vector<std::string> &ways) {
  dist::PlanOp plan = planOf(module);
  if (!plan)
    return;
  OpBuilder builder = OpBuilder::atBlockEnd(&plan.getBody().front());
  for (StringRef way : ways) {
    bool never = way.consume_front("no-");
    dist::OverlapOp::create(builder, plan.getLoc(), builder.getStrArrayAttr(way), never);
  }
}

// E742 where it is none.
static std::optional<std::string> deviceText(const std::string &given, diag::Engine &engine) {
  std::string found;
  if (std::optional<cost::Device> device = cost::parseDevice(given, found))
    return cost::toString(*device);
  engine
      .error("E742", {},
             "a device is what a rank computes with, in operations, bytes and seconds, found '" + found + "'")
      .suggest("f32=2e11,f64=1e11,bf16=4e11,bandwidth=8e9,launch=1e-6, some of these, or measure");
  return std::nullopt;
}

OwningOpRef<ModuleOp> Driver::Implementation::lower() {
  if (!check())
    return nullptr;
  std::optional<std::string> device;
  if (!options.device.empty() && !(device = deviceText(options.device, engine)))
    return nullptr;
  proofs.reset(); // of modules of the context there was
  if (!isHeldAgainst)
    context = makeContext();
  lower::Options lowerOptions;
  lowerOptions.entries = options.entries;
  lowerOptions.manualRegions = manualRegions;
  OwningOpRef<ModuleOp> module = lower::lower(*program, *context, lowerOptions);
  if (module && !options.overlap.empty())
    addOverlap(*module, options.overlap);
  if (module && device)
    (*module)->setAttr(comm::kDeviceAttr, StringAttr::get(context.get(), *device));
  return module;
}

PipelineOptions Driver::Implementation::pipelineOptions(const RankClass &ranks) const {
  PipelineOptions pipeline;
  pipeline.expose = options.expose;
  pipeline.inOrder = options.promote && !options.expose.empty();
  pipeline.verify = options.verifyStages;
  pipeline.promote = options.promote;
  pipeline.jitter = options.jitter;
  pipeline.dumpFolder = options.dumpFolder;
  pipeline.stopAfterTactic = options.stopAfterTactic;
  pipeline.rank = ranks.coordinates;
  if (ranks.number > 0)
    pipeline.dumpSuffix = "-" + std::to_string(ranks.number);
  return pipeline;
}

// Takes the module from the end of the stage before `first` to the end of `last`.
bool Driver::Implementation::run(ModuleOp module, Stage first, Stage last, const RankClass &ranks) {
  DiagnosticsBridge bridge(*context, engine);
  PassManager manager(context.get());
  manager.enableVerifier(options.verifyStages);
  PipelineOptions pipeline = pipelineOptions(ranks);
  bool isSpread = planOf(module) != nullptr;
  for (auto [stage, build] : kStageBuilders)
    if (stage >= first && stage <= last && (isSpread || !isOfPlan(stage)))
      build(manager, pipeline);
  if (succeeded(manager.run(module)))
    return true;
  if (!engine.hasErrors())
    engine.error("E999", {}, "the compiler failed on a program it accepted; please report it");
  return false;
}

// Takes the program to the end of `last`: the whole up to the `dist` stage, behind it the module of each
// class of ranks. `facts`: what there is to see on the way.
std::optional<std::vector<Local>> Driver::Implementation::localModules(Stage last, rt::RankClasses &classes,
                                                                       explain::Facts *facts) {
  std::vector<Local> locals;
  OwningOpRef<ModuleOp> whole = lower();
  if (!whole || !run(*whole, Stage::Model, std::min(last, Stage::Grad)))
    return std::nullopt;
  if (options.prove && planOf(*whole) && (last >= Stage::Memory || isHeldAgainst))
    proofs.emplace(*whole);
  if (last >= Stage::Dist && !run(*whole, Stage::Dist, Stage::Dist))
    return std::nullopt;
  if (facts)
    collectLayouts(*facts, *whole);
  std::vector<RankClass> ranks(1);
  if (planOf(*whole) && last > Stage::Dist) {
    DiagnosticsBridge bridge(*context, engine);
    std::optional<std::vector<RankClass>> found = rankClassesOf(*whole, classes.classOf);
    if (!found)
      return std::nullopt;
    ranks = std::move(*found);
  }
  prove::Meetings meetings;
  for (RankClass &each : ranks) {
    bool isLast = each.number + 1 == ranks.size();
    locals.push_back({each, isLast ? std::move(whole) : OwningOpRef<ModuleOp>(whole->clone())});
    ModuleOp local = *locals.back().module;
    if (last > Stage::Dist && !run(local, Stage::Comm, Stage::Comm, each))
      return std::nullopt;
    if (proofs && !proofs->accepts(local, engine))
      return std::nullopt;
    if (proofs)
      meetings.add(local);
    if (facts && each.number == 0)
      collectCollectives(*facts, local);
    if (last > Stage::Comm && !run(local, Stage::Sched, last, each))
      return std::nullopt;
    if (facts && last == Stage::Memory)
      addMemory(*facts, locals.back(), classes.classOf);
  }
  DiagnosticsBridge bridge(*context, engine);
  if (failed(meetings.check(classes.classOf)))
    return std::nullopt;
  if (facts)
    facts->proof = proof();
  return locals;
}

bool Driver::Implementation::holdsAssertions(const std::vector<Local> &locals, const explain::Facts &facts) {
  if (!options.assertions)
    return true;
  bool holds = true;
  for (const ast::Tactic &tactic : program->plan ? program->plan->tactics : std::vector<ast::Tactic>())
    if (tactic.kind == ast::Tactic::Kind::AssertEquivalent && options.prove)
      holds &= isEquivalent(tactic);
  DiagnosticsBridge bridge(*context, engine);
  return succeeded(explain::checkAssertions(*locals.front().module, facts)) && holds;
}

// Manual regions that can be shown to be the composites in whose place they stand need no trust.
void Driver::Implementation::settleRegions() {
  if (!proofs || !proofs->facts().isProved || proofs->facts().trusted.empty())
    return;
  diag::Engine apart;
  Implementation plain(options, apart);
  plain.options.dumpFolder.clear();
  plain.manualRegions = false;
  plain.context = context;
  plain.isHeldAgainst = true;
  OwningOpRef<ModuleOp> module = plain.lower();
  if (module && plain.run(*module, Stage::Model, Stage::Grad))
    proofs->compareRegions(*module);
}

// The program under the other plan is compiled as far as it is proved, in the same context.
bool Driver::Implementation::isEquivalent(const ast::Tactic &assertion) {
  const ast::PlanUse &use = assertion.other;
  diag::Engine apart; // its sources outlive what is said of them
  Implementation other(options, apart);
  other.options.assertions = false;
  other.options.dumpFolder.clear();
  other.options.mesh.clear();
  for (const ast::MeshAxis &axis : use.mesh.axes)
    if (axis.size > 0)
      other.options.mesh[axis.name] = std::to_string(axis.size);
  other.planAt = {use.location.source->getPath(), use.location.begin};
  other.context = context;
  other.isHeldAgainst = true;
  return isEquivalentUnder(assertion, other);
}

// The same place in a text that another engine has.
static diag::Location sameIn(const diag::Engine &engine, diag::Location at) {
  for (const auto &source : engine.getSources())
    if (at && source->getPath() == at.source->getPath())
      return {source.get(), at.begin, at.end};
  return {};
}

// What a manual region says, and of how many ranks.
static std::string boundaryOf(const ast::Tactic &region, const ast::Plan &plan) {
  std::string text = ast::toString(region, plan.mesh);
  for (const auto *list : {&region.manual.layouts, &region.manual.results})
    for (const ast::Layout &layout : *list)
      for (const ast::DimLayout &dim : layout.dims)
        for (const ast::MeshUse &use : dim.over)
          text += " " + std::to_string(plan.mesh.axes[use.axis].size);
  for (const ast::MeshUse &use : region.manual.over)
    text += " " + std::to_string(plan.mesh.axes[use.axis].size);
  return text;
}

bool Driver::Implementation::isEquivalentUnder(const ast::Tactic &assertion, Implementation &other) {
  std::string name = ast::toString(assertion.other);
  auto refuse = [&](const char *code, const std::string &text) -> diag::Diagnostic & {
    return engine.error(code, assertion.location, text).note(assertion.other.location, "it is declared here");
  };
  static const std::string kRule =
      "plans that are equivalent are both proved to compute what the program says, found ";
  if (!proof().isProved) {
    refuse("E968", kRule + "that this one, " + program->plan->name + ", is not: " + proof().reason);
    return false;
  }
  rt::RankClasses classes;
  bool isCompiled = other.localModules(Stage::Comm, classes).has_value();
  if (!isCompiled) {
    bool isWrong = other.proofs && !other.proof().isProved && other.proof().reason.empty();
    diag::Diagnostic &error =
        isWrong
            ? refuse("E968", kRule + "that " + name + " computes something else")
            : refuse("E967",
                     "plans that are equivalent are both plans for the program, found errors under " + name);
    for (const auto &cause : other.engine.getDiagnostics())
      if (cause->severity == diag::Severity::Error) {
        error.note(sameIn(engine, cause->location), cause->code + ": " + cause->message);
        break;
      }
    return false;
  }
  if (!other.proof().isProved) {
    refuse("E968", kRule + "that " + name + " is not: " + other.proof().reason);
    return false;
  }
  std::optional<std::string> value = proofs->difference(*other.proofs);
  if (!value)
    return true;
  diag::Diagnostic &error = refuse("E969", "plans that are equivalent compute the same, found another '" +
                                               *value + "' under " + name);
  auto trustedAlone = [&](const ast::Plan &plan, const ast::Plan &beside) {
    std::vector<const ast::Tactic *> found;
    for (const ast::Tactic &tactic : plan.tactics) {
      auto isThis = [&](const ast::Tactic &region) {
        return !region.manual.instances.empty() && boundaryOf(region, beside) == boundaryOf(tactic, plan);
      };
      if (!tactic.manual.instances.empty() && llvm::none_of(beside.tactics, isThis))
        found.push_back(&tactic);
    }
    return found;
  };
  for (const ast::Tactic *region : trustedAlone(*program->plan, *other.program->plan))
    error.note(region->location, "the function of this region is trusted here, and not under " + name);
  for (const ast::Tactic *region : trustedAlone(*other.program->plan, *program->plan))
    error.note(sameIn(engine, region->location), "the function of this region is trusted under " + name);
  return false;
}

// What is left to send of a program, at the end of the `grad` stage, once its plan is edited.
std::optional<std::vector<explain::CollectiveFacts>>
Driver::Implementation::collectivesWithout(const explain::Edits &edits, ModuleOp program) {
  OwningOpRef<ModuleOp> whole = program.clone();
  explain::leaveOut(planOf(*whole), edits);
  if (!run(*whole, Stage::Dist, Stage::Dist))
    return std::nullopt;
  DiagnosticsBridge bridge(*context, engine);
  std::vector<uint32_t> classOf;
  std::optional<std::vector<RankClass>> ranks = rankClassesOf(*whole, classOf);
  if (!ranks || !run(*whole, Stage::Comm, Stage::Comm, ranks->front()))
    return std::nullopt;
  return explain::collectCollectives(*whole);
}

// Hints are made, one by one: in a compilation of its own, whose diagnostics nobody sees.
void Driver::Implementation::tryHints(explain::Facts &facts) {
  diag::Engine silent;
  Implementation trial(options, silent);
  trial.options.verifyStages = false;
  OwningOpRef<ModuleOp> module = trial.lower();
  if (!module || !planOf(*module) || !trial.run(*module, Stage::Model, Stage::Grad))
    return;
  explain::settleHints(facts.collectives, planOf(*module),
                       [&](const explain::Edits &edits) { return trial.collectivesWithout(edits, *module); });
}

std::optional<explain::Facts> Driver::explain(const std::string &entry, bool hints) {
  explain::Facts facts;
  rt::RankClasses classes;
  std::optional<std::vector<Local>> locals = implementation->localModules(Stage::Memory, classes, &facts);
  if (!locals)
    return std::nullopt;
  implementation->settleRegions();
  facts.proof = implementation->proof();
  implementation->holdsAssertions(*locals, facts);
  facts.keep(entry);
  explain::collectStep(*locals->front().module, entry, facts);
  if (hints)
    implementation->tryHints(facts);
  return facts;
}

bool Driver::accepts() {
  rt::RankClasses classes;
  return implementation->localModules(Stage::Comm, classes).has_value();
}

std::optional<int64_t> Driver::largestSum() {
  Implementation &self = *implementation;
  OwningOpRef<ModuleOp> module = self.lower();
  if (!module || !self.run(*module, Stage::Model, Stage::Grad))
    return std::nullopt;
  return cleave::largestSum(*module);
}

// One module after the other, each with what ranks it is for.
static std::string textOf(const std::vector<Local> &locals) {
  std::string text;
  for (const Local &local : locals) {
    if (locals.size() > 1)
      text += (local.ranks.number ? "\n// -----\n\n" : "") + std::string("// class ") +
              std::to_string(local.ranks.number) + ": " + std::to_string(local.ranks.count) + " ranks\n";
    text += textOf(*local.module);
  }
  return text;
}

// E912 for a stage that the program does not have.
bool Driver::Implementation::hasStage(Stage stage) {
  if (!isOfPlan(stage) || !options.plan.empty())
    return true;
  engine.error("E912", {},
               "the stage '" + stageNames()[static_cast<size_t>(stage)] +
                   "' is that of a program under a plan, found no --plan");
  return false;
}

std::optional<std::string> Driver::ir(Stage stage) {
  Implementation &self = *implementation;
  const ast::Program *program = check();
  if (!program || !self.hasStage(stage))
    return std::nullopt;
  if (stage == Stage::Ast)
    return ast::print(*program);
  if (stage == Stage::Exec) {
    std::optional<Planned> planned = plan();
    if (!planned)
      return std::nullopt;
    std::string text = rt::printProgram(planned->program);
    for (const rt::Program &other : planned->classes.others)
      text += "\n" + rt::printProgram(other);
    return text;
  }
  if (stage <= Stage::Memory) {
    rt::RankClasses classes;
    std::optional<std::vector<Local>> locals = self.localModules(stage, classes);
    return locals ? std::optional(textOf(*locals)) : std::nullopt;
  }
  std::optional<codegen::Target> target = self.target();
  OwningOpRef<ModuleOp> module;
  Stage last = stage == Stage::Asm ? Stage::Kernels : stage;
  if (!target || !self.plan(module))
    return std::nullopt;
  target->attachTo(*module);
  if (!self.run(*module, Stage::Loops, last))
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

// Leaves the module, at the memory stage, from which code is generated: the first class's, with all kernels.
std::optional<Driver::Planned> Driver::Implementation::plan(OwningOpRef<ModuleOp> &module) {
  Planned planned;
  explain::Facts seen;
  std::optional<std::vector<Local>> locals =
      localModules(Stage::Memory, planned.classes, options.plan.empty() ? nullptr : &seen);
  if (!locals || !holdsAssertions(*locals, seen))
    return std::nullopt;
  planned.proof = proof();
  std::optional<convert::SharedKernels> kernels;
  for (Local &local : *locals) {
    rt::Program encoded = convert::encodeProgram(*local.module);
    encoded.weights = encodeWeights(*program);
    if (!module) {
      planned.program = std::move(encoded);
      module = std::move(local.module);
      continue;
    }
    if (!kernels)
      kernels.emplace(*module);
    kernels->add(*local.module, encoded);
    planned.classes.others.push_back(std::move(encoded));
  }
  std::string fault = rt::faultOfClasses(planned.program, planned.classes);
  if (fault.empty())
    return planned;
  engine.error("E999", {}, "ranks must meet in the same collectives; please report this: " + fault);
  return std::nullopt;
}

std::optional<Driver::Planned> Driver::plan() {
  OwningOpRef<ModuleOp> module;
  std::optional<Planned> planned = implementation->plan(module);
  if (!planned)
    return std::nullopt;
  implementation->settleRegions();
  planned->proof = implementation->proof();
  return planned;
}

rt::ArtefactFacts Driver::Implementation::facts(const codegen::Target &target) const {
  rt::ArtefactFacts facts;
  facts.name = std::filesystem::path(options.file).stem().string();
  facts.compiler = CLEAVE_VERSION;
  facts.origin = originOf(target);
  facts.target = target.name;
  facts.features = target.features;
  for (const ast::Axis *axis : program->axes)
    facts.axes.emplace_back(axis->name, axis->size);
  for (const ast::Hyper &hyper : program->hypers)
    facts.hypers.emplace_back(hyper.name, hyper.value
                                              ? literalText(*hyper.value)
                                              : "\"" + std::string(ast::nameOf(hyper.element)) + "\"");
  return facts;
}

std::optional<codegen::Target> Driver::Implementation::target() {
  std::optional<codegen::Target> target = codegen::Target::named(options.target);
  if (!target)
    engine.error("E810", {},
                 "a target must be one of " + rt::listText(targetNames(), 9) + ", found '" + options.target +
                     "'");
  return target;
}

// Names what build() makes: of the same sources for the same target the same compiler makes the same code.
std::string Driver::Implementation::originOf(const codegen::Target &target) const {
  llvm::SHA256 hash;
  auto add = [&](const std::string &text) { hash.update(std::to_string(text.size()) + ":" + text); };
  auto addAll = [&](const std::vector<std::string> &texts) {
    add(std::to_string(texts.size()));
    llvm::for_each(texts, add);
  };
  add(buildId());
  add(std::to_string(rt::kArtefactVersion));
  add(target.name);
  addAll(target.features);
  add(target.tune);
  add(options.file);
  for (const auto &source : engine.getSources()) {
    add(source->getPath());
    add(source->getText());
  }
  add(std::to_string(options.sets.size()));
  for (const auto &[name, value] : options.sets) {
    add(name);
    add(value);
  }
  add(options.plan);
  add(program && program->plan ? program->plan->hash : "");
  addAll(options.overlap);
  add(options.device);
  addAll(options.entries);
  addAll(options.expose);
  add(options.verifyStages ? "checked" : ""); // who wants the stages checked finds only what passed
  add(options.jitter ? "jitter" : options.promote ? "promote" : "");
  std::array<uint8_t, 32> digest = hash.final();
  return llvm::toHex(digest, /*LowerCase=*/true);
}

std::optional<rt::ArtefactContents> Driver::build() {
  Implementation &self = *implementation;
  std::optional<codegen::Target> target = self.target();
  if (!target)
    return std::nullopt;
  OwningOpRef<ModuleOp> module;
  giveBackCompilerMemory(); // linking read the tables of symbols of shared libraries
  std::optional<Planned> planned = self.plan(module);
  if (!planned)
    return std::nullopt;
  target->attachTo(*module);
  if (!self.run(*module, Stage::Loops, Stage::Kernels))
    return std::nullopt;
  giveBackCompilerMemory(); // what comes now is other code of the libraries
  DiagnosticsBridge bridge(*self.context, self.engine);
  llvm::Expected<rt::CodeImage> code = codegen::emitImage(*module);
  if (!code) {
    self.engine.error("E999", {}, "native code could not be made: " + llvm::toString(code.takeError()));
    return std::nullopt;
  }
  updateKernels(planned->program, *module);
  for (rt::Program &other : planned->classes.others)
    updateKernels(other, *module);
  return rt::ArtefactContents{self.facts(*target), std::move(planned->program), std::move(*code),
                              std::move(planned->classes)};
}

std::optional<rt::Artefact> Driver::compile(std::string *bytes) {
  Implementation &self = *implementation;
  bool caches = !self.options.cacheFolder.empty();
  Cache cache(self.options.cacheFolder);
  std::optional<codegen::Target> target = self.target();
  if (!target || !self.check())
    return std::nullopt;
  self.cacheUse = CacheUse::Off;
  if (caches) {
    bool damaged;
    std::optional<rt::Artefact> kept = cache.load(self.originOf(*target), damaged, bytes);
    self.cacheUse = kept ? CacheUse::Hit : damaged ? CacheUse::Replaced : CacheUse::Miss;
    if (kept)
      return kept;
  }
  std::optional<rt::ArtefactContents> contents = build();
  if (!contents)
    return std::nullopt;
  std::string encoded = caches || bytes ? rt::encodeArtefact(*contents) : "";
  if (caches)
    cache.store(contents->facts.origin, encoded);
  if (bytes)
    *bytes = std::move(encoded);
  implementation->proofs.reset();
  implementation->context.reset();
  giveBackCompilerMemory();
  rt::Result<rt::Artefact> loaded = rt::loadContents(std::move(*contents), implementation->options.file);
  if (loaded)
    return std::move(*loaded);
  implementation->engine.error(loaded.error().code, {}, loaded.error().message);
  return std::nullopt;
}

CacheUse Driver::cacheUse() const { return implementation->cacheUse; }

std::string Driver::settings() const {
  const DriverOptions &options = implementation->options;
  std::string text;
  for (const auto &[name, value] : options.sets)
    text += name + "=" + value + " ";
  text += options.plan;
  for (const auto &[name, value] : options.mesh)
    text += " " + name + "=" + value;
  return text;
}

void Driver::select(std::vector<std::string> entries, std::vector<std::string> expose) {
  implementation->options.entries = std::move(entries);
  implementation->options.expose = std::move(expose);
}

Driver::Driver(DriverOptions options, diag::Engine &engine)
    : implementation(std::make_unique<Implementation>(std::move(options), engine)) {}
Driver::~Driver() = default;

} // namespace cleave
