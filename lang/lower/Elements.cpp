// Element-level expressions: scalar arithmetic in the body of an index op.
#include "lang/lower/Lowering.h"

#include "lang/lower/Random.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::lower;

static Value emitReal(OpBuilder &b, Location loc, Type type, double value) {
  return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
}

static Value emitInteger(OpBuilder &b, Location loc, Type type, int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value));
}

static Value emitNumber(OpBuilder &b, Location loc, Type type, int64_t value) {
  return isa<FloatType>(type) ? emitReal(b, loc, type, static_cast<double>(value))
                              : emitInteger(b, loc, type, value);
}

Value cleave::lower::emitIntegerDivision(OpBuilder &b, Location loc, Value left, Value right, bool isUnsigned,
                                         bool remainder) {
  if (isUnsigned)
    return remainder ? b.createOrFold<arith::RemUIOp>(loc, left, right)
                     : b.createOrFold<arith::DivUIOp>(loc, left, right);
  if (!remainder)
    return b.createOrFold<arith::FloorDivSIOp>(loc, left, right);
  // The machine's remainder has the sign of the dividend.
  Value zero = emitInteger(b, loc, left.getType(), 0);
  Value rem = b.createOrFold<arith::RemSIOp>(loc, left, right);
  Value differs = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::slt,
                                                b.createOrFold<arith::XOrIOp>(loc, rem, right), zero);
  Value nonzero = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::ne, rem, zero);
  Value adjust = b.createOrFold<arith::AndIOp>(loc, differs, nonzero);
  return b.createOrFold<arith::SelectOp>(loc, adjust, b.createOrFold<arith::AddIOp>(loc, rem, right), rem);
}

//===-- Casts -------------------------------------------------------------===//

// Truncates towards zero, saturates, and makes NaN zero.
static Value castFloatToInteger(OpBuilder &b, Location loc, Value value, Type to, bool toUnsigned) {
  unsigned width = to.getIntOrFloatBitWidth();
  // f16 does not hold the bounds: compare in f32.
  if (value.getType().getIntOrFloatBitWidth() < 32)
    value = b.createOrFold<arith::ExtFOp>(loc, b.getF32Type(), value);
  Type from = value.getType();
  APInt low = toUnsigned ? APInt::getMinValue(width) : APInt::getSignedMinValue(width);
  APInt high = toUnsigned ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width);
  double limit = std::ldexp(1.0, toUnsigned ? width : width - 1);
  Value top = emitReal(b, loc, from, limit), bottom = emitReal(b, loc, from, toUnsigned ? 0 : -limit);
  auto compare = [&](arith::CmpFPredicate predicate, Value bound) {
    return b.createOrFold<arith::CmpFOp>(loc, predicate, value, bound);
  };
  auto integer = [&](const APInt &v) -> Value {
    return arith::ConstantOp::create(b, loc, b.getIntegerAttr(to, v));
  };
  Value converted = toUnsigned ? b.createOrFold<arith::FPToUIOp>(loc, to, value)
                               : b.createOrFold<arith::FPToSIOp>(loc, to, value);
  Value capped =
      b.createOrFold<arith::SelectOp>(loc, compare(arith::CmpFPredicate::OGE, top), integer(high), converted);
  Value held =
      b.createOrFold<arith::SelectOp>(loc, compare(arith::CmpFPredicate::OLT, bottom), integer(low), capped);
  return b.createOrFold<arith::SelectOp>(loc, compare(arith::CmpFPredicate::UNO, value),
                                         integer(APInt::getZero(width)), held);
}

static Value castFloat(OpBuilder &b, Location loc, Value value, FloatType to) {
  unsigned from = value.getType().getIntOrFloatBitWidth();
  if (from < to.getWidth())
    return b.createOrFold<arith::ExtFOp>(loc, to, value);
  if (from > to.getWidth())
    return b.createOrFold<arith::TruncFOp>(loc, to, value);
  // Between f16 and bf16.
  Value wide = b.createOrFold<arith::ExtFOp>(loc, b.getF32Type(), value);
  return b.createOrFold<arith::TruncFOp>(loc, to, wide);
}

static Value castInteger(OpBuilder &b, Location loc, Value value, Type to, bool fromUnsigned) {
  unsigned from = value.getType().getIntOrFloatBitWidth(), width = to.getIntOrFloatBitWidth();
  if (from > width)
    return b.createOrFold<arith::TruncIOp>(loc, to, value);
  if (from == width)
    return value;
  return fromUnsigned ? b.createOrFold<arith::ExtUIOp>(loc, to, value)
                      : b.createOrFold<arith::ExtSIOp>(loc, to, value);
}

static Value emitCast(OpBuilder &b, Location loc, Value value, ast::ElementType from, ast::ElementType to,
                      Type type) {
  if (from == to)
    return value;
  if (to == ast::ElementType::Bool) {
    Value zero = emitNumber(b, loc, value.getType(), 0);
    if (ast::isFloat(from))
      return b.createOrFold<arith::CmpFOp>(loc, arith::CmpFPredicate::UNE, value, zero);
    return b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::ne, value, zero);
  }
  if (auto real = dyn_cast<FloatType>(type)) {
    if (ast::isFloat(from))
      return castFloat(b, loc, value, real);
    return isUnsigned(from) ? b.createOrFold<arith::UIToFPOp>(loc, type, value)
                            : b.createOrFold<arith::SIToFPOp>(loc, type, value);
  }
  if (ast::isFloat(from))
    return castFloatToInteger(b, loc, value, type, isUnsigned(to));
  return castInteger(b, loc, value, type, isUnsigned(from));
}

//===-- Operators ---------------------------------------------------------===//

static Value emitSign(OpBuilder &b, Location loc, Value x, bool unsignedInteger) {
  Type type = x.getType();
  Value zero = emitNumber(b, loc, type, 0), one = emitNumber(b, loc, type, 1);
  auto compare = [&](arith::CmpFPredicate real, arith::CmpIPredicate integer) {
    return isa<FloatType>(type) ? b.createOrFold<arith::CmpFOp>(loc, real, x, zero)
                                : b.createOrFold<arith::CmpIOp>(loc, integer, x, zero);
  };
  if (unsignedInteger)
    return b.createOrFold<arith::MinUIOp>(loc, x, one);
  Value negative = b.createOrFold<arith::SelectOp>(
      loc, compare(arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt), emitNumber(b, loc, type, -1), zero);
  return b.createOrFold<arith::SelectOp>(loc, compare(arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt),
                                         one, negative);
}

static Value emitFloatUnary(OpBuilder &b, Location loc, ast::UnaryOp op, Value x) {
  using Op = ast::UnaryOp;
  switch (op) {
  case Op::Neg:
    return b.createOrFold<arith::NegFOp>(loc, x);
  case Op::Exp:
    return b.createOrFold<math::ExpOp>(loc, x);
  case Op::Log:
    return b.createOrFold<math::LogOp>(loc, x);
  case Op::Log1p:
    return b.createOrFold<math::Log1pOp>(loc, x);
  case Op::Expm1:
    return b.createOrFold<math::ExpM1Op>(loc, x);
  case Op::Sqrt:
    return b.createOrFold<math::SqrtOp>(loc, x);
  case Op::Rsqrt:
    return b.createOrFold<math::RsqrtOp>(loc, x);
  case Op::Tanh:
    return b.createOrFold<math::TanhOp>(loc, x);
  case Op::Erf:
    return b.createOrFold<math::ErfOp>(loc, x);
  case Op::Sin:
    return b.createOrFold<math::SinOp>(loc, x);
  case Op::Cos:
    return b.createOrFold<math::CosOp>(loc, x);
  case Op::Abs:
    return b.createOrFold<math::AbsFOp>(loc, x);
  case Op::Floor:
    return b.createOrFold<math::FloorOp>(loc, x);
  case Op::Ceil:
    return b.createOrFold<math::CeilOp>(loc, x);
  case Op::Round:
    return b.createOrFold<math::RoundEvenOp>(loc, x);
  case Op::Sign:
    return emitSign(b, loc, x, /*unsignedInteger=*/false);
  case Op::IsNan:
    return b.createOrFold<arith::CmpFOp>(loc, arith::CmpFPredicate::UNO, x, x);
  case Op::Not:
    break;
  }
  llvm_unreachable("not is for bool");
}

Value Lowering::emitUnary(const ast::Unary &expr, ElementScope &scope) {
  OpBuilder &b = scope.emitter.body();
  Location where = loc(expr.location);
  Value x = emitElement(expr.operand, scope);
  ast::ElementType type = expr.operand->type().element;
  if (ast::isFloat(type))
    return emitFloatUnary(b, where, expr.op, x);
  switch (expr.op) {
  case ast::UnaryOp::Not:
    return b.createOrFold<arith::XOrIOp>(where, x, emitInteger(b, where, x.getType(), 1));
  case ast::UnaryOp::Neg:
    return b.createOrFold<arith::SubIOp>(where, emitInteger(b, where, x.getType(), 0), x);
  case ast::UnaryOp::Abs:
    return isUnsigned(type) ? x : b.createOrFold<math::AbsIOp>(where, x);
  case ast::UnaryOp::Sign:
    return emitSign(b, where, x, isUnsigned(type));
  default: // floor, ceil and round leave an integer as it is
    return x;
  }
}

static Value emitComparison(OpBuilder &b, Location loc, ast::BinaryOp op, Value x, Value y,
                            bool unsignedIntegers) {
  using Real = arith::CmpFPredicate;
  using Integer = arith::CmpIPredicate;
  static constexpr Real reals[] = {Real::OLT, Real::OLE, Real::OGT, Real::OGE, Real::OEQ, Real::UNE};
  static constexpr Integer signedOnes[] = {Integer::slt, Integer::sle, Integer::sgt,
                                           Integer::sge, Integer::eq,  Integer::ne};
  static constexpr Integer unsignedOnes[] = {Integer::ult, Integer::ule, Integer::ugt,
                                             Integer::uge, Integer::eq,  Integer::ne};
  auto i = static_cast<size_t>(op) - static_cast<size_t>(ast::BinaryOp::Lt);
  if (isa<FloatType>(x.getType()))
    return b.createOrFold<arith::CmpFOp>(loc, reals[i], x, y);
  return b.createOrFold<arith::CmpIOp>(loc, unsignedIntegers ? unsignedOnes[i] : signedOnes[i], x, y);
}

static Value emitFloatBinary(OpBuilder &b, Location loc, ast::BinaryOp op, Value x, Value y) {
  using Op = ast::BinaryOp;
  switch (op) {
  case Op::Add:
    return b.createOrFold<arith::AddFOp>(loc, x, y);
  case Op::Sub:
    return b.createOrFold<arith::SubFOp>(loc, x, y);
  case Op::Mul:
    return b.createOrFold<arith::MulFOp>(loc, x, y);
  case Op::Div:
    return b.createOrFold<arith::DivFOp>(loc, x, y);
  case Op::Mod: { // floor remainder: x - floor(x / y) * y
    Value whole = b.createOrFold<math::FloorOp>(loc, b.createOrFold<arith::DivFOp>(loc, x, y));
    return b.createOrFold<arith::SubFOp>(loc, x, b.createOrFold<arith::MulFOp>(loc, whole, y));
  }
  case Op::Pow:
    return b.createOrFold<math::PowFOp>(loc, x, y);
  case Op::Max:
    return b.createOrFold<arith::MaximumFOp>(loc, x, y);
  case Op::Min:
    return b.createOrFold<arith::MinimumFOp>(loc, x, y);
  default:
    llvm_unreachable("comparisons and logic are elsewhere");
  }
}

static Value emitIntegerBinary(OpBuilder &b, Location loc, ast::BinaryOp op, Value x, Value y,
                               bool unsignedIntegers) {
  using Op = ast::BinaryOp;
  switch (op) {
  case Op::Add:
    return b.createOrFold<arith::AddIOp>(loc, x, y);
  case Op::Sub:
    return b.createOrFold<arith::SubIOp>(loc, x, y);
  case Op::Mul:
    return b.createOrFold<arith::MulIOp>(loc, x, y);
  case Op::Div:
  case Op::Mod:
    return emitIntegerDivision(b, loc, x, y, unsignedIntegers, op == Op::Mod);
  case Op::Pow:
    return b.createOrFold<math::IPowIOp>(loc, x, y);
  case Op::Max:
    return unsignedIntegers ? b.createOrFold<arith::MaxUIOp>(loc, x, y)
                            : b.createOrFold<arith::MaxSIOp>(loc, x, y);
  case Op::Min:
    return unsignedIntegers ? b.createOrFold<arith::MinUIOp>(loc, x, y)
                            : b.createOrFold<arith::MinSIOp>(loc, x, y);
  case Op::And:
    return b.createOrFold<arith::AndIOp>(loc, x, y);
  case Op::Or:
    return b.createOrFold<arith::OrIOp>(loc, x, y);
  default:
    llvm_unreachable("comparisons are elsewhere");
  }
}

Value Lowering::emitBinary(const ast::Binary &expr, ElementScope &scope) {
  OpBuilder &b = scope.emitter.body();
  Location where = loc(expr.location);
  Value x = emitElement(expr.left, scope), y = emitElement(expr.right, scope);
  ast::ElementType type = expr.left->type().element;
  if (ast::isComparison(expr.op))
    return emitComparison(b, where, expr.op, x, y, isUnsigned(type));
  if (ast::isFloat(type))
    return emitFloatBinary(b, where, expr.op, x, y);
  return emitIntegerBinary(b, where, expr.op, x, y, isUnsigned(type));
}

//===-- Reads, random numbers, calls --------------------------------------===//

Value Lowering::emitAccess(const ast::Access &access, ElementScope &scope) {
  if (access.base->type().isScalar()) {
    if (auto *ref = ast::as<ast::ValueRef>(access.base))
      if (Value local = scope.locals.lookup(ref->value))
        return local;
    if (!scope.locals.empty() || ast::as<ast::Literal>(access.base))
      return emitScalar(access.base, scope);
    return scope.emitter.readScalar(emitTensor(access.base));
  }
  Value base = emitTensor(access.base);
  AffineMap map = affineMap(access.positions, scope.dims, scope.emitter.dims().size(), 0);
  return scope.emitter.read(base, map, access.outside ? constant(*access.outside) : TypedAttr());
}

Value Lowering::drawRandom(IndexEmitter &emitter, bool normal, FloatType type, uint32_t drawSite) {
  OpBuilder &b = emitter.body();
  Location where = emitter.loc();
  Value chain = arith::ConstantOp::create(b, where, b.getI32IntegerAttr(static_cast<int32_t>(drawSite)));
  for (Value counter : counters)
    chain = emitMixSite(b, where, chain, emitter.readScalar(counter));
  RandomKey key{emitter.readScalar(counterState(/*seed=*/true)),
                emitter.readScalar(counterState(/*seed=*/false)), chain, emitter.position()};
  return normal ? emitNormal(b, where, type, key) : emitUniform(b, where, type, key);
}

// A uniform number is exact under any rounding rules, so it may stand among other arithmetic; a normal one
// gets an op of its own, unless all of it is exact anyway.
Value Lowering::emitRandom(const ast::Random &expr, ElementScope &scope) {
  auto type = cast<FloatType>(elementType(expr.type().element));
  uint32_t drawSite = mixSite(scope.site, expr.site);
  if (scope.exact || !expr.normal)
    return drawRandom(scope.emitter, expr.normal, type, drawSite);
  IndexEmitter own(scope.emitter.outside(), loc(expr.location), scope.emitter.dims());
  Value tensor = own.finish(drawRandom(own, /*normal=*/true, type, drawSite), /*exact=*/true);
  return scope.emitter.read(tensor, scope.emitter.identity());
}

Value Lowering::emitScalar(const ast::Expr *expr, ElementScope &scope) {
  if (auto *literal = ast::as<ast::Literal>(expr))
    return arith::ConstantOp::create(scope.emitter.body(), loc(expr->location), constant(*literal));
  if (auto *comprehension = ast::as<ast::Comprehension>(expr))
    return emitElement(comprehension->body, scope);
  if (auto *call = ast::as<ast::Call>(expr)) {
    SmallVector<Value> arguments;
    for (const ast::Expr *argument : call->arguments)
      arguments.push_back(emitScalar(argument, scope));
    llvm::SaveAndRestore saved(scope.site, mixSite(scope.site, call->site));
    return emitElementCall(*call->callee, arguments, scope);
  }
  if (auto *ref = ast::as<ast::ValueRef>(expr))
    if (Value local = scope.locals.lookup(ref->value))
      return local;
  return scope.emitter.readScalar(emitTensor(expr));
}

Value Lowering::emitElementCall(const ast::Function &callee, ArrayRef<Value> arguments, ElementScope &scope) {
  for (auto [value, argument] : llvm::zip_equal(callee.arguments, arguments))
    scope.locals[value] = argument;
  for (const ast::Stmt *stmt : callee.body->statements)
    if (auto *let = ast::as<ast::Let>(stmt)) {
      Value value = emitScalar(let->init, scope);
      scope.locals[let->values.front()] = value;
    }
  return emitScalar(callee.body->results.front(), scope);
}

Value Lowering::emitElement(const ast::Expr *expr, ElementScope &scope) {
  using Kind = ast::Expr::Kind;
  OpBuilder &b = scope.emitter.body();
  Location where = loc(expr->location);
  switch (expr->kind) {
  case Kind::Literal:
    return arith::ConstantOp::create(b, where, constant(*ast::as<ast::Literal>(expr)));
  case Kind::Iter:
    return scope.emitter.iter(scope.dims.at(ast::as<ast::Iter>(expr)->variable));
  case Kind::Access:
    return emitAccess(*ast::as<ast::Access>(expr), scope);
  case Kind::Unary:
    return emitUnary(*ast::as<ast::Unary>(expr), scope);
  case Kind::Binary:
    return emitBinary(*ast::as<ast::Binary>(expr), scope);
  case Kind::Select: {
    auto *select = ast::as<ast::Select>(expr);
    Value condition = emitElement(select->condition, scope);
    Value left = emitElement(select->left, scope);
    Value right = emitElement(select->right, scope);
    return b.createOrFold<arith::SelectOp>(where, condition, left, right);
  }
  case Kind::Cast: {
    auto *operand = ast::as<ast::Cast>(expr)->operand;
    ast::ElementType to = expr->type().element;
    return emitCast(b, where, emitElement(operand, scope), operand->type().element, to, elementType(to));
  }
  case Kind::Random:
    return emitRandom(*ast::as<ast::Random>(expr), scope);
  case Kind::ElementCall: {
    auto *call = ast::as<ast::ElementCall>(expr);
    SmallVector<Value> arguments;
    for (const ast::Expr *argument : call->arguments)
      arguments.push_back(emitElement(argument, scope));
    llvm::SaveAndRestore saved(scope.site, mixSite(scope.site, call->site));
    return emitElementCall(*call->callee, arguments, scope);
  }
  default:
    llvm_unreachable("tensor-level expressions stand outside comprehensions");
  }
}
