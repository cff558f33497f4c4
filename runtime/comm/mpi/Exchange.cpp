#include "runtime/comm/mpi/Exchange.h"

#include "runtime/comm/Reduce.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <sched.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cleave::rt::mpi {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kCopySegment = int64_t{1} << 20;
constexpr int64_t kDenseSegment = int64_t{8} << 20; // that nobody packs: the library has segments of its own
// Of what a rank copies for itself at once: it stays in the caches, out of which others read it.
constexpr int64_t kOwnPiece = int64_t{128} << 10, kPiecesALook = 8;
constexpr int64_t kReduceSegment = int64_t{512} << 10; // of all members together
constexpr int64_t kLeastSegment = int64_t{32} << 10;
// An all-reduce up to here goes in one phase: twice the latency costs more than some bytes twice.
constexpr int64_t kWholeOfTwo = int64_t{32} << 10;
constexpr int64_t kWhole = kLargestInline;

constexpr int kSpins = 16; // polls before a look at the clock
constexpr auto kYieldAfter = std::chrono::microseconds(50);
constexpr auto kNapAfter = std::chrono::microseconds(500);
constexpr auto kLongNapAfter = std::chrono::milliseconds(20);
constexpr auto kNap = std::chrono::microseconds(20);
constexpr auto kLongNap = std::chrono::microseconds(500);
constexpr double kEndSeconds = 5; // for messages of an operation that goes away unfinished

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Kinds in which every member hears from every other.
bool allMeet(CollectiveKind kind) {
  return kind == CollectiveKind::AllReduce || kind == CollectiveKind::ReduceScatter ||
         kind == CollectiveKind::AllGather || kind == CollectiveKind::AllToAll;
}

BlockCopy copyOfSlice(const BlockReduction &slice, int64_t width) {
  BlockCopy copy;
  copy.from = slice.from;
  copy.bytes = slice.elements * width;
  if (slice.rows > 1)
    copy.loops.push_back({slice.rows, slice.fromPitch, copy.bytes});
  return copy;
}

} // namespace

//===-- Preparing ---------------------------------------------------------===//

Exchange::Exchange(RankWorld &world, const std::vector<int64_t> &ranks, int64_t me, uint64_t key,
                   const Mesh &mesh, const Collective &collective, const Shape &in, const Shape &out)
    : world(world), engine(world.engine), me(me), rank(ranks[me]), key(key), group([&]() -> Group & {
        std::lock_guard<std::mutex> lock(world.engine.mutex);
        return world.group(ranks[me], key);
      }()),
      collective(collective), type(in.type), width(sizeOf(in.type)), text(textOf(mesh, collective, in)),
      signature(signatureOf(collective, in, out)) {
  bool channel = collective.kind == CollectiveKind::Send || collective.kind == CollectiveKind::Recv;
  auto members = static_cast<int64_t>(ranks.size());
  if (!channel || me == 1)
    transfer = planTransfer(mesh, collective, in, out, rank);
  reduces = collective.kind == CollectiveKind::AllReduce || collective.kind == CollectiveKind::ReduceScatter;
  whole = collective.kind == CollectiveKind::AllReduce &&
          (in.bytes() <= kWhole || (members == 2 && in.bytes() <= kWholeOfTwo));
  segment = std::max(kLeastSegment, kReduceSegment / std::max<int64_t>(1, members - 1) / 64 * 64);
  peerOf.assign(members, -1);
  for (int64_t i = 1; i < members; ++i) {
    int64_t member = (me + i) % members;
    Peer peer;
    peer.rank = ranks[member];
    peer.process = world.processOf(peer.rank);
    peerOf[member] = static_cast<int64_t>(peers.size());
    peers.push_back(std::move(peer));
  }
  parts.resize(members);
  if (reduces)
    planReduction(mesh, in, out);
  else
    planSends(mesh, in, out, channel);
}

void Exchange::setBytes(Stream &stream, int64_t bytes, int64_t most) {
  stream.bytes = bytes;
  stream.segment = most;
  stream.segments = (bytes + most - 1) / most;
}

// Both ends know how the other's lies.
static int64_t segmentOf(const BlockCopy &copy) {
  return copy.isDenseFrom() && copy.isDenseTo() ? kDenseSegment : kCopySegment;
}

void Exchange::planReduction(const Mesh &mesh, const Shape &in, const Shape &out) {
  BlockReduction all = {in.elements() > 0, in.elements(), 0, 0, 0, 0, true};
  slice = whole ? all : transfer.reduction;
  reduceBytes = slice.rows * slice.elements * width;
  reduceSegments = (reduceBytes + segment - 1) / segment;
  for (size_t member = 0; member < peerOf.size(); ++member) {
    if (peerOf[member] < 0)
      continue;
    Peer &peer = peers[peerOf[member]];
    Operands its = operandsOfMember(collective, in, out, static_cast<int64_t>(member));
    peer.slice = whole ? all : planTransfer(mesh, collective, its.in, its.out, peer.rank).reduction;
    peer.out = copyOfSlice(peer.slice, width);
    peer.outDense = peer.out.isDenseFrom();
    peer.sends = peer.expects = true;
    setBytes(peer.streams[Send], peer.slice.rows * peer.slice.elements * width, segment);
    setBytes(peer.streams[Receive], reduceBytes, segment);
    if (collective.kind == CollectiveKind::AllReduce && !whole) {
      setBytes(peer.streams[SendResult], reduceBytes, segment);
      setBytes(peer.streams[ReceiveResult], peer.streams[Send].bytes, segment);
    }
  }
}

void Exchange::planSends(const Mesh &mesh, const Shape &in, const Shape &out, bool channel) {
  for (size_t member = 0; member < peerOf.size(); ++member) {
    if (peerOf[member] < 0)
      continue;
    Peer &peer = peers[peerOf[member]];
    peer.sends = peer.expects = allMeet(collective.kind);
    std::vector<BlockCopy> taken;
    if (channel && me == 0) {
      taken = planTransfer(mesh, collective, in, out, rank).copies;
    } else if (!channel) {
      Operands its = operandsOfMember(collective, in, out, static_cast<int64_t>(member));
      taken = planTransfer(mesh, collective, its.in, its.out, peer.rank, me).copies;
    }
    if (!taken.empty()) {
      peer.out = taken[0];
      peer.outDense = peer.out.isDenseFrom();
      peer.sends = true;
      setBytes(peer.streams[Send], peer.out.total(), segmentOf(peer.out));
    }
  }
  for (const BlockCopy &copy : transfer.copies) {
    if (copy.member == me && !channel)
      continue;
    Peer &peer = peers[peerOf[channel ? 0 : copy.member]];
    peer.in = copy;
    peer.inDense = copy.isDenseTo();
    peer.expects = true;
    setBytes(peer.streams[Receive], copy.total(), segmentOf(copy));
  }
}

//===-- Starting ----------------------------------------------------------===//

Status Exchange::start(const void *in, void *out) { return begin(in, out, /*isAwaited=*/false); }

Status Exchange::run(const void *in, void *out) {
  Status status = begin(in, out, /*isAwaited=*/true);
  return status ? wait() : status;
}

void Exchange::reset(const void *in, void *out) {
  input = in;
  output = out;
  reduced = 0;
  draining = false;
  open = 1 + (reduceSegments > 0); // one until all has been begun
  for (Peer &peer : peers) {
    peer.arrived = false;
    peer.isInline = peer.sends && peer.streams[Send].bytes <= kLargestInline;
    peer.getsInline = peer.expects && peer.streams[Receive].bytes <= kLargestInline;
    open += peer.expects;
    for (uint32_t what = 0; what < 4; ++what) {
      Stream &stream = peer.streams[what];
      stream.posted = stream.finished = 0;
      std::fill(stream.done, stream.done + kWindow, false);
      open += stream.segments > 0;
      bool stages = (what == Send && !peer.outDense && !peer.isInline) ||
                    (what == Receive && (reduces || (!peer.inDense && !peer.getsInline)));
      if (stages && stream.segments > 0)
        stream.staging = engine.takeBuffer(kWindow * stream.segment);
    }
  }
}

Status Exchange::begin(const void *in, void *out, bool isAwaited) {
  std::unique_lock<std::mutex> lock(engine.mutex);
  if (world.failure.isSet())
    return world.failure.at(text);
  if (engine.abandoned())
    return engine.reason();
  number = ++group.started;
  group.recent[number % Group::kRecent] = {number, signature, text};
  world.setLast(rank, text);
  reset(in, out);
  group.running.push_back(this);
  busy.store(true, std::memory_order_relaxed);
  for (uint32_t peer = 0; peer < peers.size(); ++peer)
    if (peers[peer].sends) {
      announceTo(peer);
      post(peer, Send);
    }
  auto [first, last] = group.early.equal_range(number);
  std::vector<Group::Early> early;
  for (auto at = first; at != last; ++at)
    early.push_back(std::move(at->second));
  group.early.erase(first, last);
  for (const Group::Early &each : early)
    arrived(each.header, each.text.data(), each.data.data());
  reduceReady();
  lock.unlock();
  ownPart(); // while others' messages come
  lock.lock();
  closeOne();
  if (busy.load(std::memory_order_relaxed) && !isAwaited) {
    isBackground = true;
    engine.addBackground(1);
  }
  return {};
}

void Exchange::ownPart() {
  int64_t pieces = 0;
  auto look =
      [&] { // others read what is copied here, and what they send may be read as soon as it is announced
        if (++pieces % kPiecesALook != 0)
          return;
        std::unique_lock<std::mutex> lock(engine.mutex, std::try_to_lock);
        if (lock.owns_lock())
          engine.poll();
      };
  for (const BlockCopy &copy : transfer.copies)
    if (copy.member == me && collective.kind != CollectiveKind::Recv)
      runCopyInPieces(copy, input, output, kOwnPiece, look);
  for (const BlockFill &fill : transfer.fills)
    runFill(fill, transfer.element, width, output);
}

void Exchange::announceTo(uint32_t at) {
  Peer &peer = peers[at];
  Header header;
  header.world = world.number;
  header.from = static_cast<int32_t>(rank);
  header.to = static_cast<int32_t>(peer.rank);
  header.group = key;
  header.number = number;
  header.signature = signature;
  header.segment = std::max<int64_t>(1, peer.streams[Send].segment);
  header.results = peer.streams[SendResult].bytes;
  header.bytes = peer.isInline ? 0 : peer.streams[Send].bytes;
  if (header.bytes + header.results > 0)
    header.tag = peer.sendTag = engine.newTags(peer.process);
  if (!peer.isInline || peer.streams[Send].bytes == 0)
    return engine.announce(peer.process, header, std::string_view(text).substr(0, kLargestText), nullptr);
  header.inlineBytes = static_cast<int32_t>(peer.streams[Send].bytes);
  char packed[kLargestInline];
  packRuns(peer.out, input, 0, header.inlineBytes, packed);
  engine.announce(peer.process, header, std::string_view(text).substr(0, kLargestText), packed);
  peer.streams[Send].posted = peer.streams[Send].finished = 1;
  --open;
}

//===-- What comes --------------------------------------------------------===//

void Exchange::arrived(const Header &header, const char *words, const char *data) {
  auto found =
      std::find_if(peers.begin(), peers.end(), [&](const Peer &peer) { return peer.rank == header.from; });
  if (found == peers.end() || draining || header.signature != signature || !found->expects ||
      found->arrived) {
    engine.dropAnnounced(header, world.processOf(header.from));
    if (header.signature == signature || draining)
      return;
    StartedBy mine = {rank, text}, other = {header.from, std::string(words, header.textBytes)};
    auto memberOf = [&](const Peer &peer) {
      return std::find(peerOf.begin(), peerOf.end(), &peer - peers.data()) - peerOf.begin();
    };
    bool first = found == peers.end() ? rank < header.from : me < memberOf(*found);
    world.fail(rank, differentCollectives(first ? mine : other, first ? other : mine), /*own=*/false,
               /*spread=*/true);
    return;
  }
  auto at = static_cast<uint32_t>(found - peers.begin());
  Peer &peer = peers[at];
  peer.arrived = true;
  peer.receiveTag = header.tag;
  --open;
  Stream &stream = peer.streams[Receive];
  if (peer.getsInline && stream.segments > 0) {
    if (reduces)
      std::memcpy(stream.staging, data, stream.bytes);
    else
      unpackRuns(peer.in, data, 0, stream.bytes, output);
    stream.posted = stream.finished = 1;
    --open;
    reduceReady();
  }
  advance(at);
  if (open == 0)
    end();
}

bool Exchange::mayPost(const Peer &peer, What what) const {
  const Stream &stream = peer.streams[what];
  if (stream.posted == stream.segments || stream.posted - stream.finished >= kWindow)
    return false;
  switch (what) {
  case Send:
    return true;
  case Receive:
    return peer.arrived && (!reduces || stream.posted - reduced < kWindow);
  case SendResult:
    return stream.posted < reduced;
  case ReceiveResult: // in place, what is there must have been sent before
    return peer.arrived && (input != output || peer.streams[Send].finished > stream.posted);
  }
  return false;
}

void *Exchange::placeOf(Peer &peer, What what, int64_t at) {
  Stream &stream = peer.streams[what];
  int64_t segment = stream.segment;
  char *staged = stream.staging + at % kWindow * segment, *to = static_cast<char *>(output);
  switch (what) {
  case Send:
    if (peer.outDense)
      return const_cast<char *>(static_cast<const char *>(input)) + peer.out.from + at * segment;
    packRuns(peer.out, input, at * segment, segmentBytes(stream, at), staged);
    return staged;
  case Receive:
    return reduces || !peer.inDense ? staged : to + peer.in.to + at * segment;
  case SendResult:
    return to + slice.to + at * segment;
  case ReceiveResult:
    return to + peer.slice.to + at * segment;
  }
  return nullptr;
}

void Exchange::post(uint32_t at, What what) {
  Peer &peer = peers[at];
  Stream &stream = peer.streams[what];
  bool sends = what == Send || what == SendResult, results = what == SendResult || what == ReceiveResult;
  while (mayPost(peer, what)) {
    int64_t next = stream.posted++;
    auto slot = static_cast<uint32_t>(next % kWindow);
    stream.messages[slot] = {this, what, at, slot};
    ++underWay;
    void *data = placeOf(peer, what, next);
    int32_t tag = (sends ? peer.sendTag : peer.receiveTag) + (results ? 1 : 0);
    if (sends)
      engine.send(data, segmentBytes(stream, next), peer.process, tag, &stream.messages[slot]);
    else
      engine.receive(data, segmentBytes(stream, next), peer.process, tag, &stream.messages[slot]);
  }
}

void Exchange::through(const Message &message, const CleaveDone &) {
  --underWay;
  if (draining)
    return;
  auto what = static_cast<What>(message.what);
  Peer &peer = peers[message.peer];
  Stream &stream = peer.streams[what];
  stream.done[message.slot] = true;
  while (stream.finished < stream.posted && stream.done[stream.finished % kWindow]) {
    stream.done[stream.finished % kWindow] = false;
    int64_t at = stream.finished++;
    if (what == Receive && !reduces && !peer.inDense)
      unpackRuns(peer.in, stream.staging + at % kWindow * stream.segment, at * stream.segment,
                 segmentBytes(stream, at), output);
    if (stream.finished == stream.segments)
      --open;
  }
  if (what == Receive || (what == Send && whole && input == output))
    reduceReady();
  advance(message.peer);
  if (open == 0)
    end();
}

void Exchange::advance(uint32_t peer) {
  for (What what : {Send, Receive, SendResult, ReceiveResult})
    post(peer, what);
}

//===-- Sums --------------------------------------------------------------===//

bool Exchange::isReady(int64_t at) const {
  bool overwrites = whole && input == output;
  return std::all_of(peers.begin(), peers.end(), [&](const Peer &peer) {
    return peer.streams[Receive].finished > at && (!overwrites || peer.streams[Send].finished > at);
  });
}

void Exchange::reduceReady() {
  if (!reduces || draining)
    return;
  int64_t before = reduced;
  while (reduced < reduceSegments && isReady(reduced)) {
    reduceSegment(reduced++);
    for (uint32_t peer = 0; peer < peers.size(); ++peer) {
      post(peer, SendResult);
      post(peer, Receive);
    }
  }
  if (reduced > before && reduced == reduceSegments)
    --open;
}

void Exchange::reduceSegment(int64_t at) {
  int64_t begin = at * segment, end = std::min(begin + segment, reduceBytes), row = slice.elements * width;
  for (int64_t from = begin; from < end;) {
    int64_t inRow = from % row, bytes = std::min(row - inRow, end - from);
    int64_t mine = slice.from + from / row * slice.fromPitch + inRow;
    for (size_t member = 0; member < parts.size(); ++member)
      parts[member] = peerOf[member] < 0 ? static_cast<const char *>(input) + mine
                                         : peers[peerOf[member]].streams[Receive].staging +
                                               at % kWindow * segment + (from - begin);
    void *to = static_cast<char *>(output) + slice.to + from / row * slice.toPitch + inRow;
    reduceBuffers(type, collective.reduction, parts.data(), static_cast<int64_t>(parts.size()), &to, 1,
                  bytes / width, /*streaming=*/false);
    from += bytes;
  }
}

//===-- Ending ------------------------------------------------------------===//

void Exchange::closeOne() {
  if (--open == 0)
    end();
}

void Exchange::end() {
  for (Peer &peer : peers)
    for (Stream &stream : peer.streams)
      if (stream.staging) {
        engine.giveBuffer(stream.staging, kWindow * stream.segment);
        stream.staging = nullptr;
      }
  auto found = std::find(group.running.begin(), group.running.end(), static_cast<Running *>(this));
  if (found != group.running.end())
    group.running.erase(found);
  if (isBackground)
    engine.addBackground(-1);
  isBackground = false;
  open = -1;
  endedAt = std::chrono::nanoseconds(Clock::now().time_since_epoch()).count();
  busy.store(false, std::memory_order_release);
}

void Exchange::drain() {
  draining = true;
  for (Peer &peer : peers) {
    for (What what : {Send, SendResult})
      if (Stream &stream = peer.streams[what]; peer.sends && stream.posted < stream.segments)
        engine.fill(stream.bytes, stream.segment, stream.posted, peer.process,
                    peer.sendTag + (what == SendResult));
    for (What what : {Receive, ReceiveResult})
      if (Stream &stream = peer.streams[what]; peer.arrived && stream.posted < stream.segments)
        engine.drop(stream.bytes, stream.segment, stream.posted, peer.process,
                    peer.receiveTag + (what == ReceiveResult));
  }
}

void Exchange::forget() { end(); }

Exchange::~Exchange() {
  if (!busy.load(std::memory_order_acquire))
    return;
  {
    std::lock_guard<std::mutex> lock(engine.mutex);
    world.remove(this);
    if (!draining)
      drain();
  }
  // Messages must leave the caller's memory alone once this is gone.
  Status status = engine.pollUntil([&] { return underWay == 0; }, kEndSeconds, "end what they had started");
  if (!status)
    engine.abandon(status.error());
  std::lock_guard<std::mutex> lock(engine.mutex);
  end();
}

Error Exchange::missing() {
  std::lock_guard<std::mutex> lock(engine.mutex);
  std::vector<int64_t> who;
  auto collect = [&](auto isMissing) {
    for (int64_t at : peerOf)
      if (at >= 0 && isMissing(peers[at]))
        who.push_back(peers[at].rank);
  };
  collect([](const Peer &peer) { return peer.expects && !peer.arrived; });
  if (who.empty())
    collect([](const Peer &peer) {
      return std::any_of(peer.streams, peer.streams + 4,
                         [](const Stream &stream) { return stream.left() > 0; });
    });
  std::vector<std::string> where;
  for (size_t i = 0; i < who.size() && i < 4; ++i)
    where.push_back(world.whereIs(who[i]));
  return missingMembers(world.timeoutSeconds, who, std::move(where), {rank, text});
}

Status Exchange::wait() {
  if (!busy.load(std::memory_order_acquire))
    return {};
  engine.waiting.fetch_add(1);
  Clock::time_point start;
  Status status;
  for (int round = 0; busy.load(std::memory_order_acquire); ++round) {
    bool any = false;
    for (int spin = 0; spin < (engine.crowded ? 1 : kSpins) && busy.load(std::memory_order_acquire); ++spin) {
      std::unique_lock<std::mutex> lock(engine.mutex, std::try_to_lock);
      any |= lock.owns_lock() && engine.poll();
      pause();
    }
    if (world.failure.isSet() || engine.abandoned()) {
      std::lock_guard<std::mutex> lock(engine.mutex);
      engine.poll(); // tells the others
      if (busy.load(std::memory_order_acquire))
        status = world.failure.isSet() ? world.failure.at(text) : engine.reason();
      break;
    }
    auto now = Clock::now();
    if (round == 0)
      start = now;
    auto waited = now - start;
    if (world.timeoutSeconds > 0 && std::chrono::duration<double>(waited).count() > world.timeoutSeconds)
      world.fail(rank, missing(), /*own=*/false, /*spread=*/true);
    else if (any)
      continue;
    else if (waited > kLongNapAfter)
      std::this_thread::sleep_for(kLongNap);
    else if (waited > kNapAfter)
      std::this_thread::sleep_for(kNap);
    else if (waited > kYieldAfter || engine.crowded)
      sched_yield();
  }
  engine.waiting.fetch_sub(1);
  return status;
}

} // namespace cleave::rt::mpi
