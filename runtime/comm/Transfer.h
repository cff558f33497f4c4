// What one member of a group does in a collective once the others' buffers are there: which parts of whose
// buffers it copies, reduces or fills. Worked out once; every communicator can read it.
#ifndef CLEAVE_RUNTIME_COMM_TRANSFER_H
#define CLEAVE_RUNTIME_COMM_TRANSFER_H

#include "runtime/core/Program.h"

#include <cstddef>
#include <functional>
#include <vector>

namespace cleave::rt {

// One level of a nest of loops over equal runs of bytes.
struct RunLoop {
  int64_t count;
  int64_t from, to; // bytes from one to the next
};

// Runs of `bytes` bytes at from + sum of index * loop.from, to likewise.
struct BlockCopy {
  int64_t member = 0; // whose `in`
  int64_t from = 0, to = 0;
  int64_t bytes = 0;
  std::vector<RunLoop> loops; // outermost first
  int64_t total() const;
  // Whether the runs follow each other without gaps where they are copied from, or to.
  bool isDenseFrom() const;
  bool isDenseTo() const;
};

// The same runs in `out`, filled with one element again and again.
struct BlockFill {
  int64_t to = 0, bytes = 0;
  std::vector<RunLoop> loops;
};

// `rows` runs of `elements` elements of all members' `in`, reduced in rank order.
struct BlockReduction {
  int64_t rows = 0, elements = 0;
  int64_t from = 0, fromPitch = 0; // bytes
  int64_t to = 0, toPitch = 0;
  bool toAll = false; // into every member's `out`; else into mine
};

struct Transfer {
  std::vector<BlockCopy> copies;
  std::vector<BlockFill> fills;
  BlockReduction reduction;
  unsigned char element[8] = {}; // what fills fill with
};

// Of `rank` in its group; Send and Recv are not in it. `from`: only what is copied from that member;
// negative: from all.
Transfer planTransfer(const Mesh &mesh, const Collective &collective, const Shape &in, const Shape &out,
                      int64_t rank, int64_t from = -1);

// The operands of another member of the group, where mine are `in` and `out`.
struct Operands {
  Shape in, out;
};
Operands operandsOfMember(const Collective &collective, const Shape &in, const Shape &out, int64_t member);

// One element of a type as bytes; a value out of an integer's range is clamped.
void storeElement(Type type, double value, void *to);
// What a reduction does not see.
double identityOf(Reduction reduction, Type type);

// Runs of one copy or fill, one after the other: [begin, end) of the outermost loop (of the bytes of the run
// where there is none).
void runCopy(const BlockCopy &copy, const void *in, void *out);
// The same, `most` bytes at once, and something else in between.
void runCopyInPieces(const BlockCopy &copy, const void *in, void *out, int64_t most,
                     const std::function<void()> &between);
// Bytes [begin, begin + bytes) of a copy's runs, taken as one row of bytes: from `in` to `packed`, or from
// there to `out`.
void packRuns(const BlockCopy &copy, const void *in, int64_t begin, int64_t bytes, void *packed);
void unpackRuns(const BlockCopy &copy, const void *packed, int64_t begin, int64_t bytes, void *out);
void runFill(const BlockFill &fill, const unsigned char *element, int64_t elementBytes, void *out);

} // namespace cleave::rt

#endif
