#include "compiler/convert/EncodeProgram.h"

#include "compiler/analysis/KernelWork.h"
#include "compiler/analysis/MemoryReport.h"
#include "compiler/convert/BindStorage.h"
#include "compiler/convert/EncodeCollectives.h"

using namespace mlir;
using namespace cleave;
using pipe::MemoryRegion;

static rt::Type typeOf(Type element, StringRef wanted) {
  if (element.isF64())
    return rt::Type::F64;
  if (element.isBF16())
    return rt::Type::BF16;
  if (element.isF16())
    return rt::Type::F16;
  if (element.isInteger(64))
    return rt::Type::I64;
  if (element.isInteger(32))
    return rt::Type::I32;
  if (element.isInteger(1)) // in the types of wholes, which no memory has
    return rt::Type::Bool;
  if (element.isInteger(8))
    return wanted == "u8" ? rt::Type::U8 : wanted == "bool" ? rt::Type::Bool : rt::Type::I8;
  return rt::Type::F32;
}

// `wanted`: the user's element type where storage does not tell ("u8", "bool"), or "".
static rt::Shape shapeOf(Type type, StringRef wanted) {
  auto tensor = cast<RankedTensorType>(type);
  rt::Shape shape;
  shape.type = typeOf(tensor.getElementType(), wanted);
  shape.sizes.assign(tensor.getShape().begin(), tensor.getShape().end());
  for (StringRef axis : model::axesOf(tensor))
    shape.axes.push_back(axis.str());
  shape.axes.resize(shape.sizes.size());
  return shape;
}

static std::string text(StringAttr attr) { return attr ? attr.getValue().str() : ""; }

static rt::Region regionOf(MemoryRegion region) {
  switch (region) {
  case MemoryRegion::State:
    return rt::Region::State;
  case MemoryRegion::Scratch:
    return rt::Region::Scratch;
  case MemoryRegion::Constant:
    return rt::Region::Constant;
  case MemoryRegion::Input:
    return rt::Region::Input;
  case MemoryRegion::Output:
    return rt::Region::Output;
  }
  return rt::Region::Scratch;
}

static rt::Address addressOf(ModuleOp module, pipe::PlaceAttr place) {
  rt::Address address;
  address.region = regionOf(place.getRegion());
  address.slot = place.getSlot();
  address.offset = place.getOffset();
  for (auto [depth, stride, turns] : llvm::zip(place.getDepths(), place.getStrides(), place.getTurns()))
    address.strides.push_back({static_cast<uint32_t>(depth), stride, turns});
  if (place.getOver()) {
    auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(module, place.getMesh());
    address.over = convert::partsOf(mesh, dist::axesOf(place.getOver()));
    address.memberBytes = place.getMemberBytes();
  }
  return address;
}

// The address where the counter of the loop at `depth` has this value.
static void fixCounter(rt::Address &address, uint32_t depth, int64_t counter) {
  std::vector<rt::Stride> others;
  for (const rt::Stride &stride : address.strides)
    if (stride.depth != depth)
      others.push_back(stride);
    else
      address.offset += stride.bytes * (stride.turns ? counter % stride.turns : counter);
  address.strides = std::move(others);
}

// The address of the next turn, by the counter of this one. Buffers that take turns are two.
static void moveOn(rt::Address &address, uint32_t depth, bool reverse) {
  for (rt::Stride &stride : address.strides) {
    if (stride.depth != depth)
      continue;
    if (stride.turns) {
      address.offset += stride.bytes;
      stride.bytes = -stride.bytes;
    } else {
      address.offset += reverse ? -stride.bytes : stride.bytes;
    }
  }
}

namespace {

class EntryEncoder {
public:
  EntryEncoder(func::FuncOp function, SymbolTable &symbols, const llvm::StringMap<uint32_t> &kernels,
               std::vector<rt::Collective> &collectives)
      : function(function), symbols(symbols), kernels(kernels), collectives(collectives) {}
  rt::Entry run();

private:
  void encodePorts();
  void encodeBlock(Block &block);
  void encodeOp(Operation *op);
  void encodeLaunch(pipe::LaunchOp op);
  void encodeCollective(Operation *op);
  void encodeWait(comm::WaitOp op);
  void beginAhead(pipe::LoopOp loop);
  rt::Instruction &addCollective(rt::Opcode opcode, Operation *op);
  int64_t tokenOf(Operation *begun) { return tokens.try_emplace(begun, tokens.size()).first->second; }
  void encodeCopy(pipe::CopyOp op);
  void encodeLoop(pipe::LoopOp op);
  void encodeIf(pipe::IfOp op);
  void encodeWhile(pipe::WhileOp op);
  void encodePrint(pipe::PrintOp op);

  uint32_t here() const { return entry.instructions.size(); }
  rt::Instruction &add(rt::Opcode opcode, Operation *op);
  rt::Operand operandOf(Value value, StringRef wanted = "");
  // The name a value has: its own, or that of what it is a part or a copy of.
  std::string pathOf(Value value);

  func::FuncOp function;
  SymbolTable &symbols;
  const llvm::StringMap<uint32_t> &kernels;
  std::vector<rt::Collective> &collectives;      // of the program
  llvm::DenseMap<Operation *, uint32_t> numbers; // of collectives, in that list
  llvm::DenseMap<Operation *, int64_t> tokens;   // of what is begun
  rt::Entry entry;
};

} // namespace

std::string EntryEncoder::pathOf(Value value) {
  if (StringRef name = pipe::nameOf(value); !name.empty())
    return name.str();
  if (auto result = dyn_cast<OpResult>(value)) {
    Operation *op = result.getOwner();
    if (auto copy = dyn_cast<pipe::CopyOp>(op))
      return pathOf(copy.getInput());
    if (isa<pipe::PackOp>(op))
      return "";
    if (isa<comm::CommDialect>(op->getDialect()) && op->getNumOperands())
      return pathOf(op->getOperand(0));
    // A stack is known by its elements.
    auto loop = dyn_cast<pipe::LoopOp>(op);
    return loop ? pathOf(loop.getYield()->getOperand(result.getResultNumber())) : "";
  }
  auto argument = cast<BlockArgument>(value);
  Operation *parent = argument.getOwner()->getParentOp();
  unsigned number = argument.getArgNumber();
  if (auto loop = dyn_cast<pipe::LoopOp>(parent)) {
    unsigned firstSlice = 1 + loop.getCarries().size();
    return number >= firstSlice ? pathOf(loop.getSlices()[number - firstSlice]) : "";
  }
  if (parent != function)
    return "";
  if (auto symbol = function.getArgAttrOfType<FlatSymbolRefAttr>(number, model::kStateAttr))
    return cast<model::StateOp>(symbols.lookup(symbol.getValue())).getPath().str();
  return text(function.getArgAttrOfType<StringAttr>(number, model::kInputAttr));
}

rt::Operand EntryEncoder::operandOf(Value value, StringRef wanted) {
  return {addressOf(function->getParentOfType<ModuleOp>(), pipe::placeOf(value)),
          shapeOf(value.getType(), wanted), pathOf(value)};
}

rt::Instruction &EntryEncoder::add(rt::Opcode opcode, Operation *op) {
  rt::Instruction &instruction = entry.instructions.emplace_back();
  instruction.op = opcode;
  instruction.source = analysis::sourceOf(op->getLoc());
  return instruction;
}

static rt::Split splitOf(func::FuncOp function, DictionaryAttr attrs, StringRef wanted) {
  return convert::encodeSplit(function->getParentOfType<ModuleOp>(), attrs,
                              [&](Type type) { return shapeOf(type, wanted); });
}

void EntryEncoder::encodePorts() {
  auto attr = [&](DictionaryAttr attrs, StringRef name) { return attrs ? attrs.get(name) : Attribute(); };
  for (BlockArgument argument : function.getArguments()) {
    DictionaryAttr attrs = function.getArgAttrDict(argument.getArgNumber());
    if (attr(attrs, model::kStateAttr))
      continue;
    rt::Port &port = entry.inputs.emplace_back();
    port.name = text(dyn_cast_or_null<StringAttr>(attr(attrs, model::kInputAttr)));
    std::string wanted = text(dyn_cast_or_null<StringAttr>(attr(attrs, pipe::kTypeAttr)));
    port.shape = shapeOf(argument.getType(), wanted);
    port.split = splitOf(function, attrs, wanted);
    if (auto source = dyn_cast_or_null<FlatSymbolRefAttr>(attr(attrs, model::kSourceAttr)))
      port.source = source.getValue();
    port.ordered = static_cast<bool>(attr(attrs, model::kOrderedAttr));
    port.location = analysis::sourceOf(argument.getLoc());
  }
  Operation *end = function.getBody().front().getTerminator();
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    DictionaryAttr attrs = function.getResultAttrDict(i);
    if (auto symbol = dyn_cast_or_null<FlatSymbolRefAttr>(attr(attrs, model::kStateAttr))) {
      auto argument = dyn_cast<BlockArgument>(end->getOperand(i));
      if (!argument || function.getArgAttr(argument.getArgNumber(), model::kStateAttr) != symbol)
        entry.writes.push_back(cast<model::StateOp>(symbols.lookup(symbol.getValue())).getPath().str());
      continue;
    }
    rt::Port &port = entry.outputs.emplace_back();
    port.name = text(dyn_cast_or_null<StringAttr>(attr(attrs, model::kOutputAttr)));
    std::string wanted = text(dyn_cast_or_null<StringAttr>(attr(attrs, pipe::kTypeAttr)));
    port.shape = shapeOf(type, wanted);
    port.split = splitOf(function, attrs, wanted);
    port.location = analysis::sourceOf(end->getOperand(i).getLoc());
  }
}

void EntryEncoder::encodeLaunch(pipe::LaunchOp op) {
  rt::Instruction &launch = add(rt::Opcode::Launch, op);
  launch.target = kernels.lookup(op.getKernel());
  launch.outputs = op.getNumResults();
  launch.lines = analysis::linesOfParts(op.getLoc());
  for (Value value : op.getInputs())
    launch.operands.push_back(operandOf(value));
  // A kernel of several groups has a result from each: the instruction's place would be that of the first.
  auto kernel = symbols.lookup<func::FuncOp>(op.getKernel());
  bool isDefined = kernel && !kernel.isExternal();
  for (auto [i, value] : llvm::enumerate(op.getResults())) {
    launch.operands.push_back(operandOf(value));
    if (isDefined)
      launch.operands.back().source =
          analysis::sourceOf(kernel.getBody().front().getTerminator()->getOperand(i).getLoc());
  }
}

// `op` is the collective; what begins it and what ends it name the same.
rt::Instruction &EntryEncoder::addCollective(rt::Opcode opcode, Operation *op) {
  auto [number, isNew] = numbers.try_emplace(op, collectives.size());
  if (isNew)
    collectives.push_back(*convert::encodeCollective(op));
  rt::Instruction &instruction = add(opcode, op);
  instruction.target = number->second;
  instruction.outputs = op->getNumResults();
  if (opcode != rt::Opcode::Collective)
    instruction.count = tokenOf(op);
  StringRef wanted;
  if (auto type = op->getAttrOfType<StringAttr>(pipe::kTypeAttr))
    wanted = type.getValue();
  for (ValueRange values : {ValueRange(op->getOperands()), ValueRange(op->getResults())})
    for (Value value : values)
      instruction.operands.push_back(operandOf(value, wanted));
  return instruction;
}

void EntryEncoder::encodeCollective(Operation *op) {
  if (!isa<comm::CommDialect>(op->getDialect()))
    return;
  if (!comm::isAhead(op)) {
    addCollective(comm::isAsync(op) ? rt::Opcode::Start : rt::Opcode::Collective, op);
    return;
  }
  // The turn's own is there now; the next one's begins.
  auto loop = cast<pipe::LoopOp>(op->getParentOp());
  addCollective(rt::Opcode::Wait, op);
  rt::Instruction &next = addCollective(rt::Opcode::Start, op);
  next.ahead = true;
  for (rt::Operand &operand : next.operands)
    moveOn(operand.address, convert::loopDepthOf(loop), loop.getReverse());
}

void EntryEncoder::beginAhead(pipe::LoopOp loop) {
  for (Operation &op : loop.getBodyBlock()) {
    if (!comm::isAhead(&op))
      continue;
    rt::Instruction &first = addCollective(rt::Opcode::Start, &op);
    for (rt::Operand &operand : first.operands)
      fixCounter(operand.address, convert::loopDepthOf(loop), loop.getReverse() ? loop.getCount() - 1 : 0);
  }
}

void EntryEncoder::encodeWait(comm::WaitOp op) {
  Operation *begun = comm::begunBy(op);
  rt::Instruction &wait = addCollective(rt::Opcode::Wait, begun);
  auto loop = begun->getBlock() == op->getBlock() ? nullptr : dyn_cast<pipe::LoopOp>(begun->getParentOp());
  for (rt::Operand &operand : wait.operands)
    if (loop)
      fixCounter(operand.address, convert::loopDepthOf(loop), loop.getReverse() ? 0 : loop.getCount() - 1);
}

void EntryEncoder::encodeCopy(pipe::CopyOp op) {
  if (pipe::placeOf(op.getInput()) == pipe::placeOf(op.getResult()))
    return;
  add(rt::Opcode::Copy, op).operands = {operandOf(op.getInput()), operandOf(op.getResult())};
}

void EntryEncoder::encodeLoop(pipe::LoopOp op) {
  beginAhead(op);
  uint32_t begin = here();
  rt::Instruction &loop = add(rt::Opcode::LoopBegin, op);
  loop.count = op.getCount();
  loop.reverse = op.getReverse();
  if (!op.getCounter().use_empty())
    add(rt::Opcode::Counter, op).operands = {operandOf(op.getCounter())};
  encodeBlock(op.getBodyBlock());
  entry.instructions[begin].target = here();
  add(rt::Opcode::LoopEnd, op).target = begin;
}

void EntryEncoder::encodeIf(pipe::IfOp op) {
  uint32_t branch = here();
  add(rt::Opcode::Branch, op).operands = {operandOf(op.getCondition(), "bool")};
  encodeBlock(op.getThenBody().front());
  uint32_t jump = here();
  add(rt::Opcode::Jump, op);
  entry.instructions[branch].target = here();
  encodeBlock(op.getElseBody().front());
  entry.instructions[jump].target = here();
}

void EntryEncoder::encodeWhile(pipe::WhileOp op) {
  uint32_t begin = here();
  add(rt::Opcode::LoopBegin, op).count = op.getBound();
  encodeBlock(op.getCondition().front());
  Value condition = op.getCondition().front().getTerminator()->getOperand(0);
  add(rt::Opcode::LeaveUnless, op).operands = {operandOf(condition, "bool")};
  encodeBlock(op.getBody().front());
  entry.instructions[begin].target = here();
  add(rt::Opcode::LoopEnd, op).target = begin;
}

void EntryEncoder::encodePrint(pipe::PrintOp op) {
  rt::Instruction &print = add(rt::Opcode::Print, op);
  print.text = op.getLabel();
  for (auto [i, value] : llvm::enumerate(op.getInputs())) {
    StringRef wanted = op.getTypes() ? cast<StringAttr>((*op.getTypes())[i]).getValue() : "";
    print.operands.push_back(operandOf(value, wanted));
  }
}

// A block that lies in the whole it is cut from is there.
static bool liesInWhole(Operation *op) {
  auto slice = dyn_cast<comm::SliceOp>(op);
  pipe::PlaceAttr place = slice ? pipe::placeOf(slice.getResult()) : pipe::PlaceAttr();
  return place && place.getOver() && place.getWhole() == pipe::placeOf(slice.getInput());
}

void EntryEncoder::encodeOp(Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case<pipe::LaunchOp>([&](auto launch) { encodeLaunch(launch); })
      .Case<pipe::CopyOp>([&](auto copy) { encodeCopy(copy); })
      .Case<pipe::LoopOp>([&](auto loop) { encodeLoop(loop); })
      .Case<pipe::IfOp>([&](auto branch) { encodeIf(branch); })
      .Case<pipe::WhileOp>([&](auto loop) { encodeWhile(loop); })
      .Case<pipe::PrintOp>([&](auto print) { encodePrint(print); })
      .Case<comm::WaitOp>([&](auto wait) { encodeWait(wait); })
      .Case<pipe::PackOp, pipe::UnpackOp>([](auto) {}) // parts lie where the whole does
      .Case<pipe::AssertOp>([&](auto assertion) {
        rt::Instruction &instruction = add(rt::Opcode::Assert, op);
        instruction.text = assertion.getMessage();
        instruction.operands = {operandOf(assertion.getCondition(), "bool")};
      })
      .Case<pipe::GuardOp>([&](auto guard) {
        rt::Instruction &instruction = add(rt::Opcode::Guard, op);
        instruction.operands = {operandOf(guard.getInput())};
        if (instruction.operands[0].name.empty())
          instruction.operands[0].name = guard.getOutput();
      })
      .Default([&](Operation *) {
        if (!liesInWhole(op))
          encodeCollective(op);
      });
}

void EntryEncoder::encodeBlock(Block &block) {
  for (Operation &op : block)
    encodeOp(&op);
}

rt::Entry EntryEncoder::run() {
  entry.name = function.getName();
  if (auto bytes = function->getAttrOfType<IntegerAttr>(pipe::kScratchBytesAttr))
    entry.scratchBytes = bytes.getInt();
  encodePorts();
  encodeBlock(function.getBody().front());
  return std::move(entry);
}

static rt::State encodeState(model::StateOp op) {
  rt::State state;
  std::string wanted = text(op->getAttrOfType<StringAttr>(pipe::kTypeAttr));
  state.path = op.getPath();
  state.kind = op.getKind();
  state.shape = shapeOf(op.getType(), wanted);
  state.split = convert::encodeSplit(op->getParentOfType<ModuleOp>(), op->getDiscardableAttrDictionary(),
                                     [&](Type type) { return shapeOf(type, wanted); });
  state.offset = op->getAttrOfType<IntegerAttr>(pipe::kStateOffsetAttr).getInt();
  return state;
}

static rt::DataSource encodeData(model::DataOp op) {
  DictionaryAttr arguments = op.getArguments();
  auto word = [&](StringRef name) { return text(arguments.getAs<StringAttr>(name)); };
  rt::DataSource data;
  data.name = op.getSymName();
  data.kind = op.getKind();
  if (auto paths = arguments.getAs<ArrayAttr>("paths"))
    for (StringRef path : paths.getAsValueRange<StringAttr>())
      data.paths.push_back(path.str());
  data.folder = word("folder");
  data.option = data.kind == "tokens" ? word("type") : word("distribution");
  if (auto below = arguments.getAs<IntegerAttr>("below"))
    data.below = below.getInt();
  data.location = analysis::sourceOf(op.getLoc());
  return data;
}

static void encodeConstant(pipe::ConstantOp op, std::vector<uint8_t> &constants) {
  auto value = cast<DenseElementsAttr>(op.getValue());
  size_t offset = pipe::placeOf(op.getResult()).getOffset(), bytes = pipe::bytesOf(op.getType());
  constants.resize(std::max(constants.size(), offset + bytes));
  ArrayRef<char> raw = value.getRawData();
  for (size_t at = 0; at < bytes; at += raw.size()) // a splat holds one element
    llvm::copy(raw, constants.begin() + offset + at);
}

rt::Program cleave::convert::encodeProgram(ModuleOp module) {
  rt::Program program;
  convert::encodePlan(module, program);
  SymbolTable symbols(module);
  llvm::StringMap<uint32_t> kernels;
  auto number = [](Operation *op, StringRef name) {
    auto attr = op->getAttrOfType<IntegerAttr>(name);
    return attr ? attr.getInt() : 1;
  };
  for (Operation &op : *module.getBody()) {
    if (op.hasAttr(pipe::kKernelAttr)) {
      StringRef name = SymbolTable::getSymbolName(&op).getValue();
      kernels[name] = program.kernels.size();
      rt::Kernel &kernel = program.kernels.emplace_back();
      kernel.name = name.str();
      kernel.rows = number(&op, pipe::kRowCountAttr);
      kernel.grain = number(&op, pipe::kGrainAttr);
      if (auto function = dyn_cast<func::FuncOp>(op)) {
        kernel.parts = analysis::workOf(function);
        kernel.arithmetic = analysis::arithmeticOf(function);
      }
    } else if (auto state = dyn_cast<model::StateOp>(op)) {
      program.states.push_back(encodeState(state));
    } else if (auto data = dyn_cast<model::DataOp>(op)) {
      program.data.push_back(encodeData(data));
    }
  }
  module.walk([&](pipe::ConstantOp op) { encodeConstant(op, program.constants); });
  if (auto bytes = module->getAttrOfType<IntegerAttr>(pipe::kStateBytesAttr))
    program.stateBytes = bytes.getInt();
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function->hasAttr(model::kEntryAttr))
      continue;
    program.entries.push_back(EntryEncoder(function, symbols, kernels, program.collectives).run());
    program.scratchBytes = std::max(program.scratchBytes, program.entries.back().scratchBytes);
  }
  return program;
}
