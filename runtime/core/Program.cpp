#include "runtime/core/Program.h"

namespace cleave::rt {

int64_t sizeOf(Type type) {
  switch (type) {
  case Type::F64:
  case Type::I64:
    return 8;
  case Type::F32:
  case Type::I32:
    return 4;
  case Type::BF16:
  case Type::F16:
    return 2;
  case Type::I8:
  case Type::U8:
  case Type::Bool:
    return 1;
  }
  return 0;
}

const char *nameOf(Type type) {
  switch (type) {
  case Type::F32:
    return "f32";
  case Type::F64:
    return "f64";
  case Type::BF16:
    return "bf16";
  case Type::F16:
    return "f16";
  case Type::I8:
    return "i8";
  case Type::I32:
    return "i32";
  case Type::I64:
    return "i64";
  case Type::U8:
    return "u8";
  case Type::Bool:
    return "bool";
  }
  return "?";
}

bool isFloat(Type type) {
  return type == Type::F32 || type == Type::F64 || type == Type::BF16 || type == Type::F16;
}

int64_t Shape::elements() const {
  int64_t product = 1;
  for (int64_t size : sizes)
    product *= size;
  return product;
}

Work workOf(const Kernel &kernel) {
  Work total;
  for (const Work &part : kernel.parts) {
    total.flops += part.flops;
    total.bytes += part.bytes;
  }
  return total;
}

std::vector<Block> blocksOf(const Mesh &mesh, const Split &split, int64_t rank) {
  std::vector<Block> blocks;
  for (size_t i = 0; i < split.dims.size(); ++i)
    blocks.push_back(blockOf(split.global.sizes[i], split.dims[i], memberOf(mesh, split.dims[i].over, rank)));
  return blocks;
}

const Shape &wholeOf(const Shape &local, const Split &split) {
  return split.dims.empty() ? local : split.global;
}

Program programOfWhole(const Program &program) {
  Program whole = program;
  whole.constants.clear();
  for (Entry &entry : whole.entries)
    for (std::vector<Port> *ports : {&entry.inputs, &entry.outputs})
      for (Port &port : *ports) {
        port.shape = wholeOf(port.shape, port.split);
        port.split = {};
      }
  for (State &state : whole.states) {
    state.shape = wholeOf(state.shape, state.split);
    state.split = {};
  }
  return whole;
}

std::string toString(const Shape &shape) {
  std::string text = nameOf(shape.type);
  if (shape.sizes.empty())
    return text;
  text += "[";
  for (size_t i = 0; i < shape.sizes.size(); ++i) {
    text += i ? ", " : "";
    if (i < shape.axes.size() && !shape.axes[i].empty())
      text += shape.axes[i] + " = ";
    text += std::to_string(shape.sizes[i]);
  }
  return text + "]";
}

} // namespace cleave::rt
