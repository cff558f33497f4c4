// The ranks of a program, how they share a dim, and what they tell each other: plain data, part of a
// `Program`.
//
//   mesh @cluster ["dp" = 2, "tp" = 4]      8 ranks, row-major: rank 5 has the coordinates (1, 1)
//   {axis 1, size 4, after 1}               all of "tp"
//   {axis 1, size 2, after 2}               its major half, `"tp":(1)2`: digit = (coordinate / 2) % 2
#ifndef CLEAVE_RUNTIME_CORE_MESH_H
#define CLEAVE_RUNTIME_CORE_MESH_H

#include <cstdint>
#include <string>
#include <vector>

namespace cleave::rt {

struct MeshAxis {
  std::string name;
  int64_t size = 1;
};

struct Mesh {
  std::string name;
  std::vector<MeshAxis> axes; // none: one rank
  // The product of the sizes.
  int64_t ranks() const;
};

// A mesh axis, or a part of one: digit = (coordinate / after) % size. A whole axis has its size and after 1.
struct AxisPart {
  uint32_t axis = 0;
  int64_t size = 1;
  int64_t after = 1; // product of the parts of the same axis that are more minor
};

// How a dim of n elements is shared out: the block rule. Where it divides, both rules say the same.
//   balanced  the parts in order, each splits what the ones before left: of k blocks the first n mod k have
//             one element more than the others
//   padded    all k members have room for c = ceil(n / k) elements; member i has [i * c, min(n, (i + 1) *
//   c)),
//             which may be nothing
struct DimSplit {
  std::vector<AxisPart> over; // none: every rank has all of it
  bool padded = false;
  // Padded: c, where it is more than ceil(n / k) because other splits of the same size are finer; 0: it is
  // not.
  int64_t room = 0;
};

// One member's part of a dim.
struct Block {
  int64_t begin = 0; // in the whole; padded: it may lie behind the end
  int64_t size = 0;  // elements that are of the whole
  int64_t local = 0; // elements there is room for: size, and padding behind it
};

enum class CollectiveKind : uint8_t {
  AllReduce,     // out = the reduction of all members' in; may be done in place
  ReduceScatter, // out = my block along `dim` of that
  AllGather,     // out = the members' blocks along `dim`, one after the other
  AllToAll,      // in is split along `dim`, out gathers along `dim2`
  Permute,       // in of pair.from -> out of pair.to; zeros where nobody sends
  Broadcast,     // out = in of member `root`
  Send,          // in of pair.from goes to pair.to; no out
  Recv,          // out of pair.to; no in
  Slice,         // out = my block of in along `dim`: nothing is sent
  Halo,          // out = in with `low` and `high` elements of the neighbours along `dim`, `fill` outside;
                 // negative ones cut it; may reach over several members
  Offset,        // out = the begin of my block of `extent` elements, an i32 or i64 scalar: nothing is sent
  Only,          // out = in for member 0, the reduction's identity for the others: nothing is sent
};

// In rank order, bf16 and f16 in f32 and rounded once. Of Bool: Sum and Max are or, Min and Prod are and.
enum class Reduction : uint8_t { Sum, Max, Min, Prod };

// Members of a group, by their index in it.
struct MemberPair {
  int64_t from = 0, to = 0;
};

// The ranks that agree in all but `over` are one group; a member's index is row-major over those parts.
// Operands are dense. What is sent and what is received do not overlap, but for an AllReduce in place and an
// AllGather of what already lies in its block of the whole.
struct Collective {
  CollectiveKind kind = CollectiveKind::AllReduce;
  Reduction reduction = Reduction::Sum;
  std::vector<AxisPart> over;
  int64_t dim = 0;               // gathered, scattered, sliced, split
  int64_t dim2 = 0;              // AllToAll: gathered
  int64_t low = 0, high = 0;     // Halo
  double fill = 0;               // Halo: outside; Slice, ReduceScatter, AllToAll: padding
  int64_t root = 0;              // Broadcast
  std::vector<MemberPair> pairs; // Permute, Send, Recv: nobody receives twice, nor sends by Send
  // Size of the whole along `dim` where the operands do not tell: Halo, Offset. Others: 0.
  int64_t extent = 0;
  bool padded = false; // which block rule
  std::string name;    // of the value, for people
  std::string because; // the reason it exists
  double seconds = 0;  // it takes, by the cost model of who made the program
  double hidden = 0;   // of these, seconds that other work covers, likewise
};

const char *nameOf(CollectiveKind kind);
const char *nameOf(Reduction reduction);
// Whether other ranks take part.
bool communicates(CollectiveKind kind);

// `["dp" = 2, "tp" = 4]`.
std::string toString(const Mesh &mesh);
// `"dp", "tp":(1)2`: of the parts of a mesh axis, (product of the more major parts)size.
std::string toString(const Mesh &mesh, const std::vector<AxisPart> &parts);

// A rank's coordinate along an axis.
int64_t coordinate(const Mesh &mesh, int64_t rank, uint32_t axis);
// Product of the sizes.
int64_t membersOf(const std::vector<AxisPart> &over);
// The index of a rank in its group.
int64_t memberOf(const Mesh &mesh, const std::vector<AxisPart> &over, int64_t rank);
// The ranks of the group that `rank` is in, by their index.
std::vector<int64_t> groupOf(const Mesh &mesh, const std::vector<AxisPart> &over, int64_t rank);
// One member's block of a dim of `extent` elements.
Block blockOf(int64_t extent, const DimSplit &split, int64_t member);

} // namespace cleave::rt

#endif
