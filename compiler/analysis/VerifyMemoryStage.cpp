// verifyMemoryStage: the entry's list, run on a model of memory.
#include "compiler/analysis/MemoryModel.h"
#include "compiler/analysis/StageChecks.h"
#include "dialects/comm/ir/Comm.h"
#include "dialects/dist/ir/Axes.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::analysis;
using pipe::MemoryRegion;

namespace {

// Where a value lies at the present counters.
struct Extent {
  MemoryRegion region;
  int64_t slot;
  int64_t offset;
  int64_t bytes;
  bool meets(const Extent &other) const {
    return region == other.region && slot == other.slot && offset < other.offset + other.bytes &&
           other.offset < offset + bytes;
  }
  bool operator==(const Extent &other) const {
    return region == other.region && slot == other.slot && offset == other.offset && bytes == other.bytes;
  }
};

// A collective that was begun and not ended: what it works on is nobody else's.
struct UnderWay {
  Extent operand, result;
  Content sent, received;
};

class Simulator {
public:
  // As the first member of every group of ranks sees it, or as the last.
  Simulator(func::FuncOp entry, bool isLast) : entry(entry), isLast(isLast) {}
  LogicalResult run();

private:
  using Memory = std::map<std::pair<int, int64_t>, RegionModel>;

  FailureOr<Extent> rangeOf(Operation *op, Value value);
  LogicalResult checkBounds(Operation *op, const Extent &range);
  LogicalResult expect(Operation *op, Value value, Twine what);
  LogicalResult holds(Operation *op, Value value, Twine what);
  LogicalResult checkFree(Operation *op, const Extent &range, bool writes);
  LogicalResult beginCollective(Operation *op);
  LogicalResult beginAhead(Operation *op, int64_t counter);
  LogicalResult endCollective(Operation *op, Operation *begun);
  LogicalResult runAhead(Operation *op);
  LogicalResult runWait(comm::WaitOp op);
  LogicalResult runPack(pipe::PackOp op);
  LogicalResult runUnpack(pipe::UnpackOp op);
  LogicalResult runSlice(comm::SliceOp op);
  int64_t blockOffset(pipe::PlaceAttr place);
  bool isInWhole(Operation *op);
  LogicalResult write(Operation *op, Value value, Content content);
  Content fresh(Value value) { return {{++tokens, 0, pipe::bytesOf(value.getType())}}; }
  RegionModel &model(const Extent &range) { return memory[{static_cast<int>(range.region), range.slot}]; }

  LogicalResult runBlock(Block &block);
  LogicalResult runOp(Operation *op);
  LogicalResult runAction(pipe::ActionInterface op);
  LogicalResult checkApart(pipe::ActionInterface op);
  LogicalResult runCopy(pipe::CopyOp op);
  LogicalResult runLoop(pipe::LoopOp op);
  LogicalResult runTurn(pipe::LoopOp op, int64_t counter, MutableArrayRef<Content> stacks);
  LogicalResult skipTurns(pipe::LoopOp op, int64_t from, int64_t count, MutableArrayRef<Content> stacks);
  LogicalResult endTurn(Operation *op, Block &body, ArrayRef<BlockArgument> carries);
  LogicalResult runIf(pipe::IfOp op);
  LogicalResult runWhile(pipe::WhileOp op);
  LogicalResult checkReturn(Operation *end);

  func::FuncOp entry;
  bool isLast;
  Memory memory;
  llvm::DenseMap<Value, Content> contents;
  llvm::MapVector<Operation *, UnderWay> underWay;
  SmallVector<int64_t> counters;
  int64_t tokens = 0;
  int64_t guards = 0; // and asserts, still to come
};

} // namespace

FailureOr<Extent> Simulator::rangeOf(Operation *op, Value value) {
  pipe::PlaceAttr place = pipe::placeOf(value);
  if (!place)
    return op->emitError("every value needs a place, got none for a ") << value.getType();
  Extent range{place.getRegion(), place.getSlot(), place.getOffset(), pipe::bytesOf(value.getType())};
  for (auto [depth, stride, turns] : llvm::zip(place.getDepths(), place.getStrides(), place.getTurns())) {
    if (depth >= static_cast<int64_t>(counters.size()))
      return op->emitError("a place moves with a loop around it, got: depth ")
             << depth << " within " << counters.size() << " loops";
    range.offset += (turns ? counters[depth] % turns : counters[depth]) * stride;
  }
  range.offset += blockOffset(place);
  if (failed(checkBounds(op, range)))
    return failure();
  return range;
}

// How far into the whole a rank's block of it begins.
int64_t Simulator::blockOffset(pipe::PlaceAttr place) {
  if (!place.getOver() || !isLast)
    return 0;
  auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(entry, place.getMesh());
  return (dist::membersOf(mesh, dist::axesOf(place.getOver())) - 1) * place.getMemberBytes();
}

// Whether an all-gather's operand is the rank's block of the result already.
bool Simulator::isInWhole(Operation *op) {
  auto gather = dyn_cast<comm::AllGatherOp>(op);
  if (!gather || comm::isAsync(gather) || !comm::isOnePiece(gather))
    return false;
  pipe::PlaceAttr block = pipe::placeOf(gather.getInput()), whole = pipe::placeOf(gather.getResult());
  return block.getWhole() == whole && block.getMesh() == gather.getMeshAttr() &&
         block.getOver() == gather.getOver() &&
         block.getMemberBytes() == pipe::bytesOf(gather.getInput().getType());
}

LogicalResult Simulator::checkBounds(Operation *op, const Extent &range) {
  auto number = [](Operation *on, StringRef name) {
    auto attr = on->getAttrOfType<IntegerAttr>(name);
    return attr ? attr.getInt() : 0;
  };
  int64_t size = INT64_MAX; // constants and ports are as large as their values
  if (range.region == MemoryRegion::Scratch)
    size = number(entry, pipe::kScratchBytesAttr);
  if (range.region == MemoryRegion::State)
    size = number(entry->getParentOp(), pipe::kStateBytesAttr);
  if (range.offset >= 0 && range.offset + range.bytes <= size)
    return success();
  return op->emitError("a value must lie inside its region, got: bytes ")
         << range.offset << " to " << range.offset + range.bytes << " of " << size << " in "
         << stringifyMemoryRegion(range.region);
}

// The value's place holds the value, and no collective is at work on it.
LogicalResult Simulator::expect(Operation *op, Value value, Twine what) {
  FailureOr<Extent> range = rangeOf(op, value);
  if (failed(range) || failed(checkFree(op, *range, /*writes=*/false)))
    return failure();
  return holds(op, value, what);
}

// While a collective is under way others may read what it sends.
LogicalResult Simulator::checkFree(Operation *op, const Extent &range, bool writes) {
  for (auto &[begun, at] : underWay)
    if (begun != op && (range.meets(at.result) || (writes && range.meets(at.operand))))
      return op->emitError("what a collective works on is left alone until its wait, got ")
             << (writes ? "a write to" : "a read of")
             << (range.meets(at.result) ? " the result" : " the operand") << " of a " << begun->getName();
  return success();
}

LogicalResult Simulator::holds(Operation *op, Value value, Twine what) {
  FailureOr<Extent> range = rangeOf(op, value);
  if (failed(range))
    return failure();
  if (model(*range).read(range->offset, range->bytes) == contents.lookup(value))
    return success();
  return op->emitError("a place must still hold the value that is read there, got something else for ")
         << what << " at " << pipe::placeOf(value);
}

LogicalResult Simulator::write(Operation *op, Value value, Content content) {
  FailureOr<Extent> range = rangeOf(op, value);
  if (failed(range))
    return failure();
  if (range->region == MemoryRegion::State && guards > 0)
    return op->emitError("state must be written behind all guards and asserts, got ")
           << guards << " still to come";
  if (range->region == MemoryRegion::Input || range->region == MemoryRegion::Constant)
    return op->emitError("inputs and constants must not be written, got: ") << pipe::placeOf(value);
  if (failed(checkFree(op, *range, /*writes=*/true)))
    return failure();
  contents[value] = normalized(content);
  model(*range).write(range->offset, content);
  return success();
}

// Results overlap nothing the action touches, but the operand it may work in.
LogicalResult Simulator::checkApart(pipe::ActionInterface op) {
  SmallVector<Extent> inputs, outputs;
  for (auto [values, ranges] :
       {std::pair(ValueRange(op->getOperands()), &inputs), std::pair(ValueRange(op->getResults()), &outputs)})
    for (Value value : values) {
      FailureOr<Extent> range = rangeOf(op, value);
      if (failed(range))
        return failure();
      ranges->push_back(*range);
    }
  for (unsigned i = 0; i < outputs.size(); ++i) {
    for (unsigned k = 0; k < i; ++k)
      if (outputs[i].meets(outputs[k]))
        return op->emitError("results of an action must lie apart, got: ") << k << " and " << i;
    for (unsigned k = 0; k < inputs.size(); ++k)
      if (outputs[i].meets(inputs[k]) && !(outputs[i] == inputs[k] && op.getInplaceResult(k) == i) &&
          !isInWhole(op))
        return op->emitError(
                   "a result may overlap an operand only where the action works in place, got: result ")
               << i << " and operand " << k;
  }
  return success();
}

// Its operand is there, and from here on it is at work.
LogicalResult Simulator::beginCollective(Operation *op) {
  FailureOr<Extent> operand = rangeOf(op, op->getOperand(0)), result = rangeOf(op, op->getResult(0));
  if (failed(operand) || failed(result))
    return failure();
  underWay[op] = {*operand, *result, contents.lookup(op->getOperand(0)), contents.lookup(op->getResult(0))};
  if (*operand == *result) // in place: what was sent is gone
    underWay[op].sent = underWay[op].received;
  return success();
}

// The turn with this counter, as it will find its slice.
LogicalResult Simulator::beginAhead(Operation *op, int64_t counter) {
  auto loop = cast<pipe::LoopOp>(op->getParentOp());
  auto argument = dyn_cast<BlockArgument>(op->getOperand(0));
  if (!argument || argument.getArgNumber() <= loop.getCarries().size() ||
      argument.getOwner() != &loop.getBodyBlock())
    return op->emitError("what is begun a turn ahead reads a slice of its loop");
  int64_t now = counters.back(), bytes = pipe::bytesOf(argument.getType());
  Value source = loop.getSlices()[argument.getArgNumber() - 1 - loop.getCarries().size()];
  Content kept = contents.lookup(argument);
  counters.back() = counter;
  contents[argument] = slice(contents.lookup(source), counter * bytes, bytes);
  Content before = contents.lookup(op->getResult(0));
  LogicalResult done = success(succeeded(expect(op, argument, "operand 0")) &&
                               succeeded(write(op, op->getResult(0), fresh(op->getResult(0)))) &&
                               succeeded(beginCollective(op)));
  contents[argument] = kept;
  contents[op->getResult(0)] = before;
  counters.back() = now;
  return done;
}

LogicalResult Simulator::endCollective(Operation *op, Operation *begun) {
  auto *found = underWay.find(begun);
  if (found == underWay.end())
    return op->emitError("a wait ends a collective that was begun, got none under way");
  UnderWay at = found->second;
  underWay.erase(found);
  if (model(at.operand).read(at.operand.offset, at.operand.bytes) != at.sent ||
      model(at.result).read(at.result.offset, at.result.bytes) != at.received)
    return op->emitError("what a collective works on is left alone until its wait, got something else there");
  return success();
}

LogicalResult Simulator::runAhead(Operation *op) {
  auto loop = cast<pipe::LoopOp>(op->getParentOp());
  Content received = underWay.lookup(op).received;
  if (failed(endCollective(op, op)))
    return failure();
  contents[op->getResult(0)] = received;
  if (failed(expect(op, op->getResult(0), "the result")))
    return failure();
  int64_t now = counters.back(), next = loop.getReverse() ? now - 1 : now + 1;
  return next < 0 || next == static_cast<int64_t>(loop.getCount()) ? success() : beginAhead(op, next);
}

LogicalResult Simulator::runWait(comm::WaitOp op) {
  if (failed(endCollective(op, comm::begunBy(op))))
    return failure();
  contents[op.getResult()] = contents.lookup(op.getInput());
  return expect(op, op.getResult(), "the result");
}

// Nothing moves: the parts already lie where the whole does.
LogicalResult Simulator::runPack(pipe::PackOp op) {
  Content whole;
  for (auto [i, value] : llvm::enumerate(op.getInputs())) {
    if (failed(expect(op, value, "part " + Twine(i))))
      return failure();
    llvm::append_range(whole, contents.lookup(value));
  }
  contents[op.getResult()] = normalized(whole);
  return expect(op, op.getResult(), "the whole");
}

LogicalResult Simulator::runUnpack(pipe::UnpackOp op) {
  if (failed(expect(op, op.getInput(), "the whole")))
    return failure();
  int64_t offset = 0;
  for (auto [i, value] : llvm::enumerate(op.getResults())) {
    int64_t bytes = pipe::bytesOf(value.getType());
    contents[value] = slice(contents.lookup(op.getInput()), offset, bytes);
    offset += bytes;
    if (failed(expect(op, value, "part " + Twine(i))))
      return failure();
  }
  return success();
}

// A slice that lies in what it is cut from; others are made.
LogicalResult Simulator::runSlice(comm::SliceOp op) {
  pipe::PlaceAttr place = pipe::placeOf(op.getResult());
  if (!place || !place.getOver() || place.getWhole() != pipe::placeOf(op.getInput()))
    return runAction(cast<pipe::ActionInterface>(op.getOperation()));
  if (failed(expect(op, op.getInput(), "the whole")))
    return failure();
  contents[op.getResult()] =
      slice(contents.lookup(op.getInput()), blockOffset(place), pipe::bytesOf(op.getType()));
  return expect(op, op.getResult(), "the block");
}

LogicalResult Simulator::runAction(pipe::ActionInterface op) {
  if (comm::isAhead(op))
    return runAhead(op);
  if (underWay.contains(op) && failed(endCollective(op, op))) // of the turn before
    return failure();
  for (auto [i, value] : llvm::enumerate(op->getOperands()))
    if (failed(expect(op, value, "operand " + Twine(i))))
      return failure();
  if (failed(checkApart(op)))
    return failure();
  for (Value value : op->getResults())
    if (failed(write(op, value, fresh(value))))
      return failure();
  return comm::isAsync(op) ? beginCollective(op) : success();
}

LogicalResult Simulator::runCopy(pipe::CopyOp op) {
  FailureOr<Extent> from = rangeOf(op, op.getInput()), to = rangeOf(op, op.getResult());
  if (failed(from) || failed(to) || failed(expect(op, op.getInput(), "the source")))
    return failure();
  if (from->meets(*to) && !(*from == *to))
    return op.emitError("source and destination of a copy must lie apart");
  return write(op, op.getResult(), contents.lookup(op.getInput()));
}

// Carries must be where the next turn looks for them.
LogicalResult Simulator::endTurn(Operation *op, Block &body, ArrayRef<BlockArgument> carries) {
  SmallVector<Content> next;
  for (Value value : body.getTerminator()->getOperands().take_front(carries.size()))
    next.push_back(contents.lookup(value));
  for (auto [carry, content] : llvm::zip(carries, next))
    contents[carry] = content;
  for (auto [i, carry] : llvm::enumerate(carries))
    if (failed(expect(op, carry, "carry " + Twine(i))))
      return failure();
  return success();
}

LogicalResult Simulator::runTurn(pipe::LoopOp op, int64_t counter, MutableArrayRef<Content> stacks) {
  counters.back() = counter;
  if (!op.getCounter().use_empty() && failed(write(op, op.getCounter(), fresh(op.getCounter()))))
    return failure();
  for (auto [argument, source] : llvm::zip(op.getSliceArgs(), op.getSlices())) {
    int64_t bytes = pipe::bytesOf(argument.getType());
    contents[argument] = slice(contents.lookup(source), counter * bytes, bytes);
  }
  Block &body = op.getBodyBlock();
  if (failed(runBlock(body)))
    return failure();
  for (auto [value, stack] :
       llvm::zip(body.getTerminator()->getOperands().drop_front(op.getCarries().size()), stacks)) {
    int64_t bytes = pipe::bytesOf(value.getType()), at = counter * bytes;
    int64_t total = bytes * op.getCount();
    Content grown = slice(stack, 0, at);
    llvm::append_range(grown, contents.lookup(value));
    llvm::append_range(grown, slice(stack, at + bytes, total - at - bytes));
    stack = normalized(grown);
  }
  counters.back() = op.getReverse() ? counter - 1 : counter + 1;
  return endTurn(op, body, op.getCarryArgs());
}

// The carry whose next value is also what the loop stacks as its `stack`-th, if there is one.
static BlockArgument carryStackedAs(pipe::LoopOp op, unsigned stack) {
  OperandRange yielded = op.getBodyBlock().getTerminator()->getOperands();
  Value value = yielded[op.getCarries().size() + stack];
  for (BlockArgument carry : op.getCarryArgs())
    if (yielded[carry.getArgNumber() - op.getCarryArgs().front().getArgNumber()] == value)
      return carry;
  return nullptr;
}

// Turns that are not run: what they make of the carries and their elements of stacks are values of their own,
// but that the last of them stacks and hands on the same value.
LogicalResult Simulator::skipTurns(pipe::LoopOp op, int64_t from, int64_t count,
                                   MutableArrayRef<Content> stacks) {
  counters.back() = op.getReverse() ? 0 : op.getCount() - 1;
  for (BlockArgument carry : op.getCarryArgs())
    if (failed(write(op, carry, fresh(carry))))
      return failure();
  for (auto [i, value] : llvm::enumerate(op.getResults().drop_front(op.getCarries().size()))) {
    Content &stack = stacks[i];
    int64_t element = pipe::bytesOf(value.getType()) / op.getCount(), at = from * element,
            bytes = count * element;
    Content skipped{{++tokens, 0, bytes}}, grown = slice(stack, 0, at);
    if (BlockArgument carry = carryStackedAs(op, i)) {
      Content others = slice(skipped, 0, bytes - element), last = contents.lookup(carry);
      skipped = op.getReverse() ? last : others;
      llvm::append_range(skipped, op.getReverse() ? others : last);
      skipped = normalized(skipped);
    }
    llvm::append_range(grown, skipped);
    llvm::append_range(grown, slice(stack, at + bytes, element * op.getCount() - at - bytes));
    stack = normalized(grown);
    FailureOr<Extent> range = rangeOf(op, value);
    if (failed(range))
      return failure();
    model(*range).write(range->offset + at, skipped);
  }
  // What the turns left out would have ended is what the last of them has begun.
  for (Operation &inner : op.getBodyBlock()) {
    if (comm::isAhead(&inner)) {
      underWay.erase(&inner);
      if (failed(beginAhead(&inner, op.getReverse() ? 0 : op.getCount() - 1)))
        return failure();
    } else if (comm::isAsync(&inner) && underWay.contains(&inner)) {
      underWay.erase(&inner);
    }
  }
  return success();
}

LogicalResult Simulator::runLoop(pipe::LoopOp op) {
  int64_t count = op.getCount(), turns = std::min<int64_t>(count, 3);
  for (auto [carry, init] : llvm::zip(op.getCarryArgs(), op.getCarries()))
    contents[carry] = contents.lookup(init);
  SmallVector<Content> stacks;
  for (Value value : op.getResults().drop_front(op.getCarries().size()))
    stacks.push_back({{0, 0, pipe::bytesOf(value.getType())}});
  counters.push_back(0);
  for (Operation &inner : op.getBodyBlock())
    if (comm::isAhead(&inner) && failed(beginAhead(&inner, op.getReverse() ? count - 1 : 0)))
      return failure();
  for (int64_t turn = 0; turn < turns; ++turn) {
    bool last = turn == turns - 1;
    int64_t step = last ? count - 1 : turn;
    if (last && count > turns && failed(skipTurns(op, op.getReverse() ? 1 : 2, count - turns, stacks)))
      return failure();
    if (failed(runTurn(op, op.getReverse() ? count - 1 - step : step, stacks)))
      return failure();
  }
  counters.pop_back();
  for (auto [result, carry] : llvm::zip(op.getResults(), op.getCarryArgs()))
    contents[result] = contents.lookup(carry);
  for (auto [result, stack] : llvm::zip(op.getResults().drop_front(op.getCarries().size()), stacks))
    contents[result] = stack;
  for (auto [i, result] : llvm::enumerate(op.getResults()))
    if (failed(holds(op, result, "result " + Twine(i))))
      return failure();
  return success();
}

LogicalResult Simulator::runIf(pipe::IfOp op) {
  if (failed(expect(op, op.getCondition(), "the condition")))
    return failure();
  Memory before = memory, afterThen;
  for (Region *region : {&op.getThenBody(), &op.getElseBody()}) {
    if (region == &op.getElseBody()) {
      afterThen = memory;
      memory = before;
    }
    if (failed(runBlock(region->front())))
      return failure();
    for (auto [i, value] : llvm::enumerate(region->front().getTerminator()->getOperands())) {
      contents[op.getResult(i)] = contents.lookup(value);
      if (failed(expect(op, op.getResult(i), "result " + Twine(i))))
        return failure();
    }
  }
  ++tokens;
  for (auto &[key, region] : afterThen)
    memory[key].blur(region, tokens);
  // Whatever the branch: from here on it is the result.
  for (Value value : op.getResults()) {
    FailureOr<Extent> range = rangeOf(op, value);
    contents[value] = fresh(value);
    model(*range).write(range->offset, contents[value]);
  }
  return success();
}

LogicalResult Simulator::runWhile(pipe::WhileOp op) {
  Block &condition = op.getCondition().front(), &body = op.getBody().front();
  for (auto [carry, init] : llvm::zip(body.getArguments(), op.getCarries()))
    contents[carry] = contents.lookup(init);
  counters.push_back(0);
  for (int64_t turn = 0; turn < 3; ++turn) {
    counters.back() = turn;
    for (auto [here, carry] : llvm::zip(condition.getArguments(), body.getArguments()))
      contents[here] = contents.lookup(carry);
    if (failed(runBlock(condition)) ||
        failed(expect(op, condition.getTerminator()->getOperand(0), "the condition")))
      return failure();
    if (turn < 2 && (failed(runBlock(body)) || failed(endTurn(op, body, body.getArguments()))))
      return failure();
  }
  counters.pop_back();
  for (auto [result, carry] : llvm::zip(op.getResults(), body.getArguments()))
    contents[result] = contents.lookup(carry);
  for (auto [i, result] : llvm::enumerate(op.getResults()))
    if (failed(expect(op, result, "result " + Twine(i))))
      return failure();
  return success();
}

LogicalResult Simulator::runOp(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<comm::WaitOp>([&](auto wait) { return runWait(wait); })
      .Case<pipe::PackOp>([&](auto pack) { return runPack(pack); })
      .Case<pipe::UnpackOp>([&](auto unpack) { return runUnpack(unpack); })
      .Case<comm::SliceOp>([&](auto slice) { return runSlice(slice); })
      .Case<pipe::ActionInterface>([&](auto action) { return runAction(action); })
      .Case<pipe::CopyOp>([&](auto copy) { return runCopy(copy); })
      .Case<pipe::LoopOp>([&](auto loop) { return runLoop(loop); })
      .Case<pipe::IfOp>([&](auto branch) { return runIf(branch); })
      .Case<pipe::WhileOp>([&](auto loop) { return runWhile(loop); })
      .Case<pipe::ConstantOp>([&](auto constant) {
        FailureOr<Extent> range = rangeOf(op, constant);
        contents[constant] = fresh(constant);
        if (succeeded(range))
          model(*range).write(range->offset, contents[constant]);
        return LogicalResult(range);
      })
      .Default([&](Operation *) {
        for (auto [i, value] : llvm::enumerate(op->getOperands()))
          if (!isa<pipe::YieldOp, func::ReturnOp>(op) && failed(expect(op, value, "operand " + Twine(i))))
            return failure();
        return success();
      });
}

LogicalResult Simulator::runBlock(Block &block) {
  bool isEntry = block.getParentOp() == entry;
  for (Operation &op : block) {
    if (failed(runOp(&op)))
      return failure();
    guards -= isEntry && pipe::mayStop(&op);
  }
  return success();
}

// Outputs and new states lie where the caller looks; other states are as they were.
LogicalResult Simulator::checkReturn(Operation *end) {
  llvm::SmallDenseSet<Attribute> returned;
  if (!underWay.empty())
    return underWay.begin()->first->emitError("a collective that is begun is waited for, got none");
  for (auto [i, value] : llvm::enumerate(end->getOperands())) {
    if (failed(expect(end, value, "result " + Twine(i))))
      return failure();
    if (Attribute state = entry.getResultAttr(i, model::kStateAttr))
      returned.insert(state);
    if (entry.getResultAttr(i, pipe::kPlaceAttr) != pipe::placeOf(value))
      return end->emitError("a result must lie where the entry says, got: ") << pipe::placeOf(value);
  }
  for (BlockArgument argument : entry.getArguments())
    if (Attribute state = entry.getArgAttr(argument.getArgNumber(), model::kStateAttr);
        state && !returned.contains(state) && failed(expect(end, argument, "a state that the entry keeps")))
      return failure();
  return success();
}

LogicalResult Simulator::run() {
  Block &block = entry.getBody().front();
  for (BlockArgument argument : entry.getArguments()) {
    FailureOr<Extent> range = rangeOf(entry, argument);
    if (failed(range))
      return failure();
    contents[argument] = fresh(argument);
    model(*range).write(range->offset, contents[argument]);
  }
  guards = llvm::count_if(block, [](Operation &op) { return pipe::mayStop(&op); });
  if (failed(runBlock(block)))
    return failure();
  return checkReturn(block.getTerminator());
}

LogicalResult cleave::verifyMemoryStage(ModuleOp module) {
  for (auto entry : module.getOps<func::FuncOp>())
    for (bool isLast : {false, true}) // who is alone is first and last
      if (entry->hasAttr(model::kEntryAttr) && (!isLast || !module.getOps<dist::MeshOp>().empty()) &&
          failed(Simulator(entry, isLast).run()))
        return failure();
  return success();
}
