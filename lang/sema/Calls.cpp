// Calls of functions and layers: arguments to parameters, generics from arguments, instances.
#include "lang/sema/Elaborator.h"

#include <algorithm>

namespace cleave::sema {

using ast::as;
using Syntax = syntax::Expr::Kind;

syntax::Path pathOf(const syntax::Expr &e);

bool Elaborator::findCallee(const syntax::Expr &e, Callee &out) {
  const syntax::Expr *name = &e;
  out.location = e.location;
  if (e.kind == Syntax::Index && !e.right) {
    out.generics = &e.subscripts;
    name = e.left;
  }
  syntax::Path path = pathOf(*name);
  if (path.parts.empty()) {
    error("E106", e.location, "a function or layer is called by its name, found an expression");
    return false;
  }
  out.name = path.str();
  if (Local *local = path.parts.size() == 1 ? findLocal(path.parts[0].text) : nullptr) {
    if (local->child < 0) {
      error("E106", e.location, "a function or layer is called, found " + out.name + ", a value")
          .note(local->location, "it is bound here")
          .suggest("write a product with *: " + out.name + " * (...)");
      return false;
    }
    out.child = local->child;
    out.definition = children[local->child].definition;
    failed |= !out.definition;
    return out.definition != nullptr;
  }
  const Symbol *symbol = sema.require(module, path, "a function or layer", visibleNames(nullptr));
  failed |= !symbol;
  if (!symbol)
    return false;
  if (symbol->kind == Symbol::Kind::Function) {
    out.definition = symbol->definition;
    return true;
  }
  if (symbol->kind == Symbol::Kind::Instance && definition && definition->isEntry()) {
    out.instance = symbol->instance;
    out.definition = symbol->instance->definition;
    failed |= !out.definition;
    return out.definition != nullptr;
  }
  diag::Diagnostic &d =
      error("E106", e.location,
            symbol->kind == Symbol::Kind::Layer
                ? "a layer is called through an object that owns its parameters, found the layer " + out.name
            : symbol->kind == Symbol::Kind::Instance
                ? "a file-level layer is called in entries only, found " + out.name + " here"
                : "a function or layer is called, found " + out.name + ", " + describe(symbol->kind));
  if (symbol->kind == Symbol::Kind::Layer)
    d.suggest("declare one: layer " +
              std::string(1, static_cast<char>(std::tolower(path.parts.back().text[0]))) +
              std::string(path.parts.back().text.substr(1)) + " = " + out.name);
  return false;
}

// out[i]: the syntax of parameter i's argument, or its default, or null for the first `preset`.
bool Elaborator::matchArguments(Definition &callee, const std::vector<syntax::Argument> &arguments,
                                size_t preset, Location at, std::vector<const syntax::Expr *> &out) {
  const auto &parameters = callee.item->parameters;
  out.assign(parameters.size(), nullptr);
  size_t next = preset;
  bool ok = true;
  for (const syntax::Argument &a : arguments) {
    size_t i = next;
    if (!a.name.empty()) {
      for (i = 0; i < parameters.size() && parameters[i].name.text != a.name.text; ++i) {
      }
      if (i == parameters.size()) {
        std::vector<std::string> names;
        for (const syntax::Parameter &p : parameters)
          names.emplace_back(p.name.text);
        std::string better = diag::nearest(a.name.text, names);
        error("E107", a.name.location,
              callee.name + " has no parameter of that name, found '" + std::string(a.name.text) + "'")
            .suggest(better.empty() ? "" : "did you mean '" + better + "'?")
            .note(callee.item->name.location, callee.name + " is declared here");
        ok = false;
        continue;
      }
    } else if (++next > parameters.size()) {
      size_t wanted = parameters.size() - preset;
      error("E108", a.value->location,
            callee.name + " takes " + std::to_string(wanted) + " argument" + (wanted == 1 ? "" : "s") +
                ", found " + std::to_string(arguments.size()))
          .note(callee.item->name.location, callee.name + " is declared here");
      return false;
    }
    if (out[i] || i < preset) {
      error("E108", a.value->location,
            "each parameter gets one argument, found a second for '" + std::string(parameters[i].name.text) +
                "' of " + callee.name);
      ok = false;
    }
    out[i] = a.value;
  }
  std::string missing;
  for (size_t i = preset; i < parameters.size(); ++i)
    if (!out[i] && !parameters[i].defaultValue)
      missing += (missing.empty() ? "'" : ", '") + std::string(parameters[i].name.text) + "'";
  if (!missing.empty() && ok) {
    size_t wanted = parameters.size() - preset;
    error("E108", at,
          callee.name + " takes " + std::to_string(wanted) + " argument" + (wanted == 1 ? "" : "s") +
              ", found none for " + missing)
        .note(callee.item->name.location, callee.name + " is declared here");
    ok = false;
  }
  return ok;
}

// One explicit generic argument: `In: Embed`, or `Embed` for the next axis generic.
bool Elaborator::bindGeneric(Definition &callee, TypeScope &scope, std::string_view name, bool named,
                             size_t &next, const syntax::Path &path, bool pack, Location at) {
  const auto &generics = callee.item->generics;
  size_t i = 0;
  if (named) {
    int found = callee.findGeneric(name);
    if (found < 0) {
      std::vector<std::string> names;
      for (const syntax::GenericParameter &g : generics)
        names.emplace_back(g.name.text);
      std::string better = diag::nearest(name, names);
      error("E107", at, callee.name + " has no generic of that name, found '" + std::string(name) + "'")
          .suggest(better.empty() ? "" : "did you mean '" + better + "'?");
      return false;
    }
    i = static_cast<size_t>(found);
  } else {
    while (next < generics.size() && (generics[next].pack != pack || generics[next].size ||
                                      callee.isElementGeneric(static_cast<int>(next))))
      ++next;
    if (next == generics.size()) {
      error("E108", at, callee.name + " takes fewer explicit axes, found one too many");
      return false;
    }
    i = next++;
  }
  std::string why;
  int index = static_cast<int>(i);
  bool fits = true;
  if (callee.isElementGeneric(index)) {
    auto element = types.elementOf(path);
    if (!element)
      why = "it stands for an element type";
    fits = element && scope.bindElement(index, *element, why);
  } else if (pack) {
    auto axes = types.resolvePack(path.parts[0]);
    failed |= !axes;
    if (!axes)
      return false;
    // `bindings` of the callee are reached through its scope.
    fits = scope.bindPack(index, *axes, why);
  } else if (generics[i].pack) {
    why = "it is a pack of axes";
    fits = false;
  } else {
    const ast::Axis *axis = types.resolveAxis(path);
    failed |= !axis;
    if (!axis)
      return false;
    fits = scope.bindAxis(index, axis, why);
  }
  if (!fits)
    error("E210", at,
          "generic " + std::string(generics[i].name.text) + " of " + callee.name + " cannot be " +
              path.str() + ", found that " + why);
  return fits;
}

bool Elaborator::bindExplicit(Definition &callee, TypeScope &scope,
                              const std::vector<syntax::Subscript> &generics) {
  size_t next = 0;
  for (const syntax::Subscript &s : generics) {
    syntax::Path path;
    if (s.pack)
      path = {{s.packAxis.empty() ? s.name : s.packAxis}, s.location};
    else
      path = pathOf(*s.value);
    if (path.parts.empty()) {
      error("E106", s.location, "generics are given axes by name, found an expression");
      return false;
    }
    bool named = s.pack ? !s.packAxis.empty() : !s.name.empty();
    if (!bindGeneric(callee, scope, s.name.text, named, next, path, s.pack, s.location))
      return false;
  }
  return true;
}

bool Elaborator::bindTarget(Definition &callee, TypeScope &scope, const syntax::LayerTarget &target) {
  size_t next = 0;
  for (const syntax::GenericArgument &a : target.arguments)
    if (!bindGeneric(callee, scope, a.name.text, !a.name.empty(), next, a.value, a.pack, a.value.location))
      return false;
  return true;
}

// The explicit generics of a layer that may never be called.
bool Elaborator::checkTarget(Definition &callee, const syntax::LayerTarget &target) {
  Bindings scratch;
  scratch.generics.resize(callee.item->generics.size());
  TypeScope scope(sema, *callee.module, &callee, scratch, environment);
  scope.rigid = types.rigid;
  return bindTarget(callee, scope, target);
}

bool Elaborator::checkInstance(Sema &sema, InstanceSymbol &instance) {
  Elaborator self(sema, *instance.module, nullptr, {}, *sema.baseEnvironment, false);
  return self.checkTarget(*instance.definition, instance.item->target);
}

// The type of a result; a tree is of the object of the first tree parameter.
std::optional<ast::Type> Elaborator::resultType(Definition &, TypeScope &scope, const syntax::Type &type,
                                                const Bindings &bound) {
  if (type.name.str() != "tree")
    return scope.resolve(type, true);
  for (const ast::LayerObject *tree : bound.trees)
    if (tree)
      return treeType(tree);
  return std::nullopt;
}

bool Elaborator::unifyArguments(Definition &callee, TypeScope &scope, std::vector<ArgumentInfo> &arguments,
                                const ast::Type *wanted, Location at, MatchedCall &out) {
  const auto &parameters = callee.item->parameters;
  bool ok = true;
  // Arguments that tell their type first, then those of several packs, whose ends others tell, then those of
  // a type that follows; literals take the type that generics got.
  enum Turn { Telling, Split, Following, Literals };
  auto turnOf = [](const syntax::Parameter &p, const ArgumentInfo &a) {
    if (isUntyped(a.type.element))
      return Literals;
    if (isWide(p.type))
      return Following;
    auto packs = std::count_if(p.type.axes.begin(), p.type.axes.end(), [](auto &axis) { return axis.pack; });
    return packs > 1 ? Split : Telling;
  };
  for (Turn turn : {Telling, Split, Following, Literals}) {
    for (size_t i = 0; i < parameters.size(); ++i) {
      const syntax::Parameter &p = parameters[i];
      ArgumentInfo &a = arguments[i];
      if (p.axis || !a.given || isPoison(a.type))
        continue;
      if (turn != turnOf(p, a))
        continue;
      if (turn == Literals) {
        auto element = scope.elementOf(p.type.name);
        if (element && *element != ElementType::Poison && !coerce(a.expr, *element))
          return false;
        settle(a.expr);
        a.type = a.expr->type();
      }
      std::string why;
      Bindings before = out.bindings;
      if (scope.unify(p.type, a.type, why))
        continue;
      std::swap(before, out.bindings);
      bool missing = why.rfind("it has no axis", 0) == 0;
      error(missing                                    ? "E205"
            : a.type.axes.size() == p.type.axes.size() ? "E202"
                                                       : "E203",
            a.location,
            "argument '" + std::string(p.name.text) + "' of " + callee.name + " is " +
                scope.describe(p.type) + scope.describeBindings(p.type) + ", found " + show(a.type) +
                (why.empty() ? "" : " (" + why + ")"))
          .note(p.name.location, "the parameter is declared here");
      ok = false;
    }
  }
  const auto &results = callee.item->results;
  if (ok && wanted && results.size() == 1 && !wanted->isTree()) {
    Bindings before = out.bindings;
    std::string ignored;
    if (!scope.unify(results[0].type, *wanted, ignored))
      out.bindings = before; // told when the result is used
  }
  return ok && finishMatch(callee, scope, arguments, at, out);
}

bool Elaborator::finishMatch(Definition &callee, TypeScope &scope, std::vector<ArgumentInfo> &arguments,
                             Location at, MatchedCall &out) {
  std::string open;
  if (!sema.deriveGenerics(callee, out.bindings)) {
    failed = true;
    return false;
  }
  for (size_t i = 0; i < callee.item->generics.size(); ++i)
    if (out.bindings.generics[i].kind == GenericValue::Kind::Unbound) {
      // An element type that only literals could tell.
      if (callee.isElementGeneric(static_cast<int>(i))) {
        out.bindings.generics[i].kind = GenericValue::Kind::Element;
        out.bindings.generics[i].element =
            callee.item->generics[i].constraint.text == "int" ? ElementType::I64 : ElementType::F32;
        continue;
      }
      open += (open.empty() ? "" : ", ") + std::string(callee.item->generics[i].name.text);
    }
  if (!open.empty()) {
    error("E210", at,
          "the generics of " + callee.name + " follow from its arguments or are given, found nothing for " +
              open)
        .suggest("name them: " + callee.name + "[" + open.substr(0, open.find(',')) + ": Axis](...)")
        .note(callee.item->name.location, callee.name + " is declared here");
    return false;
  }
  for (const syntax::Result &r : callee.item->results) {
    auto type = resultType(callee, scope, r.type, out.bindings);
    if (!type) {
      out.poison = true;
      return false;
    }
    out.results.push_back(std::move(*type));
  }
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (callee.item->parameters[i].axis || !arguments[i].expr)
      continue;
    auto *constant = as<ast::Literal>(arguments[i].expr);
    // A backward gives a cotangent for every floating-point parameter as written: none of them is bound.
    bool isPassed =
        rigid || (callee.item->hasBackward && constant && isKind(constant->type().element, "float"));
    out.bindings.constants[i] = isPassed ? nullptr : constant;
    if (!out.bindings.constants[i])
      out.arguments.push_back(arguments[i].expr);
  }
  return true;
}

bool Elaborator::match(const syntax::Expr &e, const Callee &target, const ast::Type *wanted,
                       ElementContext *ctx, MatchedCall &out) {
  Definition &callee = *target.definition;
  out.definition = &callee;
  out.bindings.generics.resize(callee.item->generics.size());
  out.bindings.constants.resize(callee.item->parameters.size());
  out.bindings.trees.resize(callee.item->parameters.size());
  TypeScope scope(sema, *callee.module, &callee, out.bindings, environment);
  scope.rigid = types.rigid;
  if (rigid)
    definition->calls.push_back({&callee, e.location});
  if (target.generics && !bindExplicit(callee, scope, *target.generics))
    return false;
  const syntax::LayerTarget *declared = target.child >= 0 ? children[target.child].target
                                        : target.instance ? &target.instance->item->target
                                                          : nullptr;
  if (declared && !bindTarget(callee, scope, *declared))
    return false;
  std::vector<const syntax::Expr *> written;
  if (!matchArguments(callee, e.arguments, 0, e.location, written))
    return false;
  std::vector<ArgumentInfo> arguments(written.size());
  bool ok = true;
  for (size_t i = 0; i < written.size(); ++i) {
    const syntax::Parameter &p = callee.item->parameters[i];
    if (p.axis) {
      const ast::Axis *axis = written[i] ? axisArgument(*written[i]) : nullptr;
      std::string why;
      int generic = callee.findGeneric(p.axisName.text);
      if (axis && generic >= 0 && !scope.bindAxis(generic, axis, why)) {
        error("E210", written[i]->location,
              "argument '" + std::string(p.name.text) + "' of " + callee.name + " cannot be " + axis->name +
                  ", found that " + why);
        ok = false;
      }
      ok = ok && axis && generic >= 0;
      continue;
    }
    ArgumentInfo &a = arguments[i];
    a.given = true;
    if (written[i]) {
      a.expr = ctx ? element(*written[i], *ctx) : tensor(*written[i]);
      a.location = written[i]->location;
    } else {
      // The default belongs to the callee's file: constants of its module only.
      Elaborator defaults(sema, *callee.module, nullptr, {}, environment, false);
      a.expr = defaults.tensor(*p.defaultValue);
      a.location = e.location;
      failed |= defaults.failed;
    }
    a.type = a.expr->type();
    ok = ok && !isPoison(a.type);
    out.bindings.trees[i] = a.type.tree;
  }
  return ok && unifyArguments(callee, scope, arguments, wanted, e.location, out);
}

Elaborator::Values Elaborator::callFunction(MatchedCall &m, Location at) {
  Values none;
  none.poison = true;
  auto *node = sema.make<ast::Call>(at);
  node->types = m.results;
  node->arguments.assign(m.arguments.begin(), m.arguments.end());
  node->site = sites++;
  if (!rigid) {
    node->callee = sema.instantiateFunction(*m.definition, m.bindings, environment, at);
    failed |= !node->callee;
    if (!node->callee)
      return none;
    node->types = node->callee->results;
  }
  if (node->types.empty())
    return none;
  return results(node);
}

bool Elaborator::checkRepeat(const MatchedCall &m, const Child &child, Location at) {
  bool ok = m.results.size() <= m.arguments.size();
  for (size_t i = 0; i < m.results.size() && ok; ++i)
    ok = m.arguments[i]->type() == m.results[i];
  if (!ok)
    error("E211", at,
          "what a repeated layer gives is what it takes, found " +
              (m.arguments.empty() ? "no argument" : show(m.arguments[0]->type())) + " to " +
              (m.results.empty() ? "nothing" : show(m.results[0])) + " for " + child.name)
        .note(child.location, "the repeat is declared here");
  return ok;
}

Elaborator::Values Elaborator::callLayer(MatchedCall &m, const Callee &callee, Location at) {
  Values none;
  none.poison = true;
  if (region && region->kind == Region::Kind::Backward) {
    error("E111", at, "a backward is pure, found a layer called in it");
    return none;
  }
  auto *node = sema.make<ast::LayerCall>(at);
  node->types = m.results;
  node->arguments.assign(m.arguments.begin(), m.arguments.end());
  node->site = sites++;
  Child *child = callee.child >= 0 ? &children[callee.child] : nullptr;
  if (child && child->stacked && !checkRepeat(m, *child, at))
    return none;
  LayerInfo *info = nullptr;
  if (!rigid) {
    info = sema.instantiateLayer(*m.definition, m.bindings, environment, at);
    failed |= !info;
    if (!info && callee.instance)
      callee.instance->failed = true;
    if (!info)
      return none;
    node->callee = info->layer;
    setsState |= info->layer->setsState;
    if (info->layer->setsState && region && region->kind != Region::Kind::Top) {
      error("E111", at,
            "a layer that sets state is called outside if, scan and while, found " + callee.name + " inside");
      return none;
    }
  }
  if (child) {
    node->layer.path.push_back(static_cast<unsigned>(callee.child));
    node->repeat = child->repeat;
    std::string difference;
    if (!child->called) {
      child->called = true;
      child->bindings = m.bindings;
      child->info = info;
    } else if (info && !sema.sameStates(child->info, info, difference)) {
      error("E211", at,
            "a layer has the same parameters at every call, found " + difference + " for " + child->name);
      return none;
    }
  } else if (callee.instance) {
    node->layer.root = sema.objectOf(*callee.instance, info, at);
    failed |= !node->layer.root;
    if (!node->layer.root)
      return none;
  }
  if (node->types.empty())
    return none;
  return results(node);
}

Elaborator::Values Elaborator::call(const syntax::Expr &e, const ast::Type *wanted) {
  Values none;
  none.poison = true;
  Callee callee;
  MatchedCall matched;
  if (!findCallee(*e.left, callee)) {
    for (const syntax::Argument &a : e.arguments) // for the errors in them
      if (pathOf(*a.value).parts.empty())
        tensor(*a.value);
    return none;
  }
  if (!match(e, callee, wanted, nullptr, matched)) {
    failed = true;
    if (callee.instance)
      callee.instance->failed = true;
    return none;
  }
  if (callee.definition->item->local && !isLocal()) {
    error("E927", e.location,
          "a local function stands in a composite's place, by a plan, or is called by another, found " +
              callee.name + " called here")
        .note(callee.definition->item->name.location, "it is declared here");
    return none;
  }
  if (inInitialiser) {
    error("E111", e.location, "an initialiser uses built-in functions only, found a call of " + callee.name);
    return none;
  }
  return callee.definition->isLayer() ? callLayer(matched, callee, e.location)
                                      : callFunction(matched, e.location);
}

// A function of scalars applied inside an indexed definition.
Expr *Elaborator::elementCall(const syntax::Expr &e, ElementContext &ctx) {
  Callee callee;
  MatchedCall matched;
  if (!findCallee(*e.left, callee))
    return poison(e.location);
  if (callee.definition->isLayer()) {
    error("E209", e.location,
          "a layer is called on whole tensors, found " + callee.name + " called on one element");
    return poison(e.location);
  }
  if (!match(e, callee, nullptr, &ctx, matched)) {
    failed = true;
    return poison(e.location);
  }
  if (matched.results.size() != 1 || !matched.results[0].isScalar()) {
    error("E209", e.location,
          "a function of one element gives one scalar, found that " + callee.name + " does not");
    return poison(e.location);
  }
  auto *node = make<ast::ElementCall>(e.location, matched.results[0]);
  node->arguments.assign(matched.arguments.begin(), matched.arguments.end());
  node->site = sites++;
  if (rigid)
    return node;
  node->callee = sema.instantiateFunction(*callee.definition, matched.bindings, environment, e.location);
  failed |= !node->callee;
  if (!node->callee)
    return poison(e.location);
  if (!isElementwise(node->callee)) {
    error("E209", e.location,
          "a function applied to one element is made of scalars, found that " + callee.name +
              " makes tensors inside")
        .suggest("apply it to the whole tensor first, then read the result with subscripts");
    return poison(e.location);
  }
  node->types[0] = node->callee->results[0];
  return node;
}

bool Elaborator::isElementwise(const ast::Function *f) const {
  auto fine = [&](const Expr *e) {
    if (e->kind == Expr::Kind::Literal || e->kind == Expr::Kind::ValueRef)
      return true;
    if (auto *call = as<ast::Call>(e))
      return call->types.size() == 1 && isElementwise(call->callee);
    auto *c = as<ast::Comprehension>(e);
    return c && c->variables.empty() && c->combiner == ast::Combiner::None && isPlain(c->body);
  };
  if (f->composite || f->body->results.size() != 1 || !fine(f->body->results[0]))
    return false;
  for (const ast::Stmt *s : f->body->statements) {
    auto *let = as<ast::Let>(s);
    if (!let || !let->values[0]->type.isScalar() || !fine(let->init))
      return false;
  }
  return true;
}

// No read below but of rank-0 names.
bool Elaborator::isPlain(const Expr *e) const {
  if (auto *a = as<ast::Access>(e)) {
    if (auto *call = as<ast::Call>(a->base))
      return call->types.size() == 1 && isElementwise(call->callee);
    return a->base->kind == Expr::Kind::ValueRef && a->positions.empty();
  }
  if (auto *u = as<ast::Unary>(e))
    return isPlain(u->operand);
  if (auto *b = as<ast::Binary>(e))
    return isPlain(b->left) && isPlain(b->right);
  if (auto *s = as<ast::Select>(e))
    return isPlain(s->condition) && isPlain(s->left) && isPlain(s->right);
  if (auto *c = as<ast::Cast>(e))
    return isPlain(c->operand);
  return true;
}

} // namespace cleave::sema
