#include "dialects/dist/transforms/StageChecks.h"

#include "dialects/dist/ir/ComputeLayout.h"
#include "dialects/dist/transforms/Passes.h"
#include "dialects/model/transforms/CallOrder.h"

#include "llvm/ADT/TypeSwitch.h"

namespace cleave::dist {
#define GEN_PASS_DEF_VERIFYDISTSTAGE
#include "dialects/dist/transforms/Passes.h.inc"
} // namespace cleave::dist

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

namespace {

class Checker {
public:
  explicit Checker(ModuleOp module) : module(module), symbols(module) {}
  LogicalResult run();

private:
  LogicalResult checkLayout(LayoutAttr layout, Type type, Location where);
  LogicalResult checkFunction(func::FuncOp function);
  LogicalResult checkOp(Operation *op);
  LogicalResult checkFactors(Operation *op, const FactorMap &map);
  LogicalResult checkTies(Operation *op);
  LogicalResult checkStates();
  LogicalResult same(Operation *op, StringRef what, ArrayRef<LayoutAttr> layouts);

  MeshOp meshOf(LayoutAttr layout) { return symbols.lookup<MeshOp>(layout.getMesh().getValue()); }
  func::FuncOp lookup(StringRef name) { return symbols.lookup<func::FuncOp>(name); }

  ModuleOp module;
  SymbolTable symbols;
  DenseMap<Operation *, Operation *> userOf; // of bodies
};

} // namespace

static LayoutAttr resultLayout(func::FuncOp function, unsigned number) {
  return function.getResultAttrOfType<LayoutAttr>(number, kLayoutAttr);
}

LogicalResult Checker::checkLayout(LayoutAttr layout, Type type, Location where) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return success();
  if (!layout)
    return emitError(where) << "a value has a layout, found none for " << type;
  auto error = [&]() { return emitError(where) << "layout " << layout << " "; };
  if (!meshOf(layout))
    return error() << "is on a mesh that is not declared";
  if (static_cast<int64_t>(layout.getDims().size()) != tensor.getRank())
    return error() << "needs a dim for each axis of " << type;
  return success(succeeded(resolve(meshOf(layout), layout, error)));
}

LogicalResult Checker::checkFactors(Operation *op, const FactorMap &map) {
  LayoutAttr layout = layoutOf(op->getResult(0));
  auto error = [&]() { return op->emitError(); };
  FailureOr<Assignment> assignment = readFactors(op, map, meshOf(layout), error);
  if (failed(assignment))
    return failure();
  if (op->hasAttr(kGathersAttr))
    return success();
  for (auto [number, result] : llvm::enumerate(op->getResults())) {
    Cut computed = computedCut(map, *assignment, number);
    FailureOr<Cut> declared = resolve(meshOf(layout), layoutOf(result), error);
    if (failed(declared))
      return failure();
    if (!becomes(computed, *declared))
      return op->emitError() << "a result is cut as it is computed, further, or where it is pending, found "
                             << layoutOf(result) << " for " << toAttr(meshOf(layout), computed);
  }
  return success();
}

LogicalResult Checker::same(Operation *op, StringRef what, ArrayRef<LayoutAttr> layouts) {
  for (LayoutAttr layout : layouts.drop_front())
    if (layout != layouts.front())
      return op->emitError() << what << " has one layout, found " << layouts.front() << " and " << layout;
  return success();
}

LogicalResult Checker::checkTies(Operation *op) {
  for (func::FuncOp body : model::calleesOf(op, symbols)) {
    auto [user, isNew] = userOf.try_emplace(body, op);
    if (!isNew && user->second != op)
      return op->emitError() << "a body is run from one place, found @" << body.getSymName()
                             << " a second time";
  }
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](model::ScanOp scan) -> LogicalResult {
        func::FuncOp body = lookup(scan.getBody());
        for (unsigned i = 0; i != scan.getCarries().size(); ++i)
          if (failed(same(op, "what a loop carries",
                          {layoutOf(body.getArgument(1 + scan.getConsts().size() + i)), resultLayout(body, i),
                           layoutOf(scan.getResult(i))})))
            return failure();
        return success();
      })
      .Case([&](model::WhileOp loop) -> LogicalResult {
        func::FuncOp body = lookup(loop.getBody()), condition = lookup(loop.getCondition());
        for (unsigned i = 0; i != loop.getCarries().size(); ++i) {
          unsigned argument = loop.getConsts().size() + i;
          if (failed(same(op, "what a loop carries",
                          {layoutOf(body.getArgument(argument)), layoutOf(condition.getArgument(argument)),
                           resultLayout(body, i), layoutOf(loop.getResult(i))})))
            return failure();
        }
        return success();
      })
      .Case([&](model::IfOp branch) -> LogicalResult {
        for (unsigned i = 0; i != branch.getNumResults(); ++i)
          if (failed(same(op, "what branches give",
                          {resultLayout(lookup(branch.getThenBody()), i),
                           resultLayout(lookup(branch.getElseBody()), i), layoutOf(branch.getResult(i))})))
            return failure();
        return success();
      })
      .Default([](Operation *) { return success(); });
}

LogicalResult Checker::checkOp(Operation *op) {
  for (Value result : op->getResults())
    if (failed(checkLayout(layoutOf(result), result.getType(), op->getLoc())))
      return failure();
  std::optional<FactorMap> map = factorMapOf(op);
  if (map && !map->dims.empty() && failed(checkFactors(op, *map)))
    return failure();
  return checkTies(op);
}

LogicalResult Checker::checkFunction(func::FuncOp function) {
  for (Value argument : function.getArguments())
    if (failed(checkLayout(layoutOf(argument), argument.getType(), function.getLoc())))
      return failure();
  for (auto [number, type] : llvm::enumerate(function.getFunctionType().getResults()))
    if (failed(checkLayout(resultLayout(function, number), type, function.getLoc())))
      return failure();
  for (Block &block : function.getBody())
    for (Operation &op : block)
      if (failed(checkOp(&op)))
        return failure();
  return success();
}

LogicalResult Checker::checkStates() {
  DenseMap<Attribute, LayoutAttr> layouts;
  auto check = [&](func::FuncOp function, Attribute state, LayoutAttr layout) -> LogicalResult {
    if (!state)
      return success();
    auto [known, isNew] = layouts.try_emplace(state, layout);
    return isNew ? success() : same(function, "a state", {known->second, layout});
  };
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    for (unsigned i = 0; i != function.getNumArguments(); ++i)
      if (failed(
              check(function, function.getArgAttr(i, model::kStateAttr), layoutOf(function.getArgument(i)))))
        return failure();
    for (unsigned i = 0; i != function.getNumResults(); ++i)
      if (failed(check(function, function.getResultAttr(i, model::kStateAttr), resultLayout(function, i))))
        return failure();
  }
  return success();
}

LogicalResult Checker::run() {
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    if (!function.isExternal() && failed(checkFunction(function)))
      return failure();
  return checkStates();
}

LogicalResult cleave::dist::verifyDistStage(ModuleOp module) { return Checker(module).run(); }

namespace {
struct VerifyDistStage : cleave::dist::impl::VerifyDistStageBase<VerifyDistStage> {
  void runOnOperation() override {
    if (failed(verifyDistStage(getOperation())))
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
