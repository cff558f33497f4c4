#include "runtime/core/PrintProgram.h"

#include <algorithm>

namespace cleave::rt {

namespace {

const char *nameOf(Region region) {
  static const char *const kNames[] = {"state", "scratch", "constant", "input", "output"};
  return kNames[static_cast<size_t>(region)];
}

const char *nameOf(Opcode op) {
  static const char *const kNames[] = {"launch",  "copy",  "loop",   "end",   "branch",     "jump",  "leave",
                                       "counter", "print", "assert", "guard", "collective", "start", "wait"};
  return kNames[static_cast<size_t>(op)];
}

std::string addressText(const Mesh &mesh, const Address &address) {
  std::string text = nameOf(address.region);
  if (address.region == Region::Input || address.region == Region::Output)
    text += std::to_string(address.slot);
  text += "+" + std::to_string(address.offset);
  for (const Stride &stride : address.strides)
    text += " +" + std::to_string(stride.bytes) + "*c" + std::to_string(stride.depth) +
            (stride.turns ? "%" + std::to_string(stride.turns) : "");
  if (!address.over.empty())
    text += " +" + std::to_string(address.memberBytes) + "*member over " + toString(mesh, address.over);
  return text;
}

std::string operandText(const Mesh &mesh, const Operand &operand) {
  std::string text = addressText(mesh, operand.address) + " " + toString(operand.shape);
  return operand.name.empty() ? text : text + " \"" + operand.name + "\"";
}

std::string operandList(const Mesh &mesh, const std::vector<Operand> &operands, size_t begin, size_t end) {
  std::string text = "(";
  for (size_t i = begin; i < end; ++i)
    text += (i > begin ? ", " : "") + operandText(mesh, operands[i]);
  return text + ")";
}

// `all_reduce sum over "tp" "h" because ...`.
std::string collectiveText(const Mesh &mesh, const Collective &it) {
  std::string text = nameOf(it.kind);
  auto field = [&](const char *name, int64_t value) {
    text += std::string(" ") + name + " " + std::to_string(value);
  };
  if (it.kind == CollectiveKind::AllReduce || it.kind == CollectiveKind::ReduceScatter ||
      it.kind == CollectiveKind::Only)
    text += std::string(" ") + nameOf(it.reduction);
  text += " over " + toString(mesh, it.over);
  if (it.kind == CollectiveKind::ReduceScatter || it.kind == CollectiveKind::AllGather ||
      it.kind == CollectiveKind::AllToAll || it.kind == CollectiveKind::Slice ||
      it.kind == CollectiveKind::Halo)
    field("dim", it.dim);
  if (it.kind == CollectiveKind::AllToAll)
    field("to", it.dim2);
  if (it.kind == CollectiveKind::Halo) {
    field("low", it.low);
    field("high", it.high);
  }
  if (it.kind == CollectiveKind::Broadcast)
    field("root", it.root);
  for (const MemberPair &pair : it.pairs)
    text += " " + std::to_string(pair.from) + "->" + std::to_string(pair.to);
  if (it.extent != 0)
    field("of", it.extent);
  return text + (it.padded ? " padded" : "") + (it.name.empty() ? "" : " \"" + it.name + "\"") +
         (it.because.empty() ? "" : " because " + it.because);
}

std::string instructionText(const Program &program, const Instruction &instruction) {
  const std::vector<Operand> &operands = instruction.operands;
  std::string text = nameOf(instruction.op);
  switch (instruction.op) {
  case Opcode::Launch: {
    size_t inputs = operands.size() - instruction.outputs;
    return text + " " + program.kernels[instruction.target].name + " " +
           operandList(program.mesh, operands, 0, inputs) + " -> " +
           operandList(program.mesh, operands, inputs, operands.size());
  }
  case Opcode::Collective:
  case Opcode::Start:
  case Opcode::Wait:
    if (instruction.op != Opcode::Collective)
      text += " #" + std::to_string(instruction.count) + (instruction.ahead ? " ahead" : "");
    return text + " " + collectiveText(program.mesh, program.collectives[instruction.target]) + " " +
           operandList(program.mesh, operands, 0, operands.size());
  case Opcode::LoopBegin:
    return text + " " + std::to_string(instruction.count) + " times" +
           (instruction.reverse ? " reverse" : "") + " to " + std::to_string(instruction.target);
  case Opcode::LoopEnd:
    return text + " of " + std::to_string(instruction.target);
  case Opcode::Jump:
    return text + " to " + std::to_string(instruction.target);
  case Opcode::Branch:
    return text + " " + operandList(program.mesh, operands, 0, operands.size()) + " else to " +
           std::to_string(instruction.target);
  default:
    text += " " + operandList(program.mesh, operands, 0, operands.size());
    return instruction.text.empty() ? text : text + " \"" + instruction.text + "\"";
  }
}

// ` of f32[N = 8], 0 over "dp"`: how a local shape is a block of a global one.
std::string splitText(const Mesh &mesh, const Split &split) {
  if (split.dims.empty())
    return "";
  std::string text = " of " + toString(split.global);
  for (size_t i = 0; i < split.dims.size(); ++i)
    if (const DimSplit &dim = split.dims[i]; !dim.over.empty())
      text += ", " + std::to_string(i) + " over " + toString(mesh, dim.over) + (dim.padded ? " padded" : "");
  return text;
}

std::string portsText(const Mesh &mesh, const std::vector<Port> &ports, const char *kind) {
  std::string text;
  for (size_t i = 0; i < ports.size(); ++i) {
    text += std::string("  ") + kind + std::to_string(i) + " " + ports[i].name + ": " +
            toString(ports[i].shape) + splitText(mesh, ports[i].split);
    if (!ports[i].source.empty())
      text += " from " + ports[i].source + (ports[i].ordered ? " in order" : "");
    text += "\n";
  }
  return text;
}

std::string kernelText(const Kernel &kernel) {
  std::string text = kernel.name + " rows " + std::to_string(kernel.rows) + " grain " +
                     std::to_string(kernel.grain) + " " + nameOf(kernel.arithmetic);
  for (const Work &part : kernel.parts)
    text += (&part == kernel.parts.data() ? " " : ", ") + std::to_string(part.flops) + " flop " +
            std::to_string(part.bytes) + " B";
  return text;
}

// " // a.dsl:3:1, b.dsl:4:1": the lines of a launch's parts, each once.
std::string sourceText(const Instruction &instruction) {
  std::vector<std::string> seen;
  if (instruction.lines.empty() && !instruction.source.empty())
    seen.push_back(instruction.source);
  for (const std::string &line : instruction.lines)
    if (!line.empty() && std::find(seen.begin(), seen.end(), line) == seen.end())
      seen.push_back(line);
  std::string text;
  for (const std::string &line : seen)
    text += (text.empty() ? "  // " : ", ") + line;
  return text;
}

std::string entryText(const Program &program, const Entry &entry) {
  std::string text = "entry " + entry.name + " scratch " + std::to_string(entry.scratchBytes) + " bytes\n";
  text += portsText(program.mesh, entry.inputs, "input") + portsText(program.mesh, entry.outputs, "output");
  size_t depth = 0;
  for (size_t i = 0; i < entry.instructions.size(); ++i) {
    const Instruction &instruction = entry.instructions[i];
    if (instruction.op == Opcode::LoopEnd && depth > 0)
      --depth;
    text +=
        "  " + std::to_string(i) + std::string(1 + 2 * depth, ' ') + instructionText(program, instruction);
    text += sourceText(instruction) + "\n";
    if (instruction.op == Opcode::LoopBegin)
      ++depth;
  }
  return text;
}

} // namespace

std::string printProgram(const Program &program) {
  std::string text;
  if (!program.plan.empty())
    text += "plan " + program.plan + " " + program.planHash + "\n";
  if (!program.mesh.axes.empty())
    text += "mesh " + program.mesh.name + " " + toString(program.mesh) + "\n";
  text += "state " + std::to_string(program.stateBytes) + " bytes\n";
  for (const State &state : program.states)
    text += "  @" + std::to_string(state.offset) + " " + toString(state.shape) +
            splitText(program.mesh, state.split) + " " + state.kind + " \"" + state.path + "\"\n";
  if (!program.constants.empty())
    text += "constants " + std::to_string(program.constants.size()) + " bytes\n";
  for (const DataSource &source : program.data)
    text +=
        "data " + source.name + " " + source.kind + (source.option.empty() ? "" : " " + source.option) + "\n";
  for (size_t i = 0; i < program.kernels.size(); ++i)
    text += "kernel " + std::to_string(i) + " " + kernelText(program.kernels[i]) + "\n";
  for (const Entry &entry : program.entries)
    text += entryText(program, entry);
  return text;
}

} // namespace cleave::rt
