#include "compiler/convert/BindStorage.h"

#include "compiler/analysis/Packing.h"
#include "dialects/comm/ir/Comm.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::convert;
using pipe::MemoryRegion;

int64_t cleave::convert::loopDepthOf(Operation *op) {
  int64_t depth = 0;
  for (Operation *parent = op->getParentOp(); parent; parent = parent->getParentOp())
    depth += isa<pipe::LoopOp, pipe::WhileOp>(parent);
  return depth;
}

namespace {

// Where a value is wanted. `old` is what lies there before: its readers must be done.
struct Target {
  Binding binding;
  Value old;
  bool afterGuards = false;
  bool isFresh = false; // made for this value
};

class Binder {
public:
  Binder(func::FuncOp entry, int64_t &constantBytes) : entry(entry), constantBytes(constantBytes) {}
  StorageBindings run();

private:
  Binding newStorage(MemoryRegion region, int64_t slot, int64_t offset, int64_t bytes);
  Binding newScratch(Type type) { return newStorage(MemoryRegion::Scratch, 0, 0, pipe::bytesOf(type)); }
  void bind(Value value, const Target &target);
  bool isBound(Value value) { return result.bindings.contains(value); }

  bool canWrite(OpResult value, const Target &target);
  bool keepsHistory(OpResult value);
  bool trySink(Value value, Block *block, const Target &target);
  void sinkTerminator(Block &block, ArrayRef<Target> targets);
  void copyArguments(Block &block, MutableArrayRef<OpOperand> operands, ArrayRef<Target> targets);

  void bindArguments();
  std::vector<Target> returnTargets();
  void bindBlock(Block &block);
  void bindResults(Operation *op);
  void sinkInplace(pipe::ActionInterface action);
  Binding newPair(Type type, Operation *op);
  void bindWait(comm::WaitOp wait);
  void endAtOnce(Operation *begun);
  void bindSent(Operation *op);
  void bindLoop(pipe::LoopOp loop);
  Value sliceReplacedBy(pipe::LoopOp loop, unsigned number);
  void bindIf(pipe::IfOp branch);
  void bindWhile(pipe::WhileOp loop);
  void bindCarries(Operation *op, MutableArrayRef<OpOperand> inits, ArrayRef<Target> wanted);
  std::vector<Target> resultTargets(Operation *op, unsigned count);
  void bindHistories(pipe::LoopOp loop, MutableArrayRef<Target> inits, MutableArrayRef<Target> yields);
  bool isFresh(Value value);
  void bindConstant(pipe::ConstantOp op);
  void bindPack(pipe::PackOp pack);
  void bindUnpack(pipe::UnpackOp unpack);
  void bindSlices(Block &block);
  void sinkGathered(comm::AllGatherOp gather);

  func::FuncOp entry;
  int64_t &constantBytes;
  StorageBindings result;
  llvm::DenseMap<Value, Target> targets; // of values that were sunk
  llvm::SmallVector<Operation *> guards; // and asserts
};

} // namespace

Binding Binder::newStorage(MemoryRegion region, int64_t slot, int64_t offset, int64_t bytes) {
  result.storages.push_back({region, slot, offset, bytes});
  Binding binding;
  binding.storage = result.storages.size() - 1;
  return binding;
}

void Binder::bind(Value value, const Target &target) {
  result.bindings[value] = target.binding;
  targets[value] = target;
}

// Where the writing of an op's results begins: a wait's with what it waits for.
static Operation *beginOf(Operation *op) {
  return isa<comm::WaitOp>(op) ? op->getOperand(0).getDefiningOp() : op;
}

// Whether the slice need not be made: it lies in what is there anyway, and kernels alone read it.
static bool liesInWhole(comm::SliceOp slice) {
  auto argument = dyn_cast<BlockArgument>(slice.getInput());
  if (!argument || !comm::isOnePiece(slice))
    return false;
  Operation *owner = argument.getOwner()->getParentOp();
  auto loop = dyn_cast<pipe::LoopOp>(owner);
  bool stays = isa<func::FuncOp>(owner) || (loop && llvm::is_contained(loop.getSliceArgs(), argument));
  return stays && llvm::all_of(slice->getUsers(), [&](Operation *user) {
           return isa<pipe::LaunchOp>(user) && user->getBlock() == slice->getBlock();
         });
}

// Whether what an op makes lies in what it reads, or the other way round.
static bool isView(Operation *op) {
  auto slice = dyn_cast<comm::SliceOp>(op);
  return isa<pipe::UnpackOp, pipe::PackOp>(op) || (slice && liesInWhole(slice));
}

// A rank's block of what lies at a binding.
static Binding blockOf(Binding whole, FlatSymbolRefAttr mesh, ArrayAttr over, Value block) {
  whole.mesh = mesh;
  whole.over = over;
  whole.memberBytes = pipe::bytesOf(block.getType());
  return whole;
}

// The last op of the block during which a reader reads. Null: it goes on behind the block, or another turn.
static Operation *endOfRead(Operation *reader, Block &block) {
  Operation *here = block.findAncestorOpInBlock(*reader);
  if (isView(reader)) {
    for (Operation *user : reader->getUsers()) {
      Operation *end = endOfRead(user, block);
      if (!end || here->isBeforeInBlock(end))
        here = end;
      if (!end)
        return nullptr;
    }
    return here;
  }
  if (!comm::isAsync(reader))
    return here;
  Operation *wait = comm::waitOf(reader);
  return wait && wait->getBlock() == reader->getBlock() ? block.findAncestorOpInBlock(*wait) : nullptr;
}

// A reader of the old content inside the op that writes the new one is fine where the action works in place,
// and where a loop takes the old content as the carry that it updates, or cuts slices from it where it stacks
// the new one: each turn touches its own part.
static bool readsInPlace(Operation *op, Value old, unsigned resultNumber) {
  if (llvm::count(op->getOperands(), old) != 1)
    return false;
  unsigned operand = std::distance(op->operand_begin(), llvm::find(op->getOperands(), old));
  if (auto action = dyn_cast<pipe::ActionInterface>(op))
    return action.getInplaceResult(operand) == static_cast<int64_t>(resultNumber);
  bool isCarry = isa<pipe::LoopOp, pipe::WhileOp>(op) && operand == resultNumber;
  auto loop = dyn_cast<pipe::LoopOp>(op);
  bool isSlice = loop && operand >= loop.getCarries().size() && resultNumber >= loop.getCarries().size();
  return (isCarry || isSlice) &&
         llvm::none_of(old.getUsers(), [&](Operation *user) { return op->isProperAncestor(user); });
}

bool Binder::canWrite(OpResult value, const Target &target) {
  Operation *op = beginOf(value.getOwner());
  if (target.afterGuards)
    for (Operation *guard : guards)
      if (!guard->isBeforeInBlock(op))
        return false;
  if (!target.old)
    return true;
  for (Operation *user : target.old.getUsers()) {
    Operation *reader = endOfRead(user, *op->getBlock());
    auto slice = dyn_cast<comm::SliceOp>(user);
    bool isBlock = slice && liesInWhole(slice) && slice.getOver() == target.binding.over &&
                   pipe::bytesOf(slice.getType()) == target.binding.memberBytes;
    Value read = isBlock ? slice.getResult() : target.old;
    if (!reader ||
        (reader == op ? !readsInPlace(op, read, value.getResultNumber()) : !reader->isBeforeInBlock(op)))
      return false;
  }
  return true;
}

// Whether a loop stacks its carry as well, before a turn changes it (`before`) or after.
static bool stacksCarry(pipe::LoopOp loop, unsigned carry, unsigned stack, bool &before) {
  OperandRange yielded = loop.getYield()->getOperands();
  Value argument = loop.getCarryArgs()[carry], next = yielded[carry];
  before = yielded[stack] == argument;
  return next != argument && (before || yielded[stack] == next);
}

// A carry that can live in its stack stays there: one copy behind the loop is less than one in each turn.
bool Binder::keepsHistory(OpResult value) {
  auto loop = dyn_cast<pipe::LoopOp>(value.getOwner());
  unsigned carries = loop ? loop.getCarries().size() : 0, carry = value.getResultNumber();
  bool before = false;
  for (unsigned stack = carries; loop && carry < carries && stack < loop.getNumResults(); ++stack)
    if (stacksCarry(loop, carry, stack, before) && !isBound(loop.getResult(stack)))
      return true;
  return false;
}

// What is begun a turn ahead is written while the carries are read: elements of stacks alone may be its
// place.
static bool takesTurns(OpResult value, const Target &target) {
  if (!comm::isAhead(value.getOwner()))
    return true;
  return llvm::is_contained(target.binding.depths, loopDepthOf(value.getOwner()) - 1);
}

bool Binder::trySink(Value value, Block *block, const Target &target) {
  auto made = dyn_cast<OpResult>(value);
  // The same value in another shape is made where that one is.
  if (auto view = dyn_cast_or_null<pipe::UnpackOp>(value.getDefiningOp());
      view && view.getNumResults() == 1 && view->getBlock() == block && !isBound(value)) {
    if (!view.getInput().hasOneUse() || !trySink(view.getInput(), block, target))
      return false;
    bind(value, target);
    return true;
  }
  if (!made || !takesTurns(made, target) || made.getOwner()->getBlock() != block || isBound(value) ||
      isa<pipe::ConstantOp>(made.getOwner()) || isView(made.getOwner()) || keepsHistory(made) ||
      !canWrite(made, target))
    return false;
  bind(value, target);
  return true;
}

static Value copyBefore(Operation *where, Value value) {
  OpBuilder builder(where);
  StringRef name = pipe::nameOf(value);
  ArrayAttr names = name.empty() ? ArrayAttr() : builder.getStrArrayAttr(name);
  return pipe::CopyOp::create(builder, where->getLoc(), value.getType(), value, names, ArrayAttr());
}

// Arguments handed on are copied at the top, before anything overwrites them. One that goes into the place of
// another (two carries changing places) waits in a temporary.
void Binder::copyArguments(Block &block, MutableArrayRef<OpOperand> operands, ArrayRef<Target> wanted) {
  for (auto [operand, target] : llvm::zip(operands, wanted)) {
    auto argument = dyn_cast<BlockArgument>(operand.get());
    if (!argument || argument.getOwner() != &block || argument == target.old)
      continue;
    Value copy = copyBefore(&block.front(), argument);
    operand.set(copy);
    if (target.old) {
      result.bindings[copy] = newScratch(copy.getType());
      continue;
    }
    bind(copy, target);
  }
}

void Binder::sinkTerminator(Block &block, ArrayRef<Target> wanted) {
  Operation *end = block.getTerminator();
  MutableArrayRef<OpOperand> operands = end->getOpOperands();
  copyArguments(block, operands, wanted);
  for (auto [operand, target] : llvm::zip(operands, wanted)) {
    Value value = operand.get();
    if (value == target.old)
      continue; // stays as it is
    bool done = isBound(value) && result.bindings[value] == target.binding;
    if (done || trySink(value, &block, target))
      continue;
    if (Operation *maker = value.getDefiningOp(); maker && comm::isAsync(maker))
      endAtOnce(maker);
    Value copy = copyBefore(end, value);
    operand.set(copy);
    bind(copy, target);
  }
}

void Binder::bindArguments() {
  SymbolTable symbols(entry->getParentOfType<ModuleOp>());
  int64_t slot = 0;
  for (BlockArgument argument : entry.getArguments()) {
    int64_t bytes = pipe::bytesOf(argument.getType());
    auto symbol = entry.getArgAttrOfType<FlatSymbolRefAttr>(argument.getArgNumber(), model::kStateAttr);
    if (!symbol) {
      result.bindings[argument] = newStorage(MemoryRegion::Input, slot++, 0, bytes);
      continue;
    }
    auto offset = symbols.lookup(symbol.getValue())->getAttrOfType<IntegerAttr>(pipe::kStateOffsetAttr);
    result.bindings[argument] = newStorage(MemoryRegion::State, 0, offset.getInt(), bytes);
  }
}

std::vector<Target> Binder::returnTargets() {
  SymbolTable symbols(entry->getParentOfType<ModuleOp>());
  std::vector<Target> wanted;
  int64_t slot = 0;
  for (auto [i, type] : llvm::enumerate(entry.getResultTypes())) {
    Target &target = wanted.emplace_back();
    auto symbol = entry.getResultAttrOfType<FlatSymbolRefAttr>(i, model::kStateAttr);
    if (!symbol) {
      target.binding = newStorage(MemoryRegion::Output, slot++, 0, pipe::bytesOf(type));
      continue;
    }
    target.afterGuards = true;
    for (BlockArgument argument : entry.getArguments())
      if (entry.getArgAttr(argument.getArgNumber(), model::kStateAttr) == symbol)
        target.old = argument;
    if (target.old) {
      target.binding = result.bindings[target.old];
      continue;
    }
    auto offset = symbols.lookup(symbol.getValue())->getAttrOfType<IntegerAttr>(pipe::kStateOffsetAttr);
    target.binding = newStorage(MemoryRegion::State, 0, offset.getInt(), pipe::bytesOf(type));
  }
  return wanted;
}

// The initial value of a carry goes straight where the carry lives when nothing needs it apart from that.
void Binder::bindCarries(Operation *op, MutableArrayRef<OpOperand> inits, ArrayRef<Target> wanted) {
  for (unsigned i = 0; i < inits.size(); ++i) {
    OpOperand &init = inits[i];
    Target target = wanted[i];
    target.isFresh = false;
    Value value = init.get();
    if (isBound(value) && value == target.old)
      continue;
    bool onlyHere = llvm::all_of(value.getUses(), [&](OpOperand &use) {
      Operation *reader = endOfRead(use.getOwner(), *op->getBlock());
      return &use == &init || (reader && reader->isBeforeInBlock(op));
    });
    if (onlyHere && trySink(value, op->getBlock(), target))
      continue;
    Value copy = copyBefore(op, value);
    init.set(copy);
    bind(copy, target);
  }
}

// The part of a stacked tensor at the position of the loop's counter.
static Binding elementOf(Binding binding, Operation *loop, Type element) {
  binding.depths.push_back(loopDepthOf(loop));
  binding.strides.push_back(pipe::bytesOf(element));
  binding.turns.push_back(0);
  return binding;
}

// Where results of an op are wanted.
std::vector<Target> Binder::resultTargets(Operation *op, unsigned count) {
  std::vector<Target> wanted;
  for (unsigned i = 0; i < count; ++i)
    wanted.push_back(targets.lookup(op->getResult(i)));
  return wanted;
}

// A temporary of its own: nothing else decided where it lies.
bool Binder::isFresh(Value value) { return targets.lookup(value).isFresh; }

// Carries that are stacked too, before a turn changes them or after, live in the stack. Upwards, turn i reads
// slot i and writes slot i + 1; downwards the other way round.
void Binder::bindHistories(pipe::LoopOp loop, MutableArrayRef<Target> inits, MutableArrayRef<Target> yields) {
  unsigned carries = loop.getCarries().size();
  llvm::SmallDenseSet<unsigned> taken;
  for (unsigned carry = 0; carry < carries; ++carry) {
    Value argument = loop.getCarryArgs()[carry];
    for (unsigned stack = carries; stack < loop.getNumResults(); ++stack) {
      bool before = false;
      if (!stacksCarry(loop, carry, stack, before) || !isFresh(loop.getResult(carry)) ||
          !isFresh(loop.getResult(stack)) || !taken.insert(stack).second)
        continue;
      int64_t bytes = pipe::bytesOf(argument.getType()), all = bytes * loop.getCount();
      auto slot = [&](int64_t offset) {
        Binding binding = result.bindings[loop.getResult(stack)];
        binding.offset = offset;
        return binding;
      };
      result.storages[slot(0).storage].bytes = all + bytes;
      int64_t reads = loop.getReverse() ? bytes : 0, writes = bytes - reads;
      inits[carry].binding = slot(loop.getReverse() ? all : 0);
      result.bindings[loop.getResult(carry)] = slot(loop.getReverse() ? 0 : all);
      result.bindings[loop.getResult(stack)] = slot(before ? reads : writes);
      result.bindings[argument] = elementOf(slot(reads), loop, argument.getType());
      yields[carry] = yields[stack] = Target();
      yields[carry].binding = elementOf(slot(writes), loop, argument.getType());
      yields[stack].binding = before ? result.bindings[argument] : yields[carry].binding;
      yields[stack].old = before ? argument : Value();
      break;
    }
  }
}

// The slice of what stack `number` is written over, or null.
Value Binder::sliceReplacedBy(pipe::LoopOp loop, unsigned number) {
  Value old = targets.lookup(loop.getResult(number)).old;
  for (auto [argument, source] : llvm::zip(loop.getSliceArgs(), loop.getSlices()))
    if (old && source == old)
      return argument;
  return {};
}

void Binder::bindLoop(pipe::LoopOp loop) {
  Block &body = loop.getBodyBlock();
  unsigned carries = loop.getCarries().size();
  result.bindings[loop.getCounter()] = newScratch(loop.getCounter().getType());
  std::vector<Target> inits = resultTargets(loop, carries), wanted;
  for (auto [i, value] : llvm::enumerate(loop.getYield()->getOperands())) {
    Target &target = wanted.emplace_back();
    target.binding = result.bindings[loop.getResult(i)];
    if (i >= carries) {
      target.binding = elementOf(target.binding, loop, value.getType());
      target.old = sliceReplacedBy(loop, i);
      if (target.old)
        result.bindings[target.old] = target.binding;
      continue;
    }
    target.old = loop.getCarryArgs()[i];
    result.bindings[target.old] = target.binding;
  }
  bindHistories(loop, inits, wanted);
  bindCarries(loop, loop->getOpOperands().take_front(carries), inits);
  sinkTerminator(body, wanted);
  bindBlock(body);
}

void Binder::bindIf(pipe::IfOp branch) {
  std::vector<Target> wanted;
  for (Value value : branch.getResults())
    wanted.emplace_back().binding = result.bindings[value];
  for (Region &region : branch->getRegions()) {
    sinkTerminator(region.front(), wanted);
    bindBlock(region.front());
  }
}

void Binder::bindWhile(pipe::WhileOp loop) {
  bindCarries(loop, loop->getOpOperands(), resultTargets(loop, loop.getNumResults()));
  Block &condition = loop.getCondition().front(), &body = loop.getBody().front();
  std::vector<Target> wanted;
  for (auto [i, value] : llvm::enumerate(loop.getResults())) {
    Target &target = wanted.emplace_back();
    target.binding = result.bindings[value];
    target.old = body.getArgument(i);
    result.bindings[body.getArgument(i)] = target.binding;
    result.bindings[condition.getArgument(i)] = target.binding;
  }
  bindBlock(condition);
  sinkTerminator(body, wanted);
  bindBlock(body);
}

void Binder::bindConstant(pipe::ConstantOp op) {
  int64_t bytes = pipe::bytesOf(op.getType());
  int64_t offset = llvm::alignTo(constantBytes, 64);
  constantBytes = offset + bytes;
  result.bindings[op.getResult()] = newStorage(MemoryRegion::Constant, 0, offset, bytes);
}

void Binder::bindResults(Operation *op) {
  if (auto constant = dyn_cast<pipe::ConstantOp>(op))
    return bindConstant(constant);
  if (auto unpack = dyn_cast<pipe::UnpackOp>(op))
    return bindUnpack(unpack);
  if (isa<comm::SliceOp>(op) && isView(op))
    return; // bindSlices
  for (Value value : op->getResults()) {
    if (isBound(value))
      continue;
    Target target;
    target.binding = comm::isAhead(op) ? newPair(value.getType(), op) : newScratch(value.getType());
    target.isFresh = true;
    bind(value, target);
  }
}

// Two buffers that take turns in the loop around `op`.
Binding Binder::newPair(Type type, Operation *op) {
  auto bytes = static_cast<int64_t>(llvm::alignTo(pipe::bytesOf(type), 64));
  Binding binding = newStorage(MemoryRegion::Scratch, 0, 0, 2 * bytes);
  binding.depths.push_back(loopDepthOf(op) - 1);
  binding.strides.push_back(bytes);
  binding.turns.push_back(2);
  return binding;
}

// A collective whose result cannot be written where it is stacked is done where it stands, and copied.
void Binder::endAtOnce(Operation *begun) {
  Operation *wait = comm::waitOf(begun);
  begun->removeAttr("async");
  if (!wait)
    return;
  result.bindings.erase(wait->getResult(0));
  targets.erase(wait->getResult(0));
  wait->getResult(0).replaceAllUsesWith(wait->getOperand(0));
  wait->erase();
}

// The value lies where its collective writes it.
void Binder::bindWait(comm::WaitOp wait) { bind(wait.getInput(), Target(targets[wait.getResult()])); }

// What is sent until the next turn begins to send is not made in the same place there.
void Binder::bindSent(Operation *op) {
  Operation *wait = comm::isAsync(op) ? comm::waitOf(op) : nullptr;
  Value sent = op->getOperand(0);
  Operation *maker = sent.getDefiningOp();
  if (!wait || wait->getBlock() == op->getBlock() || !maker || maker->getBlock() != op->getBlock() ||
      isBound(sent) || isa<pipe::ConstantOp>(maker))
    return;
  Target target;
  target.binding = newPair(sent.getType(), op);
  bind(sent, target);
}

// The part of a binding that begins so many bytes behind it.
static Binding partOf(Binding binding, int64_t offset) {
  binding.offset += offset;
  return binding;
}

// Each value is made in its part of the whole.
void Binder::bindPack(pipe::PackOp pack) {
  Target part = targets[pack.getResult()];
  part.isFresh = false;
  int64_t begin = part.binding.offset, offset = 0;
  for (OpOperand &operand : pack->getOpOperands()) {
    Value value = operand.get();
    part.binding.offset = begin + offset;
    offset += pipe::bytesOf(value.getType());
    if (trySink(value, pack->getBlock(), part))
      continue;
    Value copy = copyBefore(pack, value);
    operand.set(copy);
    bind(copy, part);
  }
}

// The parts lie in the whole, which lies for itself unless something wants it elsewhere.
void Binder::bindUnpack(pipe::UnpackOp unpack) {
  Value whole = unpack.getInput();
  if (isa<BlockArgument>(whole) && !isBound(whole))
    return; // a slice: bindSlices
  if (!isBound(whole)) {
    Target target;
    Operation *maker = whole.getDefiningOp();
    target.binding = comm::isAhead(maker) ? newPair(whole.getType(), maker) : newScratch(whole.getType());
    target.isFresh = true;
    bind(whole, target);
  }
  int64_t offset = 0;
  for (Value value : unpack.getResults()) {
    Target target;
    target.binding = partOf(result.bindings[whole], offset);
    offset += pipe::bytesOf(value.getType());
    bind(value, target);
  }
}

// What a collective works on in place is made where its result is wanted: no second buffer.
void Binder::sinkInplace(pipe::ActionInterface action) {
  if (!action.isCollective())
    return;
  for (auto [i, operand] : llvm::enumerate(action->getOperands())) {
    int64_t made = action.getInplaceResult(i);
    if (made < 0 || !operand.hasOneUse() || isFresh(action->getResult(made)))
      continue;
    if (auto target = targets.find(action->getResult(made)); target != targets.end())
      trySink(operand, action->getBlock(), Target(target->second));
  }
}

// A state's new value is gathered where it lies: each rank makes its block there.
void Binder::sinkGathered(comm::AllGatherOp gather) {
  Value block = gather.getInput();
  auto found = targets.find(gather.getResult());
  if (found == targets.end() || comm::isAsync(gather) || !comm::isOnePiece(gather) || !block.hasOneUse())
    return;
  Target target = found->second;
  if (result.storages[target.binding.storage].region != MemoryRegion::State || target.binding.over)
    return;
  target.binding = blockOf(target.binding, gather.getMeshAttr(), gather.getOver(), block);
  trySink(block, gather->getBlock(), target);
}

// From the end: a loop decides where the values it starts from are wanted before those are bound.
void Binder::bindBlock(Block &block) {
  for (Operation *op = &block.back(); op; op = op->getPrevNode()) {
    bindResults(op);
    llvm::TypeSwitch<Operation *>(op)
        .Case<pipe::LoopOp>([&](auto loop) { bindLoop(loop); })
        .Case<pipe::IfOp>([&](auto branch) { bindIf(branch); })
        .Case<pipe::WhileOp>([&](auto loop) { bindWhile(loop); })
        .Case<pipe::PackOp>([&](auto pack) { bindPack(pack); })
        .Case<comm::WaitOp>([&](auto wait) { bindWait(wait); })
        .Case<pipe::ActionInterface>([&](auto action) {
          sinkInplace(action);
          if (auto gather = dyn_cast<comm::AllGatherOp>(op))
            sinkGathered(gather);
          if (action.isCollective())
            bindSent(action);
        });
  }
}

void Binder::bindSlices(Block &block) {
  for (Operation &op : block) {
    if (auto loop = dyn_cast<pipe::LoopOp>(op))
      for (auto [argument, source] : llvm::zip(loop.getSliceArgs(), loop.getSlices()))
        result.bindings[argument] = elementOf(result.bindings[source], loop, argument.getType());
    if (auto unpack = dyn_cast<pipe::UnpackOp>(op))
      bindUnpack(unpack);
    if (auto slice = dyn_cast<comm::SliceOp>(op); slice && liesInWhole(slice))
      result.bindings[slice.getResult()] =
          blockOf(result.bindings[slice.getInput()], slice.getMeshAttr(), slice.getOver(), slice.getResult());
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        bindSlices(inner);
  }
}

StorageBindings Binder::run() {
  Block &block = entry.getBody().front();
  for (Operation &op : block)
    if (pipe::mayStop(&op))
      guards.push_back(&op);
  bindArguments();
  sinkTerminator(block, returnTargets());
  bindBlock(block);
  bindSlices(block);
  return std::move(result);
}

StorageBindings cleave::convert::bindStorage(func::FuncOp entry, int64_t &constantBytes) {
  return Binder(entry, constantBytes).run();
}
