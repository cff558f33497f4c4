#include "compiler/convert/SplitChains.h"

#include "compiler/analysis/Chains.h"
#include "compiler/analysis/Grouping.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace cleave;
using analysis::Chain;

// The copies of a chain stand behind their originals, so that each still stands behind what it reads.
static void copyChain(const Chain &chain, int64_t number, llvm::DenseSet<Operation *> &placed) {
  IRMapping copies;
  for (auto [index, rows] : llvm::zip(chain.ops, chain.rowDims)) {
    Operation *op = index, *own = op;
    if (!placed.insert(op).second) {
      OpBuilder builder(op->getContext());
      builder.setInsertionPointAfter(op);
      own = builder.clone(*op);
      own->removeAttr(pipe::kNamesAttr);
      copies.map(op->getResult(0), own->getResult(0));
    }
    for (OpOperand &operand : own->getOpOperands())
      operand.set(copies.lookupOrDefault(operand.get()));
    Builder attributes(op->getContext());
    own->setAttr(analysis::kChainAttr, attributes.getI64IntegerAttr(number));
    own->setAttr(analysis::kChainRowsAttr, attributes.getDenseI64ArrayAttr(rows));
  }
}

void cleave::convert::splitChains(Block &block) {
  int64_t number = 0;
  for (const analysis::ChainFamily &family : analysis::findChains(block)) {
    llvm::DenseSet<Operation *> placed;
    for (const Chain &chain : family)
      copyChain(chain, number++, placed);
  }
  for (Operation &op : block)
    if (!analysis::isComputed(&op))
      for (Region &region : op.getRegions())
        for (Block &inner : region)
          splitChains(inner);
}
