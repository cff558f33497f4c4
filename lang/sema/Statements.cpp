// Statements of bodies.
#include "lang/sema/Elaborator.h"

#include <algorithm>

namespace cleave::sema {

using ast::as;
using Kind = syntax::Stmt::Kind;

void Elaborator::bind(const syntax::Name &name, Local local) {
  local.location = name.location;
  auto [it, fresh] = scopes.back().try_emplace(name.text, local);
  if (fresh)
    return;
  error("E102", name.location,
        "a name is bound once in a block, found a second '" + std::string(name.text) + "'")
      .note(it->second.location, "the first is here");
}

const ast::Value *Elaborator::addLet(const syntax::Name &name, Expr *init, bool residual) {
  ast::Value *value = sema.makeValue(ast::Value::Kind::Let, name.text, init->type(), name.location);
  definedAt[value] = region->depth;
  Local local;
  local.value = value;
  if (!residual && !rigid)
    local.constant = as<ast::Literal>(init);
  if (local.constant && isPoison(local.constant->type()))
    local.constant = nullptr;
  bind(name, local);
  if (isPoison(init->type()))
    return value;
  auto *let = sema.program.own(new ast::Let());
  let->location = name.location;
  let->values.push_back(value);
  let->init = init;
  let->residual = residual;
  region->statements.push_back(let);
  return value;
}

Expr *Elaborator::fit(Expr *e, const ast::Type &wanted, const std::string &what) {
  if (isPoison(e->type()) || isPoison(wanted))
    return poison(e->location);
  if (isUntyped(e->type().element) && !wanted.isTree() && !coerce(e, wanted.element))
    return poison(e->location);
  if (isPoison(e->type()) || e->type() == wanted)
    return e;
  const ast::Type &found = e->type();
  if (found.isScalar() && !wanted.isTree() && !wanted.axes.empty() && found.element == wanted.element)
    return broadcast(e, wanted);
  bool elementOnly = found.axes == wanted.axes && found.tree == wanted.tree;
  diag::Diagnostic &d = error(elementOnly                               ? "E301"
                              : found.axes.size() == wanted.axes.size() ? "E202"
                                                                        : "E203",
                              e->location, what + " is " + show(wanted) + ", found " + show(found));
  if (elementOnly && !found.isTree())
    d.suggest("no conversion is implicit: write " + types.nameOf(wanted.element) + "(...)");
  return poison(e->location);
}

Expr *Elaborator::definedValue(const syntax::Stmt &s, const ast::Type *wanted) {
  std::string what = s.names.empty() ? "the result" : "'" + std::string(s.names[0].text) + "'";
  Expr *value = nullptr;
  if (s.value->kind == syntax::Expr::Kind::Scatter && s.indexed) {
    value = scatter(*s.value, s, wanted);
  } else if (s.indexed) {
    ElementContext ctx;
    ctx.names = declarePattern(s.pattern, nullptr);
    if (wanted && wanted->axes.size() == ctx.names.size())
      for (size_t i = 0; i < ctx.names.size(); ++i)
        if (!ctx.names[i]->typed && !ctx.names[i]->pack && !semaOf(wanted->axes[i])->pack) {
          typeVariable(*ctx.names[i], {wanted->axes[i]});
          ctx.names[i]->annotated = true;
        }
    std::vector<IndexName *> scope = ctx.names;
    infer(*s.value, scope);
    bool typed = requireTyped(ctx.names, false);
    const ElementContext *outer = active;
    active = &ctx;
    Expr *body = typed ? element(*s.value, ctx) : poison(s.value->location);
    active = outer;
    if (wanted && !isPoison(body->type()))
      coerce(body, wanted->element);
    settle(body);
    failed |= !typed;
    if (isPoison(body->type()))
      return body;
    std::vector<const ast::IndexVariable *> variables = flatten(ctx.names);
    // Written twice: an error; met twice because two generics stand for one axis: an alias.
    bool mayAlias = definition && definition->isGeneric() && !rigid;
    for (size_t i = 0; i < variables.size() && !mayAlias; ++i)
      for (size_t j = 0; j < i; ++j)
        if (variables[i]->axis == variables[j]->axis) {
          const std::string &axis = variables[i]->axis->name;
          error("E201", variables[i]->location, "the axes of a tensor are distinct, found " + axis + " twice")
              .suggest("declare an alias, axis " + axis + "2 = " + axis + ", and write " +
                       variables[i]->name + ": " + axis + "2");
          return poison(s.value->location);
        }
    value = comprehension(std::move(variables), body, s.value->location);
  } else {
    value = oneOf(values(*s.value, wanted), s.value->location);
  }
  if (wanted)
    return fit(value, *wanted, what);
  settle(value);
  return value;
}

void Elaborator::letStatement(const syntax::Stmt &s) {
  bool residual = s.kind == Kind::Residual;
  bool keeps = functionNode && (definition->item->composite || definition->item->local);
  if (residual && (!keeps || region->kind != Region::Kind::Top))
    error("E111", s.location,
          "residuals stand at the top level of a composite or local function, found one elsewhere");
  if (s.tuple)
    return letTuple(s);
  std::optional<ast::Type> wanted;
  if (s.typed) {
    wanted = types.resolve(s.type, definition && definition->isGeneric() && !rigid);
    failed |= !wanted;
  }
  Expr *value = s.typed && !wanted ? poison(s.value->location) : definedValue(s, wanted ? &*wanted : nullptr);
  const ast::Value *bound = addLet(s.names[0], value, residual);
  if (residual)
    residuals.push_back(bound);
}

void Elaborator::letTuple(const syntax::Stmt &s) {
  Values v = values(*s.value);
  if (!v.poison && v.types.size() != s.names.size()) {
    error("E108", s.location,
          "as many names are bound as there are results, found " + std::to_string(s.names.size()) +
              " names for " + std::to_string(v.types.size()));
    v.poison = true;
  }
  if (v.poison || !v.node) {
    for (size_t i = 0; i < s.names.size(); ++i) {
      Expr *value = v.poison ? poison(s.names[i].location) : v.results[i];
      settle(value);
      addLet(s.names[i], value, s.kind == Kind::Residual);
    }
    return;
  }
  auto *let = sema.program.own(new ast::Let());
  let->location = s.location;
  let->init = v.node;
  let->residual = s.kind == Kind::Residual;
  for (size_t i = 0; i < s.names.size(); ++i) {
    ast::Value *value =
        sema.makeValue(ast::Value::Kind::Let, s.names[i].text, v.types[i], s.names[i].location);
    definedAt[value] = region->depth;
    Local local;
    local.value = value;
    bind(s.names[i], local);
    let->values.push_back(value);
    if (let->residual)
      residuals.push_back(value);
  }
  region->statements.push_back(let);
}

void Elaborator::returnStatement(const syntax::Stmt &s) {
  if (region->kind != Region::Kind::Top && region->kind != Region::Kind::Backward) {
    error("E306", s.location, "a body inside another gives its values by yield, found return");
    region->returned = true;
    region->results.push_back(poison(s.location));
    return;
  }
  region->returned = true;
  // `return loop(...)` of a call with several results gives them all.
  if (s.returns.size() == 1 && declaredResults.size() > 1 && !s.returns[0]->indexed) {
    Values v = values(*s.returns[0]->value);
    if (v.poison || v.types.size() == declaredResults.size()) {
      for (size_t i = 0; i < declaredResults.size(); ++i) {
        Expr *result = v.poison ? poison(s.location) : nullptr;
        if (!v.poison && !v.node)
          result = v.results[i];
        if (!result) {
          if (i == 0)
            bindAll(v, s.location);
          result = valueRef(spread[i], s.location);
        }
        region->results.push_back(fit(result, declaredResults[i], "result " + std::to_string(i + 1)));
      }
      return;
    }
  }
  if (s.returns.size() != declaredResults.size()) {
    error("E306", s.location,
          "as many values are returned as the signature says, found " + std::to_string(s.returns.size()) +
              " for " + std::to_string(declaredResults.size()));
    for (const ast::Type &type : declaredResults)
      region->results.push_back(poison(s.location)), (void)type;
    return;
  }
  for (size_t i = 0; i < s.returns.size(); ++i)
    region->results.push_back(definedValue(*s.returns[i], &declaredResults[i]));
}

// A node with several results as one Let; its values go to `spread`.
void Elaborator::bindAll(const Values &v, Location at) {
  auto *let = sema.program.own(new ast::Let());
  let->location = at;
  let->init = v.node;
  spread.clear();
  for (const ast::Type &type : v.types) {
    ast::Value *value = sema.makeValue(ast::Value::Kind::Let, "", type, at);
    definedAt[value] = region->depth;
    let->values.push_back(value);
    spread.push_back(value);
  }
  region->statements.push_back(let);
}

void Elaborator::yieldStatement(const syntax::Stmt &s) {
  if (region->kind == Region::Kind::Top || region->kind == Region::Kind::Backward) {
    error("E306", s.location, "yield stands in the body of an if or scan, found it outside");
    region->returned = true;
    return;
  }
  region->returned = true;
  for (const syntax::Expr *e : s.values) {
    Values v = values(*e);
    if (!v.poison && v.node) {
      bindAll(v, s.location);
      for (const ast::Value *value : spread)
        region->results.push_back(valueRef(value, s.location));
      continue;
    }
    if (v.poison)
      v.results = {poison(e->location)};
    for (Expr *result : v.results) {
      settle(result);
      region->results.push_back(result);
    }
  }
}

void Elaborator::nextStatement(const syntax::Stmt &s) {
  for (const syntax::CarryBinding &next : s.nexts) {
    size_t i = 0;
    for (; i < region->carries.size() && region->carries[i] != next.name.text; ++i) {
    }
    if (i == region->carries.size()) {
      std::vector<std::string> names(region->carries.begin(), region->carries.end());
      std::string better = diag::nearest(next.name.text, names);
      error("E101", next.name.location,
            "next names a carry of the scan or while around it, found '" + std::string(next.name.text) + "'")
          .suggest(better.empty() ? "" : "did you mean '" + better + "'?");
      tensor(*next.value);
      continue;
    }
    if (region->nexts[i])
      error("E102", next.name.location,
            "a carry gets one next value, found a second for '" + std::string(next.name.text) + "'");
    const ast::Type &type = region->carryValues[i]->type;
    region->nexts[i] =
        fit(tensor(*next.value, &type), type, "the next '" + std::string(next.name.text) + "'");
  }
}

void Elaborator::setStatement(const syntax::Stmt &s) {
  const syntax::Name &name = s.names[0];
  Local *local = findLocal(name.text);
  const Symbol *symbol = local ? nullptr : module.find(name.text);
  StateSymbol *fileState =
      symbol && symbol->kind == Symbol::Kind::State && definition->isEntry() ? symbol->state : nullptr;
  if ((!local || local->slot < 0 || local->parameter) && !fileState) {
    std::vector<std::string> names;
    for (const auto &scope : scopes)
      for (const auto &[known, other] : scope)
        if (other.slot >= 0 && !other.parameter)
          names.emplace_back(known);
    for (const auto &[known, other] : module.symbols)
      if (other.kind == Symbol::Kind::State && definition->isEntry())
        names.push_back(known);
    std::string better = diag::nearest(name.text, names);
    diag::Diagnostic &d =
        error("E110", name.location,
              local && local->parameter ? "parameters change by update only, found set of the parameter '" +
                                              std::string(name.text) + "'"
                                        : "set gives a declared state its new value, found '" +
                                              std::string(name.text) + "', which is no state here");
    if (!better.empty())
      d.suggest("did you mean '" + better + "'?");
    else if (!local || !local->parameter)
      d.suggest("declare it: state " + std::string(name.text) + ": f32 = 0; or bind a new name with let");
    return;
  }
  if (region->kind != Region::Kind::Top) {
    error("E111", s.location,
          "a state is set at the top level of a layer or entry, found set inside another body");
    return;
  }
  const ast::State *state = fileState ? sema.stateOf(*fileState) : nullptr;
  if (fileState && !state)
    return;
  ast::Type type = fileState ? state->type : local->value->type;
  Expr *value = definedValue(s, &type);
  if (isPoison(value->type()))
    return;
  auto *set = sema.program.own(new ast::Set());
  set->location = s.location;
  set->init = value;
  set->state = state;
  set->value = sema.makeValue(ast::Value::Kind::Let, name.text, type, name.location);
  definedAt[set->value] = region->depth;
  setsState = true;
  if (fileState) {
    fileStates[fileState] = set->value;
  } else {
    local = findLocal(name.text);
    set->slot = static_cast<unsigned>(local->slot);
    local->value = set->value;
  }
  region->statements.push_back(set);
}

const ast::Comprehension *Elaborator::initialiser(const syntax::Stmt &s, const ast::Type &type) {
  inInitialiser = true;
  Expr *value = definedValue(s, &type);
  inInitialiser = false;
  if (isPoison(value->type()))
    return nullptr;
  if (value->kind == Expr::Kind::Literal) {
    auto *c = make<ast::Comprehension>(value->location, value->type());
    c->body = value;
    value = c;
  }
  auto *c = as<ast::Comprehension>(value);
  if (!c) {
    error("E111", s.value->location, "an initialiser is an expression of one element, found a tensor");
    return nullptr;
  }
  c->exact = true;
  return c;
}

// param and state: slots of the layer.
void Elaborator::slotStatement(const syntax::Stmt &s) {
  bool parameter = s.kind == Kind::Param;
  if (!definition->isLayer() || region->kind != Region::Kind::Top) {
    error("E111", s.location,
          std::string(parameter ? "param" : "state") +
              " stands at the top level of a layer, found it elsewhere");
    return;
  }
  auto type = types.resolve(s.type, definition->isGeneric() && !rigid);
  failed |= !type;
  for (const syntax::Name &name : s.names) {
    if (type && parameter && !isKind(type->element, "float")) {
      error("E301", s.type.location,
            "a parameter is trained: its type is floating-point, found " + show(*type))
          .suggest("declare it as state if it is not trained");
      type.reset();
    }
    const ast::Comprehension *init = type ? initialiser(s, *type) : nullptr;
    ast::Type slotType = type ? *type : ast::Type{ElementType::Poison, {}, nullptr};
    ast::Value *value = sema.makeValue(ast::Value::Kind::State, name.text, slotType, name.location);
    Local local;
    local.value = value;
    local.parameter = parameter;
    local.slot = layerInfo ? static_cast<int>(layerInfo->initialisers.size()) : 0;
    if (layerInfo) {
      layerInfo->initialisers.push_back(init);
      layerInfo->layer->slots.push_back({value, parameter});
    }
    bind(name, local);
  }
}

void Elaborator::layerStatement(const syntax::Stmt &s) {
  if (!definition->isLayer() || region->kind != Region::Kind::Top) {
    error("E111", s.location, "sub-layers are declared at the top level of a layer, found one elsewhere");
    return;
  }
  const Symbol *symbol = sema.require(module, s.target.path, "a layer");
  failed |= !symbol;
  if (symbol && symbol->kind != Symbol::Kind::Layer) {
    error("E106", s.target.path.location,
          "a layer is named here, found " + s.target.path.str() + ", " + describe(symbol->kind))
        .note(symbol->location, "it is declared here");
    symbol = nullptr;
  }
  const ast::Axis *repeat = nullptr;
  if (s.kind == Kind::Repeat) {
    repeat = types.resolveAxis(s.axis);
    failed |= !repeat;
    if (!repeat)
      symbol = nullptr;
  }
  if (symbol) {
    if (rigid)
      definition->calls.push_back({symbol->definition, s.location});
    if (!checkTarget(*symbol->definition, s.target))
      symbol = nullptr;
  }
  for (const syntax::Name &name : s.names) {
    Child child;
    child.name = name.text;
    child.location = name.location;
    child.definition = symbol ? symbol->definition : nullptr;
    child.target = &s.target;
    child.repeat = repeat;
    child.stacked = s.kind == Kind::Repeat;
    Local local;
    local.child = static_cast<int>(children.size());
    children.push_back(std::move(child));
    bind(name, local);
  }
}

void Elaborator::printStatement(const syntax::Stmt &s) {
  auto *print = sema.program.own(new ast::Print());
  print->location = s.location;
  print->label = s.text;
  for (const syntax::Expr *e : s.values) {
    Expr *value = tensor(*e);
    settle(value);
    if (isPoison(value->type()))
      return;
    if (value->type().isTree()) {
      error("E301", e->location, "print takes tensors, found a tree");
      return;
    }
    print->values.push_back(value);
  }
  region->statements.push_back(print);
}

void Elaborator::assertStatement(const syntax::Stmt &s) {
  Expr *condition = tensor(*s.value);
  if (isPoison(condition->type()))
    return;
  if (condition->type() != ast::Type{ElementType::Bool, {}, nullptr}) {
    error("E304", s.value->location, "assert takes one bool, found " + show(condition->type()));
    return;
  }
  if (auto *l = as<ast::Literal>(condition)) {
    if (!l->integer)
      error("E307", s.location,
            "an assert known at compile time holds, found that this one does not" +
                (s.text.empty() ? "" : ": " + s.text));
    return;
  }
  auto *node = sema.program.own(new ast::Assert());
  node->location = s.location;
  node->condition = condition;
  node->message = s.text;
  region->statements.push_back(node);
}

void Elaborator::statement(const syntax::Stmt &s) {
  if (region->returned && s.kind != Kind::Next && s.kind != Kind::Yield) {
    error("E306", s.location,
          std::string("nothing follows ") +
              (region->kind == Region::Kind::Top || region->kind == Region::Kind::Backward ? "return"
                                                                                           : "yield") +
              " in a body, found another statement");
    region->returned = true;
    return;
  }
  bases.clear();
  reductions.clear();
  switch (s.kind) {
  case Kind::Let:
  case Kind::Residual:
    return letStatement(s);
  case Kind::Param:
  case Kind::State:
    return slotStatement(s);
  case Kind::Set:
    return setStatement(s);
  case Kind::Layer:
  case Kind::Repeat:
    return layerStatement(s);
  case Kind::Update:
    return updateStatement(s);
  case Kind::Return:
    return returnStatement(s);
  case Kind::Print:
    return printStatement(s);
  case Kind::Assert:
    return assertStatement(s);
  case Kind::Next:
    return nextStatement(s);
  case Kind::Yield:
    return yieldStatement(s);
  }
}

void Elaborator::block(const syntax::Block &written, bool scoped) {
  if (scoped)
    scopes.emplace_back();
  for (const syntax::Stmt *s : written.statements)
    statement(*s);
  if (scoped)
    scopes.pop_back();
}

} // namespace cleave::sema
