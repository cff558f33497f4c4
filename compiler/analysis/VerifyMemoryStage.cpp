// verifyMemoryStage: the entry's list, run on a model of memory.
#include "compiler/analysis/MemoryModel.h"
#include "compiler/analysis/StageChecks.h"

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

class Simulator {
public:
  explicit Simulator(func::FuncOp entry) : entry(entry) {}
  LogicalResult run();

private:
  using Memory = std::map<std::pair<int, int64_t>, RegionModel>;

  FailureOr<Extent> rangeOf(Operation *op, Value value);
  LogicalResult checkBounds(Operation *op, const Extent &range);
  LogicalResult expect(Operation *op, Value value, Twine what);
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
  Memory memory;
  llvm::DenseMap<Value, Content> contents;
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
  for (auto [depth, stride] : llvm::zip(place.getDepths(), place.getStrides())) {
    if (depth >= static_cast<int64_t>(counters.size()))
      return op->emitError("a place moves with a loop around it, got: depth ")
             << depth << " within " << counters.size() << " loops";
    range.offset += counters[depth] * stride;
  }
  if (failed(checkBounds(op, range)))
    return failure();
  return range;
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

// The value's place holds the value.
LogicalResult Simulator::expect(Operation *op, Value value, Twine what) {
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
      if (outputs[i].meets(inputs[k]) && !(outputs[i] == inputs[k] && op.getInplaceResult(k) == i))
        return op->emitError(
                   "a result may overlap an operand only where the action works in place, got: result ")
               << i << " and operand " << k;
  }
  return success();
}

LogicalResult Simulator::runAction(pipe::ActionInterface op) {
  for (auto [i, value] : llvm::enumerate(op->getOperands()))
    if (failed(expect(op, value, "operand " + Twine(i))))
      return failure();
  if (failed(checkApart(op)))
    return failure();
  for (Value value : op->getResults())
    if (failed(write(op, value, fresh(value))))
      return failure();
  return success();
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
    if (failed(expect(op, result, "result " + Twine(i))))
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
    if (entry->hasAttr(model::kEntryAttr) && failed(Simulator(entry).run()))
      return failure();
  return success();
}
