// The state of one run of the front end: modules, axes, instances. Seen by lang/sema and
// lang/index only.
#ifndef CLEAVE_LANG_SEMA_SEMA_H
#define CLEAVE_LANG_SEMA_SEMA_H

#include "lang/sema/Check.h"
#include "lang/sema/Symbols.h"

#include <deque>
#include <set>

namespace cleave::sema {

class PlanNames;

// Every name that a walk bound. Those of a generic definition come first as it was checked on its own, then
// once per instance.
struct Facts {
  std::vector<const ast::Value *> values;
  std::vector<const ast::IndexVariable *> variables;
};

class Sema {
public:
  Sema(const Options &options, diag::Engine &engine, ast::Program &program)
      : options(options), engine(engine), program(program) {}

  // Loads, checks and elaborates everything. Errors are in the engine.
  void run(const std::string &path, std::string text);

  // --- Modules (Loader.cpp)
  bool loadMain(const std::string &path, std::string text);
  // The symbol at the end of a dotted path seen from `module`, or null with nothing reported. `failed` gets
  // the part that was not found and `scope` the module it was looked up in.
  const Symbol *lookup(const Module &module, const syntax::Path &path, size_t &failed, const Module *&scope);
  // The same, reporting E101 with a suggestion among `alsoKnown` and the module's names.
  const Symbol *require(const Module &module, const syntax::Path &path, const char *what,
                        const std::vector<std::string> &alsoKnown = {});

  // --- Sizes (Sizes.cpp)
  void applySets();
  // The axis in this environment; null when its size could not be found (reported).
  const SemaAxis *axisOf(const AxisSymbol &symbol, AxisEnvironment &environment);
  const ast::Literal *hyperOf(HyperSymbol &symbol);
  // Of a hyper that is a type; Poison when it is none (reported).
  ast::ElementType elementOf(HyperSymbol &symbol);
  std::optional<int64_t> evaluateSize(const syntax::Expr &e, Module &module, AxisEnvironment &environment,
                                      std::vector<const SemaAxis *> &mentions);
  // The n-th stand-in for an axis that would stand twice in one type.
  const SemaAxis *aliasOf(const ast::Axis *axis, unsigned ordinal);
  // The block of an axis that one rank has, and the ranks along a mesh axis: one object each.
  const SemaAxis *blockAxis(const ast::Axis *axis, const std::vector<ast::MeshUse> &over, int64_t parts,
                            const ast::Mesh &mesh);
  const SemaAxis *ranksAxis(const ast::MeshUse &use, const ast::Mesh &mesh);
  // Binds generics that are computed from others; false (reported) where one has no size.
  bool deriveGenerics(const Definition &definition, Bindings &bindings);
  AxisEnvironment &newEnvironment(const AxisEnvironment *base);
  void resolveData(DataSymbol &data);

  // --- Instances (Instances.cpp)
  void checkDefinition(Definition &definition);
  // Null when the definition is broken or recursive (reported).
  const ast::Function *instantiateFunction(Definition &definition, const Bindings &bindings,
                                           AxisEnvironment &environment, Location call);
  LayerInfo *instantiateLayer(Definition &definition, const Bindings &bindings, AxisEnvironment &environment,
                              Location call);
  void elaborateEntry(Definition &definition);
  void elaborateUncalled(Definition &definition);
  bool mayInstantiate(Definition &definition, Location call);
  void findRecursion();

  // --- Objects (Objects.cpp)
  ast::LayerObject *objectOf(InstanceSymbol &instance, LayerInfo *info, Location call);
  // An object of `info` under `path`; `stack` are the axes of the repeats around it.
  ast::LayerObject *makeObject(LayerInfo *info, const std::string &path, std::vector<const ast::Axis *> stack,
                               ast::State::Kind parameterKind, Location location);
  // The object that owns the states of `optimiser` for one parameter.
  // `mapped`: how many leading axes of the parameter the optimiser is applied along, once per place.
  ast::LayerObject *optimiserObject(LayerInfo *optimiser, const ast::State *parameter, unsigned mapped,
                                    Location location);
  // Whether two instances of one layer own the same states, so that one object serves both.
  bool sameStates(const LayerInfo *a, const LayerInfo *b, std::string &difference);
  // Makes the children of `object` that `info` calls and an earlier call did not.
  void completeObject(ast::LayerObject *object, LayerInfo *info, std::vector<const ast::Axis *> stack);
  const ast::Comprehension *stackedInitialiser(const ast::Comprehension *own,
                                               const std::vector<const ast::Axis *> &stack);
  ast::State *stateOf(StateSymbol &symbol);

  // --- Weights (Weights.cpp)
  void resolveWeights(const WeightsSymbol &symbol);

  // --- Plans (Plans.cpp, PlanSearch.cpp)
  // The plan that the command line names, or null (reported).
  const PlanSymbol *findPlan(const std::string &text);
  void resolvePlans();
  // The module of the standard library that has the default links; null when there is none.
  const Module *linkModule();
  const PlanNames &planNames();

  // --- Diagnostics
  // Adds the calls that led here; an error met again in another instance is reported once.
  diag::Diagnostic &error(const std::string &code, Location at, std::string message);

  template <typename T> T *make(Location at) {
    T *node = program.own(new T());
    node->location = at;
    return node;
  }
  ast::Value *makeValue(ast::Value::Kind kind, std::string_view name, ast::Type type, Location at) {
    ast::Value *value = program.own(new ast::Value());
    value->kind = kind;
    value->name = name;
    value->type = std::move(type);
    value->location = at;
    if (facts)
      facts->values.push_back(value);
    return value;
  }
  SemaAxis *makeAxis(std::string name, int64_t size, Location at);

  const Options &options;
  diag::Engine &engine;
  ast::Program &program;
  Facts *facts = nullptr; // filled when somebody asks
  std::deque<Module> modules;
  Module *mainModule = nullptr;
  std::vector<AxisSymbol *> axisOrder;
  std::vector<HyperSymbol *> hyperOrder;
  std::vector<Definition *> definitionOrder;
  std::vector<DataSymbol *> dataOrder;
  std::vector<InstanceSymbol *> instanceOrder;
  std::vector<StateSymbol *> stateOrder;
  std::deque<PlanSymbol> plans; // of every module, in order of declaration
  const PlanSymbol *selectedPlan = nullptr;
  bool silent = false;                  // errors go nowhere
  const Module *defaultLinks = nullptr; // what linkModule() found
  AxisEnvironment *baseEnvironment = nullptr;

private:
  // Bounds the recursion over axes and hypers that are computed from each other; false when reported.
  bool enterChain(const std::string &name, const syntax::Expr *value, Location at);
  void leaveChain(const syntax::Expr *value);
  unsigned chain = 0; // operators, and as many again per declaration
  // A file is missing or has syntax errors: looking up names would only repeat that.
  bool loadFailed = false;
  friend class InstanceFrame;
  Module *loadModule(const syntax::Item &item, Module &importer);
  Module *loadFolderOrFile(const std::string &base, const std::string &name, Location at);
  bool loadFile(Module &module, const std::string &path, Location at);
  std::unique_ptr<syntax::File> parse(const diag::Source &source);
  void declare(Module &module, syntax::File &file);
  void declareItem(Module &module, syntax::Item &item);
  void declareImport(Module &module, const syntax::Item &item);
  void declareAxes(Module &module, const syntax::Item &item);
  void declareHypers(Module &module, const syntax::Item &item);
  void declareStates(Module &module, const syntax::Item &item);
  void declareInstances(Module &module, const syntax::Item &item);
  void addSymbol(Module &module, const syntax::Name &name, Symbol symbol);
  const PlanSymbol *findPlanInFile(const std::string &file, const std::string &name);
  void resolveInstances();
  std::string keyOf(const Bindings &bindings, const AxisEnvironment &environment) const;
  void finish();
  void countStates();

  struct Frame {
    Definition *definition;
    Location call;
  };
  std::vector<Frame> frames; // instances being elaborated, outermost first
  std::set<std::tuple<const diag::Source *, uint32_t, std::string, std::string>> reported;
  diag::Diagnostic swallowed; // what a repeated error is written to
  std::deque<AxisSymbol> axes;
  std::deque<HyperSymbol> hypers;
  std::deque<DataSymbol> datas;
  std::deque<InstanceSymbol> instances;
  std::deque<StateSymbol> fileStates;
  std::deque<WeightsSymbol> weights;
  std::deque<LinkSymbol> links;
  std::deque<MeshSymbol> meshes;
  std::shared_ptr<PlanNames> names;
  std::deque<Definition> definitions;
  std::deque<AxisEnvironment> environments;
  std::deque<LayerInfo> layerInfos;
  std::map<std::pair<const ast::Axis *, unsigned>, const SemaAxis *> aliases;
  std::map<std::pair<const ast::Axis *, std::vector<unsigned>>, const SemaAxis *> blocks;
  std::map<unsigned, const SemaAxis *> ranks;
  std::map<std::tuple<const Definition *, size_t, int64_t>, const SemaAxis *> derived;
  std::map<std::pair<const ast::State *, const Definition *>, ast::LayerObject *> optimisers;
  std::vector<const ast::State *> parameterStates, bufferStates, optimiserStates;
};

} // namespace cleave::sema

#endif
