#include "compiler/driver/EncodeWeights.h"

namespace cleave {

static rt::Type typeOf(ast::ElementType type) {
  switch (type) {
  case ast::ElementType::F64:
    return rt::Type::F64;
  case ast::ElementType::BF16:
    return rt::Type::BF16;
  case ast::ElementType::F16:
    return rt::Type::F16;
  case ast::ElementType::I8:
    return rt::Type::I8;
  case ast::ElementType::I32:
    return rt::Type::I32;
  case ast::ElementType::I64:
    return rt::Type::I64;
  case ast::ElementType::U8:
    return rt::Type::U8;
  case ast::ElementType::Bool:
    return rt::Type::Bool;
  default:
    return rt::Type::F32;
  }
}

static rt::Weight encode(const ast::Weight &weight) {
  rt::Weight result;
  result.path = weight.state->path;
  for (const ast::WeightSource &source : weight.sources) {
    rt::WeightSource &out = result.sources.emplace_back();
    out.name = source.name;
    out.sizes = source.sizes;
    for (const ast::WeightPosition &position : source.positions)
      out.positions.push_back({position.offset, position.strides});
  }
  return result;
}

std::vector<rt::WeightMap> encodeWeights(const ast::Program &program) {
  std::vector<rt::WeightMap> result;
  for (const ast::WeightMap &map : program.weights) {
    rt::WeightMap &out = result.emplace_back();
    out.name = map.name;
    out.object = map.object->path;
    for (ast::ElementType type : map.types)
      out.types.push_back(typeOf(type));
    out.prefixes = map.prefixes;
    for (const ast::Weight &weight : map.weights)
      out.weights.push_back(encode(weight));
    out.ignored = map.ignored;
    if (map.location) {
      auto [line, column] = map.location.source->getLineColumn(map.location.begin);
      out.location =
          map.location.source->getPath() + ":" + std::to_string(line) + ":" + std::to_string(column);
    }
  }
  return result;
}

} // namespace cleave
