#include "compiler/analysis/ActionTimes.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::analysis;

ActionTimes::ActionTimes(func::FuncOp entry) { number(entry.getBody().front()); }

void ActionTimes::number(Block &block) {
  for (Operation &op : block) {
    begins[&op] = now++;
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        number(inner);
    ends[&op] = op.getNumRegions() ? now++ : begins[&op];
  }
}

int64_t ActionTimes::definition(Value value) const {
  if (Operation *op = value.getDefiningOp())
    return begin(op);
  Operation *parent = cast<BlockArgument>(value).getOwner()->getParentOp();
  return begins.contains(parent) ? begin(parent) : 0;
}

int64_t ActionTimes::lastUse(Value value) const {
  int64_t time = definition(value);
  Block *home = value.getParentBlock();
  for (Operation *user : value.getUsers()) {
    int64_t read = end(user);
    if (!isa<pipe::LoopOp>(user))
      read = begin(user);
    for (Operation *parent = user->getParentOp(); parent && !parent->isAncestor(home->getParentOp());
         parent = parent->getParentOp())
      if (isa<pipe::LoopOp, pipe::WhileOp>(parent))
        read = end(parent);
    time = std::max(time, read);
  }
  return time;
}
