#include "test/unit/model/Evaluate.h"
#include "test/unit/model/EvaluateScalar.h"

#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace cleave::test;
namespace model = cleave::model;
using model::Combiner;

static int64_t points(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

// Advances a row-major position; false after the last one.
static bool advance(MutableArrayRef<int64_t> position, ArrayRef<int64_t> shape) {
  for (int64_t axis = shape.size() - 1; axis >= 0; --axis) {
    if (++position[axis] < shape[axis])
      return true;
    position[axis] = 0;
  }
  return false;
}

static int64_t evaluate(AffineExpr expr, ArrayRef<int64_t> dims, ArrayRef<int64_t> symbols = {}) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t a = evaluate(binary.getLHS(), dims, symbols), b = evaluate(binary.getRHS(), dims, symbols);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return a + b;
  case AffineExprKind::Mul:
    return a * b;
  case AffineExprKind::Mod:
    return llvm::mod(a, b);
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(a, b);
  default:
    return llvm::divideCeilSigned(a, b);
  }
}

// The row-major offset of a position, or -1 outside.
static int64_t offsetOf(AffineMap map, ArrayRef<int64_t> shape, ArrayRef<int64_t> dims,
                        ArrayRef<int64_t> symbols = {}, bool clamp = false) {
  int64_t offset = 0;
  for (auto [expr, size] : llvm::zip(map.getResults(), shape)) {
    int64_t at = evaluate(expr, dims, symbols);
    if (clamp)
      at = std::max<int64_t>(0, std::min(at, size - 1));
    if (at < 0 || at >= size)
      return -1;
    offset = offset * size + at;
  }
  return offset;
}

// offsetOf of one map and shape for many positions. Sums of multiples of dims, which most maps are, are taken
// apart once.
class Access {
public:
  Access(AffineMap map, ArrayRef<int64_t> shape) : map(map), shape(shape) {
    std::vector<SmallVector<int64_t, 8>> flattened;
    if (failed(getFlattenedAffineExprs(map, &flattened)))
      return;
    // More columns are quotients.
    isLinear = llvm::all_of(flattened, [&](const auto &row) { return row.size() == map.getNumInputs() + 1; });
    rows = std::move(flattened);
  }

  int64_t at(ArrayRef<int64_t> dims) const {
    if (!isLinear)
      return offsetOf(map, shape, dims);
    int64_t offset = 0;
    for (size_t d = 0; d < shape.size(); ++d) {
      int64_t at = rows[d].back();
      for (size_t k = 0; k < dims.size(); ++k)
        at += rows[d][k] * dims[k];
      if (at < 0 || at >= shape[d])
        return -1;
      offset = offset * shape[d] + at;
    }
    return offset;
  }

private:
  AffineMap map;
  ArrayRef<int64_t> shape;
  std::vector<SmallVector<int64_t, 8>> rows; // per dim of the tensor: coefficients, then the constant
  bool isLinear = false;
};

Scalar cleave::test::combine(Combiner combiner, bool isFloat, Scalar a, Scalar b) {
  switch (combiner) {
  case Combiner::Sum:
    return {a.real + b.real, a.integer + b.integer};
  case Combiner::Prod:
    return {a.real * b.real, a.integer * b.integer};
  case Combiner::Max:
    if (isFloat && (std::isnan(a.real) || std::isnan(b.real)))
      return {NAN, 0};
    return {std::max(a.real, b.real), std::max(a.integer, b.integer)};
  case Combiner::Min:
    if (isFloat && (std::isnan(a.real) || std::isnan(b.real)))
      return {NAN, 0};
    return {std::min(a.real, b.real), std::min(a.integer, b.integer)};
  default:
    return b;
  }
}

namespace {
// An index body with its values numbered and its ops looked up, to be run for each point.
class Body {
public:
  explicit Body(model::IndexOp op) {
    DenseMap<Value, unsigned> numbers;
    for (BlockArgument argument : op.getBodyBlock().getArguments())
      numbers.try_emplace(argument, numbers.size());
    values.resize(numbers.size());
    for (Operation &inner : op.getBodyBlock().without_terminator()) {
      unsigned number = numbers.size();
      numbers[inner.getResult(0)] = number;
      Scalar &value = values.emplace_back();
      if (auto constant = dyn_cast<arith::ConstantOp>(inner)) {
        value = scalarOf(constant.getValue());
        continue;
      }
      Step &step = steps.emplace_back();
      step.result = number;
      if (auto iter = dyn_cast<model::IterOp>(inner)) {
        step.dim = iter.getDim();
        continue;
      }
      step.function = scalarFunction(&inner);
      for (Value operand : inner.getOperands())
        step.operands.push_back(numbers.at(operand));
    }
    yielded = numbers.at(op.getBodyBlock().getTerminator()->getOperand(0));
  }

  Scalar run(ArrayRef<Scalar> inputs, ArrayRef<int64_t> dims) {
    std::copy(inputs.begin(), inputs.end(), values.begin());
    for (const Step &step : steps) {
      if (!step.function) {
        values[step.result] = {0, dims[step.dim]};
        continue;
      }
      operands.clear();
      for (unsigned operand : step.operands)
        operands.push_back(values[operand]);
      values[step.result] = step.function(operands);
    }
    return values[yielded];
  }

private:
  struct Step {
    ScalarFunction function; // none: the position along `dim`
    SmallVector<unsigned, 4> operands;
    unsigned result = 0, dim = 0;
  };

  std::vector<Scalar> values; // constants stay
  std::vector<Step> steps;
  SmallVector<Scalar, 4> operands;
  unsigned yielded = 0;
};

class Evaluator {
public:
  Evaluator(ModuleOp module, Effects *effects, const OtherOp &other)
      : module(module), effects(effects), other(other) {}

  std::vector<Tensor> call(StringRef name, ArrayRef<Tensor> arguments) {
    auto function = module.lookupSymbol<func::FuncOp>(name);
    if (!function || function.getNumArguments() != arguments.size())
      llvm::report_fatal_error(Twine("cannot call @") + name);
    DenseMap<Value, Tensor> values;
    for (auto [argument, tensor] : llvm::zip(function.getArguments(), arguments))
      values[argument] = tensor;
    for (Operation &op : function.getBody().front().without_terminator())
      run(&op, values);
    return take(function.getBody().front().getTerminator()->getOperands(), values);
  }

private:
  static std::vector<Tensor> take(OperandRange operands, DenseMap<Value, Tensor> &values) {
    std::vector<Tensor> result;
    for (Value operand : operands)
      result.push_back(values.at(operand));
    return result;
  }

  void run(Operation *op, DenseMap<Value, Tensor> &values) {
    std::vector<Tensor> inputs = take(op->getOperands(), values);
    std::vector<Tensor> results =
        llvm::TypeSwitch<Operation *, std::vector<Tensor>>(op)
            .Case([&](model::IndexOp index) { return std::vector<Tensor>{runIndex(index, inputs)}; })
            .Case([&](model::GatherOp gather) { return std::vector<Tensor>{runGather(gather, inputs)}; })
            .Case([&](model::ScatterOp scatter) { return std::vector<Tensor>{runScatter(scatter, inputs)}; })
            .Case([&](model::ArgsortOp sort) { return std::vector<Tensor>{runArgsort(sort, inputs[0])}; })
            .Case([&](model::ScanOp scan) { return runScan(scan, inputs); })
            .Case([&](model::IfOp branch) {
              StringRef body = inputs[0].data[0].integer ? branch.getThenBody() : branch.getElseBody();
              return call(body, ArrayRef(inputs).drop_front());
            })
            .Case([&](model::WhileOp loop) { return runWhile(loop, inputs); })
            .Case([&](model::CallOp callOp) { return call(callOp.getCallee(), inputs); })
            .Case<model::StopGradientOp, model::NameOp>([&](auto) { return inputs; })
            .Case([&](arith::ConstantOp constant) {
              return std::vector<Tensor>{constantOf(cast<DenseElementsAttr>(constant.getValue()))};
            })
            .Case([&](model::PrintOp print) {
              if (effects)
                effects->printed.push_back(print.getLabel().str());
              return std::vector<Tensor>{};
            })
            .Case([&](model::AssertOp check) {
              if (effects && !inputs[0].data[0].integer)
                effects->failed.push_back(check.getMessage().str());
              return std::vector<Tensor>{};
            })
            .Default([&](Operation *unknown) -> std::vector<Tensor> {
              if (other)
                return other(unknown, inputs);
              llvm::report_fatal_error(Twine("the evaluator does not know ") +
                                       unknown->getName().getStringRef());
            });
    for (auto [value, tensor] : llvm::zip_equal(op->getResults(), results))
      values[value] = std::move(tensor);
  }

  static Tensor constantOf(DenseElementsAttr value) {
    Tensor result{SmallVector<int64_t>(value.getType().getShape()), {}};
    for (Attribute element : value.getValues<Attribute>())
      result.data.push_back(scalarOf(element));
    return result;
  }

  static Tensor empty(Value value) {
    SmallVector<int64_t> shape(cast<RankedTensorType>(value.getType()).getShape());
    int64_t count = points(shape);
    return {std::move(shape), std::vector<Scalar>(count)};
  }

  Tensor runIndex(model::IndexOp op, ArrayRef<Tensor> inputs) {
    Tensor result = empty(op.getResult());
    ArrayRef<int64_t> sizes = op.getSizes();
    bool isFloat = isa<FloatType>(cast<RankedTensorType>(op.getType()).getElementType());
    std::vector<bool> written(result.data.size());
    SmallVector<int64_t> dims(sizes.size(), 0);
    SmallVector<Scalar> values(inputs.size());
    std::vector<Access> accesses;
    SmallVector<Scalar> outside(inputs.size());
    for (unsigned i = 0; i < inputs.size(); ++i) {
      accesses.emplace_back(op.getMap(i), inputs[i].shape);
      if (TypedAttr value = op.getOutsideValue(i))
        outside[i] = scalarOf(value);
    }
    Body body(op);
    do {
      for (auto [i, input] : llvm::enumerate(inputs)) {
        int64_t offset = accesses[i].at(dims);
        if (offset < 0 && !op.getOutsideValue(i))
          llvm::report_fatal_error("an index op reads outside its input");
        values[i] = offset < 0 ? outside[i] : input.data[offset];
      }
      Scalar value = body.run(values, dims);
      int64_t at = 0;
      for (uint64_t dim = 0; dim < op.getParallel(); ++dim)
        at = at * sizes[dim] + dims[dim];
      result.data[at] = written[at] ? combine(op.getCombiner(), isFloat, result.data[at], value) : value;
      written[at] = true;
    } while (advance(dims, sizes));
    return result;
  }

  static SmallVector<int64_t> symbolsAt(ArrayRef<Tensor> indices, ArrayAttr maps, ArrayRef<int64_t> point) {
    SmallVector<int64_t> symbols;
    for (auto [index, map] : llvm::zip(indices, maps.getAsValueRange<AffineMapAttr>()))
      symbols.push_back(index.data[offsetOf(map, index.shape, point)].integer);
    return symbols;
  }

  Tensor runGather(model::GatherOp op, ArrayRef<Tensor> inputs) {
    Tensor result = empty(op.getResult());
    SmallVector<int64_t> point(result.shape.size(), 0);
    int64_t at = 0;
    do {
      SmallVector<int64_t> symbols = symbolsAt(inputs.drop_front(), op.getIndexMaps(), point);
      int64_t from = offsetOf(op.getTableMap(), inputs[0].shape, point, symbols, /*clamp=*/true);
      result.data[at++] = inputs[0].data[from];
    } while (advance(point, result.shape));
    return result;
  }

  Tensor runScatter(model::ScatterOp op, ArrayRef<Tensor> inputs) {
    Tensor result = inputs.front();
    const Tensor &updates = inputs.back();
    bool isFloat = isa<FloatType>(cast<RankedTensorType>(op.getResult().getType()).getElementType());
    SmallVector<int64_t> point(updates.shape.size(), 0);
    int64_t from = 0;
    do {
      SmallVector<int64_t> symbols = symbolsAt(inputs.drop_front().drop_back(), op.getIndexMaps(), point);
      int64_t at = offsetOf(op.getResultMap(), result.shape, point, symbols);
      Scalar value = updates.data[from++];
      if (at >= 0)
        result.data[at] = combine(op.getCombiner(), isFloat, result.data[at], value);
    } while (advance(point, updates.shape));
    return result;
  }

  Tensor runArgsort(model::ArgsortOp op, const Tensor &input) {
    Tensor result{input.shape, std::vector<Scalar>(input.data.size())};
    int64_t row = input.shape.back();
    bool descending = op.getDescending();
    for (int64_t start = 0; start < static_cast<int64_t>(input.data.size()); start += row) {
      std::vector<int64_t> order(row);
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
        const Scalar &a = input.data[start + (descending ? j : i)],
                     &b = input.data[start + (descending ? i : j)];
        if (a.real != b.real || a.integer != b.integer)
          return a.real < b.real || a.integer < b.integer;
        return i < j;
      });
      for (int64_t i = 0; i < row; ++i)
        result.data[start + i].integer = order[i];
    }
    return result;
  }

  std::vector<Tensor> runScan(model::ScanOp op, std::vector<Tensor> inputs) {
    size_t consts = op.getConsts().size(), carries = op.getCarries().size(), slices = op.getSlices().size();
    std::vector<Tensor> results(inputs.begin() + consts, inputs.begin() + consts + carries);
    for (Value value : op.getResults().drop_front(carries))
      results.push_back(empty(value));
    int64_t count = op.getCount();
    for (int64_t turn = 0; turn < count; ++turn) {
      int64_t i = op.getReverse() ? count - 1 - turn : turn;
      std::vector<Tensor> arguments{Tensor{{}, {Scalar{0, i}}}};
      arguments.insert(arguments.end(), inputs.begin(), inputs.begin() + consts);
      arguments.insert(arguments.end(), results.begin(), results.begin() + carries);
      for (size_t k = 0; k < slices; ++k) {
        const Tensor &whole = inputs[consts + carries + k];
        size_t step = whole.data.size() / count;
        arguments.push_back({SmallVector<int64_t>(ArrayRef(whole.shape).drop_front()),
                             {whole.data.begin() + i * step, whole.data.begin() + (i + 1) * step}});
      }
      std::vector<Tensor> outputs = call(op.getBody(), arguments);
      for (size_t k = 0; k < outputs.size(); ++k) {
        if (k < carries)
          results[k] = outputs[k];
        else
          std::copy(outputs[k].data.begin(), outputs[k].data.end(),
                    results[k].data.begin() + i * outputs[k].data.size());
      }
    }
    return results;
  }

  std::vector<Tensor> runWhile(model::WhileOp op, std::vector<Tensor> values) {
    size_t consts = op.getConsts().size();
    for (uint64_t turn = 0; turn < op.getBound(); ++turn) {
      if (!call(op.getCondition(), values)[0].data[0].integer)
        break;
      std::vector<Tensor> next = call(op.getBody(), values);
      std::copy(next.begin(), next.end(), values.begin() + consts);
    }
    return {values.begin() + consts, values.end()};
  }

  ModuleOp module;
  Effects *effects;
  const OtherOp &other;
};
} // namespace

std::vector<Tensor> cleave::test::evaluate(ModuleOp module, StringRef function, std::vector<Tensor> arguments,
                                           Effects *effects, const OtherOp &other) {
  return Evaluator(module, effects, other).call(function, arguments);
}

double cleave::test::gradientError(ModuleOp module, StringRef loss, StringRef gradient,
                                   std::vector<Tensor> arguments, double step) {
  std::vector<Tensor> found = evaluate(module, gradient, arguments);
  auto function = module.lookupSymbol<func::FuncOp>(loss);
  std::vector<double> errors, norms;
  double total = 0;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    if (!isa<FloatType>(cast<RankedTensorType>(type).getElementType()))
      continue;
    double error = 0, norm = 0;
    for (auto [k, element] : llvm::enumerate(arguments[i].data)) {
      double saved = element.real;
      auto lossAt = [&, &at = element.real](double offset) {
        at = saved + offset;
        return evaluate(module, loss, arguments)[0].data[0].real;
      };
      double near = lossAt(step) - lossAt(-step), far = lossAt(2 * step) - lossAt(-2 * step);
      element.real = saved;
      double expected = (8 * near - far) / (12 * step);
      double difference = expected - found[errors.size()].data[k].real;
      error += difference * difference;
      norm += expected * expected;
    }
    errors.push_back(std::sqrt(error));
    norms.push_back(std::sqrt(norm));
    total += norm;
  }
  double worst = 0;
  for (auto [error, norm] : llvm::zip(errors, norms)) {
    double scale = std::max(norm, std::sqrt(total) * 1e-3);
    double relative = scale == 0 ? error : error / scale;
    worst = std::isnan(relative) ? INFINITY : std::max(worst, relative);
  }
  return worst;
}

Tensor cleave::test::fill(RankedTensorType type, uint64_t seed, double low, double high) {
  Tensor result{SmallVector<int64_t>(type.getShape()), {}};
  uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  for (int64_t i = 0; i < points(type.getShape()); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    double value = low + (high - low) * (double(state >> 11) / double(uint64_t(1) << 53));
    result.data.push_back({value, static_cast<int64_t>(std::floor(value))});
  }
  return result;
}
