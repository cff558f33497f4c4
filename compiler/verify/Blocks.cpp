#include "compiler/verify/Blocks.h"

#include "runtime/core/Executor.h"

#include <algorithm>
#include <cstring>

using namespace cleave;
using namespace cleave::verify;

// The blocks of every dim; a whole dim is one block.
static std::vector<rt::Block> allBlocks(const rt::Mesh &mesh, const rt::Shape &local, const rt::Split &split,
                                        int64_t rank) {
  std::vector<rt::Block> blocks = rt::blocksOf(mesh, split, rank);
  if (blocks.empty())
    for (int64_t size : local.sizes)
      blocks.push_back({0, size, size});
  return blocks;
}

// Calls `visit(position in the whole, position in the block)` for each element of the whole that is in the
// block.
template <class Visit>
static void forEach(const rt::Shape &whole, const std::vector<rt::Block> &blocks, Visit visit) {
  size_t rank = blocks.size();
  if (std::any_of(blocks.begin(), blocks.end(), [](const rt::Block &block) { return block.size <= 0; }))
    return;
  std::vector<int64_t> index(rank, 0);
  for (;;) {
    int64_t at = 0, inside = 0;
    for (size_t i = 0; i < rank; ++i) {
      at = at * whole.sizes[i] + blocks[i].begin + index[i];
      inside = inside * blocks[i].local + index[i];
    }
    visit(at, inside);
    size_t dim = rank;
    while (dim-- > 0) {
      if (++index[dim] < blocks[dim].size)
        break;
      index[dim] = 0;
    }
    if (dim == SIZE_MAX)
      return;
  }
}

std::vector<char> cleave::verify::blockOf(const rt::Mesh &mesh, const rt::Shape &local,
                                          const rt::Split &split, int64_t rank,
                                          const std::vector<char> &whole) {
  size_t size = static_cast<size_t>(rt::sizeOf(local.type));
  std::vector<char> block(static_cast<size_t>(local.bytes()), 0);
  forEach(rt::wholeOf(local, split), allBlocks(mesh, local, split, rank), [&](int64_t at, int64_t inside) {
    std::memcpy(block.data() + static_cast<size_t>(inside) * size,
                whole.data() + static_cast<size_t>(at) * size, size);
  });
  return block;
}

Assembly::Assembly(std::string name, const rt::Mesh &mesh, const rt::Shape &local, const rt::Split &split)
    : mesh(mesh), value{std::move(name), rt::wholeOf(local, split), {}, ""},
      holders(static_cast<size_t>(value.shape.elements()), 0) {
  value.shape.type = local.type;
}

void Assembly::add(int64_t rank, const rt::Shape &local, const rt::Split &split, const void *data) {
  forEach(value.shape, allBlocks(mesh, local, split, rank), [&](int64_t at, int64_t inside) {
    size_t copy = holders[static_cast<size_t>(at)]++;
    if (copy == value.copies.size())
      value.copies.emplace_back(holders.size(), 0.0);
    value.copies[copy][static_cast<size_t>(at)] = rt::elementAsDouble(local.type, data, inside);
  });
}

Value Assembly::take() {
  size_t most = value.copies.size(), least = most;
  for (size_t count : holders)
    least = std::min(least, count);
  value.copies.resize(std::max<size_t>(least, 1), std::vector<double>(holders.size(), 0.0));
  return std::move(value);
}
