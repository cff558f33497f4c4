#include "lang/index/Resolver.h"

#include <algorithm>

namespace cleave::index {

using Stmt = syntax::Stmt::Kind;
using Expr = syntax::Expr::Kind;
using Item = syntax::Item::Kind;

//===-- Names -----------------------------------------------------------===//

void Resolver::open(uint32_t begin, uint32_t end) {
  current->scopes.push_back({begin, end, scope, {}, owner});
  scope = static_cast<int>(current->scopes.size()) - 1;
}

void Resolver::close() { scope = current->scopes[scope].parent; }

Symbol *Resolver::lookup(std::string_view text, Where where) {
  for (int s = scope; s > 0; s = current->scopes[s].parent) {
    const auto &names = current->scopes[s].names;
    for (auto it = names.rbegin(); it != names.rend(); ++it) {
      if (it->symbol->name != text)
        continue;
      Kind kind = it->symbol->kind;
      if (where == Where::Type ? kind == Kind::Generic : where == Where::Value || kind != Kind::Index)
        return it->symbol;
    }
  }
  if (const sema::Symbol *symbol = module->find(text))
    return symbolOf(*symbol);
  auto known = builtins.find(text);
  return known == builtins.end() ? nullptr : known->second;
}

Symbol *Resolver::memberOf(const Symbol *symbol, std::string_view name) {
  if (symbol->kind == Kind::Module) {
    auto m = modules.find(symbol);
    const sema::Symbol *member = m == modules.end() ? nullptr : m->second->find(name);
    return member ? symbolOf(*member) : nullptr;
  }
  if (symbol->kind == Kind::Generic && name == "wide")
    return builtin(name);
  const Symbol *layer =
      symbol->kind == Kind::Instance || symbol->kind == Kind::SubLayer ? symbol->target : nullptr;
  if (layer && layer->kind == Kind::Layer)
    for (const Symbol *member : layer->members)
      if (member->name == name &&
          (member->kind == Kind::Weight || member->kind == Kind::State || member->kind == Kind::SubLayer))
        return const_cast<Symbol *>(member);
  return nullptr;
}

// The same as path(), noting nothing.
Symbol *Resolver::lookupPath(const std::vector<syntax::Name> &parts, Where where) {
  Symbol *symbol = parts.empty() ? nullptr : lookup(parts[0].text, where);
  for (size_t i = 1; i < parts.size() && symbol; ++i)
    symbol = memberOf(symbol, parts[i].text);
  return symbol;
}

Symbol *Resolver::use(const syntax::Name &name, Symbol *symbol) {
  if (!symbol) {
    auto [it, fresh] = (inData ? builtins : unknowns).try_emplace(std::string(name.text), nullptr);
    if (fresh)
      it->second = make(inData ? Kind::Builtin : Kind::Unknown, name.text, {}, {});
    symbol = it->second;
  }
  // Several parameters share one written type.
  if (!name.location || name.empty() || !seen.insert({name.location.source, name.location.begin}).second)
    return symbol;
  symbol->uses.push_back(name.location);
  current->occurrences.push_back({name.location, symbol});
  return symbol;
}

Symbol *Resolver::bind(const syntax::Name &name, Kind kind, Location whole) {
  Symbol *symbol = declaredAt(name.location);
  if (!symbol) {
    symbol = make(kind, name.text, name.location, whole);
    symbol->owner = owner;
    if (owner && kind == Kind::Let && owner->kind != Kind::Function)
      owner->members.push_back(symbol);
  }
  use(name, symbol);
  uint32_t from = kind == Kind::Let ? std::max(whole.end, name.location.end) : name.location.begin;
  current->scopes[scope].names.push_back({from, symbol});
  return symbol;
}

Symbol *Resolver::path(const std::vector<syntax::Name> &parts, Where where) {
  if (parts.empty())
    return nullptr;
  Symbol *symbol = use(parts[0], lookup(parts[0].text, where));
  for (size_t i = 1; i < parts.size(); ++i)
    symbol = use(parts[i], memberOf(symbol, parts[i].text));
  return symbol;
}

//===-- Items -----------------------------------------------------------===//

void Resolver::file(const syntax::File &f) {
  current = &index.contents[index.sourcePaths[f.source]];
  owner = nullptr;
  scope = -1;
  open(0, static_cast<uint32_t>(f.source->getText().size()));
  for (const auto &[name, symbol] : module->symbols)
    current->scopes[0].names.push_back({0, symbolOf(symbol)});
  for (const syntax::Item *i : f.items)
    item(*i);
  close();
}

void Resolver::item(const syntax::Item &i) {
  auto declare = [&](const syntax::Name &name, Kind kind) {
    Symbol *symbol = declaredAt(name.location); // none: the second of its name
    symbol = symbol ? symbol : make(kind, name.text, name.location, i.location);
    symbol->whole = i.location;
    current->outline.push_back(use(name, symbol));
  };
  switch (i.kind) {
  case Item::Import: {
    Symbol *symbol = i.name.empty() ? nullptr : declaredAt(i.name.location);
    bool renamed =
        symbol && !i.path.parts.empty() && i.path.parts.back().location.begin != i.name.location.begin;
    if (renamed) // import nn as n: the two names are told apart
      use(i.path.parts.back(), const_cast<Symbol *>(symbol->target));
    if (!i.name.empty())
      use(i.name, symbol);
    return;
  }
  case Item::Axis:
  case Item::Hyper:
    for (const syntax::Binding &b : i.bindings) {
      declare(b.name, i.kind == Item::Axis ? Kind::Axis : Kind::Hyper);
      if (b.typed)
        type(b.type);
      expression(b.value);
    }
    return;
  case Item::Data:
    declare(i.name, Kind::Data);
    inData = true;
    expression(i.value);
    inData = false;
    return;
  case Item::Instance:
    for (const syntax::Name &name : i.names)
      declare(name, Kind::Instance);
    return target(i.target);
  case Item::State:
    for (const syntax::Name &name : i.state->names)
      declare(name, Kind::State);
    type(i.state->type);
    return defined(*i.state);
  case Item::Weights:
    declare(i.name, Kind::Weights);
    return weights(i);
  case Item::Link:
    declare(i.name, Kind::Link);
    for (const syntax::Argument &a : i.arguments) {
      use(a.name, builtin(a.name.text));
      expression(a.value);
    }
    return;
  case Item::Mesh:
    declare(i.name, Kind::Mesh);
    return mesh(i);
  case Item::Plan: // walked last
    return declare(i.name, Kind::Plan);
  case Item::Function:
  case Item::Layer:
  case Item::Entry:
    declare(i.name, i.kind == Item::Function ? Kind::Function
                    : i.kind == Item::Layer  ? Kind::Layer
                                             : Kind::Entry);
    return definition(i);
  }
}

void Resolver::parameter(const syntax::Parameter &p, Symbol &definition) {
  bind(p.name, Kind::Parameter, p.name.location)->owner = &definition;
  if (p.axis)
    use(p.axisName, lookup(p.axisName.text, Where::Type));
  else
    type(p.type);
  path(p.source.parts, Where::Type);
  expression(p.defaultValue);
}

// Index variables stand in the braces of names too.
void Resolver::weightSource(const syntax::WeightSource &source) {
  Location at = source.nameLocation;
  std::string_view text = std::string_view(at.source->getText()).substr(at.begin, at.end - at.begin);
  for (size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
    size_t close = text.find('}', open);
    if (close == std::string_view::npos)
      break;
    std::string_view name = text.substr(open + 1, close - open - 1);
    uint32_t begin = at.begin + static_cast<uint32_t>(open) + 1;
    use({name, {at.source, begin, begin + static_cast<uint32_t>(name.size())}}, lookup(name, Where::Value));
  }
  for (const syntax::WeightPosition &position : source.positions) {
    for (const syntax::Name &name : position.merged)
      use(name, lookup(name.text, Where::Value));
    expression(position.value);
  }
}

void Resolver::weights(const syntax::Item &i) {
  Symbol *layer = path(i.path.parts, Where::Type);
  for (const syntax::Name &type : i.names)
    use(type, builtin(type.text));
  for (const syntax::WeightRow &row : i.rows) {
    uint32_t end = row.sources.empty() ? row.location.end : row.sources.back().location.end;
    open(row.location.begin, end);
    Symbol *at = layer;
    for (const syntax::WeightStep &step : row.steps) {
      at = use(step.name, at ? memberOf(at, step.name.text) : nullptr);
      for (const syntax::Name &name : step.variables)
        bind(name, Kind::Index, row.location);
    }
    for (const syntax::WeightSource &source : row.sources)
      weightSource(source);
    close();
  }
}

void Resolver::definition(const syntax::Item &i) {
  Symbol &symbol = *declaredAt(i.name.location);
  owner = &symbol;
  open(i.location.begin, i.location.end);
  for (const syntax::GenericParameter &g : i.generics) {
    Symbol *generic = bind(g.name, Kind::Generic, g.name.location);
    generic->isPack = g.pack;
    generic->isAxis = g.constraint.empty() || g.constraint.text == "mesh";
    if (!g.constraint.empty())
      use(g.constraint, builtin(g.constraint.text));
  }
  for (const syntax::GenericParameter &g : i.generics)
    expression(g.size);
  for (const syntax::Binding &b : i.bindings) {
    use(b.name, lookup(b.name.text, Where::Type));
    expression(b.value);
  }
  for (const syntax::Parameter &p : i.parameters)
    parameter(p, symbol);
  for (const syntax::Result &r : i.results) {
    type(r.type);
    if (Symbol *result = r.name.empty() ? nullptr : declaredAt(r.name.location))
      use(r.name, result);
  }
  std::vector<Symbol *> kept;
  residuals = &kept;
  block(i.body, i.results.empty() ? i.name.location.end : i.results.back().type.location.end);
  residuals = nullptr;
  if (i.hasBackward)
    backward(i, symbol, kept);
  close();
  owner = nullptr;
}

// Sees the parameters, the residuals, the results by name and the cotangents.
void Resolver::backward(const syntax::Item &i, Symbol &definition, const std::vector<Symbol *> &kept) {
  open(i.body.location.end, i.location.end);
  auto &names = current->scopes[scope].names;
  for (Symbol *residual : kept)
    names.push_back({0, residual});
  for (const syntax::Result &r : i.results)
    if (Symbol *result = r.name.empty() ? nullptr : declaredAt(r.name.location))
      names.push_back({0, result});
  for (const syntax::Name &name : i.cotangents)
    bind(name, Kind::Parameter, name.location)->owner = &definition;
  block(i.backward, i.body.location.end);
  close();
}

//===-- Statements ------------------------------------------------------===//

void Resolver::block(const syntax::Block &b, uint32_t begin) {
  open(begin, b.location.end);
  statements(b);
  close();
}

void Resolver::statements(const syntax::Block &b) {
  for (const syntax::Stmt *s : b.statements)
    statement(*s);
}

void Resolver::pattern(const syntax::Pattern &items, Location whole) {
  for (const syntax::PatternItem &p : items) {
    path(p.axis.parts, Where::Type);
    bind(p.name, Kind::Index, whole)->isPack = p.pack;
  }
}

// The right side of `name[pattern] = value`, which sees the pattern.
void Resolver::defined(const syntax::Stmt &s) {
  if (!s.indexed)
    return expression(s.value);
  open(s.location.begin, s.location.end);
  pattern(s.pattern, s.location);
  expression(s.value);
  close();
}

void Resolver::statement(const syntax::Stmt &s) {
  switch (s.kind) {
  case Stmt::Let:
  case Stmt::Residual:
  case Stmt::Param:
  case Stmt::State: {
    if (s.typed)
      type(s.type);
    defined(s);
    Kind kind = s.kind == Stmt::Param ? Kind::Weight : s.kind == Stmt::State ? Kind::State : Kind::Let;
    for (const syntax::Name &name : s.names) {
      Symbol *symbol = bind(name, kind, s.location);
      if (s.kind == Stmt::Residual && residuals)
        residuals->push_back(symbol);
    }
    return;
  }
  case Stmt::Set:
    use(s.names[0], lookup(s.names[0].text, Where::Base));
    return defined(s);
  case Stmt::Layer:
  case Stmt::Repeat: {
    path(s.axis.parts, Where::Type);
    target(s.target);
    const Symbol *layer = lookupPath(s.target.path.parts, Where::Type);
    for (const syntax::Name &name : s.names)
      bind(name, Kind::SubLayer, s.location)->target = layer;
    return;
  }
  case Stmt::Update:
    path(s.object.parts, Where::Base);
    return arguments(s.arguments, path(s.callee.parts, Where::Type));
  case Stmt::Return:
    for (const syntax::Stmt *value : s.returns) {
      for (const syntax::Name &name : value->names) // a label, no binding
        use(name, make(Kind::Result, name.text, name.location, value->location));
      defined(*value);
    }
    return;
  case Stmt::Print:
  case Stmt::Yield:
    for (const syntax::Expr *e : s.values)
      expression(e);
    return;
  case Stmt::Assert:
    return expression(s.value);
  case Stmt::Next:
    for (const syntax::CarryBinding &next : s.nexts) {
      use(next.name, lookup(next.name.text, Where::Base));
      expression(next.value);
    }
    return;
  }
}

void Resolver::type(const syntax::Type &t) {
  path(t.name.parts, Where::Type);
  for (const syntax::TypeAxis &axis : t.axes)
    path(axis.path.parts, Where::Type);
}

static Symbol *memberNamed(const Symbol *definition, std::string_view name, Symbol::Kind kind) {
  if (definition)
    for (const Symbol *member : definition->members)
      if (member->kind == kind && member->name == name)
        return const_cast<Symbol *>(member);
  return nullptr;
}

void Resolver::target(const syntax::LayerTarget &t) {
  Symbol *layer = path(t.path.parts, Where::Type);
  for (const syntax::GenericArgument &a : t.arguments) {
    if (!a.name.empty())
      use(a.name, memberNamed(layer, a.name.text, Kind::Generic));
    path(a.value.parts, Where::Type);
  }
}

//===-- Expressions -----------------------------------------------------===//

void Resolver::arguments(const std::vector<syntax::Argument> &list, const Symbol *called) {
  if (called && (called->kind == Kind::Instance || called->kind == Kind::SubLayer))
    called = called->target;
  for (const syntax::Argument &a : list) {
    if (!a.name.empty()) {
      bool own = called && (called->kind == Kind::Builtin || inData);
      use(a.name, own ? builtin(a.name.text) : memberNamed(called, a.name.text, Kind::Parameter));
    }
    expression(a.value);
  }
}

static std::vector<syntax::Name> partsOf(const syntax::Expr &e) {
  std::vector<syntax::Name> parts;
  const syntax::Expr *at = &e;
  for (; at->kind == Expr::Member; at = at->left)
    parts.push_back(at->name);
  if (at->kind != Expr::Name)
    return {};
  // Brackets around a name are part of its location.
  uint32_t begin = static_cast<uint32_t>(at->text.data() - at->location.source->getText().data());
  parts.push_back({at->text, {at->location.source, begin, begin + static_cast<uint32_t>(at->text.size())}});
  std::reverse(parts.begin(), parts.end());
  return parts;
}

// What is called or subscripted; null when it is no name.
Symbol *Resolver::callee(const syntax::Expr &e) {
  if (e.kind == Expr::Index && !e.right) {
    Symbol *base = callee(*e.left);
    subscripts(e, base);
    return base;
  }
  std::vector<syntax::Name> parts = partsOf(e);
  if (!parts.empty())
    return path(parts, Where::Base);
  expression(&e);
  return nullptr;
}

// Positions in a tensor, or the explicit generics of a function.
void Resolver::subscripts(const syntax::Expr &e, const Symbol *called) {
  if (called && (called->kind == Kind::Instance || called->kind == Kind::SubLayer))
    called = called->target;
  bool generics = called && (called->kind == Kind::Function || called->kind == Kind::Layer);
  for (const syntax::Subscript &s : e.subscripts) {
    if (s.pack && (!generics || s.packAxis.empty()))
      use(s.name, lookup(s.name.text, generics ? Where::Type : Where::Value));
    else if (!s.name.empty())
      use(s.name, memberNamed(called, s.name.text, Kind::Generic));
    if (!s.packAxis.empty())
      use(s.packAxis, lookup(s.packAxis.text, Where::Type));
    std::vector<syntax::Name> parts = generics && s.value ? partsOf(*s.value) : std::vector<syntax::Name>();
    if (!parts.empty())
      path(parts, Where::Type);
    else
      expression(s.value);
  }
}

void Resolver::expression(const syntax::Expr *e) {
  if (!e)
    return;
  switch (e->kind) {
  case Expr::Integer:
  case Expr::Float:
  case Expr::Bool:
  case Expr::Inf:
  case Expr::String:
    return;
  case Expr::Name:
    path(partsOf(*e), Where::Value);
    return;
  case Expr::Member: {
    std::vector<syntax::Name> parts = partsOf(*e);
    if (!parts.empty()) {
      path(parts, Where::Base);
    } else {
      expression(e->left);
      use(e->name, nullptr);
    }
    return;
  }
  case Expr::Index:
    subscripts(*e, callee(*e->left));
    return expression(e->right);
  case Expr::Call: {
    const Symbol *called = callee(*e->left);
    // each(f, x: ...) passes its named arguments on.
    bool passes =
        called && called->kind == Kind::Builtin && (called->name == "each" || called->name == "total");
    if (passes && !e->arguments.empty() && e->arguments[0].name.empty())
      called = lookupPath(partsOf(*e->arguments[0].value), Where::Base);
    return arguments(e->arguments, called);
  }
  case Expr::Unary:
    return expression(e->left);
  case Expr::Binary:
    expression(e->left);
    return expression(e->right);
  default:
    return control(*e);
  }
}

void Resolver::control(const syntax::Expr &e) {
  switch (e.kind) {
  case Expr::Reduction:
    open(e.location.begin, e.location.end);
    pattern(e.pattern, e.location);
    expression(e.left);
    return close();
  case Expr::Scatter:
    open(e.location.begin, e.location.end);
    pattern(e.pattern, e.location);
    expression(e.left);
    for (const syntax::CarryBinding &target : e.carries) {
      use(target.name, lookup(target.name.text, Where::Value));
      expression(target.value);
    }
    close();
    return expression(e.right);
  case Expr::If:
    expression(e.left);
    block(e.block, e.left->location.end);
    return block(e.elseBlock, e.block.location.end);
  default: { // Scan, While
    path(e.path.parts, Where::Type);
    for (const syntax::CarryBinding &carry : e.carries)
      expression(carry.value);
    expression(e.right);
    open(e.location.begin, e.location.end);
    if (!e.name.empty())
      bind(e.name, Kind::Counter, e.location);
    for (const syntax::CarryBinding &carry : e.carries)
      bind(carry.name, Kind::Carry, e.location);
    expression(e.left);
    statements(e.block);
    close();
  }
  }
}

} // namespace cleave::index
