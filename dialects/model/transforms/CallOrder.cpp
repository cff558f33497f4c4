#include "dialects/model/transforms/CallOrder.h"

using namespace mlir;
using namespace cleave::model;

SmallVector<func::FuncOp> cleave::model::calleesOf(Operation *op, SymbolTable &symbols) {
  SmallVector<func::FuncOp> callees;
  auto add = [&](StringRef name) {
    if (auto function = symbols.lookup<func::FuncOp>(name))
      callees.push_back(function);
  };
  if (auto call = dyn_cast<CallOp>(op)) {
    add(call.getCallee());
    if (auto backward = call->getAttrOfType<FlatSymbolRefAttr>(kBackwardAttr))
      add(backward.getValue());
  } else if (auto scan = dyn_cast<ScanOp>(op)) {
    add(scan.getBody());
  } else if (auto branch = dyn_cast<IfOp>(op)) {
    add(branch.getThenBody());
    add(branch.getElseBody());
  } else if (auto loop = dyn_cast<WhileOp>(op)) {
    add(loop.getCondition());
    add(loop.getBody());
  } else if (op->getName().getDialectNamespace() != ModelDialect::getDialectNamespace()) {
    if (auto body = op->getAttrOfType<FlatSymbolRefAttr>("body")) // what other dialects run
      add(body.getValue());
  }
  return callees;
}

namespace {
struct Order {
  explicit Order(SymbolTable &symbols) : symbols(symbols) {}
  SymbolTable &symbols;
  SmallVector<func::FuncOp> done;
  DenseMap<Operation *, bool> finished; // false while its callees are visited
  func::FuncOp recursive;

  void visit(func::FuncOp function) {
    auto [it, isNew] = finished.try_emplace(function, false);
    if (!isNew) {
      if (!it->second)
        recursive = function;
      return;
    }
    if (auto backward = function->getAttrOfType<FlatSymbolRefAttr>(kBackwardAttr))
      if (auto callee = symbols.lookup<func::FuncOp>(backward.getValue()))
        visit(callee);
    function.walk([&](Operation *op) {
      for (func::FuncOp callee : calleesOf(op, symbols))
        visit(callee);
    });
    finished[function] = true;
    done.push_back(function);
  }
};
} // namespace

SmallVector<func::FuncOp> cleave::model::calleesFirst(ModuleOp module, SymbolTable &symbols,
                                                      func::FuncOp *recursive) {
  Order order(symbols);
  for (auto function : llvm::to_vector(module.getOps<func::FuncOp>()))
    order.visit(function);
  if (recursive)
    *recursive = order.recursive;
  return order.done;
}
