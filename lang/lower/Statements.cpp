#include "lang/lower/Lowering.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::lower;

Bound Lowering::emitBody(const ast::Body &body) {
  for (const ast::Stmt *stmt : body.statements)
    emitStatement(stmt);
  Bound results;
  for (const ast::Expr *result : body.results)
    results.append(emit(result));
  return results;
}

void Lowering::emitStatement(const ast::Stmt *stmt) {
  switch (stmt->kind) {
  case ast::Stmt::Kind::Let:
    return emitLet(*ast::as<ast::Let>(stmt));
  case ast::Stmt::Kind::Set:
    return emitSet(*ast::as<ast::Set>(stmt));
  case ast::Stmt::Kind::Update:
    return emitUpdate(*ast::as<ast::Update>(stmt));
  case ast::Stmt::Kind::Print:
    return emitPrint(*ast::as<ast::Print>(stmt));
  case ast::Stmt::Kind::Assert: {
    auto *assertion = ast::as<ast::Assert>(stmt);
    model::AssertOp::create(builder, loc(stmt->location), emitTensor(assertion->condition),
                            assertion->message);
    return;
  }
  }
}

Value Lowering::named(Value value, const ast::Value &name) {
  if (!nameValues || name.name.empty() || constantOf(value))
    return value;
  std::string path = prefix.empty() ? name.name : prefix + "." + name.name;
  return model::NameOp::create(builder, loc(name.location), value, path);
}

void Lowering::emitLet(const ast::Let &let) {
  Bound results = emit(let.init);
  bool isAlias = ast::as<ast::ValueRef>(let.init) || ast::as<ast::ParamRef>(let.init);
  ArrayRef<Value> rest = results;
  for (const ast::Value *value : let.values) {
    size_t count = value->type.isTree() ? ast::leavesOf(value->type.tree).size() : 1;
    Bound bound(rest.take_front(count));
    rest = rest.drop_front(count);
    if (!value->type.isTree() && !isAlias)
      bound.front() = named(bound.front(), *value);
    values[value] = bound;
  }
}

void Lowering::emitSet(const ast::Set &set) {
  Value value = emitTensor(set.init);
  const ast::State *state = set.state ? set.state : self->states[set.slot];
  setState(state, value);
  values[set.value] = {value};
}

void Lowering::emitPrint(const ast::Print &print) {
  SmallVector<Value> inputs;
  for (const ast::Expr *value : print.values)
    inputs.append(emit(value));
  model::PrintOp::create(builder, loc(print.location), print.label, inputs);
}
