// Tensor-level expressions: pointwise arithmetic, and the primitives that indices cannot say.
#include "lang/sema/Elaborator.h"

#include <algorithm>

namespace cleave::sema {

using ast::as;
using Syntax = syntax::Expr::Kind;

syntax::Path pathOf(const syntax::Expr &e);
const std::vector<std::string> &scalarBuiltins();

Elaborator::Values Elaborator::single(Expr *e) {
  Values out;
  out.results.push_back(e);
  out.types.push_back(e->type());
  out.poison = isPoison(e->type());
  return out;
}

Elaborator::Values Elaborator::results(Expr *node) {
  Values out;
  out.types = node->types;
  if (node->types.size() == 1)
    out.results.push_back(node);
  else
    out.node = node;
  return out;
}

Expr *Elaborator::oneOf(Values v, Location at) {
  if (v.poison)
    return poison(at);
  if (v.types.size() == 1)
    return v.results[0];
  error("E108", at, "a value is wanted here, found " + std::to_string(v.types.size()) + " results")
      .suggest("bind them: let (a, b) = ...");
  return poison(at);
}

bool Elaborator::isTensorBuiltin(std::string_view name) const {
  return name == "argsort" || name == "concat" || name == "stop_gradient" || name == "grad" ||
         name == "each" || name == "total" || ast::collectiveNamed(name);
}

Elaborator::Values Elaborator::values(const syntax::Expr &e, const ast::Type *wanted) {
  switch (e.kind) {
  case Syntax::If:
    return ifExpression(e);
  case Syntax::Scan:
    return scanExpression(e);
  case Syntax::While:
    return whileExpression(e);
  case Syntax::Call:
    break;
  default:
    return single(tensor(e, wanted));
  }
  ElementContext none;
  if (conversionOf(*e.left, none))
    return single(pointwise(e, wanted));
  if (e.left->kind == Syntax::Name && !isShadowed(e.left->text, none)) {
    if (e.left->text == "grad")
      return gradValues(e);
    if (isTensorBuiltin(e.left->text))
      return single(tensor(e, wanted));
    bool scalar = false;
    for (const std::string &name : scalarBuiltins())
      scalar |= name == e.left->text;
    if (scalar)
      return single(pointwise(e, wanted));
  }
  return call(e, wanted);
}

Expr *Elaborator::tensor(const syntax::Expr &e, const ast::Type *wanted) {
  switch (e.kind) {
  case Syntax::Name:
  case Syntax::Member: {
    syntax::Path path = pathOf(e);
    if (!path.parts.empty())
      if (Expr *whole = nameInTensor(e, path))
        return whole;
    return pointwise(e, wanted);
  }
  case Syntax::If:
  case Syntax::Scan:
  case Syntax::While:
    return oneOf(values(e, wanted), e.location);
  case Syntax::Scatter:
    error("E001", e.location,
          "a scatter stands alone on the right of a definition that names its axes, found one elsewhere")
        .suggest("let t[v: Vocab, e] = scatter sum(b) u[b, e] at v = ids[b]");
    return poison(e.location);
  case Syntax::Call: {
    ElementContext none;
    if (e.left->kind != Syntax::Name || isShadowed(e.left->text, none))
      return oneOf(values(e, wanted), e.location);
    std::string_view name = e.left->text;
    if (name == "argsort")
      return argsort(e);
    if (name == "concat")
      return concat(e, wanted);
    if (name == "stop_gradient")
      return stopGradient(e);
    if (ast::collectiveNamed(name))
      return collective(e);
    if (name == "each" || name == "total")
      return each(e, name == "total");
    return oneOf(values(e, wanted), e.location);
  }
  default:
    return pointwise(e, wanted);
  }
}

Expr *Elaborator::broadcast(Expr *scalar, const ast::Type &wanted) {
  std::vector<const ast::IndexVariable *> variables;
  for (const ast::Axis *axis : wanted.axes) {
    auto *variable = sema.program.own(new ast::IndexVariable());
    variable->axis = axis;
    variable->location = scalar->location;
    variables.push_back(variable);
  }
  Expr *body = scalar;
  if (scalar->kind != Expr::Kind::Literal) {
    auto *read = make<ast::Access>(scalar->location, {scalar->type().element, {}, nullptr});
    read->base = scalar;
    body = read;
  }
  return comprehension(std::move(variables), body, scalar->location);
}

Expr *Elaborator::pointwise(const syntax::Expr &e, const ast::Type *wanted) {
  ElementContext ctx;
  ctx.pointwise = true;
  if (wanted && !wanted->axes.empty() && !wanted->isTree()) {
    // The written type says the axes: scalars and random draws spread over them.
    ctx.shaped = true;
    ctx.shapeLocation = e.location;
    ctx.shapeName = show(*wanted) + " wanted";
    for (const ast::Axis *axis : wanted->axes) {
      auto *variable = sema.program.own(new ast::IndexVariable());
      variable->axis = axis;
      variable->location = e.location;
      ctx.shape.push_back(variable);
    }
  }
  const ElementContext *outer = active;
  active = &ctx;
  Expr *body = element(e, ctx);
  active = outer;
  if (isPoison(body->type()))
    return body;
  if (wanted && isUntyped(body->type().element))
    coerce(body, wanted->element);
  if (isPoison(body->type()))
    return body;
  return comprehension(std::move(ctx.shape), body, e.location);
}

const ast::Axis *Elaborator::axisArgument(const syntax::Expr &e) {
  syntax::Path path = pathOf(e);
  if (path.parts.empty()) {
    error("E106", e.location, "an axis is named here, found an expression");
    return nullptr;
  }
  const ast::Axis *axis = types.resolveAxis(path);
  failed |= !axis;
  return axis;
}

static size_t dimOf(const ast::Type &type, const ast::Axis *axis) {
  return std::find(type.axes.begin(), type.axes.end(), axis) - type.axes.begin();
}

Expr *Elaborator::argsort(const syntax::Expr &e) {
  auto args = builtinArguments(e, {"x", "over", "descending"}, 2);
  if (args.empty())
    return poison(e.location);
  Expr *input = tensor(*args[0]);
  const ast::Axis *axis = axisArgument(*args[1]);
  Expr *descending = args[2] ? tensor(*args[2]) : literal(ElementType::Bool, 0, 0, e.location);
  if (isPoison(input->type()) || !axis || isPoison(descending->type()))
    return poison(e.location);
  size_t dim = dimOf(input->type(), axis);
  if (dim == input->type().axes.size()) {
    error("E205", args[1]->location,
          "argsort runs over an axis of its argument, found " + axis->name + " for " + show(input->type()));
    return poison(e.location);
  }
  auto *flag = as<ast::Literal>(descending);
  if (descending->type() != ast::Type{ElementType::Bool, {}, nullptr} || (!flag && !rigid)) {
    error("E301", args[2]->location,
          "descending is true or false, known at compile time, found another value");
    return poison(e.location);
  }
  auto *out = make<ast::Argsort>(e.location, {ElementType::I32, input->type().axes, nullptr});
  out->input = input;
  out->dim = static_cast<unsigned>(dim);
  out->descending = flag && flag->integer;
  return out;
}

Expr *Elaborator::concat(const syntax::Expr &e, const ast::Type *wanted) {
  std::vector<Expr *> inputs;
  const ast::Axis *over = nullptr;
  bool bad = false;
  for (const syntax::Argument &a : e.arguments) {
    if (a.name.text == "over") {
      over = axisArgument(*a.value);
      bad |= !over;
    } else if (a.name.empty()) {
      inputs.push_back(tensor(*a.value));
      bad |= isPoison(inputs.back()->type());
    } else {
      error("E107", a.name.location,
            "concat takes tensors and over: Axis, found '" + std::string(a.name.text) + ":'");
      bad = true;
    }
  }
  if (bad)
    return poison(e.location);
  if (inputs.empty() || !over || !wanted) {
    error("E108", e.location,
          !wanted ? "concat's result has a written type, found none"
                  : "concat takes tensors and the result's axis, found " + std::to_string(inputs.size()) +
                        " tensors" + (over ? "" : " and no over: Axis"))
        .suggest("let c: f32[Batch, Both] = concat(a, b, over: Both)");
    return poison(e.location);
  }
  size_t dim = dimOf(*wanted, over);
  if (dim == wanted->axes.size()) {
    error("E205", e.location,
          "concat joins along an axis of its result, found " + over->name + " for " + show(*wanted));
    return poison(e.location);
  }
  int64_t total = 0;
  bool known = over->size > 0;
  for (Expr *input : inputs) {
    const ast::Type &type = input->type();
    ast::Type expected = *wanted;
    bool fits = type.axes.size() == expected.axes.size() && !type.isTree();
    if (fits)
      expected.axes[dim] = type.axes[dim];
    if (!fits || type != expected) {
      error("E204", input->location,
            "what concat joins differs from its result " + show(*wanted) + " in the axis " + over->name +
                " only, found " + show(type));
      return poison(e.location);
    }
    total += type.axes[dim]->size;
    known &= type.axes[dim]->size > 0;
  }
  if (known && total != over->size) {
    error("E204", e.location,
          "concat's result is as long as its parts together, found " + over->name + " of size " +
              std::to_string(over->size) + " for " + std::to_string(total));
    return poison(e.location);
  }
  auto *out = make<ast::Concat>(e.location, *wanted);
  out->inputs.assign(inputs.begin(), inputs.end());
  out->dim = static_cast<unsigned>(dim);
  return out;
}

Expr *Elaborator::stopGradient(const syntax::Expr &e) {
  auto args = builtinArguments(e, {"x"}, 1);
  if (args.empty())
    return poison(e.location);
  Expr *input = tensor(*args[0]);
  settle(input);
  if (isPoison(input->type()))
    return input;
  if (input->type().isTree()) {
    error("E301", e.location, "stop_gradient takes a tensor, found a tree");
    return poison(e.location);
  }
  auto *out = make<ast::StopGradient>(e.location, input->type());
  out->input = input;
  return out;
}

// What a scatter starts from where nothing is said: zero, or the least or greatest value of the type.
Expr *Elaborator::scatterIdentity(ast::Combiner combiner, ElementType type, Location at) {
  if (combiner != ast::Combiner::Max && combiner != ast::Combiner::Min)
    return literal(type, 0, 0, at);
  bool least = combiner == ast::Combiner::Max;
  if (isKind(type, "float"))
    return literal(type, 0, least ? -__builtin_inf() : __builtin_inf(), at);
  switch (type) {
  case ElementType::I8:
    return literal(type, least ? INT8_MIN : INT8_MAX, 0, at);
  case ElementType::U8:
    return literal(type, least ? 0 : UINT8_MAX, 0, at);
  case ElementType::I32:
    return literal(type, least ? INT32_MIN : INT32_MAX, 0, at);
  default:
    return literal(type, least ? INT64_MIN : INT64_MAX, 0, at);
  }
}

// at[i]: the position given for index variable i of the left side, or null.
bool Elaborator::scatterTargets(const syntax::Expr &e, const std::vector<IndexName *> &left,
                                std::vector<const syntax::Expr *> &at) {
  at.resize(left.size());
  for (const syntax::CarryBinding &target : e.carries) {
    bool found = false;
    for (size_t i = 0; i < left.size(); ++i)
      if (left[i]->name == target.name.text && !left[i]->pack) {
        at[i] = target.value;
        found = left[i]->used = true;
      }
    if (found)
      continue;
    error("E101", target.name.location,
          "at names an index variable of the left side, found '" + std::string(target.name.text) + "'");
    return false;
  }
  return true;
}

// let t[v: Vocab, e] = scatter sum(b) u[b, e] at v = ids[b]
// The updates range over the scatter's own variables and those of the left side that no `at` gives.
Expr *Elaborator::scatter(const syntax::Expr &e, const syntax::Stmt &let, const ast::Type *wanted) {
  std::vector<IndexName *> left = declarePattern(let.pattern, nullptr);
  if (wanted)
    for (size_t i = 0; i < left.size() && left.size() == wanted->axes.size(); ++i)
      if (!left[i]->typed && !left[i]->pack)
        typeVariable(*left[i], {wanted->axes[i]});
  ElementContext outer;
  outer.names = left;
  std::vector<IndexName *> own = declarePattern(e.pattern, &outer);
  std::vector<const syntax::Expr *> at;
  if (!scatterTargets(e, left, at))
    return poison(e.location);
  ElementContext ctx;
  ctx.names = own;
  std::vector<IndexName *> kept;
  for (size_t i = 0; i < left.size(); ++i)
    if (!at[i])
      kept.push_back(left[i]);
  ctx.names.insert(ctx.names.end(), kept.begin(), kept.end());
  infer(*e.left, ctx.names);
  for (const syntax::Expr *position : at)
    if (position)
      infer(*position, ctx.names);
  if (!requireTyped(left, false) || !requireTyped(own, false))
    return poison(e.location);
  const ElementContext *before = active;
  active = &ctx;
  Expr *update = element(*e.left, ctx);
  if (wanted)
    coerce(update, wanted->element);
  settle(update);
  auto *out = make<ast::Scatter>(e.location, {update->type().element, {}, nullptr});
  out->combiner = e.reduction == syntax::Reduction::Sum   ? ast::Combiner::Sum
                  : e.reduction == syntax::Reduction::Max ? ast::Combiner::Max
                  : e.reduction == syntax::Reduction::Min ? ast::Combiner::Min
                                                          : ast::Combiner::None;
  out->variables = flatten(ctx.names);
  bool ok = !isPoison(update->type());
  for (size_t i = 0; i < left.size(); ++i) {
    for (const ast::IndexVariable *variable : left[i]->variables) {
      out->types[0].axes.push_back(variable->axis);
      ast::Affine position;
      if (at[i]) {
        Expr *index = element(*at[i], ctx);
        coerce(index, ElementType::I64);
        if (!isPoison(index->type()) && !isKind(index->type().element, "int"))
          error("E301", at[i]->location, "a position is an integer, found " + show(index->type()));
        ok = ok && isKind(index->type().element, "int") && !isPoison(index->type()) &&
             toAffine(index, position, out->indices);
      } else {
        position.terms.emplace_back();
        position.terms[0].variable = variable;
      }
      out->positions.push_back(std::move(position));
    }
  }
  active = before;
  out->types[0].axes = withAliases(sema, std::move(out->types[0].axes));
  if (!ok)
    return poison(e.location);
  out->updates = comprehension(out->variables, update, e.left->location);
  Expr *init = nullptr;
  if (e.right) {
    init = fit(tensor(*e.right, &out->type()), out->type(), "what a scatter goes into");
  } else {
    Expr *identity = scatterIdentity(out->combiner, update->type().element, e.location);
    init = broadcast(identity, out->type());
  }
  out->init = init;
  return isPoison(init->type()) ? init : out;
}

} // namespace cleave::sema
