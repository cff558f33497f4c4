// Processes of one run on one machine find each other before anything else can join them: the first one to
// take the name that they have alike (an address of this machine that no file stands for, and that goes with
// its owner) keeps the roll, and all others are connected to it.
#include "runtime/comm/watch/TreeWatch.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace cleave::rt {

namespace {

constexpr size_t kMostNotes = 4;
constexpr int64_t kMostNamed = 1024; // processes of a machine that are told one by one

socklen_t nameAddress(const std::string &roll, sockaddr_un &address) {
  address = {};
  address.sun_family = AF_UNIX;
  std::string name = "cleave-" + std::to_string(getuid()) + "-" + roll;
  size_t length = std::min(name.size(), sizeof(address.sun_path) - 1);
  // Behind a zero: no file's. Names differ at their ends.
  std::memcpy(address.sun_path + 1, name.data() + name.size() - length, length);
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
}

bool isOwnUsers(int file) {
  ucred who = {};
  socklen_t size = sizeof(who);
  return getsockopt(file, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid == getuid();
}

} // namespace

bool TreeWatch::isOnRoll() const {
  if (rollListener >= 0)
    return true;
  for (const std::shared_ptr<Channel> &channel : channels)
    if (channel->isOfRoll)
      return true;
  return false;
}

// Takes the name, or connects to who has it. Where neither is to be had now, a later call may.
void TreeWatch::callRoll() {
  if (options.roll.empty() || isOnRoll())
    return;
  sockaddr_un address;
  socklen_t size = nameAddress(options.roll, address);
  int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (file < 0)
    return;
  if (bind(file, reinterpret_cast<sockaddr *>(&address), size) == 0 && listen(file, SOMAXCONN) == 0) {
    rollListener = file;
    return;
  }
  if (connect(file, reinterpret_cast<sockaddr *>(&address), size) != 0 || !isOwnUsers(file)) {
    close(file);
    return;
  }
  auto channel = std::make_shared<Channel>(file);
  channel->isOfRoll = true;
  channel->send(FrameKind::Hello, Packer().add(options.process).add(static_cast<int64_t>(getpid())));
  channels.push_back(std::move(channel));
}

void TreeWatch::takeOfRoll(Channel &from, const Frame &frame) {
  Unpacker fields(frame.fields);
  switch (frame.kind) {
  case FrameKind::Hello:
    return enrol(from, fields);
  case FrameKind::Welcome: {
    int64_t count = fields.number();
    for (int64_t i = 0; fields.good() && i < count; ++i) {
      int64_t process = fields.number(), pid = fields.number();
      hasCome(process, pid);
      if (i == 0)
        from.process = process;
    }
    return;
  }
  case FrameKind::Here: {
    int64_t process = fields.number();
    return hasCome(process, fields.number());
  }
  default:
    return; // what is said alike on all connections
  }
}

void TreeWatch::hasCome(int64_t process, int64_t pid) {
  if (process < 0 || process >= options.processes || process == options.process)
    return;
  onRoll[process] = pid;
  company.store(true, std::memory_order_relaxed);
}

// A process that has come already is of another run, which waits until this one has ended.
void TreeWatch::enrol(Channel &from, Unpacker fields) {
  int64_t process = fields.number(), pid = fields.number();
  bool isRight = fields.good() && process >= 0 && process < options.processes && process != options.process &&
                 onRoll.count(process) == 0 && isOwnUsers(from.file());
  if (!isRight || from.process >= 0)
    return;
  from.process = process;
  Packer all;
  all.add(static_cast<int64_t>(onRoll.size() + 1));
  all.add(options.process).add(static_cast<int64_t>(getpid()));
  for (const auto &[other, itsPid] : onRoll)
    all.add(other).add(itsPid);
  from.send(FrameKind::Welcome, all);
  hasCome(process, pid);
  for (std::shared_ptr<Channel> &channel : channels)
    if (channel->isOfRoll && channel->process >= 0 && channel.get() != &from)
      channel->send(FrameKind::Here, Packer().add(process).add(pid));
  if (isLost.load()) // it is late, but it must know
    from.send(FrameKind::Lost, Packer().add(lost.rank).add(lost.process).add(lost.why));
}

// A line each; none where processes of other machines may be meant.
std::vector<std::string> TreeWatch::whoHasNotCome() const {
  std::vector<std::string> lines;
  if (options.roll.empty() || options.onMachine != options.processes || options.processes > kMostNamed)
    return lines;
  size_t more = 0;
  for (int64_t process = 0; process < options.processes; ++process) {
    if (process == options.process || onRoll.count(process) > 0)
      continue;
    if (lines.size() < kMostNotes)
      lines.push_back("the process of rank " + std::to_string(firstRankOf(process)) + " has not come");
    else
      ++more;
  }
  if (more > 0)
    lines.push_back("and " + std::to_string(more) + " processes more have not");
  return lines;
}

} // namespace cleave::rt
