// Manual regions: local functions, of the blocks that ranks have along manual axes.
//
// In the whole program a region is what its ranks make of it together: the blocks of what goes in, by the
// layouts at the boundary, are functions of manual coordinates; the local function is evaluated as any other,
// with its collectives over these; and an element of what comes out is that of the rank whose block it is in.
// So a region needs no rule of its own for gradients, micro-batches, or axes that are not manual.
#include "compiler/prove/Evaluate.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

// Of what is not cut over a manual axis the boundary says that ranks have the same: that of the first one.
Term Evaluator::sameOnRanks(Term element, ArrayRef<dist::AxisRefAttr> over, dist::LayoutAttr layout) {
  Rewrite first;
  for (const Mesh::Digit &digit : mesh->digitsOf(over))
    first.map.emplace(digit.var, algebra.constant(0));
  for (dist::DimAttr dim : layout.getDims())
    for (const Mesh::Digit &digit : mesh->digitsOf(dim.getAxes()))
      first.map.erase(digit.var);
  return first.map.empty() ? element : algebra.substitute(element, first);
}

// A rank's block of a tensor.
Tensor Evaluator::blockOf(const Tensor &tensor, dist::LayoutAttr layout) {
  Tensor block = tensor;
  SmallVector<Index> place;
  for (auto [size, dim] : llvm::zip_equal(block.sizes, layout.getDims())) {
    size /= mesh->members(dim.getAxes());
    Index start = algebra.scale(mesh->member(dim.getAxes()), size);
    place.push_back(algebra.add(start, algebra.of(algebra.dim(place.size(), size))));
  }
  block.element = at(tensor, place);
  return block;
}

// The tensor that ranks have blocks of.
Tensor Evaluator::joined(const Tensor &block, dist::LayoutAttr layout, ArrayRef<int64_t> sizes) {
  Tensor whole(sizes, Term());
  Rewrite rewrite;
  for (auto [position, dim] : llvm::enumerate(layout.getDims())) {
    int64_t size = block.sizes[position];
    Index place = algebra.of(algebra.dim(position, sizes[position]));
    if (mesh->members(dim.getAxes()) == 1)
      continue;
    rewrite.map.emplace(algebra.dim(position, size), algebra.mod(place, size));
    mesh->move(rewrite, dim.getAxes(), algebra.floorDiv(place, size));
  }
  whole.element = algebra.substitute(block.element, rewrite);
  return whole;
}

bool Evaluator::runManual(dist::ManualOp op, Values &values) {
  SmallVector<dist::AxisRefAttr> over = dist::axesOf(op.getOver());
  Tensors blocks;
  for (auto [value, layout] : llvm::zip_equal(op.getInputs(), op.getInLayouts()))
    blocks.push_back(blockOf(values[value], cast<dist::LayoutAttr>(layout)));
  for (const Mesh::Digit &digit : mesh->digitsOf(over))
    varying.push_back(digit.var);
  std::optional<Tensors> results = run(symbols.lookup<func::FuncOp>(op.getBody()), blocks);
  varying.clear();
  if (!results)
    return false;
  for (auto [value, result, attribute] : llvm::zip_equal(op.getResults(), *results, op.getOutLayouts())) {
    auto layout = cast<dist::LayoutAttr>(attribute);
    result.element = sameOnRanks(result.element, over, layout);
    ArrayRef<int64_t> sizes = cast<RankedTensorType>(value.getType()).getShape();
    values[value] = joined(result, layout, sizes);
  }
  return true;
}

// The same on ranks, whose blocks are there already.
void Evaluator::leaveRegion(model::CallOp op, DictionaryAttr region, Values &values) {
  SmallVector<dist::AxisRefAttr> over = dist::axesOf(region.getAs<ArrayAttr>("over"));
  for (auto [value, layout] : llvm::zip_equal(op.getResults(), region.getAs<ArrayAttr>("out"))) {
    Tensor &result = values[value];
    result.element = sameOnRanks(result.element, over, cast<dist::LayoutAttr>(layout));
  }
}

// What a local function asks for, before it is made of collectives: along the leading dim number i is rank
// i's.
bool Evaluator::runAsked(dist::CollectiveOp op, Values &values) {
  using Kind = dist::CollectiveKind;
  SmallVector<dist::AxisRefAttr> over = dist::axesOf(op.getOver());
  const Tensor input = values[op.getInput()];
  Index own = mesh->member(over);
  auto type = cast<RankedTensorType>(op.getResult().getType());
  SmallVector<Index> dims = dimsOf(type.getShape());
  ArrayRef<Index> behind = ArrayRef<Index>(dims).drop_front(dims.empty() ? 0 : 1);
  auto withFirst = [&](Index first, ArrayRef<Index> rest) {
    SmallVector<Index> place{first};
    llvm::append_range(place, rest);
    return place;
  };
  Term element;
  switch (op.getKind()) {
  case Kind::AllReduce:
    element = reduceOver(op.getCombiner(), over, input.element);
    break;
  case Kind::AllGather:
    element = fromMember(input, behind, over, dims.front());
    break;
  case Kind::ReduceScatter: {
    Tensor sum = input;
    sum.element = reduceOver(op.getCombiner(), over, input.element);
    element = at(sum, withFirst(own, dims));
    break;
  }
  case Kind::AllToAll:
    element = fromMember(input, withFirst(own, behind), over, dims.front());
    break;
  case Kind::Permute:
    element =
        fromMember(input, dims, over,
                   algebra.mod(algebra.add(own, -static_cast<int64_t>(op.getShift())), mesh->members(over)));
    break;
  }
  define(op.getResult(), element, values);
  return true;
}
