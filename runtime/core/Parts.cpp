#include "runtime/core/Parts.h"

#include "runtime/core/Blocks.h"
#include "runtime/core/Paths.h"

#include <algorithm>

namespace cleave::rt {

std::vector<Part> partsOf(const std::vector<Part> &all, const std::string &path) {
  std::vector<Part> parts;
  for (const Part &part : all)
    if (part.path != path && withAllLayers(part.path) == path)
      parts.push_back(part);
  return parts;
}

Shape joined(const std::vector<Part> &parts) {
  Shape shape = parts.front().shape;
  for (const Part &part : parts) {
    std::vector<Layers> layers = layersOf(part.path);
    for (size_t i = 0; i < layers.size(); ++i)
      shape.sizes[i] = std::max(shape.sizes[i], layers[i].all() ? part.shape.sizes[i] : layers[i].end);
  }
  return shape;
}

static std::vector<Block> blocksOf(const Part &part) {
  std::vector<Layers> layers = layersOf(part.path);
  std::vector<Block> blocks;
  for (size_t i = 0; i < part.shape.sizes.size(); ++i) {
    int64_t begin = i < layers.size() ? layers[i].begin : 0, size = part.shape.sizes[i];
    blocks.push_back({begin, size, size});
  }
  return blocks;
}

void copyIn(const Shape &stack, const Part &part, const void *from, void *to) {
  copyFromBlock(stack, blocksOf(part), from, to);
}

void copyOut(const Shape &stack, const Part &part, const void *from, void *to) {
  copyToBlock(stack, blocksOf(part), from, to);
}

} // namespace cleave::rt
