// A plan as written, with what it extends -> ast::Plan. Seen by lang/sema only.
//
// Names are checked in every plan of the program's file, sizes in the selected one alone: a run without a
// plan must not fail because a size given by `--set` does not divide.
#ifndef CLEAVE_LANG_SEMA_PLANS_H
#define CLEAVE_LANG_SEMA_PLANS_H

#include "lang/sema/PlanNames.h"
#include "lang/sema/Sema.h"

namespace cleave::sema {

class PlanResolver {
public:
  // `selected`: the plan that the program is compiled under. `knowsNames`: the model had no errors, so what
  // selectors do not find is not there.
  PlanResolver(Sema &sema, const PlanSymbol &symbol, bool selected, bool knowsNames)
      : sema(sema), symbol(symbol), selected(selected), knowsNames(knowsNames) {}

  // Null when there were errors.
  ast::Plan *run();

private:
  using Kind = syntax::Tactic::Kind;

  //===-- Plans and meshes (Plans.cpp)
  bool collectChain();
  void reportCircle(std::vector<const PlanSymbol *> circle);
  const PlanSymbol *baseOf(const PlanSymbol &plan);
  void resolveTarget();
  void resolveMesh();
  void addMesh(const PlanSymbol &plan);
  void addAxes(const std::vector<syntax::MeshAxis> &axes, Module &module, bool mayAdd);
  void applyMeshOptions();
  void checkMesh();
  const ast::Link *linkOf(const syntax::Path &path, const Module &module);

  //===-- Tactics (PlanTactics.cpp)
  void addTactics(const PlanSymbol &plan);
  void addTactic(const syntax::Tactic &written);
  void shard(const syntax::Tactic &written, ast::Tactic &tactic);
  void store(const syntax::Tactic &written, ast::Tactic &tactic);
  void accumulate(const syntax::Tactic &written, ast::Tactic &tactic);
  void overlap(const syntax::Tactic &written, ast::Tactic &tactic);
  void remainder(const syntax::Tactic &written, ast::Tactic &tactic);
  std::vector<std::string> axesOf(const syntax::Path &path);
  std::vector<ast::MeshUse> meshUses(const std::vector<syntax::MeshUse> &written);
  bool meshUse(const syntax::MeshUse &written, ast::MeshUse &use);
  // Reports a mesh axis that `uses` take twice.
  bool takesOnce(const std::vector<ast::MeshUse> &uses);
  bool overlap(const ast::MeshUse &a, const ast::MeshUse &b) const;
  int64_t sizeOf(const ast::MeshUse &use) const {
    return use.whole ? plan->mesh.axes[use.axis].size : use.size;
  }
  std::string nearMesh(std::string_view name) const;

  //===-- Manual regions (PlanManual.cpp)
  void manual(const syntax::Tactic &written, ast::Tactic &tactic);
  Definition *functionNamed(const syntax::Path &path, const char *what);
  bool standsFor(const syntax::Tactic &written, const Definition &function, const Definition &composite);
  bool readBoundary(const syntax::Layout &written, const syntax::Type &type, const std::string &name,
                    ast::Layout &out);
  bool readBoundaries(const syntax::Tactic &written, const Definition &composite, ast::ManualRegion &manual);
  std::optional<ast::Type> blockOf(const ast::Type &type, const ast::Layout &layout,
                                   const syntax::Tactic &written, bool &whole);
  bool bindLocal(const syntax::Tactic &written, const ast::ManualRegion &manual, Definition &function,
                 const std::vector<const ast::Type *> &blocks, AxisEnvironment &environment,
                 Bindings &bindings);
  bool checkResults(const syntax::Tactic &written, const Definition &function,
                    const std::vector<ast::Type> &expected, ast::ManualRegion::Instance &instance);
  bool instantiate(const syntax::Tactic &written, Definition &function, const Definition &composite,
                   const FunctionUse &use, ast::ManualRegion &manual);

  //===-- Bounds (PlanBounds.cpp)
  void bound(const syntax::Tactic &written, ast::Tactic &tactic);
  void collective(const syntax::Tactic &written, ast::Tactic &tactic);
  void equivalent(const syntax::Tactic &written, ast::Tactic &tactic);
  std::optional<int64_t> limitOf(const syntax::Quantity &written, bool bytes);

  //===-- Selectors and layouts (PlanSelectors.cpp)
  // One way to read a selector.
  struct Reading {
    std::vector<std::string> pattern;
    std::string entry; // only what this one binds
    std::vector<const PlanName *> matches;
  };
  // False where it names nothing (reported). `single`: what has a layout.
  bool select(const syntax::Selector &written, ast::Selection &selection, bool single);
  std::vector<Reading> readingsOf(const std::vector<std::string> &steps) const;
  // The steps with the numbers of layers: "blocks[0..3]". False where these are none (reported).
  bool readSteps(const syntax::Selector &written, std::vector<std::string> &steps);
  bool hasLayers(const syntax::Selector &written, const Reading &reading);
  std::vector<const PlanName *> instancesOf(const syntax::Selector &written) const;
  bool isOneTensor(const syntax::Selector &written, const Reading &reading);
  void reportNothing(const syntax::Selector &written);
  void layout(const syntax::Tactic &written, ast::Tactic &tactic);
  void replicate(const syntax::Tactic &written, ast::Tactic &tactic);
  void residuals(const syntax::Tactic &written, ast::Tactic &tactic);
  bool readLayout(const syntax::Layout &written, ast::Layout &out);
  bool fitLayout(const syntax::Layout &written, const PlanName &name);
  void checkContradictions(const ast::Tactic &tactic);
  bool agree(const ast::DimLayout &a, const ast::DimLayout &b) const;

  //===-- Sizes (PlanSizes.cpp)
  void checkSizes();
  void checkAxis(const ast::Axis &axis, int64_t parts, const std::string &by, const ast::Tactic &tactic);
  std::string policyOf(const std::string &axis) const;
  void checkUse();
  int64_t stepsOver(const std::string &axis) const;
  const ast::Axis *axisNamed(const std::string &name) const;

  diag::Diagnostic &error(const std::string &code, Location at, std::string message);

  Sema &sema;
  const PlanSymbol &symbol;
  bool selected, knowsNames;
  std::vector<const PlanSymbol *> chain; // what is extended first, the plan itself last
  const PlanSymbol *current = nullptr;   // whose tactics are read
  bool currentIsAny = false;
  ast::Plan *plan = nullptr;
  bool failed = false;
  std::vector<ast::Tactic> dropped; // of plans for any program: what this one lacks
};

} // namespace cleave::sema

#endif
