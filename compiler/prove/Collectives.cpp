// Collectives: what each gives, as a function of the rank's coordinates and what all ranks put in.
#include "compiler/prove/Evaluate.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

using AxesRef = ArrayRef<dist::AxisRefAttr>;

// Over all members of a group.
Term Evaluator::reduceOver(model::Combiner combiner, AxesRef over, Term element) {
  SmallVector<Var> vars;
  Rewrite rewrite;
  for (const Mesh::Digit &digit : mesh->digitsOf(over)) {
    vars.push_back(algebra.fresh(digit.size));
    rewrite.map.emplace(digit.var, algebra.of(vars.back()));
  }
  return algebra.reduceToWhole(combiner, vars, algebra.substitute(element, rewrite));
}

// What the member of that number has; a number that no member has gives anything.
Term Evaluator::fromMember(Term element, AxesRef over, Index member) {
  SmallVector<Mesh::Digit> digits = mesh->digitsOf(over);
  Rewrite rewrite;
  for (const Mesh::Digit &digit : llvm::reverse(digits)) {
    bool isFirst = digit.var == digits.front().var;
    rewrite.map.emplace(digit.var, isFirst ? member : algebra.mod(member, digit.size));
    member = algebra.floorDiv(member, digit.size);
  }
  return algebra.substitute(element, rewrite);
}

Term Evaluator::slice(const Tensor &input, int64_t dim, int64_t size, AxesRef over, bool padded) {
  SmallVector<int64_t, 4> sizes = input.sizes;
  sizes[dim] = size;
  SmallVector<Index> indices = dimsOf(sizes);
  int64_t whole = input.sizes[dim];
  bool isEven = padded || size * mesh->members(over) == whole;
  indices[dim] = algebra.add(indices[dim], mesh->blockStart(whole, over, isEven ? size : 0));
  Term element = at(input, indices);
  if (!isEven || size * mesh->members(over) <= whole)
    return element;
  Index inside = algebra.subtract(algebra.constant(whole - 1), indices[dim]);
  return algebra.guard({inside}, element,
                       algebra.identity(model::Combiner::Sum, algebra.node(element).domain));
}

Term Evaluator::gather(const Tensor &input, int64_t dim, int64_t size, AxesRef over, bool padded) {
  SmallVector<int64_t, 4> sizes = input.sizes;
  int64_t block = sizes[dim], members = mesh->members(over);
  sizes[dim] = size;
  SmallVector<Index> indices = dimsOf(sizes);
  Index place = indices[dim], member = algebra.constant(0);
  if (padded || block * members == size) {
    member = algebra.floorDiv(place, block);
    indices[dim] = algebra.mod(place, block);
  } else {
    Index whole = algebra.constant(size);
    for (dist::AxisRefAttr axis : over) {
      int64_t parts = mesh->members(axis);
      Index own = algebra.blockOwner(whole, parts, place);
      place = algebra.subtract(place, algebra.blockStart(whole, parts, own));
      whole = algebra.blockLength(whole, parts, own);
      member = algebra.add(algebra.scale(member, parts), own);
    }
    indices[dim] = place;
  }
  // The blocks first, in variables that are no coordinates; then whose they are.
  return fromMember(at(input, indices), over, member);
}

Term Evaluator::halo(comm::HaloOp op, const Tensor &input) {
  SmallVector<dist::AxisRefAttr> over = dist::axesOf(op.getOver());
  SmallVector<Index> indices = dimsOf(cast<RankedTensorType>(op.getType()).getShape());
  auto dim = static_cast<int64_t>(op.getDim());
  auto extent = static_cast<int64_t>(op.getExtent());
  int64_t block = input.sizes[dim], members = mesh->members(over);
  bool isEven = op.getPadded() || block * members >= extent;
  Index start = mesh->blockStart(extent, over, isEven ? block : 0);
  Index place = algebra.add(algebra.add(start, indices[dim]), -static_cast<int64_t>(op.getLow()));
  Tensor source = input;
  Index member = algebra.floorDiv(place, block);
  indices[dim] = algebra.mod(place, block);
  if (!isEven) {
    member = algebra.blockOwner(algebra.constant(extent), members, place);
    indices[dim] = algebra.subtract(place, algebra.blockStart(algebra.constant(extent), members, member));
  }
  Term element = fromMember(at(source, indices), over, member);
  Domain domain = algebra.node(element).domain;
  Term fill = op.getFill() ? constantTerm(*op.getFill(), op.getFill()->getType())
                           : algebra.identity(model::Combiner::Sum, domain);
  return algebra.guard({place, algebra.subtract(algebra.constant(extent - 1), place)}, element, fill);
}

bool Evaluator::runCollective(Operation *op, Values &values) {
  Type type = op->getResult(0).getType();
  if (auto offset = dyn_cast<comm::OffsetOp>(op)) {
    SmallVector<dist::AxisRefAttr> over = dist::axesOf(offset.getOver());
    Index start = mesh->blockStart(offset.getExtent(), over, offset.getBlock());
    define(offset.getResult(), algebra.integer(start), values);
    return true;
  }
  Tensor input = values[op->getOperand(0)];
  SmallVector<dist::AxisRefAttr> over = dist::axesOf(op->getAttrOfType<ArrayAttr>("over"));
  bool padded = op->hasAttr("padded");
  if (!isa<comm::SliceOp, comm::OnlyOp>(op))
    sent.push_back({op, input.element});
  auto sizeAt = [&](int64_t dim) { return cast<RankedTensorType>(type).getDimSize(dim); };
  auto made =
      llvm::TypeSwitch<Operation *, std::optional<Term>>(op)
          .Case([&](comm::AllReduceOp it) { return reduceOver(it.getCombiner(), over, input.element); })
          .Case([&](comm::ReduceScatterOp it) {
            Tensor reduced{input.sizes, reduceOver(it.getCombiner(), over, input.element)};
            auto dim = static_cast<int64_t>(it.getDim());
            return slice(reduced, dim, sizeAt(dim), over, padded);
          })
          .Case([&](comm::AllGatherOp it) {
            auto dim = static_cast<int64_t>(it.getDim());
            return gather(input, dim, sizeAt(dim), over, padded);
          })
          .Case([&](comm::SliceOp it) {
            auto dim = static_cast<int64_t>(it.getDim());
            return slice(input, dim, sizeAt(dim), over, padded);
          })
          .Case([&](comm::AllToAllOp it) {
            auto split = static_cast<int64_t>(it.getSplit()), concat = static_cast<int64_t>(it.getConcat());
            Tensor joined{input.sizes, gather(input, concat, sizeAt(concat), over, padded)};
            joined.sizes[concat] = sizeAt(concat);
            return slice(joined, split, sizeAt(split), over, padded);
          })
          .Case([&](comm::BroadcastOp it) {
            return fromMember(input.element, over, algebra.constant(it.getRoot()));
          })
          .Case([&](comm::PermuteOp it) {
            Term element = algebra.identity(model::Combiner::Sum, algebra.node(input.element).domain);
            Index own = mesh->member(over);
            for (auto [member, source] : llvm::enumerate(it.getSources())) {
              if (source < 0)
                continue;
              Index difference = algebra.add(own, -static_cast<int64_t>(member));
              Term other = fromMember(input.element, over, algebra.constant(source));
              element = algebra.guard({difference, algebra.scale(difference, -1)}, other, element);
            }
            return element;
          })
          .Case([&](comm::HaloOp it) { return halo(it, input); })
          .Case([&](comm::OnlyOp it) {
            Index own = algebra.scale(mesh->member(over), -1);
            return algebra.guard({own}, input.element,
                                 algebra.identity(it.getCombiner(), algebra.node(input.element).domain));
          })
          .Default([&](Operation *) -> std::optional<Term> { return std::nullopt; });
  if (!made)
    return fail(op, "a collective '" + op->getName().getStringRef() + "'");
  define(op->getResult(0), *made, values);
  return true;
}
