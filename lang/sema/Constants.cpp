// Element-level operators: typing of literals, and folding of constants.
#include "lang/sema/Elaborator.h"
#include "lang/sema/Numbers.h"

#include <cmath>

namespace cleave::sema {

using ast::as;
using ast::BinaryOp;
using ast::UnaryOp;

Expr *Elaborator::poison(Location at) { return make<ast::Literal>(at, {ElementType::Poison, {}, nullptr}); }

Expr *Elaborator::literal(ElementType type, int64_t integer, double real, Location at) {
  auto *e = make<ast::Literal>(at, {type, {}, nullptr});
  e->integer = integer;
  e->real = real;
  return e;
}

std::string Elaborator::show(const ast::Type &type) const {
  std::string out = ast::toString(type);
  if (type.isTree() || !isVariable(type.element))
    return out;
  return types.nameOf(type.element) + out.substr(1); // "?" stands for the variable's name
}

bool Elaborator::isKind(ElementType type, std::string_view constraint) const {
  if (isVariable(type) && definition) {
    size_t index = variableIndex(type);
    std::string_view own = index < definition->item->generics.size()
                               ? definition->item->generics[index].constraint.text
                               : "float";
    return own == constraint || constraint == "number";
  }
  return satisfies(constraint, type);
}

bool Elaborator::checkClass(ElementType type, std::string_view constraint, Location at,
                            std::string_view written) {
  if (isKind(type, constraint))
    return true;
  std::string_view kind = constraint == "float" ? "a floating-point value"
                          : constraint == "int" ? "an integer"
                                                : "a number";
  error("E301", at, std::string(written) + " takes " + std::string(kind) + ", found " + types.nameOf(type));
  return false;
}

// A literal given its type. Reports what does not fit.
Expr *Elaborator::foldLiteral(ast::Literal *l, ElementType type) {
  bool toFloat = isKind(type, "float") && !isKind(type, "int");
  if (isVariable(type) && isKind(type, "number") && !isKind(type, "int") && !isKind(type, "float"))
    toFloat = false;
  if (l->types[0].element == ElementType::UntypedInt && toFloat) {
    l->real = static_cast<double>(l->integer);
    l->integer = 0;
  }
  if (toFloat && !isVariable(type))
    l->real = roundTo(type, l->real);
  if (!toFloat && !isVariable(type) && !holds(type, l->integer)) {
    error("E302", l->location,
          std::string("a constant fits its type, found ") + std::to_string(l->integer) + " for " +
              ast::nameOf(type));
    l->integer = 0;
  }
  l->types[0].element = type;
  return l;
}

bool Elaborator::coerce(Expr *&e, ElementType type) {
  ElementType from = e->type().element;
  if (!isUntyped(from) || type == from)
    return true;
  if (type == ElementType::Poison) {
    e = poison(e->location);
    return true;
  }
  if (type == ElementType::UntypedFloat) { // an integer beside a fraction: it stays open
    e->types[0].element = type;
    if (auto *l = as<ast::Literal>(e))
      l->real = static_cast<double>(l->integer);
    if (e->kind == Expr::Kind::Literal || e->kind == Expr::Kind::Iter)
      return true;
  }
  bool fits = from == ElementType::UntypedFloat ? type == ElementType::UntypedFloat || isKind(type, "float")
                                                : type == ElementType::UntypedFloat || isKind(type, "number");
  if (!fits) {
    error("E302", e->location,
          std::string(from == ElementType::UntypedFloat ? "a constant with a fraction" : "a number") +
              " becomes a " + (from == ElementType::UntypedFloat ? "floating-point" : "numeric") +
              " type only, found " + types.nameOf(type) + " wanted here");
    e = poison(e->location);
    return false;
  }
  if (auto *l = as<ast::Literal>(e)) {
    e = foldLiteral(l, type);
    return true;
  }
  e->types[0].element = type;
  bool ok = true;
  auto down = [&](const Expr *&child) {
    Expr *mutableChild = const_cast<Expr *>(child);
    ok = coerce(mutableChild, type) && ok;
    child = fold(mutableChild); // it may have met its type on another way
  };
  switch (e->kind) {
  case Expr::Kind::Unary:
    down(static_cast<ast::Unary *>(e)->operand);
    break;
  case Expr::Kind::Binary:
    down(static_cast<ast::Binary *>(e)->left);
    down(static_cast<ast::Binary *>(e)->right);
    break;
  case Expr::Kind::Select:
    down(static_cast<ast::Select *>(e)->left);
    down(static_cast<ast::Select *>(e)->right);
    break;
  case Expr::Kind::Comprehension:
    down(static_cast<ast::Comprehension *>(e)->body);
    break;
  case Expr::Kind::Access:
    down(static_cast<ast::Access *>(e)->base);
    break;
  case Expr::Kind::StopGradient:
    down(static_cast<ast::StopGradient *>(e)->input);
    break;
  default: // Random, a size that is not known yet
    break;
  }
  if (type != ElementType::UntypedFloat)
    e = fold(e);
  if (auto *c = as<ast::Comprehension>(e);
      c && c->variables.empty() && c->reduced.empty() && c->body->kind == Expr::Kind::Literal)
    e = const_cast<Expr *>(c->body);
  return ok;
}

void Elaborator::settle(Expr *&e) {
  if (e->type().element == ElementType::UntypedInt)
    coerce(e, ElementType::I64);
  else if (e->type().element == ElementType::UntypedFloat)
    coerce(e, ElementType::F32);
}

bool Elaborator::balance(Expr *&a, Expr *&b, Location at, std::string_view written) {
  ElementType ta = a->type().element, tb = b->type().element;
  if (ta == ElementType::Poison || tb == ElementType::Poison)
    return false;
  if (ta == tb)
    return true;
  if (isUntyped(ta) && isUntyped(tb))
    return coerce(a, ElementType::UntypedFloat) && coerce(b, ElementType::UntypedFloat);
  if (isUntyped(ta))
    return coerce(a, tb);
  if (isUntyped(tb))
    return coerce(b, ta);
  error("E301", at,
        "both sides of " + std::string(written) + " have one type, found " + types.nameOf(ta) + " and " +
            types.nameOf(tb))
      .suggest("no conversion is implicit: write " + types.nameOf(ta) + "(...) around the right side or " +
               types.nameOf(tb) + "(...) around the left");
  return false;
}

static bool isBoolOp(BinaryOp op) { return op == BinaryOp::And || op == BinaryOp::Or; }

// An operation on literals as a literal; anything else as it is.
Expr *Elaborator::fold(Expr *e) {
  ElementType type = e->type().element;
  if (isVariable(type) || isUntyped(type))
    return e;
  if (auto *u = as<ast::Unary>(e)) {
    auto *l = as<ast::Literal>(u->operand);
    if (!l || l->type().element == ElementType::Poison || isVariable(l->type().element))
      return e;
    ElementType from = l->type().element;
    if (ast::isFloat(from)) {
      std::optional<double> value = foldUnary(u->op, from, l->real);
      if (!value)
        return e;
      return type == ElementType::Bool ? literal(type, *value != 0, 0, e->location)
                                       : literal(type, 0, *value, e->location);
    }
    int64_t a = l->integer;
    if (u->op == UnaryOp::Not)
      return literal(type, !a, 0, e->location);
    if (u->op == UnaryOp::Neg && a != INT64_MIN)
      return literal(type, wrapTo(type, -a), 0, e->location);
    if (u->op == UnaryOp::Abs && a != INT64_MIN)
      return literal(type, wrapTo(type, a < 0 ? -a : a), 0, e->location);
    if (u->op == UnaryOp::Sign)
      return literal(type, (a > 0) - (a < 0), 0, e->location);
    return e;
  }
  if (auto *b = as<ast::Binary>(e)) {
    auto *x = as<ast::Literal>(b->left), *y = as<ast::Literal>(b->right);
    if (!x || !y || x->type() != y->type() || isVariable(x->type().element) || isPoison(x->type()))
      return e;
    ElementType from = x->type().element;
    if (ast::isFloat(from)) {
      std::optional<double> value = foldBinary(b->op, from, x->real, y->real);
      if (!value)
        return e;
      return ast::isComparison(b->op) ? literal(type, *value != 0, 0, e->location)
                                      : literal(type, 0, *value, e->location);
    }
    std::optional<int64_t> value = foldBinary(b->op, x->integer, y->integer);
    if (value && holds(type, *value))
      return literal(type, *value, 0, e->location);
    if ((b->op == BinaryOp::Div || b->op == BinaryOp::Mod) && y->integer == 0)
      error("E402", e->location, "an integer constant is not divided by zero, found one that is");
    else if (b->op != BinaryOp::Pow || y->integer >= 0)
      error("E403", e->location,
            "integer constants fit their type, found that this one overflows " +
                std::string(ast::nameOf(type)));
    else
      error("E302", e->location, "an integer is raised to powers that are not negative, found one that is");
    return poison(e->location);
  }
  if (auto *s = as<ast::Select>(e))
    if (auto *c = as<ast::Literal>(s->condition))
      if (!isPoison(c->type()))
        return const_cast<Expr *>(c->integer ? s->left : s->right);
  return e;
}

Expr *Elaborator::unary(UnaryOp op, Expr *operand, Location at) {
  ElementType type = operand->type().element;
  if (type == ElementType::Poison)
    return operand;
  bool floatsOnly = op != UnaryOp::Neg && op != UnaryOp::Not && op != UnaryOp::Abs && op != UnaryOp::Sign;
  if (op == UnaryOp::Not) {
    if (type != ElementType::Bool) {
      error("E301", at, "! takes a bool, found " + types.nameOf(type));
      return poison(at);
    }
  } else if (floatsOnly && type == ElementType::UntypedInt) {
    coerce(operand, ElementType::UntypedFloat);
    type = ElementType::UntypedFloat;
  } else {
    static const char *const names[] = {"-",    "!",     "exp",  "log",   "log1p", "expm1",
                                        "sqrt", "rsqrt", "tanh", "erf",   "sin",   "cos",
                                        "abs",  "floor", "ceil", "round", "sign",  "isnan"};
    if (!checkClass(type, floatsOnly ? "float" : "number", operand->location, names[static_cast<size_t>(op)]))
      return poison(at);
  }
  // -1 is a literal whatever its type turns out to be.
  if (op == UnaryOp::Neg && isUntyped(type) && as<ast::Literal>(operand)) {
    auto *l = as<ast::Literal>(operand);
    l->integer = -l->integer;
    l->real = -l->real;
    l->location = at;
    return l;
  }
  if (op == UnaryOp::IsNan) {
    settle(operand);
    type = ElementType::Bool;
  }
  auto *e = make<ast::Unary>(at, {type, {}, nullptr});
  e->op = op;
  e->operand = operand;
  return fold(e);
}

Expr *Elaborator::binary(BinaryOp op, Expr *left, Expr *right, Location at, std::string_view written) {
  if (isPoison(left->type()) || isPoison(right->type()))
    return poison(at);
  if (op == BinaryOp::Pow && left->type().element == ElementType::UntypedInt &&
      right->type().element == ElementType::UntypedInt)
    settle(left); // a power of integers
  if (!balance(left, right, at, written))
    return poison(at);
  ElementType type = left->type().element;
  bool equality = op == BinaryOp::Eq || op == BinaryOp::Ne;
  if (isBoolOp(op)) {
    if (type != ElementType::Bool) {
      error("E301", at, std::string(written) + " takes two bools, found " + types.nameOf(type));
      return poison(at);
    }
  } else if (!(equality && type == ElementType::Bool) && !checkClass(type, "number", at, written)) {
    return poison(at);
  }
  ElementType result = type;
  if (ast::isComparison(op)) {
    settle(left);
    settle(right);
    result = ElementType::Bool;
  }
  // Untyped whole numbers: + - * are exact in every type, so they fold at once.
  auto *x = as<ast::Literal>(left), *y = as<ast::Literal>(right);
  if (result == ElementType::UntypedInt && x && y && op <= BinaryOp::Mul) {
    std::optional<int64_t> value = foldBinary(op, x->integer, y->integer);
    if (value)
      return literal(result, *value, 0, at);
    error("E403", at, "integer constants fit in 63 bits, found that this one overflows");
    return poison(at);
  }
  auto *e = make<ast::Binary>(at, {result, {}, nullptr});
  e->op = op;
  e->left = left;
  e->right = right;
  return fold(e);
}

Expr *Elaborator::select(Expr *condition, Expr *left, Expr *right, Location at) {
  if (isPoison(condition->type()))
    return poison(at);
  if (condition->type().element != ElementType::Bool) {
    error("E301", condition->location,
          "where(condition, a, b) takes a bool first, found " + types.nameOf(condition->type().element));
    return poison(at);
  }
  if (!balance(left, right, at, "where(condition, a, b)"))
    return poison(at);
  auto *e = make<ast::Select>(at, left->type());
  e->condition = condition;
  e->left = left;
  e->right = right;
  return isUntyped(left->type().element) ? e : fold(e);
}

Expr *Elaborator::cast(Expr *operand, ElementType to, Location at) {
  ElementType from = operand->type().element;
  if (from == ElementType::Poison)
    return operand;
  if (isUntyped(from)) {
    if (isKind(to, "float")) {
      coerce(operand, to);
      return operand;
    }
    settle(operand);
    from = operand->type().element;
  }
  if (from == to)
    return operand;
  auto *l = as<ast::Literal>(operand);
  bool concrete = !isVariable(from) && !isVariable(to);
  if (l && concrete) {
    if (ast::isFloat(to))
      return literal(to, 0, roundTo(to, ast::isFloat(from) ? l->real : static_cast<double>(l->integer)), at);
    if (!ast::isFloat(from))
      return literal(to, wrapTo(to, l->integer), 0, at);
    if (to == ElementType::Bool)
      return literal(to, l->real != 0, 0, at);
    if (std::fabs(l->real) < 9e18 && holds(to, static_cast<int64_t>(l->real)))
      return literal(to, static_cast<int64_t>(l->real), 0, at);
  }
  auto *e = make<ast::Cast>(at, {to, {}, nullptr});
  e->operand = operand;
  return e;
}

} // namespace cleave::sema
