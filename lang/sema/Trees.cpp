// Trees (one tensor per parameter of a layer object): gradients, each, total, update.
#include "lang/sema/Elaborator.h"
#include "lang/sema/Pointwise.h"

namespace cleave::sema {

using ast::as;
using Syntax = syntax::Expr::Kind;

ast::Type Elaborator::treeType(const ast::LayerObject *object) {
  ast::Type type{ElementType::F32, {}, object};
  auto leaves = ast::leavesOf(object);
  if (!leaves.empty())
    type.element = leaves[0]->type.element;
  return type;
}

Expr *Elaborator::grad(const syntax::Expr &e) { return oneOf(gradValues(e), e.location); }

// grad(loss, gpt): a tree. grad(loss, x, y): one tensor each.
Elaborator::Values Elaborator::gradValues(const syntax::Expr &e) {
  Values none;
  none.poison = true;
  if (e.arguments.size() < 2) {
    error("E108", e.location,
          "grad takes a loss and what to differentiate by, found " + std::to_string(e.arguments.size()) +
              " argument" + (e.arguments.size() == 1 ? "" : "s"));
    return none;
  }
  Expr *loss = tensor(*e.arguments[0].value);
  std::vector<Expr *> wrt;
  for (size_t i = 1; i < e.arguments.size(); ++i)
    wrt.push_back(tensor(*e.arguments[i].value));
  if (isPoison(loss->type()))
    return none;
  if (!loss->type().isScalar() || !isKind(loss->type().element, "float")) {
    error("E302", e.arguments[0].value->location,
          "grad differentiates one floating-point number, found " + show(loss->type()))
        .suggest("reduce it first: sum(b) or mean(b) over its axes");
    return none;
  }
  if (wrt.size() == 1 && wrt[0]->kind == Expr::Kind::TreeRef) {
    auto *out = make<ast::TreeGradient>(e.location, wrt[0]->type());
    out->loss = loss;
    return single(out);
  }
  auto *out = sema.make<ast::Gradient>(e.location);
  out->loss = loss;
  for (size_t i = 0; i < wrt.size(); ++i) {
    if (isPoison(wrt[i]->type()))
      return none;
    auto *ref = as<ast::ValueRef>(wrt[i]);
    if (!ref || wrt[i]->type().isTree() || !isKind(wrt[i]->type().element, "float")) {
      error("E302", e.arguments[i + 1].value->location,
            "grad differentiates by a layer's parameters or by named floating-point tensors, found " +
                std::string(ref ? show(wrt[i]->type()) : "an expression"))
          .suggest(ref ? "" : "bind it first with let, then use the name both here and in the loss");
      return none;
    }
    out->wrt.push_back(ref->value);
    out->types.push_back(wrt[i]->type());
  }
  return results(out);
}

// The tree of unknown parameters that a function with tree parameters is checked with: one leaf stands for
// all.
ast::LayerObject *Elaborator::rigidTree(ElementType element) {
  if (rigidTreeObject)
    return rigidTreeObject;
  auto *object = sema.program.own(new ast::LayerObject());
  auto *leaf = sema.program.own(new ast::State());
  SemaAxis *axes = sema.makeAxis("...", 0, {});
  axes->pack = true;
  leaf->type = {element, {axes}, nullptr};
  object->states.push_back(leaf);
  return rigidTreeObject = object;
}

// each(f, tree, ...): f of every leaf. total(f, tree, ...): the sum over leaves of a scalar f.
Expr *Elaborator::each(const syntax::Expr &e, bool total) {
  std::string name = total ? "total" : "each";
  if (e.arguments.size() < 2) {
    error("E108", e.location,
          name + " takes a function and a tree, found " + std::to_string(e.arguments.size()) + " argument" +
              (e.arguments.size() == 1 ? "" : "s"));
    return poison(e.location);
  }
  Callee callee;
  if (!findCallee(*e.arguments[0].value, callee))
    return poison(e.location);
  if (callee.definition->isLayer()) {
    error("E106", e.arguments[0].value->location,
          name + " applies a function, found the layer " + callee.name);
    return poison(e.location);
  }
  std::vector<syntax::Argument> rest(e.arguments.begin() + 1, e.arguments.end());
  std::vector<const syntax::Expr *> written;
  if (rigid)
    definition->calls.push_back({callee.definition, e.location});
  if (!matchArguments(*callee.definition, rest, 0, e.location, written))
    return poison(e.location);
  std::vector<ArgumentInfo> arguments;
  const ast::LayerObject *object = nullptr;
  if (!treeArguments(*callee.definition, written, 0, e.location, arguments, object))
    return poison(e.location);
  if (!object) {
    error("E301", e.location, name + " works on a tree, found none among its arguments");
    return poison(e.location);
  }
  std::vector<ast::LeafCall> leaves;
  ElementType result = ElementType::Poison;
  unsigned site = sites++;
  std::vector<Expr *> passed;
  for (const ast::State *leaf : ast::leavesOf(object)) {
    MatchedCall matched;
    ast::Type type = ofOne(*leaf);
    if (!matchLeaf(*callee.definition, arguments, type, e.location, matched))
      return poison(e.location);
    bool fits = matched.results.size() == 1 &&
                (total ? matched.results[0].isScalar() : matched.results[0] == type) &&
                (!total || leaves.empty() || matched.results[0].element == result);
    if (!fits) {
      error("E211", e.location,
            (total ? "total sums one scalar type over the leaves, found that "
                   : "each gives a leaf of the same type, found that ") +
                callee.name + " gives " + (matched.results.empty() ? "nothing" : show(matched.results[0])) +
                " for " + (leaf->path.empty() ? "a leaf" : leaf->path) + ": " + show(type));
      return poison(e.location);
    }
    result = matched.results[0].element;
    passed = matched.arguments;
    leaves.push_back({nullptr, site, leaf->stacked});
    if (!rigid && !instantiateLeaf(matched, arguments, *leaf, total, e.location, leaves.back()))
      return poison(e.location);
  }
  if (total) {
    auto *out = make<ast::Total>(e.location, {result, {}, nullptr});
    out->leaves = std::move(leaves);
    out->arguments.assign(passed.begin(), passed.end());
    return out;
  }
  auto *out = make<ast::Each>(e.location, treeType(object));
  out->leaves = std::move(leaves);
  out->arguments.assign(passed.begin(), passed.end());
  return out;
}

// Arguments of which some are trees, all of one object.
bool Elaborator::treeArguments(Definition &callee, const std::vector<const syntax::Expr *> &written,
                               size_t preset, Location at, std::vector<ArgumentInfo> &out,
                               const ast::LayerObject *&object) {
  bool ok = true;
  out.resize(written.size());
  for (size_t i = preset; i < written.size(); ++i) {
    const syntax::Parameter &p = callee.item->parameters[i];
    if (p.axis) {
      error("E210", at,
            "a function applied to leaves takes no axis, found '" + std::string(p.name.text) + "'");
      return false;
    }
    ArgumentInfo &a = out[i];
    a.given = true;
    a.location = written[i] ? written[i]->location : at;
    if (written[i]) {
      a.expr = tensor(*written[i]);
    } else {
      Elaborator defaults(sema, *callee.module, nullptr, {}, environment, false);
      a.expr = defaults.tensor(*p.defaultValue);
    }
    a.type = a.expr->type();
    ok = ok && !isPoison(a.type);
    if (!a.type.isTree())
      continue;
    if (object && object != a.type.tree) {
      error("E301", a.location,
            "trees worked on together are of one object, found " + show(a.type) + " beside tree of " +
                object->path);
      return false;
    }
    object = a.type.tree;
  }
  return ok;
}

// `one` is the call for one layer's tensor. Where it makes no difference the whole stack is passed at once.
bool Elaborator::instantiateLeaf(const MatchedCall &one, const std::vector<ArgumentInfo> &arguments,
                                 const ast::State &leaf, bool total, Location at, ast::LeafCall &out) {
  Definition &callee = *one.definition;
  out.callee = sema.instantiateFunction(callee, one.bindings, environment, at);
  if (out.callee && leaf.stacked && takesAnyShape(callee, arguments) &&
      (total ? isSumOfPoints(*out.callee->body) : isPointwise(*out.callee->body))) {
    MatchedCall stack;
    if (!matchLeaf(callee, arguments, leaf.type, at, stack))
      return false;
    out.callee = sema.instantiateFunction(callee, stack.bindings, environment, at);
    out.mapped = 0;
  }
  failed |= !out.callee;
  return out.callee;
}

// The type of one layer's tensor of a stack; the leaf's own type where nothing is stacked.
ast::Type Elaborator::ofOne(const ast::State &leaf) {
  ast::Type type = leaf.type;
  type.axes.erase(type.axes.begin(), type.axes.begin() + leaf.stacked);
  return type;
}

// Are all trees passed as `T[...P]`, so that a stack would do as well as its slices?
bool Elaborator::takesAnyShape(const Definition &callee, const std::vector<ArgumentInfo> &arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::vector<syntax::TypeAxis> &axes = callee.item->parameters[i].type.axes;
    if (arguments[i].given && arguments[i].type.isTree() && (axes.size() != 1 || !axes.front().pack))
      return false;
  }
  return true;
}

// The call for one leaf: trees stand for a tensor of type `leaf`.
bool Elaborator::matchLeaf(Definition &callee, std::vector<ArgumentInfo> arguments, const ast::Type &leaf,
                           Location at, MatchedCall &out) {
  out.definition = &callee;
  out.bindings.generics.resize(callee.item->generics.size());
  out.bindings.constants.resize(callee.item->parameters.size());
  out.bindings.trees.resize(callee.item->parameters.size());
  TypeScope scope(sema, *callee.module, &callee, out.bindings, environment);
  scope.rigid = types.rigid;
  for (ArgumentInfo &a : arguments)
    if (a.type.isTree())
      a.type = leaf;
  return unifyArguments(callee, scope, arguments, nullptr, at, out);
}

// `one` is the optimiser for one layer's tensor; as instantiateLeaf.
bool Elaborator::updateLeaf(const MatchedCall &one, const std::vector<ArgumentInfo> &arguments,
                            const ast::State &leaf, Location at, ast::Update &update) {
  Definition &callee = *one.definition;
  LayerInfo *info = sema.instantiateLayer(callee, one.bindings, environment, at);
  unsigned mapped = leaf.stacked;
  if (info && mapped && takesAnyShape(callee, arguments) && isPointwise(*info->layer->body)) {
    MatchedCall stack;
    if (!matchLeaf(callee, arguments, leaf.type, at, stack))
      return false;
    info = sema.instantiateLayer(callee, stack.bindings, environment, at);
    mapped = 0;
  }
  failed |= !info;
  if (info)
    update.leaves.push_back({&leaf, info->layer, sema.optimiserObject(info, &leaf, mapped, at), mapped});
  return info;
}

// update gpt with optim.AdamW(g, lr: 1e-3)
void Elaborator::updateStatement(const syntax::Stmt &s) {
  if (!definition->isEntry() || region->kind != Region::Kind::Top) {
    error("E111", s.location, "parameters are updated at the top level of an entry, found update elsewhere");
    return;
  }
  const Symbol *object = sema.require(module, s.object, "a file-level layer");
  const Symbol *optimiser = sema.require(module, s.callee, "an optimiser");
  failed |= !object || !optimiser;
  if (!object || !optimiser)
    return;
  if (object->kind != Symbol::Kind::Instance || optimiser->kind != Symbol::Kind::Layer) {
    bool first = object->kind != Symbol::Kind::Instance;
    const syntax::Path &path = first ? s.object : s.callee;
    error("E106", path.location,
          std::string(first ? "update changes a file-level layer"
                            : "an optimiser is a layer (p, g, ...) -> p") +
              ", found " + path.str() + ", " + describe((first ? object : optimiser)->kind));
    return;
  }
  InstanceSymbol &instance = *object->instance;
  if (!instance.object) {
    failed |= instance.failed;
    if (instance.failed)
      return;
    error("E112", s.object.location,
          "the parameters of a layer are known once it has been called, found " + instance.name +
              " before its first call");
    return;
  }
  Definition &callee = *optimiser->definition;
  std::vector<const syntax::Expr *> written;
  if (callee.item->parameters.empty() || !matchArguments(callee, s.arguments, 1, s.location, written)) {
    failed = true;
    return;
  }
  std::vector<ArgumentInfo> arguments;
  const ast::LayerObject *tree = nullptr;
  if (!treeArguments(callee, written, 1, s.location, arguments, tree))
    return;
  if (tree && tree != instance.object) {
    error("E301", s.location,
          "an update of " + instance.name + " takes trees of it, found tree of " + tree->path);
    return;
  }
  auto *update = sema.program.own(new ast::Update());
  update->location = s.location;
  update->object = instance.object;
  update->site = sites++;
  // The parameter itself comes first: any tree stands for its leaf.
  auto *self = make<ast::TreeRef>(s.location, treeType(instance.object));
  arguments[0] = {true, self->type(), self, s.object.location};
  for (const ast::State *leaf : ast::leavesOf(instance.object)) {
    MatchedCall matched;
    ast::Type type = ofOne(*leaf);
    if (!matchLeaf(callee, arguments, type, s.location, matched))
      return;
    if (matched.results.size() != 1 || matched.results[0] != type) {
      error("E211", s.callee.location,
            "an optimiser gives the parameter's new value, found that " + callee.name + " gives " +
                (matched.results.empty() ? "nothing" : show(matched.results[0])) + " for " + leaf->path +
                ": " + show(type));
      return;
    }
    if (!updateLeaf(matched, arguments, *leaf, s.location, *update))
      return;
    update->arguments.assign(matched.arguments.begin() + 1, matched.arguments.end());
  }
  setsState = true;
  region->statements.push_back(update);
}

} // namespace cleave::sema
