// Links, meshes and plans. Plans are walked when all else is: a selector may name what a layer further down
// binds.
#include "lang/index/Resolver.h"

namespace cleave::index {

using Item = syntax::Item::Kind;

constexpr unsigned kDeepest = 100; // plans that extend each other in a circle

struct Home {
  const syntax::Item *item = nullptr;
  const sema::Module *module = nullptr;
};

// What a mesh is taken from: the plan that is extended, or the mesh that is named.
static Home innerOf(sema::Sema &sema, const syntax::Item &item, const sema::Module &module) {
  const syntax::Path &inner = item.mesh.path.parts.empty() ? item.base : item.mesh.path;
  size_t failed;
  const sema::Module *scope;
  const sema::Symbol *symbol = inner.parts.empty() ? nullptr : sema.lookup(module, inner, failed, scope);
  if (symbol && symbol->plan)
    return {symbol->plan->item, symbol->plan->module};
  if (symbol && symbol->mesh)
    return {symbol->mesh->item, symbol->mesh->module};
  return {};
}

// The axis as declared: by what the plan extends, else by its mesh.
static const syntax::Name *axisIn(sema::Sema &sema, const syntax::Item &item, const sema::Module &module,
                                  std::string_view name, unsigned depth = 0) {
  const Home home = innerOf(sema, item, module);
  if (home.item && depth < kDeepest)
    if (const syntax::Name *found = axisIn(sema, *home.item, *home.module, name, depth + 1))
      return found;
  for (const syntax::MeshAxis &axis : item.mesh.axes)
    if (axis.name.text == name)
      return &axis.name;
  return nullptr;
}

// The names of all axes of a plan's mesh, in order.
static void collectAxes(sema::Sema &sema, const syntax::Item &item, const sema::Module &module,
                        std::vector<std::string_view> &names, unsigned depth = 0) {
  const Home home = innerOf(sema, item, module);
  if (home.item && depth < kDeepest)
    collectAxes(sema, *home.item, *home.module, names, depth + 1);
  for (const syntax::MeshAxis &axis : item.mesh.axes)
    names.push_back(axis.name.text);
}

Symbol *Resolver::meshAxis(const syntax::Item &item, std::string_view name) {
  const syntax::Name *found = axisIn(sema, item, *module, name);
  if (!found)
    return nullptr;
  Symbol *symbol = declaredAt(found->location);
  return symbol ? symbol : make(Kind::MeshAxis, found->text, found->location, found->location);
}

void Resolver::mesh(const syntax::Item &item) {
  path(item.mesh.path.parts, Where::Type);
  for (const syntax::MeshAxis &axis : item.mesh.axes) {
    use(axis.name, meshAxis(item, axis.name.text));
    expression(axis.size);
    const sema::Module *defaults = axis.link.parts.size() == 1 ? sema.defaultLinks : nullptr;
    const sema::Symbol *known = defaults ? defaults->find(axis.link.parts[0].text) : nullptr;
    if (known && !lookup(axis.link.parts[0].text, Where::Type))
      use(axis.link.parts[0], symbolOf(*known));
    else
      path(axis.link.parts, Where::Type);
  }
}

// An axis of the program's file, whichever file the plan is in.
void Resolver::planAxis(const syntax::Path &written) {
  const sema::Module *own = module;
  module = sema.mainModule;
  Symbol *found = lookupPath(written.parts, Where::Type);
  if (found && found->kind == Kind::Axis)
    path(written.parts, Where::Type);
  else
    for (const syntax::Name &name : written.parts)
      use(name, planIsForAny ? builtin(name.text) : nullptr);
  module = own;
}

void Resolver::meshUses(const syntax::Item &item, const std::vector<syntax::MeshUse> &uses) {
  for (const syntax::MeshUse &one : uses)
    use(one.name, meshAxis(item, one.name.text));
}

// What a layer, or a layer that an object is of, or an entry binds.
Symbol *Resolver::boundIn(const Symbol *symbol, std::string_view name) {
  if (!symbol)
    return nullptr;
  if (symbol->kind == Kind::Instance || symbol->kind == Kind::SubLayer)
    symbol = symbol->target;
  if (symbol && (symbol->kind == Kind::Layer || symbol->kind == Kind::Entry))
    for (const Symbol *member : symbol->members)
      if (member->name == name && member->kind != Kind::Generic)
        return const_cast<Symbol *>(member);
  return nullptr;
}

void Resolver::selector(const syntax::Selector &written, const Symbol *target) {
  const sema::Module *own = module;
  module = sema.mainModule;
  Symbol *at = nullptr;
  for (size_t i = 0; i < written.steps.size(); ++i) {
    const syntax::Name &name = written.steps[i].name;
    expression(written.steps[i].index);
    expression(written.steps[i].end);
    if (name.text == "*") {
      at = nullptr;
      continue;
    }
    Symbol *found = i == 0                           ? boundIn(target, name.text)
                    : at && at->kind == Kind::Module ? memberOf(at, name.text)
                                                     : boundIn(at, name.text);
    if (i == 0 && !found)
      found = lookup(name.text, Where::Type);
    // Bare names of what an entry binds.
    if (i == 0 && !found)
      for (const auto &[text, symbol] : module->symbols)
        if (!found && symbol.kind == sema::Symbol::Kind::Entry)
          found = boundIn(symbolOf(symbol), name.text);
    bool isBehindAny = i > 0 && !at;
    at = use(name, found || !(planIsForAny || isBehindAny) ? found : builtin(name.text));
  }
  module = own;
}

void Resolver::layout(const syntax::Item &item, const syntax::Layout &written) {
  for (const syntax::LayoutDim &dim : written.dims) {
    planAxis(dim.axis);
    meshUses(item, dim.over);
  }
  for (const syntax::Layout::Partial &partial : written.partials) {
    use(partial.combiner, builtin(partial.combiner.text));
    meshUses(item, partial.over);
  }
}

// A layout at a manual region's boundary names axes as the composite's parameters do: its generics, or what
// its module has.
void Resolver::boundary(const syntax::Item &item, const syntax::Layout &written, const Symbol *composite) {
  for (const syntax::LayoutDim &dim : written.dims) {
    Symbol *generic = nullptr;
    if (composite && dim.axis.parts.size() == 1)
      for (const Symbol *member : composite->members)
        if (member->kind == Kind::Generic && member->name == dim.axis.parts[0].text)
          generic = const_cast<Symbol *>(member);
    if (generic)
      use(dim.axis.parts[0], generic);
    else
      planAxis(dim.axis);
    meshUses(item, dim.over);
  }
}

void Resolver::tactic(const syntax::Item &item, const syntax::Tactic &written, const Symbol *target) {
  for (const syntax::Path &axis : written.axes)
    planAxis(axis);
  meshUses(item, written.over);
  for (const syntax::Selector &one : written.selectors)
    selector(one, target);
  for (const syntax::Name &word : written.words)
    use(word, builtin(word.text));
  for (const syntax::Name &word : {written.collective, written.quantity.unit})
    if (!word.empty())
      use(word, builtin(word.text));
  expression(written.count);
  layout(item, written.layout);
  const Symbol *composite = path(written.composite.parts, Where::Base);
  for (const syntax::ManualPort &port : written.ports) {
    Symbol *parameter = nullptr;
    if (composite)
      for (const Symbol *member : composite->members)
        if (member->kind == Kind::Parameter && member->name == port.name.text)
          parameter = const_cast<Symbol *>(member);
    use(port.name, parameter);
    boundary(item, port.layout, composite);
  }
  for (const syntax::Layout &result : written.results)
    boundary(item, result, composite);
  path(written.function.parts, Where::Base);
  equivalent(written);
}

void Resolver::equivalent(const syntax::Tactic &written) {
  path(written.plan.parts, Where::Type);
  size_t failed;
  const sema::Module *scope, *own = module;
  const sema::Symbol *symbol =
      written.plan.parts.empty() ? nullptr : sema.lookup(*module, written.plan, failed, scope);
  const sema::PlanSymbol *plan = symbol ? symbol->plan : nullptr;
  for (const syntax::MeshAxis &axis : written.sizes) {
    if (plan)
      module = plan->module;
    Symbol *found = plan ? meshAxis(*plan->item, axis.name.text) : nullptr;
    module = own;
    use(axis.name, found);
    expression(axis.size);
  }
}

void Resolver::plan(const syntax::Item &item) {
  planIsForAny = item.path.str() == "any";
  const Symbol *target = nullptr;
  if (planIsForAny)
    use(item.path.parts[0], builtin("any"));
  else
    target = path(item.path.parts, Where::Type);
  path(item.base.parts, Where::Type);
  mesh(item);
  // For completion alone: a selector may name what has the name of a mesh axis.
  std::vector<std::string_view> axes;
  collectAxes(sema, item, *module, axes);
  open(item.location.begin, item.location.end);
  for (std::string_view name : axes)
    if (Symbol *symbol = meshAxis(item, name))
      current->scopes.back().names.push_back({item.location.begin, symbol});
  close();
  for (const syntax::Tactic &written : item.tactics)
    tactic(item, written, target);
}

void Resolver::plansOf(const syntax::File &f) {
  current = &index.contents[index.sourcePaths[f.source]];
  owner = nullptr;
  scope = 0;
  for (const syntax::Item *item : f.items)
    if (item->kind == Item::Plan)
      plan(*item);
}

} // namespace cleave::index
