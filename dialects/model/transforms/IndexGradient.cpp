// The gradient of model.index: for each floating-point input an index op over the input's own axes.
//
// y[p] = sum(r) f(x[M(p, r)], ...) gives dx[q] = sum over (p, r) with M(p, r) = q of df/dx * dy[p]. M is
// inverted axis by axis: a dim that stands alone on an axis becomes that axis; an affine subscript is solved
// for one dim; what cannot be solved becomes a guard. The dims that no axis determines are dx's reduction
// dims.
#include "dialects/model/transforms/Gradients.h"
#include "dialects/model/transforms/ScalarGradient.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace cleave::model;

namespace {

// A tensor read at a map of the forward op's dims.
struct Access {
  Value tensor;
  AffineMap map;
  TypedAttr outside;
};

// A condition on the new dims under which a point of the forward op exists: 0 <= expr < size, or expr == 0
// where size is 0.
struct Guard {
  AffineExpr expr;
  int64_t size = 0;
  unsigned dim = 0; // the forward dim whose range this is
};

// The forward op's dims as expressions of the gradient's dims: first the input's axes, then reductions.
struct Inverse {
  SmallVector<AffineExpr> dims;
  SmallVector<StringRef> axes;
  SmallVector<int64_t> sizes;
  SmallVector<Guard> guards;
};

// Solves M(dims) = q for the dims. While solving, dim i < n is the forward op's dim i, dim n + a is q's axis
// a.
class Inverter {
public:
  Inverter(IndexOp op, AffineMap map, RankedTensorType type)
      : context(op.getContext()), op(op), map(map), type(type), count(op.getNumDims()), solved(count) {}

  Inverse run();

private:
  AffineExpr axis(unsigned a) { return getAffineDimExpr(count + a, context); }
  void solve(unsigned dim, AffineExpr value);
  bool solvePlain(unsigned a);
  bool solveSplit(unsigned a, unsigned b);
  void solveAffine(unsigned a);
  bool solveDigits(AffineExpr rest, ArrayRef<int64_t> coefficients);
  AffineExpr current(AffineExpr expr) {
    return simplifyAffineExpr(expr.replaceDims(values()), count + type.getRank(), 0);
  }
  SmallVector<AffineExpr> values();

  MLIRContext *context;
  IndexOp op;
  AffineMap map;
  RankedTensorType type;
  unsigned count;
  SmallVector<AffineExpr> solved; // null while free
  SmallVector<AffineExpr> zeros;  // must be 0
};
} // namespace

// Each forward dim as it is known now; q's axes stay.
SmallVector<AffineExpr> Inverter::values() {
  SmallVector<AffineExpr> result;
  for (unsigned i = 0; i < count; ++i)
    result.push_back(solved[i] ? solved[i] : getAffineDimExpr(i, context));
  for (unsigned a = 0; a < type.getRank(); ++a)
    result.push_back(axis(a));
  return result;
}

void Inverter::solve(unsigned dim, AffineExpr value) {
  solved[dim] = value;
  for (AffineExpr &other : solved)
    if (other)
      other = current(other);
}

bool Inverter::solvePlain(unsigned a) {
  auto dim = dyn_cast<AffineDimExpr>(map.getResult(a));
  if (!dim || solved[dim.getPosition()])
    return false;
  solve(dim.getPosition(), axis(a));
  return true;
}

// x[d floordiv m, d mod m] is a split axis: d = m * q_a + q_b.
bool Inverter::solveSplit(unsigned a, unsigned b) {
  auto high = dyn_cast<AffineBinaryOpExpr>(map.getResult(a)),
       low = dyn_cast<AffineBinaryOpExpr>(map.getResult(b));
  if (!high || !low || high.getKind() != AffineExprKind::FloorDiv || low.getKind() != AffineExprKind::Mod ||
      high.getLHS() != low.getLHS() || high.getRHS() != low.getRHS())
    return false;
  auto dim = dyn_cast<AffineDimExpr>(high.getLHS());
  auto factor = dyn_cast<AffineConstantExpr>(high.getRHS());
  if (!dim || !factor || solved[dim.getPosition()] || type.getDimSize(b) != factor.getValue())
    return false;
  solve(dim.getPosition(), axis(a) * factor.getValue() + axis(b));
  return true;
}

// The coefficient of each of `count` dims and the constant; false where the expression is not linear.
static bool linearForm(AffineExpr expr, unsigned count, SmallVectorImpl<int64_t> &coefficients) {
  SmallVector<int64_t> flat;
  if (!expr.isPureAffine() || expr.walk([](AffineExpr e) {
                                    bool linear = e.getKind() != AffineExprKind::FloorDiv &&
                                                  e.getKind() != AffineExprKind::CeilDiv &&
                                                  e.getKind() != AffineExprKind::Mod;
                                    return linear ? WalkResult::advance() : WalkResult::interrupt();
                                  })
                                  .wasInterrupted())
    return false;
  if (failed(getFlattenedAffineExpr(expr, count, 0, &flat)))
    return false;
  coefficients.assign(flat.begin(), flat.end());
  return true;
}

// Dims that are the digits of the position, as in windows that do not overlap, x[2 * i + d] with d < 2, or in
// a joined axis, x[4 * i + j] with j < 4: i = q floordiv 4, j = q mod 4, nothing to reduce. `rest` is 0 where
// the position is q.
bool Inverter::solveDigits(AffineExpr rest, ArrayRef<int64_t> coefficients) {
  SmallVector<unsigned> digits;
  for (unsigned dim = 0; dim < count; ++dim)
    if (coefficients[dim] && !solved[dim])
      digits.push_back(dim);
  llvm::sort(digits, [&](unsigned a, unsigned b) { return coefficients[a] < coefficients[b]; });
  if (digits.size() < 2 || coefficients[digits.front()] != 1)
    return false;
  int64_t reach = 0; // of the lower digits together
  for (unsigned dim : digits) {
    if (reach >= coefficients[dim])
      return false;
    reach += coefficients[dim] * (op.getSizes()[dim] - 1);
  }
  AffineExpr position = -rest;
  for (unsigned dim : digits)
    position = position + getAffineDimExpr(dim, context) * coefficients[dim];
  position = simplifyAffineExpr(position, count + type.getRank(), 0);
  for (auto [i, dim] : llvm::enumerate(digits)) {
    AffineExpr digit = i + 1 < digits.size() ? position % coefficients[digits[i + 1]] : position;
    solve(dim, digit.floorDiv(coefficients[dim]));
  }
  return true;
}

// sum a_k d_k + c = q: solved for the free dim with the most points (ties: the smallest |a_k|), which leaves
// the fewest points to be reduced over.
void Inverter::solveAffine(unsigned a) {
  AffineExpr rest = current(map.getResult(a)) - axis(a);
  SmallVector<int64_t> coefficients;
  std::optional<unsigned> best;
  bool linear = linearForm(rest, count + type.getRank(), coefficients);
  if (linear && solveDigits(rest, coefficients))
    return;
  if (linear)
    for (unsigned dim = 0; dim < count; ++dim) {
      int64_t factor = std::abs(coefficients[dim]);
      if (!factor || solved[dim])
        continue;
      if (!best || op.getSizes()[dim] > op.getSizes()[*best] ||
          (op.getSizes()[dim] == op.getSizes()[*best] && factor < std::abs(coefficients[*best])))
        best = dim;
    }
  if (!best) {
    zeros.push_back(rest);
    return;
  }
  int64_t factor = coefficients[*best];
  AffineExpr others = rest - getAffineDimExpr(*best, context) * factor;
  AffineExpr value = simplifyAffineExpr(factor > 0 ? -others : others, count + type.getRank(), 0);
  if (std::abs(factor) != 1) {
    zeros.push_back(value % std::abs(factor));
    value = value.floorDiv(std::abs(factor));
  }
  solve(*best, value);
}

Inverse Inverter::run() {
  unsigned rank = type.getRank();
  SmallVector<bool> done(rank, false);
  for (unsigned a = 0; a < rank; ++a)
    done[a] = solvePlain(a);
  for (unsigned a = 0; a < rank; ++a)
    for (unsigned b = 0; b < rank && !done[a]; ++b)
      if (!done[b] && solveSplit(a, b))
        done[a] = done[b] = true;
  for (unsigned a = 0; a < rank; ++a)
    if (!done[a])
      solveAffine(a);

  Inverse result;
  SmallVector<AffineExpr> renumbered(count + rank);
  for (unsigned a = 0; a < rank; ++a) {
    renumbered[count + a] = getAffineDimExpr(a, context);
    result.axes.push_back(axesOf(type)[a]);
    result.sizes.push_back(type.getDimSize(a));
  }
  for (unsigned dim = 0; dim < count; ++dim) {
    renumbered[dim] = getAffineDimExpr(result.sizes.size(), context);
    if (solved[dim])
      continue;
    result.axes.push_back(op.getAxis(dim));
    result.sizes.push_back(op.getSizes()[dim]);
  }
  for (unsigned dim = 0; dim < count; ++dim) {
    AffineExpr value = solved[dim] ? solved[dim] : getAffineDimExpr(dim, context);
    result.dims.push_back(simplifyAffineExpr(value.replaceDims(renumbered), result.sizes.size(), 0));
    auto [low, high] = rangeOf(result.dims.back(), result.sizes);
    if (low < 0 || high >= op.getSizes()[dim])
      result.guards.push_back({result.dims.back(), op.getSizes()[dim], dim});
  }
  for (AffineExpr zero : zeros) {
    AffineExpr expr = simplifyAffineExpr(current(zero).replaceDims(renumbered), result.sizes.size(), 0);
    if (expr != getAffineConstantExpr(0, context))
      result.guards.push_back({expr, 0, 0});
  }
  return result;
}

namespace {
// The gradient ops of one forward op.
class IndexReverse {
public:
  IndexReverse(IndexOp op, Value cotangent, Reverse &reverse)
      : op(op), cotangent(cotangent), reverse(reverse), loc(op.getLoc()), builder(reverse.builder),
        type(cast<RankedTensorType>(op.getType())) {}
  LogicalResult run();

private:
  AffineMap parallelMap() { return leadingDims(op.getContext(), op.getParallel(), op.getNumDims()); }
  OpBuilder scratchEnd() { // the region belongs to no op
    OpBuilder body(op.getContext());
    body.setInsertionPointToEnd(&scratch.front());
    return body;
  }
  Value addLeaf(Access access);
  Value makeSeed();
  Value makeTieSeed();
  Value makeProductSeed();
  Value makeTieCount();
  Value makeExclusiveProduct();
  bool isPrimary(unsigned input);
  Value emit(unsigned input, Value adjoint);
  void collectLeaves(Value value, SmallVectorImpl<Value> &found, DenseSet<Value> &seen);
  bool isProduct(Value value, SmallVectorImpl<Value> &factors);
  bool isCovered(const Guard &guard, ArrayRef<Value> factors);
  Value cloneScalar(OpBuilder &body, Value value, IRMapping &mapping, const Inverse &inverse);

  IndexOp op;
  Value cotangent;
  Reverse &reverse;
  Location loc;
  OpBuilder &builder;
  RankedTensorType type;
  Region scratch; // one block: the forward body, then its adjoint
  llvm::MapVector<Value, Access> leaves;
};
} // namespace

// Another scalar that the adjoint may use, read from a tensor.
Value IndexReverse::addLeaf(Access access) {
  Value argument = scratch.front().addArgument(elementType(access.tensor), loc);
  leaves[argument] = access;
  return argument;
}

// Clones the forward body in `body` and yields `finish` of its value: an op over `op`'s inputs.
static Value cloneForward(IndexOp op, OpBuilder &body, ValueRange arguments,
                          function_ref<Value(OpBuilder &, IterOp)> iter) {
  IRMapping mapping;
  mapping.map(op.getBodyBlock().getArguments(), arguments.take_front(op.getInputs().size()));
  for (Operation &inner : op.getBodyBlock().without_terminator()) {
    auto position = dyn_cast<IterOp>(inner);
    if (position && iter)
      mapping.map(position.getResult(), iter(body, position));
    else
      body.clone(inner, mapping);
  }
  return mapping.lookupOrDefault(op.getBodyBlock().getTerminator()->getOperand(0));
}

static SmallVector<StringRef> axisNames(IndexOp op) {
  SmallVector<StringRef> names;
  for (int64_t dim = 0; dim < op.getNumDims(); ++dim)
    names.push_back(op.getAxis(dim));
  return names;
}

// How many points of a max or min attain it.
Value IndexReverse::makeTieCount() {
  SmallVector<Value> inputs(op.getInputs());
  SmallVector<AffineMap> maps(op.getMaps().getAsValueRange<AffineMapAttr>());
  SmallVector<Attribute> outside(op.getOutside().getValue());
  inputs.push_back(op.getResult());
  maps.push_back(parallelMap());
  outside.push_back(nullptr);
  auto attains = [&](OpBuilder &body, Location at, ValueRange arguments) -> Value {
    Value value = cloneForward(op, body, arguments, nullptr);
    Value equal = arith::CmpFOp::create(body, at, arith::CmpFPredicate::OEQ, value, arguments.back());
    Type element = type.getElementType();
    return arith::SelectOp::create(body, at, equal, makeScalar(body, at, element, 1),
                                   makeScalar(body, at, element, 0));
  };
  return IndexOp::create(builder, loc, type, inputs, maps, outside, axisNames(op), op.getSizes(),
                         op.getParallel(), Combiner::Sum, attains);
}

// max, min: the points that attain it share the cotangent equally.
Value IndexReverse::makeTieSeed() {
  auto divide = [](OpBuilder &body, Location at, ValueRange values) -> Value {
    return arith::DivFOp::create(body, at, values[0], values[1]);
  };
  Value share = makeElementwise(builder, loc, type, {cotangent, makeTieCount()}, divide);
  Value shareHere = addLeaf({share, parallelMap(), {}}), best = addLeaf({op.getResult(), parallelMap(), {}});
  OpBuilder body = scratchEnd();
  Value value = scratch.front().back().getOperand(0);
  Value equal = arith::CmpFOp::create(body, loc, arith::CmpFPredicate::OEQ, value, best);
  return arith::SelectOp::create(body, loc, equal, shareHere,
                                 makeScalar(body, loc, type.getElementType(), 0));
}

// E[p, r] = prod(t) where(t == r, 1, f(p, t)): the product of the others, exact where factors are zero.
Value IndexReverse::makeExclusiveProduct() {
  unsigned parallel = op.getParallel(), dims = op.getNumDims(), reductions = dims - parallel;
  MLIRContext *context = op.getContext();
  SmallVector<AffineExpr> moved;
  SmallVector<StringRef> axes = axisNames(op);
  SmallVector<int64_t> sizes(op.getSizes());
  std::vector<std::string> names;
  for (StringRef axis : axes) { // a tensor's axes must differ
    std::string name = axis.str();
    while (llvm::is_contained(names, name))
      name += "_1";
    names.push_back(name);
  }
  SmallVector<StringRef> unique(names.begin(), names.end());
  RankedTensorType product = tensorOf(type.getElementType(), unique, sizes);
  for (unsigned dim = 0; dim < dims; ++dim)
    moved.push_back(getAffineDimExpr(dim < parallel ? dim : dim + reductions, context));
  for (unsigned dim = parallel; dim < dims; ++dim) {
    axes.push_back(axes[dim]);
    sizes.push_back(sizes[dim]);
  }
  SmallVector<AffineMap> maps;
  for (AffineMap map : op.getMaps().getAsValueRange<AffineMapAttr>())
    maps.push_back(map.replaceDimsAndSymbols(moved, {}, dims + reductions, 0));
  auto others = [&](OpBuilder &body, Location at, ValueRange arguments) -> Value {
    Value value = cloneForward(op, body, arguments, [&](OpBuilder &inner, IterOp iter) -> Value {
      return makeAffine(inner, at, moved[iter.getDim()]);
    });
    Value same;
    for (unsigned dim = parallel; dim < dims; ++dim) {
      Value here = IterOp::create(body, at, body.getI64Type(), dim);
      Value there = IterOp::create(body, at, body.getI64Type(), dim + reductions);
      Value equal = arith::CmpIOp::create(body, at, arith::CmpIPredicate::eq, here, there);
      same = same ? arith::AndIOp::create(body, at, same, equal).getResult() : equal;
    }
    return arith::SelectOp::create(body, at, same, makeScalar(body, at, type.getElementType(), 1), value);
  };
  return IndexOp::create(builder, loc, product, op.getInputs(), maps, op.getOutside().getValue(), axes, sizes,
                         dims, Combiner::Prod, others);
}

Value IndexReverse::makeProductSeed() {
  Value others =
      addLeaf({makeExclusiveProduct(), leadingDims(op.getContext(), op.getNumDims(), op.getNumDims()), {}});
  Value here = addLeaf({cotangent, parallelMap(), {}});
  OpBuilder body = scratchEnd();
  return arith::MulFOp::create(body, loc, here, others);
}

// The derivative of the loss with respect to the body's value at a point.
Value IndexReverse::makeSeed() {
  switch (op.getCombiner()) {
  case Combiner::Max:
  case Combiner::Min:
    return makeTieSeed();
  case Combiner::Prod:
    return makeProductSeed();
  default:
    return addLeaf({cotangent, parallelMap(), {}});
  }
}

// An input whose gradient has one element per point of the op.
bool IndexReverse::isPrimary(unsigned input) {
  return op.getMap(input).isPermutation() && !op.getOutsideValue(input);
}

void IndexReverse::collectLeaves(Value value, SmallVectorImpl<Value> &found, DenseSet<Value> &seen) {
  if (!seen.insert(value).second)
    return;
  if (leaves.count(value)) {
    found.push_back(value);
    return;
  }
  for (Value operand : value.getDefiningOp()->getOperands())
    collectLeaves(operand, found, seen);
}

// Whether the value is a product of leaves and constants, which is 0 when one leaf is.
bool IndexReverse::isProduct(Value value, SmallVectorImpl<Value> &factors) {
  if (leaves.count(value)) {
    factors.push_back(value);
    return true;
  }
  Operation *def = value.getDefiningOp();
  if (isa<arith::MulFOp>(def))
    return isProduct(def->getOperand(0), factors) && isProduct(def->getOperand(1), factors);
  if (isa<arith::NegFOp, arith::ExtFOp, arith::TruncFOp>(def))
    return isProduct(def->getOperand(0), factors);
  if (isa<arith::DivFOp>(def))
    return isProduct(def->getOperand(0), factors) && def->getOperand(1).getDefiningOp<arith::ConstantOp>();
  return isa<arith::ConstantOp>(def);
}

// Whether a factor is read outside, as 0, exactly where the guard fails.
bool IndexReverse::isCovered(const Guard &guard, ArrayRef<Value> factors) {
  if (!guard.size)
    return false;
  AffineExpr dim = getAffineDimExpr(guard.dim, op.getContext());
  return llvm::any_of(factors, [&](Value factor) {
    const Access &access = leaves.find(factor)->second;
    if (access.outside && !matchPattern(access.outside, m_AnyZeroFloat()))
      return false;
    return llvm::any_of(
        llvm::zip(access.map.getResults(), rankedType(access.tensor).getShape()),
        [&](auto pair) { return std::get<0>(pair) == dim && std::get<1>(pair) == guard.size; });
  });
}

Value IndexReverse::cloneScalar(OpBuilder &body, Value value, IRMapping &mapping, const Inverse &inverse) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Operation *def = value.getDefiningOp();
  if (auto iter = dyn_cast<IterOp>(def)) {
    Value position = makeAffine(body, loc, inverse.dims[iter.getDim()]);
    mapping.map(value, position);
    return position;
  }
  for (Value operand : def->getOperands())
    cloneScalar(body, operand, mapping, inverse);
  body.clone(*def, mapping);
  return mapping.lookup(value);
}

static Value makeGuard(OpBuilder &body, Location loc, const Guard &guard, ArrayRef<int64_t> sizes) {
  auto compare = [&](arith::CmpIPredicate predicate, int64_t bound) -> Value {
    Value at = makeAffine(body, loc, guard.expr);
    return arith::CmpIOp::create(body, loc, predicate, at, makeScalar(body, loc, body.getI64Type(), bound));
  };
  if (!guard.size)
    return compare(arith::CmpIPredicate::eq, 0);
  auto [low, high] = rangeOf(guard.expr, sizes);
  if (low >= 0)
    return compare(arith::CmpIPredicate::slt, guard.size);
  Value above = compare(arith::CmpIPredicate::sge, 0);
  if (high < guard.size)
    return above;
  return arith::AndIOp::create(body, loc, above, compare(arith::CmpIPredicate::slt, guard.size));
}

// The gradient with respect to one input; `adjoint` is its derivative at a point, in the scratch block.
Value IndexReverse::emit(unsigned input, Value adjoint) {
  auto inputType = cast<RankedTensorType>(op.getInputs()[input].getType());
  AffineMap map = op.getMap(input);
  auto leaf = leaves.find(adjoint);
  if (leaf != leaves.end() && op.getNumDims() == inputType.getRank() && map.isIdentity() &&
      leaf->second.map == map && leaf->second.tensor.getType() == inputType)
    return leaf->second.tensor;

  Inverse inverse = Inverter(op, map, inputType).run();
  unsigned dims = inverse.sizes.size();
  SmallVector<Value> used, tensors;
  DenseSet<Value> seen;
  collectLeaves(adjoint, used, seen);
  SmallVector<AffineMap> maps;
  SmallVector<Attribute> outside;
  for (Value value : used) {
    const Access &access = leaves[value];
    AffineMap at = simplifyAffineMap(access.map.replaceDimsAndSymbols(inverse.dims, {}, dims, 0));
    if (value == scratch.front().getArgument(input))
      at = leadingDims(op.getContext(), inputType.getRank(), dims);
    TypedAttr beyond = access.outside;
    for (auto [expr, size] : llvm::zip(at.getResults(), rankedType(access.tensor).getShape())) {
      auto [low, high] = rangeOf(expr, inverse.sizes);
      if (!beyond && (low < 0 || high >= size))
        beyond = builder.getZeroAttr(elementType(access.tensor));
    }
    tensors.push_back(access.tensor);
    maps.push_back(at);
    outside.push_back(beyond);
  }
  SmallVector<Value> factors;
  bool product = isProduct(adjoint, factors);
  auto makeBody = [&](OpBuilder &body, Location at, ValueRange arguments) {
    IRMapping mapping;
    mapping.map(used, arguments);
    Value result = cloneScalar(body, adjoint, mapping, inverse), valid;
    for (const Guard &guard : inverse.guards) {
      if (product && isCovered(guard, factors))
        continue;
      Value holds = makeGuard(body, at, guard, inverse.sizes);
      valid = valid ? arith::AndIOp::create(body, at, valid, holds).getResult() : holds;
    }
    if (valid)
      result = arith::SelectOp::create(body, at, valid, result, makeScalar(body, at, result.getType(), 0));
    return result;
  };
  Combiner combiner = dims > inputType.getRank() ? Combiner::Sum : Combiner::None;
  return IndexOp::create(builder, loc, inputType, tensors, maps, outside, inverse.axes, inverse.sizes,
                         inputType.getRank(), combiner, makeBody);
}

LogicalResult IndexReverse::run() {
  IRMapping mapping;
  op.getBody().cloneInto(&scratch, mapping);
  Block &block = scratch.front();
  for (auto [i, argument] : llvm::enumerate(block.getArguments()))
    leaves[argument] = {op.getInputs()[i], op.getMap(i), op.getOutsideValue(i)};
  // The derivatives of exp, tanh, max(x, 0) and their like are given by their value, which is there already.
  Operation *root = mapping.lookup(op.getBodyBlock().getTerminator())->getOperand(0).getDefiningOp();
  bool isBound = root && isa<arith::MaximumFOp, arith::MaxNumFOp, arith::MinimumFOp, arith::MinNumFOp>(root);
  if (root && (isBound || isa<math::MathDialect>(root->getDialect())) && op.getNumReductions() == 0)
    leaves[root->getResult(0)] = {op.getResult(), parallelMap(), {}};
  SmallVector<bool> wanted;
  for (Value input : op.getInputs())
    wanted.push_back(reverse.isActive(input));
  Value seed = makeSeed(), result = mapping.lookup(op.getBodyBlock().getTerminator())->getOperand(0);
  OpBuilder body = scratchEnd();
  wanted.resize(block.getNumArguments(), false);
  FailureOr<SmallVector<Value>> adjoints = differentiateBody(body, block, result, seed, wanted);
  if (failed(adjoints))
    return failure();

  // A gradient with an element per point serves the others: what they share with it is read, not computed
  // again.
  for (bool primary : {true, false})
    for (unsigned i = 0; i < op.getInputs().size(); ++i) {
      Value adjoint = (*adjoints)[i];
      if (!adjoint || isPrimary(i) != primary)
        continue;
      Value gradient = emit(i, adjoint);
      reverse.give(op.getInputs()[i], gradient);
      if (primary && !leaves.count(adjoint) && adjoint.getType() == elementType(gradient) &&
          !adjoint.getDefiningOp<arith::ConstantOp>())
        leaves[adjoint] = {gradient, op.getMap(i), {}};
    }
  return success();
}

LogicalResult cleave::model::reverseIndex(IndexOp op, Value cotangent, Reverse &reverse) {
  return IndexReverse(op, cotangent, reverse).run();
}
