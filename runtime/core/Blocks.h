// One rank's blocks of tensors that several ranks share.
#ifndef CLEAVE_RUNTIME_CORE_BLOCKS_H
#define CLEAVE_RUNTIME_CORE_BLOCKS_H

#include "runtime/core/Program.h"

namespace cleave::rt {

// A block of every dim of `local`: those of the split, or all of it.
std::vector<Block> blocksOf(const Mesh &mesh, const Shape &local, const Split &split, int64_t rank);

// The part of a dense tensor of the whole that a rank has, into its dense local one; padding becomes zero.
void copyToBlock(const Shape &whole, const std::vector<Block> &blocks, const void *from, void *local);
// The other way; padding is left out.
void copyFromBlock(const Shape &whole, const std::vector<Block> &blocks, const void *local, void *to);

// Whether a rank has elements behind those of the whole.
bool hasPadding(const std::vector<Block> &blocks);

} // namespace cleave::rt

#endif
