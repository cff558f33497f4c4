#include "compiler/cost/Collectives.h"

namespace cleave::cost {

double bytesSent(Collective kind, double size, int64_t members) {
  if (members <= 1)
    return 0;
  double n = static_cast<double>(members);
  switch (kind) {
  case Collective::AllReduce:
    return 2 * size * (n - 1) / n;
  case Collective::ReduceScatter:
  case Collective::AllGather:
  case Collective::AllToAll:
    return size * (n - 1) / n;
  case Collective::Broadcast:
  case Collective::Permute:
  case Collective::Halo:
    return size;
  }
  return 0;
}

static double messages(Collective kind, double members) {
  switch (kind) {
  case Collective::AllReduce:
    return 2 * (members - 1);
  case Collective::Permute:
  case Collective::Halo:
    return 1;
  default:
    return members - 1;
  }
}

double seconds(Collective kind, double size, int64_t members, const Link &link) {
  if (members <= 1)
    return 0;
  return messages(kind, static_cast<double>(members)) * link.latency +
         bytesSent(kind, size, members) / link.bandwidth;
}

} // namespace cleave::cost
