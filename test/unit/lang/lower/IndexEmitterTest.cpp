#include "lang/lower/IndexEmitter.h"

#include "mlir/IR/Verifier.h"

#include <gmock/gmock.h>

using namespace mlir;
using namespace cleave;
using namespace cleave::lower;

namespace {

struct IndexEmitterTest : testing::Test {
  IndexEmitterTest() : builder(&context), loc(builder.getUnknownLoc()) {
    context.loadDialect<model::ModelDialect, arith::ArithDialect, func::FuncDialect>();
    module = ModuleOp::create(loc);
    builder.setInsertionPointToEnd(module->getBody());
    auto type = model::tensorOf(builder.getF32Type(), {"A", "B"}, {2, 3});
    auto function = func::FuncOp::create(builder, loc, "f", builder.getFunctionType({type}, {}));
    builder.setInsertionPointToEnd(function.addEntryBlock());
    x = function.getArgument(0);
  }

  MLIRContext context;
  OpBuilder builder;
  Location loc;
  OwningOpRef<ModuleOp> module;
  Value x;
};

TEST_F(IndexEmitterTest, ReadsOneElementOnce) {
  IndexEmitter emitter(builder, loc, {{"A", 2}, {"B", 3}});
  Value a = emitter.read(x, emitter.identity());
  EXPECT_EQ(a, emitter.read(x, emitter.identity()));
  Attribute zero = builder.getF32FloatAttr(0);
  EXPECT_NE(a, emitter.read(x, emitter.identity(), zero));
  Value result = emitter.finish(arith::AddFOp::create(emitter.body(), loc, a, a));
  EXPECT_EQ(result.getDefiningOp<model::IndexOp>().getInputs().size(), 2u);
  EXPECT_TRUE(succeeded(verify(result.getDefiningOp())));
}

TEST_F(IndexEmitterTest, RepeatsConstantsInsteadOfReadingThem) {
  Value constant = emitConstant(builder, loc, builder.getF32FloatAttr(2));
  EXPECT_EQ(constantOf(constant), builder.getF32FloatAttr(2));
  IndexEmitter emitter(builder, loc, {{"A", 2}});
  Value result = emitter.finish(emitter.readScalar(constant));
  EXPECT_TRUE(result.getDefiningOp<model::IndexOp>().getInputs().empty());
  EXPECT_FALSE(constantOf(result)) << "a tensor with axes is not a constant of rank 0";
}

TEST_F(IndexEmitterTest, NamesAxesOfTheResultApart) {
  IndexEmitter emitter(builder, loc, {{"A", 2}, {"A", 2}});
  Value result =
      emitter.finish(arith::SIToFPOp::create(emitter.body(), loc, builder.getF32Type(), emitter.position()));
  EXPECT_THAT(model::axesOf(cast<RankedTensorType>(result.getType())), testing::ElementsAre("A", "A_2"));
}

TEST_F(IndexEmitterTest, Reduces) {
  IndexEmitter emitter(builder, loc, {{"B", 3}}, {{"A", 2}}, model::Combiner::Max);
  AffineExpr b = builder.getAffineDimExpr(0), a = builder.getAffineDimExpr(1);
  Value result = emitter.finish(emitter.read(x, AffineMap::get(2, 0, {a, b}, &context)));
  EXPECT_TRUE(succeeded(verify(result.getDefiningOp())));
  EXPECT_EQ(result.getType(), model::tensorOf(builder.getF32Type(), {"B"}, {3}));
}

} // namespace
