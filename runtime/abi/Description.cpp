#include "runtime/abi/Description.h"

namespace cleave::rt::abi {

// The numbers of types are those of the C interface for good.
static_assert(static_cast<int>(Type::F32) == CLEAVE_F32 && static_cast<int>(Type::F64) == CLEAVE_F64 &&
              static_cast<int>(Type::BF16) == CLEAVE_BF16 && static_cast<int>(Type::F16) == CLEAVE_F16 &&
              static_cast<int>(Type::I8) == CLEAVE_I8 && static_cast<int>(Type::I32) == CLEAVE_I32 &&
              static_cast<int>(Type::I64) == CLEAVE_I64 && static_cast<int>(Type::U8) == CLEAVE_U8 &&
              static_cast<int>(Type::Bool) == CLEAVE_BOOL);

const cleave_tensor_info *Description::add(const std::string &name, const std::string &kind,
                                           const Shape &shape, const std::string *source) {
  std::vector<const char *> &axes = texts.emplace_back();
  for (size_t i = 0; i < shape.sizes.size(); ++i)
    axes.push_back(i < shape.axes.size() ? shape.axes[i].c_str() : "");
  cleave_tensor_info info = {};
  info.name = name.c_str();
  info.kind = kinds.emplace_back(kind).c_str();
  info.type = static_cast<cleave_type>(shape.type);
  info.rank = static_cast<int32_t>(shape.sizes.size());
  info.sizes = shape.sizes.data();
  info.axes = axes.data();
  info.bytes = shape.bytes();
  info.source = source && !source->empty() ? source->c_str() : nullptr;
  return &tensors.emplace_back(info);
}

const cleave_tensor_info *const *Description::addAll(const std::vector<Port> &ports, const char *kind) {
  std::vector<const cleave_tensor_info *> &list = lists.emplace_back();
  for (const Port &port : ports)
    list.push_back(add(port.name, kind, port.shape, &port.source));
  return list.data();
}

void Description::addEntry(const Entry &entry) {
  std::vector<const char *> &updates = texts.emplace_back();
  for (const std::string &path : entry.writes)
    updates.push_back(path.c_str());
  cleave_entry_info info = {};
  info.name = entry.name.c_str();
  info.input_count = entry.inputs.size();
  info.inputs = addAll(entry.inputs, "input");
  info.output_count = entry.outputs.size();
  info.outputs = addAll(entry.outputs, "output");
  info.update_count = updates.size();
  info.updates = updates.data();
  entryList.push_back(&entries.emplace_back(info));
}

Description::Description(const Program &program, std::string given) : metadata(std::move(given)) {
  for (const Entry &entry : program.entries)
    addEntry(entry);
  std::vector<const cleave_tensor_info *> &states = lists.emplace_back();
  for (const State &state : program.states)
    states.push_back(add(state.path, state.kind, state.shape, nullptr));
  whole.entry_count = entryList.size();
  whole.entries = entryList.data();
  whole.state_count = states.size();
  whole.states = states.data();
  whole.state_bytes = program.stateBytes;
  whole.scratch_bytes = program.scratchBytes;
  for (const Entry &entry : program.entries)
    whole.scratch_bytes = std::max(whole.scratch_bytes, entry.scratchBytes);
  whole.metadata = metadata.c_str();
  whole.ranks = program.mesh.ranks();
  whole.plan = program.plan.c_str();
  whole.plan_hash = program.planHash.c_str();
}

} // namespace cleave::rt::abi
