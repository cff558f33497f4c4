// Collectives: what each gives, as a function of the rank's coordinates and what all ranks put in.
#include "compiler/prove/Evaluate.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

using AxesRef = ArrayRef<dist::AxisRefAttr>;

// Over all members of a group.
Term Evaluator::reduceOver(model::Combiner combiner, AxesRef over, Term element) {
  SmallVector<Var> vars;
  Rewrite rewrite;
  for (const Mesh::Part &part : mesh->partsOf(over)) {
    vars.push_back(algebra.fresh(part.size));
    mesh->move(rewrite, part, algebra.of(vars.back()));
  }
  return algebra.reduceToWhole(combiner, vars, algebra.substitute(element, rewrite));
}

// An element of what the member of that number has; a number that no member has gives anything.
Term Evaluator::fromMember(const Tensor &tensor, ArrayRef<Index> place, AxesRef over, Index member) {
  Rewrite rewrite; // at once: the place may depend on this rank's coordinates
  for (auto [i, index] : llvm::enumerate(place))
    rewrite.map.emplace(algebra.dim(i, tensor.sizes[i]), index);
  mesh->move(rewrite, over, member);
  return algebra.substitute(tensor.element, rewrite);
}

// A dim's elements: as many as there are, or its length.
static Index extentOf(Algebra &algebra, const Tensor &tensor, unsigned dim) {
  auto length = tensor.lengths.find(dim);
  return length == tensor.lengths.end() ? algebra.constant(tensor.sizes[dim]) : length->second;
}

// Where a dim has this many elements.
static void setExtent(Algebra &algebra, Tensor &tensor, unsigned dim, Index extent) {
  tensor.lengths.erase(dim);
  tensor.sizes[dim] = algebra.rangeOf(extent).high;
  if (!algebra.constantOf(extent))
    tensor.lengths.emplace(dim, extent);
}

Tensor Evaluator::slice(const Tensor &input, int64_t dim, int64_t size, AxesRef over, bool padded) {
  Tensor made = input;
  Index whole = extentOf(algebra, input, dim), start = algebra.constant(0);
  std::optional<int64_t> known = algebra.constantOf(whole);
  bool isEven = known && (padded || size * mesh->members(over) == *known);
  if (isEven) {
    start = mesh->blockStart(*known, over, size);
    setExtent(algebra, made, dim, algebra.constant(size));
  } else {
    Index length = whole;
    for (dist::AxisRefAttr axis : over) {
      start = algebra.add(start, algebra.blockStart(length, mesh->members(axis), mesh->member(axis)));
      length = algebra.blockLength(length, mesh->members(axis), mesh->member(axis));
    }
    setExtent(algebra, made, dim, length);
  }
  SmallVector<Index> indices = dimsOf(made.sizes);
  indices[dim] = algebra.add(indices[dim], start);
  made.element = at(input, indices);
  // What is in the padding may be anything: what reads it is not the program.
  return made;
}

// What a block of this length is a block of: what was there before it was cut over these axes.
static Index wholeOf(Algebra &algebra, const Mesh &mesh, Index length, AxesRef over, int64_t size) {
  for (dist::AxisRefAttr axis : llvm::reverse(over)) {
    const IndexNode &of = algebra.node(length);
    if (of.constant != 0 || of.entries.size() != 1)
      return algebra.constant(size);
    const Base &base = algebra.base(of.entries[0].first);
    if (base.kind != BaseKind::Length || base.indices[1] != mesh.member(axis))
      return algebra.constant(size);
    length = base.indices[0];
  }
  return length;
}

// Who of `over` has a place of an extent in uneven blocks; it becomes that within his block.
static Index takeOwner(Algebra &algebra, const Mesh &mesh, Index whole, AxesRef over, Index &place) {
  Index member = algebra.constant(0);
  for (dist::AxisRefAttr axis : over) {
    int64_t parts = mesh.members(axis);
    Index own = algebra.blockOwner(whole, parts, place);
    place = algebra.subtract(place, algebra.blockStart(whole, parts, own));
    whole = algebra.blockLength(whole, parts, own);
    member = algebra.add(algebra.scale(member, parts), own);
  }
  return member;
}

Tensor Evaluator::gather(const Tensor &input, int64_t dim, int64_t size, AxesRef over, bool padded) {
  int64_t block = input.sizes[dim], members = mesh->members(over);
  bool isEven = !input.lengths.count(dim) && (padded || block * members == size);
  Index whole =
      isEven ? algebra.constant(size) : wholeOf(algebra, *mesh, extentOf(algebra, input, dim), over, size);
  Tensor made = input;
  setExtent(algebra, made, dim, whole);
  SmallVector<Index> indices = dimsOf(made.sizes);
  Index place = indices[dim], member;
  if (isEven) {
    member = algebra.floorDiv(place, block);
    indices[dim] = algebra.mod(place, block);
  } else {
    member = takeOwner(algebra, *mesh, whole, over, place);
    indices[dim] = place;
  }
  made.element = fromMember(input, indices, over, member);
  return made;
}

Tensor Evaluator::halo(comm::HaloOp op, const Tensor &input) {
  SmallVector<dist::AxisRefAttr> over = dist::axesOf(op.getOver());
  auto dim = static_cast<int64_t>(op.getDim());
  auto extent = static_cast<int64_t>(op.getExtent()), low = static_cast<int64_t>(op.getLow());
  int64_t block = input.sizes[dim], members = mesh->members(over);
  bool isEven = !input.lengths.count(dim) && (op.getPadded() || block * members >= extent);
  Index start = mesh->blockStart(extent, over, isEven ? block : 0);
  Tensor made = input;
  setExtent(algebra, made, dim,
            algebra.add(extentOf(algebra, input, dim), low + static_cast<int64_t>(op.getHigh())));
  SmallVector<Index> indices = dimsOf(made.sizes);
  Index place = algebra.add(algebra.add(start, indices[dim]), -low);
  Index member = algebra.floorDiv(place, block);
  indices[dim] = members == 1 ? place : algebra.mod(place, block);
  if (!isEven) {
    indices[dim] = place;
    member = takeOwner(algebra, *mesh, algebra.constant(extent), over, indices[dim]);
  }
  Term element = fromMember(input, indices, over, member);
  Domain domain = algebra.node(element).domain;
  Term fill = op.getFill() ? constantTerm(*op.getFill(), op.getFill()->getType())
                           : algebra.identity(model::Combiner::Sum, domain);
  made.element = algebra.guard({place, algebra.subtract(algebra.constant(extent - 1), place)}, element, fill);
  return made;
}

bool Evaluator::runCollective(Operation *op, Values &values) {
  if (auto offset = dyn_cast<comm::OffsetOp>(op)) {
    SmallVector<dist::AxisRefAttr> over = dist::axesOf(offset.getOver());
    Index start = mesh->blockStart(offset.getExtent(), over, offset.getBlock());
    define(offset.getResult(), algebra.integer(start), values);
    return true;
  }
  Tensor input = values[op->getOperand(0)];
  SmallVector<dist::AxisRefAttr> over = dist::axesOf(op->getAttrOfType<ArrayAttr>("over"));
  if (!isa<comm::SliceOp, comm::OnlyOp>(op))
    sent.push_back({op, input.element});
  std::optional<Tensor> made = collective(op, input, over);
  if (!made)
    return fail(op, "a collective '" + op->getName().getStringRef() + "'");
  define(op->getResult(0), made->element, values, made->lengths);
  return true;
}

// A number's digits of these sizes, the first the most significant.
static SmallVector<int64_t> digitsOf(int64_t number, ArrayRef<int64_t> sizes) {
  SmallVector<int64_t> digits(sizes.size());
  for (size_t i = sizes.size(); i-- > 0; number /= sizes[i])
    digits[i] = number % sizes[i];
  return digits;
}

// What members get of members that number sources[i], where the digits of the one's number are digits of the
// other's in another order, or a number more or less.
std::optional<Index> Evaluator::sourceOf(ArrayRef<int64_t> sources, AxesRef over) {
  auto members = static_cast<int64_t>(sources.size());
  Index own = mesh->member(over);
  auto isAll = [&](llvm::function_ref<int64_t(int64_t)> source) {
    return llvm::all_of(llvm::enumerate(sources), [&](auto pair) {
      return pair.value() == source(static_cast<int64_t>(pair.index()));
    });
  };
  for (int64_t minor = 1; minor <= members; ++minor) // a * minor + b -> b * major + a
    if (members % minor == 0 && isAll([&](int64_t i) { return i % minor * (members / minor) + i / minor; }))
      return algebra.add(algebra.scale(algebra.mod(own, minor), members / minor),
                         algebra.floorDiv(own, minor));
  int64_t shift = sources[0];
  if (shift >= 0 && isAll([&](int64_t i) { return (i + shift) % members; }))
    return algebra.mod(algebra.add(own, shift), members);
  SmallVector<int64_t> sizes; // prime ones
  for (const Mesh::Part &part : mesh->partsOf(over))
    for (int64_t left = part.size, factor = 2; left > 1; left % factor == 0 ? left /= factor : ++factor)
      if (left % factor == 0)
        sizes.push_back(factor);
  SmallVector<Index> digits(sizes.size());
  for (size_t i = sizes.size(); i-- > 0; own = algebra.floorDiv(own, sizes[i]))
    digits[i] = algebra.mod(own, sizes[i]);
  Index source = algebra.constant(0);
  for (auto [to, size] : llvm::enumerate(sizes)) {
    std::optional<size_t> found;
    for (size_t from = 0; from < sizes.size() && !found; ++from)
      if (llvm::all_of(llvm::enumerate(sources), [&, to = to](auto pair) {
            return pair.value() >= 0 &&
                   digitsOf(pair.value(), sizes)[to] == digitsOf(pair.index(), sizes)[from];
          }))
        found = from;
    if (!found)
      return std::nullopt;
    source = algebra.add(algebra.scale(source, size), digits[*found]);
  }
  return source;
}

Term Evaluator::permute(comm::PermuteOp op, const Tensor &input, AxesRef over) {
  Index own = mesh->member(over);
  if (std::optional<Index> source = sourceOf(op.getSources(), over))
    return fromMember(input, dimsOf(input.sizes), over, *source);
  Term element = algebra.identity(model::Combiner::Sum, algebra.node(input.element).domain);
  for (auto [member, source] : llvm::enumerate(op.getSources())) {
    if (source < 0)
      continue;
    Index difference = algebra.add(own, -static_cast<int64_t>(member));
    Term other = fromMember(input, dimsOf(input.sizes), over, algebra.constant(source));
    element = algebra.guard({difference, algebra.scale(difference, -1)}, other, element);
  }
  return element;
}

std::optional<Tensor> Evaluator::collective(Operation *op, const Tensor &input, AxesRef over) {
  Tensor made = input;
  bool padded = op->hasAttr("padded");
  ArrayRef<int64_t> sizes = cast<RankedTensorType>(op->getResult(0).getType()).getShape();
  if (auto it = dyn_cast<comm::AllReduceOp>(op)) {
    made.element = reduceOver(it.getCombiner(), over, input.element);
  } else if (auto it = dyn_cast<comm::ReduceScatterOp>(op)) {
    made.element = reduceOver(it.getCombiner(), over, input.element);
    made = slice(made, it.getDim(), sizes[it.getDim()], over, padded);
  } else if (auto it = dyn_cast<comm::AllGatherOp>(op)) {
    made = gather(input, it.getDim(), sizes[it.getDim()], over, padded);
  } else if (auto it = dyn_cast<comm::SliceOp>(op)) {
    made = slice(input, it.getDim(), sizes[it.getDim()], over, padded);
  } else if (auto it = dyn_cast<comm::AllToAllOp>(op)) {
    made = gather(input, it.getConcat(), sizes[it.getConcat()], over, padded);
    made = slice(made, it.getSplit(), sizes[it.getSplit()], over, padded);
  } else if (auto it = dyn_cast<comm::BroadcastOp>(op)) {
    made.element = fromMember(input, dimsOf(input.sizes), over, algebra.constant(it.getRoot()));
  } else if (auto it = dyn_cast<comm::PermuteOp>(op)) {
    made.element = permute(it, input, over);
  } else if (auto it = dyn_cast<comm::HaloOp>(op)) {
    made = halo(it, input);
  } else if (auto it = dyn_cast<comm::OnlyOp>(op)) {
    Index own = algebra.scale(mesh->member(over), -1);
    made.element = algebra.guard({own}, input.element,
                                 algebra.identity(it.getCombiner(), algebra.node(input.element).domain));
  } else {
    return std::nullopt;
  }
  return made;
}
