// --model-gradients: reverse mode over the model IR. See Passes.td for what it does and Gradients.h for its
// parts.
#include "dialects/model/transforms/CallOrder.h"
#include "dialects/model/transforms/Gradients.h"
#include "dialects/model/transforms/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

namespace cleave::model {
#define GEN_PASS_DEF_MODELGRADIENTS
#include "dialects/model/transforms/Passes.h.inc"
} // namespace cleave::model

using namespace mlir;
using namespace cleave::model;

//===------------------------------------------------------------------===//
// The walk over a block
//===------------------------------------------------------------------===//

Reverse::~Reverse() {
  for (Operation *op : replaced)
    op->erase();
}

void Reverse::give(Value to, Value cotangent) {
  if (isActive(to))
    cotangents[to].push_back(cotangent);
}

Value Reverse::take(Value of) {
  of = resolve(of);
  auto found = cotangents.find(of);
  if (found == cotangents.end())
    return {};
  if (found->second.size() > 1) {
    Value sum = makeSum(builder, of.getLoc(), found->second);
    found->second.assign(1, sum);
  }
  return found->second.front();
}

bool cleave::model::passesGradient(Operation *op, unsigned index) {
  if (isa<StopGradientOp, ArgsortOp, PrintOp, AssertOp>(op))
    return false;
  return isFloatTensor(op->getOperand(index));
}

// Marks what depends on the active values and lists the ops that make it, opening calls without a backward.
LogicalResult Reverse::collect(Block &block, Operation *end, SmallVectorImpl<Operation *> &path) {
  for (auto it = block.begin(); it != block.end() && &*it != end;) {
    Operation *op = &*it++;
    if (op->hasTrait<OpTrait::IsTerminator>())
      break;
    bool depends = false;
    for (OpOperand &operand : op->getOpOperands())
      depends |= isActive(operand.get()) && passesGradient(op, operand.getOperandNumber());
    if (!depends)
      continue;
    auto call = dyn_cast<CallOp>(op);
    if (call && !callAttribute(call, context.symbols, kBackwardAttr)) {
      Operation *before = op->getPrevNode();
      FailureOr<SmallVector<Value>> values = inlineCall(call, context.symbols);
      if (failed(values))
        return failure();
      for (auto [result, value] : llvm::zip(call.getResults(), *values))
        opened[result] = value;
      call->replaceAllUsesWith(*values);
      it = before ? std::next(before->getIterator()) : block.begin();
      call->remove(); // kept until the end: its results stand for the values they became
      replaced.push_back(call);
      continue;
    }
    for (Value result : op->getResults())
      if (isFloatTensor(result))
        activate(result);
    path.push_back(op);
  }
  return success();
}

LogicalResult Reverse::run(Block &block, Operation *end) {
  SmallVector<Operation *> path;
  if (failed(collect(block, end, path)))
    return failure();
  for (auto [value, cotangent] : seeds)
    cotangents[resolve(value)].push_back(cotangent);
  for (Operation *op : llvm::reverse(path))
    if (failed(visit(op)))
      return failure();
  return success();
}

LogicalResult Reverse::visit(Operation *op) {
  SmallVector<Value> given;
  for (Value result : op->getResults())
    given.push_back(take(result));
  if (llvm::none_of(given, [](Value value) { return static_cast<bool>(value); }))
    return success();
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](IndexOp index) { return reverseIndex(index, given[0], *this); })
      .Case([&](GatherOp gather) { return reverseGather(gather, given[0], *this); })
      .Case([&](ScatterOp scatter) { return reverseScatter(scatter, given[0], *this); })
      .Case([&](CallOp call) { return reverseCall(call, given, *this); })
      .Case([&](IfOp branch) { return reverseIf(branch, given, *this); })
      .Case([&](WhileOp loop) { return reverseWhile(loop, given, *this); })
      .Case([&](ScanOp scan) { return reverseScan(scan, given, *this); })
      .Case([&](NameOp name) {
        give(name.getInput(), given[0]);
        return success();
      })
      .Default([](Operation *other) {
        return other->emitError("a gradient needs the derivative of every op on its way, got: ")
               << other->getName();
      });
}

//===------------------------------------------------------------------===//
// The pass
//===------------------------------------------------------------------===//

// "grad(net.up.w)", behind the op that makes it, where `of` is a state that the entry is given.
static void nameGradient(Value of, Value gradient, SymbolTable &symbols) {
  auto argument = dyn_cast<BlockArgument>(of);
  auto entry = argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : func::FuncOp();
  Operation *maker = gradient.getDefiningOp();
  auto symbol =
      entry ? entry.getArgAttrOfType<FlatSymbolRefAttr>(argument.getArgNumber(), kStateAttr) : nullptr;
  if (!symbol || !maker)
    return;
  OpBuilder builder(maker->getContext());
  builder.setInsertionPointAfter(maker);
  StringRef path = symbols.lookup<StateOp>(symbol.getAttr()).getPath();
  NameOp::create(builder, gradient.getLoc(), gradient, ("grad(" + path + ")").str());
}

static LogicalResult differentiate(GradientOp op, GradientContext &context, bool names) {
  SmallVector<Value> wrt(op.getWrt());
  SmallVector<Value> results;
  {
    Reverse reverse(context, OpBuilder(op));
    for (Value value : wrt) {
      if (!isFloatTensor(value))
        return op.emitOpError("differentiates by floating-point values, got: ") << value.getType();
      reverse.activate(value);
    }
    if (!isFloatTensor(op.getLoss()))
      return op.emitOpError("differentiates a floating-point scalar, got: ") << op.getLoss().getType();
    reverse.seed(op.getLoss(), makeSplat(reverse.builder, op.getLoc(), rankedType(op.getLoss()), 1));
    if (failed(reverse.run(*op->getBlock(), op)))
      return failure();
    for (Value value : wrt) {
      Value gradient = reverse.take(value);
      results.push_back(gradient ? gradient : makeSplat(reverse.builder, op.getLoc(), rankedType(value), 0));
    }
    op->replaceAllUsesWith(results);
    for (size_t i = 0; names && i < wrt.size(); ++i)
      nameGradient(wrt[i], results[i], context.symbols);
  }
  op->erase();
  return success();
}

static bool standsBefore(Value value, Operation *op) {
  Operation *def = value.getDefiningOp();
  return !def || (def->getBlock() == op->getBlock() && def->isBeforeInBlock(op));
}

// Gradients of one loss are taken together: one walk back, one backward scan. Returns those left, in program
// order.
static SmallVector<GradientOp> mergeByLoss(func::FuncOp function) {
  llvm::MapVector<Value, SmallVector<GradientOp>> groups;
  function.walk([&](GradientOp op) { groups[op.getLoss()].push_back(op); });
  SmallVector<GradientOp> left;
  for (auto &[loss, ops] : groups) {
    GradientOp first = ops.front();
    SmallVector<Value> wrt;
    SmallVector<GradientOp> merged;
    for (GradientOp op : ops) {
      bool fits = llvm::all_of(op.getWrt(), [&](Value value) { return standsBefore(value, first); });
      if (!fits) {
        left.push_back(op);
        continue;
      }
      llvm::append_range(wrt, op.getWrt());
      merged.push_back(op);
    }
    OpBuilder builder(first);
    auto whole = GradientOp::create(builder, first.getLoc(), TypeRange(ValueRange(wrt)), loss, wrt);
    ValueRange results = whole.getResults();
    for (GradientOp op : merged) {
      op->replaceAllUsesWith(results.take_front(op.getNumResults()));
      results = results.drop_front(op.getNumResults());
      op->erase();
    }
    left.push_back(whole);
  }
  llvm::sort(left, [](GradientOp a, GradientOp b) { return a->isBeforeInBlock(b); });
  return left;
}

namespace {
struct ModelGradients : cleave::model::impl::ModelGradientsBase<ModelGradients> {
  using ModelGradientsBase::ModelGradientsBase;

  void runOnOperation() override {
    GradientContext context(getOperation());
    for (func::FuncOp function : calleesFirst(getOperation(), context.symbols)) {
      for (GradientOp op :
           mergeByLoss(function)) // in program order: an inner gradient stands before the outer one
        if (failed(differentiate(op, context, names)))
          return signalPassFailure();
    }
    getOperation().walk([](StopGradientOp op) { // said all it had to say
      op.replaceAllUsesWith(op.getInput());
      op.erase();
    });
  }
};
} // namespace
