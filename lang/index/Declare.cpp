// What modules and definitions declare, before any use is looked up; types and sizes once the checker has
// them.
#include "lang/index/Resolver.h"

#include <algorithm>
#include <filesystem>

namespace cleave::index {

using Kind = Symbol::Kind;

static Kind kindOf(sema::Symbol::Kind kind) {
  static constexpr Kind kinds[] = {Kind::Module, Kind::Axis,     Kind::Hyper, Kind::Data,  Kind::Function,
                                   Kind::Layer,  Kind::Instance, Kind::State, Kind::Entry, Kind::Weights,
                                   Kind::Link,   Kind::Mesh,     Kind::Plan};
  return kinds[static_cast<size_t>(kind)];
}

Symbol *Resolver::make(Kind kind, std::string_view name, Location definition, Location whole) {
  Symbol &symbol = index.symbols.emplace_back();
  symbol.kind = kind;
  symbol.name = name;
  symbol.definition = definition;
  symbol.whole = whole;
  const std::string &path = definition ? index.sourcePaths[definition.source] : stdlib;
  symbol.library = !definition || (!stdlib.empty() && path.rfind(stdlib, 0) == 0);
  if (definition)
    declared[{definition.source, definition.begin}] = &symbol;
  return &symbol;
}

Symbol *Resolver::builtin(std::string_view name) {
  auto [it, fresh] = builtins.try_emplace(std::string(name), nullptr);
  if (fresh)
    it->second = make(Kind::Builtin, name, {}, {});
  return it->second;
}

Symbol *Resolver::declaredAt(Location name) {
  auto it = declared.find({name.source, name.begin});
  return it == declared.end() ? nullptr : it->second;
}

Symbol *Resolver::symbolOf(const sema::Symbol &symbol) { return declaredAt(symbol.location); }

void Resolver::declareModules() {
  for (const std::string &name : sema::builtinNames())
    builtin(name);
  for (const char *name : {"tree", "type", "result", "float", "int", "number"})
    builtin(name);
  for (const sema::Module &m : sema.modules) {
    if (m.files.empty())
      continue;
    const diag::Source *first = m.files.front()->source;
    moduleSymbols[&m] = make(Kind::Module, m.name, {first, 0, 0}, {first, 0, 0});
    declared.erase({first, 0});
  }
  for (const sema::Module &m : sema.modules)
    for (const auto &[name, symbol] : m.symbols) {
      Symbol *made = make(kindOf(symbol.kind), name, symbol.location, symbol.location);
      if (symbol.kind != sema::Symbol::Kind::Module)
        continue;
      modules[made] = symbol.module;
      auto target = moduleSymbols.find(symbol.module);
      made->target = target == moduleSymbols.end() ? nullptr : target->second;
    }
  // Every module's names as members, in order of the text.
  for (auto &[m, symbol] : moduleSymbols) {
    for (const auto &[name, declaration] : m->symbols)
      if (declaration.kind != sema::Symbol::Kind::Module)
        symbol->members.push_back(symbolOf(declaration));
    std::sort(symbol->members.begin(), symbol->members.end(), [&](const Symbol *a, const Symbol *b) {
      return std::tie(index.sourcePaths[a->definition.source], a->definition.begin) <
             std::tie(index.sourcePaths[b->definition.source], b->definition.begin);
    });
  }
  for (const sema::Module &m : sema.modules)
    for (const auto &file : m.files)
      for (const syntax::Item *item : file->items) {
        module = &m;
        if (item->kind == syntax::Item::Kind::Instance)
          for (const syntax::Name &name : item->names)
            if (Symbol *symbol = declaredAt(name.location))
              symbol->target = lookupPath(item->target.path.parts, Where::Type);
        if (Symbol *symbol = item->name.empty() ? nullptr : declaredAt(item->name.location))
          declareBody(*item, *symbol);
      }
}

// The names of a definition that are used from outside of it: by named arguments, and as parameters of
// layers.
void Resolver::declareBody(const syntax::Item &item, Symbol &definition) {
  definition.whole = item.location;
  auto add = [&](const syntax::Name &name, Kind kind, Location whole) {
    Symbol *symbol = declaredAt(name.location);
    if (!symbol)
      symbol = make(kind, name.text, name.location, whole);
    symbol->owner = &definition;
    definition.members.push_back(symbol);
    return symbol;
  };
  for (const syntax::GenericParameter &g : item.generics) {
    Symbol *symbol = add(g.name, Kind::Generic, g.name.location);
    symbol->isPack = g.pack;
    symbol->isAxis = g.constraint.empty() || g.constraint.text == "mesh";
  }
  for (const syntax::Parameter &p : item.parameters)
    add(p.name, Kind::Parameter, p.name.location);
  for (const syntax::Result &r : item.results)
    if (!r.name.empty())
      add(r.name, Kind::Result, r.name.location);
  if (item.kind != syntax::Item::Kind::Layer)
    return;
  using Stmt = syntax::Stmt::Kind;
  for (const syntax::Stmt *s : item.body.statements)
    for (const syntax::Name &name : s->names) {
      if (s->kind == Stmt::Param || s->kind == Stmt::State)
        add(name, s->kind == Stmt::Param ? Kind::Weight : Kind::State, s->location);
      else if (s->kind == Stmt::Layer || s->kind == Stmt::Repeat)
        add(name, Kind::SubLayer, s->location)->target = lookupPath(s->target.path.parts, Where::Type);
    }
}

static std::string sizesOf(const std::vector<const ast::Axis *> &axes) {
  std::string out;
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i]->size > 0 && std::find(axes.begin(), axes.begin() + i, axes[i]) == axes.begin() + i)
      out += (out.empty() ? "" : ", ") + axes[i]->name + " = " + std::to_string(axes[i]->size);
  return out;
}

// "T[...L, In]": the name of a type variable is that of its definition's generic.
static std::string textOf(const ast::Type &type, const Symbol &symbol) {
  std::string out = ast::toString(type);
  if (type.isTree() || type.element < ast::ElementType::FirstVariable)
    return out;
  size_t i = static_cast<size_t>(type.element) - static_cast<size_t>(ast::ElementType::FirstVariable);
  bool known = symbol.owner && i < symbol.owner->members.size();
  return known ? symbol.owner->members[i]->name + out.substr(1) : out;
}

static void addType(Symbol &symbol, const std::string &type, const std::string &sizes) {
  constexpr size_t kMost = 4;
  std::string withSizes = type + (sizes.empty() ? "" : " (" + sizes + ")");
  auto &known = symbol.instances;
  if (symbol.type.empty()) {
    symbol.type = type;
    symbol.sizes = sizes;
  } else if (symbol.type != type && known.size() < kMost &&
             std::find(known.begin(), known.end(), withSizes) == known.end()) {
    known.push_back(withSizes);
  }
}

void Resolver::addTypes(const sema::Facts &facts) {
  for (const ast::Value *value : facts.values) {
    Symbol *symbol = value->name.empty() ? nullptr : declaredAt(value->location);
    const ast::Type &t = value->type;
    if (!symbol || t.element == ast::ElementType::Poison)
      continue;
    addType(*symbol, textOf(t, *symbol), sizesOf(t.axes));
  }
  // A pack's variables come one after the other.
  for (size_t i = 0; i < facts.variables.size();) {
    Location at = facts.variables[i]->location;
    std::vector<const ast::Axis *> axes;
    for (; i < facts.variables.size() && facts.variables[i]->location.source == at.source &&
           facts.variables[i]->location.begin == at.begin;
         ++i)
      axes.push_back(facts.variables[i]->axis);
    Symbol *symbol = declaredAt(at);
    if (!symbol)
      continue;
    std::string text;
    for (const ast::Axis *axis : axes)
      text += (text.empty() ? "" : ", ") + axis->name;
    addType(*symbol, text, sizesOf(axes));
  }
}

void Resolver::addSizes() {
  for (const ast::Plan *plan : sema.program.plans)
    for (const ast::MeshAxis &axis : plan->mesh.axes)
      if (Symbol *symbol = axis.size ? declaredAt(axis.location) : nullptr)
        symbol->sizes = std::to_string(axis.size) + (axis.size == 1 ? " rank" : " ranks") +
                        (axis.link ? " over " + axis.link->name : "");
  for (const sema::Module &m : sema.modules)
    for (const auto &[name, symbol] : m.symbols) {
      Symbol *out = symbolOf(symbol);
      if (symbol.axis && sema.baseEnvironment) {
        auto axis = sema.baseEnvironment->axes.find(symbol.axis);
        if (axis != sema.baseEnvironment->axes.end() && axis->second)
          out->sizes = name + " = " + std::to_string(axis->second->size);
      } else if (symbol.hyper && symbol.hyper->value) {
        out->type = ast::nameOf(symbol.hyper->value->type().element);
      } else if (symbol.instance && symbol.instance->object) {
        auto leaves = ast::leavesOf(symbol.instance->object);
        int64_t numbers = 0;
        for (const ast::State *leaf : leaves) {
          int64_t product = 1;
          for (const ast::Axis *axis : leaf->type.axes)
            product *= axis->size;
          numbers += product;
        }
        out->sizes = std::to_string(leaves.size()) + " parameters of " + std::to_string(numbers) + " numbers";
      }
    }
}

void Resolver::run(const sema::Facts &facts) {
  std::error_code ignored;
  for (const auto &source : index.sources) {
    std::filesystem::path absolute = std::filesystem::weakly_canonical(source->getPath(), ignored);
    std::string path = absolute.empty() ? source->getPath() : absolute.string();
    index.sourcePaths[source.get()] = path;
    auto [it, fresh] = index.contents.try_emplace(path);
    if (fresh) {
      it->second.text = source->getText();
      index.paths.push_back(path);
    }
  }
  declareModules();
  for (const sema::Module &m : sema.modules) {
    module = &m;
    for (const auto &f : m.files)
      file(*f);
  }
  for (const sema::Module &m : sema.modules) {
    module = &m;
    for (const auto &f : m.files)
      plansOf(*f);
  }
  addTypes(facts);
  addSizes();
  for (auto &[path, contents] : index.contents)
    std::sort(contents.occurrences.begin(), contents.occurrences.end(),
              [](const Occurrence &a, const Occurrence &b) { return a.location.begin < b.location.begin; });
}

} // namespace cleave::index
