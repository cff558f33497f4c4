// What an instance tells people: printed values, and where a NaN came from.
#include "runtime/core/Instance.h"
#include "runtime/core/Paths.h"
#include "runtime/core/SavedState.h"

#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace cleave::rt {

namespace {

constexpr int64_t kMostPrinted = 8;

std::string tensorText(const Shape &shape, const void *data) {
  int64_t elements = shape.elements();
  if (shape.sizes.empty())
    return elementText(shape.type, data, 0);
  std::string text = toString(shape) + " [";
  for (int64_t i = 0; i < std::min(elements, kMostPrinted); ++i)
    text += (i ? ", " : "") + elementText(shape.type, data, i);
  return text + (elements > kMostPrinted ? ", ...]" : "]");
}

// The subscripts of a row-major position: "[2, 0, 7]"; empty for a scalar.
std::string positionText(const Shape &shape, int64_t element) {
  if (shape.sizes.empty())
    return "";
  std::string text;
  for (size_t i = shape.sizes.size(); i-- > 0; element /= shape.sizes[i])
    text = std::to_string(element % shape.sizes[i]) + (text.empty() ? "" : ", ") + text;
  return "[" + text + "]";
}

const std::string &sourceOf(const NonFinite &found) {
  return found.operand->source.empty() ? found.instruction->source : found.operand->source;
}

std::string describe(const NonFinite &found) {
  const Operand &operand = *found.operand;
  std::string text = operand.name.empty() ? "a value of kernel '" + found.kernel + "'"
                                          : "'" + layerAt(operand.name, found.counters) + "'";
  text += ", " + toString(operand.shape) + ", is " + found.value;
  if (std::string position = positionText(operand.shape, found.element); !position.empty())
    text += " at " + position;
  bool placed = !layersOf(operand.name).empty(); // "gpt.blocks[*].p" in iteration 3 is gpt.blocks[3].p
  if (!found.counters.empty() && !placed)
    text += ", in iteration " + std::to_string(found.counters.back()) + " of its loop";
  return text;
}

// "state 'x' holds nan at [3]", or empty when the tensor is finite.
std::string heldBy(const std::string &what, const Shape &shape, const void *data) {
  if (!isFloat(shape.type))
    return "";
  int64_t at = findNonFinite(shape.type, data, shape.elements(), Wanted::NanOrPositive);
  if (at < 0)
    return "";
  bool isNan = std::isnan(elementAsDouble(shape.type, data, at));
  std::string position = positionText(shape, at);
  return what + ", " + toString(shape) + ", holds " + (isNan ? "nan" : "inf") +
         (position.empty() ? "" : " at " + position) + " before the step";
}

} // namespace

std::string elementText(Type type, const void *data, int64_t index) {
  char text[40];
  switch (type) {
  case Type::I64: {
    int64_t value;
    std::memcpy(&value, static_cast<const char *>(data) + index * 8, sizeof(value));
    std::snprintf(text, sizeof(text), "%" PRId64, value);
    return text;
  }
  case Type::I32:
  case Type::I8:
  case Type::U8: // a double holds them all
    std::snprintf(text, sizeof(text), "%.0f", elementAsDouble(type, data, index));
    return text;
  case Type::Bool:
    return elementAsDouble(type, data, index) != 0 ? "true" : "false";
  default:
    std::snprintf(text, sizeof(text), type == Type::F64 ? "%.10g" : "%.6g",
                  elementAsDouble(type, data, index));
    return text;
  }
}

std::string printedLine(const Instruction &print, void *const *values) {
  std::string line = print.text;
  for (size_t i = 0; i < print.operands.size(); ++i)
    line += (line.empty() ? "" : " ") + tensorText(print.operands[i].shape, values[i]);
  return line;
}

namespace {

std::string doing(const Program &program, const Instruction &instruction) {
  switch (instruction.op) {
  case Opcode::Launch:
    return "kernel '" + program.kernels[instruction.target].name + "'";
  case Opcode::Collective:
  case Opcode::Start:
  case Opcode::Wait:
    return textOf(program.mesh, program.collectives[instruction.target], instruction.operands.front().shape);
  case Opcode::Copy:
    return "copy";
  case Opcode::Print:
    return "print";
  case Opcode::Assert:
    return "assert";
  case Opcode::Guard:
    return "is '" + instruction.operands[0].name + "' finite?";
  default:
    return "control flow";
  }
}

} // namespace

Instance::Whereabouts Instance::whereabouts() const {
  int index = atEntry.load(std::memory_order_acquire);
  if (index < 0)
    return {"has run no entry yet"};
  const Entry &entry = source->entries[index];
  std::string where =
      " entry '" + entry.name + "', in step " + std::to_string(atStep.load(std::memory_order_relaxed));
  if (hasEnded.load(std::memory_order_relaxed))
    return {"has ended" + where};
  uint32_t at = runners[index].executor->position();
  if (at >= entry.instructions.size())
    return {"reads the inputs of" + where};
  const Instruction &instruction = entry.instructions[at];
  return {"is at instruction " + std::to_string(at) + " of" + where + ": " + doing(*source, instruction) +
              (instruction.source.empty() ? "" : ", " + instruction.source),
          instruction.op == Opcode::Collective || instruction.op == Opcode::Start ||
              instruction.op == Opcode::Wait};
}

// No state has been written when a guard stops the entry, so the step can be gone through again.
Status Instance::reportNonFinite(int index, const Instruction &guard) {
  Runner &made = runners[index];
  const Entry &entry = source->entries[index];
  const Operand &operand = guard.operands[0];
  Error error = {"E710",
                 "a scalar output must be finite, found '" + operand.name + "' not to be in step " +
                     std::to_string(step()) + " of entry '" + entry.name + "'",
                 guard.source,
                 {},
                 "the state is as it was before the step; --allow-nan goes on"};
  for (size_t i = 0; i < entry.inputs.size(); ++i) {
    std::string found =
        heldBy("input '" + entry.inputs[i].name + "'", entry.inputs[i].shape, made.inputs[i].data);
    if (!found.empty())
      error.notes.push_back("first: " + found);
  }
  for (const State &state : source->states)
    for (const NamedTensor &tensor : unstack(state, stateMemory.data())) {
      std::string found = heldBy("state '" + tensor.name + "'", tensor.shape, tensor.data);
      if (!found.empty() && error.notes.empty()) {
        error.notes.push_back("first: " + found);
        error.hint = "an earlier step wrote it, where no scalar output showed it: return the norm of the "
                     "gradient, say, to stop there";
      }
    }
  bool isHere = !error.notes.empty();
  // All ranks search together: the step's collectives need each of them.
  if (isHere && options.communicator->ranks() == 1)
    return error;
  CheckReport report = made.executor->runChecked(pool, &guard);
  if (isHere)
    return error;
  if (const auto &first = report.first ? report.first : report.firstNegative) {
    error.notes.push_back("first: " + describe(*first));
    if (!sourceOf(*first).empty())
      error.location = sourceOf(*first);
  }
  if (report.first && report.firstNegative && report.firstNegative->instruction < report.first->instruction)
    error.notes.push_back(
        "before it: " + describe(*report.firstNegative) + " (fine if it is a mask)" +
        (sourceOf(*report.firstNegative).empty() ? "" : ", " + sourceOf(*report.firstNegative)));
  return error;
}

} // namespace cleave::rt
