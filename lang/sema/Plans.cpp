// Plans as a whole: what they extend, what they are for, their mesh.
#include "lang/sema/Plans.h"
#include "lang/ast/Sha256.h"
#include "lang/sema/Numbers.h"

#include <algorithm>

namespace cleave::sema {

// More ranks than any machine has; products of sizes stay far from overflow.
static constexpr int64_t kMostRanks = int64_t(1) << 30;

diag::Diagnostic &PlanResolver::error(const std::string &code, Location at, std::string message) {
  failed = true;
  diag::Diagnostic &d = sema.error(code, at, std::move(message));
  // What is wrong in a plan that this one extends may be wrong because of this one.
  if (current && current != &symbol)
    d.note(symbol.item->name.location, "in plan " + symbol.name + ", which extends it");
  return d;
}

//===-- What it extends and is for ----------------------------------------===//

const PlanSymbol *PlanResolver::baseOf(const PlanSymbol &of) {
  const syntax::Path &path = of.item->base;
  size_t missing;
  const Module *scope;
  const Symbol *found = sema.lookup(*of.module, path, missing, scope);
  if (!found)
    found = sema.require(*of.module, path, "a plan");
  if (!found) {
    failed = true;
    return nullptr;
  }
  if (found->kind != Symbol::Kind::Plan)
    error("E901", path.location, "a plan extends a plan, found " + path.str() + ", " + describe(found->kind))
        .note(found->location, "it is declared here");
  return found->plan;
}

// From the first of them in the text, so that it is one error for all.
void PlanResolver::reportCircle(std::vector<const PlanSymbol *> circle) {
  auto first = std::min_element(circle.begin(), circle.end(), [](const PlanSymbol *a, const PlanSymbol *b) {
    return a->item->location.begin < b->item->location.begin;
  });
  std::rotate(circle.begin(), first, circle.end());
  std::string text;
  for (const PlanSymbol *one : circle)
    text += one->name + " -> ";
  error("E901", circle.front()->item->base.location,
        "plans do not extend each other in a circle, found " + text + circle.front()->name);
}

bool PlanResolver::collectChain() {
  for (const PlanSymbol *at = &symbol; at; at = at->item->base.parts.empty() ? nullptr : baseOf(*at)) {
    auto known = std::find(chain.begin(), chain.end(), at);
    if (known != chain.end()) {
      reportCircle({known, chain.end()});
      return false;
    }
    chain.push_back(at);
  }
  std::reverse(chain.begin(), chain.end());
  return !failed;
}

// The nearest `for` holds.
void PlanResolver::resolveTarget() {
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
    const syntax::Path &path = (*at)->item->path;
    if (path.parts.empty())
      continue;
    plan->isForAny = path.str() == "any";
    if (plan->isForAny)
      return;
    current = *at;
    size_t missing;
    const Module *scope;
    const Symbol *found = sema.lookup(*(*at)->module, path, missing, scope);
    if (!found)
      found = sema.require(*sema.mainModule, path, "a layer instance or an entry");
    failed |= !found;
    if (!found)
      return;
    plan->isForEntry = found->kind == Symbol::Kind::Entry;
    plan->target = found->kind == Symbol::Kind::Instance ? found->instance->name : path.str();
    if (!plan->isForEntry && found->kind != Symbol::Kind::Instance)
      error("E901", path.location,
            "a plan is for a layer instance, an entry or any program, found " + path.str() + ", " +
                describe(found->kind))
          .note(found->location, "it is declared here")
          .suggest(found->kind == Symbol::Kind::Layer
                       ? "name what owns the parameters: layer x = " + path.str()
                       : "");
    return;
  }
}

//===-- The mesh ----------------------------------------------------------===//

const Module *Sema::linkModule() {
  if (!defaultLinks && !options.stdlib.empty())
    defaultLinks = loadFolderOrFile(options.stdlib, "targets", {});
  return defaultLinks;
}

static void readLink(Sema &sema, LinkSymbol &symbol, ast::Link &link, bool &fine) {
  static const char *const names[] = {"bandwidth", "latency", "domain"};
  bool given[3] = {};
  auto refuse = [&](Location at, const std::string &found) {
    sema.error("E903", at,
               "a link has a bandwidth in bytes per second, a latency in seconds and a domain that fails as "
               "one, "
               "found " +
                   found)
        .suggest("link nvlink(bandwidth: 450e9, latency: 2e-6, domain: \"node\")");
    fine = false;
  };
  for (const syntax::Argument &a : symbol.item->arguments) {
    size_t which = std::find(names, names + 3, a.name.text) - names;
    if (which == 3 || given[which]) {
      refuse(a.value->location, a.name.empty()
                                    ? "an argument without a name"
                                    : (which == 3 ? "'" : "a second '") + std::string(a.name.text) + "'");
      continue;
    }
    given[which] = true;
    bool isText = a.value->kind == syntax::Expr::Kind::String;
    bool isNumber =
        a.value->kind == syntax::Expr::Kind::Float || a.value->kind == syntax::Expr::Kind::Integer;
    std::optional<double> value = isNumber ? parseFloat(a.value->text) : std::nullopt;
    if (which == 2 ? !isText : !value || *value < 0 || (which == 0 && *value == 0)) {
      refuse(a.value->location, std::string(names[which]) + " as another expression");
      continue;
    }
    if (which == 2)
      link.domain = a.value->text.substr(1, a.value->text.size() - 2);
    else
      (which == 0 ? link.bandwidth : link.latency) = *value;
  }
  for (size_t i = 0; i < 3; ++i)
    if (!given[i] && fine)
      refuse(symbol.item->name.location, std::string("no ") + names[i]);
}

const ast::Link *PlanResolver::linkOf(const syntax::Path &path, const Module &module) {
  size_t missing;
  const Module *scope;
  const Symbol *found = sema.lookup(module, path, missing, scope);
  const Module *defaults = found && found->kind == Symbol::Kind::Link ? nullptr : sema.linkModule();
  if (defaults && path.parts.size() == 1)
    if (const Symbol *known = defaults->find(path.parts[0].text))
      found = known;
  if (!found || found->kind != Symbol::Kind::Link) {
    std::vector<std::string> names;
    for (const Module *m : {&module, defaults})
      if (m)
        for (const auto &[name, s] : m->symbols)
          if (s.kind == Symbol::Kind::Link)
            names.push_back(name);
    std::string list;
    for (const std::string &name : names)
      list += (list.empty() ? "" : ", ") + name;
    std::string near = diag::nearest(path.str(), names);
    error("E903", path.location,
          "a mesh axis runs over a link that is declared, found " +
              (found ? path.str() + ", " + describe(found->kind) : "unknown '" + path.str() + "'") +
              (list.empty() ? "" : " beside " + list))
        .suggest(near.empty() ? "" : "did you mean '" + near + "'?");
    return nullptr;
  }
  LinkSymbol &link = *found->link;
  if (!link.resolved) {
    link.resolved = true;
    auto *made = sema.make<ast::Link>(link.item->name.location);
    made->name = link.item->name.text;
    bool fine = true;
    readLink(sema, link, *made, fine);
    link.link = fine ? made : nullptr;
  }
  failed |= !link.link;
  return link.link;
}

void PlanResolver::addAxes(const std::vector<syntax::MeshAxis> &axes, Module &module, bool mayAdd) {
  ast::Mesh &mesh = plan->mesh;
  for (size_t i = 0; i < axes.size(); ++i) {
    const syntax::MeshAxis &written = axes[i];
    for (size_t j = 0; j < i; ++j)
      if (axes[j].name.text == written.name.text)
        error("E902", written.name.location,
              "the axes of a mesh have names of their own, found a second '" +
                  std::string(written.name.text) + "'")
            .note(axes[j].name.location, "the first is here");
    auto known = std::find_if(mesh.axes.begin(), mesh.axes.end(),
                              [&](const ast::MeshAxis &a) { return a.name == written.name.text; });
    if (known == mesh.axes.end() && !mayAdd) {
      std::string near = nearMesh(written.name.text);
      error("E902", written.name.location,
            "sizes are given to axes of the mesh " + ast::toString(mesh) + ", found '" +
                std::string(written.name.text) + "'")
          .suggest(near.empty() ? "" : "did you mean '" + near + "'?");
      continue;
    }
    if (known == mesh.axes.end())
      known =
          mesh.axes.insert(mesh.axes.end(), ast::MeshAxis{std::string(written.name.text), 0, nullptr, {}});
    known->location = written.name.location;
    if (!written.link.parts.empty())
      known->link = linkOf(written.link, module);
    if (!written.size)
      continue;
    std::vector<const SemaAxis *> mentions;
    std::optional<int64_t> size = sema.evaluateSize(*written.size, module, *sema.baseEnvironment, mentions);
    failed |= !size;
    known->size = size.value_or(1);
    if (size && *size < 1)
      error("E902", written.size->location,
            "a mesh axis has at least one rank, found " + known->name + " of size " + std::to_string(*size));
  }
}

// The mesh of a plan is that of what it extends, with other sizes and further axes where it says so.
void PlanResolver::addMesh(const PlanSymbol &of) {
  const syntax::PlanMesh &written = of.item->mesh;
  if (!written.written)
    return;
  bool isWhole = of.item->base.parts.empty() || !written.path.parts.empty();
  if (isWhole)
    plan->mesh = {"mesh", {}, written.location};
  if (written.path.parts.empty()) {
    // `plan a = b(dp: 4)` says sizes and nothing else.
    bool isOther = of.item->tactics.empty() && !of.item->base.parts.empty() &&
                   of.item->location.source->getText()[written.location.begin] == '(';
    return addAxes(written.axes, *of.module, !isOther);
  }
  const Symbol *found = sema.require(*of.module, written.path, "a mesh");
  failed |= !found;
  if (found && found->kind != Symbol::Kind::Mesh)
    error("E902", written.path.location,
          "a plan is on a mesh, found " + written.path.str() + ", " + describe(found->kind))
        .note(found->location, "it is declared here");
  if (!found || !found->mesh)
    return;
  plan->mesh.name = found->mesh->name;
  plan->mesh.location = found->mesh->item->location;
  addAxes(found->mesh->item->mesh.axes, *found->mesh->module, true);
  addAxes(written.axes, *of.module, false);
}

// What the command line gives has no place in a file.
void PlanResolver::applyMeshOptions() {
  for (const auto &[name, text] : sema.options.mesh) {
    auto axis = std::find_if(plan->mesh.axes.begin(), plan->mesh.axes.end(),
                             [&, name = name](const ast::MeshAxis &a) { return a.name == name; });
    std::optional<int64_t> size = parseInteger(text);
    if (axis == plan->mesh.axes.end()) {
      std::string near = nearMesh(name);
      error("E902", {},
            "--mesh gives sizes to axes of the plan's mesh " + ast::toString(plan->mesh) + ", found '" +
                name + "'")
          .suggest(near.empty() ? "" : "did you mean '" + near + "'?");
    } else if (!size || *size < 1) {
      error("E902", {}, "--mesh gives " + name + " a size of at least one rank, found '" + text + "'");
    } else {
      axis->size = *size;
    }
  }
}

void PlanResolver::checkMesh() {
  ast::Mesh &mesh = plan->mesh;
  if (mesh.axes.empty()) {
    if (failed) // what it is on is wrong
      return;
    error("E902", symbol.item->name.location, "a plan says which mesh it is on, found none")
        .suggest("plan " + std::string(symbol.item->name.text) + " on mesh(dp: 2) { ... }");
    return;
  }
  int64_t ranks = 1;
  for (ast::MeshAxis &axis : mesh.axes) {
    if (axis.size == 0 && selected)
      error("E902", {},
            "every axis of the selected plan's mesh has a size, found none for " + axis.name + " of " +
                ast::toString(mesh))
          .note(axis.location, "it is declared here")
          .suggest("--mesh " + axis.name + "=2");
    if (axis.size > kMostRanks || (ranks *= std::max<int64_t>(axis.size, 1)) > kMostRanks) {
      error("E902", axis.location, "a mesh has at most 2^30 ranks, found more in " + ast::toString(mesh));
      return;
    }
    if (!axis.link) {
      static const std::string kDefault = "memory";
      syntax::Path path{{{kDefault, axis.location}}, axis.location};
      axis.link = sema.linkModule() ? linkOf(path, *sema.linkModule()) : nullptr;
    }
  }
}

void PlanResolver::resolveMesh() {
  for (const PlanSymbol *of : chain) {
    current = of;
    addMesh(*of);
  }
  current = &symbol;
  if (selected)
    applyMeshOptions();
  checkMesh();
}

ast::Plan *PlanResolver::run() {
  if (!collectChain())
    return nullptr;
  plan = sema.program.own(new ast::Plan());
  plan->name = symbol.name;
  plan->location = symbol.item->name.location;
  resolveTarget();
  resolveMesh();
  if (plan->mesh.axes.empty())
    return nullptr;
  for (const PlanSymbol *of : chain) {
    current = of;
    addTactics(*of);
  }
  current = &symbol;
  if (selected && !failed)
    checkSizes();
  if (failed)
    return nullptr;
  if (plan->mesh.isSized())
    plan->hash = ast::sha256(ast::canonical(*plan));
  return plan;
}

//===-- All of a program --------------------------------------------------===//

const PlanNames &Sema::planNames() {
  if (!names)
    names = std::make_shared<PlanNames>(program);
  return *names;
}

void Sema::resolvePlans() {
  bool knowsNames = !engine.hasErrors();
  if (options.libraryPlans && !options.stdlib.empty())
    loadFolderOrFile(options.stdlib, "plans", {});
  std::vector<const ast::Plan *> others;
  for (size_t i = 0; i < plans.size(); ++i) {
    bool isSelected = &plans[i] == selectedPlan;
    silent = !isSelected && plans[i].module != mainModule;
    const ast::Plan *plan = PlanResolver(*this, plans[i], isSelected, knowsNames).run();
    silent = false;
    if (plan)
      (plans[i].module == mainModule ? program.plans : others).push_back(plan);
    if (isSelected)
      program.plan = plan;
  }
  program.plans.insert(program.plans.end(), others.begin(), others.end());
}

} // namespace cleave::sema
