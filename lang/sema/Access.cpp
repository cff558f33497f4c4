// Reads of tensors: subscripts taken apart into affine positions, bounds, gathers, slices of a scan.
#include "lang/sema/Elaborator.h"
#include "lang/sema/Numbers.h"

#include <algorithm>

namespace cleave::sema {

using ast::as;
using ast::BinaryOp;
using Syntax = syntax::Expr::Kind;

static ast::Affine affineOf(const ast::IndexVariable *variable) {
  ast::Affine out;
  out.terms.emplace_back();
  out.terms[0].variable = variable;
  return out;
}

// Adds a term, merging it with one of the same variable or symbol.
bool Elaborator::addTerm(ast::Affine &affine, const ast::AffineTerm &term, Location at) {
  for (size_t i = 0; i < affine.terms.size(); ++i) {
    ast::AffineTerm &other = affine.terms[i];
    if (other.inner || term.inner || other.variable != term.variable || other.symbol != term.symbol)
      continue;
    if (__builtin_add_overflow(other.coefficient, term.coefficient, &other.coefficient)) {
      error("E403", at, "positions fit in 63 bits, found a coefficient that overflows");
      return false;
    }
    if (other.coefficient == 0)
      affine.terms.erase(affine.terms.begin() + i);
    return true;
  }
  affine.terms.push_back(term);
  return true;
}

// An integer tensor read at affine positions, as a Gather wants it.
bool Elaborator::toIndexRead(const Expr *e, ast::IndexRead &out) {
  if (auto *c = as<ast::Cast>(e);
      c && ast::isInteger(c->operand->type().element) && c->type().element == ElementType::I64)
    return toIndexRead(c->operand, out);
  const Expr *read = e;
  if (auto *a = as<ast::Access>(e); !a || a->outside)
    read = hoist(const_cast<Expr *>(e), ast::Combiner::None, {}, e->location);
  auto *a = as<ast::Access>(read);
  out.base = a->base;
  out.positions = a->positions;
  return true;
}

// An integer expression as constant + sum of coefficient * (variable | quotient | remainder | symbol). What
// is none of these becomes a symbol: a read of an integer tensor.
bool Elaborator::toAffine(const Expr *e, ast::Affine &out, std::vector<ast::IndexRead> &indices) {
  auto scaled = [&](const ast::Affine &from, int64_t factor) {
    int64_t constant;
    bool bad = __builtin_mul_overflow(from.constant, factor, &constant) ||
               __builtin_add_overflow(out.constant, constant, &out.constant);
    for (ast::AffineTerm term : from.terms) {
      bad |= __builtin_mul_overflow(term.coefficient, factor, &term.coefficient);
      if (!bad && !addTerm(out, term, e->location))
        return false;
    }
    if (bad)
      error("E403", e->location, "positions fit in 63 bits, found one that overflows");
    return !bad;
  };
  if (auto *l = as<ast::Literal>(e)) {
    out.constant = l->integer;
    return true;
  }
  if (auto *iter = as<ast::Iter>(e); iter && iter->variable) {
    out = affineOf(iter->variable);
    return true;
  }
  if (auto *u = as<ast::Unary>(e); u && u->op == ast::UnaryOp::Neg) {
    ast::Affine operand;
    return toAffine(u->operand, operand, indices) && scaled(operand, -1);
  }
  auto *b = as<ast::Binary>(e);
  auto *right = b ? as<ast::Literal>(b->right) : nullptr;
  auto *left = b ? as<ast::Literal>(b->left) : nullptr;
  if (b && (b->op == BinaryOp::Add || b->op == BinaryOp::Sub)) {
    ast::Affine x, y;
    return toAffine(b->left, x, indices) && toAffine(b->right, y, indices) && scaled(x, 1) &&
           scaled(y, b->op == BinaryOp::Add ? 1 : -1);
  }
  if (b && b->op == BinaryOp::Mul && (left || right)) {
    ast::Affine x;
    return toAffine(left ? b->right : b->left, x, indices) && scaled(x, (left ? left : right)->integer);
  }
  if (b && (b->op == BinaryOp::Div || b->op == BinaryOp::Mod) && right && right->integer > 0) {
    auto inner = std::make_shared<ast::Affine>();
    if (!toAffine(b->left, *inner, indices))
      return false;
    ast::AffineTerm term;
    term.inner = inner;
    term.divisor = right->integer;
    term.remainder = b->op == BinaryOp::Mod;
    out.terms.push_back(std::move(term));
    return true;
  }
  ast::IndexRead read;
  if (!toIndexRead(e, read))
    return false;
  ast::AffineTerm term;
  term.symbol = static_cast<int>(indices.size());
  indices.push_back(std::move(read));
  out.terms.push_back(std::move(term));
  return true;
}

bool Elaborator::rangeOfRead(const ast::IndexRead &read, __int128 &low, __int128 &high) {
  if (auto *ref = as<ast::ValueRef>(read.base))
    for (Region *r = region; r; r = r->parent)
      if (r->counter == ref->value && r->scan) {
        low = 0;
        high = r->scan->axis->size - 1;
        return true;
      }
  low = 0;
  high = 255;
  return read.base->type().element == ElementType::U8;
}

bool Elaborator::rangeOf(const ast::Affine &affine, const std::vector<ast::IndexRead> &indices, __int128 &low,
                         __int128 &high) {
  low = high = affine.constant;
  for (const ast::AffineTerm &term : affine.terms) {
    __int128 a = 0, b = 0;
    if (term.variable) {
      b = term.variable->axis->size - 1;
      if (b < 0)
        return false; // a generic axis
    } else if (term.symbol >= 0) {
      if (!rangeOfRead(indices[term.symbol], a, b))
        return false;
    } else {
      bool known = rangeOf(*term.inner, indices, a, b);
      auto down = [&](__int128 n) { return n / term.divisor - (n % term.divisor < 0); };
      if (term.remainder) {
        bool within = known && down(a) == down(b);
        __int128 base = within ? down(a) * term.divisor : 0;
        a = within ? a - base : 0;
        b = within ? b - base : term.divisor - 1;
      } else if (known) {
        a = down(a);
        b = down(b);
      } else {
        return false;
      }
    }
    a *= term.coefficient;
    b *= term.coefficient;
    low += std::min(a, b);
    high += std::max(a, b);
  }
  return true;
}

static std::string decimal(__int128 value) {
  bool negative = value < 0;
  std::string digits;
  for (__int128 rest = negative ? -value : value; rest || digits.empty(); rest /= 10)
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  return (negative ? "-" : "") + digits;
}

void Elaborator::reportBounds(const syntax::Expr &e, const ast::Axis *axis, Location at, __int128 low,
                              __int128 high) {
  std::string range = low == high ? decimal(low) : decimal(low) + " to " + decimal(high);
  std::string text(e.location.source->getText().substr(e.location.begin, e.location.end - e.location.begin));
  error("E206", at,
        "a position stays inside its axis, found " + range + " in " + axis->name + " of size " +
            std::to_string(axis->size))
      .suggest("give the value to read outside: " + text + " outside 0");
}

// x[b, t] of a tensor from outside a scan, at the bare counter: the scan hands each step its slice.
Expr *Elaborator::sliceOf(Expr *base, const std::vector<Position> &positions, size_t &dim) {
  auto *ref = as<ast::ValueRef>(base);
  if (!ref)
    return nullptr;
  Region *owner = nullptr;
  for (size_t i = 0; i < positions.size() && !owner; ++i) {
    const syntax::Expr *written = positions[i].written;
    if (positions[i].name || !written || written->kind != Syntax::Name)
      continue;
    Local *local = findLocal(written->text);
    for (Region *r = region; r && local; r = r->parent)
      if (r->counter && r->counter == local->value && r->kind == Region::Kind::Scan) {
        owner = r;
        dim = i;
      }
  }
  auto defined = definedAt.find(ref->value);
  if (!owner || (defined != definedAt.end() && defined->second >= owner->depth))
    return nullptr;
  const ast::Axis *axis = base->type().axes[dim];
  if (!mayIndex(owner->scan->axis, axis, true) || axis->size != owner->scan->axis->size)
    return nullptr;
  const ast::Value *&slice = owner->slices[{ref->value, dim}];
  if (!slice) {
    Expr *source = base;
    if (dim != 0) {
      std::vector<const ast::IndexVariable *> variables;
      auto *read = make<ast::Access>(base->location, {base->type().element, {}, nullptr});
      read->base = base;
      for (const ast::Axis *a : base->type().axes) {
        auto *variable = sema.program.own(new ast::IndexVariable());
        variable->axis = a;
        variables.push_back(variable);
        read->positions.push_back(affineOf(variable));
      }
      std::rotate(variables.begin(), variables.begin() + dim, variables.begin() + dim + 1);
      source = comprehension(std::move(variables), read, base->location);
    }
    ast::Type type = base->type();
    type.axes.erase(type.axes.begin() + dim);
    ast::Value *value =
        sema.makeValue(ast::Value::Kind::Argument, ref->value->name, std::move(type), base->location);
    definedAt[value] = owner->depth;
    slice = value;
    owner->scan->slices.push_back({source, slice});
  }
  return valueRef(slice, base->location);
}

// Whether an expression may be repeated: nothing below it makes a tensor.
static bool isCheap(const Expr *e) {
  if (auto *a = as<ast::Access>(e))
    return a->base->kind == Expr::Kind::ValueRef;
  if (auto *u = as<ast::Unary>(e))
    return isCheap(u->operand);
  if (auto *c = as<ast::Cast>(e))
    return isCheap(c->operand);
  if (auto *b = as<ast::Binary>(e))
    return isCheap(b->left) && isCheap(b->right);
  return e->kind == Expr::Kind::Literal || e->kind == Expr::Kind::Iter;
}

// 0 <= position < size of the axis
Expr *Elaborator::isInside(Expr *position, const ast::Axis *axis, Location where) {
  position = cast(position, ElementType::I64, where);
  Expr *low = binary(BinaryOp::Ge, position, literal(ElementType::I64, 0, 0, where), where, ">=");
  Expr *high = binary(BinaryOp::Lt, position, literal(ElementType::I64, axis->size, 0, where), where, "<");
  return binary(BinaryOp::And, low, high, where, "&&");
}

// One read at integer positions, all of them element-level expressions.
Expr *Elaborator::gatherOrAccess(const syntax::Expr &e, Expr *base, std::vector<Expr *> &positions,
                                 Expr *outside) {
  const std::vector<const ast::Axis *> axes = base->type().axes;
  ElementType type = base->type().element;
  // With `outside` a position stands in the read and in the question whether it is inside.
  for (Expr *&position : positions)
    if (outside && !isCheap(position))
      position = share(hoist(position, ast::Combiner::None, {}, position->location));
  std::vector<ast::Affine> affine(positions.size());
  std::vector<ast::IndexRead> indices;
  std::vector<bool> inside(positions.size()), known(positions.size());
  Expr *mayRead = nullptr; // the condition that all positions are inside
  bool ok = true, all = true;
  for (size_t i = 0; i < positions.size(); ++i) {
    ok = toAffine(positions[i], affine[i], indices) && ok;
    if (!ok)
      continue;
    __int128 low, high;
    known[i] = axes[i]->size > 0 && rangeOf(affine[i], indices, low, high);
    inside[i] = known[i] && low >= 0 && high < axes[i]->size;
    all &= inside[i];
    constexpr __int128 kFar = INT64_MAX / 2; // beyond it, arithmetic on positions could wrap round
    if (known[i] && (low < -kFar || high > kFar)) {
      error("E403", e.location, "positions fit in 62 bits, found one that does not");
      ok = false;
      continue;
    }
    if (known[i] && !inside[i] && !outside && (indices.empty() || low >= axes[i]->size || high < 0)) {
      Location at = e.subscripts.size() == positions.size() ? e.subscripts[i].location : e.location;
      reportBounds(e, axes[i], at, low, high);
      ok = false;
    }
  }
  if (!ok)
    return poison(e.location);
  if (indices.empty() || rigid) {
    auto *read = make<ast::Access>(e.location, {type, {}, nullptr});
    read->base = base;
    read->positions = std::move(affine);
    read->outside = all ? nullptr : as<ast::Literal>(outside);
    return read;
  }
  auto *gather = make<ast::Gather>(e.location, {type, {}, nullptr});
  gather->table = base;
  gather->indices = std::move(indices);
  gather->checked = inside;
  gather->clamped = outside && !all;
  // The result ranges over every variable that a position or an index read uses.
  if (active) {
    std::vector<const ast::IndexVariable *> used;
    for (const ast::IndexVariable *variable : flatten(active->names)) {
      auto usesIt = [&](const ast::Affine &a) { return usesVariable(a, variable); };
      bool uses = std::any_of(affine.begin(), affine.end(), usesIt);
      for (const ast::IndexRead &read : gather->indices)
        uses |= std::any_of(read.positions.begin(), read.positions.end(), usesIt);
      if (uses)
        used.push_back(variable);
    }
    gather->variables = std::move(used);
  }
  gather->positions = std::move(affine);
  for (const ast::IndexVariable *variable : gather->variables)
    gather->types[0].axes.push_back(variable->axis);
  gather->types[0].axes = withAliases(sema, std::move(gather->types[0].axes));
  auto *read = make<ast::Access>(e.location, {type, {}, nullptr});
  read->base = gather;
  for (const ast::IndexVariable *variable : gather->variables)
    read->positions.push_back(affineOf(variable));
  if (!outside || all)
    return read;
  for (size_t i = 0; i < positions.size(); ++i) {
    if (inside[i])
      continue;
    Expr *here = isInside(positions[i], axes[i], e.location);
    mayRead = mayRead ? binary(BinaryOp::And, mayRead, here, e.location, "&&") : here;
  }
  return select(mayRead, read, outside, e.location);
}

bool Elaborator::usesVariable(const ast::Affine &affine, const ast::IndexVariable *variable) {
  for (const ast::AffineTerm &term : affine.terms)
    if (term.variable == variable || (term.inner && usesVariable(*term.inner, variable)))
      return true;
  return false;
}

// Element-level integer of one subscript; null when it was reported.
Expr *Elaborator::positionOf(const Position &p, const ast::Axis *axis, ElementContext &ctx) {
  if (p.bare) {
    if (!mayIndex(p.bare->axis, axis, p.name->annotated || !p.written)) {
      error("E202", p.location,
            "an index variable reads an axis that is its own or an alias of it, found " +
                std::string(p.name->name) + " over " + p.bare->axis->name + " where the axis is " +
                axis->name)
          .note(p.name->location, std::string(p.name->name) + " is bound here")
          .suggest(axis->size == p.bare->axis->size && axis->size > 0
                       ? "if the two are one axis by another name, declare it: axis " + p.bare->axis->name +
                             " = " + axis->name
                       : "to read the first part of another axis write " + std::string(p.name->name) +
                             " + 0");
      return nullptr;
    }
    auto *iter = make<ast::Iter>(p.location, {ElementType::I64, {}, nullptr});
    iter->variable = p.bare;
    return iter;
  }
  if (!p.written || (p.name && p.name->typed))
    return nullptr;
  Expr *position = element(*p.written, ctx);
  if (isPoison(position->type()))
    return nullptr;
  if (isUntyped(position->type().element)) {
    if (!coerce(position, ElementType::I64))
      return nullptr;
  } else if (!isKind(position->type().element, "int")) {
    error("E301", p.location, "a subscript is an integer, found " + types.nameOf(position->type().element));
    return nullptr;
  }
  return position;
}

Expr *Elaborator::access(const syntax::Expr &e, ElementContext &ctx) {
  Expr *base = baseOf(*e.left);
  Expr *outside = e.right ? element(*e.right, ctx) : nullptr;
  if (isPoison(base->type()))
    return base;
  if (base->type().isTree()) {
    error("E203", e.location, "subscripts read tensors, found a tree");
    return poison(e.location);
  }
  for (const syntax::Subscript &s : e.subscripts) {
    if (!s.pack && !s.name.empty()) {
      error("E001", s.location,
            "a subscript has no name and no annotation, found '" + std::string(s.name.text) + ":'")
          .suggest("annotate the index variable where it is bound, on the left side");
      return poison(e.location);
    }
  }
  const std::vector<const ast::Axis *> axes = base->type().axes;
  std::vector<Position> aligned;
  if (!alignSubscripts(e, base->type(), ctx.names, aligned)) {
    error("E203", e.location,
          "a read has one subscript per axis, found " + std::to_string(e.subscripts.size()) + " for " +
              show(base->type()));
    return poison(e.location);
  }
  size_t dim = 0;
  if (Expr *slice = sliceOf(base, aligned, dim)) {
    base = slice;
    aligned.erase(aligned.begin() + dim);
  }
  std::vector<Expr *> positions;
  for (size_t i = 0; i < aligned.size(); ++i) {
    Expr *position = positionOf(aligned[i], base->type().axes[i], ctx);
    if (!position)
      failed = true;
    positions.push_back(position);
  }
  if (std::find(positions.begin(), positions.end(), nullptr) != positions.end())
    return poison(e.location);
  if (outside) {
    coerce(outside, base->type().element);
    if (isPoison(outside->type()))
      return outside;
    bool constant = outside->kind == Expr::Kind::Literal || rigid;
    if (outside->type() != ast::Type{base->type().element, {}, nullptr} || !constant) {
      error("E301", e.right->location,
            "the value outside is a constant of the tensor's type, found " +
                std::string(constant ? show(outside->type()) : "one that is not known at compile time"));
      return poison(e.location);
    }
  }
  return gatherOrAccess(e, base, positions, outside);
}

} // namespace cleave::sema
