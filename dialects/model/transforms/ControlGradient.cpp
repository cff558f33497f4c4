// The gradients of model.call, model.if and model.while.
#include "dialects/model/transforms/CallOrder.h"
#include "dialects/model/transforms/Gradients.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace cleave::model;

//===------------------------------------------------------------------===//
// call
//===------------------------------------------------------------------===//

// A composite with its own backward: called with (arguments, results, residuals, cotangents).
LogicalResult cleave::model::reverseCall(CallOp op, ArrayRef<Value> cotangents, Reverse &reverse) {
  GradientContext &context = reverse.context;
  auto name = dyn_cast<FlatSymbolRefAttr>(callAttribute(op, context.symbols, kBackwardAttr));
  auto backward = name ? context.symbols.lookup<func::FuncOp>(name.getValue()) : func::FuncOp();
  if (!backward)
    return op.emitOpError("names a backward that is not there");
  auto count = dyn_cast_or_null<IntegerAttr>(callAttribute(op, context.symbols, kResidualsAttr));
  unsigned results = op.getNumResults() - (count ? count.getInt() : 0);
  OpBuilder &builder = reverse.builder;
  SmallVector<Value> inputs(op.getInputs());
  llvm::append_range(inputs, op.getResults());
  for (unsigned i = 0; i < results; ++i) {
    if (!isFloatTensor(op.getResult(i)))
      continue;
    inputs.push_back(cotangents[i] ? cotangents[i]
                                   : makeSplat(builder, op.getLoc(), rankedType(op.getResult(i)), 0));
  }
  if (TypeRange(inputs) != TypeRange(backward.getArgumentTypes()))
    return op.emitOpError(
               "a backward takes arguments, results, residuals and cotangents of floating-point results, "
               "got: ")
           << backward.getFunctionType();
  auto call = CallOp::create(builder, op.getLoc(), backward.getResultTypes(), backward.getSymName(), inputs);
  unsigned next = 0;
  for (Value input : op.getInputs()) {
    if (!isFloatTensor(input))
      continue;
    if (next >= call.getNumResults() || call.getResult(next).getType() != input.getType())
      return op.emitOpError("a backward returns one cotangent per floating-point argument, got: ")
             << backward.getFunctionType();
    reverse.give(input, call.getResult(next++));
  }
  return success();
}

//===------------------------------------------------------------------===//
// if
//===------------------------------------------------------------------===//

static bool hasEffects(func::FuncOp function, SymbolTable &symbols) {
  WalkResult result = function.walk([&](Operation *op) {
    bool found = isa<PrintOp, AssertOp>(op) || llvm::any_of(calleesOf(op, symbols), [&](func::FuncOp callee) {
                   return hasEffects(callee, symbols);
                 });
    return found ? WalkResult::interrupt() : WalkResult::advance();
  });
  return result.wasInterrupted();
}

// Removes prints and assertions, also from what the function runs, which is copied where it has any: what is
// computed again has said so once already.
static void silence(func::FuncOp function, SymbolTable &symbols) {
  function.walk([&](Operation *op) {
    if (isa<PrintOp, AssertOp>(op)) {
      op->erase();
      return;
    }
    SmallVector<func::FuncOp> callees = calleesOf(op, symbols);
    llvm::SmallSetVector<func::FuncOp, 2> distinct(callees.begin(), callees.end());
    for (func::FuncOp callee : distinct) {
      if (!hasEffects(callee, symbols))
        continue;
      func::FuncOp silent = callee.clone();
      silent.setSymName((callee.getSymName() + "_silent").str());
      symbols.insert(silent, std::next(callee->getIterator()));
      silence(silent, symbols);
      for (NamedAttribute attribute : llvm::to_vector(op->getAttrs()))
        if (attribute.getValue() == FlatSymbolRefAttr::get(callee.getSymNameAttr()))
          op->setAttr(attribute.getName(), FlatSymbolRefAttr::get(silent.getSymNameAttr()));
    }
  });
}

// @branch_backward(inputs..., cotangents...) -> cotangents of the wanted inputs: computes the branch again,
// then goes back through it.
static FailureOr<func::FuncOp> makeBranch(func::FuncOp branch, ArrayRef<Value> cotangents,
                                          ArrayRef<unsigned> wanted, GradientContext &context) {
  func::FuncOp function = branch.clone();
  function.setSymName((branch.getSymName() + "_backward").str());
  function.setPrivate();
  context.symbols.insert(function, std::next(branch->getIterator()));
  Block &block = function.getBody().front();
  Operation *end = block.getTerminator();
  silence(function, context.symbols);
  SmallVector<Value> outputs(end->getOperands()), inputs(block.getArguments());
  SmallVector<Value> results;
  {
    Reverse reverse(context, OpBuilder(end));
    for (unsigned i : wanted)
      reverse.activate(inputs[i]);
    for (auto [output, cotangent] : llvm::zip(outputs, cotangents))
      if (cotangent)
        reverse.seed(output, block.addArgument(cotangent.getType(), branch.getLoc()));
    if (failed(reverse.run(block, end)))
      return failure();
    for (unsigned i : wanted) {
      Value gradient = reverse.take(inputs[i]);
      results.push_back(gradient ? gradient
                                 : makeSplat(reverse.builder, branch.getLoc(), rankedType(inputs[i]), 0));
    }
    end->setOperands(results);
  }
  function.setFunctionType(
      FunctionType::get(function.getContext(), block.getArgumentTypes(), TypeRange(results)));
  function.removeArgAttrsAttr();
  function.removeResAttrsAttr();
  return function;
}

LogicalResult cleave::model::reverseIf(IfOp op, ArrayRef<Value> cotangents, Reverse &reverse) {
  SmallVector<unsigned> wanted;
  SmallVector<Type> types;
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    if (reverse.isActive(input)) {
      wanted.push_back(i);
      types.push_back(input.getType());
    }
  SmallVector<StringRef> names;
  for (StringRef name : {op.getThenBody(), op.getElseBody()}) {
    auto branch = reverse.context.symbols.lookup<func::FuncOp>(name);
    if (!branch)
      return op.emitOpError("calls an unknown function, got: @") << name;
    FailureOr<func::FuncOp> backward = makeBranch(branch, cotangents, wanted, reverse.context);
    if (failed(backward))
      return failure();
    names.push_back(backward->getSymName());
  }
  SmallVector<Value> inputs(op.getInputs());
  for (Value cotangent : cotangents)
    if (cotangent)
      inputs.push_back(cotangent);
  auto gradient =
      IfOp::create(reverse.builder, op.getLoc(), types, op.getCondition(), names[0], names[1], inputs);
  for (auto [i, value] : llvm::zip(wanted, gradient.getResults()))
    reverse.give(op.getInputs()[i], value);
  return success();
}

//===------------------------------------------------------------------===//
// while
//===------------------------------------------------------------------===//

// @step(i, consts..., carries...): the body where the condition holds, else the carries as they are. An `if`
// and not a select, so that nothing is computed from carries the loop would never have seen: 0 * inf would
// make a NaN of them.
static func::FuncOp makeStep(WhileOp op, func::FuncOp body, GradientContext &context) {
  SmallVector<Type> inputs(op.getConsts().getTypes()), carries(op.getCarries().getTypes());
  llvm::append_range(inputs, carries);
  Location loc = op.getLoc();
  func::FuncOp hold = makeFunction(context.symbols, body, (op.getBody() + "_hold").str(), inputs, carries);
  OpBuilder builder = OpBuilder::atBlockEnd(&hold.getBody().front());
  func::ReturnOp::create(builder, loc, hold.getArguments().drop_front(op.getConsts().size()));

  SmallVector<Type> stepInputs{RankedTensorType::get({}, builder.getI64Type())};
  llvm::append_range(stepInputs, inputs);
  func::FuncOp step =
      makeFunction(context.symbols, body, (op.getBody() + "_step").str(), stepInputs, carries);
  builder = OpBuilder::atBlockEnd(&step.getBody().front());
  ValueRange arguments = ValueRange(step.getArguments()).drop_front();
  Type flag = RankedTensorType::get({}, builder.getI1Type());
  Value goes = CallOp::create(builder, loc, flag, op.getCondition(), arguments).getResult(0);
  auto next = IfOp::create(builder, loc, carries, goes, op.getBody(), hold.getSymName(), arguments);
  func::ReturnOp::create(builder, loc, next.getResults());
  return step;
}

LogicalResult cleave::model::reverseWhile(WhileOp op, ArrayRef<Value> cotangents, Reverse &reverse) {
  auto body = reverse.context.symbols.lookup<func::FuncOp>(op.getBody());
  if (!body)
    return op.emitOpError("calls an unknown function, got: @") << op.getBody();
  func::FuncOp step = makeStep(op, body, reverse.context);
  OpBuilder builder(op);
  auto scan = ScanOp::create(builder, op.getLoc(), op.getResultTypes(), step.getSymName(), op.getBound(),
                             op.getBody(), /*reverse=*/false, op.getConsts(), op.getCarries(), ValueRange());
  reverse.replace(op, scan.getResults());
  return reverseScan(scan, cotangents, reverse);
}
