#include "compiler/convert/InlineBodies.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::convert;

namespace {

class BodyInliner {
public:
  void expand(Block &block);

private:
  func::FuncOp calleeOf(Operation *op, FlatSymbolRefAttr symbol) {
    return SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, symbol);
  }
  // Clones a function's ops at the builder, its arguments standing for `arguments`; returns its results.
  SmallVector<Value> cloneBody(OpBuilder &builder, func::FuncOp callee, ValueRange arguments);
  // Fills `region` with one block of these arguments, whose ops are `callee`'s, and its yield.
  void fillRegion(Region &region, func::FuncOp callee, TypeRange blockArguments, Location loc,
                  function_ref<SmallVector<Value>(Block &)> arguments);
  void expandCall(model::CallOp op);
  void expandScan(model::ScanOp op);
  void expandIf(model::IfOp op);
  void expandWhile(model::WhileOp op);
  void expandName(model::NameOp op);
};

} // namespace

SmallVector<Value> BodyInliner::cloneBody(OpBuilder &builder, func::FuncOp callee, ValueRange arguments) {
  IRMapping mapping;
  Block &body = callee.getBody().front();
  mapping.map(body.getArguments(), arguments);
  for (Operation &op : body.without_terminator())
    builder.clone(op, mapping);
  return llvm::map_to_vector(body.getTerminator()->getOperands(),
                             [&](Value value) { return mapping.lookupOrDefault(value); });
}

void BodyInliner::fillRegion(Region &region, func::FuncOp callee, TypeRange types, Location loc,
                             function_ref<SmallVector<Value>(Block &)> arguments) {
  OpBuilder builder(region.getContext());
  Block *block = builder.createBlock(&region, {}, types, SmallVector<Location>(types.size(), loc));
  SmallVector<Value> results = cloneBody(builder, callee, arguments(*block));
  pipe::YieldOp::create(builder, loc, results);
  expand(*block);
}

void BodyInliner::expandCall(model::CallOp op) {
  OpBuilder builder(op);
  op.replaceAllUsesWith(cloneBody(builder, calleeOf(op, op.getCalleeAttr()), op.getInputs()));
}

void BodyInliner::expandScan(model::ScanOp op) {
  OpBuilder builder(op);
  func::FuncOp body = calleeOf(op, op.getBodyAttr());
  auto loop = pipe::LoopOp::create(builder, op.getLoc(), op.getResultTypes(), op.getCountAttr(),
                                   op.getAxisAttr(), op.getReverseAttr(), op.getCarries(), op.getSlices(),
                                   /*names=*/{}, /*places=*/{}, /*arg_places=*/{});
  TypeRange inputs = body.getArgumentTypes();
  SmallVector<Type> types{inputs.front()};
  llvm::append_range(types, inputs.drop_front(1 + op.getConsts().size()));
  fillRegion(loop.getBody(), body, types, op.getLoc(), [&](Block &block) {
    SmallVector<Value> arguments{block.getArgument(0)};
    llvm::append_range(arguments, op.getConsts());
    llvm::append_range(arguments, block.getArguments().drop_front());
    return arguments;
  });
  op.replaceAllUsesWith(loop);
}

void BodyInliner::expandIf(model::IfOp op) {
  OpBuilder builder(op);
  auto branch = pipe::IfOp::create(builder, op.getLoc(), op.getResultTypes(), op.getCondition(), {}, {});
  auto inputs = [&](Block &) { return SmallVector<Value>(op.getInputs()); };
  fillRegion(branch.getThenBody(), calleeOf(op, op.getThenBodyAttr()), {}, op.getLoc(), inputs);
  fillRegion(branch.getElseBody(), calleeOf(op, op.getElseBodyAttr()), {}, op.getLoc(), inputs);
  op.replaceAllUsesWith(branch);
}

void BodyInliner::expandWhile(model::WhileOp op) {
  OpBuilder builder(op);
  auto loop = pipe::WhileOp::create(builder, op.getLoc(), op.getResultTypes(), op.getBoundAttr(),
                                    op.getCarries(), {}, {}, {});
  auto arguments = [&](Block &block) {
    SmallVector<Value> values(op.getConsts());
    llvm::append_range(values, block.getArguments());
    return values;
  };
  TypeRange types = op.getCarries().getTypes();
  fillRegion(loop.getCondition(), calleeOf(op, op.getConditionAttr()), types, op.getLoc(), arguments);
  fillRegion(loop.getBody(), calleeOf(op, op.getBodyAttr()), types, op.getLoc(), arguments);
  op.replaceAllUsesWith(loop);
}

// The path a user gave a value is kept by the op that makes it; arguments have paths of their own.
void BodyInliner::expandName(model::NameOp op) {
  if (auto result = dyn_cast<OpResult>(op.getInput())) {
    Operation *source = result.getOwner();
    Builder builder(source->getContext());
    SmallVector<StringRef> names(source->getNumResults(), "");
    if (auto known = source->getAttrOfType<ArrayAttr>(pipe::kNamesAttr))
      llvm::copy(known.getAsValueRange<StringAttr>(), names.begin());
    if (names[result.getResultNumber()].empty())
      names[result.getResultNumber()] = op.getPath();
    source->setAttr(pipe::kNamesAttr, builder.getStrArrayAttr(names));
  }
  op.replaceAllUsesWith(op.getInput());
}

static bool isBoolean(Type type) { return cast<RankedTensorType>(type).getElementType().isInteger(1); }

static void expandPrint(model::PrintOp op) {
  OpBuilder builder(op);
  SmallVector<StringRef> types = llvm::map_to_vector(
      op.getInputs().getTypes(), [](Type type) -> StringRef { return isBoolean(type) ? "bool" : ""; });
  pipe::PrintOp::create(builder, op.getLoc(), op.getLabel(), op.getInputs(), builder.getStrArrayAttr(types));
}

static void expandAssert(model::AssertOp op) {
  OpBuilder builder(op);
  pipe::AssertOp::create(builder, op.getLoc(), op.getCondition(), op.getMessage());
}

// Splats are index ops without inputs, so that they melt into their readers; other constants are data.
static void expandConstant(arith::ConstantOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getType());
  if (!type)
    return;
  OpBuilder builder(op);
  auto value = cast<DenseElementsAttr>(op.getValue());
  if (!value.isSplat()) {
    op.replaceAllUsesWith(pipe::ConstantOp::create(builder, op.getLoc(), type, value, {}, {}).getResult());
  } else {
    SmallVector<StringRef> axes = model::axesOf(type);
    axes.resize(type.getRank(), "");
    auto splat = model::IndexOp::create(
        builder, op.getLoc(), type, ValueRange{}, ArrayRef<AffineMap>{}, ArrayRef<Attribute>{}, axes,
        type.getShape(), type.getRank(), model::Combiner::None,
        [&](OpBuilder &body, Location loc, ValueRange) {
          return arith::ConstantOp::create(body, loc, value.getSplatValue<TypedAttr>()).getResult();
        });
    op.replaceAllUsesWith(splat.getResult());
  }
  op.erase();
}

void BodyInliner::expand(Block &block) {
  for (Operation *op = &block.front(); op;) {
    Operation *before = op->getPrevNode();
    bool done = true;
    llvm::TypeSwitch<Operation *>(op)
        .Case<model::CallOp>([&](auto call) { expandCall(call); })
        .Case<model::ScanOp>([&](auto scan) { expandScan(scan); })
        .Case<model::IfOp>([&](auto branch) { expandIf(branch); })
        .Case<model::WhileOp>([&](auto loop) { expandWhile(loop); })
        .Case<model::NameOp>([&](auto name) { expandName(name); })
        .Case<model::StopGradientOp>([&](auto stop) { stop.replaceAllUsesWith(stop.getInput()); })
        .Case<model::PrintOp>([&](auto print) { expandPrint(print); })
        .Case<model::AssertOp>([&](auto assertion) { expandAssert(assertion); })
        .Default([&](Operation *) { done = false; });
    if (!done) {
      Operation *next = op->getNextNode();
      if (auto constant = dyn_cast<arith::ConstantOp>(op))
        expandConstant(constant);
      op = next;
      continue;
    }
    op->erase();
    // What a call brought in may hold calls itself.
    op = before ? before->getNextNode() : &block.front();
  }
}

void cleave::convert::inlineBodies(func::FuncOp entry) { BodyInliner().expand(entry.getBody().front()); }
