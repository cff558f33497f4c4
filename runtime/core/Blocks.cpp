#include "runtime/core/Blocks.h"

#include "runtime/core/Convert.h"

#include <algorithm>
#include <cstring>

namespace cleave::rt {

namespace {

// Where a block begins in the whole, and how one steps through both.
struct Steps {
  std::vector<CopyDim> dims; // to: the local tensor
  int64_t begin = 0;         // bytes into the whole
  int64_t localBytes = 0;
};

Steps stepsOf(const Shape &whole, const std::vector<Block> &blocks) {
  Steps steps;
  int64_t inWhole = 1, inLocal = 1;
  for (size_t i = blocks.size(); i-- > 0;) {
    steps.dims.insert(steps.dims.begin(), {blocks[i].size, inLocal, inWhole});
    steps.begin += blocks[i].begin * inWhole;
    inWhole *= whole.sizes[i];
    inLocal *= blocks[i].local;
  }
  steps.begin *= sizeOf(whole.type);
  steps.localBytes = inLocal * sizeOf(whole.type);
  return steps;
}

bool isEmpty(const std::vector<Block> &blocks) {
  return std::any_of(blocks.begin(), blocks.end(), [](const Block &block) { return block.size == 0; });
}

} // namespace

std::vector<Block> blocksOf(const Mesh &mesh, const Shape &local, const Split &split, int64_t rank) {
  std::vector<Block> blocks = blocksOf(mesh, split, rank);
  if (blocks.empty())
    for (int64_t size : local.sizes)
      blocks.push_back({0, size, size});
  return blocks;
}

bool hasPadding(const std::vector<Block> &blocks) {
  return std::any_of(blocks.begin(), blocks.end(),
                     [](const Block &block) { return block.size < block.local; });
}

void copyToBlock(const Shape &whole, const std::vector<Block> &blocks, const void *from, void *local) {
  Steps steps = stepsOf(whole, blocks);
  if (hasPadding(blocks))
    std::memset(local, 0, steps.localBytes);
  if (!isEmpty(blocks))
    copyStrided(whole.type, local, whole.type, static_cast<const char *>(from) + steps.begin, steps.dims);
}

void copyFromBlock(const Shape &whole, const std::vector<Block> &blocks, const void *local, void *to) {
  Steps steps = stepsOf(whole, blocks);
  for (CopyDim &dim : steps.dims)
    std::swap(dim.to, dim.from);
  if (!isEmpty(blocks))
    copyStrided(whole.type, static_cast<char *>(to) + steps.begin, whole.type, local, steps.dims);
}

} // namespace cleave::rt
