#include "runtime/core/Footprint.h"

#include "runtime/core/Text.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace cleave::rt {

namespace {

constexpr size_t kValuesShown = 3;

std::string kindText(const std::string &kind) {
  return kind == "param" ? "parameters" : kind == "optimizer" ? "optimiser state" : "other state";
}

// Programs that nobody can run have more bytes than can be counted.
void add(int64_t &total, int64_t bytes) {
  if (__builtin_add_overflow(total, bytes, &total))
    total = INT64_MAX;
}

const Entry *largestEntry(const Program &program) {
  const Entry *largest = nullptr;
  for (const Entry &entry : program.entries)
    if (!largest || entry.scratchBytes > largest->scratchBytes)
      largest = &entry;
  return largest;
}

// The largest values an entry keeps in scratch, with where the program makes them.
std::vector<std::string> largestValues(const Entry &entry) {
  struct Value {
    int64_t bytes;
    std::string text;
  };
  std::map<int64_t, Value> byOffset; // one per place
  for (const Instruction &instruction : entry.instructions)
    for (const Operand &operand : instruction.operands) {
      if (operand.address.region != Region::Scratch)
        continue;
      std::string name = operand.name.empty() ? "a value" : "'" + operand.name + "'";
      std::string place = instruction.source.empty() ? "" : ", " + instruction.source;
      Value value = {operand.shape.bytes(),
                     name + ", " + toString(operand.shape) + ": " + bytesText(operand.shape.bytes()) + place};
      auto [found, isNew] = byOffset.emplace(operand.address.offset, value);
      if (!isNew && found->second.bytes < value.bytes)
        found->second = value;
    }
  std::vector<Value> values;
  for (auto &[offset, value] : byOffset)
    values.push_back(std::move(value));
  std::sort(values.begin(), values.end(), [](const Value &a, const Value &b) {
    return std::tie(b.bytes, a.text) < std::tie(a.bytes, b.text);
  });
  std::vector<std::string> texts;
  for (size_t i = 0; i < values.size() && i < kValuesShown; ++i)
    texts.push_back(values[i].text);
  return texts;
}

} // namespace

Footprint footprintOf(const Program &program) {
  std::map<std::string, int64_t> states;
  int64_t named = 0;
  for (const State &state : program.states) {
    add(states[kindText(state.kind)], state.shape.bytes());
    add(named, state.shape.bytes());
  }
  add(states["other state"], std::max<int64_t>(0, program.stateBytes - named)); // padding
  Footprint result;
  for (const auto &[what, bytes] : states)
    result.parts.push_back({what, bytes});
  if (const Entry *entry = largestEntry(program))
    result.parts.push_back({"scratch of entry '" + entry->name + "'", entry->scratchBytes});
  result.parts.push_back({"constants", static_cast<int64_t>(program.constants.size())});
  int64_t buffers = 0;
  for (const Entry &entry : program.entries) {
    for (const Port &port : entry.inputs)
      add(buffers, port.shape.bytes());
    for (const Port &port : entry.outputs)
      add(buffers, port.shape.bytes());
  }
  result.parts.push_back({"inputs and outputs", buffers});
  std::sort(result.parts.begin(), result.parts.end(), [](const auto &a, const auto &b) {
    return std::tie(b.bytes, a.what) < std::tie(a.bytes, b.what);
  });
  for (const Footprint::Part &part : result.parts)
    add(result.bytes, part.bytes);
  return result;
}

Status checkFootprint(const Program &program, int64_t available) {
  Footprint footprint = footprintOf(program);
  if (available < 0 || footprint.bytes <= available)
    return {};
  Error error = {"E703",
                 "a program must fit in the machine's memory, found a peak of " + bytesText(footprint.bytes) +
                     " where " + bytesText(available) + " are available",
                 "",
                 {},
                 "make an axis smaller with --set"};
  std::string parts;
  for (const Footprint::Part &part : footprint.parts)
    if (part.bytes > 0)
      parts += (parts.empty() ? "" : ", ") + part.what + " " + bytesText(part.bytes);
  error.notes.push_back("it takes: " + parts);
  if (const Entry *entry = largestEntry(program))
    for (const std::string &value : largestValues(*entry))
      error.notes.push_back("largest in scratch: " + value);
  return error;
}

} // namespace cleave::rt
