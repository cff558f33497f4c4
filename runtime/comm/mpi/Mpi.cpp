// Processes that an MPI library joins, and the ranks' ends in them.
#include "runtime/comm/Processes.h"
#include "runtime/comm/mpi/Exchange.h"
#include "runtime/comm/mpi/Library.h"
#include "runtime/comm/mpi/Manager.h"
#include "runtime/core/Text.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

namespace cleave::rt {

namespace mpi {
namespace {

constexpr int32_t kSizeTag = 1, kBytesTag = 2;
constexpr double kSettleSeconds = 30;
constexpr double kLeaveSeconds = 5;
constexpr int64_t kSharedBytes = int64_t{8} << 20;
constexpr int64_t kPiece = int64_t{64} << 20;

uint64_t keyOf(const std::vector<int64_t> &ranks, bool channel) {
  uint64_t hash = 0xcbf29ce484222325 + channel;
  for (int64_t rank : ranks) {
    hash = (hash ^ static_cast<uint64_t>(rank)) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 29;
  }
  return hash;
}

class MpiCommunicator : public Communicator {
public:
  MpiCommunicator(std::shared_ptr<RankWorld> world, int64_t rank) : world(std::move(world)), self(rank) {}

  int64_t rank() const override { return self; }
  int64_t ranks() const override { return world->ranks(); }
  void fail(const Error &why) override { world->fail(self, why, /*own=*/true, /*spread=*/true); }
  // Who knows that is told by other means, and so are the others: nothing goes through MPI any more.
  void lose(int64_t rank, const Error &why) override {
    world->fail(rank, why, /*own=*/true, /*spread=*/false);
  }
  void recover() override {} // Processes::settle() has done it for all ends

protected:
  Result<std::unique_ptr<Operation>> prepareGroup(const Mesh &mesh, const Collective &collective,
                                                  const Shape &in, const Shape &out) override;

private:
  std::shared_ptr<RankWorld> world;
  int64_t self;
};

Result<std::unique_ptr<Operation>> MpiCommunicator::prepareGroup(const Mesh &mesh,
                                                                 const Collective &collective,
                                                                 const Shape &in, const Shape &out) {
  std::vector<int64_t> ranks = groupOf(mesh, collective.over, self);
  int64_t me = memberOf(mesh, collective.over, self);
  bool channel = collective.kind == CollectiveKind::Send || collective.kind == CollectiveKind::Recv;
  if (channel) {
    std::vector<int64_t> ends = {self};
    for (const MemberPair &pair : collective.pairs)
      if ((collective.kind == CollectiveKind::Send ? pair.from : pair.to) == me) {
        ends = {ranks[pair.from], ranks[pair.to]};
        break;
      }
    me = ends.size() == 2 && collective.kind == CollectiveKind::Recv ? 1 : 0;
    ranks = std::move(ends);
  }
  return std::unique_ptr<Operation>(
      std::make_unique<Exchange>(*world, ranks, me, keyOf(ranks, channel), mesh, collective, in, out));
}

class MpiProcesses : public Processes {
public:
  MpiProcesses(const CleaveTransport &transport, std::unique_ptr<Manager> manager)
      : transport(transport), manager(std::move(manager)), engine(std::make_unique<Engine>(transport)) {}
  ~MpiProcesses() override {
    bool whole = !engine->abandoned() && settle().ok(); // else others may never come, and it ends without
    engine.reset();
    if (!whole || !leave())
      (void)manager.release(); // who waits for all to end
  }

  int64_t process() const override { return engine->process; }
  int64_t processes() const override { return engine->processes; }
  std::string library() const override { return transport.library(); }

  Status send(int64_t to, const std::string &bytes, double timeoutSeconds) override;
  Result<std::string> receive(int64_t from, double timeoutSeconds) override;
  std::vector<std::unique_ptr<Communicator>> connect(const std::vector<int64_t> &firsts,
                                                     double timeoutSeconds) override;
  Status settle() override {
    return engine->settle([this](const std::string &mine) { return allGather(mine, kSettleSeconds); });
  }
  void abandon(const Error &why) override { engine->abandon(why); }
  void lose(int64_t rank, const Error &why) override;
  bool isAbandoned() const override { return engine->abandoned(); }
  Status meet() { return findMachines(); }

private:
  bool leave() const;

  // One message, waited for.
  class Waited : public Sink {
  public:
    void through(const Message &, const CleaveDone &) override { done = true; }
    Message message = {this, 0, 0, 0};
    bool done = false;
  };
  Status move(bool sends, void *data, int64_t bytes, int64_t other, int32_t tag, double timeoutSeconds);

  const CleaveTransport &transport;
  std::unique_ptr<Manager> manager; // null where a launcher is one
  std::unique_ptr<Engine> engine;
  std::mutex worldsMutex;
  std::vector<std::weak_ptr<RankWorld>> worlds; // that were made
};

void MpiProcesses::lose(int64_t rank, const Error &why) {
  std::vector<std::shared_ptr<RankWorld>> now; // which take the engine's lock when they go
  {
    std::lock_guard<std::mutex> lock(worldsMutex);
    for (const std::weak_ptr<RankWorld> &made : worlds)
      now.push_back(made.lock());
  }
  for (const std::shared_ptr<RankWorld> &world : now)
    if (world)
      world->fail(rank, why, /*own=*/true, /*spread=*/false);
  engine->abandon(why);
}

// MPICH over TCP now and then waits for processes that wait already in its last barrier, and are deaf there.
// All has been said by then: after a while this process ends as it would have, less the library's own ends.
bool MpiProcesses::leave() const {
  if (library().rfind("MPICH", 0) != 0) {
    transport.leave();
    return true;
  }
  auto left = std::make_shared<std::atomic<bool>>(false);
  std::thread([leave = transport.leave, left] {
    leave();
    left->store(true, std::memory_order_release);
  }).detach();
  auto start = std::chrono::steady_clock::now();
  while (!left->load(std::memory_order_acquire)) {
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > kLeaveSeconds) {
      on_exit(
          [](int status, void *) {
            std::fflush(nullptr);
            _exit(status);
          },
          nullptr);
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

Status MpiProcesses::move(bool sends, void *data, int64_t bytes, int64_t other, int32_t tag,
                          double timeoutSeconds) {
  auto waited = std::make_unique<Waited>();
  {
    std::lock_guard<std::mutex> lock(engine->mutex);
    if (engine->abandoned())
      return engine->reason();
    if (sends)
      engine->send(data, bytes, static_cast<int32_t>(other), tag, &waited->message);
    else
      engine->receive(data, bytes, static_cast<int32_t>(other), tag, &waited->message);
  }
  Status status = engine->pollUntil([&] { return waited->done; }, timeoutSeconds, "answer");
  if (!status) { // the library may still hold on to it
    engine->abandon(status.error());
    waited.release();
  }
  return status;
}

Status MpiProcesses::send(int64_t to, const std::string &bytes, double timeoutSeconds) {
  auto size = static_cast<int64_t>(bytes.size());
  if (Status status = move(true, &size, sizeof(size), to, kSizeTag, timeoutSeconds); !status)
    return status;
  for (int64_t at = 0; at < size; at += kPiece)
    if (Status status = move(true, const_cast<char *>(bytes.data()) + at, std::min(kPiece, size - at), to,
                             kBytesTag, timeoutSeconds);
        !status)
      return status;
  return {};
}

Result<std::string> MpiProcesses::receive(int64_t from, double timeoutSeconds) {
  int64_t size = 0;
  if (Status status = move(false, &size, sizeof(size), from, kSizeTag, timeoutSeconds); !status)
    return status.error();
  std::string bytes(size, '\0');
  for (int64_t at = 0; at < size; at += kPiece)
    if (Status status = move(false, bytes.data() + at, std::min(kPiece, size - at), from, kBytesTag, 0);
        !status)
      return status.error();
  return bytes;
}

std::vector<std::unique_ptr<Communicator>> MpiProcesses::connect(const std::vector<int64_t> &firsts,
                                                                 double timeoutSeconds) {
  engine->crowded = areCrowded(machines(), firsts, process());
  auto world = std::make_shared<RankWorld>(*engine, firsts, timeoutSeconds);
  {
    std::lock_guard<std::mutex> lock(worldsMutex);
    worlds.push_back(world);
  }
  std::vector<std::unique_ptr<Communicator>> ends;
  for (int64_t rank = 0; rank < world->localRanks(); ++rank)
    ends.push_back(std::make_unique<MpiCommunicator>(world, world->first() + rank));
  return ends;
}

// Libraries make files there for processes of one machine, and fail in their own words or not at all.
Status requireSharedMemory() {
  int file = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); // without a name that a kill would leave
  int why = file < 0 ? errno : posix_fallocate(file, 0, kSharedBytes);
  if (file >= 0)
    close(file);
  if (why == 0 || why == EOPNOTSUPP || why == EISDIR) // such a file system may do all the same
    return {};
  return Error{"E753",
               "processes of one machine need shared memory, found that " + bytesText(kSharedBytes) +
                   " of it cannot be had in /dev/shm: " + std::strerror(why),
               "",
               {},
               "in a container, give it more (--shm-size, say)"};
}

Error cannotJoin(const std::string &found) {
  return {"E719", "MPI must join the processes that were launched, found that it " + found, "", {}, ""};
}

} // namespace
} // namespace mpi

Result<std::shared_ptr<Processes>> joinProcesses(const Launch &launch) {
  Result<const CleaveTransport *> transport = mpi::loadTransport(launch.library);
  if (!transport)
    return transport.error();
  if (Status status = mpi::requireSharedMemory(); !status)
    return status.error();
  std::unique_ptr<mpi::Manager> manager;
  if (!launch.master.empty()) {
    Result<std::unique_ptr<mpi::Manager>> started = mpi::Manager::start(launch);
    if (!started)
      return started.error();
    manager = std::move(*started);
  }
  char why[512] = "";
  if ((*transport)->join(why, sizeof(why)))
    return mpi::cannotJoin(std::string("cannot start: ") + why);
  if ((*transport)->processes() != launch.processes) {
    Error error = mpi::cannotJoin("sees " + std::to_string((*transport)->processes()) + " of " +
                                  std::to_string(launch.processes));
    error.notes.push_back("they were started by " + launch.launcher + ", and joined by " +
                          (*transport)->library());
    error.hint =
        "is the library that of the launcher? say which with --communicator mpi:openmpi or mpi:mpich";
    return error;
  }
  auto joined = std::make_shared<mpi::MpiProcesses>(**transport, std::move(manager));
  if (Status status = joined->meet(); !status)
    return status.error();
  return std::shared_ptr<Processes>(std::move(joined));
}

} // namespace cleave::rt
