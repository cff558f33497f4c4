// Index variables: declaring them, typing them by their first bare use, reductions, hoisting.
#include "lang/sema/Elaborator.h"

#include <algorithm>

namespace cleave::sema {

using ast::as;
using ast::BinaryOp;
using ast::Combiner;
using Syntax = syntax::Expr::Kind;

void Elaborator::typeVariable(IndexName &name, const std::vector<const ast::Axis *> &axes) {
  name.typed = true;
  name.variables.clear();
  for (const ast::Axis *axis : axes) {
    auto *variable = sema.program.own(new ast::IndexVariable());
    variable->name = name.pack && axes.size() > 1
                         ? std::string(name.name) + std::to_string(name.variables.size())
                         : std::string(name.name);
    variable->axis = axis;
    variable->location = name.location;
    name.variables.push_back(variable);
    if (sema.facts)
      sema.facts->variables.push_back(variable);
  }
}

// What a rigid axis of the generic check stands for in this instance; a pack's axes go to `pack`.
const ast::Axis *Elaborator::substitute(const ast::Axis *axis, std::vector<const ast::Axis *> *pack) {
  const SemaAxis *a = semaOf(axis);
  if (a->aliasBase) {
    const ast::Axis *base = substitute(a->aliasBase, nullptr);
    return base ? sema.aliasOf(base, a->ordinal) : nullptr;
  }
  if (a->generic >= 0) {
    const GenericValue &value = bindings.generics[a->generic];
    if (!a->pack)
      return value.axis;
    if (pack)
      *pack = value.pack;
    return nullptr;
  }
  return a->symbol ? sema.axisOf(*a->symbol, environment) : axis;
}

void Elaborator::typeFromRecord(IndexName &name) {
  if (rigid || name.typed || !definition || !definition->isGeneric())
    return;
  auto found = definition->recorded.find(name.key);
  if (found == definition->recorded.end())
    return;
  std::vector<const ast::Axis *> axes;
  for (const ast::Axis *axis : found->second) {
    std::vector<const ast::Axis *> pack;
    if (const ast::Axis *one = substitute(axis, &pack))
      axes.push_back(one);
    axes.insert(axes.end(), pack.begin(), pack.end());
  }
  typeVariable(name, axes);
}

void Elaborator::record(const IndexName &name) {
  if (!rigid || !name.typed)
    return;
  std::vector<const ast::Axis *> &axes = definition->recorded[name.key];
  axes.clear();
  for (const ast::IndexVariable *variable : name.variables)
    axes.push_back(variable->axis);
}

std::vector<IndexName *> Elaborator::declarePattern(const syntax::Pattern &pattern,
                                                    const ElementContext *outer) {
  std::vector<IndexName *> out;
  for (const syntax::PatternItem &item : pattern) {
    IndexName &name = indexNames.emplace_back();
    name.name = item.name.text;
    name.location = item.name.location;
    name.key = &item;
    name.pack = item.pack;
    auto clash = [&](const IndexName *other) { return other->name == name.name; };
    bool taken = std::any_of(out.begin(), out.end(), clash) ||
                 (outer && std::any_of(outer->names.begin(), outer->names.end(), clash));
    if (taken)
      error("E102", name.location,
            "an index variable is bound once, found a second '" + std::string(name.name) + "'");
    if (item.pack && !item.axis.parts.empty()) {
      name.annotated = true;
      if (auto axes = types.resolvePack(item.axis.parts[0]))
        typeVariable(name, *axes);
      else
        failed = true;
    } else if (!item.axis.parts.empty()) {
      name.annotated = true;
      if (const ast::Axis *axis = types.resolveAxis(item.axis)) {
        typeVariable(name, {axis});
      } else {
        failed = true;
        // Reported: give it some type, so that it is not reported again.
        name.typed = true;
        name.used = true;
      }
    }
    typeFromRecord(name);
    out.push_back(&name);
  }
  return out;
}

// The tensor that `e[...]` reads, elaborated once.
Expr *Elaborator::baseOf(const syntax::Expr &e) {
  auto known = bases.find(&e);
  if (known != bases.end())
    return known->second;
  Expr *base = tensor(e);
  settle(base);
  bases[&e] = base;
  return base;
}

// Which axis each subscript reads. Packs take several: those already typed their own number, the one that is
// not what is left over.
bool Elaborator::alignSubscripts(const syntax::Expr &e, const ast::Type &base,
                                 const std::vector<IndexName *> &names, std::vector<Position> &out) {
  auto find = [&](std::string_view text) -> IndexName * {
    for (auto it = names.rbegin(); it != names.rend(); ++it)
      if ((*it)->name == text)
        return *it;
    return nullptr;
  };
  size_t fixed = 0, open = 0;
  for (const syntax::Subscript &s : e.subscripts) {
    IndexName *name = s.pack ? find(s.name.text) : nullptr;
    if (s.pack && (!name || !name->pack))
      return false;
    if (!s.pack)
      ++fixed;
    else if (name->typed)
      fixed += name->variables.size();
    else
      ++open;
  }
  // In a generic check every pack is one axis of the type: subscripts and axes may simply pair up.
  bool pairs = open > 1 && e.subscripts.size() == base.axes.size();
  if ((open == 0 && fixed != base.axes.size()) || fixed > base.axes.size() || (open > 1 && !pairs))
    return false;
  size_t at = 0;
  for (const syntax::Subscript &s : e.subscripts) {
    IndexName *name = s.pack                          ? find(s.name.text)
                      : s.value->kind == Syntax::Name ? find(s.value->text)
                                                      : nullptr;
    if (name)
      name->used = true;
    if (!s.pack) {
      if (name && name->pack)
        return false;
      if (name && !name->typed)
        typeVariable(*name, {base.axes[at]});
      out.push_back(
          {name && !name->variables.empty() ? name->variables.front() : nullptr, name, s.value, s.location});
      ++at;
      continue;
    }
    if (!name->typed) {
      size_t length = pairs ? 1 : base.axes.size() - fixed;
      typeVariable(*name, {base.axes.begin() + at, base.axes.begin() + at + length});
    }
    for (const ast::IndexVariable *variable : name->variables) {
      out.push_back({variable, name, nullptr, s.location});
      ++at;
    }
  }
  return true;
}

void Elaborator::inferAccess(const syntax::Expr &e, std::vector<IndexName *> &scope) {
  // A call's explicit generics are not subscripts; a base that is itself an index expression is elaborated
  // later.
  bool open = false;
  for (const syntax::Subscript &s : e.subscripts)
    for (const IndexName *name : scope)
      open |=
          !name->typed && (s.pack ? name->name == s.name.text
                                  : s.value && s.value->kind == Syntax::Name && name->name == s.value->text);
  if (open) {
    Expr *base = baseOf(*e.left);
    std::vector<Position> ignored;
    if (!isPoison(base->type()) && !base->type().isTree())
      alignSubscripts(e, base->type(), scope, ignored);
    else // reported: its index variables have no axis, and that is no news
      for (const syntax::Subscript &s : e.subscripts)
        for (IndexName *name : scope)
          if (!name->typed && name->name == (s.pack ? s.name.text : s.value->text))
            name->typed = name->used = true;
  }
  for (const syntax::Subscript &s : e.subscripts)
    if (s.value)
      infer(*s.value, scope);
}

// Finds bare uses, in the order of the text, before anything is elaborated: `where(t <= s, q[b, s, d], 0)`
// needs s's axis before it meets it.
void Elaborator::infer(const syntax::Expr &e, std::vector<IndexName *> &scope) {
  switch (e.kind) {
  case Syntax::Index:
    inferAccess(e, scope);
    if (e.right)
      infer(*e.right, scope);
    return;
  case Syntax::Reduction: {
    ElementContext outer;
    outer.names = scope;
    std::vector<IndexName *> names = declarePattern(e.pattern, &outer);
    size_t size = scope.size();
    scope.insert(scope.end(), names.begin(), names.end());
    infer(*e.left, scope);
    scope.resize(size);
    reductions[&e] = std::move(names);
    return;
  }
  case Syntax::Call:
    for (const syntax::Argument &a : e.arguments)
      infer(*a.value, scope);
    return;
  case Syntax::Name:
    for (IndexName *name : scope)
      name->used |= name->name == e.text;
    return;
  case Syntax::Unary:
    infer(*e.left, scope);
    return;
  case Syntax::Binary:
    infer(*e.left, scope);
    infer(*e.right, scope);
    return;
  default:
    return;
  }
}

bool Elaborator::requireTyped(const std::vector<IndexName *> &names, bool reduction) {
  bool ok = true;
  for (IndexName *name : names) {
    std::string text(name->name);
    if (reduction && !name->used) {
      error("E205", name->location,
            "a reduction runs over an axis of its term, found that '" + text + "' is not used in it" +
                (name->typed && !name->variables.empty()
                     ? " (the term has no axis " + name->variables[0]->axis->name + ")"
                     : ""));
      ok = false;
    } else if (!name->typed && !name->used) {
      error("E208", name->location,
            "an index variable on the left is used on the right or annotated, found '" + text +
                "' with neither")
          .suggest("say which axis it runs over: " + text + ": Axis");
      ok = false;
    } else if (!name->typed) {
      error("E207", name->location,
            "an index variable gets its axis where it stands alone in a subscript, found no such use of '" +
                text + "'")
          .suggest("say which axis it runs over: " + text + ": Axis");
      ok = false;
    } else if (!name->pack && name->variables.empty()) {
      ok = false; // reported where it was annotated
    }
    record(*name);
  }
  return ok;
}

std::vector<const ast::IndexVariable *> Elaborator::flatten(const std::vector<IndexName *> &names) {
  std::vector<const ast::IndexVariable *> out;
  for (const IndexName *name : names)
    out.insert(out.end(), name->variables.begin(), name->variables.end());
  return out;
}

//===-- Hoisting --------------------------------------------------------===//

static void collect(const ast::Affine &affine, std::vector<const ast::IndexVariable *> &out) {
  for (const ast::AffineTerm &term : affine.terms) {
    if (term.variable)
      out.push_back(term.variable);
    if (term.inner)
      collect(*term.inner, out);
  }
}

static void collect(const Expr *e, std::vector<const ast::IndexVariable *> &out) {
  if (auto *iter = as<ast::Iter>(e)) {
    if (iter->variable)
      out.push_back(iter->variable);
  } else if (auto *a = as<ast::Access>(e)) {
    for (const ast::Affine &position : a->positions)
      collect(position, out);
  } else if (auto *u = as<ast::Unary>(e)) {
    collect(u->operand, out);
  } else if (auto *b = as<ast::Binary>(e)) {
    collect(b->left, out);
    collect(b->right, out);
  } else if (auto *s = as<ast::Select>(e)) {
    collect(s->condition, out);
    collect(s->left, out);
    collect(s->right, out);
  } else if (auto *c = as<ast::Cast>(e)) {
    collect(c->operand, out);
  } else if (auto *call = as<ast::ElementCall>(e)) {
    for (const Expr *argument : call->arguments)
      collect(argument, out);
  }
}

bool drawsRandom(const Expr *e) {
  if (e->kind == Expr::Kind::Random || e->kind == Expr::Kind::ElementCall)
    return true;
  if (auto *u = as<ast::Unary>(e))
    return drawsRandom(u->operand);
  if (auto *b = as<ast::Binary>(e))
    return drawsRandom(b->left) || drawsRandom(b->right);
  if (auto *s = as<ast::Select>(e))
    return drawsRandom(s->condition) || drawsRandom(s->left) || drawsRandom(s->right);
  auto *c = as<ast::Cast>(e);
  return c && drawsRandom(c->operand);
}

// The variables in scope that are used below e, in the order of the definition: so that what is hoisted out
// of `y[b, s]` has b before s too. A random draw differs per element of the definition: it uses them all.
std::vector<const ast::IndexVariable *> Elaborator::freeVariables(const Expr *e) {
  std::vector<const ast::IndexVariable *> used, out;
  collect(e, used);
  bool all = drawsRandom(e);
  if (active)
    for (const ast::IndexVariable *variable : flatten(active->names))
      if (all || std::find(used.begin(), used.end(), variable) != used.end())
        out.push_back(variable);
  return out;
}

Expr *Elaborator::comprehension(std::vector<const ast::IndexVariable *> variables, Expr *body, Location at) {
  ast::Type type{body->type().element, {}, nullptr};
  for (const ast::IndexVariable *variable : variables)
    type.axes.push_back(variable->axis);
  type.axes = withAliases(sema, std::move(type.axes));
  if (!fitsMemory(type.axes)) {
    error("E403", at, "the bytes of a tensor are counted in 63 bits, found that " + show(type) + " has more");
    return poison(at);
  }
  // A body that reads another tensor element for element is that tensor.
  if (auto *a = as<ast::Access>(body); a && !a->outside && a->base->type() == type) {
    bool identity = a->positions.size() == variables.size();
    for (size_t i = 0; i < variables.size() && identity; ++i)
      identity = a->positions[i].asVariable() == variables[i];
    if (identity)
      return const_cast<Expr *>(a->base);
  }
  if (variables.empty() && body->kind == Expr::Kind::Literal)
    return body;
  auto *c = make<ast::Comprehension>(at, std::move(type));
  c->variables = std::move(variables);
  c->body = body;
  c->exact = inInitialiser;
  return c;
}

// The same before a reduction is made of it: over the variables to be reduced too.
Expr *Elaborator::hoistWith(Expr *body, const std::vector<const ast::IndexVariable *> &also, Location at) {
  std::vector<const ast::IndexVariable *> variables = freeVariables(body);
  for (const ast::IndexVariable *variable : also)
    if (std::find(variables.begin(), variables.end(), variable) == variables.end())
      variables.push_back(variable);
  auto *read = make<ast::Access>(at, {body->type().element, {}, nullptr});
  for (const ast::IndexVariable *variable : variables) {
    ast::Affine position;
    position.terms.emplace_back();
    position.terms[0].variable = variable;
    read->positions.push_back(std::move(position));
  }
  read->base = comprehension(std::move(variables), body, at);
  return read;
}

Expr *Elaborator::hoist(Expr *body, Combiner combiner, std::vector<const ast::IndexVariable *> reduced,
                        Location at) {
  auto *c = make<ast::Comprehension>(at, {body->type().element, {}, nullptr});
  c->variables = freeVariables(body);
  c->combiner = combiner;
  c->reduced = std::move(reduced);
  c->body = body;
  c->exact = inInitialiser;
  for (const ast::IndexVariable *variable : c->variables)
    c->types[0].axes.push_back(variable->axis);
  c->types[0].axes = withAliases(sema, std::move(c->types[0].axes));
  if (!fitsMemory(c->types[0].axes))
    error("E403", at,
          "the bytes of a tensor are counted in 63 bits, found that " + show(c->type()) + " has more");
  auto *read = make<ast::Access>(at, {body->type().element, {}, nullptr});
  read->base = c;
  for (const ast::IndexVariable *variable : c->variables) {
    ast::Affine position;
    position.terms.emplace_back();
    position.terms[0].variable = variable;
    read->positions.push_back(std::move(position));
  }
  return read;
}

// Binds what is read to a name of its own, so that it can stand in several places and is still made once.
Expr *Elaborator::share(Expr *read) {
  auto *access = as<ast::Access>(read);
  if (!access || access->base->kind == Expr::Kind::ValueRef || !region)
    return read;
  ast::Value *value = sema.makeValue(ast::Value::Kind::Let, "", access->base->type(), read->location);
  definedAt[value] = region->depth;
  auto *let = sema.program.own(new ast::Let());
  let->location = read->location;
  let->values.push_back(value);
  let->init = access->base;
  region->statements.push_back(let);
  access->base = valueRef(value, read->location);
  return read;
}

Expr *Elaborator::reduction(const syntax::Expr &e, ElementContext &ctx) {
  using syntax::Reduction;
  auto known = reductions.find(&e);
  if (known == reductions.end()) {
    // Not below an indexed definition: nothing has looked at its term yet.
    std::vector<IndexName *> scope = ctx.names;
    infer(e, scope);
    known = reductions.find(&e);
  }
  std::vector<IndexName *> names = known->second;
  ElementContext inner;
  inner.names = ctx.names;
  inner.names.insert(inner.names.end(), names.begin(), names.end());
  const ElementContext *outer = active;
  active = &inner;
  Expr *term = element(*e.left, inner);
  active = outer;
  if (!requireTyped(names, true) || isPoison(term->type()))
    return poison(e.location);
  std::vector<const ast::IndexVariable *> reduced = flatten(names);
  if (reduced.empty())
    return term; // over an empty pack
  bool position = e.reduction == Reduction::Argmax || e.reduction == Reduction::Argmin;
  if (position)
    settle(term);
  else if (e.reduction == Reduction::Mean && term->type().element == ElementType::UntypedInt)
    coerce(term, ElementType::UntypedFloat);
  ElementType type = term->type().element;
  if (!checkClass(type, e.reduction == Reduction::Mean ? "float" : "number", e.left->location, e.text))
    return poison(e.location);
  if (position) {
    if (reduced.size() != 1) {
      error("E203", e.location,
            std::string(e.text) + " gives the position along one axis, found " +
                std::to_string(reduced.size()) + " index variables");
      return poison(e.location);
    }
    // The first position whose term equals the extreme one: min over k of where(term == extreme, k, last).
    Combiner extreme = e.reduction == Reduction::Argmax ? Combiner::Max : Combiner::Min;
    if (!region) {
      error("E111", e.location,
            std::string(e.text) +
                " stands in the bodies of functions, layers and entries, found it elsewhere");
      return poison(e.location);
    }
    if (!as<ast::Access>(term))
      term = hoistWith(term, reduced, e.location);
    term = share(term);
    Expr *best = hoist(term, extreme, reduced, e.location);
    auto *again = make<ast::Access>(e.location, term->type());
    again->base = as<ast::Access>(term)->base;
    again->positions = as<ast::Access>(term)->positions;
    again->outside = as<ast::Access>(term)->outside;
    auto *position = make<ast::Iter>(e.location, {ElementType::I64, {}, nullptr});
    position->variable = reduced[0];
    Expr *last = rigid && reduced[0]->axis->size == 0
                     ? sizeLiteral(reduced[0]->axis, e.location)
                     : literal(ElementType::I64, reduced[0]->axis->size - 1, 0, e.location);
    coerce(last, ElementType::I64);
    Expr *chosen = select(binary(BinaryOp::Eq, again, best, e.location, "=="), position, last, e.location);
    return hoist(chosen, Combiner::Min, reduced, e.location);
  }
  Combiner combiner = e.reduction == Reduction::Max    ? Combiner::Max
                      : e.reduction == Reduction::Min  ? Combiner::Min
                      : e.reduction == Reduction::Prod ? Combiner::Prod
                                                       : Combiner::Sum;
  Expr *out = hoist(term, combiner, reduced, e.location);
  if (e.reduction != Reduction::Mean)
    return out;
  Expr *count = literal(ElementType::UntypedInt, 1, 0, e.location);
  for (const ast::IndexVariable *variable : reduced)
    count = binary(BinaryOp::Mul, count, sizeLiteral(variable->axis, e.location), e.location, "mean");
  return binary(BinaryOp::Div, out, count, e.location, "mean");
}

} // namespace cleave::sema
