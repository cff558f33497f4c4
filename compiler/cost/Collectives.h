// What a collective costs: bytes a rank sends and seconds it takes, from the size and one link.
//
// The alpha-beta model: a message of b bytes takes latency + b / bandwidth. With n members and S bytes:
//
//   collective       S is                      bytes sent per rank   messages    algorithm
//   all_reduce       the tensor                2 S (n - 1) / n       2 (n - 1)   ring: reduce_scatter, then
//   all_gather reduce_scatter   the whole that is cut     S (n - 1) / n         n - 1       ring all_gather
//   the whole that is made    S (n - 1) / n         n - 1       ring all_to_all       the local tensor S (n -
//   1) / n         n - 1       pairwise broadcast        the tensor                S                     n -
//   1       pipelined ring permute, halo    what is sent              S                     1 direct
//
// Sources: Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations", JPDC
// 69(2), 2009 (the ring and its lower bound 2 S (n - 1) / n); Thakur, Rabenseifner and Gropp, "Optimization
// of collective communication operations in MPICH", IJHPCA 19(1), 2005 (the model and the other rows).
#ifndef CLEAVE_COMPILER_COST_COLLECTIVES_H
#define CLEAVE_COMPILER_COST_COLLECTIVES_H

#include <cstdint>

namespace cleave::cost {

enum class Collective { AllReduce, ReduceScatter, AllGather, AllToAll, Broadcast, Permute, Halo };

// Bytes per second per device and direction; seconds per message.
struct Link {
  double bandwidth = 25e9;
  double latency = 5e-6;
};

// Bytes a rank sends, S being as in the table. One member sends nothing.
double bytesSent(Collective kind, double size, int64_t members);

// Seconds from the first member's start to the last one's end.
double seconds(Collective kind, double size, int64_t members, const Link &link);

} // namespace cleave::cost

#endif
