#include "compiler/convert/OrderActions.h"

#include "mlir/Analysis/TopologicalSortUtils.h"

using namespace mlir;
using namespace cleave;

void cleave::convert::orderActions(Block &block) {
  sortTopologically(&block);
  for (Operation &op : block)
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        orderActions(inner);
}
