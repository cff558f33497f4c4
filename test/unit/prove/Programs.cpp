#include "test/unit/prove/Programs.h"

#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/PlanFacts.h"
#include "compiler/prove/Meetings.h"
#include "compiler/prove/Prove.h"
#include "lang/lower/Lower.h"
#include "lang/sema/Check.h"

#include "mlir/IR/Diagnostics.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace mlir;
using namespace cleave;
using namespace cleave::test;

static std::vector<std::pair<std::string, std::string>> pairsOf(const std::string &text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');)
    pairs.emplace_back(word.substr(0, word.find('=')), word.substr(word.find('=') + 1));
  return pairs;
}

std::string cleave::test::planWith(const std::string &plan, const std::string &tactics) {
  std::string path = testing::TempDir() + "proved_" + plan + ".dsl";
  std::ofstream(path) << "import plans\nplan more for any extends plans." << plan << " {\n"
                      << tactics << "\n}\n";
  return path + ":more";
}

static bool run(Compiled &compiled, ModuleOp module, llvm::function_ref<void(OpPassManager &)> build) {
  PassManager manager(compiled.context.get());
  build(manager);
  return succeeded(manager.run(module));
}

std::unique_ptr<Compiled> cleave::test::compile(const ProgramUnderPlan &program) {
  auto compiled = std::make_unique<Compiled>();
  sema::Options options;
  options.plan = program.plan;
  options.mesh = pairsOf(program.mesh);
  options.sets = pairsOf(program.sets);
  options.stdlib = CLEAVE_SOURCE_DIR "/stdlib";
  std::unique_ptr<ast::Program> checked =
      program.text.empty() ? sema::checkFile(program.path, options, compiled->engine)
                           : sema::checkText(program.path, program.text, options, compiled->engine);
  if (!checked)
    return compiled;
  DialectRegistry registry;
  registerDialects(registry);
  compiled->context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  compiled->context->printOpOnDiagnostic(false);
  DiagnosticsBridge bridge(*compiled->context, compiled->engine);
  OwningOpRef<ModuleOp> module = lower::lower(*checked, *compiled->context);
  PipelineOptions pipeline;
  auto grad = [&](OpPassManager &manager) { buildGradStage(manager, pipeline); };
  if (!module || !run(*compiled, *module, grad))
    return compiled;
  compiled->whole = module->clone();
  auto dist = [&](OpPassManager &manager) { buildDistStage(manager, pipeline); };
  if (!run(*compiled, *module, dist))
    return compiled;
  std::optional<std::vector<RankClass>> classes = rankClassesOf(*module, compiled->classOf);
  for (const RankClass &each : classes.value_or(std::vector<RankClass>())) {
    pipeline.rank = each.coordinates;
    OwningOpRef<ModuleOp> local = module->clone();
    if (!run(*compiled, *local, [&](OpPassManager &manager) { buildCommStage(manager, pipeline); })) {
      compiled->locals.clear();
      break;
    }
    compiled->locals.push_back(std::move(local));
  }
  return compiled;
}

bool cleave::test::isCovered(Compiled &compiled) {
  return llvm::all_of(compiled.locals, [](auto &local) { return !prove::Prover::uncovered(*local); });
}

std::string cleave::test::prove(Compiled &compiled) {
  diag::Engine engine;
  for (const auto &source : compiled.engine.getSources())
    engine.addSource(source->getPath(), std::string(source->getText()));
  DiagnosticsBridge bridge(*compiled.context, engine);
  prove::Prover prover(*compiled.whole);
  for (auto &local : compiled.locals)
    if (failed(prover.check(*local)))
      return engine.render();
  prove::Meetings meetings;
  for (auto &local : compiled.locals)
    meetings.add(*local);
  return succeeded(meetings.check(compiled.classOf)) ? "" : engine.render();
}
