#include "dialects/model/transforms/LoopCleanup.h"
#include "dialects/model/transforms/Build.h"
#include "dialects/model/transforms/CallOrder.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace cleave::model;

//===------------------------------------------------------------------===//
// Effects
//===------------------------------------------------------------------===//

namespace {
// Which functions print or assert.
class Effects {
public:
  explicit Effects(ModuleOp module) : symbols(module) {
    for (func::FuncOp function : calleesFirst(module, symbols))
      if (function
              .walk([&](Operation *op) { return has(op) ? WalkResult::interrupt() : WalkResult::advance(); })
              .wasInterrupted())
        impure.insert(function);
  }

  bool has(Operation *op) {
    if (isa<PrintOp, AssertOp>(op))
      return true;
    return llvm::any_of(calleesOf(op, symbols), [&](func::FuncOp callee) { return impure.contains(callee); });
  }

  SymbolTable symbols;

private:
  DenseSet<Operation *> impure;
};
} // namespace

static bool isControl(Operation *op) { return isa<ScanOp, IfOp, WhileOp, CallOp>(op); }

bool cleave::model::eraseUnusedControl(ModuleOp module) {
  Effects effects(module);
  bool changed = false;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
      if (op.use_empty() && (isControl(&op) || isPure(&op)) && !op.hasTrait<OpTrait::IsTerminator>() &&
          !effects.has(&op)) {
        op.erase();
        changed = true;
      }
  }
  return changed;
}

//===------------------------------------------------------------------===//
// Changing a body and the scans that run it
//===------------------------------------------------------------------===//

namespace {
class BodyCleaner {
public:
  BodyCleaner(func::FuncOp body, ArrayRef<ScanOp> scans, Effects &effects)
      : body(body), block(body.getBody().front()), scans(scans), effects(effects) {
    ScanOp first = scans.front();
    consts = first.getConsts().size();
    carries = first.getCarries().size();
    slices = first.getSlices().size();
  }

  bool run() {
    bool changed = dropResults();
    changed |= freezeCarries();
    changed |= sinkConstants();
    changed |= hoistInvariants();
    changed |= dropArguments();
    return changed;
  }

private:
  Operation *end() { return block.getTerminator(); }
  llvm::BitVector liveCarries();
  bool dropResults();
  bool freezeCarries();
  bool sinkConstants();
  bool hoistInvariants();
  bool isHoistable(Operation &op, const DenseSet<Value> &invariant);
  bool dropArguments();
  void eraseDeadOps();
  void setType();
  // Rebuilds every scan without the arguments and results marked; arguments are numbered without the counter.
  void rebuild(const llvm::BitVector &arguments, const llvm::BitVector &results,
               ArrayRef<SmallVector<Value>> newConsts = {});

  func::FuncOp body;
  Block &block;
  SmallVector<ScanOp> scans;
  Effects &effects;
  unsigned consts, carries, slices;
};
} // namespace

void BodyCleaner::setType() {
  body.setFunctionType(
      FunctionType::get(body.getContext(), block.getArgumentTypes(), TypeRange(end()->getOperands())));
  body.removeArgAttrsAttr();
  body.removeResAttrsAttr();
}

void BodyCleaner::rebuild(const llvm::BitVector &arguments, const llvm::BitVector &results,
                          ArrayRef<SmallVector<Value>> newConsts) {
  for (auto [index, scan] : llvm::enumerate(scans)) {
    SmallVector<Value> operands[3];
    SmallVector<Type> types;
    SmallVector<Attribute> names;
    auto known = scan->getAttrOfType<ArrayAttr>("names");
    for (auto [i, value] : llvm::enumerate(scan->getOperands()))
      if (!arguments[i])
        operands[i < consts ? 0 : i < consts + carries ? 1 : 2].push_back(value);
    if (!newConsts.empty())
      llvm::append_range(operands[0], newConsts[index]);
    for (unsigned i = 0; i < scan->getNumResults(); ++i)
      if (!results[i]) {
        types.push_back(scan->getResult(i).getType());
        if (known)
          names.push_back(known[i]);
      }
    OpBuilder builder(scan);
    auto made = ScanOp::create(builder, scan.getLoc(), types, scan.getBody(), scan.getCount(), scan.getAxis(),
                               scan.getReverse(), operands[0], operands[1], operands[2]);
    made->setDiscardableAttrs(scan->getDiscardableAttrDictionary());
    if (known)
      made->setAttr("names", builder.getArrayAttr(names));
    unsigned next = 0;
    for (unsigned i = 0; i < scan->getNumResults(); ++i)
      if (!results[i])
        scan->getResult(i).replaceAllUsesWith(made.getResult(next++));
    scan->erase();
    scans[index] = made;
  }
  consts = scans.front().getConsts().size();
  carries = scans.front().getCarries().size();
  slices = scans.front().getSlices().size();
}

void BodyCleaner::eraseDeadOps() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (op.use_empty() && (isControl(&op) || isPure(&op)) && !op.hasTrait<OpTrait::IsTerminator>() &&
        !effects.has(&op))
      op.erase();
}

// The carries that a used result, a live carry or an effect depends on.
llvm::BitVector BodyCleaner::liveCarries() {
  llvm::BitVector live(carries);
  for (ScanOp scan : scans)
    for (unsigned c = 0; c < carries; ++c)
      if (!scan.getResult(c).use_empty())
        live.set(c);
  for (bool changed = true; changed;) {
    changed = false;
    DenseSet<Value> needed;
    for (auto [i, value] : llvm::enumerate(end()->getOperands()))
      if (i < carries ? live[i]
                      : llvm::any_of(scans, [&, k = i](ScanOp s) { return !s.getResult(k).use_empty(); }))
        needed.insert(value);
    for (Operation &op : llvm::reverse(block.without_terminator()))
      if (effects.has(&op) || llvm::any_of(op.getResults(), [&](Value v) { return needed.contains(v); }))
        needed.insert(op.operand_begin(), op.operand_end());
    for (unsigned c = 0; c < carries; ++c)
      if (!live[c] && needed.contains(block.getArgument(1 + consts + c))) {
        live.set(c);
        changed = true;
      }
  }
  return live;
}

// Stacks that no scan reads, and carries that lead nowhere.
bool BodyCleaner::dropResults() {
  llvm::BitVector live = liveCarries(), results(end()->getNumOperands()),
                  arguments(consts + carries + slices);
  for (unsigned i = 0; i < results.size(); ++i) {
    if (i < carries) {
      results[i] = !live[i];
      arguments[consts + i] = !live[i];
    } else {
      results[i] = llvm::all_of(scans, [&](ScanOp scan) { return scan.getResult(i).use_empty(); });
    }
  }
  if (results.none())
    return false;
  llvm::BitVector blockArguments(block.getNumArguments());
  for (unsigned i : arguments.set_bits())
    blockArguments.set(i + 1);
  rebuild(arguments, results);
  end()->eraseOperands(results);
  eraseDeadOps();
  block.eraseArguments(blockArguments);
  setType();
  return true;
}

// A carry that the body hands on as it is: a const.
bool BodyCleaner::freezeCarries() {
  llvm::BitVector results(end()->getNumOperands()), arguments(consts + carries + slices);
  SmallVector<SmallVector<Value>> moved(scans.size());
  SmallVector<unsigned> positions;
  for (unsigned c = 0; c < carries; ++c)
    if (end()->getOperand(c) == block.getArgument(1 + consts + c)) {
      results.set(c);
      arguments.set(consts + c);
      positions.push_back(1 + consts + c);
    }
  if (results.none())
    return false;
  for (auto [index, scan] : llvm::enumerate(scans))
    for (unsigned c = 0; c < carries; ++c)
      if (results[c]) {
        moved[index].push_back(scan.getCarries()[c]);
        scan.getResult(c).replaceAllUsesWith(scan.getCarries()[c]);
      }
  unsigned at = 1 + consts;
  llvm::BitVector blockArguments(block.getNumArguments() + positions.size());
  for (auto [k, position] : llvm::enumerate(positions)) {
    unsigned old = position + k; // k arguments were inserted before it
    BlockArgument fresh = block.insertArgument(at + k, block.getArgument(old).getType(), body.getLoc());
    block.getArgument(old + 1).replaceAllUsesWith(fresh);
  }
  for (unsigned position : positions)
    blockArguments.set(position + positions.size());
  rebuild(arguments, results, moved);
  end()->eraseOperands(results);
  block.eraseArguments(blockArguments);
  setType();
  return true;
}

static bool isConstant(Value value) {
  Operation *def = value.getDefiningOp();
  return def && (isa<arith::ConstantOp>(def) || (isa<IndexOp>(def) && def->getNumOperands() == 0));
}

// Constants are made in the body, where they fold. dropArguments takes the consts away.
bool BodyCleaner::sinkConstants() {
  bool changed = false;
  for (unsigned c = 0; c < consts; ++c) {
    BlockArgument argument = block.getArgument(1 + c);
    if (argument.use_empty())
      continue;
    Value value = scans.front().getConsts()[c];
    bool same = isConstant(value) && llvm::all_of(scans, [&](ScanOp scan) {
                  Operation *other = scan.getConsts()[c].getDefiningOp();
                  return other && OperationEquivalence::isEquivalentTo(other, value.getDefiningOp(),
                                                                       OperationEquivalence::IgnoreLocations);
                });
    if (!same)
      continue;
    OpBuilder builder = OpBuilder::atBlockBegin(&block);
    argument.replaceAllUsesWith(builder.clone(*value.getDefiningOp())->getResult(0));
    changed = true;
  }
  return changed;
}

bool BodyCleaner::isHoistable(Operation &op, const DenseSet<Value> &invariant) {
  if (!isa<IndexOp, GatherOp, ScatterOp, ArgsortOp>(op) || op.getNumOperands() == 0 ||
      !llvm::all_of(op.getOperands(), [&](Value value) { return invariant.contains(value); }))
    return false;
  int64_t read = 0;
  for (Value operand : op.getOperands())
    read += bytesOf(operand);
  return bytesOf(op.getResult(0)) <= read;
}

// Work that is the same in every turn, where one scan runs the body.
bool BodyCleaner::hoistInvariants() {
  if (scans.size() != 1 || scans.front().getCount() < 2)
    return false;
  ScanOp scan = scans.front();
  DenseSet<Value> invariant;
  IRMapping mapping;
  for (auto [argument, value] : llvm::zip(block.getArguments().slice(1, consts), scan.getConsts())) {
    invariant.insert(argument);
    mapping.map(argument, value);
  }
  SmallVector<Operation *> hoisted;
  for (Operation &op : block)
    if (isHoistable(op, invariant)) {
      invariant.insert(op.getResult(0));
      hoisted.push_back(&op);
    }
  if (hoisted.empty())
    return false;
  OpBuilder builder(scan);
  SmallVector<SmallVector<Value>> values(1);
  for (Operation *op : hoisted) {
    Value outside = builder.clone(*op, mapping)->getResult(0);
    BlockArgument argument =
        block.insertArgument(1 + consts + values[0].size(), outside.getType(), op->getLoc());
    values[0].push_back(outside);
    op->getResult(0).replaceAllUsesWith(argument);
  }
  for (Operation *op : llvm::reverse(hoisted))
    op->erase();
  rebuild(llvm::BitVector(consts + carries + slices), llvm::BitVector(end()->getNumOperands()), values);
  setType();
  return true;
}

// Consts and slices that the body does not use.
bool BodyCleaner::dropArguments() {
  llvm::BitVector arguments(consts + carries + slices), blockArguments(block.getNumArguments());
  for (unsigned i = 0; i < arguments.size(); ++i)
    if ((i < consts || i >= consts + carries) && block.getArgument(i + 1).use_empty()) {
      arguments.set(i);
      blockArguments.set(i + 1);
    }
  if (arguments.none())
    return false;
  rebuild(arguments, llvm::BitVector(end()->getNumOperands()));
  block.eraseArguments(blockArguments);
  setType();
  return true;
}

bool cleave::model::cleanUpScans(ModuleOp module) {
  Effects effects(module);
  bool changed = false;
  // Cleaning a body may erase scans in it: the users of each are looked up anew.
  SmallVector<func::FuncOp> functions = calleesFirst(module, effects.symbols);
  for (func::FuncOp body : llvm::reverse(functions)) {
    SmallVector<ScanOp> scans;
    bool shared = false; // run by something else too
    module.walk([&](Operation *op) {
      for (func::FuncOp callee : calleesOf(op, effects.symbols))
        if (callee == body) {
          auto scan = dyn_cast<ScanOp>(op);
          shared |= !scan;
          scans.push_back(scan);
        }
    });
    if (!scans.empty() && !shared)
      changed |= BodyCleaner(body, scans, effects).run();
  }
  return changed;
}

//===------------------------------------------------------------------===//
// Ifs
//===------------------------------------------------------------------===//

static void setTypeOf(func::FuncOp function) {
  Block &block = function.getBody().front();
  function.setFunctionType(FunctionType::get(function.getContext(), block.getArgumentTypes(),
                                             TypeRange(block.getTerminator()->getOperands())));
  function.removeArgAttrsAttr();
  function.removeResAttrsAttr();
}

static bool cleanUpIf(IfOp op, func::FuncOp branches[2], Effects &effects) {
  llvm::BitVector results(op.getNumResults()), inputs(op.getInputs().size(), true);
  for (unsigned i = 0; i < results.size(); ++i)
    results[i] = op.getResult(i).use_empty();
  for (func::FuncOp branch : {branches[0], branches[1]}) {
    Block &block = branch.getBody().front();
    block.getTerminator()->eraseOperands(results);
    for (Operation &inner : llvm::make_early_inc_range(llvm::reverse(block)))
      if (inner.use_empty() && (isControl(&inner) || isPure(&inner)) &&
          !inner.hasTrait<OpTrait::IsTerminator>() && !effects.has(&inner))
        inner.erase();
    for (unsigned i = 0; i < inputs.size(); ++i)
      inputs[i] = inputs[i] && block.getArgument(i).use_empty();
  }
  for (func::FuncOp branch : {branches[0], branches[1]}) {
    branch.getBody().front().eraseArguments(inputs);
    setTypeOf(branch);
  }
  if (results.none() && inputs.none())
    return false;
  SmallVector<Value> kept;
  SmallVector<Type> types;
  for (unsigned i = 0; i < inputs.size(); ++i)
    if (!inputs[i])
      kept.push_back(op.getInputs()[i]);
  for (unsigned i = 0; i < results.size(); ++i)
    if (!results[i])
      types.push_back(op.getResult(i).getType());
  OpBuilder builder(op);
  auto made =
      IfOp::create(builder, op.getLoc(), types, op.getCondition(), op.getThenBody(), op.getElseBody(), kept);
  unsigned next = 0;
  for (unsigned i = 0; i < results.size(); ++i)
    if (!results[i])
      op.getResult(i).replaceAllUsesWith(made.getResult(next++));
  op.erase();
  return true;
}

bool cleave::model::cleanUpIfs(ModuleOp module) {
  Effects effects(module);
  llvm::MapVector<Operation *, unsigned> users;
  SmallVector<IfOp> ifs;
  module.walk([&](Operation *op) {
    for (func::FuncOp callee : calleesOf(op, effects.symbols))
      ++users[callee];
    if (auto branch = dyn_cast<IfOp>(op))
      ifs.push_back(branch);
  });
  bool changed = false;
  for (IfOp op : llvm::reverse(ifs)) {
    SmallVector<func::FuncOp> callees = calleesOf(op, effects.symbols);
    if (callees.size() != 2 || users[callees[0]] != 1 || users[callees[1]] != 1)
      continue;
    changed |= cleanUpIf(op, callees.data(), effects);
    if (changed) // branches may hold ifs that went with what was removed
      return true;
  }
  return changed;
}
