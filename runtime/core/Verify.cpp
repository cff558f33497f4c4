#include "runtime/core/Verify.h"

#include "runtime/core/Parts.h"
#include "runtime/core/Paths.h"
#include "runtime/core/VerifyCollectives.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace cleave::rt {

namespace {

using Wide = __int128; // of sums and products that 64 bits need not hold

struct Loop {
  size_t begin;
  int64_t count;
  bool reverse;
};

Error malformed(const std::string &what, const std::string &location = "") {
  return {"E799",
          "the compiled program is malformed: " + what,
          location,
          {},
          "this is a fault of the compiler; please report it"};
}

// Sizes are counts, and their product is a number of bytes.
bool isShape(const Shape &shape) {
  Wide bytes = sizeOf(shape.type);
  for (int64_t size : shape.sizes) {
    if (size < 0 || (bytes *= size) > INT64_MAX)
      return false;
  }
  return true;
}

class EntryVerifier {
public:
  EntryVerifier(const Program &program, const Entry &entry) : program(program), entry(entry) {}

  Status verify() {
    if (Status status = frame(); !status)
      return status;
    for (at = 0; at < entry.instructions.size(); ++at)
      if (Status status = instruction(entry.instructions[at]); !status)
        return status;
    if (!loops.empty())
      return fail("a loop has no end");
    return {};
  }

private:
  Error fail(const std::string &message) const {
    bool isPlace = at < entry.instructions.size();
    return malformed("entry '" + entry.name + "', instruction " + std::to_string(at) + ": " + message,
                     isPlace ? entry.instructions[at].source : "");
  }

  // The entry's own numbers, and around which instructions its loops stand.
  Status frame() {
    if (entry.scratchBytes < 0)
      return malformed("entry '" + entry.name + "' has no valid size of scratch");
    for (const std::vector<Port> *ports : {&entry.inputs, &entry.outputs})
      for (const Port &port : *ports)
        if (!isShape(port.shape))
          return malformed("'" + port.name + "' of entry '" + entry.name + "' has no valid shape");
        else if (std::string fault = faultOfSplit(program.mesh, port.shape, port.split); !fault.empty())
          return malformed("'" + port.name + "' of entry '" + entry.name + "': " + fault);
    std::vector<size_t> open;
    for (const Instruction &instruction : entry.instructions) {
      around.push_back(open.empty() ? kNone : open.back());
      if (instruction.op == Opcode::LoopBegin)
        open.push_back(around.size() - 1);
      else if (instruction.op == Opcode::LoopEnd && !open.empty())
        open.pop_back();
    }
    around.push_back(kNone);
    return {};
  }

  Status instruction(const Instruction &instruction) {
    if (instruction.op == Opcode::LoopEnd) {
      if (loops.empty() || instruction.target != loops.back().begin ||
          entry.instructions[loops.back().begin].target != at)
        return fail("a loop's end does not match its begin");
      loops.pop_back();
      return {};
    }
    if (Status status = control(instruction); !status)
      return status;
    if (Status status = shapes(instruction); !status)
      return status;
    for (size_t i = 0; i < instruction.operands.size(); ++i)
      if (Status status = bounds(instruction.operands[i], i >= firstWritten(instruction), instruction.ahead);
          !status)
        return status;
    if (instruction.op == Opcode::LoopBegin)
      loops.push_back({at, instruction.count, instruction.reverse});
    return {};
  }

  Status control(const Instruction &instruction) const {
    size_t count = entry.instructions.size();
    switch (instruction.op) {
    case Opcode::LoopBegin:
      if (instruction.target <= at || instruction.target >= count ||
          entry.instructions[instruction.target].op != Opcode::LoopEnd)
        return fail("a loop's begin does not point to an end behind it");
      if (instruction.count < 0)
        return fail("a loop runs a negative number of times");
      return {};
    case Opcode::Branch:
    case Opcode::Jump:
      if (instruction.target > count || instruction.target <= at)
        return fail("a jump does not lead forward inside the entry");
      if (around[instruction.target] != around[at])
        return fail("a jump leaves its loop, or enters one");
      return {};
    case Opcode::LeaveUnless:
    case Opcode::Counter:
      return loops.empty() ? Status(fail("there is no loop around it")) : Status();
    case Opcode::Launch:
      if (instruction.target >= program.kernels.size())
        return fail("there is no such kernel");
      if (const Kernel &kernel = program.kernels[instruction.target]; kernel.rows < 0 || kernel.grain < 1)
        return fail("kernel '" + kernel.name + "' has no valid number of rows");
      if (instruction.outputs > instruction.operands.size())
        return fail("more outputs than operands");
      return {};
    case Opcode::Collective:
    case Opcode::Start:
    case Opcode::Wait:
      return collective(instruction);
    default:
      return {};
    }
  }

  Status collective(const Instruction &instruction) const {
    if (instruction.target >= program.collectives.size())
      return fail("there is no such collective");
    if (instruction.op == Opcode::Collective)
      return {};
    if (instruction.count < 0 || instruction.count >= kMostTokens)
      return fail("a token has no valid number");
    if (instruction.op == Opcode::Start)
      return instruction.ahead && loops.empty() ? Status(fail("there is no loop around it")) : Status();
    for (const Instruction &start : entry.instructions)
      if (start.op == Opcode::Start && start.count == instruction.count)
        return {};
    return fail("nothing starts what it waits for");
  }

  // Operands from here on are written.
  size_t firstWritten(const Instruction &instruction) const {
    switch (instruction.op) {
    case Opcode::Launch:
      return instruction.operands.size() - instruction.outputs;
    case Opcode::Copy:
      return 1;
    case Opcode::Counter:
      return 0;
    case Opcode::Collective:
    case Opcode::Start:
    case Opcode::Wait:
      return operandsRead(program.collectives[instruction.target].kind);
    default:
      return instruction.operands.size();
    }
  }

  Status shapes(const Instruction &instruction) const {
    for (const Operand &operand : instruction.operands)
      if (!isShape(operand.shape))
        return fail("operand '" + operand.name + "' has no valid shape");
    auto scalar = [&](bool fits) {
      return instruction.operands.size() >= 1 && instruction.operands[0].shape.sizes.empty() && fits;
    };
    Type first = instruction.operands.empty() ? Type::F32 : instruction.operands[0].shape.type;
    switch (instruction.op) {
    case Opcode::Branch:
    case Opcode::LeaveUnless:
    case Opcode::Assert:
      return scalar(first == Type::Bool) ? Status() : Status(fail("operand 0 is not a bool scalar"));
    case Opcode::Guard:
      return scalar(isFloat(first)) ? Status() : Status(fail("operand 0 is not a float scalar"));
    case Opcode::Counter:
      return scalar(first == Type::I64) ? Status() : Status(fail("operand 0 is not an i64 scalar"));
    case Opcode::Copy:
      if (instruction.operands.size() != 2 ||
          instruction.operands[0].shape.bytes() != instruction.operands[1].shape.bytes())
        return fail("a copy's source and destination differ in size");
      return {};
    case Opcode::Collective:
    case Opcode::Start:
    case Opcode::Wait: {
      std::string fault = faultOfOperands(program.collectives[instruction.target], instruction.operands);
      return fault.empty() ? Status() : Status(fail(fault));
    }
    default:
      return {};
    }
  }

  int64_t regionBytes(const Address &address) const {
    switch (address.region) {
    case Region::State:
      return program.stateBytes;
    case Region::Scratch:
      return entry.scratchBytes;
    case Region::Constant:
      return program.constants.size();
    case Region::Input:
      return address.slot < entry.inputs.size() ? entry.inputs[address.slot].shape.bytes() : -1;
    case Region::Output:
      return address.slot < entry.outputs.size() ? entry.outputs[address.slot].shape.bytes() : -1;
    }
    return -1;
  }

  // The least and the greatest value of a loop's counter; `ahead`: but for the last turn of the innermost.
  std::pair<int64_t, int64_t> counters(const Stride &stride, bool ahead) const {
    const Loop &loop = loops[stride.depth];
    bool skips = ahead && stride.depth + 1 == loops.size();
    int64_t least = skips && loop.reverse ? 1 : 0, most = loop.count - (skips && !loop.reverse ? 2 : 1);
    return {least, std::max(least, most)};
  }

  Status bounds(const Operand &operand, bool written, bool ahead) const {
    const Address &address = operand.address;
    int64_t align = sizeOf(operand.shape.type);
    bool aligned = address.offset % align == 0;
    Wide low = address.offset, high = low + operand.shape.bytes();
    for (const Stride &stride : address.strides) {
      if (stride.depth >= loops.size())
        return fail("operand '" + operand.name + "' moves with a loop that is not around it");
      aligned &= stride.bytes % align == 0;
      if (stride.turns < 0)
        return fail("operand '" + operand.name + "' has a negative number of buffers");
      auto [least, most] = counters(stride, ahead);
      Wide from = Wide{stride.bytes} * (stride.turns > 0 ? 0 : least);
      Wide to = Wide{stride.bytes} * (stride.turns > 0 ? std::min(most, stride.turns - 1) : most);
      low += std::min(from, to);
      high += std::max(from, to);
    }
    if (std::string fault = faultOfShare(program.mesh, address); !fault.empty())
      return fail("operand '" + operand.name + "': " + fault);
    aligned &= address.memberBytes % align == 0;
    high += Wide{address.memberBytes} * (membersOf(address.over) - 1);
    int64_t size = regionBytes(address);
    if (low < 0 || high > size)
      return fail("operand '" + operand.name + "' lies at [" + text(low) + ", " + text(high) +
                  ") in a region of " + std::to_string(size) + " bytes");
    if (!aligned)
      return fail("operand '" + operand.name + "' does not lie at a multiple of its element's size");
    if (written && (address.region == Region::Constant || address.region == Region::Input))
      return fail("operand '" + operand.name + "' is written where a program only reads");
    return {};
  }

  static std::string text(Wide value) {
    if (value < INT64_MIN || value > INT64_MAX)
      return "beyond 64 bits";
    return std::to_string(static_cast<int64_t>(value));
  }

  static constexpr size_t kNone = SIZE_MAX;
  static constexpr int64_t kMostTokens = 4096;

  const Program &program;
  const Entry &entry;
  size_t at = 0;
  std::vector<Loop> loops;
  std::vector<size_t> around; // by instruction, and behind the last: the loop it stands in, by its begin
};

// Each bracket of a path stands for a size of its own, which every rank has whole.
bool isStacked(const State &state) {
  std::vector<Layers> layers = layersOf(state.path);
  bool counts =
      std::all_of(state.shape.sizes.begin(), state.shape.sizes.end(), [](int64_t n) { return n > 0; });
  for (size_t i = 0; i < std::min(layers.size(), state.split.dims.size()); ++i)
    counts &= state.split.dims[i].over.empty();
  for (size_t i = 0; i < std::min(layers.size(), state.shape.sizes.size()); ++i)
    counts &= layers[i].all() || layers[i].end - layers[i].begin == state.shape.sizes[i];
  return layers.size() <= state.shape.sizes.size() && counts;
}

Status verifyState(const Program &program, const State &state) {
  if (!isShape(state.shape) || !isStacked(state))
    return malformed("state '" + state.path + "' has no valid shape");
  if (state.offset < 0 || Wide{state.offset} + state.shape.bytes() > program.stateBytes)
    return malformed("state '" + state.path + "' lies outside its region");
  if (state.offset % sizeOf(state.shape.type) != 0)
    return malformed("state '" + state.path + "' does not lie at a multiple of its element's size");
  if (std::string fault = faultOfSplit(program.mesh, state.shape, state.split); !fault.empty())
    return malformed("state '" + state.path + "': " + fault);
  return {};
}

// The dims of a state that stand in the name of a tensor, "h.{0}.w"; none where its braces hold no dims, or
// one twice.
std::optional<std::vector<bool>> dimsOfName(const std::string &name, size_t rank) {
  std::vector<bool> dims(rank, false);
  for (size_t open = name.find('{'); open != std::string::npos; open = name.find('{', open + 1)) {
    size_t dim = 0;
    const char *begin = name.data() + open + 1, *end = name.data() + name.size();
    auto [stop, failure] = std::from_chars(begin, end, dim);
    if (failure != std::errc() || stop == end || *stop != '}' || dim >= rank || dims[dim])
      return std::nullopt;
    dims[dim] = true;
  }
  return dims;
}

// The elements of a state lie inside the tensor, each dim's place told by its name or its positions.
bool liesInside(const Shape &state, const WeightSource &source) {
  size_t rank = state.sizes.size();
  std::optional<std::vector<bool>> named = dimsOfName(source.name, rank);
  if (!named || source.sizes.size() != source.positions.size() || !isShape({Type::F64, source.sizes, {}}))
    return false;
  for (size_t d = 0; d < source.sizes.size(); ++d) {
    const WeightPosition &position = source.positions[d];
    if (position.strides.size() != rank || position.offset < 0 || position.offset >= source.sizes[d])
      return false;
    Wide last = position.offset;
    for (size_t k = 0; k < rank; ++k) {
      int64_t stride = position.strides[k];
      last += Wide{stride} * (state.sizes[k] - 1);
      if (stride < 0 || (stride > 0 && (*named)[k]) || last >= source.sizes[d])
        return false;
    }
  }
  return true;
}

Status verifyWeights(const WeightMap &map, const std::vector<State> &states) {
  for (const Weight &weight : map.weights) {
    std::vector<Part> parts; // one, or those of a stack that a plan keeps in parts
    for (const State &state : states)
      if (withAllLayers(state.path) == weight.path)
        parts.push_back({state.path, wholeOf(state.shape, state.split)});
    if (parts.empty() || weight.sources.empty())
      return malformed("weights '" + map.name + "' have no place for '" + weight.path + "'", map.location);
    for (const WeightSource &source : weight.sources)
      if (!liesInside(joined(parts), source))
        return malformed("weights '" + map.name + "' place '" + weight.path + "' outside its tensor '" +
                             source.name + "'",
                         map.location);
  }
  return {};
}

} // namespace

Status verify(const Program &program) {
  for (int64_t bytes : {program.stateBytes, program.scratchBytes})
    if (bytes < 0)
      return malformed("a region has no valid size");
  if (std::string fault = faultOfMesh(program.mesh); !fault.empty())
    return malformed(fault);
  for (const Collective &collective : program.collectives)
    if (std::string fault = faultOfCollective(program.mesh, collective); !fault.empty())
      return malformed(std::string(nameOf(collective.kind)) + " '" + collective.name + "': " + fault);
  for (const State &state : program.states)
    if (Status status = verifyState(program, state); !status)
      return status;
  for (const WeightMap &map : program.weights)
    if (Status status = verifyWeights(map, program.states); !status)
      return status;
  for (const Entry &entry : program.entries)
    if (Status status = EntryVerifier(program, entry).verify(); !status)
      return status;
  return {};
}

} // namespace cleave::rt
