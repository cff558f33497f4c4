#include "runtime/comm/local/Local.h"

#include "runtime/comm/Agreement.h"
#include "runtime/comm/Reduce.h"
#include "runtime/comm/Transfer.h"
#include "runtime/comm/local/World.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <sched.h>
#include <thread>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cleave::rt {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSpins = 64; // before a look at the clock
constexpr auto kYieldAfter = std::chrono::microseconds(50);
constexpr auto kNapAfter = std::chrono::microseconds(300);
constexpr auto kLongNapAfter = std::chrono::milliseconds(20);
constexpr auto kNap = std::chrono::microseconds(20);
constexpr auto kLongNap = std::chrono::milliseconds(1);
constexpr auto kHelperNap = std::chrono::microseconds(200);
constexpr int kSoon = 5;                           // naps of a helper before they get longer
constexpr int64_t kPieceBytes = int64_t{64} << 10; // for one thread of several

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

int64_t cacheBytes() {
  static const int64_t kBytes = [] {
    int64_t found = sysconf(_SC_LEVEL3_CACHE_SIZE);
    return found > 0 ? found : int64_t{32} << 20;
  }();
  return kBytes;
}

class LocalCommunicator;

class LocalOperation : public Operation {
public:
  LocalOperation(LocalCommunicator &owner, Group &group, int64_t me, const Mesh &mesh,
                 const Collective &collective, const Shape &in, const Shape &out, Transfer transfer);

  ~LocalOperation() override;

  Status start(const void *in, void *out) override { return begin(in, out, /*hand=*/true); }
  Status wait() override;
  Status run(const void *in, void *out) override {
    Status status = begin(in, out, /*hand=*/false);
    return status ? wait() : status;
  }

  // Does what can be done now; whether that was the last of it.
  bool progress();
  // Whether the helper goes on with it.
  bool isHanded() const { return handed; }
  // Forgets what was started.
  void abandon() { phase = Phase::Idle; }

private:
  enum class Phase { Idle, Posted, Done };

  Status begin(const void *in, void *out, bool hand);
  bool advance();
  bool allPosted();
  bool allDone();
  bool agree();
  void work();
  void runPieces(int64_t begin, int64_t end);
  void reducePiece(int64_t piece);
  void cutIntoPieces();
  const Post &postOf(int64_t member) const { return group.seats[member].posts[number % Seat::kSlots]; }
  Error missing() const;

  LocalCommunicator &owner;
  Group &group;
  int64_t me, members;
  Collective collective;
  Type type;
  int64_t width, outBytes, inBytes;
  Transfer transfer;
  uint64_t signature;
  int64_t name;
  bool streaming = false;

  // Pieces of the work that threads may share: of the reduction first, then the copies.
  struct Piece {
    int64_t begin = 0, end = 0; // elements of each row, or rows where there are several
  };
  std::vector<Piece> reductionPieces;

  Phase phase = Phase::Idle;
  bool handed = false;
  uint64_t number = 0;
  int64_t seen = 0; // members known to be there, or done
  Post mine;
};

class LocalCommunicator : public Communicator {
public:
  LocalCommunicator(std::shared_ptr<World> world, int64_t rank, bool hasHelper)
      : world(std::move(world)), hasHelper(hasHelper), self(rank) {
    if (hasHelper)
      helper = std::thread([this] { help(); });
  }
  ~LocalCommunicator() override;

  int64_t rank() const override { return self; }
  int64_t ranks() const override { return world->ranks; }
  void fail(const Error &why) override { world->fail(self, why, /*own=*/true); }
  void lose(int64_t rank, const Error &why) override { world->fail(rank, why, /*own=*/true); }
  void recover() override;

  ThreadPool *pool() const { return threads; }

  // While it lasts the helper stays away from what is started. No lock where there is none.
  std::unique_lock<std::mutex> hold() {
    return hasHelper ? std::unique_lock<std::mutex>(lock) : std::unique_lock<std::mutex>();
  }

  std::shared_ptr<World> world;
  std::vector<LocalOperation *> running; // started and not ended
  const bool hasHelper;
  std::condition_variable wake; // the helper, for something was handed to it

protected:
  Result<std::unique_ptr<Operation>> prepareGroup(const Mesh &mesh, const Collective &collective,
                                                  const Shape &in, const Shape &out) override;

private:
  void help();

  int64_t self;
  std::mutex lock; // of all that is started
  bool isOver = false;
  std::thread helper;
};

thread_local bool isHelper = false; // the threads of a rank are not the helper's

LocalOperation::LocalOperation(LocalCommunicator &owner, Group &group, int64_t me, const Mesh &mesh,
                               const Collective &collective, const Shape &in, const Shape &out,
                               Transfer transfer)
    : owner(owner), group(group), me(me), members(static_cast<int64_t>(group.ranks.size())),
      collective(collective), type(in.type), width(sizeOf(in.type)), outBytes(out.bytes()),
      inBytes(in.bytes()), transfer(std::move(transfer)), signature(signatureOf(collective, in, out)) {
  name = owner.world->addName(textOf(mesh, collective, in));
  // Every member's operands pass through the caches that all share.
  streaming = (inBytes + outBytes) * members > 2 * cacheBytes();
  cutIntoPieces();
}

LocalOperation::~LocalOperation() {
  auto held = owner.hold();
  owner.running.erase(std::remove(owner.running.begin(), owner.running.end(), this), owner.running.end());
}

LocalCommunicator::~LocalCommunicator() {
  if (!hasHelper)
    return;
  {
    auto held = hold();
    isOver = true;
  }
  wake.notify_one();
  helper.join();
}

void LocalCommunicator::help() {
  isHelper = true;
  std::unique_lock<std::mutex> held(lock);
  for (int idle = 0; !isOver;) {
    bool waits = false;
    for (size_t i = 0; i < running.size(); ++i) {
      if (!running[i]->isHanded())
        continue;
      waits = true;
      if (running[i]->progress()) {
        --i;
        idle = 0;
      }
    }
    if (!waits) {
      wake.wait(held);
      idle = 0;
      continue;
    }
    held.unlock();
    std::this_thread::sleep_for(++idle < kSoon ? kNap : kHelperNap);
    held.lock();
  }
}

void LocalCommunicator::recover() {
  auto held = hold();
  for (LocalOperation *operation : running)
    operation->abandon();
  running.clear();
  world->recover();
}

void LocalOperation::cutIntoPieces() {
  const BlockReduction &it = transfer.reduction;
  int64_t bytes = it.rows * it.elements * width;
  bool shared = owner.pool() && owner.pool()->threads() > 1 && bytes > kPieceBytes;
  if (bytes == 0)
    return;
  int64_t length = it.rows > 1 ? it.rows : it.elements;
  int64_t unit = it.rows > 1 ? 1 : 64;
  int64_t step = !shared ? length : std::max(unit, kPieceBytes / (bytes / length) / unit * unit);
  for (int64_t at = 0; at < length; at += step)
    reductionPieces.push_back({at, std::min(length, at + step)});
}

Status LocalOperation::begin(const void *in, void *out, bool hand) {
  auto held = owner.hold();
  mine = {in, out, signature, name};
  owner.world->setLast(owner.rank(), name);
  seen = 0;
  if (members == 1) {
    group.seats[0].posts[number % Seat::kSlots] = mine;
    work();
    return {};
  }
  Seat &seat = group.seats[me];
  number = ++seat.started;
  // A slot is used again: whoever of this rank had it must be through.
  for (size_t i = 0; i < owner.running.size(); ++i)
    if (LocalOperation *other = owner.running[i];
        &other->group == &group && other->number + Seat::kSlots == number) {
      if (held)
        held.unlock();
      Status status = other->wait();
      held = owner.hold();
      if (!status)
        return status;
      break;
    }
  seat.posts[number % Seat::kSlots] = mine;
  seat.posted.store(number, std::memory_order_release);
  phase = Phase::Posted;
  handed = hand && owner.hasHelper;
  owner.running.push_back(this);
  if (handed)
    owner.wake.notify_one();
  return {};
}

// Does what can be done now; whether all is.
bool LocalOperation::advance() {
  auto held = owner.hold();
  return phase == Phase::Idle || progress();
}

bool LocalOperation::allPosted() {
  while (seen < members && group.seats[seen].posted.load(std::memory_order_acquire) >= number)
    ++seen;
  return seen == members;
}

bool LocalOperation::allDone() {
  while (seen < members &&
         group.seats[seen].done[number % Seat::kSlots].load(std::memory_order_acquire) >= number)
    ++seen;
  return seen == members;
}

bool LocalOperation::progress() {
  if (phase == Phase::Posted && allPosted()) {
    if (!agree())
      return false;
    work();
    group.seats[me].done[number % Seat::kSlots].store(number, std::memory_order_release);
    phase = Phase::Done;
    seen = 0;
  }
  if (phase == Phase::Done && allDone()) {
    phase = Phase::Idle;
    owner.running.erase(std::find(owner.running.begin(), owner.running.end(), this));
  }
  return phase == Phase::Idle;
}

bool LocalOperation::agree() {
  for (int64_t member = 0; member < members; ++member) {
    const Post &post = postOf(member);
    if (post.signature == signature)
      continue;
    World &world = *owner.world;
    auto at = [&](int64_t of) { return StartedBy{group.ranks[of], world.nameOf(postOf(of).name)}; };
    world.fail(owner.rank(), differentCollectives(at(std::min(member, me)), at(std::max(member, me))),
               /*own=*/false);
    return false;
  }
  return true;
}

void LocalOperation::reducePiece(int64_t piece) {
  constexpr int64_t kMost = 64;
  const BlockReduction &it = transfer.reduction;
  const Piece &part = reductionPieces[piece];
  int64_t first = it.rows > 1 ? part.begin : 0, last = it.rows > 1 ? part.end : 1;
  int64_t skip = it.rows > 1 ? 0 : part.begin * width;
  int64_t elements = it.rows > 1 ? it.elements : part.end - part.begin;
  const void *fewIns[kMost];
  void *fewOuts[kMost];
  std::vector<const void *> manyIns(members > kMost ? members : 0);
  std::vector<void *> manyOuts(members > kMost ? members : 0);
  const void **ins = members > kMost ? manyIns.data() : fewIns;
  void **outs = members > kMost ? manyOuts.data() : fewOuts;
  for (int64_t row = first; row < last; ++row) {
    int64_t from = it.from + row * it.fromPitch + skip, to = it.to + row * it.toPitch + skip;
    for (int64_t member = 0; member < members; ++member) {
      ins[member] = static_cast<const char *>(postOf(member).in) + from;
      outs[member] = static_cast<char *>(it.toAll ? postOf(member).out : mine.out) + to;
    }
    reduceBuffers(type, collective.reduction, ins, members, outs, it.toAll ? members : 1, elements,
                  streaming);
  }
}

void LocalOperation::runPieces(int64_t begin, int64_t end) {
  auto reductions = static_cast<int64_t>(reductionPieces.size());
  for (int64_t piece = begin; piece < end; ++piece) {
    if (piece < reductions) {
      reducePiece(piece);
      continue;
    }
    // Members begin with different neighbours, so that they do not all read the same one.
    auto copies = static_cast<int64_t>(transfer.copies.size());
    const BlockCopy &copy = transfer.copies[(piece - reductions + me) % copies];
    runCopy(copy, postOf(copy.member).in, mine.out);
  }
}

void LocalOperation::work() {
  auto pieces = static_cast<int64_t>(reductionPieces.size() + transfer.copies.size());
  if (ThreadPool *pool = isHelper ? nullptr : owner.pool();
      pool && pieces > 1 && inBytes + outBytes > kPieceBytes) {
    void *arguments[] = {this};
    pool->run([](void *const *given, int64_t begin,
                 int64_t end) { static_cast<LocalOperation *>(given[0])->runPieces(begin, end); },
              arguments, pieces, 1);
  } else {
    runPieces(0, pieces);
  }
  for (const BlockFill &fill : transfer.fills)
    runFill(fill, transfer.element, width, mine.out);
}

Error LocalOperation::missing() const {
  World &world = *owner.world;
  std::vector<int64_t> who;
  std::vector<std::string> where;
  for (int64_t member = 0; member < members; ++member) {
    const Seat &seat = group.seats[member];
    bool there = phase == Phase::Posted ? seat.posted.load() >= number
                                        : seat.done[number % Seat::kSlots].load() >= number;
    if (there)
      continue;
    who.push_back(group.ranks[member]);
    if (where.size() < 4)
      where.push_back(world.whereIs(group.ranks[member]));
  }
  return missingMembers(world.timeoutSeconds, who, std::move(where), {owner.rank(), world.nameOf(name)});
}

Status LocalOperation::wait() {
  World &world = *owner.world;
  Clock::time_point start;
  for (int round = 0; !advance(); ++round) {
    for (int spin = 1; spin < (world.crowded || handed ? 1 : kSpins); ++spin) {
      if (advance())
        return {};
      pause();
    }
    // Whoever is waited for here may itself wait for what this rank has started besides.
    {
      auto held = owner.hold();
      for (size_t i = 0; i < owner.running.size(); ++i)
        if (owner.running[i] != this && owner.running[i]->progress())
          --i;
    }
    if (world.failed() && !advance())
      return world.failure(world.nameOf(name));
    auto now = Clock::now();
    if (round == 0)
      start = now;
    auto waited = now - start;
    if (world.timeoutSeconds > 0 && std::chrono::duration<double>(waited).count() > world.timeoutSeconds)
      world.fail(owner.rank(), missing(), /*own=*/false);
    else if (waited > kLongNapAfter)
      std::this_thread::sleep_for(kLongNap);
    else if (waited > kNapAfter)
      std::this_thread::sleep_for(kNap);
    else if (waited > kYieldAfter || world.crowded)
      sched_yield();
  }
  return {};
}

Result<std::unique_ptr<Operation>> LocalCommunicator::prepareGroup(const Mesh &mesh,
                                                                   const Collective &collective,
                                                                   const Shape &in, const Shape &out) {
  std::vector<int64_t> ranks = groupOf(mesh, collective.over, self);
  int64_t me = memberOf(mesh, collective.over, self);
  bool channel = collective.kind == CollectiveKind::Send || collective.kind == CollectiveKind::Recv;
  Transfer transfer;
  if (!channel) {
    transfer = planTransfer(mesh, collective, in, out, self);
  } else {
    std::vector<int64_t> ends = {self};
    for (const MemberPair &pair : collective.pairs)
      if ((collective.kind == CollectiveKind::Send ? pair.from : pair.to) == me) {
        ends = {ranks[pair.from], ranks[pair.to]};
        me = collective.kind == CollectiveKind::Send ? 0 : 1;
        if (me == 1)
          transfer = planTransfer(mesh, collective, in, out, self);
        break;
      }
    if (ends.size() == 1)
      me = 0;
    ranks = std::move(ends);
  }
  return std::unique_ptr<Operation>(std::make_unique<LocalOperation>(
      *this, world->group(ranks, channel), me, mesh, collective, in, out, std::move(transfer)));
}

} // namespace

std::vector<std::unique_ptr<Communicator>> makeLocal(int64_t ranks, LocalOptions options) {
  auto world = std::make_shared<World>(ranks, options.timeoutSeconds);
  std::vector<std::unique_ptr<Communicator>> ends;
  for (int64_t rank = 0; rank < ranks; ++rank)
    ends.push_back(std::make_unique<LocalCommunicator>(world, rank, options.helpers));
  return ends;
}

} // namespace cleave::rt
