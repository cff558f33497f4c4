// Element-level expressions: operators, built-in functions, casts, and tensors standing among them.
#include "lang/sema/Elaborator.h"
#include "lang/sema/Numbers.h"

namespace cleave::sema {

using ast::as;
using ast::BinaryOp;
using ast::UnaryOp;
using Syntax = syntax::Expr::Kind;

syntax::Path pathOf(const syntax::Expr &e);
bool drawsRandom(const Expr *e);

static const std::pair<const char *, UnaryOp> kUnaries[] = {
    {"exp", UnaryOp::Exp},   {"log", UnaryOp::Log},     {"log1p", UnaryOp::Log1p}, {"expm1", UnaryOp::Expm1},
    {"sqrt", UnaryOp::Sqrt}, {"rsqrt", UnaryOp::Rsqrt}, {"tanh", UnaryOp::Tanh},   {"erf", UnaryOp::Erf},
    {"sin", UnaryOp::Sin},   {"cos", UnaryOp::Cos},     {"abs", UnaryOp::Abs},     {"floor", UnaryOp::Floor},
    {"ceil", UnaryOp::Ceil}, {"round", UnaryOp::Round}, {"sign", UnaryOp::Sign},   {"isnan", UnaryOp::IsNan}};

static const std::pair<const char *, BinaryOp> kBinaries[] = {
    {"pow", BinaryOp::Pow}, {"maximum", BinaryOp::Max}, {"minimum", BinaryOp::Min}};

static const std::pair<const char *, BinaryOp> kOperators[] = {
    {"+", BinaryOp::Add}, {"-", BinaryOp::Sub}, {"*", BinaryOp::Mul}, {"/", BinaryOp::Div},
    {"%", BinaryOp::Mod}, {"<", BinaryOp::Lt},  {"<=", BinaryOp::Le}, {">", BinaryOp::Gt},
    {">=", BinaryOp::Ge}, {"==", BinaryOp::Eq}, {"!=", BinaryOp::Ne}, {"&&", BinaryOp::And},
    {"||", BinaryOp::Or}};

// For suggestions.
std::vector<std::string> builtinNames() {
  std::vector<std::string> out = {"where",
                                  "uniform",
                                  "normal",
                                  "stop_gradient",
                                  "argsort",
                                  "concat",
                                  "grad",
                                  "each",
                                  "total",
                                  "step",
                                  "seed",
                                  "f32",
                                  "f64",
                                  "bf16",
                                  "all_reduce",
                                  "all_gather",
                                  "reduce_scatter",
                                  "all_to_all",
                                  "permute",
                                  "rank",
                                  "f16",
                                  "i8",
                                  "i32",
                                  "i64",
                                  "u8",
                                  "bool"};
  for (const auto &[name, op] : kUnaries)
    out.push_back(name);
  for (const auto &[name, op] : kBinaries)
    out.push_back(name);
  return out;
}

// Functions of scalars that apply element by element.
const std::vector<std::string> &scalarBuiltins() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out = {"where", "uniform", "normal"};
    for (const auto &[name, op] : kUnaries)
      out.push_back(name);
    for (const auto &[name, op] : kBinaries)
      out.push_back(name);
    return out;
  }();
  return names;
}

Expr *Elaborator::element(const syntax::Expr &e, ElementContext &ctx) {
  switch (e.kind) {
  case Syntax::Integer: {
    std::optional<int64_t> value = parseInteger(e.text);
    if (!value)
      error("E403", e.location, "an integer fits in 63 bits, found " + std::string(e.text));
    return value ? literal(ElementType::UntypedInt, *value, 0, e.location) : poison(e.location);
  }
  case Syntax::Float:
    return literal(ElementType::UntypedFloat, 0, parseFloat(e.text).value_or(0), e.location);
  case Syntax::Inf:
    return literal(ElementType::UntypedFloat, 0, __builtin_inf(), e.location);
  case Syntax::Bool:
    return literal(ElementType::Bool, e.text == "true", 0, e.location);
  case Syntax::String:
    error("E301", e.location, "a string stands in print, assert and data sources only, found one here");
    return poison(e.location);
  case Syntax::Unary: {
    Expr *operand = element(*e.left, ctx);
    return unary(e.text == "-" ? UnaryOp::Neg : UnaryOp::Not, operand, e.location);
  }
  case Syntax::Binary: {
    Expr *left = element(*e.left, ctx);
    Expr *right = element(*e.right, ctx);
    BinaryOp op = BinaryOp::Add;
    for (const auto &[name, candidate] : kOperators)
      if (e.text == name)
        op = candidate;
    Expr *out = binary(op, left, right, e.opLocation, e.text);
    out->location = e.location;
    return out;
  }
  case Syntax::Reduction:
    return reduction(e, ctx);
  case Syntax::Name:
  case Syntax::Member: {
    syntax::Path path = pathOf(e);
    if (!path.parts.empty())
      return nameInElement(e, path, ctx);
    error("E101", e.location,
          "only modules and layers have names inside, found '." + std::string(e.name.text) +
              "' after an expression");
    return poison(e.location);
  }
  case Syntax::Index:
    return access(e, ctx);
  case Syntax::Call: {
    bool handled = false;
    Expr *out = builtinCall(e, ctx, handled);
    if (handled)
      return out;
    return !ctx.pointwise && mentions(e, ctx) ? elementCall(e, ctx) : leaf(tensor(e), ctx, e);
  }
  default: // if, scan, while, scatter
    return leaf(tensor(e), ctx, e);
  }
}

// One element of a whole tensor that stands in an element-level expression.
Expr *Elaborator::leaf(Expr *t, ElementContext &ctx, const syntax::Expr &written) {
  const ast::Type &type = t->type();
  if (isPoison(type) || t->kind == Expr::Kind::Literal)
    return t;
  if (type.isTree()) {
    error("E301", written.location,
          "a tree is worked on by each(f, tree) and total(f, tree), found one among operators");
    return poison(written.location);
  }
  std::vector<const ast::IndexVariable *> variables;
  if (!type.axes.empty()) {
    if (!ctx.pointwise) {
      std::string list;
      for (const ast::Axis *axis : type.axes) {
        std::string letter(1, static_cast<char>(std::tolower(static_cast<unsigned char>(axis->name[0]))));
        list += (list.empty() ? "" : ", ") + letter;
      }
      error("E209", written.location,
            "inside an indexed definition or reduction a tensor is read with subscripts, found " +
                show(type) + " without")
          .suggest("write " +
                   std::string(written.kind == Syntax::Name ? written.text : std::string_view("(...)")) +
                   "[" + list + "]");
      return poison(written.location);
    }
    if (!ctx.shaped) {
      ctx.shaped = true;
      ctx.shapeLocation = written.location;
      for (const ast::Axis *axis : type.axes) {
        auto *variable = sema.program.own(new ast::IndexVariable());
        variable->axis = axis;
        variable->location = written.location;
        ctx.shape.push_back(variable);
      }
      ctx.shapeName = show({type.element, type.axes, nullptr});
    }
    std::vector<const ast::Axis *> axes;
    for (const ast::IndexVariable *variable : ctx.shape)
      axes.push_back(variable->axis);
    if (axes != type.axes) {
      error("E204", written.location,
            "tensors in a pointwise expression have the same axes in the same order, found " + show(type) +
                " beside " + ctx.shapeName)
          .note(ctx.shapeLocation, "the other one is here")
          .suggest("name the indices: let y[b, s] = x[b, s] + bias[s]");
      return poison(written.location);
    }
    variables = ctx.shape;
  }
  auto *out = make<ast::Access>(written.location, {type.element, {}, nullptr});
  out->base = t;
  for (const ast::IndexVariable *variable : variables) {
    ast::Affine position;
    position.terms.emplace_back();
    position.terms[0].variable = variable;
    out->positions.push_back(std::move(position));
  }
  return out;
}

std::vector<const syntax::Expr *>
Elaborator::builtinArguments(const syntax::Expr &e, const std::vector<const char *> &names, size_t required) {
  std::vector<const syntax::Expr *> out(names.size());
  std::string callee(e.left->text);
  size_t next = 0;
  bool ok = true;
  for (const syntax::Argument &a : e.arguments) {
    size_t i = next;
    if (!a.name.empty()) {
      for (i = 0; i < names.size() && a.name.text != names[i]; ++i) {
      }
      if (i == names.size()) {
        std::vector<std::string> known(names.begin(), names.end());
        std::string better = diag::nearest(a.name.text, known);
        error("E107", a.name.location,
              callee + " has no parameter of that name, found '" + std::string(a.name.text) + "'")
            .suggest(better.empty() ? "" : "did you mean '" + better + "'?");
        ok = false;
        continue;
      }
    } else {
      ++next;
    }
    if (i < names.size() && !out[i])
      out[i] = a.value;
    else if (i < names.size()) {
      error("E108", a.value->location,
            callee + " takes each argument once, found '" + std::string(names[i]) + "' twice");
      ok = false;
    } else {
      ok = false;
      error("E108", a.value->location,
            callee + " takes " + std::to_string(names.size()) + " argument" + (names.size() == 1 ? "" : "s") +
                ", found " + std::to_string(e.arguments.size()));
      break;
    }
  }
  for (size_t i = 0; i < required && ok; ++i)
    if (!out[i]) {
      error("E108", e.location,
            callee + " takes " + std::to_string(required) + " argument" + (required == 1 ? "" : "s") +
                ", found no '" + names[i] + "'");
      ok = false;
    }
  if (!ok)
    out.clear();
  return out;
}

Expr *Elaborator::randomCall(const syntax::Expr &e, ElementContext &ctx) {
  bool normal = e.left->text == "normal";
  auto args = normal ? builtinArguments(e, {"mean", "std"}, 0) : builtinArguments(e, {"low", "high"}, 0);
  if (args.empty())
    return poison(e.location);
  auto *random = make<ast::Random>(e.location, {ElementType::UntypedFloat, {}, nullptr});
  random->normal = normal;
  random->site = sites++;
  Expr *out = random;
  Expr *first = args[0] ? element(*args[0], ctx) : nullptr;
  Expr *second = args[1] ? element(*args[1], ctx) : nullptr;
  if (normal) {
    if (second)
      out = binary(BinaryOp::Mul, out, second, e.location, "normal(std:)");
    return first ? binary(BinaryOp::Add, out, first, e.location, "normal(mean:)") : out;
  }
  if (!first && !second)
    return out;
  // low + (high - low) * u
  if (!second)
    second = literal(ElementType::UntypedInt, 1, 0, e.location);
  if (first && drawsRandom(first)) {
    error("E111", args[0]->location,
          "the lower end of a range is not itself random, found a random number in it");
    return poison(e.location);
  }
  // `first` stands twice: what gives it a type in place does so once.
  if (first)
    second = binary(BinaryOp::Sub, second, first, e.location, "uniform(low:, high:)");
  out = binary(BinaryOp::Mul, out, second, e.location, "uniform(low:, high:)");
  return first ? binary(BinaryOp::Add, out, first, e.location, "uniform(low:, high:)") : out;
}

Expr *Elaborator::castCall(const syntax::Expr &e, ElementType to, ElementContext &ctx) {
  if (e.arguments.size() != 1 || !e.arguments[0].name.empty()) {
    error("E108", e.location,
          "a conversion takes one value, found " + std::to_string(e.arguments.size()) + " arguments");
    return poison(e.location);
  }
  Expr *value = element(*e.arguments[0].value, ctx);
  return to == ElementType::Poison ? poison(e.location) : cast(value, to, e.location);
}

Expr *Elaborator::builtinCall(const syntax::Expr &e, ElementContext &ctx, bool &handled) {
  if (auto type = conversionOf(*e.left, ctx)) {
    handled = true;
    return castCall(e, *type, ctx);
  }
  if (e.left->kind != Syntax::Name || isShadowed(e.left->text, ctx))
    return nullptr;
  std::string_view name = e.left->text;
  handled = true;
  for (const auto &[known, op] : kUnaries)
    if (name == known) {
      auto args = builtinArguments(e, {"x"}, 1);
      return args.empty() ? poison(e.location) : unary(op, element(*args[0], ctx), e.location);
    }
  for (const auto &[known, op] : kBinaries)
    if (name == known) {
      auto args = builtinArguments(e, {"a", "b"}, 2);
      if (args.empty())
        return poison(e.location);
      Expr *a = element(*args[0], ctx);
      Expr *b = element(*args[1], ctx);
      return binary(op, a, b, e.location, name);
    }
  if (name == "where") {
    auto args = builtinArguments(e, {"condition", "a", "b"}, 3);
    if (args.empty())
      return poison(e.location);
    Expr *c = element(*args[0], ctx);
    Expr *a = element(*args[1], ctx);
    Expr *b = element(*args[2], ctx);
    return select(c, a, b, e.location);
  }
  if (name == "uniform" || name == "normal")
    return randomCall(e, ctx);
  if (name == "stop_gradient" && !ctx.pointwise && mentions(e, ctx)) {
    auto args = builtinArguments(e, {"x"}, 1);
    if (args.empty())
      return poison(e.location);
    Expr *inner = element(*args[0], ctx);
    settle(inner);
    if (isPoison(inner->type()))
      return inner;
    Expr *read = hoist(inner, ast::Combiner::None, {}, e.location);
    auto *stop = make<ast::StopGradient>(e.location, as<ast::Access>(read)->base->type());
    stop->input = as<ast::Access>(read)->base;
    as<ast::Access>(read)->base = stop;
    return read;
  }
  handled = false;
  return nullptr;
}

// Whether an index variable in scope is used anywhere below. Names bound inside are no concern: they are new.
bool Elaborator::mentions(const syntax::Expr &e, const ElementContext &ctx) const {
  if (ctx.names.empty())
    return false;
  if (e.kind == Syntax::Name) {
    for (const IndexName *name : ctx.names)
      if (name->name == e.text)
        return true;
    return false;
  }
  if ((e.left && mentions(*e.left, ctx)) || (e.right && mentions(*e.right, ctx)))
    return true;
  for (const syntax::Argument &a : e.arguments)
    if (mentions(*a.value, ctx))
      return true;
  for (const syntax::Subscript &s : e.subscripts) {
    if (s.value && mentions(*s.value, ctx))
      return true;
    if (s.pack)
      for (const IndexName *name : ctx.names)
        if (name->name == s.name.text)
          return true;
  }
  return false;
}

} // namespace cleave::sema
