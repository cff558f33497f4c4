#include "dialects/comm/ir/Comm.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave::comm;

#include "dialects/comm/ir/CommDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/comm/ir/CommAttributes.cpp.inc"

void CommDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/comm/ir/CommAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/comm/ir/CommOps.cpp.inc"
      >();
}

static void cut(int64_t extent, ArrayRef<int64_t> parts, SmallVectorImpl<int64_t> &blocks) {
  if (parts.empty()) {
    blocks.push_back(extent);
    return;
  }
  int64_t count = parts.front();
  for (int64_t i = 0; i < count; ++i)
    cut(extent / count + (i < extent % count), parts.drop_front(), blocks);
}

SmallVector<int64_t> cleave::comm::blocksOf(int64_t extent, ArrayRef<int64_t> parts) {
  SmallVector<int64_t> blocks;
  cut(extent, parts, blocks);
  return blocks;
}
