#include "compiler/analysis/Grouping.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::analysis;

StringRef cleave::analysis::nameOf(GroupKind kind) {
  switch (kind) {
  case GroupKind::Product:
    return "product";
  case GroupKind::Rows:
    return "rows";
  case GroupKind::Columns:
    return "columns";
  case GroupKind::Whole:
    return "whole";
  }
  return "";
}

bool cleave::analysis::isComputed(Operation *op) {
  return isa<model::IndexOp, model::GatherOp, model::ScatterOp, model::ArgsortOp>(op);
}

// A group of one op: all its parallel dims are row dims.
static Group single(Operation *op) {
  Group group;
  group.ops.push_back(op);
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<int64_t> dims;
  if (isa<model::ScatterOp, model::ArgsortOp>(op)) {
    group.kind = GroupKind::Whole;
  } else {
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      dims.push_back(dim);
      group.rows.push_back(type.getDimSize(dim));
    }
  }
  group.rowDims.push_back(dims);
  return group;
}

std::vector<Group> cleave::analysis::groupBlock(Block &block) {
  std::vector<Group> groups;
  for (Operation &op : block)
    if (isComputed(&op))
      groups.push_back(single(&op));
  return groups;
}
