// Which values of a body the backward pass keeps, and which it computes again.
#include "dialects/model/transforms/Gradients.h"
#include "runtime/core/Paths.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace cleave::model;

//===------------------------------------------------------------------===//
// What the plan says
//===------------------------------------------------------------------===//

// The path of each value: its own, or that of what it is first used for.
static DenseMap<Value, StringRef> pathsOf(Block &body, StringRef path) {
  DenseMap<Value, StringRef> paths;
  for (Operation &op : llvm::reverse(body)) { // so the first use is the last to be written
    auto name = dyn_cast<NameOp>(op);
    if (name)
      paths[name.getResult()] = name.getPath();
    StringRef of = op.getNumResults() ? paths.lookup(op.getResult(0)) : path;
    for (Value operand : op.getOperands())
      paths[operand] = of.empty() ? path : of;
  }
  return paths;
}

ResidualPolicy::ResidualPolicy(ModuleOp module, Block &body, StringRef path) {
  auto rules = module->getAttrOfType<ArrayAttr>(kResidualPolicyAttr);
  if (!rules)
    return;
  for (auto [value, of] : pathsOf(body, path))
    for (ArrayAttr rule : rules.getAsRange<ArrayAttr>())
      if (!of.empty() && rt::selects(cast<StringAttr>(rule[0]).getValue(), of))
        choices[value] = cast<StringAttr>(rule[1]).getValue() == "save" ? Choice::Save : Choice::Recompute;
}

//===------------------------------------------------------------------===//
// The choice
//===------------------------------------------------------------------===//

// Values an element-wise pass over what it reads gives again: cheaper to compute than to keep.
static bool isElementwise(Operation *op) {
  if (!op)
    return false;
  if (isa<arith::ConstantOp, NameOp, StopGradientOp>(op))
    return true;
  auto index = dyn_cast<IndexOp>(op);
  return index && index.getNumReductions() == 0 && index.getBodyBlock().getOps<RandomBitsOp>().empty();
}

// Whether an op computes the same when it is run once more, and does nothing else.
static bool isRepeatable(Operation *op) { return op && (isPure(op) || isa<CallOp>(op)); }

static bool isComputedAgain(Value value, const ResidualPolicy &policy) {
  switch (policy.of(value)) {
  case ResidualPolicy::Choice::Save:
    return false;
  case ResidualPolicy::Choice::Recompute:
    return isRepeatable(value.getDefiningOp());
  case ResidualPolicy::Choice::Free:
    return isElementwise(value.getDefiningOp());
  }
}

static bool canRecompute(Value value, const ResidualPolicy &policy, const DenseSet<Value> &known,
                         DenseMap<Value, bool> &memo, llvm::SetVector<Value> &missing) {
  if (known.contains(value))
    return true;
  auto [found, isNew] = memo.try_emplace(value, false);
  if (!isNew)
    return found->second;
  Operation *def = value.getDefiningOp();
  if (!isComputedAgain(value, policy)) {
    missing.insert(value);
    return false;
  }
  bool all = true;
  for (Value operand : def->getOperands())
    all &= canRecompute(operand, policy, known, memo, missing);
  return memo[value] = all;
}

SmallVector<Value> cleave::model::chooseResiduals(ArrayRef<Value> needed, const DenseSet<Value> &available,
                                                  const ResidualPolicy &policy) {
  SmallVector<Value> saved;
  DenseSet<Value> known = available;
  auto save = [&](Value value) {
    if (known.insert(value).second)
      saved.push_back(value);
  };
  for (Value value : needed) {
    DenseMap<Value, bool> memo;
    llvm::SetVector<Value> missing;
    if (canRecompute(value, policy, known, memo, missing))
      continue;
    int64_t bytes = 0;
    for (Value leaf : missing)
      bytes += bytesOf(leaf);
    bool isAsked =
        policy.of(value) == ResidualPolicy::Choice::Recompute && isRepeatable(value.getDefiningOp());
    if (isAsked || bytes < bytesOf(value)) // smaller: a broadcast, say
      llvm::for_each(missing, save);
    else
      save(value);
  }
  return saved;
}
