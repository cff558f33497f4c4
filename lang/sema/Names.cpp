// What a name in a body means.
#include "lang/sema/Elaborator.h"

#include <algorithm>

namespace cleave::sema {

using ast::as;
using Syntax = syntax::Expr::Kind;

syntax::Path pathOf(const syntax::Expr &e);

Local *Elaborator::findLocal(std::string_view name) {
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {
    auto it = scope->find(name);
    if (it != scope->end())
      return &it->second;
  }
  return nullptr;
}

std::vector<std::string> Elaborator::visibleNames(const ElementContext *ctx) {
  std::vector<std::string> names = builtinNames();
  if (ctx)
    for (const IndexName *name : ctx->names)
      names.emplace_back(name->name);
  for (const auto &scope : scopes)
    for (const auto &[name, local] : scope)
      names.emplace_back(name);
  if (definition)
    for (const syntax::GenericParameter &g : definition->item->generics)
      names.emplace_back(g.name.text);
  return names;
}

// A built-in function's name means something else here.
bool Elaborator::isShadowed(std::string_view name, const ElementContext &ctx) {
  for (const IndexName *index : ctx.names)
    if (index->name == name)
      return true;
  return findLocal(name) || module.find(name);
}

Expr *Elaborator::valueRef(const ast::Value *value, Location at) {
  auto *ref = make<ast::ValueRef>(at, value->type);
  ref->value = value;
  return ref;
}

// The element type to which a call of `callee` converts: f32(x), T(x), T.wide(x), Compute(x).
std::optional<ElementType> Elaborator::conversionOf(const syntax::Expr &callee, const ElementContext &ctx) {
  syntax::Path path = pathOf(callee);
  if (path.parts.empty())
    return std::nullopt;
  std::string_view first = path.parts[0].text;
  bool local = findLocal(first) || std::any_of(ctx.names.begin(), ctx.names.end(),
                                               [&](const IndexName *index) { return index->name == first; });
  if (local || (elementTypeOf(path.str()) && module.find(first)))
    return std::nullopt;
  return types.elementOf(path);
}

// The size of an axis, as an integer constant that takes the type of its surroundings.
Expr *Elaborator::sizeLiteral(const ast::Axis *axis, Location at) {
  if (axis->size > 0)
    return literal(ElementType::UntypedInt, axis->size, 0, at);
  // A generic axis checked on its own: some number.
  return make<ast::Iter>(at, {ElementType::UntypedInt, {}, nullptr});
}

Expr *Elaborator::stateRef(StateSymbol &symbol, Location at) {
  if (!definition || !definition->isEntry()) {
    error("E111", at,
          "a file-level state is read by entries only (functions are pure), found " + symbol.name + " here")
        .note(symbol.location, "the state is declared here");
    return poison(at);
  }
  auto known = fileStates.find(&symbol);
  if (known != fileStates.end())
    return valueRef(known->second, at);
  ast::State *state = sema.stateOf(symbol);
  return state ? valueRef(state->value, at) : poison(at);
}

Expr *Elaborator::constantOf(const Symbol &symbol, Location at) {
  if (symbol.kind == Symbol::Kind::Axis) {
    const ast::Axis *axis = sema.axisOf(*symbol.axis, environment);
    return axis ? sizeLiteral(axis, at) : poison(at);
  }
  if (symbol.hyper->isType()) {
    error("E106", at, "a value is wanted here, found " + symbol.hyper->name + ", an element type")
        .suggest("it converts: " + symbol.hyper->name + "(x)");
    return poison(at);
  }
  const ast::Literal *value = sema.hyperOf(*symbol.hyper);
  return value ? literal(value->type().element, value->integer, value->real, at) : poison(at);
}

// A name that stands for a whole tensor, or null when it is something pointwise() deals with.
Expr *Elaborator::nameInTensor(const syntax::Expr &e, const syntax::Path &path) {
  bool handled = false;
  if (path.parts.size() > 1) {
    Expr *parameter = childParameter(e, handled);
    return handled ? parameter : nullptr;
  }
  Local *local = findLocal(path.parts[0].text);
  if (local && local->value && !local->constant && !inInitialiser)
    return valueRef(local->value, e.location);
  if (local || inInitialiser)
    return nullptr;
  const Symbol *symbol = module.find(path.parts[0].text);
  if (!symbol || (definition && definition->findGeneric(path.parts[0].text) >= 0))
    return nullptr;
  if (symbol->kind == Symbol::Kind::State)
    return stateRef(*symbol->state, e.location);
  if (symbol->kind != Symbol::Kind::Instance || !definition || !definition->isEntry())
    return nullptr;
  if (!symbol->instance->object) {
    failed |= symbol->instance->failed;
    if (symbol->instance->failed)
      return poison(e.location);
    error("E112", e.location,
          "the parameters of a layer are known once it has been called, found " + symbol->instance->name +
              " before its first call");
    return poison(e.location);
  }
  ast::Type type{ElementType::F32, {}, symbol->instance->object};
  auto leaves = ast::leavesOf(symbol->instance->object);
  if (!leaves.empty())
    type.element = leaves[0]->type.element;
  return make<ast::TreeRef>(e.location, type);
}

// `embed.table`: a parameter of a sub-layer, or of a file-level layer (`gpt.embed.table`).
Expr *Elaborator::childParameter(const syntax::Expr &e, bool &handled) {
  std::vector<syntax::Name> parts;
  const syntax::Expr *at = &e;
  for (; at->kind == Syntax::Member; at = at->left)
    parts.insert(parts.begin(), at->name);
  if (at->kind != Syntax::Name)
    return nullptr;
  Local *local = findLocal(at->text);
  auto *reference = make<ast::ParamRef>(e.location, {});
  LayerInfo *info = nullptr;
  Definition *layer = nullptr;
  if (local && local->child >= 0) {
    handled = true;
    Child &child = children[local->child];
    if (!child.definition)
      return poison(e.location);
    if (child.stacked || !child.called) {
      error("E112", e.location,
            child.stacked
                ? "the parameters of a repeat are its own, found " + child.name + " read from outside"
                : "a sub-layer's parameter is read after its first call, found " + child.name +
                      " not called yet");
      return poison(e.location);
    }
    reference->layer.path.push_back(local->child);
    info = child.info;
    layer = child.definition;
    if (rigid && parts.size() == 1) {
      // Only the signature is known: the type as written, with what the first call bound.
      for (const syntax::Stmt *s : layer->item->body.statements)
        for (const syntax::Name &name : s->names)
          if ((s->kind == syntax::Stmt::Kind::Param || s->kind == syntax::Stmt::Kind::State) &&
              name.text == parts[0].text) {
            Bindings bound = child.bindings;
            TypeScope scope(sema, *layer->module, layer, bound, environment);
            auto type = scope.resolve(s->type, true);
            if (!type)
              return poison(e.location);
            reference->types[0] = *type;
            return reference;
          }
    }
  } else if (const Symbol *symbol = local ? nullptr : module.find(at->text)) {
    if (symbol->kind != Symbol::Kind::Instance)
      return nullptr;
    handled = true;
    if (!definition || !definition->isEntry() || !symbol->instance->object) {
      error(
          "E112", e.location,
          "a file-level layer's parameter is read in an entry, after the layer's first call, found it here");
      return poison(e.location);
    }
    reference->layer.root = symbol->instance->object;
    info = symbol->instance->info;
    layer = symbol->instance->definition;
  } else {
    return nullptr;
  }
  return findSlot(reference, info, *layer, parts);
}

// The slot at the end of a path through sub-layers.
Expr *Elaborator::findSlot(ast::ParamRef *reference, LayerInfo *info, const Definition &layer,
                           const std::vector<syntax::Name> &parts) {
  size_t next = 0;
  std::vector<std::string> names;
  for (; info && info->layer && next < parts.size(); ++next) {
    names.clear();
    bool last = next + 1 == parts.size(), found = false;
    const auto &slots = info->layer->slots;
    for (size_t i = 0; i < slots.size() && last; ++i) {
      names.push_back(slots[i].value->name);
      if (slots[i].value->name == parts[next].text) {
        reference->slot = static_cast<unsigned>(i);
        reference->types[0] = slots[i].value->type;
        return reference;
      }
    }
    for (size_t i = 0; i < info->layer->children.size() && !last && !found; ++i) {
      const ast::ChildSlot &child = info->layer->children[i];
      names.push_back(child.name);
      if (child.name != parts[next].text || child.repeat || !info->children[i])
        continue;
      reference->layer.path.push_back(static_cast<unsigned>(i));
      info = info->children[i];
      found = true;
    }
    if (!found)
      break;
  }
  if (rigid || !info || !info->layer)
    return poison(reference->location); // deeper paths are known in instances only
  std::string better = diag::nearest(parts[next].text, names);
  error("E101", parts[next].location,
        "a parameter or sub-layer must be declared in the layer, found unknown name '" +
            std::string(parts[next].text) + "' in " + layer.name)
      .suggest(better.empty() ? "" : "did you mean '" + better + "'?");
  return poison(reference->location);
}

// `sum(i) x[i] + y[i]`: reports the i behind the end of the sum's term.
bool Elaborator::behindReduction(const syntax::Expr &e) {
  for (const auto &[reduction, names] : reductions)
    for (const IndexName *name : names) {
      if (name->name != e.text || reduction->location.end > e.location.begin)
        continue;
      std::string text(e.text), written = std::string(reduction->text) + "(" + text + ")";
      error("E101", e.location,
            "an index variable stands in the term of its reduction, found '" + text +
                "' behind the end of it")
          .note(reduction->location, written + " ends before +, - and comparisons")
          .suggest("brackets make the term longer: " + written + " (...)");
      return true;
    }
  return false;
}

Expr *Elaborator::nameInElement(const syntax::Expr &e, const syntax::Path &path, ElementContext &ctx) {
  std::string_view text = path.parts[0].text;
  bool plain = path.parts.size() == 1;
  for (auto it = ctx.names.rbegin(); plain && it != ctx.names.rend(); ++it) {
    if ((*it)->name != text)
      continue;
    (*it)->used = true;
    if ((*it)->pack || (*it)->variables.empty()) {
      if ((*it)->pack)
        error("E207", e.location,
              "a pack of index variables stands in subscripts only, found '" + std::string(text) +
                  "' used as a value");
      return poison(e.location);
    }
    auto *iter = make<ast::Iter>(e.location, {ElementType::I64, {}, nullptr});
    iter->variable = (*it)->variables.front();
    return iter;
  }
  if (Local *local = plain ? findLocal(text) : nullptr) {
    if (local->child >= 0) {
      error("E106", e.location,
            "a layer is called to give a value, found " + std::string(text) + " without arguments");
      return poison(e.location);
    }
    if (local->constant)
      return literal(local->constant->type().element, local->constant->integer, local->constant->real,
                     e.location);
    if (inInitialiser) {
      error("E111", e.location,
            "an initialiser uses constants, index variables and random numbers only, found " +
                std::string(text));
      return poison(e.location);
    }
    return leaf(valueRef(local->value, e.location), ctx, e);
  }
  int generic = plain && definition ? definition->findGeneric(text) : -1;
  if (generic >= 0) {
    const GenericValue &value = bindings.generics[generic];
    if (value.kind == GenericValue::Kind::Axis)
      return sizeLiteral(value.axis, e.location);
    error("E106", e.location,
          "only the name of a single axis stands for its size, found " + std::string(text) + ", " +
              (definition->item->generics[generic].pack ? "a pack of axes" : "an element type"));
    return poison(e.location);
  }
  if (Expr *whole = nameInTensor(e, path))
    return leaf(whole, ctx, e);
  if (plain && !module.find(text) && (text == "step" || text == "seed"))
    return leaf(valueRef(text == "step" ? sema.program.step : sema.program.seed, e.location), ctx, e);
  if (plain && !module.find(text) && behindReduction(e))
    return poison(e.location);
  const Symbol *symbol = sema.require(module, path, "a name in an expression", visibleNames(&ctx));
  failed |= !symbol;
  if (!symbol)
    return poison(e.location);
  if (symbol->kind == Symbol::Kind::Axis || symbol->kind == Symbol::Kind::Hyper)
    return constantOf(*symbol, e.location);
  std::string hint =
      symbol->kind == Symbol::Kind::Data
          ? "data reaches an entry through its inputs: entry train(x: u8[...] from " + path.str() + ")"
      : symbol->kind == Symbol::Kind::Function || symbol->kind == Symbol::Kind::Layer
          ? "call it: " + path.str() + "(...)"
          : "";
  error("E106", e.location, "a value is wanted here, found " + path.str() + ", " + describe(symbol->kind))
      .suggest(hint)
      .note(symbol->location, "it is declared here");
  return poison(e.location);
}

} // namespace cleave::sema
