// Random chains of index ops: permutations, windows, diagonals, constants, splits, reductions of every kind.
#ifndef CLEAVE_TEST_UNIT_MODEL_RANDOMPROGRAM_H
#define CLEAVE_TEST_UNIT_MODEL_RANDOMPROGRAM_H

#include "dialects/model/transforms/Build.h"

#include <random>

namespace cleave::test {

// The same seed gives the same module.
class RandomProgram {
public:
  RandomProgram(mlir::MLIRContext &context, unsigned seed) : builder(&context), random(seed) {}

  // @loss of two arguments, and @gradient by both.
  mlir::OwningOpRef<mlir::ModuleOp> make() {
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(builder.getUnknownLoc());
    llvm::SmallVector<mlir::Type> arguments{randomType(), randomType()};
    mlir::Type scalar = mlir::RankedTensorType::get({}, builder.getF64Type());
    makeLoss(*module, arguments, scalar);
    builder.setInsertionPointToEnd(module->getBody());
    auto gradient =
        mlir::func::FuncOp::create(builder, loc(), "gradient", builder.getFunctionType(arguments, arguments));
    builder.setInsertionPointToStart(gradient.addEntryBlock());
    mlir::Value loss =
        model::CallOp::create(builder, loc(), scalar, "loss", gradient.getArguments()).getResult(0);
    auto taken = model::GradientOp::create(builder, loc(), arguments, loss, gradient.getArguments());
    mlir::func::ReturnOp::create(builder, loc(), taken.getResults());
    return module;
  }

private:
  mlir::Location loc() { return builder.getUnknownLoc(); }
  int64_t below(int64_t bound) { return std::uniform_int_distribution<int64_t>(0, bound - 1)(random); }

  mlir::RankedTensorType typeOf(llvm::ArrayRef<int64_t> sizes) {
    static const llvm::StringRef names[] = {"A", "B", "C", "D"};
    return model::tensorOf(builder.getF64Type(), llvm::ArrayRef(names).take_front(sizes.size()), sizes);
  }
  mlir::RankedTensorType randomType() {
    llvm::SmallVector<int64_t> sizes;
    for (int64_t rank = 1 + below(3); rank; --rank)
      sizes.push_back(2 + below(3));
    return typeOf(sizes);
  }

  void makeLoss(mlir::ModuleOp module, llvm::ArrayRef<mlir::Type> arguments, mlir::Type scalar) {
    builder.setInsertionPointToEnd(module.getBody());
    auto loss =
        mlir::func::FuncOp::create(builder, loc(), "loss", builder.getFunctionType(arguments, scalar));
    builder.setInsertionPointToStart(loss.addEntryBlock());
    llvm::SmallVector<mlir::Value> values(loss.getArguments());
    for (int64_t op = 1 + below(4); op; --op)
      values.push_back(tamed(makeOp(values)));
    llvm::SmallVector<mlir::Value> sums;
    for (mlir::Value value : values)
      sums.push_back(sumOfSines(value));
    mlir::func::ReturnOp::create(builder, loc(), model::makeSum(builder, loc(), sums));
  }

  // Weighted by position, so that no two elements count alike.
  mlir::Value sumOfSines(mlir::Value value) {
    mlir::RankedTensorType type = model::rankedType(value);
    unsigned rank = type.getRank();
    mlir::AffineExpr weight = builder.getAffineConstantExpr(3);
    for (unsigned axis = 0; axis < rank; ++axis)
      weight = weight + builder.getAffineDimExpr(axis) * (2 * axis + 1);
    mlir::Type scalar = mlir::RankedTensorType::get({}, builder.getF64Type());
    return model::IndexOp::create(
        builder, loc(), llvm::cast<mlir::RankedTensorType>(scalar), value,
        builder.getMultiDimIdentityMap(rank), llvm::ArrayRef<mlir::Attribute>(), model::axesOf(type),
        type.getShape(), 0, rank ? model::Combiner::Sum : model::Combiner::None,
        [&](mlir::OpBuilder &body, mlir::Location at, mlir::ValueRange scalars) -> mlir::Value {
          mlir::Value factor =
              mlir::arith::SIToFPOp::create(body, at, body.getF64Type(), model::makeAffine(body, at, weight));
          mlir::Value small = mlir::arith::MulFOp::create(
              body, at, factor, model::makeScalar(body, at, body.getF64Type(), 0.1));
          return mlir::math::SinOp::create(body, at,
                                           mlir::arith::MulFOp::create(body, at, small, scalars[0]));
        });
  }

  // Keeps values small: a sine of large ones has no difference quotient.
  mlir::Value tamed(mlir::Value value) {
    return model::makeElementwise(builder, loc(), model::rankedType(value), value,
                                  [](mlir::OpBuilder &body, mlir::Location at, mlir::ValueRange x) {
                                    mlir::Value scaled = mlir::arith::MulFOp::create(
                                        body, at, x[0], model::makeScalar(body, at, body.getF64Type(), 0.4));
                                    return mlir::math::TanhOp::create(body, at, scaled).getResult();
                                  });
  }

  mlir::Value makeOp(llvm::ArrayRef<mlir::Value> values) {
    llvm::SmallVector<int64_t> sizes;
    unsigned parallel = below(3), reductions = below(3);
    for (unsigned dim = 0; dim < parallel + reductions; ++dim)
      sizes.push_back(2 + below(3));
    static const model::Combiner combiners[] = {model::Combiner::Sum, model::Combiner::Sum,
                                                model::Combiner::Max, model::Combiner::Min,
                                                model::Combiner::Prod};
    model::Combiner combiner = reductions ? combiners[below(5)] : model::Combiner::None;
    if (combiner == model::Combiner::Prod &&
        reductions > 1) // the sine of a large product has no difference quotient
      combiner = model::Combiner::Sum;
    llvm::SmallVector<mlir::Value> inputs;
    llvm::SmallVector<mlir::AffineMap> maps;
    llvm::SmallVector<mlir::Attribute> outside;
    for (int64_t i = 1 + below(2); i >= 0; --i) {
      mlir::Value input = values[below(values.size())];
      mlir::AffineMap map = randomMap(model::rankedType(input), sizes);
      bool inside =
          llvm::all_of(llvm::zip(map.getResults(), model::rankedType(input).getShape()), [&](auto pair) {
            auto [low, high] = model::rangeOf(std::get<0>(pair), sizes);
            return low >= 0 && high < std::get<1>(pair);
          });
      inputs.push_back(input);
      maps.push_back(map);
      outside.push_back(inside ? mlir::Attribute() : builder.getF64FloatAttr(below(2) ? 0.0 : 0.75));
    }
    static const llvm::StringRef names[] = {"P", "Q", "R", "S"};
    mlir::RankedTensorType type = typeOf(llvm::ArrayRef(sizes).take_front(parallel));
    return model::IndexOp::create(builder, loc(), type, inputs, maps, outside,
                                  llvm::ArrayRef(names).take_front(sizes.size()), sizes, parallel, combiner,
                                  [&](mlir::OpBuilder &body, mlir::Location at, mlir::ValueRange scalars) {
                                    return randomBody(body, at, scalars, sizes.size());
                                  });
  }

  mlir::AffineMap randomMap(mlir::RankedTensorType type, llvm::ArrayRef<int64_t> sizes) {
    llvm::SmallVector<mlir::AffineExpr> exprs;
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      exprs.push_back(randomExpr(type.getDimSize(axis), sizes));
    return mlir::AffineMap::get(sizes.size(), 0, exprs, builder.getContext());
  }

  mlir::AffineExpr randomExpr(int64_t size, llvm::ArrayRef<int64_t> sizes) {
    if (sizes.empty())
      return builder.getAffineConstantExpr(below(size));
    mlir::AffineExpr a = builder.getAffineDimExpr(below(sizes.size())),
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

  mlir::Value randomBody(mlir::OpBuilder &body, mlir::Location at, mlir::ValueRange scalars, unsigned dims) {
    mlir::Value a = scalars.front(), b = scalars.back();
    mlir::Value product = mlir::arith::MulFOp::create(body, at, a, b);
    switch (below(7)) {
    case 0:
      return mlir::arith::AddFOp::create(body, at, mlir::math::SinOp::create(body, at, a), b);
    case 1:
      return mlir::math::TanhOp::create(body, at, mlir::arith::SubFOp::create(body, at, a, b));
    case 2:
      return mlir::arith::MaximumFOp::create(body, at, a, product);
    case 3: {
      if (!dims)
        return product;
      mlir::Value position = model::IterOp::create(body, at, body.getI64Type(), below(dims));
      mlir::Value one = model::makeScalar(body, at, body.getI64Type(), 1);
      mlir::Value first =
          mlir::arith::CmpIOp::create(body, at, mlir::arith::CmpIPredicate::slt, position, one);
      return mlir::arith::SelectOp::create(body, at, first, a, product);
    }
    case 4:
      return mlir::math::ExpOp::create(
          body, at, mlir::math::SinOp::create(body, at, mlir::arith::SubFOp::create(body, at, product, a)));
    default:
      return product;
    }
  }

  mlir::OpBuilder builder;
  std::mt19937 random;
};

} // namespace cleave::test

#endif
