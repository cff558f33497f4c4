// comm-partition: why each collective exists, for people.
#include "dialects/comm/transforms/Partition.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

ReasonAttr FunctionPartitioner::reasonFor(Value, const Step &, LayoutAttr, LayoutAttr, Operation *) {
  return {};
}

void FunctionPartitioner::explainHalo(HaloOp, Value, Operation *) {}
