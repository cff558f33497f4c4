#include "lang/sema/Check.h"
#include "lang/sema/Captures.h"
#include "lang/sema/Elaborator.h"
#include "lang/sema/Sema.h"

#include <fstream>
#include <sys/stat.h>

namespace cleave::sema {

constexpr size_t kMostBytes = size_t(16) << 20; // places in a text are 32 bits

// File-level `layer x = Y`: the definition must exist and be a layer.
void Sema::resolveInstances() {
  for (InstanceSymbol *instance : instanceOrder) {
    const syntax::Path &path = instance->item->target.path;
    const Symbol *symbol = require(*instance->module, path, "a layer");
    if (symbol && symbol->kind == Symbol::Kind::Layer)
      instance->definition = symbol->definition;
    else if (symbol)
      error("E106", path.location,
            "a layer is named here, found " + path.str() + ", " + describe(symbol->kind));
    if (instance->definition && !Elaborator::checkInstance(*this, *instance))
      instance->definition = nullptr;
  }
}

void Sema::run(const std::string &path, std::string text) {
  if (!loadMain(path, std::move(text)) || loadFailed)
    return;
  if (!options.plan.empty() && !(selectedPlan = findPlan(options.plan)))
    return;
  if (options.planAt)
    for (const PlanSymbol &plan : plans)
      if (const Location &at = plan.item->name.location;
          at.begin == options.planAt->second && at.source->getPath() == options.planAt->first)
        selectedPlan = &plan;
  ast::Type counter{ast::ElementType::I64, {}, nullptr};
  program.step = makeValue(ast::Value::Kind::Step, "step", counter, {});
  program.seed = makeValue(ast::Value::Kind::Seed, "seed", counter, {});
  baseEnvironment = &newEnvironment(nullptr);
  applySets();
  for (AxisSymbol *axis : axisOrder)
    axisOf(*axis, *baseEnvironment);
  for (HyperSymbol *hyper : hyperOrder)
    hyper->isType() ? void(elementOf(*hyper)) : void(hyperOf(*hyper));
  for (DataSymbol *data : dataOrder)
    resolveData(*data);
  resolveInstances();
  for (Definition *definition : definitionOrder)
    checkDefinition(*definition);
  findRecursion();
  for (StateSymbol *state : stateOrder)
    stateOf(*state);
  for (Definition *definition : definitionOrder)
    if (definition->isEntry() && definition->module == mainModule)
      elaborateEntry(*definition);
  for (Definition *definition : definitionOrder)
    elaborateUncalled(*definition);
  for (const WeightsSymbol &symbol : weights)
    resolveWeights(symbol);
  for (auto *list : {&parameterStates, &bufferStates, &optimiserStates})
    program.states.insert(program.states.end(), list->begin(), list->end());
  resolvePlans();
  if (!engine.hasErrors())
    finish();
}

// Each state fits; together they may not.
void Sema::countStates() {
  int64_t total = 0;
  for (const ast::State *state : program.states) {
    if (fitsMemory(state->type.axes, total))
      continue;
    error("E403", state->location,
          "the bytes of all states together are counted in 62 bits, found more with " + state->path + ": " +
              ast::toString(state->type));
    return;
  }
}

void Sema::finish() {
  countStates();
  collectReachable(program);
  program.sources = engine.getSources();
}

std::unique_ptr<ast::Program> checkText(const std::string &path, std::string text, const Options &options,
                                        diag::Engine &engine) {
  auto program = std::make_unique<ast::Program>();
  program->path = path;
  Sema(options, engine, *program).run(path, std::move(text));
  return engine.hasErrors() ? nullptr : std::move(program);
}

std::unique_ptr<ast::Program> checkFile(const std::string &path, const Options &options,
                                        diag::Engine &engine) {
  struct stat status;
  std::ifstream in(path, std::ios::binary);
  bool folder = stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  if (!in || folder) {
    engine.error("E500", {},
                 "a program is a file that can be read, found " +
                     std::string(folder ? "the folder " : "no readable file ") + "'" + path + "'");
    return nullptr;
  }
  std::string text;
  char block[1 << 14];
  while (text.size() <= kMostBytes && (in.read(block, sizeof(block)), in.gcount() > 0))
    text.append(block, static_cast<size_t>(in.gcount()));
  if (text.size() > kMostBytes) {
    engine.error("E500", {}, "a program is a file of at most 16 MiB, found more in '" + path + "'");
    return nullptr;
  }
  return checkText(path, std::move(text), options, engine);
}

} // namespace cleave::sema
