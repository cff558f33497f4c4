// Between whole tensors and the blocks that ranks hold of them.
#ifndef CLEAVE_COMPILER_VERIFY_BLOCKS_H
#define CLEAVE_COMPILER_VERIFY_BLOCKS_H

#include "compiler/verify/Compare.h"

namespace cleave::verify {

// Rank `rank`'s part of a whole tensor, row-major, zero where a block has room behind it.
std::vector<char> blockOf(const rt::Mesh &mesh, const rt::Shape &local, const rt::Split &split, int64_t rank,
                          const std::vector<char> &whole);

// Collects the blocks of one value, rank by rank.
class Assembly {
public:
  Assembly(std::string name, const rt::Mesh &mesh, const rt::Shape &local, const rt::Split &split);

  // `data`: what the rank holds, of its own local shape.
  void add(int64_t rank, const rt::Shape &local, const rt::Split &split, const void *data);

  // All elements, in as many copies as every element has holders.
  Value take();

private:
  const rt::Mesh &mesh;
  Value value;
  std::vector<size_t> holders; // of each element
};

} // namespace cleave::verify

#endif
