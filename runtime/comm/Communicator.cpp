#include "runtime/comm/Communicator.h"

#include "runtime/comm/SlowLinks.h"
#include "runtime/comm/Transfer.h"

#include <algorithm>

namespace cleave::rt {

int64_t bytesSent(const Mesh &mesh, const Collective &it, const Shape &in, const Shape &out, int64_t rank) {
  int64_t members = membersOf(it.over), me = memberOf(mesh, it.over, rank);
  auto shared = [&](int64_t whole) {
    return static_cast<int64_t>(static_cast<__int128>(whole) * (members - 1) / members);
  };
  switch (it.kind) {
  case CollectiveKind::AllReduce:
    return shared(2 * in.bytes());
  case CollectiveKind::ReduceScatter:
    return shared(it.padded ? members * out.bytes() : in.bytes());
  case CollectiveKind::AllGather:
    return shared(it.padded ? members * in.bytes() : out.bytes());
  case CollectiveKind::AllToAll:
    return shared(in.bytes());
  case CollectiveKind::Broadcast:
    return me == it.root && members > 1 ? in.bytes() : 0;
  case CollectiveKind::Permute:
  case CollectiveKind::Send: {
    int64_t bytes = 0;
    for (const MemberPair &pair : it.pairs)
      if (pair.from == me && pair.to != me)
        bytes += in.bytes();
    return bytes;
  }
  case CollectiveKind::Halo: {
    int64_t bytes = 0; // what the others copy of mine
    int64_t local = in.sizes[it.dim], row = local ? in.bytes() / local : 0;
    Block mine = blockOf(it.extent, {it.over, it.padded}, me);
    for (int64_t member = 0; member < members; ++member) {
      Block block = blockOf(it.extent, {it.over, it.padded}, member);
      int64_t begin = std::max(block.begin - it.low, mine.begin);
      int64_t end = std::min(block.begin + block.local + it.high, mine.begin + mine.size);
      if (member != me)
        bytes += std::max<int64_t>(0, end - begin) * row;
    }
    return bytes;
  }
  case CollectiveKind::Recv:
  case CollectiveKind::Slice:
  case CollectiveKind::Offset:
  case CollectiveKind::Only:
    return 0;
  }
  return 0;
}

std::string textOf(const Mesh &mesh, const Collective &it, const Shape &in) {
  return nameOf(it.kind) + (it.name.empty() ? "" : " '" + it.name + "'") + " of " + toString(in) + " over " +
         toString(mesh, it.over);
}

namespace {

// Nothing is sent: the rank does it with what it has.
class OwnOperation : public Operation {
public:
  OwnOperation(Transfer transfer, int64_t width) : transfer(std::move(transfer)), width(width) {}
  Status start(const void *in, void *out) override {
    for (const BlockCopy &copy : transfer.copies)
      runCopy(copy, in, out);
    for (const BlockFill &fill : transfer.fills)
      runFill(fill, transfer.element, width, out);
    return {};
  }
  Status wait() override { return {}; }

private:
  Transfer transfer;
  int64_t width;
};

} // namespace

class CountedOperation : public Operation {
public:
  CountedOperation(std::unique_ptr<Operation> operation, Traffic &traffic)
      : operation(std::move(operation)), traffic(traffic) {}
  Status start(const void *in, void *out) override {
    count();
    return operation->start(in, out);
  }
  Status wait() override { return operation->wait(); }
  Status run(const void *in, void *out) override {
    count();
    return operation->run(in, out);
  }
  int64_t doneAt() const override { return operation->doneAt(); }

private:
  void count() {
    ++traffic.calls;
    traffic.bytes += traffic.bytesPerCall;
  }

  std::unique_ptr<Operation> operation;
  Traffic &traffic;
};

Result<std::unique_ptr<Operation>> Communicator::prepare(const Mesh &mesh, const Collective &collective,
                                                         const Shape &in, const Shape &out) {
  if (mesh.ranks() != ranks())
    return Error{"E715",
                 "a program must be started with the ranks of its mesh, found " + std::to_string(ranks()) +
                     " where it has " + toString(mesh),
                 "",
                 {},
                 ""};
  if (!communicates(collective.kind))
    return std::unique_ptr<Operation>(
        std::make_unique<OwnOperation>(planTransfer(mesh, collective, in, out, rank()), sizeOf(out.type)));
  Result<std::unique_ptr<Operation>> made = prepareGroup(mesh, collective, in, out);
  if (!made)
    return made.error();
  if (isSlow && collective.seconds > 0)
    *made = makeSlow(std::move(*made), collective, clocks);
  counted.push_back(std::make_unique<Traffic>());
  Traffic &mine = *counted.back();
  mine.collective = collective;
  mine.shape = in;
  mine.members = membersOf(collective.over);
  mine.bytesPerCall = bytesSent(mesh, collective, in, out, rank());
  return std::unique_ptr<Operation>(std::make_unique<CountedOperation>(std::move(*made), mine));
}

std::vector<Traffic> Communicator::traffic() const {
  std::vector<Traffic> all;
  for (const std::unique_ptr<Traffic> &one : counted)
    all.push_back(*one);
  return all;
}

void Communicator::clearTraffic() {
  for (const std::unique_ptr<Traffic> &one : counted)
    one->calls = one->bytes = 0;
}

} // namespace cleave::rt
