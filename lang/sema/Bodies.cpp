// Whole definitions: functions, layers, entries, and the constants outside of them.
#include "lang/sema/Elaborator.h"
#include "lang/sema/Numbers.h"

namespace cleave::sema {

using ast::as;

const ast::Literal *Elaborator::elaborateHyper(Sema &sema, HyperSymbol &symbol) {
  const syntax::Binding &b = *symbol.binding;
  Elaborator self(sema, *symbol.module, nullptr, {}, *sema.baseEnvironment, false);
  std::optional<ast::Type> type;
  if (b.typed) {
    type = self.types.resolve(b.type, false);
    if (!type)
      return nullptr;
    if (!type->axes.empty()) {
      self.error("E203", b.type.location, "a hyper is one number or bool, found " + ast::toString(*type));
      return nullptr;
    }
  }
  Expr *value = self.tensor(*b.value);
  if (type)
    value = self.fit(value, *type, "hyper " + symbol.name);
  self.settle(value);
  auto *l = as<ast::Literal>(value);
  if (l && isPoison(l->type()))
    return nullptr;
  if (!l) {
    self.error("E405", b.value->location,
               "a hyper is known at compile time, found an expression that is not constant");
    return nullptr;
  }
  if (!symbol.override)
    return l;
  // --set: the text as the hyper's type reads it.
  std::string_view text = *symbol.override;
  ElementType element = l->type().element;
  bool negative = !text.empty() && text[0] == '-';
  std::string_view digits = text.substr(negative);
  auto *out = as<ast::Literal>(self.literal(element, 0, 0, b.name.location));
  bool ok = false;
  if (element == ElementType::Bool) {
    ok = text == "true" || text == "false";
    out->integer = text == "true";
  } else if (ast::isFloat(element)) {
    auto number = digits == "inf" ? std::optional<double>(__builtin_inf()) : parseFloat(digits);
    ok = number.has_value();
    out->real = roundTo(element, ok ? (negative ? -*number : *number) : 0);
  } else {
    auto number = parseInteger(digits);
    ok = number && holds(element, negative ? -*number : *number);
    out->integer = ok ? (negative ? -*number : *number) : 0;
  }
  if (!ok) {
    sema.error("E407", {},
               "--set gives " + symbol.name + " a value of type " + ast::nameOf(element) + ", found '" +
                   std::string(text) + "'");
    return nullptr;
  }
  return out;
}

void Elaborator::elaborateFileState(Sema &sema, StateSymbol &symbol) {
  Elaborator self(sema, *symbol.module, nullptr, {}, *sema.baseEnvironment, false);
  auto type = self.types.resolve(symbol.stmt->type, false);
  const ast::Comprehension *init = type ? self.initialiser(*symbol.stmt, *type) : nullptr;
  if (!init) {
    symbol.failed = true;
    return;
  }
  auto *state = sema.program.own(new ast::State());
  state->kind = ast::State::Kind::Buffer;
  state->path = symbol.name;
  state->type = *type;
  state->initialiser = init;
  state->value = sema.makeValue(ast::Value::Kind::State, symbol.name, *type, symbol.location);
  state->location = symbol.location;
  symbol.state = state;
}

std::optional<ast::Type> Elaborator::resolveTreeOr(const syntax::Type &type, size_t parameter) {
  if (type.name.str() != "tree")
    return types.resolve(type, definition->isGeneric() && !rigid);
  if (!rigid) {
    for (size_t i = parameter; i < bindings.trees.size() || i == parameter; ++i)
      if (i < bindings.trees.size() && bindings.trees[i])
        return treeType(bindings.trees[i]);
    for (const ast::LayerObject *tree : bindings.trees)
      if (tree)
        return treeType(tree);
    error("E303", type.location,
          "a function that gives a tree takes one, found no tree among its parameters");
    return std::nullopt;
  }
  // tree[T]: every leaf is of type T.
  ElementType element = ElementType::F32;
  auto written = type.axes.size() == 1 ? types.elementOf(type.axes[0].path) : std::nullopt;
  if (written) {
    element = *written;
  } else if (!type.axes.empty()) {
    error("E303", type.location,
          "tree[T] says the element type of every leaf, found " + types.describe(type));
    return std::nullopt;
  }
  return treeType(rigidTree(element));
}

// Makes the arguments' values. Constants of the call are bound inside and are no arguments.
bool Elaborator::bindParameters(std::vector<const ast::Value *> &arguments) {
  bool ok = true;
  const auto &parameters = definition->item->parameters;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const syntax::Parameter &p = parameters[i];
    if (p.axis) {
      int generic = definition->findGeneric(p.axisName.text);
      if (generic < 0 || definition->item->generics[generic].pack || definition->isElementGeneric(generic)) {
        error("E101", p.axisName.location,
              "an axis parameter names one of the generic axes, found '" + std::string(p.axisName.text) +
                  "'");
        ok = false;
      }
      continue;
    }
    auto type = resolveTreeOr(p.type, i);
    ok = ok && type;
    failed |= !type;
    ast::Type bound = type ? *type : ast::Type{ElementType::Poison, {}, nullptr};
    ast::Value *value = sema.makeValue(ast::Value::Kind::Argument, p.name.text, bound, p.name.location);
    definedAt[value] = 0;
    Local local;
    local.value = value;
    local.constant = bindings.constants.empty() ? nullptr : bindings.constants[i];
    bind(p.name, local);
    if (!local.constant)
      arguments.push_back(value);
  }
  return ok;
}

bool Elaborator::resolveResults(std::vector<ast::Type> &results) {
  bool ok = true;
  for (const syntax::Result &r : definition->item->results) {
    auto type = resolveTreeOr(r.type, 0);
    failed |= !type;
    ok = ok && type;
    results.push_back(type ? *type : ast::Type{ElementType::Poison, {}, nullptr});
  }
  return ok;
}

ast::Body *Elaborator::finishBody(Region &r) {
  auto *body = sema.program.own(new ast::Body());
  body->statements = std::move(r.statements);
  body->results.assign(r.results.begin(), r.results.end());
  return body;
}

// The statements of the whole definition in its top region.
void Elaborator::elaborateTop(Region &top) {
  region = &top;
  block(definition->item->body, false);
  if (top.returned || definition->item->results.empty())
    return;
  error("E305", definition->item->body.location,
        "a " +
            std::string(definition->isLayer()   ? "layer"
                        : definition->isEntry() ? "entry"
                                                : "function") +
            " returns what its signature says, found the end of " + definition->name + " without return");
}

ast::Function *Elaborator::function(const std::string &instanceName) {
  auto *f = sema.program.own(new ast::Function());
  f->name = definition->name;
  f->instanceName = instanceName;
  f->location = definition->item->location;
  f->composite = definition->item->composite;
  f->local = definition->item->local;
  functionNode = f;
  scopes.emplace_back();
  bool ok = bindParameters(f->arguments);
  ok = resolveResults(f->results) && ok;
  declaredResults = f->results;
  if (definition->item->results.empty())
    error("E305", definition->item->name.location,
          "a function says what it returns, found no -> in the signature of " + definition->name);
  Region top;
  elaborateTop(top);
  f->body = finishBody(top);
  f->residuals = residuals;
  if (definition->item->hasBackward)
    elaborateBackward(*f);
  scopes.pop_back();
  return failed || !ok ? nullptr : f;
}

// backward (dy) { return dx }: sees the parameters, the residuals, `result` and the cotangents.
void Elaborator::elaborateBackward(ast::Function &f) {
  const syntax::Item &item = *definition->item;
  if (!item.composite && !item.local) {
    error("E111", item.backward.location,
          "a backward belongs to a composite or local function, found one without composite");
    return;
  }
  if (item.cotangents.size() != f.results.size()) {
    error("E108", item.backward.location,
          "backward names one cotangent per result, found " + std::to_string(item.cotangents.size()) +
              " for " + std::to_string(f.results.size()));
    return;
  }
  std::unordered_map<std::string_view, Local> visible;
  for (const syntax::Parameter &p : item.parameters)
    if (Local *local = findLocal(p.name.text))
      visible[p.name.text] = *local;
  for (const ast::Value *residual : residuals)
    for (const auto &[name, local] : scopes.back())
      if (local.value == residual)
        visible[name] = local;
  std::vector<const ast::Value *> arguments;
  auto add = [&](std::string_view name, const ast::Type &type, Location at) {
    ast::Value *value = sema.makeValue(ast::Value::Kind::Argument, name, type, at);
    definedAt[value] = 0;
    Local local;
    local.value = value;
    local.location = at;
    visible[name] = local;
    arguments.push_back(value);
  };
  for (size_t i = 0; i < f.results.size(); ++i) {
    std::string_view name = item.results[i].name.text;
    add(name.empty() ? "result" : name, f.results[i], item.results[i].type.location);
  }
  for (size_t i = 0; i < f.results.size(); ++i)
    add(item.cotangents[i].text, f.results[i], item.cotangents[i].location);
  declaredResults.clear();
  for (const ast::Value *argument : f.arguments)
    if (!argument->type.isTree() && (isKind(argument->type.element, "float") || isPoison(argument->type)))
      declaredResults.push_back(argument->type);
  std::vector<std::unordered_map<std::string_view, Local>> outer;
  outer.swap(scopes);
  scopes.push_back(std::move(visible));
  scopes.emplace_back();
  Region back;
  back.kind = Region::Kind::Backward;
  region = &back;
  block(item.backward, false);
  if (!back.returned)
    error("E305", item.backward.location,
          "a backward returns a cotangent per floating-point parameter, found its end without return");
  ast::Body *body = finishBody(back);
  body->arguments = std::move(arguments);
  f.backward = body;
  outer.swap(scopes);
}

bool Elaborator::layer(LayerInfo &info, const std::string &instanceName) {
  auto *l = sema.program.own(new ast::Layer());
  l->name = definition->name;
  l->instanceName = instanceName;
  l->location = definition->item->location;
  info.definition = definition;
  info.layer = l;
  layerInfo = &info;
  scopes.emplace_back();
  bool ok = bindParameters(l->arguments);
  ok = resolveResults(l->results) && ok;
  declaredResults = l->results;
  Region top;
  elaborateTop(top);
  l->body = finishBody(top);
  scopes.pop_back();
  for (const Child &child : children) {
    l->children.push_back({child.name, child.repeat, child.location});
    info.children.push_back(child.info);
  }
  l->setsState = setsState;
  return !failed && ok;
}

void Elaborator::bindEntryInput(const syntax::Parameter &p, ast::Entry &entry) {
  if (p.axis || p.defaultValue || p.type.name.str() == "tree") {
    error("E510", p.name.location, "an entry's input is a tensor, found '" + std::string(p.name.text) + "'");
    return;
  }
  auto type = types.resolve(p.type, false);
  failed |= !type;
  ast::Value *value =
      sema.makeValue(ast::Value::Kind::Argument, p.name.text,
                     type ? *type : ast::Type{ElementType::Poison, {}, nullptr}, p.name.location);
  definedAt[value] = 0;
  Local local;
  local.value = value;
  bind(p.name, local);
  ast::EntryInput input;
  input.value = value;
  input.inOrder = p.inOrder;
  if (!p.source.parts.empty()) {
    const Symbol *symbol = sema.require(module, p.source, "a data source");
    failed |= !symbol;
    if (symbol && symbol->kind != Symbol::Kind::Data)
      error("E106", p.source.location,
            "an input comes from a data source, found " + p.source.str() + ", " + describe(symbol->kind));
    else if (symbol)
      input.source = symbol->data->source;
    if (input.source && type)
      checkSource(*input.source, *type, p);
  }
  entry.inputs.push_back(input);
}

// The element type an input has is the one its source gives.
void Elaborator::checkSource(const ast::DataSource &source, const ast::Type &type,
                             const syntax::Parameter &p) {
  using Kind = ast::DataSource::Kind;
  std::string wanted;
  if (source.kind == Kind::Bytes && type.element != ElementType::U8)
    wanted = "u8";
  std::string token = source.tokenType == "u16" ? "i32" : source.tokenType;
  if (source.kind == Kind::Tokens && token != ast::nameOf(type.element))
    wanted = token;
  if (source.kind == Kind::Synthetic) {
    bool integers = source.distribution == ast::DataSource::Distribution::Integers;
    if (integers != ast::isInteger(type.element))
      wanted = integers ? "an integer type" : "a floating-point type";
  }
  if (!wanted.empty())
    error("E301", p.type.location,
          "an input has the element type of its source, found " + show(type) + " where " + source.name +
              " gives " + wanted)
        .note(source.location, "the source is declared here");
  else if (type.axes.empty())
    error("E203", p.type.location, "an input from a source has at least one axis, found " + show(type));
}

ast::Entry *Elaborator::entry() {
  auto *e = sema.program.own(new ast::Entry());
  e->name = definition->name;
  e->location = definition->item->name.location;
  entryNode = e;
  scopes.emplace_back();
  for (const syntax::Parameter &p : definition->item->parameters)
    bindEntryInput(p, *e);
  resolveResults(declaredResults);
  for (size_t i = 0; i < definition->item->results.size(); ++i) {
    const syntax::Result &r = definition->item->results[i];
    if (declaredResults[i].isTree())
      error("E303", r.type.location, "an entry gives tensors, found a tree");
    for (size_t j = 0; j < i && !r.name.empty(); ++j)
      if (const syntax::Name &first = definition->item->results[j].name; first.text == r.name.text)
        error("E102", r.name.location,
              "an output has a name of its own, found a second '" + std::string(r.name.text) + "'")
            .note(first.location, "the first is here");
    e->outputNames.push_back(
        r.name.empty()
            ? (definition->item->results.size() == 1 ? std::string("result") : "result" + std::to_string(i))
            : std::string(r.name.text));
  }
  Region top;
  elaborateTop(top);
  ast::Body *body = finishBody(top);
  for (const ast::EntryInput &input : e->inputs)
    body->arguments.push_back(input.value);
  e->body = body;
  e->setsState = setsState;
  scopes.pop_back();
  return failed ? nullptr : e;
}

} // namespace cleave::sema
