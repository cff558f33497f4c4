#include "runtime/comm/watch/Sockets.h"
#include "runtime/comm/watch/TreeWatch.h"

#include <algorithm>
#include <random>
#include <sys/eventfd.h>
#include <unistd.h>

namespace cleave::rt {

namespace {

using Clock = Channel::Clock;

constexpr double kConnectSeconds = 2; // for one address
constexpr double kWelcomeSeconds = 5; // for an answer from there
constexpr double kLongestBeat = 5;    // seconds
constexpr double kShortestBeat = 0.02;
constexpr double kBetweenTries = 0.05;
constexpr double kForEver = 1e9; // seconds

double secondsSince(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

std::string hostName() {
  char name[256] = {};
  gethostname(name, sizeof(name) - 1);
  return name;
}

std::string pack(const Peer &peer) {
  Packer fields;
  fields.add(peer.secret).add(peer.host).add(peer.pid).add(static_cast<int64_t>(peer.port));
  fields.add(static_cast<int64_t>(peer.addresses.size()));
  for (const std::string &address : peer.addresses)
    fields.add(address);
  return fields.bytes();
}

bool unpack(const std::string &bytes, Peer &peer) {
  Unpacker fields(bytes);
  peer.secret = fields.text();
  peer.host = fields.text();
  peer.pid = fields.number();
  peer.port = static_cast<uint16_t>(fields.number());
  for (int64_t left = fields.number(); fields.good() && left > 0; --left)
    peer.addresses.push_back(fields.text());
  return fields.good();
}

std::string makeSecret() {
  std::random_device random;
  std::string secret;
  for (int i = 0; i < 4; ++i)
    secret += std::to_string(random()) + ".";
  return secret;
}

} // namespace

//===-- The tree --------------------------------------------------------===//

bool TreeWatch::isBelow(int64_t process, int64_t top) const {
  while (process > top)
    process = parentOf(process);
  return process == top;
}

int64_t TreeWatch::sizeBelow(int64_t top) const {
  int64_t size = 0, first = top, last = top; // of a level
  while (first < options.processes) {
    size += std::min(last, options.processes - 1) - first + 1;
    first = first * options.branches + 1;
    last = last * options.branches + options.branches;
  }
  return size;
}

int64_t TreeWatch::childCount() const {
  int64_t first = options.process * options.branches + 1;
  return std::clamp<int64_t>(options.processes - first, 0, options.branches);
}

int64_t TreeWatch::firstRankOf(int64_t process) const {
  return options.firstRank.empty() ? process : options.firstRank[process];
}

// "rank 3 (process 4242 on node7)", "ranks 4 to 7 (...)"
std::string TreeWatch::nameOf(int64_t process) const {
  int64_t first = firstRankOf(process), last = first;
  if (!options.firstRank.empty() && process + 1 < static_cast<int64_t>(options.firstRank.size()))
    last = options.firstRank[process + 1] - 1;
  std::string ranks = last > first ? "ranks " + std::to_string(first) + " to " + std::to_string(last)
                                   : "rank " + std::to_string(first);
  std::lock_guard<std::mutex> lock(mutex);
  if (!peers.empty())
    return ranks + " (process " + std::to_string(peers[process].pid) + " on " + peers[process].host + ")";
  auto here = onRoll.find(process);
  return ranks + (here == onRoll.end()
                      ? ""
                      : " (process " + std::to_string(here->second) + " on " + hostName() + ")");
}

double TreeWatch::secondsToJoin() const {
  return options.joinSeconds > 0 ? options.joinSeconds - secondsSince(startedAt) : kForEver;
}

Channel *TreeWatch::towards(int64_t process) {
  for (std::shared_ptr<Channel> &channel : channels)
    if (!channel->isOfRoll && channel->process > options.process && isBelow(process, channel->process))
      return channel.get();
  for (std::shared_ptr<Channel> &channel : channels)
    if (!channel->isOfRoll && channel->process >= 0 && channel->process < options.process)
      return channel.get();
  return nullptr;
}

//===-- How they meet ---------------------------------------------------===//

namespace {

Error unreachable(const std::string &found) {
  return {"E738",
          "the processes of a run must be able to watch each other, found " + found,
          "",
          {},
          "each connects to one other over TCP, at a port that the system chooses"};
}

} // namespace

Status TreeWatch::begin() {
  if (options.silenceSeconds > 0)
    beatSeconds = std::clamp(options.silenceSeconds / 4, kShortestBeat, kLongestBeat);
  waker = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  callRoll();
  thread = std::thread([this] { watch(); });
  return {};
}

Status TreeWatch::meet(const Exchange &exchange) {
  Status status = findAll(exchange);
  if (status)
    status = reachParent();
  if (status)
    status = awaitChildren();
  if (status)
    hasMet.store(true);
  return status;
}

Status TreeWatch::findAll(const Exchange &exchange) {
  Peer mine;
  Result<int> made = listenAnywhere(mine.port);
  mine.host = hostName();
  mine.pid = getpid();
  mine.addresses = ownAddresses();
  mine.secret = options.process == 0 ? makeSecret() : "";
  // Also who cannot take part must be heard, or others would wait for him.
  Result<std::vector<std::string>> all = exchange(made ? pack(mine) : "");
  if (!made)
    return made.error();
  std::vector<Peer> found(options.processes);
  Status status = all ? Status() : all.error();
  for (int64_t process = 0; status && process < options.processes; ++process)
    if (process >= static_cast<int64_t>(all->size()) || !unpack((*all)[process], found[process]))
      status = unreachable("that process " + std::to_string(process) + " has no port");
  if (!status) {
    close(*made);
    return status;
  }
  {
    std::lock_guard<std::mutex> lock(mutex);
    peers = std::move(found);
  }
  hasFound.store(true);
  post([this, file = *made] { listener = file; });
  if (options.moment)
    options.moment("listen");
  return {};
}

// Connects to one address of the parent; null where it is not the parent that answers.
std::shared_ptr<Channel> TreeWatch::greet(const std::string &address, const Peer &parent,
                                          std::string &why) const {
  int file = connectTo(address, parent.port, kConnectSeconds, why);
  if (file < 0)
    return nullptr;
  if (options.moment)
    options.moment("greet");
  auto channel = std::make_shared<Channel>(file);
  channel->process = parentOf(options.process);
  channel->send(FrameKind::Hello, Packer().add(peers[0].secret).add(options.process));
  auto start = Clock::now();
  Frame frame;
  while (true) {
    double left = kWelcomeSeconds - secondsSince(start);
    if (left <= 0 || !waitToRead(file, left) || !channel->receive()) {
      why = "nobody answers";
      return nullptr;
    }
    if (!channel->next(frame))
      continue;
    why = "somebody else answers";
    bool right = frame.kind == FrameKind::Welcome && Unpacker(frame.fields).text() == peers[0].secret;
    return right ? std::move(channel) : nullptr;
  }
}

Status TreeWatch::reachParent() {
  if (options.process == 0)
    return {};
  const Peer &parent = peers[parentOf(options.process)];
  std::vector<std::string> addresses = parent.addresses;
  if (parent.host == hostName()) // its loops are, as it seems, this one's
    std::reverse(addresses.begin(), addresses.end());
  std::string why = "it has no address";
  while (secondsToJoin() > 0 && !loss()) {
    for (const std::string &address : addresses)
      if (std::shared_ptr<Channel> channel = greet(address, parent, why)) {
        post([this, channel] { channels.push_back(channel); });
        return {};
      }
    std::this_thread::sleep_for(std::chrono::duration<double>(kBetweenTries));
  }
  if (loss())
    return endedBy();
  return unreachable(nameOf(options.process) + " not to reach " + nameOf(parentOf(options.process)) + ": " +
                     why);
}

Status TreeWatch::awaitChildren() {
  std::unique_lock<std::mutex> lock(mutex);
  auto isThere = [this] { return childrenThere == childCount() || loss(); };
  if (!changed.wait_for(lock, std::chrono::duration<double>(std::max(0.0, secondsToJoin())), isThere)) {
    int64_t missing = childCount() - childrenThere;
    lock.unlock();
    return unreachable(std::to_string(missing) + " not to have reached " + nameOf(options.process));
  }
  return loss() ? Status(endedBy()) : Status();
}

} // namespace cleave::rt
