#include "lang/lower/Lowering.h"
#include "lang/lower/Ranges.h"

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
  case ast::Stmt::Kind::Assert:
    return emitAssert(*ast::as<ast::Assert>(stmt));
  }
}

void Lowering::emitAssert(const ast::Assert &assertion) {
  Value condition = emitTensor(assertion.condition);
  if (rangeOf(condition).low == 1)
    return; // known to hold
  model::AssertOp::create(builder, loc(assertion.location), condition, assertion.message);
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

// A printed value's type is all that says how to print it: bytes are widened, since i8 is signed there.
static Value widened(OpBuilder &builder, Location where, Value tensor, ArrayRef<Dim> dims) {
  IndexEmitter emitter(builder, where, dims);
  Value scalar = emitter.read(tensor, emitter.identity());
  return emitter.finish(arith::ExtUIOp::create(emitter.body(), where, builder.getI32Type(), scalar));
}

void Lowering::emitPrint(const ast::Print &print) {
  SmallVector<Value> inputs;
  Location where = loc(print.location);
  for (const ast::Expr *expr : print.values)
    for (Value value : emit(expr)) {
      bool isByte = expr->type().element == ast::ElementType::U8;
      auto type = cast<RankedTensorType>(value.getType());
      inputs.push_back(isByte ? widened(builder, where, value, dimsOf(type)) : value);
    }
  model::PrintOp::create(builder, where, print.label, inputs);
}
