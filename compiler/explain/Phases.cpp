#include "compiler/explain/Phases.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::explain;

Forward::Forward(func::FuncOp entry) : entry(entry) {
  SmallVector<Value> open;
  Block &block = entry.getBody().front();
  for (auto [i, value] : llvm::enumerate(block.getTerminator()->getOperands()))
    if (!entry.getResultAttr(i, model::kStateAttr))
      open.push_back(value);
  while (!open.empty()) {
    Operation *op = open.pop_back_val().getDefiningOp();
    if (op)
      op = block.findAncestorOpInBlock(*op);
    if (!op || !needed.insert(op).second)
      continue;
    op->walk([&](Operation *inner) { llvm::append_range(open, inner->getOperands()); });
  }
}

bool Forward::contains(Operation *op) const {
  func::FuncOp function = entry;
  return needed.contains(function.getBody().front().findAncestorOpInBlock(*op));
}

bool Forward::isStack(func::FuncOp body, unsigned number) const {
  return llvm::any_of(needed, [&](Operation *op) {
    auto scan = dyn_cast<model::ScanOp>(op);
    return scan && scan.getBody() == body.getSymName() && number >= scan.getCarries().size();
  });
}
