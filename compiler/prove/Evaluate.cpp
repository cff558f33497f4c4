// Functions and the ops of the model dialect.
#include "compiler/prove/Evaluate.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

Evaluator::Evaluator(Proof &proof, ModuleOp module, const Mesh *mesh, std::pair<size_t, size_t> loops)
    : proof(proof), algebra(proof.algebra), module(module), symbols(module), mesh(mesh), known(loops) {}

bool Evaluator::fail(Operation *op, const Twine &what) {
  if (!proof.unknownOp) {
    proof.unknown = what.str();
    proof.unknownOp = op;
  }
  return false;
}

static ArrayRef<int64_t> shapeOf(Type type) { return cast<RankedTensorType>(type).getShape(); }

Tensor Evaluator::tensorOf(Type type, Term element) const {
  ArrayRef<int64_t> shape = shapeOf(type);
  return {SmallVector<int64_t, 4>(shape.begin(), shape.end()), element};
}

void Evaluator::define(Value value, Term element, Values &values) {
  if (mesh) {
    proof.origins.try_emplace(element.id, value.getDefiningOp());
    if (algebra.node(element).kind == TermKind::Read)
      proof.atomOrigins.try_emplace(algebra.node(element).number, value.getDefiningOp());
  }
  values[value] = tensorOf(value.getType(), element);
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
  for (Operation &op : block.without_terminator())
    if (!runOp(&op, values))
      return std::nullopt;
  return gathered(block.getTerminator()->getOperands(), values);
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
      .Case<model::StopGradientOp, model::NameOp, comm::WaitOp>([&](auto it) {
        values[it.getResult()] = values[it.getInput()];
        return true;
      })
      .Case<model::PrintOp, model::AssertOp>([&](auto it) {
        if (unsure == 0)
          effects.push_back({it, gathered(it->getOperands(), values)});
        return true;
      })
      .Default([&](Operation *it) {
        if (mesh && isa<comm::CommDialect>(it->getDialect()))
          return runCollective(it, values);
        return fail(it, "an op '" + it->getName().getStringRef() + "'");
      });
}

//===----------------------------------------------------------------------===//
// Index ops
//===----------------------------------------------------------------------===//

bool Evaluator::runIndex(model::IndexOp op, Values &values) {
  SmallVector<Index> dims;
  SmallVector<Var> reduced;
  for (auto [i, size] : llvm::enumerate(op.getSizes())) {
    if (i < op.getParallel()) {
      dims.push_back(algebra.of(algebra.dim(i, size)));
      continue;
    }
    reduced.push_back(algebra.fresh(size));
    dims.push_back(algebra.of(reduced.back()));
  }
  SmallVector<Term> arguments;
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    const Tensor &tensor = values[input];
    SmallVector<Index> indices, conditions;
    for (auto [expr, size] : llvm::zip_equal(op.getMap(i).getResults(), tensor.sizes)) {
      indices.push_back(algebra.affine(expr, dims));
      conditions.push_back(indices.back());
      conditions.push_back(algebra.subtract(algebra.constant(size - 1), indices.back()));
    }
    Term element = at(tensor, indices);
    if (TypedAttr outside = op.getOutsideValue(i))
      element = algebra.guard(conditions, element, constantTerm(outside, outside.getType()));
    arguments.push_back(element);
  }
  std::optional<Term> element = scalarBody(op.getBodyBlock(), arguments, dims);
  if (!element)
    return false;
  if (!reduced.empty())
    element = algebra.reduce(op.getCombiner(), reduced, *element);
  define(op.getResult(), *element, values);
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
  made.name = std::to_string(reinterpret_cast<uintptr_t>(dense.getAsOpaquePointer()));
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
  SmallVector<Index> dims = dimsOf(shapeOf(op.getType())), symbols, indices;
  for (auto [index, map] : llvm::zip(op.getIndices(), op.getIndexMaps().getAsValueRange<AffineMapAttr>())) {
    SmallVector<Index> place;
    for (AffineExpr expr : map.getResults())
      place.push_back(algebra.affine(expr, dims));
    symbols.push_back(algebra.indexOf(at(values[index], place)));
  }
  const Tensor &table = values[op.getTable()];
  for (auto [expr, size] : llvm::zip_equal(op.getTableMap().getResults(), table.sizes))
    indices.push_back(algebra.atMost(algebra.atLeast(algebra.affine(expr, dims, symbols), 0), size - 1));
  define(op.getResult(), at(table, indices), values);
  return true;
}

bool Evaluator::runScatter(model::ScatterOp op, Values &values) {
  Tensor init = values[op.getInit()], updates = values[op.getUpdates()];
  SmallVector<Index> points, symbols, conditions, result = dimsOf(init.sizes);
  SmallVector<Var> vars;
  for (int64_t size : updates.sizes) {
    vars.push_back(algebra.fresh(size));
    points.push_back(algebra.of(vars.back()));
  }
  // A point dim that is an axis of the result is at its place.
  for (auto [place, expr] : llvm::zip_equal(result, op.getResultMap().getResults()))
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      points[dim.getPosition()] = place;
  for (auto [index, map] : llvm::zip(op.getIndices(), op.getIndexMaps().getAsValueRange<AffineMapAttr>())) {
    SmallVector<Index> place;
    for (AffineExpr expr : map.getResults())
      place.push_back(algebra.affine(expr, points));
    symbols.push_back(algebra.indexOf(at(values[index], place)));
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
    static const char kCombine = 0;
    made = algebra.op(&kCombine + 0, op.getCombinerAttr().getAsOpaquePointer(), domain, {init.element, made});
  }
  define(op.getResult(), made, values);
  return true;
}

bool Evaluator::runArgsort(model::ArgsortOp op, Values &values) {
  static const char kName = 0;
  Tensor input = values[op.getInput()];
  SmallVector<Index> dims = dimsOf(input.sizes), place = dims;
  Var row = algebra.fresh(input.sizes.back());
  place.back() = algebra.of(row);
  Term pair = algebra.op(&kName, op.getDescendingAttr().getAsOpaquePointer(), Domain::Boolean,
                         {at(input, place), algebra.integer(dims.back())});
  // The order of a row, as an integer that the pairs of the row decide.
  Term order = algebra.reduce(model::Combiner::None, {row}, pair);
  define(op.getResult(), algebra.op(&kName, &kName, Domain::Integer, {order}), values);
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
    define(value, algebra.select(condition, a.element, b.element), values);
  return true;
}
