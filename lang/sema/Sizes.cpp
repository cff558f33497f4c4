// Axis sizes, hypers, `--set`, data sources.
#include "lang/sema/Elaborator.h"
#include "lang/sema/Numbers.h"
#include "lang/sema/Sema.h"

#include "lang/sema/Types.h"
#include <algorithm>

namespace cleave::sema {

SemaAxis *Sema::makeAxis(std::string name, int64_t size, Location at) {
  auto *axis = program.own(new SemaAxis());
  axis->name = std::move(name);
  axis->size = size;
  axis->root = axis;
  axis->location = at;
  return axis;
}

const SemaAxis *Sema::aliasOf(const ast::Axis *axis, unsigned ordinal) {
  auto [it, fresh] = aliases.try_emplace({axis, ordinal}, nullptr);
  if (fresh) {
    SemaAxis *alias = makeAxis(axis->name + "_" + std::to_string(ordinal + 1), axis->size, axis->location);
    *alias = *semaOf(axis);
    alias->name = axis->name + "_" + std::to_string(ordinal + 1);
    alias->root = axis->root;
    alias->ordinal = ordinal;
    alias->aliasBase = semaOf(axis);
    alias->whole = axis->whole ? aliasOf(axis->whole, ordinal) : nullptr;
    it->second = alias;
  }
  return it->second;
}

const SemaAxis *Sema::blockAxis(const ast::Axis *axis, const std::vector<ast::MeshUse> &over, int64_t parts,
                                const ast::Mesh &mesh) {
  std::vector<unsigned> key;
  std::string name = axis->name;
  for (const ast::MeshUse &use : over) {
    key.push_back(use.axis);
    name += "/" + mesh.axes[use.axis].name;
  }
  auto [it, fresh] = blocks.try_emplace({axis, key}, nullptr);
  if (!fresh)
    return it->second;
  SemaAxis *block = makeAxis(name, axis->size / parts, axis->location);
  block->whole = axis;
  block->over = over;
  if (axis->root != axis)
    block->root = blockAxis(axis->root, over, parts, mesh);
  return blocks[{axis, key}] = block;
}

const SemaAxis *Sema::ranksAxis(const ast::MeshUse &use, const ast::Mesh &mesh) {
  auto [it, fresh] = ranks.try_emplace(use.axis, nullptr);
  if (fresh) {
    SemaAxis *axis = makeAxis(mesh.axes[use.axis].name, mesh.axes[use.axis].size, use.location);
    axis->isRanks = true;
    axis->over = {use};
    it->second = axis;
  }
  return it->second;
}

AxisEnvironment &Sema::newEnvironment(const AxisEnvironment *base) {
  AxisEnvironment &environment = environments.emplace_back();
  environment.base = base;
  environment.id = static_cast<unsigned>(environments.size() - 1);
  return environment;
}

// A path written as an expression: `Embed`, `conv.Taps`. Empty when `e` is something else.
syntax::Path pathOf(const syntax::Expr &e) {
  syntax::Path path;
  const syntax::Expr *at = &e;
  for (; at->kind == syntax::Expr::Kind::Member; at = at->left)
    path.parts.insert(path.parts.begin(), at->name);
  if (at->kind != syntax::Expr::Kind::Name)
    return {};
  path.parts.insert(path.parts.begin(), syntax::Name{at->text, at->location});
  path.location = {e.location.source, at->location.begin, path.parts.back().location.end};
  return path;
}

// The axis this one is an alias of (`Keys = Seq`): its whole size is another axis's name.
static const Symbol *aliasTarget(Sema &sema, const AxisSymbol &symbol) {
  if (!symbol.binding->value)
    return nullptr;
  syntax::Path path = pathOf(*symbol.binding->value);
  size_t failed;
  const Module *scope;
  const Symbol *target = path.parts.empty() ? nullptr : sema.lookup(*symbol.module, path, failed, scope);
  return target && target->kind == Symbol::Kind::Axis ? target : nullptr;
}

static bool mentionsOverride(const SemaAxis *axis, const AxisEnvironment &environment) {
  if (environment.overrides.count(axis->symbol))
    return true;
  for (const SemaAxis *mention : axis->mentions)
    if (environment.overrides.count(mention->symbol))
      return true;
  return false;
}

// A declaration in a chain costs more stack than an operator.
static unsigned weightOf(const syntax::Expr *value) { return 8 + (value ? value->depth : 0); }

bool Sema::enterChain(const std::string &name, const syntax::Expr *value, Location at) {
  constexpr unsigned kLongest = 1500;
  if (chain > 0 && chain + weightOf(value) > kLongest) {
    error("E404", at,
          "sizes and hypers that are computed one from the next are a short chain, found one that has not "
          "ended at " +
              name)
        .suggest("declare first what the others are computed from");
    return false;
  }
  chain += weightOf(value);
  return true;
}

void Sema::leaveChain(const syntax::Expr *value) { chain -= weightOf(value); }

// Each once, in order: a size that mentions another twice does not make its own mentions twice as many.
static void addMentions(std::vector<const SemaAxis *> &mentions, const SemaAxis *axis) {
  auto add = [&](const SemaAxis *one) {
    if (std::find(mentions.begin(), mentions.end(), one) == mentions.end())
      mentions.push_back(one);
  };
  for (const SemaAxis *mention : axis->mentions)
    add(mention);
  add(axis);
}

const SemaAxis *Sema::axisOf(const AxisSymbol &constSymbol, AxisEnvironment &environment) {
  auto &symbol = const_cast<AxisSymbol &>(constSymbol);
  auto known = environment.axes.find(&symbol);
  if (known != environment.axes.end())
    return known->second;
  const syntax::Name &name = symbol.binding->name;
  const SemaAxis *baseAxis = nullptr;
  if (environment.base) {
    baseAxis = axisOf(symbol, const_cast<AxisEnvironment &>(*environment.base));
    if (!baseAxis || !mentionsOverride(baseAxis, environment))
      return environment.axes[&symbol] = baseAxis;
  }
  if (symbol.resolving) {
    error("E404", name.location,
          "an axis's size may not depend on itself, found that " + symbol.name + " does");
    return environment.axes[&symbol] = nullptr;
  }
  if (!enterChain(symbol.name, symbol.binding->value, name.location))
    return environment.axes[&symbol] = nullptr;
  symbol.resolving = true;
  std::optional<int64_t> size;
  std::vector<const SemaAxis *> mentions;
  const SemaAxis *root = nullptr;
  auto forced = environment.overrides.find(&symbol);
  if (forced != environment.overrides.end()) {
    size = forced->second;
  } else if (symbol.override) {
    size = symbol.override;
  } else if (const Symbol *target = aliasTarget(*this, symbol)) {
    root = axisOf(*target->axis, environment);
    if (root) {
      size = root->size;
      addMentions(mentions, root);
    }
  } else if (symbol.binding->value) {
    size = evaluateSize(*symbol.binding->value, *symbol.module, environment, mentions);
  } else {
    error("E401", name.location, "every axis has a size, found none for " + symbol.name)
        .suggest("write axis " + std::string(name.text) + " = 16, or give it on the command line: --set " +
                 symbol.name + "=16");
  }
  symbol.resolving = false;
  leaveChain(symbol.binding->value);
  if (size && *size <= 0) {
    error("E402", name.location,
          "an axis has at least one element, found " + symbol.name + " of size " + std::to_string(*size));
    size.reset();
  }
  if (constexpr size_t kMostMentions = 1000; mentions.size() > kMostMentions) {
    error("E404", name.location,
          "a size is computed from at most 1000 axes, through others or not, found more for " + symbol.name);
    size.reset();
  }
  if (!size)
    return environment.axes[&symbol] = nullptr;
  SemaAxis *axis = makeAxis(symbol.name, *size, name.location);
  axis->symbol = &symbol;
  axis->mentions = std::move(mentions);
  if (root)
    axis->root = root->root;
  if (!environment.base)
    program.axes.push_back(axis);
  return environment.axes[&symbol] = axis;
}

static std::optional<int64_t> combine(Sema &sema, const syntax::Expr &e, int64_t a, int64_t b) {
  std::optional<int64_t> result = integerBinary(e.text, a, b);
  if (result)
    return result;
  if ((e.text == "/" || e.text == "%") && b == 0)
    sema.error("E402", e.opLocation,
               "a size is not divided by zero, found " + std::to_string(a) + " " + std::string(e.text) +
                   " 0");
  else
    sema.error("E403", e.opLocation,
               "a size fits in 63 bits, found " + std::to_string(a) + " " + std::string(e.text) + " " +
                   std::to_string(b));
  return std::nullopt;
}

std::optional<int64_t> Sema::evaluateSize(const syntax::Expr &e, Module &module, AxisEnvironment &environment,
                                          std::vector<const SemaAxis *> &mentions) {
  using Kind = syntax::Expr::Kind;
  if (e.kind == Kind::Integer) {
    std::optional<int64_t> value = parseInteger(e.text);
    if (!value)
      error("E403", e.location, "a size fits in 63 bits, found " + std::string(e.text));
    return value;
  }
  if (e.kind == Kind::Unary && e.text == "-") {
    auto value = evaluateSize(*e.left, module, environment, mentions);
    return value ? combine(*this, e, 0, *value) : std::nullopt;
  }
  if (e.kind == Kind::Binary && integerBinary(e.text, 1, 1)) {
    auto a = evaluateSize(*e.left, module, environment, mentions);
    auto b = evaluateSize(*e.right, module, environment, mentions);
    return a && b ? combine(*this, e, *a, *b) : std::nullopt;
  }
  syntax::Path path = pathOf(e);
  if (!path.parts.empty()) {
    const Symbol *symbol = require(module, path, "an axis or hyper in a size");
    if (!symbol)
      return std::nullopt;
    if (symbol->kind == Symbol::Kind::Axis) {
      const SemaAxis *axis = axisOf(*symbol->axis, environment);
      if (!axis)
        return std::nullopt;
      addMentions(mentions, axis);
      return axis->size;
    }
    if (symbol->kind == Symbol::Kind::Hyper && !symbol->hyper->isType()) {
      const ast::Literal *value = hyperOf(*symbol->hyper);
      if (value && ast::isInteger(value->type().element))
        return value->integer;
      if (!value)
        return std::nullopt;
    }
    error("E405", e.location,
          "a size is made of integers, axes and integer hypers, found " + path.str() + ", " +
              describe(symbol->kind));
    return std::nullopt;
  }
  error("E405", e.location,
        "a size is an integer expression of axes and hypers (+ - * / %), found another "
        "kind of expression");
  return std::nullopt;
}

// A size whose names may be a definition's axes; `unknown` where one of these is not known yet.
static std::optional<int64_t> sizeAmong(Sema &sema, const syntax::Expr &e, const Definition &definition,
                                        const Bindings &bindings, bool &unknown) {
  using Kind = syntax::Expr::Kind;
  bool isUnary = e.kind == Kind::Unary && e.text == "-";
  if (isUnary || (e.kind == Kind::Binary && integerBinary(e.text, 1, 1))) {
    auto a = isUnary ? std::optional<int64_t>(0) : sizeAmong(sema, *e.left, definition, bindings, unknown);
    auto b = sizeAmong(sema, isUnary ? *e.left : *e.right, definition, bindings, unknown);
    return a && b && !unknown ? combine(sema, e, *a, *b) : a && b ? b : std::nullopt;
  }
  syntax::Path path = pathOf(e);
  int generic = path.parts.size() == 1 ? definition.findGeneric(path.parts[0].text) : -1;
  if (generic >= 0 && bindings.generics[generic].kind == GenericValue::Kind::Axis) {
    unknown |= bindings.generics[generic].axis->size == 0;
    return bindings.generics[generic].axis->size;
  }
  std::vector<const SemaAxis *> mentions;
  return sema.evaluateSize(e, *definition.module, *sema.baseEnvironment, mentions);
}

bool Sema::deriveGenerics(const Definition &definition, Bindings &bindings) {
  const auto &generics = definition.item->generics;
  bool fine = true;
  for (size_t i = 0; i < generics.size() && fine; ++i) {
    if (!generics[i].size)
      continue;
    GenericValue &value = bindings.generics[i];
    bool unknown = false, isBound = value.kind == GenericValue::Kind::Axis;
    std::optional<int64_t> size = sizeAmong(*this, *generics[i].size, definition, bindings, unknown);
    fine = size && (*size >= 1 || unknown);
    if (size && !fine)
      error("E402", generics[i].size->location,
            "an axis has at least one element, found " + std::string(generics[i].name.text) + " of size " +
                std::to_string(*size));
    if (!fine)
      return false;
    if (isBound && !unknown && value.axis->size != 0 && value.axis->size != *size) {
      error("E210", generics[i].size->location,
            "an axis that is computed from others has that size, " + std::to_string(*size) + ", found " +
                value.axis->name + " of size " + std::to_string(value.axis->size) + " for " +
                std::string(generics[i].name.text));
      return false;
    }
    if (isBound)
      continue;
    int64_t known = unknown ? 0 : *size;
    auto [it, fresh] = derived.try_emplace({&definition, i, known}, nullptr);
    if (fresh)
      it->second = makeAxis(std::string(generics[i].name.text), known, generics[i].name.location);
    value.kind = GenericValue::Kind::Axis;
    value.axis = it->second;
  }
  return true;
}

const ast::Literal *Sema::hyperOf(HyperSymbol &symbol) {
  if (symbol.value || symbol.failed)
    return symbol.value;
  const syntax::Binding &b = *symbol.binding;
  if (symbol.resolving) {
    error("E404", b.name.location, "a hyper may not depend on itself, found that " + symbol.name + " does");
    symbol.failed = true;
    return nullptr;
  }
  if (!enterChain(symbol.name, b.value, b.name.location)) {
    symbol.failed = true;
    return nullptr;
  }
  symbol.resolving = true;
  symbol.value = Elaborator::elaborateHyper(*this, symbol);
  symbol.resolving = false;
  leaveChain(b.value);
  if (!symbol.value) {
    symbol.failed = true;
    return nullptr;
  }
  program.hypers.push_back({symbol.name, symbol.value, symbol.value->type().element, b.name.location});
  return symbol.value;
}

ast::ElementType Sema::elementOf(HyperSymbol &symbol) {
  if (symbol.element)
    return *symbol.element;
  const syntax::Binding &b = *symbol.binding;
  syntax::Path path = pathOf(*b.value);
  auto element = elementTypeOf(path.parts.empty() ? "" : path.str());
  if (!element)
    error(
        "E303", b.value->location,
        "a hyper that is a type is f32, f64, bf16, f16, i8, i32, i64, u8 or bool, found another expression");
  if (symbol.override) {
    element = elementTypeOf(*symbol.override);
    if (!element)
      error("E407", {}, "--set gives " + symbol.name + " an element type, found '" + *symbol.override + "'");
  }
  symbol.element = element.value_or(ast::ElementType::Poison);
  program.hypers.push_back({symbol.name, nullptr, *symbol.element, b.name.location});
  return *symbol.element;
}

// A value given on the command line has no place in a file: it is reported without one.
void Sema::applySets() {
  for (const auto &[name, text] : options.sets) {
    syntax::Path path;
    std::string_view rest = name;
    for (size_t dot; (dot = rest.find('.')) != std::string_view::npos; rest.remove_prefix(dot + 1))
      path.parts.push_back({rest.substr(0, dot), {}});
    path.parts.push_back({rest, {}});
    size_t failed;
    const Module *scope;
    const Symbol *symbol = lookup(*mainModule, path, failed, scope);
    if (!symbol || (symbol->kind != Symbol::Kind::Axis && symbol->kind != Symbol::Kind::Hyper)) {
      std::vector<std::string> names;
      for (const AxisSymbol *axis : axisOrder)
        names.push_back(axis->name);
      for (const HyperSymbol *hyper : hyperOrder)
        names.push_back(hyper->name);
      std::string better = diag::nearest(name, names), tail = "." + name;
      for (const std::string &known : names) // of a module: Taps for conv.Taps
        if (known.size() > tail.size() && known.compare(known.size() - tail.size(), tail.size(), tail) == 0)
          better = known;
      error("E406", {}, "--set names an axis or a hyper of the program, found unknown name '" + name + "'")
          .suggest(better.empty() ? "" : "did you mean '" + better + "'?");
      continue;
    }
    if (symbol->kind == Symbol::Kind::Hyper) {
      symbol->hyper->override = text;
      continue;
    }
    if (const Symbol *target = aliasTarget(*this, *symbol->axis)) {
      error("E406", {},
            "--set does not take an alias, found that " + name + " has the size of " + target->axis->name)
          .suggest("--set " + target->axis->name + "=" + text);
      continue;
    }
    bool negative = !text.empty() && text[0] == '-';
    std::optional<int64_t> value = parseInteger(std::string_view(text).substr(negative));
    if (!value)
      error("E407", {}, "--set gives an axis a whole number below 2^63, found '" + text + "' for " + name);
    else if (negative || *value == 0)
      error("E402", {}, "an axis has at least one element, found --set " + name + "=" + text);
    else
      symbol->axis->override = *value;
  }
}

//===-- Data sources ----------------------------------------------------===//

static std::string stringOf(const syntax::Expr &e) {
  std::string out;
  std::string_view raw = e.text.substr(1, e.text.size() - 2);
  for (size_t i = 0; i < raw.size(); ++i)
    out += raw[i] != '\\' ? raw[i] : raw[++i] == 'n' ? '\n' : raw[i] == 't' ? '\t' : raw[i];
  return out;
}

static bool readSynthetic(Sema &sema, const syntax::Expr &e, ast::DataSource &source, Module &module) {
  using Kind = syntax::Expr::Kind;
  using Distribution = ast::DataSource::Distribution;
  if (e.kind == Kind::Name && (e.text == "normal" || e.text == "uniform")) {
    source.distribution = e.text == "normal" ? Distribution::Normal : Distribution::Uniform;
    return true;
  }
  bool integers = e.kind == Kind::Call && e.left->kind == Kind::Name && e.left->text == "integers" &&
                  e.arguments.size() == 1 &&
                  (e.arguments[0].name.empty() || e.arguments[0].name.text == "below");
  if (!integers) {
    sema.error("E510", e.location,
               "synthetic data is normal, uniform or integers(below: n), found another expression");
    return false;
  }
  std::vector<const SemaAxis *> mentions;
  auto below = sema.evaluateSize(*e.arguments[0].value, module, *sema.baseEnvironment, mentions);
  if (below && *below <= 0)
    sema.error("E510", e.arguments[0].value->location,
               "integers are drawn below a positive number, found " + std::to_string(*below));
  source.distribution = Distribution::Integers;
  source.below = below.value_or(1);
  return below && *below > 0;
}

void Sema::resolveData(DataSymbol &data) {
  using Kind = syntax::Expr::Kind;
  using SourceKind = ast::DataSource::Kind;
  const syntax::Expr &e = *data.item->value;
  static const std::pair<const char *, SourceKind> kinds[] = {{"bytes", SourceKind::Bytes},
                                                              {"tokens", SourceKind::Tokens},
                                                              {"npy", SourceKind::Npy},
                                                              {"synthetic", SourceKind::Synthetic}};
  auto *source = program.own(new ast::DataSource());
  source->name = data.module->name.empty() ? std::string(data.item->name.text)
                                           : data.module->name + "." + std::string(data.item->name.text);
  source->location = data.item->location;
  source->folder = data.module->folder;
  bool known = false;
  if (e.kind == Kind::Call && e.left->kind == Kind::Name)
    for (const auto &[name, kind] : kinds)
      if (e.left->text == name) {
        source->kind = kind;
        known = true;
      }
  if (!known) {
    error("E510", e.location,
          "a data source is bytes(...), tokens(...), npy(...) or synthetic(...), found another expression");
    return;
  }
  bool fine = true;
  for (const syntax::Argument &a : e.arguments) {
    if (a.value->kind == Kind::String && source->kind != SourceKind::Synthetic) {
      source->paths.push_back(stringOf(*a.value));
    } else if (source->kind == SourceKind::Synthetic) {
      fine = readSynthetic(*this, *a.value, *source, *data.module) && fine;
    } else if (source->kind == SourceKind::Tokens && a.value->kind == Kind::Name &&
               (a.value->text == "u8" || a.value->text == "u16" || a.value->text == "i32" ||
                a.value->text == "i64")) {
      source->tokenType = a.value->text;
    } else {
      error("E510", a.value->location,
            source->kind == SourceKind::Tokens
                ? "tokens(...) takes file names and a type u8, u16, i32 or i64, found another argument"
                : std::string(e.left->text) + "(...) takes file names as strings, found another argument");
      fine = false;
    }
  }
  bool missing = source->kind == SourceKind::Synthetic ? e.arguments.size() != 1 : source->paths.empty();
  if (fine && (missing || (source->kind == SourceKind::Tokens && source->tokenType.empty()))) {
    error("E510", e.location,
          source->kind == SourceKind::Synthetic ? "synthetic(...) takes one distribution, found " +
                                                      std::to_string(e.arguments.size()) + " arguments"
          : missing                             ? "a data source names its files, found none"
                                                : "tokens(...) says its type, found none");
    fine = false;
  }
  if (!fine)
    return;
  data.source = source;
  program.data.push_back(source);
}

} // namespace cleave::sema
