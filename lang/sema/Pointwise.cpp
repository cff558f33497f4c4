#include "lang/sema/Pointwise.h"

#include <algorithm>

using namespace cleave;
using namespace cleave::sema;
using ast::as;
using ast::Expr;

namespace {

using Variables = std::vector<const ast::IndexVariable *>;

bool isPointwiseTensor(const Expr *e);

bool areIdentity(const std::vector<ast::Affine> &positions, const Variables &variables) {
  if (positions.empty())
    return true;
  return positions.size() == variables.size() &&
         std::equal(positions.begin(), positions.end(), variables.begin(),
                    [](const ast::Affine &p, const ast::IndexVariable *v) { return p.asVariable() == v; });
}

// An element-level expression within a comprehension over `variables`.
bool isPointwiseElement(const Expr *e, const Variables &variables) {
  auto all = [&](const std::vector<const Expr *> &list) {
    return std::all_of(list.begin(), list.end(),
                       [&](const Expr *x) { return isPointwiseElement(x, variables); });
  };
  switch (e->kind) {
  case Expr::Kind::Literal:
  case Expr::Kind::Random: // drawn by logical index: one draw per element either way
    return true;
  case Expr::Kind::Access: {
    auto *access = as<ast::Access>(e);
    return !access->outside && areIdentity(access->positions, variables) && isPointwiseTensor(access->base);
  }
  case Expr::Kind::Unary:
    return isPointwiseElement(as<ast::Unary>(e)->operand, variables);
  case Expr::Kind::Cast:
    return isPointwiseElement(as<ast::Cast>(e)->operand, variables);
  case Expr::Kind::Binary:
    return all({as<ast::Binary>(e)->left, as<ast::Binary>(e)->right});
  case Expr::Kind::Select: {
    auto *select = as<ast::Select>(e);
    return all({select->condition, select->left, select->right});
  }
  case Expr::Kind::ElementCall:
    return all(as<ast::ElementCall>(e)->arguments);
  default: // Iter: a position is another one in a stack
    return false;
  }
}

bool isPointwiseTensor(const Expr *e) {
  switch (e->kind) {
  case Expr::Kind::Literal:
  case Expr::Kind::ValueRef:
    return true;
  case Expr::Kind::StopGradient:
    return isPointwiseTensor(as<ast::StopGradient>(e)->input);
  case Expr::Kind::Comprehension: {
    auto *c = as<ast::Comprehension>(e);
    return c->combiner == ast::Combiner::None && isPointwiseElement(c->body, c->variables);
  }
  case Expr::Kind::Call: {
    auto *call = as<ast::Call>(e);
    return !call->callee->backward && isPointwise(*call->callee->body) &&
           std::all_of(call->arguments.begin(), call->arguments.end(), isPointwiseTensor);
  }
  default:
    return false;
  }
}

bool isPointwise(const ast::Stmt *s) {
  if (auto *let = as<ast::Let>(s))
    return isPointwiseTensor(let->init);
  if (auto *set = as<ast::Set>(s))
    return isPointwiseTensor(set->init);
  return false; // what is printed or asserted of a stack is not what is said of each
}

// What the value is defined as in the body, or null.
const ast::Let *definitionOf(const ast::Value *value, const ast::Body &body) {
  for (const ast::Stmt *s : body.statements)
    if (auto *let = as<ast::Let>(s); let && let->values.size() == 1 && let->values.front() == value)
      return let;
  return nullptr;
}

// A scalar that is a sum over everything, perhaps widened or narrowed. `seen` are the lets it goes through.
bool isSum(const Expr *e, const ast::Body &body, std::vector<const ast::Stmt *> &seen) {
  if (auto *ref = as<ast::ValueRef>(e)) {
    const ast::Let *let = definitionOf(ref->value, body);
    if (!let)
      return false;
    seen.push_back(let);
    return isSum(let->init, body, seen);
  }
  if (auto *access = as<ast::Access>(e))
    return access->positions.empty() && isSum(access->base, body, seen);
  if (auto *cast = as<ast::Cast>(e))
    return ast::isFloat(cast->type().element) == ast::isFloat(cast->operand->type().element) &&
           isSum(cast->operand, body, seen);
  auto *c = as<ast::Comprehension>(e);
  if (!c || !c->variables.empty())
    return false;
  if (c->combiner == ast::Combiner::None)
    return isSum(c->body, body, seen);
  return c->combiner == ast::Combiner::Sum && isPointwiseElement(c->body, c->reduced);
}

} // namespace

bool sema::isPointwise(const ast::Body &body) {
  return std::all_of(body.statements.begin(), body.statements.end(),
                     [](const ast::Stmt *s) { return ::isPointwise(s); }) &&
         std::all_of(body.results.begin(), body.results.end(), isPointwiseTensor);
}

bool sema::isSumOfPoints(const ast::Body &body) {
  std::vector<const ast::Stmt *> seen;
  if (body.results.size() != 1 || !isSum(body.results.front(), body, seen))
    return false;
  return std::all_of(body.statements.begin(), body.statements.end(), [&](const ast::Stmt *s) {
    return ::isPointwise(s) || std::find(seen.begin(), seen.end(), s) != seen.end();
  });
}
