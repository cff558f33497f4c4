#include "runtime/core/Verify.h"

#include <algorithm>

namespace cleave::rt {

namespace {

struct Loop {
  size_t begin;
  int64_t count;
};

class EntryVerifier {
public:
  EntryVerifier(const Program &program, const Entry &entry) : program(program), entry(entry) {}

  Status verify() {
    for (at = 0; at < entry.instructions.size(); ++at)
      if (Status status = instruction(entry.instructions[at]); !status)
        return status;
    if (!loops.empty())
      return fail("a loop has no end");
    return {};
  }

private:
  Error fail(const std::string &message) const {
    Error error;
    error.code = "E799";
    error.message = "the compiled program is malformed: entry '" + entry.name + "', instruction " +
                    std::to_string(at) + ": " + message;
    if (at < entry.instructions.size())
      error.location = entry.instructions[at].source;
    error.hint = "this is a fault of the compiler; please report it";
    return error;
  }

  Status instruction(const Instruction &instruction) {
    if (instruction.op == Opcode::LoopEnd) {
      if (loops.empty() || instruction.target != loops.back().begin)
        return fail("a loop's end does not match its begin");
      loops.pop_back();
      return {};
    }
    if (Status status = control(instruction); !status)
      return status;
    if (Status status = shapes(instruction); !status)
      return status;
    for (const Operand &operand : instruction.operands)
      if (Status status = bounds(operand); !status)
        return status;
    if (instruction.op == Opcode::LoopBegin)
      loops.push_back({at, instruction.count});
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
      if (!loops.empty() && instruction.target > entry.instructions[loops.back().begin].target)
        return fail("a jump leaves its loop");
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
    default:
      return {};
    }
  }

  Status shapes(const Instruction &instruction) const {
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

  Status bounds(const Operand &operand) const {
    int64_t low = operand.address.offset;
    int64_t high = low + operand.shape.bytes();
    for (const Stride &stride : operand.address.strides) {
      if (stride.depth >= loops.size())
        return fail("operand '" + operand.name + "' moves with a loop that is not around it");
      int64_t reach = stride.bytes * std::max<int64_t>(0, loops[stride.depth].count - 1);
      low += std::min<int64_t>(0, reach);
      high += std::max<int64_t>(0, reach);
    }
    int64_t size = regionBytes(operand.address);
    if (low < 0 || high > size)
      return fail("operand '" + operand.name + "' lies at [" + std::to_string(low) + ", " +
                  std::to_string(high) + ") in a region of " + std::to_string(size) + " bytes");
    return {};
  }

  const Program &program;
  const Entry &entry;
  size_t at = 0;
  std::vector<Loop> loops;
};

} // namespace

Status verify(const Program &program) {
  for (const State &state : program.states)
    if (state.offset < 0 || state.offset + state.shape.bytes() > program.stateBytes)
      return Error{"E799",
                   "the compiled program is malformed: state '" + state.path + "' lies outside its region",
                   "",
                   {},
                   "this is a fault of the compiler; please report it"};
  for (const Entry &entry : program.entries)
    if (Status status = EntryVerifier(program, entry).verify(); !status)
      return status;
  return {};
}

} // namespace cleave::rt
