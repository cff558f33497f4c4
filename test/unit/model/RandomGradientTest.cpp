// Gradients and simplification on random chains of index ops: permutations, windows, diagonals, constants,
// splits, reductions of every kind. A failure prints its module; the seed is the test's parameter.
#include "test/unit/model/Evaluate.h"

#include "dialects/model/transforms/Build.h"
#include "dialects/model/transforms/Passes.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace cleave::model;
using cleave::test::Tensor;

namespace {
class ProgramMaker {
public:
  ProgramMaker(MLIRContext &context, unsigned seed) : builder(&context), random(seed) {}

  // @loss of two arguments, and @gradient by both.
  OwningOpRef<ModuleOp> make() {
    OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
    SmallVector<Type> arguments{randomType(), randomType()};
    Type scalar = RankedTensorType::get({}, builder.getF64Type());
    makeLoss(*module, arguments, scalar);
    builder.setInsertionPointToEnd(module->getBody());
    auto gradient =
        func::FuncOp::create(builder, loc(), "gradient", builder.getFunctionType(arguments, arguments));
    builder.setInsertionPointToStart(gradient.addEntryBlock());
    Value loss = CallOp::create(builder, loc(), scalar, "loss", gradient.getArguments()).getResult(0);
    auto taken = GradientOp::create(builder, loc(), arguments, loss, gradient.getArguments());
    func::ReturnOp::create(builder, loc(), taken.getResults());
    return module;
  }

private:
  Location loc() { return builder.getUnknownLoc(); }
  int64_t below(int64_t bound) { return std::uniform_int_distribution<int64_t>(0, bound - 1)(random); }

  RankedTensorType typeOf(ArrayRef<int64_t> sizes) {
    static const StringRef names[] = {"A", "B", "C", "D"};
    return tensorOf(builder.getF64Type(), ArrayRef(names).take_front(sizes.size()), sizes);
  }
  RankedTensorType randomType() {
    SmallVector<int64_t> sizes;
    for (int64_t rank = 1 + below(3); rank; --rank)
      sizes.push_back(2 + below(3));
    return typeOf(sizes);
  }

  void makeLoss(ModuleOp module, ArrayRef<Type> arguments, Type scalar) {
    builder.setInsertionPointToEnd(module.getBody());
    auto loss = func::FuncOp::create(builder, loc(), "loss", builder.getFunctionType(arguments, scalar));
    builder.setInsertionPointToStart(loss.addEntryBlock());
    SmallVector<Value> values(loss.getArguments());
    for (int64_t op = 1 + below(4); op; --op)
      values.push_back(tamed(makeOp(values)));
    SmallVector<Value> sums;
    for (Value value : values)
      sums.push_back(sumOfSines(value));
    func::ReturnOp::create(builder, loc(), makeSum(builder, loc(), sums));
  }

  // Weighted by position, so that no two elements count alike.
  Value sumOfSines(Value value) {
    RankedTensorType type = rankedType(value);
    unsigned rank = type.getRank();
    AffineExpr weight = builder.getAffineConstantExpr(3);
    for (unsigned axis = 0; axis < rank; ++axis)
      weight = weight + builder.getAffineDimExpr(axis) * (2 * axis + 1);
    Type scalar = RankedTensorType::get({}, builder.getF64Type());
    return IndexOp::create(
        builder, loc(), cast<RankedTensorType>(scalar), value, builder.getMultiDimIdentityMap(rank),
        ArrayRef<Attribute>(), axesOf(type), type.getShape(), 0, rank ? Combiner::Sum : Combiner::None,
        [&](OpBuilder &body, Location at, ValueRange scalars) -> Value {
          Value factor = arith::SIToFPOp::create(body, at, body.getF64Type(), makeAffine(body, at, weight));
          Value small = arith::MulFOp::create(body, at, factor, makeScalar(body, at, body.getF64Type(), 0.1));
          return math::SinOp::create(body, at, arith::MulFOp::create(body, at, small, scalars[0]));
        });
  }

  // Keeps values small: a sine of large ones has no difference quotient.
  Value tamed(Value value) {
    return makeElementwise(
        builder, loc(), rankedType(value), value, [](OpBuilder &body, Location at, ValueRange x) {
          Value scaled = arith::MulFOp::create(body, at, x[0], makeScalar(body, at, body.getF64Type(), 0.4));
          return math::TanhOp::create(body, at, scaled).getResult();
        });
  }

  Value makeOp(ArrayRef<Value> values) {
    SmallVector<int64_t> sizes;
    unsigned parallel = below(3), reductions = below(3);
    for (unsigned dim = 0; dim < parallel + reductions; ++dim)
      sizes.push_back(2 + below(3));
    static const Combiner combiners[] = {Combiner::Sum, Combiner::Sum, Combiner::Max, Combiner::Min,
                                         Combiner::Prod};
    Combiner combiner = reductions ? combiners[below(5)] : Combiner::None;
    if (combiner == Combiner::Prod &&
        reductions > 1) // the sine of a large product has no difference quotient
      combiner = Combiner::Sum;
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    SmallVector<Attribute> outside;
    for (int64_t i = 1 + below(2); i >= 0; --i) {
      Value input = values[below(values.size())];
      AffineMap map = randomMap(rankedType(input), sizes);
      bool inside = llvm::all_of(llvm::zip(map.getResults(), rankedType(input).getShape()), [&](auto pair) {
        auto [low, high] = rangeOf(std::get<0>(pair), sizes);
        return low >= 0 && high < std::get<1>(pair);
      });
      inputs.push_back(input);
      maps.push_back(map);
      outside.push_back(inside ? Attribute() : builder.getF64FloatAttr(below(2) ? 0.0 : 0.75));
    }
    static const StringRef names[] = {"P", "Q", "R", "S"};
    RankedTensorType type = typeOf(ArrayRef(sizes).take_front(parallel));
    return IndexOp::create(builder, loc(), type, inputs, maps, outside,
                           ArrayRef(names).take_front(sizes.size()), sizes, parallel, combiner,
                           [&](OpBuilder &body, Location at, ValueRange scalars) {
                             return randomBody(body, at, scalars, sizes.size());
                           });
  }

  AffineMap randomMap(RankedTensorType type, ArrayRef<int64_t> sizes) {
    SmallVector<AffineExpr> exprs;
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      exprs.push_back(randomExpr(type.getDimSize(axis), sizes));
    return AffineMap::get(sizes.size(), 0, exprs, builder.getContext());
  }

  AffineExpr randomExpr(int64_t size, ArrayRef<int64_t> sizes) {
    if (sizes.empty())
      return builder.getAffineConstantExpr(below(size));
    AffineExpr a = builder.getAffineDimExpr(below(sizes.size())),
               b = builder.getAffineDimExpr(below(sizes.size()));
    switch (below(9)) {
    case 0:
      return builder.getAffineConstantExpr(below(size));
    case 1:
      return a + b - below(3);
    case 2:
      return a * 2 + b - below(3);
    case 3:
      return -a + (size - 1);
    case 4:
      return a.floorDiv(2);
    case 5:
      return a % 2;
    default:
      return a;
    }
  }

  Value randomBody(OpBuilder &body, Location at, ValueRange scalars, unsigned dims) {
    Value a = scalars.front(), b = scalars.back();
    Value product = arith::MulFOp::create(body, at, a, b);
    switch (below(7)) {
    case 0:
      return arith::AddFOp::create(body, at, math::SinOp::create(body, at, a), b);
    case 1:
      return math::TanhOp::create(body, at, arith::SubFOp::create(body, at, a, b));
    case 2:
      return arith::MaximumFOp::create(body, at, a, product);
    case 3: {
      if (!dims)
        return product;
      Value position = IterOp::create(body, at, body.getI64Type(), below(dims));
      Value one = makeScalar(body, at, body.getI64Type(), 1);
      Value first = arith::CmpIOp::create(body, at, arith::CmpIPredicate::slt, position, one);
      return arith::SelectOp::create(body, at, first, a, product);
    }
    case 4:
      return math::ExpOp::create(body, at,
                                 math::SinOp::create(body, at, arith::SubFOp::create(body, at, product, a)));
    default:
      return product;
    }
  }

  OpBuilder builder;
  std::mt19937 random;
};

class RandomGradient : public ::testing::TestWithParam<unsigned> {};
} // namespace

TEST_P(RandomGradient, AgreesWithDifferences) {
  MLIRContext context;
  context.loadDialect<ModelDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect>();
  for (bool simplified : {false, true}) {
    OwningOpRef<ModuleOp> module = ProgramMaker(context, GetParam()).make();
    ASSERT_TRUE(succeeded(verify(*module)));
    SmallVector<Tensor> arguments;
    for (Type type : module->lookupSymbol<func::FuncOp>("loss").getArgumentTypes())
      arguments.push_back(
          cleave::test::fill(cast<RankedTensorType>(type), 2 * GetParam() + arguments.size(), 0.3, 1.1));
    std::vector<Tensor> given(arguments.begin(), arguments.end());
    double before = cleave::test::evaluate(*module, "loss", given)[0].data[0].real;
    PassManager passes(&context);
    if (simplified)
      passes.addPass(createModelSimplify());
    passes.addPass(createModelGradients());
    if (simplified) {
      passes.addPass(createModelInline());
      passes.addPass(createModelSimplify());
    }
    ASSERT_TRUE(succeeded(passes.run(*module)));
    double after = cleave::test::evaluate(*module, "loss", given)[0].data[0].real;
    EXPECT_NEAR(before, after, 1e-9 * std::abs(before));
    double error = cleave::test::gradientError(*module, "loss", "gradient", given);
    EXPECT_LE(error, 1e-6);
    if (HasFailure()) {
      module->dump();
      return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGradient, ::testing::Range(0u, 200u));
