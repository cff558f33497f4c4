#include "runtime/comm/mpi/Engine.h"

#include "runtime/comm/Packet.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <sched.h>
#include <sys/prctl.h>

namespace cleave::rt {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int32_t kHeaderTag = 0;
constexpr int32_t kFirstTag = 16; // below: headers, and what processes say to each other
constexpr int32_t kTags = 1 << 24;
constexpr int kHeadersAwaited = 64;
constexpr int kReported = 64;
// Of the thread that looks after collectives while ranks compute.
constexpr auto kNap = std::chrono::microseconds(30);
constexpr auto kLongNap = std::chrono::microseconds(200);
constexpr int kShortNaps = 50;
// Of a thread that has nothing to do but to wait.
constexpr auto kYieldAfter = std::chrono::microseconds(50);
constexpr auto kNapAfter = std::chrono::microseconds(500);
constexpr auto kWaitingNap = std::chrono::microseconds(100);
constexpr double kSettleSeconds = 30;

} // namespace

Engine::Engine(const CleaveTransport &transport)
    : processes(transport.processes()), process(transport.process()), transport(transport) {
  headersSent.resize(processes);
  headersReceived.resize(processes);
  tags.resize(processes);
  for (int i = 0; i < kHeadersAwaited; ++i) {
    incoming.push_back(std::make_unique<HeaderSlot>());
    receiveHeader(*incoming.back());
  }
  thread = std::thread([this] { work(); });
}

Engine::~Engine() {
  {
    std::lock_guard<std::mutex> lock(sleepMutex);
    stopping = true;
  }
  wake.notify_all();
  thread.join();
  if (!abandoned())
    transport.forgetReceives();
}

void Engine::receiveHeader(HeaderSlot &slot) {
  slot.message.sink = &headers;
  slot.message.what = 1;
  if (int32_t error = transport.receive(slot.bytes, kLargestHeader, -1, kHeaderTag, &slot.message))
    broken(error);
}

void Engine::broken(int32_t error) {
  char text[256];
  transport.describe(error, text, sizeof(text));
  abandon({"E754",
           std::string("processes must be able to reach each other, found that MPI cannot: ") + text,
           "",
           {},
           ""});
}

void Engine::abandon(const Error &error) {
  std::lock_guard<std::mutex> lock(reasonMutex);
  if (hasBeenAbandoned.load(std::memory_order_relaxed))
    return;
  why = error;
  hasBeenAbandoned.store(true, std::memory_order_release);
}

Error Engine::reason() const {
  std::lock_guard<std::mutex> lock(reasonMutex);
  return why;
}

//===-- Messages ----------------------------------------------------------===//

void Engine::send(const void *data, int64_t bytes, int32_t to, int32_t tag, Message *message) {
  ++underWay;
  if (to != process) {
    if (int32_t error = transport.send(data, bytes, to, tag, message))
      broken(error);
    return;
  }
  loops[tag].sent.push_back({data, {bytes, message}});
  matchLoop(tag);
}

void Engine::receive(void *data, int64_t bytes, int32_t from, int32_t tag, Message *message) {
  ++underWay;
  if (from != process) {
    if (int32_t error = transport.receive(data, bytes, from, tag, message))
      broken(error);
    return;
  }
  loops[tag].wanted.push_back({data, {bytes, message}});
  matchLoop(tag);
}

void Engine::matchLoop(int32_t tag) {
  Loop &loop = loops[tag];
  while (!loop.sent.empty() && !loop.wanted.empty()) {
    auto [from, sent] = loop.sent.front();
    auto [to, wanted] = loop.wanted.front();
    int64_t bytes = std::min(sent.first, wanted.first);
    if (bytes > 0)
      std::memcpy(to, from, bytes);
    loopDone.push_back({sent.second, 0, -1, 0});
    loopDone.push_back({wanted.second, bytes, process, 0});
    loop.sent.pop_front();
    loop.wanted.pop_front();
  }
  if (loop.sent.empty() && loop.wanted.empty())
    loops.erase(tag);
}

int32_t Engine::newTags(int32_t to) {
  int32_t most = std::min(kTags, transport.largestTag() - 1), first = kFirstTag + tags[to];
  tags[to] = first + 4 > most ? 0 : tags[to] + 2;
  return first;
}

void Engine::announce(int32_t to, Header header, std::string_view text, const void *inlined) {
  header.textBytes = static_cast<int32_t>(std::min<int64_t>(
      static_cast<int64_t>(text.size()), kLargestHeader - sizeof(header) - header.inlineBytes));
  ++headersSent[to];
  if (freeOutgoing.empty()) {
    outgoing.push_back(std::make_unique<HeaderSlot>());
    freeOutgoing.push_back(outgoing.back().get());
  }
  HeaderSlot *slot = freeOutgoing.back();
  std::memcpy(slot->bytes, &header, sizeof(header));
  std::memcpy(slot->bytes + sizeof(header), text.data(), header.textBytes);
  if (header.inlineBytes > 0)
    std::memcpy(slot->bytes + sizeof(header) + header.textBytes, inlined, header.inlineBytes);
  int64_t bytes = sizeof(header) + header.textBytes + header.inlineBytes;
  if (to == process) {
    loopHeaders.emplace_back(slot->bytes, bytes);
    return;
  }
  freeOutgoing.pop_back();
  slot->message = {&headers, 0, 0, 0};
  ++underWay;
  if (int32_t error = transport.send(slot->bytes, bytes, to, kHeaderTag, &slot->message))
    broken(error);
}

void Engine::HeaderSink::through(const Message &message, const CleaveDone &done) {
  auto &slot = *reinterpret_cast<HeaderSlot *>(const_cast<Message *>(&message));
  if (message.what == 0) // sent
    return engine.freeOutgoing.push_back(&slot);
  ++engine.underWay; // it was none of those
  if (done.error)
    return engine.broken(done.error);
  engine.headerArrived(slot.bytes, done.bytes, done.source);
  engine.receiveHeader(slot);
}

void Engine::headerArrived(const char *bytes, int64_t size, int32_t source) {
  Header header;
  if (size < static_cast<int64_t>(sizeof(header)))
    return;
  std::memcpy(&header, bytes, sizeof(header));
  ++headersReceived[source];
  auto world = worlds.find(header.world);
  if (world == worlds.end()) {
    if (header.world >= nextWorld) {
      early.push_back({source, std::string(bytes, size)});
      --headersReceived[source];
    }
    return;
  }
  world->second->arrived(header, bytes + sizeof(header), bytes + sizeof(header) + header.textBytes);
}

bool Engine::poll() {
  if (abandoned())
    return false;
  for (auto &[number, world] : worlds)
    world->tell();
  bool any = !loopHeaders.empty() || !loopDone.empty();
  while (!loopHeaders.empty()) {
    std::string bytes = std::move(loopHeaders.front());
    loopHeaders.pop_front();
    headerArrived(bytes.data(), static_cast<int64_t>(bytes.size()), process);
  }
  auto tell = [&](const CleaveDone &done) {
    --underWay;
    auto *message = static_cast<Message *>(done.token);
    message->sink->through(*message, done);
  };
  while (!loopDone.empty()) {
    CleaveDone done = loopDone.front();
    loopDone.pop_front();
    tell(done);
  }
  CleaveDone done[kReported];
  int32_t count = transport.poll(done, kReported);
  for (int32_t i = 0; i < count; ++i)
    tell(done[i]);
  return any || count > 0;
}

//===-- Buffers -----------------------------------------------------------===//

char *Engine::takeBuffer(int64_t bytes) {
  std::vector<char *> &free = freeBuffers[bytes];
  if (free.empty()) {
    buffers.emplace_back(new char[bytes + 64]);
    auto address = reinterpret_cast<uintptr_t>(buffers.back().get());
    return buffers.back().get() + (-address & 63);
  }
  char *buffer = free.back();
  free.pop_back();
  return buffer;
}

void Engine::giveBuffer(char *buffer, int64_t bytes) { freeBuffers[bytes].push_back(buffer); }

//===-- Worlds ------------------------------------------------------------===//

int32_t Engine::addWorld(World *world) {
  int32_t number = nextWorld++;
  worlds[number] = world;
  auto headers = std::move(early);
  early.clear();
  for (auto &[source, bytes] : headers)
    headerArrived(bytes.data(), static_cast<int64_t>(bytes.size()), source);
  return number;
}

void Engine::removeWorld(int32_t number) { worlds.erase(number); }

void Engine::dropAnnounced(const Header &header, int32_t from) {
  if (header.segment == 0)
    return;
  drop(header.bytes, header.segment, 0, from, header.tag);
  drop(header.results, header.segment, 0, from, header.tag + 1);
}

namespace {
struct Trash : Message {
  char *buffer = nullptr;
  int64_t bytes = 0;
};
} // namespace

Message *Engine::trashMessage(int64_t segment) {
  auto *message = new Trash();
  message->sink = &trash;
  message->bytes = segment;
  message->buffer = takeBuffer(segment);
  return message;
}

void Engine::drop(int64_t bytes, int64_t segment, int64_t firstSegment, int32_t from, int32_t tag) {
  for (int64_t at = firstSegment * segment; at < bytes; at += segment) {
    Message *message = trashMessage(segment);
    receive(static_cast<Trash *>(message)->buffer, segment, from, tag, message);
  }
}

void Engine::fill(int64_t bytes, int64_t segment, int64_t firstSegment, int32_t to, int32_t tag) {
  for (int64_t at = firstSegment * segment; at < bytes; at += segment) {
    Message *message = trashMessage(segment);
    send(static_cast<Trash *>(message)->buffer, std::min(segment, bytes - at), to, tag, message);
  }
}

void Engine::TrashSink::through(const Message &message, const CleaveDone &) {
  const auto *mine = static_cast<const Trash *>(&message);
  engine.giveBuffer(mine->buffer, mine->bytes);
  delete mine;
}

Status Engine::settle(const std::function<Result<std::vector<std::string>>(const std::string &)> &exchange) {
  PacketWriter mine;
  {
    std::lock_guard<std::mutex> lock(mutex);
    for (auto &[number, world] : worlds)
      world->tell();
    for (auto &[number, world] : worlds)
      world->drain();
    for (int64_t sent : headersSent)
      mine.number(sent);
  }
  Result<std::vector<std::string>> all = exchange(mine.take());
  if (!all)
    return all.error();
  std::vector<int64_t> wanted;
  for (const std::string &theirs : *all) {
    PacketReader reader(theirs);
    int64_t toMe = 0;
    for (int32_t other = 0; other <= process; ++other)
      toMe = reader.number();
    wanted.push_back(toMe);
  }
  auto done = [&] {
    return headersReceived == wanted && underWay == 0 && loopHeaders.empty() && loopDone.empty();
  };
  if (Status status = pollUntil(done, kSettleSeconds, "let go of what they had started"); !status)
    return status;
  {
    std::lock_guard<std::mutex> lock(mutex);
    for (auto &[number, world] : worlds)
      world->reset();
  }
  Result<std::vector<std::string>> ended = exchange("");
  return ended ? Status() : Status(ended.error());
}

//===-- Waiting -----------------------------------------------------------===//

Status Engine::pollUntil(const std::function<bool()> &done, double timeoutSeconds, const char *what) {
  Clock::time_point start = Clock::now(), last = start;
  waiting.fetch_add(1);
  Status status;
  while (true) {
    bool any = false;
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (done())
        break;
      any = poll();
      if (any && done())
        break;
    }
    if (abandoned()) {
      status = reason();
      break;
    }
    Clock::time_point now = Clock::now();
    if (any)
      last = now;
    if (timeoutSeconds > 0 && std::chrono::duration<double>(now - start).count() > timeoutSeconds) {
      char seconds[32];
      std::snprintf(seconds, sizeof(seconds), "%g", timeoutSeconds);
      status = Error{"E754",
                     std::string("all processes must ") + what + " within " + seconds +
                         " s, found that some have not",
                     "",
                     {},
                     ""};
      break;
    }
    if (now - last > kNapAfter)
      std::this_thread::sleep_for(kWaitingNap);
    else if (crowded || now - last > kYieldAfter)
      sched_yield();
  }
  waiting.fetch_sub(1);
  return status;
}

void Engine::addBackground(int by) {
  bool first;
  {
    std::lock_guard<std::mutex> lock(sleepMutex);
    first = background == 0;
    background += by;
  }
  if (first && by > 0)
    wake.notify_one();
}

void Engine::work() {
  prctl(PR_SET_TIMERSLACK, 1000); // naps are to be as short as they say
  for (int idle = 0;;) {
    {
      std::unique_lock<std::mutex> lock(sleepMutex);
      wake.wait(lock, [&] { return stopping || background > 0; });
      if (stopping)
        return;
    }
    bool any = false;
    if (waiting.load(std::memory_order_relaxed) == 0) {
      std::unique_lock<std::mutex> lock(mutex, std::try_to_lock);
      any = lock.owns_lock() && poll();
    }
    idle = any ? 0 : idle + 1;
    if (!any)
      std::this_thread::sleep_for(idle < kShortNaps ? kNap : kLongNap);
  }
}

} // namespace cleave::rt
