// comm-partition: index ops. Each operand is brought to the part that this rank's points read, and the maps
// become local.
//
// An operand's axis read at e(dims), with some of the dims cut:
//
//   e = d                        the blocks of d
//   e = c d + window             the blocks of d with a halo, where a block of the operand is c blocks of d;
//   e = c1 d1 + c2 d2            the blocks of d1, within them those of d2, where each rank has one d1
//   e = (d floordiv b) mod a     the blocks of the digit
//   e = c d + window otherwise   the operand's own blocks with a halo as wide as any rank needs, where they
//   are cut over the
//                                same ranks and that is less than the rest; else the whole. The part that is
//                                read is taken by position
//   anything else                d is computed whole on every rank
#include "dialects/comm/transforms/Partition.h"
#include "dialects/model/transforms/Build.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

TypedAttr cleave::comm::identityOf(model::Combiner combiner, Type element) {
  Builder builder(element.getContext());
  if (element.isInteger(1) && (combiner == model::Combiner::Max || combiner == model::Combiner::Min))
    return builder.getIntegerAttr(element, combiner == model::Combiner::Min); // 0 and 1, not 0 and -1
  return model::identityOf(builder, combiner, element);
}

namespace {
// A sum of cut dims times constants, and what only whole dims make up.
struct Linear {
  SmallVector<std::pair<unsigned, int64_t>> terms;
  AffineExpr rest;
};
struct Halo {
  int64_t dim, low, high;
};
// The elements [start, start + length) of a whole dim, where start is a sum of offsets times factors plus a
// constant.
struct Part {
  int64_t dim;
  SmallVector<std::pair<unsigned, int64_t>> terms;
  int64_t constant, length;
  int64_t least, greatest; // what any rank reads
  // Where it is taken from this rank's block and what lies around it: elements before the block.
  std::optional<int64_t> around = std::nullopt;
};
} // namespace

struct FunctionPartitioner::Operand {
  SmallVector<AxisList> axes;
  SmallVector<AffineExpr> exprs;
  SmallVector<Halo> halos;
  SmallVector<int64_t> masked; // dims of which padding is read, where it stands for what lies outside
  SmallVector<Part> parts;
};

class FunctionPartitioner::IndexPlan {
public:
  IndexPlan(FunctionPartitioner &partitioner, model::IndexOp op, ArrayRef<AxisList> factors)
      : partitioner(partitioner), shards(partitioner.shards), op(op), factors(factors) {
    solve();
  }
  // The op on this rank's points; `layout` is that of its result.
  model::IndexOp emit(LayoutAttr &layout);
  // Whether it gives a result in this layout from operands that are there, halos included.
  bool isFree(LayoutAttr layout, unsigned depth) const;

private:
  void solve();
  bool isCut(unsigned dim) const { return !factors[dim].empty(); }
  bool solveOperand(unsigned input);
  bool solveDim(unsigned input, unsigned axis, Operand &operand);
  bool asBlocks(unsigned input, unsigned axis, AffineExpr expr, const Linear &linear, Operand &operand);
  bool asJoinedBlocks(int64_t extent, const Linear &linear, AxisList &axes);
  bool asDigit(int64_t extent, AffineExpr expr, AxisList &axes);
  bool asWideHalo(unsigned input, unsigned axis, AffineExpr expr, const Linear &linear, Operand &operand);
  void asPart(int64_t extent, unsigned axis, AffineExpr expr, const Linear &linear, Operand &operand);
  bool decompose(AffineExpr expr, int64_t factor, Linear &linear);
  bool accept(Operand &operand, ArrayRef<AxisRefAttr> axes, AffineExpr expr);
  std::optional<std::pair<AxisList, AxisList>> split(ArrayRef<AxisRefAttr> axes, int64_t members);
  SmallVector<int64_t> localSizes() const;

  Value operandValue(unsigned input);
  Value maskPadding(Value value, unsigned input, int64_t dim, ArrayRef<AxisRefAttr> axes);
  Value takePart(Value value, unsigned input, const Part &part);
  Value positionOf(OpBuilder &body, Location loc, unsigned dim, Block &block);
  Value isInside(OpBuilder &body, Location loc, unsigned dim, Block &block);
  void guardDivisions(Block &block);
  void fillBody(model::IndexOp made, Location loc);

  FunctionPartitioner &partitioner;
  const Shards &shards;
  model::IndexOp op;
  SmallVector<AxisList> factors;
  SmallVector<LocalDim> dims;
  std::vector<Operand> operands;
  // Cut dims whose value the body uses: the body's argument with their offset.
  std::map<unsigned, unsigned> offsetArguments;
};

//===------------------------------------------------------------------===//
// Solving
//===------------------------------------------------------------------===//

SmallVector<int64_t> FunctionPartitioner::IndexPlan::localSizes() const {
  return llvm::map_to_vector(dims, [](const LocalDim &dim) { return dim.size; });
}

bool FunctionPartitioner::IndexPlan::decompose(AffineExpr expr, int64_t factor, Linear &linear) {
  bool cut = false;
  for (unsigned dim = 0; dim < factors.size(); ++dim)
    cut |= isCut(dim) && expr.isFunctionOfDim(dim);
  if (!cut) {
    linear.rest = linear.rest + expr * factor;
    return true;
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    linear.terms.emplace_back(dim.getPosition(), factor);
    return true;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  if (expr.getKind() == AffineExprKind::Add)
    return decompose(binary.getLHS(), factor, linear) && decompose(binary.getRHS(), factor, linear);
  auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
  return expr.getKind() == AffineExprKind::Mul && constant &&
         decompose(binary.getLHS(), factor * constant.getValue(), linear);
}

// Takes these axes for the next dim of the operand; false where one is taken already.
bool FunctionPartitioner::IndexPlan::accept(Operand &operand, ArrayRef<AxisRefAttr> axes, AffineExpr expr) {
  for (const AxisList &known : operand.axes)
    for (AxisRefAttr axis : axes)
      if (llvm::any_of(known, [&](AxisRefAttr other) { return shards.overlap(axis, other); }))
        return false;
  operand.axes.emplace_back(axes.begin(), axes.end());
  operand.exprs.push_back(expr);
  return true;
}

// c1 d1 + c2 d2 + ...: every rank has one d1, one d2..., and blocks of the last.
bool FunctionPartitioner::IndexPlan::asJoinedBlocks(int64_t extent, const Linear &linear, AxisList &axes) {
  if (shards.padded(extent) != extent)
    return false;
  SmallVector<std::pair<unsigned, int64_t>> terms(linear.terms);
  llvm::sort(terms, [](auto a, auto b) { return a.second > b.second; });
  for (auto [i, term] : llvm::enumerate(terms)) {
    const LocalDim &dim = dims[term.first];
    bool last = i + 1 == terms.size();
    if (term.second <= 0 || dim.whole * term.second != extent || (!last && dim.size != 1) ||
        dim.size * shards.members(dim.axes) != dim.whole) // padded: blocks do not begin where a digit does
      return false;
    extent = term.second;
    axes.append(dim.axes);
  }
  auto [low, high] = model::rangeOf(linear.rest, localSizes());
  return low >= 0 && high < extent;
}

bool FunctionPartitioner::IndexPlan::asBlocks(unsigned input, unsigned axis, AffineExpr expr,
                                              const Linear &linear, Operand &operand) {
  Value value = op.getInputs()[input];
  int64_t extent = wholeType(value).getDimSize(axis);
  if (linear.terms.size() > 1) {
    AxisList axes;
    return asJoinedBlocks(extent, linear, axes) && accept(operand, axes, expr);
  }
  auto [position, factor] = linear.terms.front();
  const LocalDim &dim = dims[position];
  bool alike = factor == 1 && extent == dim.whole;
  bool multiple = factor > 0 && shards.isEven(extent, dim.axes) && shards.isEven(dim.whole, dim.axes) &&
                  shards.local(extent, dim.axes) == factor * dim.size;
  if (!alike && !multiple)
    return false;
  auto [least, greatest] = model::rangeOf(linear.rest, localSizes());
  int64_t low = std::max<int64_t>(0, -least), high = std::max<int64_t>(0, greatest + 1 - factor);
  if (low == 0 && high == 0) {
    if (extent < factor * dim.whole)
      operand.masked.push_back(axis);
    return accept(operand, dim.axes, expr);
  }
  // What is there already is cheaper to read than what the neighbours have.
  if (partitioner.declared(value).getDims()[axis].getAxes().empty() || !accept(operand, dim.axes, expr + low))
    return false;
  operand.halos.push_back({static_cast<int64_t>(axis), low, high});
  return true;
}

// The axes before and behind a product of sizes; an axis that lies across is cut in two parts.
std::optional<std::pair<AxisList, AxisList>> FunctionPartitioner::IndexPlan::split(ArrayRef<AxisRefAttr> axes,
                                                                                   int64_t members) {
  AxisList major, minor;
  for (AxisRefAttr axis : axes) {
    int64_t size = shards.sizeOf(axis), pre = axis.isWhole() ? 1 : axis.getPre();
    if (members >= size && members % size == 0) {
      major.push_back(axis);
      members /= size;
    } else if (members == 1) {
      minor.push_back(axis);
    } else if (size % members == 0) {
      major.push_back(AxisRefAttr::get(axis.getContext(), axis.getName(), pre, members));
      minor.push_back(AxisRefAttr::get(axis.getContext(), axis.getName(), pre * members, size / members));
      members = 1;
    } else {
      return std::nullopt;
    }
  }
  return std::pair(major, minor);
}

// (d floordiv b) mod a, in its different forms.
bool FunctionPartitioner::IndexPlan::asDigit(int64_t extent, AffineExpr expr, AxisList &axes) {
  int64_t behind = 1, size = 0; // b and a; 0: none
  AffineExpr inner = expr;
  for (unsigned level = 0; level < 2 && !isa<AffineDimExpr>(inner); ++level) {
    auto binary = dyn_cast<AffineBinaryOpExpr>(inner);
    auto constant = binary ? dyn_cast<AffineConstantExpr>(binary.getRHS()) : AffineConstantExpr();
    if (!constant)
      return false;
    if (inner.getKind() == AffineExprKind::FloorDiv)
      behind *= constant.getValue();
    else if (inner.getKind() == AffineExprKind::Mod && size == 0)
      size = constant.getValue() / behind;
    else
      return false;
    inner = binary.getLHS();
  }
  auto position = dyn_cast<AffineDimExpr>(inner);
  if (!position)
    return false;
  const LocalDim &dim = dims[position.getPosition()];
  if (size == 0 && dim.whole % behind == 0)
    size = dim.whole / behind;
  if (size == 0 || extent != size || dim.whole % (behind * size) != 0 ||
      dim.size * shards.members(dim.axes) != dim.whole || shards.padded(extent) != extent)
    return false;
  if (dim.size % (behind * size) == 0)
    return true; // every block has all of it
  std::optional<std::pair<AxisList, AxisList>> outer = split(dim.axes, dim.whole / (behind * size));
  if (!outer)
    return false;
  if (dim.size % behind == 0) {
    axes = outer->second;
    return true;
  }
  std::optional<std::pair<AxisList, AxisList>> own = split(outer->second, size);
  if (!own || behind % dim.size != 0)
    return false;
  axes = own->first;
  return true;
}

void FunctionPartitioner::IndexPlan::asPart(int64_t extent, unsigned axis, AffineExpr expr,
                                            const Linear &linear, Operand &operand) {
  auto [low, high] = model::rangeOf(linear.rest, localSizes());
  Part part{static_cast<int64_t>(axis), linear.terms, low, high - low + 1, low, high};
  for (auto [position, factor] : linear.terms) {
    const LocalDim &dim = dims[position];
    int64_t reach = factor * (dim.size - 1), wholeReach = factor * (shards.padded(dim.whole) - 1);
    part.length += std::abs(reach);
    part.constant += std::min<int64_t>(0, reach);
    (factor > 0 ? part.greatest : part.least) += wholeReach;
  }
  part.least = std::min<int64_t>(part.least, 0);
  part.greatest = std::max<int64_t>(part.greatest, extent - 1);
  operand.exprs.push_back(expr - part.constant);
  operand.axes.emplace_back();
  operand.parts.push_back(part);
}

// Blocks of the operand that do not begin where the dim's times a factor do: 10 and 8 in two parts are 5 and
// 4, of which the second reads from 4 on.
bool FunctionPartitioner::IndexPlan::asWideHalo(unsigned input, unsigned axis, AffineExpr expr,
                                                const Linear &linear, Operand &operand) {
  Value value = op.getInputs()[input];
  int64_t extent = wholeType(value).getDimSize(axis);
  auto [position, factor] = linear.terms.front();
  const LocalDim &dim = dims[position];
  if (linear.terms.size() != 1 || factor <= 0 ||
      AxisList(partitioner.declared(value).getDims()[axis].getAxes()) != dim.axes)
    return false;
  auto [least, greatest] = model::rangeOf(linear.rest, localSizes());
  int64_t low = 0, high = 0, own = 0, first = 0;
  for (auto [mine, points] : llvm::zip(shards.blocks(extent, dim.axes), shards.blocks(dim.whole, dim.axes))) {
    low = std::max(low, own - (factor * first + least));
    high = std::max(high, factor * (first + points - 1) + greatest + 1 - (own + mine));
    own += mine;
    first += points;
  }
  bool isLess = low + high < extent - shards.most(extent, dim.axes);
  if (!isLess || !accept(operand, dim.axes, expr - least))
    return false;
  operand.halos.push_back({static_cast<int64_t>(axis), low, high});
  int64_t length = factor * (dim.size - 1) + greatest - least + 1;
  operand.parts.push_back({static_cast<int64_t>(axis), linear.terms, least, length, 0, 0, low});
  return true;
}

bool FunctionPartitioner::IndexPlan::solveDim(unsigned input, unsigned axis, Operand &operand) {
  AffineExpr expr = op.getMap(input).getResult(axis);
  int64_t extent = wholeType(op.getInputs()[input]).getDimSize(axis);
  Linear linear;
  linear.rest = getAffineConstantExpr(0, op.getContext());
  if (!decompose(expr, 1, linear)) {
    AxisList axes;
    return asDigit(extent, expr, axes) && accept(operand, axes, expr);
  }
  if (linear.terms.empty())
    return accept(operand, {}, expr);
  if (!asBlocks(input, axis, expr, linear, operand) && !asWideHalo(input, axis, expr, linear, operand))
    asPart(extent, axis, expr, linear, operand);
  return true;
}

bool FunctionPartitioner::IndexPlan::solveOperand(unsigned input) {
  Operand operand;
  for (unsigned axis = 0; axis < op.getMap(input).getNumResults(); ++axis) {
    if (solveDim(input, axis, operand))
      continue;
    for (unsigned dim = 0; dim < factors.size(); ++dim)
      if (op.getMap(input).getResult(axis).isFunctionOfDim(dim))
        factors[dim].clear();
    return false;
  }
  operands.push_back(std::move(operand));
  return true;
}

void FunctionPartitioner::IndexPlan::solve() {
  for (bool solved = false; !solved;) {
    solved = true;
    operands.clear();
    dims.clear();
    for (unsigned dim = 0; dim < factors.size(); ++dim)
      dims.push_back(partitioner.localDim(op.getSizes()[dim], factors[dim]));
    for (unsigned input = 0; solved && input < op.getInputs().size(); ++input)
      solved = solveOperand(input); // or fewer dims are cut than before
  }
}

//===------------------------------------------------------------------===//
// Making the op
//===------------------------------------------------------------------===//

// The padding of a block reads as what lies outside.
Value FunctionPartitioner::IndexPlan::maskPadding(Value value, unsigned input, int64_t dim,
                                                  ArrayRef<AxisRefAttr> axes) {
  int64_t extent = wholeType(op.getInputs()[input]).getDimSize(dim);
  TypedAttr fill = op.getOutsideValue(input);
  if (!fill || !shards.isPadded(extent, axes))
    return value;
  RankedTensorType type = model::rankedType(value);
  MLIRContext *context = op.getContext();
  AffineMap maps[] = {model::leadingDims(context, type.getRank(), type.getRank()),
                      AffineMap::get(type.getRank(), 0, {}, context)};
  Value inputs[] = {value, partitioner.offset(extent, axes)};
  return model::IndexOp::create(
      partitioner.builder, op.getLoc(), type, inputs, maps, {}, model::axesOf(type), type.getShape(),
      type.getRank(), model::Combiner::None, [&](OpBuilder &body, Location loc, ValueRange values) -> Value {
        Value at = arith::AddIOp::create(body, loc, model::IterOp::create(body, loc, body.getI64Type(), dim),
                                         values[1]);
        Value end = arith::ConstantOp::create(body, loc, body.getI64IntegerAttr(extent));
        Value inside = arith::CmpIOp::create(body, loc, arith::CmpIPredicate::slt, at, end);
        return arith::SelectOp::create(body, loc, inside, values[0],
                                       arith::ConstantOp::create(body, loc, fill));
      });
}

Value FunctionPartitioner::IndexPlan::takePart(Value value, unsigned input, const Part &part) {
  OpBuilder &builder = partitioner.builder;
  Location loc = op.getLoc();
  RankedTensorType type = model::rankedType(value);
  int64_t rank = type.getRank();
  MLIRContext *context = op.getContext();
  SmallVector<int64_t> sizes(type.getShape());
  if (!part.around && (part.least < 0 || part.greatest >= sizes[part.dim])) {
    sizes[part.dim] = part.greatest - part.least + 1;
    AffineMap map = model::leadingDims(context, rank, rank);
    SmallVector<AffineExpr> exprs(map.getResults());
    exprs[part.dim] = exprs[part.dim] + part.least;
    TypedAttr outside = op.getOutsideValue(input);
    if (!outside)
      outside = builder.getZeroAttr(type.getElementType());
    type = RankedTensorType::get(sizes, type.getElementType(), type.getEncoding());
    value =
        model::IndexOp::create(builder, loc, type, value, AffineMap::get(rank, 0, exprs, context),
                               Attribute(outside), model::axesOf(type), sizes, rank, model::Combiner::None,
                               [](OpBuilder &, Location, ValueRange values) { return values.front(); });
  }
  SmallVector<std::pair<Value, int64_t>> terms;
  for (auto [position, factor] : part.terms)
    terms.emplace_back(partitioner.offset(dims[position].whole, dims[position].axes), factor);
  if (part.around) {
    int64_t extent = wholeType(op.getInputs()[input]).getDimSize(part.dim);
    terms.emplace_back(partitioner.offset(extent, operands[input].axes[part.dim]), -1);
  }
  Value start = partitioner.combine(loc, terms, part.constant - part.least + part.around.value_or(0));
  sizes[part.dim] = part.length;
  SmallVector<AffineExpr> exprs(model::leadingDims(context, rank, rank).getResults());
  exprs[part.dim] = exprs[part.dim] + getAffineSymbolExpr(0, context);
  AffineMap scalar = AffineMap::get(rank, 0, {}, context);
  return model::GatherOp::create(
      builder, loc, RankedTensorType::get(sizes, type.getElementType(), type.getEncoding()), value, start,
      AffineMap::get(rank, 1, exprs, context), builder.getAffineMapArrayAttr(scalar));
}

Value FunctionPartitioner::IndexPlan::operandValue(unsigned input) {
  const Operand &operand = operands[input];
  OpBuilder &builder = partitioner.builder;
  Value value = op.getInputs()[input];
  RankedTensorType whole = wholeType(value);
  value = partitioner.get(value, makeLayout(shards.getMeshName(), operand.axes), op);
  for (int64_t dim : operand.masked)
    value = maskPadding(value, input, dim, operand.axes[dim]);
  for (const Halo &halo : operand.halos) {
    const AxisList &axes = operand.axes[halo.dim];
    Value &known = partitioner.halos[{value, halo.dim, halo.low, halo.high, op.getOutsideValue(input)}];
    if (known) {
      value = known;
      continue;
    }
    value = maskPadding(value, input, halo.dim, axes);
    RankedTensorType type = model::rankedType(value);
    SmallVector<int64_t> sizes(type.getShape());
    sizes[halo.dim] += halo.low + halo.high;
    auto made = HaloOp::create(
        builder, op.getLoc(), RankedTensorType::get(sizes, type.getElementType(), type.getEncoding()), value,
        shards.getMeshName().getValue(), overOf(op.getContext(), axes), halo.dim, halo.low, halo.high,
        shards.padded(whole.getDimSize(halo.dim)), op.getOutsideValue(input), nullptr, nullptr, nullptr);
    made.setReasonAttr(partitioner.reasons.ofHalo(op.getInputs()[input], halo.dim, axes, op));
    known = value = made;
  }
  for (const Part &part : operand.parts)
    value = takePart(value, input, part);
  return value;
}

// The position of a dim in the whole.
Value FunctionPartitioner::IndexPlan::positionOf(OpBuilder &body, Location loc, unsigned dim, Block &block) {
  Value local = model::IterOp::create(body, loc, body.getI64Type(), dim);
  auto argument = offsetArguments.find(dim);
  if (argument == offsetArguments.end())
    return local;
  return arith::AddIOp::create(body, loc, local, block.getArgument(argument->second));
}

Value FunctionPartitioner::IndexPlan::isInside(OpBuilder &body, Location loc, unsigned dim, Block &block) {
  Value end = arith::ConstantOp::create(body, loc, body.getI64IntegerAttr(dims[dim].whole));
  return arith::CmpIOp::create(body, loc, arith::CmpIPredicate::slt, positionOf(body, loc, dim, block), end);
}

static bool dividesIntegers(Operation *op) {
  return isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::FloorDivSIOp,
             arith::CeilDivSIOp, arith::CeilDivUIOp>(op);
}

// What lies in the padding may be zero, and an integer divided by that stops the process: there, by one.
void FunctionPartitioner::IndexPlan::guardDivisions(Block &block) {
  for (Operation &division : llvm::make_early_inc_range(block))
    if (dividesIntegers(&division) && !division.getOperand(1).getDefiningOp<arith::ConstantOp>()) {
      OpBuilder body(&division);
      Location loc = division.getLoc();
      Value one =
          arith::ConstantOp::create(body, loc, body.getIntegerAttr(division.getOperand(1).getType(), 1));
      for (unsigned dim = 0; dim < dims.size(); ++dim)
        if (shards.isPadded(dims[dim].whole, factors[dim]))
          division.setOperand(1, arith::SelectOp::create(body, loc, isInside(body, loc, dim, block),
                                                         division.getOperand(1), one));
    }
}

void FunctionPartitioner::IndexPlan::fillBody(model::IndexOp made, Location loc) {
  Block &block = made.getBodyBlock(), &old = op.getBodyBlock();
  OpBuilder body = OpBuilder::atBlockEnd(&block);
  IRMapping mapping;
  for (auto [from, to] : llvm::zip(old.getArguments(), block.getArguments()))
    mapping.map(from, to);
  for (Operation &inner : old.without_terminator()) {
    auto iter = dyn_cast<model::IterOp>(inner);
    if (iter && isCut(iter.getDim()))
      mapping.map(iter.getResult(), positionOf(body, iter.getLoc(), iter.getDim(), block));
    else
      body.clone(inner, mapping);
  }
  Value result = mapping.lookupOrDefault(cast<model::YieldOp>(old.getTerminator()).getValue());
  for (unsigned dim = op.getParallel(); dim < dims.size(); ++dim) {
    if (!shards.isPadded(dims[dim].whole, factors[dim]))
      continue;
    Value inside = isInside(body, loc, dim, block);
    Value identity = arith::ConstantOp::create(body, loc, identityOf(op.getCombiner(), result.getType()));
    result = arith::SelectOp::create(body, loc, inside, result, identity);
  }
  model::YieldOp::create(body, loc, result);
  guardDivisions(block);
}

model::IndexOp FunctionPartitioner::IndexPlan::emit(LayoutAttr &layout) {
  OpBuilder &builder = partitioner.builder;
  MLIRContext *context = op.getContext();
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  SmallVector<Attribute> outside;
  SmallVector<int64_t> sizes = localSizes();
  for (unsigned input = 0; input < operands.size(); ++input) {
    inputs.push_back(operandValue(input));
    maps.push_back(AffineMap::get(dims.size(), 0, operands[input].exprs, context));
    bool inside = llvm::all_of(llvm::zip(operands[input].exprs, model::rankedType(inputs.back()).getShape()),
                               [&](auto pair) {
                                 auto [low, high] = model::rangeOf(std::get<0>(pair), sizes);
                                 return low >= 0 && high < std::get<1>(pair);
                               });
    outside.push_back(inside ? Attribute(builder.getUnitAttr()) : op.getOutside()[input]);
  }
  std::set<unsigned> used;
  for (model::IterOp iter : op.getBodyBlock().getOps<model::IterOp>())
    used.insert(iter.getDim());
  bool divides = llvm::any_of(op.getBodyBlock(), [](Operation &inner) { return dividesIntegers(&inner); });
  for (unsigned dim = 0; dim < dims.size(); ++dim) {
    bool masked = (divides || dim >= op.getParallel()) && shards.isPadded(dims[dim].whole, factors[dim]);
    if (!isCut(dim) || (!masked && !used.count(dim)))
      continue;
    offsetArguments[dim] = inputs.size();
    inputs.push_back(partitioner.offset(dims[dim].whole, factors[dim]));
    maps.push_back(AffineMap::get(dims.size(), 0, {}, context));
    outside.push_back(builder.getUnitAttr());
  }
  layout = partitioner.resultLayout(factors, op.getParallel(), op.getCombiner());
  SmallVector<StringRef> axes;
  for (unsigned dim = 0; dim < dims.size(); ++dim)
    axes.push_back(op.getAxis(dim));
  auto made =
      model::IndexOp::create(builder, op.getLoc(), shards.localType(wholeType(op.getResult()), layout),
                             inputs, maps, outside, axes, sizes, op.getParallel(), op.getCombiner(), nullptr);
  fillBody(made, op.getLoc());
  partitioner.copyNames(op, made);
  return made;
}

bool FunctionPartitioner::IndexPlan::isFree(LayoutAttr layout, unsigned depth) const {
  if (factors != axesPerDim(layout))
    return false;
  return llvm::all_of(llvm::zip(model::IndexOp(op).getInputs(), operands), [&](auto pair) {
    auto [value, operand] = pair;
    return operand.halos.empty() &&
           partitioner.isThere(value, makeLayout(shards.getMeshName(), operand.axes), depth);
  });
}

void FunctionPartitioner::partitionIndex(model::IndexOp op) {
  IndexPlan plan(*this, op, factorsOf(op, op.getNumDims()));
  LayoutAttr layout;
  Value made = plan.emit(layout);
  define(op.getResult(), made, layout);
}

// Ops behind a value that are done again for another layout of it, one behind the other.
constexpr unsigned kMostRemade = 4;

// What passes a value on as it is.
static Value passedOn(Value value) {
  Operation *op = value.getDefiningOp();
  return isa_and_present<model::NameOp, model::StopGradientOp>(op) ? op->getOperand(0) : Value();
}

bool FunctionPartitioner::canRemake(Value value, LayoutAttr layout, unsigned depth) {
  if (Value behind = passedOn(value))
    return layout.getPartials().empty() && isThere(behind, layout, depth);
  auto op = value.getDefiningOp<model::IndexOp>();
  if (!op || op.getNumReductions() != 0 || depth == kMostRemade)
    return false;
  for (dist::PartialAttr partial : layout.getPartials()) // every rank may have the identity
    if (!isIdentity(value, partial.getCombiner()))
      return false;
  return IndexPlan(*this, op, axesPerDim(layout)).isFree(layout, depth + 1);
}

Value FunctionPartitioner::remake(Value value, LayoutAttr layout) {
  if (!canRemake(value, layout, 0))
    return {};
  if (Value behind = passedOn(value))
    return get(behind, layout, nullptr);
  LayoutAttr made;
  return IndexPlan(*this, value.getDefiningOp<model::IndexOp>(), axesPerDim(layout)).emit(made);
}
