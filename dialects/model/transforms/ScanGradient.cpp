// The gradient of model.scan, and so of a repeat of layers.
//
// The body is differentiated once, in one function of two blocks: the forward ops, then the adjoint ops,
// which may read any forward value. That function is then cut up:
//   @X_forward         (i, consts, carries, slices) -> (carries, stacks, residuals)
//   @X_backward_input  cotangents of the carries, of the consts (added to an accumulator that goes round) and
//   of slices
//                      that other gradients wait for; and the cross residuals that backward_weight reads
//   @X_backward_weight cotangents of slices that nothing waits for: parameters
//   @X_backward        the body of the backward scan, which calls both: one turn's residuals are alive at a
//   time
#include "dialects/model/transforms/Gradients.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace cleave::model;

//===------------------------------------------------------------------===//
// Activity of a body
//===------------------------------------------------------------------===//

// Adds what depends differentiably on the values of the set.
static void spreadForward(Block &block, DenseSet<Value> &values) {
  for (Operation &op : block.without_terminator())
    for (OpOperand &operand : op.getOpOperands())
      if (values.contains(operand.get()) && passesGradient(&op, operand.getOperandNumber()))
        for (Value result : op.getResults())
          if (isFloatTensor(result))
            values.insert(result);
}

// Adds what the values of the set depend on differentiably.
static void spreadBackward(Block &block, DenseSet<Value> &values) {
  for (Operation &op : llvm::reverse(block.without_terminator()))
    if (llvm::any_of(op.getResults(), [&](Value result) { return values.contains(result); }))
      for (OpOperand &operand : op.getOpOperands())
        if (passesGradient(&op, operand.getOperandNumber()))
          values.insert(operand.get());
}

// Carries become active when the body makes them depend on what is active.
static void closeActivity(Block &block, ScanActivity &activity) {
  unsigned carries = activity.carries.size();
  ValueRange arguments = ValueRange(block.getArguments()).drop_front();
  for (bool changed = true; changed;) {
    changed = false;
    DenseSet<Value> values;
    SmallVector<bool> flags(activity.consts);
    llvm::append_range(flags, activity.carries);
    llvm::append_range(flags, activity.slices);
    for (auto [argument, flag] : llvm::zip_equal(arguments, flags))
      if (flag)
        values.insert(argument);
    spreadForward(block, values);
    for (unsigned c = 0; c < carries; ++c)
      if (!activity.carries[c] && values.contains(block.getTerminator()->getOperand(c)))
        changed = activity.carries[c] = true;
  }
}

// The carries whose cotangents the backward loop carries: active, and leading to a result that has a
// cotangent.
static SmallVector<bool> carriedCotangents(Block &block, const ScanActivity &activity,
                                           SmallVector<bool> given) {
  unsigned consts = activity.consts.size(), carries = activity.carries.size();
  for (bool changed = true; changed;) {
    changed = false;
    DenseSet<Value> values;
    for (auto [i, output] : llvm::enumerate(block.getTerminator()->getOperands()))
      if (i < carries ? given[i] : activity.stacks[i - carries])
        values.insert(output);
    spreadBackward(block, values);
    for (unsigned c = 0; c < carries; ++c)
      if (!given[c] && values.contains(block.getArgument(1 + consts + c)))
        changed = given[c] = true;
  }
  for (unsigned c = 0; c < carries; ++c)
    given[c] = given[c] && activity.carries[c];
  return given;
}

//===------------------------------------------------------------------===//
// Cutting the differentiated body up
//===------------------------------------------------------------------===//

namespace {
class ScanBuilder {
public:
  ScanBuilder(ScanOp op, func::FuncOp body, const ScanActivity &activity, ArrayRef<bool> carried,
              GradientContext &context)
      : op(op), body(body), activity(activity), carried(carried), context(context), loc(body.getLoc()),
        consts(activity.consts.size()), carries(activity.carries.size()), slices(activity.slices.size()) {}
  FailureOr<ScanGradient> run();

private:
  struct Cut {
    func::FuncOp function;
    SmallVector<Value> leaves; // what it takes, in order
  };

  LogicalResult differentiate();
  void pruneAdjoint();
  SmallVector<Value> neededByAdjoint();
  void finishForward();
  void sliceAdjoint(ArrayRef<Value> outputs, const DenseSet<Value> &leaves, llvm::SetVector<Operation *> &ops,
                    llvm::SetVector<Value> &used);
  Cut cut(StringRef suffix, ArrayRef<Value> leaves, ArrayRef<Value> outputs);
  SmallVector<Value> chooseCross(ArrayRef<Value> leaves, ArrayRef<Value> inputOutputs,
                                 ArrayRef<Value> weightGrads);
  void makeBackward();
  void makeLoopBody(const Cut &input, ArrayRef<Value> inputOutputs, const Cut &weight,
                    ArrayRef<Value> weightGrads);
  void link(StringRef attribute, func::FuncOp function);

  ScanOp op;
  func::FuncOp body;
  const ScanActivity &activity;
  ArrayRef<bool> carried;
  GradientContext &context;
  Location loc;
  unsigned consts, carries, slices;

  ScanGradient result;
  Block *forward = nullptr, *adjoint = nullptr;
  SmallVector<Value> seeds, accumulators;                // arguments of the adjoint block
  SmallVector<Value> carryGrads, constGrads, sliceGrads; // what it computes
  SmallVector<Value> saved;
};
} // namespace

// One function, two blocks: forward ops, then the adjoint ops.
LogicalResult ScanBuilder::differentiate() {
  result.forward = body.clone();
  result.forward.setSymName((body.getSymName() + "_forward").str());
  result.forward.setPrivate();
  for (StringRef name : {"model.forward", "model.backward_input", "model.backward_weight"})
    result.forward->removeAttr(name);
  context.symbols.insert(result.forward, std::next(body->getIterator()));
  forward = &result.forward.getBody().front();
  adjoint = new Block;
  result.forward.getBody().push_back(adjoint);
  Reverse reverse(context, OpBuilder::atBlockEnd(adjoint));
  ValueRange arguments = ValueRange(forward->getArguments()).drop_front();
  ValueRange constArgs = arguments.take_front(consts), carryArgs = arguments.slice(consts, carries),
             sliceArgs = arguments.take_back(slices);
  auto activate = [&](ValueRange values, ArrayRef<bool> flags, ArrayRef<bool> waits) {
    for (auto [value, flag, wait] : llvm::zip_equal(values, flags, waits)) {
      if (flag)
        reverse.activate(value);
      if (!wait)
        reverse.markUrgent(value);
    }
  };
  activate(constArgs, activity.consts, SmallVector<bool>(consts, true));
  activate(carryArgs, activity.carries, SmallVector<bool>(carries, false));
  activate(sliceArgs, activity.slices, activity.weights);
  SmallVector<Value> outputs(forward->getTerminator()->getOperands());
  for (auto [i, output] : llvm::enumerate(outputs)) {
    if (!(i < carries ? carried[i] : activity.stacks[i - carries]))
      continue;
    seeds.push_back(adjoint->addArgument(output.getType(), loc));
    reverse.seed(output, seeds.back());
    (i < carries ? result.carries : result.stacks).push_back(i < carries ? i : i - carries);
  }
  if (failed(reverse.run(*forward, forward->getTerminator())))
    return failure();
  for (unsigned c : result.carries) {
    Value gradient = reverse.take(carryArgs[c]);
    carryGrads.push_back(gradient ? gradient : makeSplat(reverse.builder, loc, rankedType(carryArgs[c]), 0));
  }
  for (unsigned c = 0; c < consts; ++c)
    if (Value gradient = activity.consts[c] ? reverse.take(constArgs[c]) : Value()) {
      accumulators.push_back(adjoint->addArgument(gradient.getType(), loc));
      constGrads.push_back(makeSum(reverse.builder, loc, {accumulators.back(), gradient}));
      result.constGrads.push_back(c);
    }
  for (unsigned s = 0; s < slices; ++s)
    if (Value gradient = activity.slices[s] ? reverse.take(sliceArgs[s]) : Value()) {
      sliceGrads.push_back(gradient);
      result.sliceGrads.push_back(s);
    }
  return success();
}

// Adjoint ops that nothing came of.
void ScanBuilder::pruneAdjoint() {
  DenseSet<Value> kept;
  for (ArrayRef<Value> group :
       {ArrayRef<Value>(carryGrads), ArrayRef<Value>(constGrads), ArrayRef<Value>(sliceGrads)})
    kept.insert(group.begin(), group.end());
  for (Operation &inner : llvm::make_early_inc_range(llvm::reverse(*adjoint)))
    if (inner.use_empty() &&
        llvm::none_of(inner.getResults(), [&](Value value) { return kept.contains(value); }))
      inner.erase();
}

SmallVector<Value> ScanBuilder::neededByAdjoint() {
  DenseSet<Value> used;
  for (Operation &inner : *adjoint)
    used.insert(inner.operand_begin(), inner.operand_end());
  for (ArrayRef<Value> group :
       {ArrayRef<Value>(carryGrads), ArrayRef<Value>(constGrads), ArrayRef<Value>(sliceGrads)})
    used.insert(group.begin(), group.end());
  SmallVector<Value> needed;
  auto consider = [&](Value value) {
    if (used.contains(value))
      needed.push_back(value);
  };
  llvm::for_each(forward->getArguments(), consider);
  for (Operation &inner : *forward)
    llvm::for_each(inner.getResults(), consider);
  return needed;
}

// The residuals become results; one that the body returns as a stack already is not returned twice.
void ScanBuilder::finishForward() {
  Operation *end = forward->getTerminator();
  SmallVector<Value> outputs(end->getOperands());
  for (Value value : saved) {
    auto stack = std::find(outputs.begin() + carries, outputs.end(), value);
    result.residualStacks.push_back(stack - outputs.begin());
    if (stack == outputs.end()) {
      outputs.push_back(value);
      ++result.residuals;
    }
  }
  end->setOperands(outputs);
  auto type = FunctionType::get(op.getContext(), forward->getArgumentTypes(), TypeRange(ValueRange(outputs)));
  result.forward.setFunctionType(type);
  result.forward.removeResAttrsAttr();
}

// The ops that `outputs` need, up to the leaves, and the leaves they use.
void ScanBuilder::sliceAdjoint(ArrayRef<Value> outputs, const DenseSet<Value> &leaves,
                               llvm::SetVector<Operation *> &ops, llvm::SetVector<Value> &used) {
  SmallVector<Value> work(outputs);
  DenseSet<Value> seen;
  while (!work.empty()) {
    Value value = work.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    if (leaves.contains(value)) {
      used.insert(value);
      continue;
    }
    Operation *def = value.getDefiningOp();
    ops.insert(def);
    llvm::append_range(work, def->getOperands());
  }
}

// A function of the leaves that computes the outputs.
ScanBuilder::Cut ScanBuilder::cut(StringRef suffix, ArrayRef<Value> leaves, ArrayRef<Value> outputs) {
  llvm::SetVector<Operation *> ops;
  llvm::SetVector<Value> used;
  sliceAdjoint(outputs, DenseSet<Value>(leaves.begin(), leaves.end()), ops, used);
  Cut made;
  llvm::copy_if(leaves, std::back_inserter(made.leaves), [&](Value leaf) { return used.contains(leaf); });
  made.function = makeFunction(context.symbols, result.forward, (body.getSymName() + suffix).str(),
                               TypeRange(ValueRange(made.leaves)), TypeRange(ValueRange(outputs)));
  OpBuilder builder = OpBuilder::atBlockEnd(&made.function.getBody().front());
  IRMapping mapping;
  mapping.map(made.leaves, made.function.getArguments());
  for (Block *block : {forward, adjoint})
    for (Operation &inner : *block) {
      if (!ops.contains(&inner))
        continue;
      if (isa<NameOp, StopGradientOp>(inner)) // the name is the forward value's
        mapping.map(inner.getResult(0), mapping.lookup(inner.getOperand(0)));
      else
        builder.clone(inner, mapping);
    }
  SmallVector<Value> returned;
  for (Value output : outputs)
    returned.push_back(mapping.lookup(output));
  func::ReturnOp::create(builder, loc, returned);
  return made;
}

void ScanBuilder::link(StringRef attribute, func::FuncOp function) {
  if (!body->hasAttr(attribute))
    body->setAttr(attribute, FlatSymbolRefAttr::get(function.getSymNameAttr()));
}

// What backward_weight reads of backward_input's work: the cross residuals.
SmallVector<Value> ScanBuilder::chooseCross(ArrayRef<Value> leaves, ArrayRef<Value> inputOutputs,
                                            ArrayRef<Value> weightGrads) {
  llvm::SetVector<Operation *> inputOps, weightOps;
  llvm::SetVector<Value> ignored, read;
  DenseSet<Value> stops(leaves.begin(), leaves.end());
  sliceAdjoint(inputOutputs, stops, inputOps, ignored);
  for (Operation *inner : inputOps)
    if (inner->getBlock() == adjoint)
      stops.insert(inner->result_begin(), inner->result_end());
  sliceAdjoint(weightGrads, stops, weightOps, read);
  SmallVector<Value> cross;
  llvm::copy_if(read, std::back_inserter(cross),
                [&](Value value) { return !llvm::is_contained(leaves, value); });
  return cross;
}

void ScanBuilder::makeBackward() {
  SmallVector<Value> inputGrads, weightGrads;
  for (auto [s, gradient] : llvm::zip(result.sliceGrads, sliceGrads))
    (activity.weights[s] ? weightGrads : inputGrads).push_back(gradient);
  SmallVector<Value> inputOutputs(carryGrads);
  llvm::append_range(inputOutputs, constGrads);
  llvm::append_range(inputOutputs, inputGrads);

  ValueRange arguments = forward->getArguments();
  SmallVector<Value> leaves{arguments[0]};
  llvm::append_range(leaves, arguments.slice(1, consts));
  llvm::append_range(leaves, arguments.take_back(slices));
  llvm::append_range(leaves, saved);
  llvm::append_range(leaves, seeds);
  llvm::append_range(leaves, accumulators);

  SmallVector<Value> crossResiduals = chooseCross(leaves, inputOutputs, weightGrads);
  llvm::append_range(inputOutputs, crossResiduals);

  Cut input = cut("_backward_input", leaves, inputOutputs), weight;
  link("model.backward_input", input.function);
  SmallVector<Value> weightLeaves(leaves);
  llvm::append_range(weightLeaves, crossResiduals);
  if (!weightGrads.empty()) {
    weight = cut("_backward_weight", weightLeaves, weightGrads);
    link("model.backward_weight", weight.function);
  }

  makeLoopBody(input, inputOutputs, weight, weightGrads);
}

// @X_backward: what the backward scan runs; calls both.
void ScanBuilder::makeLoopBody(const Cut &input, ArrayRef<Value> inputOutputs, const Cut &weight,
                               ArrayRef<Value> weightGrads) {
  ValueRange arguments = forward->getArguments();
  DenseSet<Value> used(input.leaves.begin(), input.leaves.end());
  used.insert(weight.leaves.begin(), weight.leaves.end());
  SmallVector<Value> takes{arguments[0]};
  for (unsigned c = 0; c < consts; ++c)
    if (used.contains(arguments[1 + c])) {
      takes.push_back(arguments[1 + c]);
      result.consts.push_back(c);
    }
  SmallVector<Value> carrySeeds(ArrayRef(seeds).take_front(result.carries.size()));
  llvm::append_range(takes, carrySeeds);
  llvm::append_range(takes, accumulators);
  for (unsigned s = 0; s < slices; ++s)
    if (Value slice = arguments.take_back(slices)[s]; used.contains(slice)) {
      takes.push_back(slice);
      result.slices.push_back(s);
    }
  llvm::append_range(takes, saved);
  llvm::append_range(takes, ArrayRef(seeds).drop_front(result.carries.size()));

  SmallVector<Value> returns(carryGrads);
  llvm::append_range(returns, constGrads);
  llvm::append_range(returns, sliceGrads);
  result.backward = makeFunction(context.symbols, result.forward, (body.getSymName() + "_backward").str(),
                                 TypeRange(ValueRange(takes)), TypeRange(ValueRange(returns)));
  IRMapping mapping;
  mapping.map(takes, result.backward.getArguments());
  OpBuilder builder = OpBuilder::atBlockEnd(&result.backward.getBody().front());
  auto call = [&](Cut made, ArrayRef<Value> outputs) {
    if (!made.function || outputs.empty())
      return;
    SmallVector<Value> operands;
    for (Value leaf : made.leaves)
      operands.push_back(mapping.lookup(leaf));
    auto callOp =
        CallOp::create(builder, loc, TypeRange(ValueRange(outputs)), made.function.getSymName(), operands);
    for (auto [output, value] : llvm::zip(outputs, callOp.getResults()))
      if (!mapping.contains(output))
        mapping.map(output, value);
  };
  call(input, inputOutputs);
  call(weight, weightGrads);
  SmallVector<Value> returned;
  for (Value value : returns)
    returned.push_back(mapping.lookup(value));
  func::ReturnOp::create(builder, loc, returned);
}

FailureOr<ScanGradient> ScanBuilder::run() {
  if (failed(differentiate()))
    return failure();
  pruneAdjoint();
  DenseSet<Value> available;
  available.insert(forward->getArgument(0));
  for (Value value : forward->getArguments().slice(1, consts))
    available.insert(value);
  for (Value value : forward->getArguments().take_back(slices))
    available.insert(value);
  ResidualPolicy policy(context.module, *forward, body.getSymName());
  saved = chooseResiduals(neededByAdjoint(), available, policy);
  for (Value value : saved)
    if (policy.of(value) == ResidualPolicy::Choice::Save && value.getDefiningOp())
      value.getDefiningOp()->setAttr(kKeptAttr, UnitAttr::get(op.getContext()));
  finishForward();
  makeBackward();
  adjoint->erase();
  link("model.forward", result.forward);
  return result;
}

//===------------------------------------------------------------------===//
// The scan itself
//===------------------------------------------------------------------===//

// What a tensor was before casts and renamings of one input.
static Value traceSource(Value value) {
  while (Operation *def = value.getDefiningOp()) {
    auto index = dyn_cast<IndexOp>(def);
    bool direct =
        isa<NameOp>(def) || (index && index.getInputs().size() == 1 && index.getNumReductions() == 0);
    if (!direct)
      return value;
    value = def->getOperand(0);
  }
  return value;
}

static ScanActivity activityOf(ScanOp op, ArrayRef<Value> cotangents, Reverse &reverse) {
  ScanActivity activity;
  auto flags = [&](ValueRange values) {
    SmallVector<bool> result;
    for (Value value : values)
      result.push_back(reverse.isActive(value));
    return result;
  };
  activity.consts = flags(op.getConsts());
  activity.carries = flags(op.getCarries());
  activity.slices = flags(op.getSlices());
  for (Value cotangent : cotangents.drop_front(op.getCarries().size()))
    activity.stacks.push_back(static_cast<bool>(cotangent));
  for (Value slice : op.getSlices()) {
    Value source = traceSource(slice);
    activity.weights.push_back(isa<BlockArgument>(source) && !reverse.isUrgent(source));
  }
  return activity;
}

static FailureOr<ScanGradient> gradientOf(ScanOp op, func::FuncOp body, const ScanActivity &activity,
                                          ArrayRef<bool> carried, GradientContext &context) {
  std::vector<bool> key;
  for (ArrayRef<bool> group :
       {ArrayRef<bool>(activity.consts), ArrayRef<bool>(activity.carries), ArrayRef<bool>(activity.slices),
        ArrayRef<bool>(activity.stacks), ArrayRef<bool>(activity.weights), carried})
    key.insert(key.end(), group.begin(), group.end());
  auto found = context.scans.find({op.getBody().str(), key});
  if (found == context.scans.end()) {
    FailureOr<ScanGradient> made = ScanBuilder(op, body, activity, carried, context).run();
    if (failed(made))
      return failure();
    found = context.scans.emplace(std::make_pair(op.getBody().str(), key), *made).first;
  }
  return found->second;
}

// The forward scan in place of `op`.
static ScanOp makeForwardScan(ScanOp op, ScanGradient &gradient) {
  SmallVector<Type> types(op.getResultTypes());
  for (Type type : gradient.forward.getResultTypes().take_back(gradient.residuals))
    types.push_back(stackedType(cast<RankedTensorType>(type), op.getAxis(), op.getCount()));
  OpBuilder builder(op);
  auto scan = ScanOp::create(builder, op.getLoc(), types, gradient.forward.getSymName(), op.getCount(),
                             op.getAxis(), op.getReverse(), op.getConsts(), op.getCarries(), op.getSlices());
  scan->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  return scan;
}

LogicalResult cleave::model::reverseScan(ScanOp op, ArrayRef<Value> cotangents, Reverse &reverse) {
  auto body = reverse.context.symbols.lookup<func::FuncOp>(op.getBody());
  if (!body)
    return op.emitOpError("calls an unknown function, got: @") << op.getBody();
  ScanActivity activity = activityOf(op, cotangents, reverse);
  Block &block = body.getBody().front();
  closeActivity(block, activity);
  SmallVector<bool> given;
  for (Value cotangent : cotangents.take_front(op.getCarries().size()))
    given.push_back(static_cast<bool>(cotangent));
  SmallVector<bool> carried = carriedCotangents(block, activity, given);
  FailureOr<ScanGradient> made = gradientOf(op, body, activity, carried, reverse.context);
  if (failed(made))
    return failure();
  ScanGradient &gradient = *made;

  ScanOp forward = makeForwardScan(op, gradient);
  OpBuilder &builder = reverse.builder;
  Location loc = op.getLoc();
  SmallVector<Value> consts, carries, slices;
  SmallVector<Type> types;
  for (unsigned c : gradient.consts)
    consts.push_back(op.getConsts()[c]);
  for (unsigned c : gradient.carries) {
    Value cotangent = cotangents[c];
    carries.push_back(cotangent ? cotangent : makeSplat(builder, loc, rankedType(op.getCarries()[c]), 0));
  }
  for (unsigned c : gradient.constGrads)
    carries.push_back(makeSplat(builder, loc, rankedType(op.getConsts()[c]), 0));
  for (unsigned s : gradient.slices)
    slices.push_back(op.getSlices()[s]);
  for (unsigned stack : gradient.residualStacks)
    slices.push_back(forward.getResult(stack));
  for (unsigned stack : gradient.stacks)
    slices.push_back(cotangents[op.getCarries().size() + stack]);
  llvm::append_range(types, TypeRange(ValueRange(carries)));
  for (unsigned s : gradient.sliceGrads)
    types.push_back(op.getSlices()[s].getType());
  auto backward = ScanOp::create(builder, loc, types, gradient.backward.getSymName(), op.getCount(),
                                 op.getAxis(), !op.getReverse(), consts, carries, slices);
  unsigned next = 0;
  for (unsigned c : gradient.carries)
    reverse.give(op.getCarries()[c], backward.getResult(next++));
  for (unsigned c : gradient.constGrads)
    reverse.give(op.getConsts()[c], backward.getResult(next++));
  for (unsigned s : gradient.sliceGrads)
    reverse.give(op.getSlices()[s], backward.getResult(next++));
  reverse.replace(op, forward.getResults().take_front(op.getNumResults()));
  return success();
}
