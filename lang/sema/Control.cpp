// if, scan, while.
#include "lang/sema/Elaborator.h"

#include <algorithm>

namespace cleave::sema {

using ast::as;

std::optional<bool> Elaborator::constantCondition(const Expr *e) const {
  auto *l = as<ast::Literal>(e);
  if (!l || isPoison(l->type()))
    return std::nullopt;
  return l->integer != 0;
}

// The statements of a block as a body whose results are what it yields.
ast::Body *Elaborator::branch(const syntax::Block &written, Region &inner) {
  inner.parent = region;
  inner.depth = region ? region->depth + 1 : 0;
  region = &inner;
  block(written, true);
  region = inner.parent;
  return finishBody(inner);
}

Elaborator::Values Elaborator::ifExpression(const syntax::Expr &e) {
  Values none;
  none.poison = true;
  Expr *condition = tensor(*e.left);
  if (isPoison(condition->type()))
    return none;
  if (condition->type() != ast::Type{ElementType::Bool, {}, nullptr}) {
    error("E304", e.left->location, "the condition of if is one bool, found " + show(condition->type()))
        .suggest(condition->type().axes.empty() ? "" : "choose per element with where(condition, a, b)");
    return none;
  }
  Region *outer = region;
  if (std::optional<bool> known = constantCondition(condition)) {
    // Its statements become part of the body around it.
    Region taken;
    taken.kind = Region::Kind::If;
    taken.parent = outer;
    taken.depth = outer->depth;
    region = &taken;
    block(*known ? e.block : e.elseBlock, true);
    region = outer;
    outer->statements.insert(outer->statements.end(), taken.statements.begin(), taken.statements.end());
    Values out;
    out.results = taken.results;
    for (Expr *result : out.results) {
      out.types.push_back(result->type());
      out.poison |= isPoison(result->type());
    }
    out.poison |= !taken.returned;
    if (!taken.returned)
      error("E305", (*known ? e.block : e.elseBlock).location,
            "each branch of an if yields a value, found the end of one without yield");
    return out;
  }
  Region thenRegion, elseRegion;
  thenRegion.kind = elseRegion.kind = Region::Kind::If;
  auto *node = sema.make<ast::If>(e.location);
  node->condition = condition;
  node->thenBody = branch(e.block, thenRegion);
  node->elseBody = branch(e.elseBlock, elseRegion);
  for (Region *r : {&thenRegion, &elseRegion})
    if (!r->returned) {
      error("E305", (r == &thenRegion ? e.block : e.elseBlock).location,
            "each branch of an if yields a value, found the end of one without yield");
      return none;
    }
  bool same = thenRegion.results.size() == elseRegion.results.size();
  for (size_t i = 0; i < thenRegion.results.size(); ++i) {
    if (isPoison(thenRegion.results[i]->type()) || (same && isPoison(elseRegion.results[i]->type())))
      return none;
    node->types.push_back(thenRegion.results[i]->type());
    same = same && thenRegion.results[i]->type() == elseRegion.results[i]->type();
  }
  if (!same) {
    std::string left, right;
    for (Expr *r : thenRegion.results)
      left += (left.empty() ? "" : ", ") + show(r->type());
    for (Expr *r : elseRegion.results)
      right += (right.empty() ? "" : ", ") + show(r->type());
    error("E306", e.opLocation,
          "both branches of an if yield the same types, found " + left + " and " + right);
    return none;
  }
  return results(node);
}

std::vector<Expr *> Elaborator::firstCarries(const syntax::Expr &e) {
  std::vector<Expr *> init;
  for (const syntax::CarryBinding &carry : e.carries) {
    Expr *value = tensor(*carry.value);
    settle(value);
    init.push_back(value);
  }
  return init;
}

void Elaborator::bindCarries(const syntax::Expr &e, const std::vector<Expr *> &init, Region &inner) {
  for (size_t i = 0; i < init.size(); ++i) {
    const syntax::Name &name = e.carries[i].name;
    ast::Value *value = sema.makeValue(ast::Value::Kind::Argument, name.text, init[i]->type(), name.location);
    definedAt[value] = inner.depth;
    inner.carries.push_back(name.text);
    inner.carryValues.push_back(value);
    inner.nexts.push_back(nullptr);
    Local local;
    local.value = value;
    local.location = name.location;
    bind(name, local);
  }
}

bool Elaborator::checkNexts(const syntax::Expr &e, Region &inner) {
  bool ok = true;
  for (size_t i = 0; i < inner.nexts.size(); ++i)
    if (!inner.nexts[i]) {
      error("E305", e.carries[i].name.location,
            "the body gives every carry its next value, found none for '" + std::string(inner.carries[i]) +
                "'")
          .suggest("write next " + std::string(inner.carries[i]) + " = ... in the body");
      ok = false;
    } else {
      ok = ok && !isPoison(inner.nexts[i]->type());
    }
  return ok;
}

Elaborator::Values Elaborator::scanExpression(const syntax::Expr &e) {
  Values none;
  none.poison = true;
  auto *node = sema.make<ast::Scan>(e.location);
  node->axis = types.resolveAxis(e.path);
  failed |= !node->axis;
  std::vector<Expr *> init = firstCarries(e);
  if (!node->axis)
    return none;
  node->init.assign(init.begin(), init.end());
  Region inner;
  inner.kind = Region::Kind::Scan;
  inner.parent = region;
  inner.depth = region->depth + 1;
  inner.scan = node;
  ast::Value *counter = sema.makeValue(ast::Value::Kind::Argument, e.name.text,
                                       {ElementType::I64, {}, nullptr}, e.name.location);
  inner.counter = counter;
  definedAt[counter] = inner.depth;
  scopes.emplace_back();
  Local local;
  local.value = counter;
  local.location = e.name.location;
  bind(e.name, local);
  bindCarries(e, init, inner);
  region = &inner;
  block(e.block, false);
  region = inner.parent;
  scopes.pop_back();
  if (!checkNexts(e, inner))
    return none;
  std::vector<Expr *> yields = std::move(inner.results);
  inner.results = inner.nexts;
  inner.results.insert(inner.results.end(), yields.begin(), yields.end());
  ast::Body *body = finishBody(inner);
  body->arguments.push_back(counter);
  body->arguments.insert(body->arguments.end(), inner.carryValues.begin(), inner.carryValues.end());
  for (const ast::ScanSlice &slice : node->slices)
    body->arguments.push_back(slice.slice);
  node->body = body;
  for (const Expr *value : node->init) {
    if (isPoison(value->type()))
      return none;
    node->types.push_back(value->type());
  }
  for (const Expr *value : yields) {
    ast::Type type = value->type();
    if (isPoison(type))
      return none;
    if (std::find(type.axes.begin(), type.axes.end(), node->axis) != type.axes.end()) {
      error("E201", value->location,
            "what a scan yields is stacked along its axis, found that " + show(type) + " already has " +
                node->axis->name);
      return none;
    }
    type.axes.insert(type.axes.begin(), node->axis);
    node->types.push_back(std::move(type));
  }
  if (node->types.empty()) {
    error("E305", e.opLocation, "a scan carries or yields something, found neither");
    return none;
  }
  return results(node);
}

Elaborator::Values Elaborator::whileExpression(const syntax::Expr &e) {
  Values none;
  none.poison = true;
  auto *node = sema.make<ast::While>(e.location);
  std::vector<Expr *> init = firstCarries(e);
  node->init.assign(init.begin(), init.end());
  Expr *bound = tensor(*e.right);
  coerce(bound, ElementType::I64);
  auto *limit = as<ast::Literal>(bound);
  bool known = limit && ast::isInteger(limit->type().element) && limit->integer > 0;
  if (!known && !isPoison(bound->type()) && !(rigid && !limit)) {
    error("E405", e.right->location,
          "the bound of a while is a positive integer known at compile time, found " +
              (limit && ast::isInteger(limit->type().element) ? std::to_string(limit->integer)
                                                              : std::string("another expression")));
    return none;
  }
  node->bound = known ? limit->integer : 1;
  Region condition, inner;
  condition.kind = Region::Kind::Condition;
  inner.kind = Region::Kind::While;
  for (Region *r : {&condition, &inner}) {
    r->parent = region;
    r->depth = region->depth + 1;
    scopes.emplace_back();
    bindCarries(e, init, *r);
    region = r;
    if (r == &condition) {
      Expr *holds = tensor(*e.left);
      if (!isPoison(holds->type()) && holds->type() != ast::Type{ElementType::Bool, {}, nullptr}) {
        error("E304", e.left->location, "the condition of while is one bool, found " + show(holds->type()));
        holds = poison(e.left->location);
      }
      r->results.push_back(holds);
    } else {
      block(e.block, false);
    }
    region = r->parent;
    scopes.pop_back();
  }
  if (!inner.results.empty()) {
    error("E306", e.opLocation, "a while gives its carries and yields nothing, found a yield in it");
    return none;
  }
  bool ok = checkNexts(e, inner) && !isPoison(condition.results[0]->type());
  for (const Expr *value : node->init)
    ok = ok && !isPoison(value->type());
  if (!ok)
    return none;
  inner.results = inner.nexts;
  ast::Body *conditionBody = finishBody(condition), *body = finishBody(inner);
  conditionBody->arguments = condition.carryValues;
  body->arguments = inner.carryValues;
  node->condition = conditionBody;
  node->body = body;
  for (const Expr *value : node->init)
    node->types.push_back(value->type());
  return results(node);
}

} // namespace cleave::sema
