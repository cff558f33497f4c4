#include "runtime/comm/Agreement.h"

#include "runtime/core/Text.h"

#include <algorithm>
#include <cstdio>

namespace cleave::rt {

uint64_t signatureOf(const Collective &it, const Shape &in, const Shape &out) {
  uint64_t hash = 0xcbf29ce484222325; // FNV-1a
  auto add = [&](int64_t value) {
    for (int i = 0; i < 8; ++i)
      hash = (hash ^ ((static_cast<uint64_t>(value) >> (8 * i)) & 0xff)) * 0x100000001b3;
  };
  add(static_cast<int64_t>(it.kind == CollectiveKind::Recv ? CollectiveKind::Send : it.kind));
  for (int64_t value : {static_cast<int64_t>(it.reduction), static_cast<int64_t>(in.type), it.dim, it.dim2,
                        it.low, it.high, it.root, it.extent, int64_t{it.padded}})
    add(value);
  for (const MemberPair &pair : it.pairs)
    for (int64_t member : {pair.from, pair.to})
      add(member);
  bool gathers = it.kind == CollectiveKind::AllGather;
  bool both = it.kind == CollectiveKind::AllToAll, halo = it.kind == CollectiveKind::Halo;
  for (size_t i = 0; i < in.sizes.size(); ++i) {
    auto at = static_cast<int64_t>(i);
    bool isGathered = (gathers && at == it.dim) || (both && at == it.dim2);
    add(halo && at == it.dim ? it.extent : isGathered ? out.sizes[i] : in.sizes[i]);
  }
  return hash;
}

Error differentCollectives(const StartedBy &first, const StartedBy &second) {
  auto text = [](const StartedBy &it) { return "rank " + std::to_string(it.rank) + " at " + it.text; };
  return {"E716",
          "the members of a group must start the same collectives, found " + text(first) + " and " +
              text(second),
          "",
          {},
          ""};
}

Error missingMembers(double timeoutSeconds, const std::vector<int64_t> &missing,
                     std::vector<std::string> where, const StartedBy &waiting) {
  std::vector<std::string> who;
  for (int64_t rank : missing)
    who.push_back(std::to_string(rank));
  char seconds[32];
  std::snprintf(seconds, sizeof(seconds), "%g", timeoutSeconds);
  return {"E716",
          std::string("a collective must be reached by all its members within ") + seconds + " s, found " +
              (who.size() == 1 ? "rank " : "ranks ") + listText(who, 8) + " missing at " + waiting.text +
              ", where rank " + std::to_string(waiting.rank) + " waits",
          "", std::move(where), ""};
}

bool Failure::set(int64_t rank, Error why, bool own) {
  std::lock_guard<std::mutex> lock(mutex);
  if (has.load(std::memory_order_relaxed))
    return false;
  first = {rank, std::move(why), own};
  has.store(true, std::memory_order_release);
  return true;
}

Error Failure::at(const std::string &at) const {
  std::lock_guard<std::mutex> lock(mutex);
  if (!first.own)
    return first.why;
  return {"E716",
          "a collective needs all its members, found that rank " + std::to_string(first.rank) +
              " has failed, at " + at,
          "",
          {first.why.code + ": " + first.why.message},
          ""};
}

Failure::Facts Failure::facts() const {
  std::lock_guard<std::mutex> lock(mutex);
  return first;
}

void Failure::clear() {
  std::lock_guard<std::mutex> lock(mutex);
  has.store(false);
}

} // namespace cleave::rt
