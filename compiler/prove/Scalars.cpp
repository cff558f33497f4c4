// Bodies of index ops: arith and math on scalars.
#include "compiler/prove/Evaluate.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

static Domain domainOf(Type type) {
  if (isa<FloatType>(type))
    return Domain::Real;
  return type.isInteger(1) ? Domain::Boolean : Domain::Integer;
}

// The least value of a type stands for what is below all others, whatever its width.
Term Evaluator::constantTerm(Attribute value, Type type) {
  if (auto real = dyn_cast<FloatAttr>(value)) {
    const APFloat &number = real.getValue();
    if (number.isInfinity())
      return algebra.identity(number.isNegative() ? model::Combiner::Max : model::Combiner::Min,
                              Domain::Real);
    return number.isNaN() ? algebra.opaque(value, Domain::Real) : algebra.number(real.getValueAsDouble());
  }
  const APInt &number = cast<IntegerAttr>(value).getValue();
  if (domainOf(type) == Domain::Boolean)
    return algebra.boolean(!number.isZero());
  bool isFar = number.getSignificantBits() > 50;
  if (number.isMinSignedValue() && number.getBitWidth() > 8)
    return algebra.identity(model::Combiner::Max, Domain::Integer);
  if (number.isMaxSignedValue() && number.getBitWidth() > 8)
    return algebra.identity(model::Combiner::Min, Domain::Integer);
  return isFar ? algebra.integer(algebra.data(algebra.opaque(value, Domain::Integer)))
               : algebra.integer(algebra.constant(number.getSExtValue()));
}

std::optional<Term> Evaluator::scalarBody(Block &block, ArrayRef<Term> arguments, ArrayRef<Index> dims) {
  DenseMap<Value, Term> terms;
  for (auto [argument, term] : llvm::zip_equal(block.getArguments(), arguments))
    terms[argument] = term;
  for (Operation &op : block.without_terminator()) {
    if (auto iter = dyn_cast<model::IterOp>(op)) {
      terms[iter.getResult()] = algebra.integer(dims[iter.getDim()]);
      continue;
    }
    SmallVector<Term> operands;
    for (Value operand : op.getOperands())
      operands.push_back(terms.lookup(operand));
    std::optional<Term> term = scalar(&op, operands);
    if (!term)
      return std::nullopt;
    terms[op.getResult(0)] = *term;
  }
  return terms.lookup(block.getTerminator()->getOperand(0));
}

// The length of the block that a place is counted from the start of, where it is `size` here; else `size`.
Index Evaluator::lengthLike(Index place, int64_t size) {
  for (auto [id, factor] : IndexNode(algebra.node(place)).entries) {
    std::optional<Index> length = algebra.lengthFrom(id, -factor);
    if (!length)
      continue;
    Rewrite here = mesh->at(mesh->coordinates());
    if (algebra.constantOf(algebra.substitute(*length, here)) == size)
      return *length;
  }
  return algebra.constant(size);
}

// A comparison of integers is a condition on their difference.
Term Evaluator::compare(arith::CmpIOp op, Term left, Term right) {
  // A place in an uneven block is held against the size that the block has on ranks of this class.
  if (op.getPredicate() == arith::CmpIPredicate::slt && !isWhole)
    if (std::optional<int64_t> size = algebra.constantOf(algebra.indexOf(right)))
      right = algebra.integer(lengthLike(algebra.indexOf(left), *size));
  Index difference = algebra.subtract(algebra.indexOf(left), algebra.indexOf(right));
  Index opposite = algebra.subtract(algebra.constant(0), difference);
  Term yes = algebra.boolean(true), no = algebra.boolean(false);
  auto least = [&](Term term) { return algebra.rangeOf(algebra.indexOf(term)).low; };
  arith::CmpIPredicate predicate = op.getPredicate();
  bool isUnsigned = static_cast<unsigned>(predicate) >= static_cast<unsigned>(arith::CmpIPredicate::ult);
  if (isUnsigned && (least(left) < 0 || least(right) < 0))
    return algebra.op(op->getName().getStringRef(), algebra.name(op.getPredicateAttr()), Domain::Boolean,
                      {left, right});
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return algebra.guard({difference, opposite}, yes, no);
  case arith::CmpIPredicate::ne:
    return algebra.guard({difference, opposite}, no, yes);
  case arith::CmpIPredicate::slt:
  case arith::CmpIPredicate::ult:
    return algebra.guard({algebra.add(opposite, -1)}, yes, no);
  case arith::CmpIPredicate::sle:
  case arith::CmpIPredicate::ule:
    return algebra.guard({opposite}, yes, no);
  case arith::CmpIPredicate::sgt:
  case arith::CmpIPredicate::ugt:
    return algebra.guard({algebra.add(difference, -1)}, yes, no);
  case arith::CmpIPredicate::sge:
  case arith::CmpIPredicate::uge:
    return algebra.guard({difference}, yes, no);
  }
  return yes;
}

static bool isDecided(const Algebra &algebra, Term term) {
  const TermNode &of = algebra.node(term);
  return of.kind == TermKind::Boolean ||
         (of.kind == TermKind::Guard && algebra.node(of.children[0]).kind == TermKind::Boolean &&
          algebra.node(of.children[1]).kind == TermKind::Boolean);
}

std::optional<Term> Evaluator::scalar(Operation *op, ArrayRef<Term> operands) {
  Type type = op->getResult(0).getType();
  Name detail = algebra.name(type);
  if (auto predicate = op->getAttr("predicate"))
    detail = algebra.name(predicate);
  using Made = std::optional<Term>;
  Made made =
      llvm::TypeSwitch<Operation *, Made>(op)
          .Case([&](arith::ConstantOp it) { return constantTerm(it.getValue(), type); })
          .Case([&](arith::AddFOp) { return algebra.sum({{1, operands[0]}, {1, operands[1]}}); })
          .Case([&](arith::SubFOp) { return algebra.sum({{1, operands[0]}, {-1, operands[1]}}); })
          .Case([&](arith::NegFOp) { return algebra.scale(-1, operands[0]); })
          .Case([&](arith::MulFOp) { return algebra.product(operands); })
          .Case(
              [&](arith::DivFOp) { return algebra.product({operands[0], algebra.reciprocal(operands[1])}); })
          .Case([&](math::FmaOp) {
            return algebra.sum({{1, algebra.product(operands.take_front(2))}, {1, operands[2]}});
          })
          .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) { return operands[0]; })
          .Case([&](arith::SelectOp) { return algebra.select(operands[0], operands[1], operands[2]); })
          .Default([&](Operation *it) {
            return domainOf(type) == Domain::Boolean ? truth(it, operands) : integerScalar(it, operands);
          });
  if (made)
    return made;
  if (isa<model::RandomBitsOp>(op) || isa<arith::ArithDialect, math::MathDialect>(op->getDialect()))
    return algebra.op(op->getName().getStringRef(), detail, domainOf(type), operands);
  fail(op, "an op '" + op->getName().getStringRef() + "'");
  return std::nullopt;
}

// None where there is no rule of its own.
std::optional<Term> Evaluator::integerScalar(Operation *op, ArrayRef<Term> operands) {
  auto asIndex = [&](unsigned i) { return algebra.indexOf(operands[i]); };
  using Made = std::optional<Term>;
  return llvm::TypeSwitch<Operation *, Made>(op)
      .Case([&](arith::AddIOp) { return algebra.integer(algebra.add(asIndex(0), asIndex(1))); })
      .Case([&](arith::SubIOp) { return algebra.integer(algebra.subtract(asIndex(0), asIndex(1))); })
      .Case([&](arith::MulIOp) -> Made {
        for (unsigned i : {0u, 1u})
          if (std::optional<int64_t> factor = algebra.constantOf(asIndex(i)))
            return algebra.integer(algebra.scale(asIndex(1 - i), *factor));
        return std::nullopt;
      })
      .Case([&](arith::MaxSIOp) -> Made {
        std::optional<int64_t> bound = algebra.constantOf(asIndex(1));
        return bound ? Made(algebra.integer(algebra.atLeast(asIndex(0), *bound))) : std::nullopt;
      })
      .Case([&](arith::MinSIOp) -> Made {
        std::optional<int64_t> bound = algebra.constantOf(asIndex(1));
        return bound ? Made(algebra.integer(algebra.atMost(asIndex(0), *bound))) : std::nullopt;
      })
      .Case([&](arith::ExtSIOp) -> Made {
        return algebra.node(operands[0]).domain == Domain::Integer ? Made(operands[0]) : std::nullopt;
      })
      .Case([&](arith::TruncIOp it) -> Made {
        Interval range = algebra.rangeOf(asIndex(0));
        int64_t most = int64_t(1) << std::min<int64_t>(49, it.getType().getIntOrFloatBitWidth() - 1);
        return range.low >= -most && range.high < most ? Made(operands[0]) : std::nullopt;
      })
      .Default([](Operation *) -> Made { return std::nullopt; });
}

// Conditions on places are known as such; of other truths there is no rule.
std::optional<Term> Evaluator::truth(Operation *op, ArrayRef<Term> operands) {
  if (auto comparison = dyn_cast<arith::CmpIOp>(op))
    return algebra.node(operands[0]).domain == Domain::Boolean
               ? std::nullopt
               : std::optional(compare(comparison, operands[0], operands[1]));
  if (!isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op))
    return std::nullopt;
  Term yes = algebra.boolean(true), no = algebra.boolean(false);
  for (unsigned i : {0u, 1u}) {
    Term known = operands[i], other = operands[1 - i];
    if (!isDecided(algebra, known))
      continue;
    if (isa<arith::AndIOp>(op))
      return algebra.select(known, other, no);
    if (isa<arith::OrIOp>(op))
      return algebra.select(known, yes, other);
    if (isDecided(algebra, other))
      return algebra.select(known, algebra.select(other, no, yes), other);
  }
  return std::nullopt;
}
