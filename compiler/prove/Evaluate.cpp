// Functions and the ops of the model dialect.
#include "compiler/prove/Evaluate.h"
#include "compiler/prove/Occurrences.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

Evaluator::Evaluator(Proof &proof, ModuleOp module, const Mesh *mesh,
                     std::optional<std::pair<size_t, size_t>> loops)
    : proof(proof), algebra(proof.algebra), module(module), symbols(module), mesh(mesh), isWhole(!loops),
      known(loops.value_or(std::pair<size_t, size_t>())) {
  if (!isWhole)
    for (const Mesh::Digit &digit : mesh->all())
      varying.push_back(digit.var);
}

bool Evaluator::fail(Operation *op, const Twine &what) {
  if (!proof.unknownOp) {
    proof.unknown = what.str();
    proof.unknownOp = op;
  }
  return false;
}

static ArrayRef<int64_t> shapeOf(Type type) { return cast<RankedTensorType>(type).getShape(); }

SmallVector<int64_t, 4> Evaluator::sizesOf(ArrayRef<int64_t> shape, const Lengths &lengths) {
  SmallVector<int64_t, 4> sizes(shape.begin(), shape.end());
  for (auto [dim, length] : lengths)
    sizes[dim] = algebra.rangeOf(length).high;
  return sizes;
}

void Evaluator::note(Value value, const Tensor &tensor) {
  if (unsure == 0)
    steps.push_back({value, tensor, turns, around});
}

void Evaluator::define(Value value, Term element, Values &values, const Lengths &lengths) {
  if (!isWhole) {
    proof.origins.try_emplace(element.id, value.getDefiningOp());
    if (algebra.node(element).kind == TermKind::Read)
      proof.atomOrigins.try_emplace(algebra.node(element).number, value.getDefiningOp());
  }
  Tensor &made = values[value];
  made.sizes = sizesOf(shapeOf(value.getType()), lengths);
  made.element = element;
  made.lengths = lengths;
  if (!isWhole && mesh->isUneven())
    inferLengths(made);
  note(value, made);
}

// A dim that is counted from where an uneven block begins has the block's length.
void Evaluator::inferLengths(Tensor &tensor) {
  for (auto [dim, size] : llvm::enumerate(SmallVector<int64_t>(tensor.sizes.begin(), tensor.sizes.end()))) {
    Var var = algebra.dim(dim, size);
    if (tensor.lengths.count(dim) || !algebra.depends(tensor.element, var))
      continue;
    Occurrences occurrences(algebra, {var});
    occurrences.visit(tensor.element);
    std::optional<Index> length;
    for (Index index : occurrences.found) {
      int64_t own = 0;
      for (auto [id, factor] : algebra.node(index).entries)
        own = id == var.id ? factor : own;
      for (auto [id, factor] : IndexNode(algebra.node(index)).entries)
        if (!length && own != 0 && factor == own && algebra.base(id).kind == BaseKind::Start)
          length = algebra.lengthFrom(id, 1);
    }
    Rewrite here = mesh->at(mesh->coordinates());
    if (!length || algebra.constantOf(algebra.substitute(*length, here)) != size)
      continue;
    tensor.lengths.emplace(dim, *length);
    tensor.sizes[dim] = algebra.rangeOf(*length).high;
    tensor.element = algebra.substitute(tensor.element, var, algebra.of(algebra.dim(dim, tensor.sizes[dim])));
  }
}

// Of dims along which tensors with lengths are read: at a dim, or at a dim and what is near. Of those, a
// window has the length that the dims it goes along have not.
Evaluator::Lengths Evaluator::lengthsOf(ValueRange tensors, ArrayRef<AffineMap> maps, Values &values) {
  Lengths found;
  for (bool isPlain : {true, false})
    for (auto [value, map] : llvm::zip(tensors, maps))
      for (auto [axis, length] : values[value].lengths) {
        AffineExpr expr = map.getResult(axis);
        bool isKnown = llvm::any_of(found, [&](auto pair) { return expr.isFunctionOfDim(pair.first); });
        for (unsigned dim = 0; dim < map.getNumDims(); ++dim) {
          AffineExpr rest = simplifyAffineExpr(expr - getAffineDimExpr(dim, map.getContext()),
                                               map.getNumDims(), map.getNumSymbols());
          bool fits = isPlain ? rest == getAffineConstantExpr(0, map.getContext())
                              : !isKnown && expr.isFunctionOfDim(dim) && !rest.isFunctionOfDim(dim);
          if (fits && found.try_emplace(dim, length).second && !isPlain)
            break;
        }
      }
  return found;
}

// The lengths of an op's dims, those that are reduced included.
Evaluator::Lengths Evaluator::lengthsOf(model::IndexOp op, Values &values) {
  SmallVector<AffineMap> maps;
  for (unsigned i = 0; i < op.getInputs().size(); ++i)
    maps.push_back(op.getMap(i));
  Lengths found = lengthsOf(op.getInputs(), maps, values);
  // A window's dim has as many elements less as the tensor has more than the op.
  for (auto &[dim, length] : found)
    for (auto [i, input] : llvm::enumerate(op.getInputs()))
      for (auto [axis, own] : values[input].lengths)
        if (own == length && op.getMap(i).getResult(axis).isFunctionOfDim(dim) &&
            op.getMap(i).getResult(axis) != getAffineDimExpr(dim, op.getContext()))
          length = algebra.add(own, op.getSizes()[dim] - shapeOf(input.getType())[axis]);
  // A place in an uneven block.
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    auto offset = input.getDefiningOp<comm::OffsetOp>();
    if (!mesh || !offset || offset.getBlock() != 0)
      continue;
    for (Operation *user : op.getBodyBlock().getArgument(i).getUsers())
      for (Value operand : user->getOperands())
        if (auto iter = operand.getDefiningOp<model::IterOp>(); iter && isa<arith::AddIOp>(user)) {
          Index length = mesh->blockLength(offset.getExtent(), dist::axesOf(offset.getOver()));
          if (!algebra.constantOf(length))
            found.try_emplace(iter.getDim(), length);
        }
  }
  return found;
}

SmallVector<Index> Evaluator::dimsOf(ArrayRef<int64_t> sizes) {
  SmallVector<Index> dims;
  for (auto [i, size] : llvm::enumerate(sizes))
    dims.push_back(algebra.of(algebra.dim(i, size)));
  return dims;
}

Term Evaluator::at(const Tensor &tensor, ArrayRef<Index> indices) {
  Rewrite rewrite;
  for (auto [i, index] : llvm::enumerate(indices)) {
    Var dim = algebra.dim(i, tensor.sizes[i]);
    if (algebra.of(dim) != index)
      rewrite.map.emplace(dim, index);
  }
  return rewrite.map.empty() ? tensor.element : algebra.substitute(tensor.element, rewrite);
}

Tensors Evaluator::gathered(ValueRange operands, Values &values) {
  Tensors tensors;
  for (Value operand : operands)
    tensors.push_back(values[operand]);
  return tensors;
}

std::optional<Tensors> Evaluator::run(func::FuncOp function, ArrayRef<Tensor> arguments) {
  Values values;
  Block &block = function.getBody().front();
  for (auto [argument, tensor] : llvm::zip_equal(block.getArguments(), arguments))
    values[argument] = tensor;
  if (isWhole || function->hasAttr(model::kEntryAttr))
    for (auto [argument, tensor] : llvm::zip_equal(block.getArguments(), arguments))
      note(argument, tensor);
  for (Operation &op : block.without_terminator())
    if (!runOp(&op, values))
      return std::nullopt;
  return gathered(block.getTerminator()->getOperands(), values);
}

std::optional<Tensor> Evaluator::apply(Operation *op, const Tensor &input) {
  Values values;
  values[op->getOperand(0)] = input;
  return runOp(op, values) ? std::optional(values[op->getResult(0)]) : std::nullopt;
}

bool Evaluator::runOp(Operation *op, Values &values) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](model::IndexOp it) { return runIndex(it, values); })
      .Case([&](model::GatherOp it) { return runGather(it, values); })
      .Case([&](model::ScatterOp it) { return runScatter(it, values); })
      .Case([&](model::ArgsortOp it) { return runArgsort(it, values); })
      .Case([&](model::ScanOp it) { return runScan(it, values); })
      .Case([&](model::WhileOp it) { return runWhile(it, values); })
      .Case([&](model::IfOp it) { return runIf(it, values); })
      .Case([&](model::CallOp it) { return runCall(it, values); })
      .Case([&](arith::ConstantOp it) { return runConstant(it, values); })
      .Case([&](dist::ManualOp it) { return runManual(it, values); })
      .Case([&](dist::CollectiveOp it) { return runAsked(it, values); })
      .Case([&](dist::RankOp it) {
        define(it.getResult(), algebra.integer(mesh->member(dist::axesOf(it.getOver()))), values);
        return true;
      })
      .Case<model::StopGradientOp, model::NameOp, comm::WaitOp>([&](auto it) {
        values[it.getResult()] = values[it.getInput()];
        return true;
      })
      .Case<model::PrintOp, model::AssertOp>([&](auto it) {
        if (unsure == 0)
          effects.push_back({it, gathered(it->getOperands(), values), turns, around});
        else
          for (Value operand : it->getOperands())
            shown.push_back(values[operand].element);
        return true;
      })
      .Default([&](Operation *it) {
        if (!isWhole && isa<comm::CommDialect>(it->getDialect()))
          return runCollective(it, values);
        return fail(it, "an op '" + it->getName().getStringRef() + "'");
      });
}

//===----------------------------------------------------------------------===//
// Index ops
//===----------------------------------------------------------------------===//

bool Evaluator::runIndex(model::IndexOp op, Values &values) {
  SmallVector<Index> dims, valid;
  SmallVector<Var> reduced;
  Lengths lengths = lengthsOf(op, values), kept;
  SmallVector<int64_t, 4> sizes = sizesOf(op.getSizes(), lengths);
  for (auto [i, size] : llvm::enumerate(sizes)) {
    if (i < op.getParallel()) {
      dims.push_back(algebra.of(algebra.dim(i, size)));
      continue;
    }
    reduced.push_back(algebra.fresh(size));
    dims.push_back(algebra.of(reduced.back()));
    if (lengths.count(i))
      valid.push_back(algebra.subtract(algebra.add(lengths[i], -1), dims.back()));
  }
  for (auto [dim, length] : lengths)
    if (dim < op.getParallel())
      kept.emplace(dim, length);
  SmallVector<Term> arguments;
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    const Tensor &tensor = values[input];
    SmallVector<Index> indices, conditions;
    for (auto [axis, expr] : llvm::enumerate(op.getMap(i).getResults())) {
      auto length = tensor.lengths.find(axis);
      Index end = length == tensor.lengths.end() ? algebra.constant(tensor.sizes[axis]) : length->second;
      indices.push_back(algebra.affine(expr, dims));
      bool isOwn = length != tensor.lengths.end() && llvm::any_of(lengths, [&](auto pair) {
                     return pair.second == end && dims[pair.first] == indices.back();
                   });
      if (isOwn)
        continue; // element by element
      conditions.push_back(indices.back());
      conditions.push_back(algebra.subtract(algebra.add(end, -1), indices.back()));
    }
    Term element = at(tensor, indices);
    if (TypedAttr outside = op.getOutsideValue(i))
      element = algebra.guard(conditions, element, constantTerm(outside, outside.getType()));
    arguments.push_back(element);
  }
  std::optional<Term> element = scalarBody(op.getBodyBlock(), arguments, dims);
  if (!element)
    return false;
  if (!valid.empty())
    element =
        algebra.guard(valid, *element, algebra.identity(op.getCombiner(), algebra.node(*element).domain));
  if (!reduced.empty())
    element = algebra.reduce(op.getCombiner(), reduced, *element);
  define(op.getResult(), *element, values, kept);
  return true;
}

bool Evaluator::runConstant(arith::ConstantOp op, Values &values) {
  auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!dense)
    return fail(op, "a constant that is no tensor");
  Type element = dense.getElementType();
  if (dense.isSplat()) {
    define(op.getResult(), constantTerm(dense.getSplatValue<Attribute>(), element), values);
    return true;
  }
  Atom made; // by its value
  made.number = 1 + proof.constants.try_emplace(dense, proof.constants.size()).first->second;
  made.domain = isa<FloatType>(element)        ? Domain::Real
                : element.isSignlessInteger(1) ? Domain::Boolean
                                               : Domain::Integer;
  define(op.getResult(), algebra.read(algebra.atom(std::move(made)), dimsOf(dense.getType().getShape())),
         values);
  return true;
}

//===----------------------------------------------------------------------===//
// Positions
//===----------------------------------------------------------------------===//

bool Evaluator::runGather(model::GatherOp op, Values &values) {
  SmallVector<AffineMap> maps(op.getIndexMaps().getAsValueRange<AffineMapAttr>());
  Lengths lengths = lengthsOf(op.getIndices(), maps, values);
  for (auto [dim, length] : lengthsOf(ValueRange(op.getTable()), {op.getTableMap()}, values))
    lengths.try_emplace(dim, length);
  SmallVector<Index> dims = dimsOf(sizesOf(shapeOf(op.getType()), lengths)), symbols, indices;
  for (auto [index, map] : llvm::zip(op.getIndices(), op.getIndexMaps().getAsValueRange<AffineMapAttr>())) {
    SmallVector<Index> place;
    for (AffineExpr expr : map.getResults())
      place.push_back(algebra.affine(expr, dims));
    symbols.push_back(algebra.indexOf(at(values[index], place)));
  }
  const Tensor &table = values[op.getTable()];
  for (auto [expr, size] : llvm::zip_equal(op.getTableMap().getResults(), table.sizes))
    indices.push_back(algebra.atMost(algebra.atLeast(algebra.affine(expr, dims, symbols), 0), size - 1));
  define(op.getResult(), at(table, indices), values, lengths);
  return true;
}

// A position that is outside the result unless conditions hold, and so dropped, becomes what it is where they
// do: they are those of its being anywhere.
void Evaluator::unmask(model::ScatterOp op, unsigned symbol, Index &position,
                       SmallVectorImpl<Index> &conditions) {
  for (auto [id, factor] : IndexNode(algebra.node(position)).entries) {
    const Base base = algebra.base(id);
    if (base.kind != BaseKind::Data || factor != 1 || algebra.node(base.term).kind != TermKind::Guard)
      continue;
    const TermNode masked = algebra.node(base.term);
    Index rest = algebra.subtract(position, algebra.data(base.term));
    Interval range = algebra.rangeOf(algebra.add(rest, algebra.indexOf(masked.children[1])));
    bool isDropped =
        llvm::any_of(llvm::zip_equal(op.getResultMap().getResults(), shapeOf(op.getType())), [&](auto pair) {
          auto [expr, size] = pair;
          return expr == getAffineSymbolExpr(symbol, op.getContext()) &&
                 (range.high < 0 || range.low >= size);
        });
    if (!isDropped)
      continue;
    conditions.append(masked.indices.begin(), masked.indices.end());
    position = algebra.add(rest, algebra.indexOf(masked.children[0]));
    return;
  }
}

bool Evaluator::runScatter(model::ScatterOp op, Values &values) {
  Tensor init = values[op.getInit()], updates = values[op.getUpdates()];
  SmallVector<Index> points, symbols, conditions, result = dimsOf(init.sizes);
  SmallVector<Var> vars;
  for (auto [dim, size] : llvm::enumerate(updates.sizes)) {
    vars.push_back(algebra.fresh(size));
    points.push_back(algebra.of(vars.back()));
  }
  // A point dim that is an axis of the result is at its place.
  for (auto [place, expr] : llvm::zip_equal(result, op.getResultMap().getResults()))
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      Index &point = points[dim.getPosition()];
      llvm::erase_if(vars, [&](Var var) { return algebra.of(var) == point || algebra.base(var).size == 1; });
      point = place;
    }
  for (auto [dim, length] : updates.lengths)
    if (llvm::any_of(vars, [&, &point = points[dim]](Var var) { return algebra.of(var) == point; }))
      conditions.push_back(algebra.subtract(algebra.add(length, -1), points[dim]));
  for (auto [index, map] : llvm::zip(op.getIndices(), op.getIndexMaps().getAsValueRange<AffineMapAttr>())) {
    SmallVector<Index> place;
    for (AffineExpr expr : map.getResults())
      place.push_back(algebra.affine(expr, points));
    Index position = algebra.indexOf(at(values[index], place));
    unmask(op, symbols.size(), position, conditions);
    symbols.push_back(position);
  }
  for (auto [place, expr] : llvm::zip_equal(result, op.getResultMap().getResults())) {
    Index position = algebra.affine(expr, points, symbols);
    conditions.push_back(algebra.subtract(position, place));
    conditions.push_back(algebra.subtract(place, position));
  }
  Term update = at(updates, points);
  Domain domain = algebra.node(update).domain;
  model::Combiner combiner = op.getCombiner();
  bool overwrites = combiner == model::Combiner::None;
  Term rest = overwrites ? init.element : algebra.identity(combiner, domain);
  Term made = algebra.reduce(combiner, vars, algebra.guard(conditions, update, rest));
  if (combiner == model::Combiner::Sum && domain == Domain::Real) {
    made = algebra.sum({{1, init.element}, {1, made}});
  } else if (combiner == model::Combiner::Sum && domain == Domain::Integer) {
    made = algebra.integer(algebra.add(algebra.indexOf(init.element), algebra.indexOf(made)));
  } else if (!overwrites && init.element != algebra.identity(combiner, domain)) {
    made = algebra.op("combine", algebra.name(op.getCombinerAttr()), domain, {init.element, made});
  }
  define(op.getResult(), made, values, init.lengths);
  return true;
}

bool Evaluator::runArgsort(model::ArgsortOp op, Values &values) {
  Tensor input = values[op.getInput()];
  SmallVector<Index> dims = dimsOf(input.sizes), place = dims;
  Var row = algebra.fresh(input.sizes.back());
  place.back() = algebra.of(row);
  Term pair = algebra.op("key", algebra.name(op.getDescendingAttr()), Domain::Boolean,
                         {at(input, place), algebra.integer(dims.back())});
  // The order of a row, as an integer that the pairs of the row decide.
  Term order = algebra.reduce(model::Combiner::None, {row}, pair);
  define(op.getResult(), algebra.op("order", 0, Domain::Integer, {order}), values, input.lengths);
  return true;
}

//===----------------------------------------------------------------------===//
// Calls and branches
//===----------------------------------------------------------------------===//

bool Evaluator::runCall(model::CallOp op, Values &values) {
  std::optional<Tensors> results =
      run(symbols.lookup<func::FuncOp>(op.getCallee()), gathered(op.getInputs(), values));
  if (!results)
    return false;
  for (auto [value, tensor] : llvm::zip_equal(op.getResults(), *results))
    values[value] = tensor;
  if (auto region = op->getAttrOfType<DictionaryAttr>(comm::kManualAttr))
    leaveRegion(op, region, values);
  return true;
}

bool Evaluator::runIf(model::IfOp op, Values &values) {
  Term condition = values[op.getCondition()].element;
  Tensors inputs = gathered(op.getInputs(), values);
  size_t before = sent.size();
  std::optional<Tensors> then = run(symbols.lookup<func::FuncOp>(op.getThenBody()), inputs);
  std::optional<Tensors> otherwise = run(symbols.lookup<func::FuncOp>(op.getElseBody()), inputs);
  if (!then || !otherwise)
    return false;
  if (sent.size() > before && algebra.dependsOnKind(condition, VarKind::Coord))
    return fail(op, "collectives in a branch that not all ranks take");
  for (auto [value, a, b] : llvm::zip_equal(op.getResults(), *then, *otherwise))
    define(value, algebra.select(condition, a.element, b.element), values, a.lengths);
  return true;
}
