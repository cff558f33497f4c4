#include "runtime/comm/watch/Watch.h"

#include "runtime/comm/watch/TreeWatch.h"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cleave::rt {

namespace {

constexpr double kHurry = 0.2;          // a launcher's SIGKILL comes a second after its SIGTERM, or less
constexpr double kTogether = 0.7;       // after a loss nobody ends before: the next end hurries launchers
constexpr double kLongest = 4;          // for a process to come to its end when it has spoken
constexpr double kMeetsLate = 1;        // for who meets to say that the others do not
constexpr double kBetweenLooks = 0.05;  // while there is something to wait for that no connection tells
constexpr double kLeaveSeconds = 2;     // at most, until all have said that they leave
constexpr double kEndSeconds = 0.1;     // for the news of a loss to go out
constexpr double kStrangerSeconds = 10; // to say who one is

double secondsSince(Channel::Clock::time_point from) {
  return std::chrono::duration<double>(Channel::Clock::now() - from).count();
}

} // namespace

Result<std::unique_ptr<Watch>> Watch::start(WatchOptions options) {
  auto made = std::make_unique<TreeWatch>(std::move(options));
  if (Status status = made->begin(); !status)
    return status.error();
  return std::unique_ptr<Watch>(std::move(made));
}

//===-- What the thread is asked to do ----------------------------------===//

void TreeWatch::post(std::function<void()> task) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    tasks.push_back(std::move(task));
  }
  uint64_t one = 1;
  while (write(waker, &one, sizeof(one)) < 0 && errno == EINTR)
    ;
}

void TreeWatch::doWhatIsAsked() {
  uint64_t count = 0;
  while (read(waker, &count, sizeof(count)) < 0 && errno == EINTR)
    ;
  std::vector<std::function<void()>> now;
  {
    std::lock_guard<std::mutex> lock(mutex);
    now.swap(tasks);
  }
  for (const std::function<void()> &task : now)
    task();
}

Error TreeWatch::endedBy() const {
  Error error = lost.why;
  if (error.code == "E738")
    return error;
  return {"E738",
          "the processes of a run go on together, found that rank " + std::to_string(lost.rank) +
              " has failed",
          "",
          {error.code + ": " + error.message},
          ""};
}

void TreeWatch::fail(int64_t rank, const Error &why) {
  post([this, rank, why] {
    isOwn = !isLost.load();
    lose({options.process, rank, why}, nullptr);
  });
  std::unique_lock<std::mutex> lock(mutex); // whoever ends now must have told
  changed.wait(lock, [this] { return loss(); });
}

Result<std::vector<std::string>> TreeWatch::allGather(const std::string &mine) {
  if (loss()) // others may not know yet: they must not go on together without it
    return endedBy();
  int64_t number = gathered++;
  post([this, number, mine] { addUp(number, options.process, mine); });
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait(lock, [&] { return results.count(number) || loss(); });
  auto found = results.find(number);
  if (found == results.end())
    return endedBy();
  std::vector<std::string> all = std::move(found->second);
  results.erase(found);
  return all;
}

std::string TreeWatch::ask(int64_t process, double seconds) {
  int64_t question = asked++;
  post([this, question, process] {
    if (Channel *channel = towards(process))
      channel->send(FrameKind::Ask, Packer().add(question).add(options.process).add(process));
  });
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return answers.count(question) > 0; });
  auto found = answers.find(question);
  return found == answers.end() ? "" : found->second;
}

void TreeWatch::linger() const {
  while (loss() && secondsSince(lostAt) < kTogether)
    usleep(10000);
}

Status TreeWatch::leave() {
  if (Result<std::vector<std::string>> all = allGather(""); !all)
    return all.error();
  post([this] { hasAgreed = ending = true; });
  thread.join();
  return {};
}

TreeWatch::~TreeWatch() {
  if (thread.joinable()) {
    post([this] { ending = true; });
    thread.join();
  }
  for (int file : {listener, rollListener, waker})
    if (file >= 0)
      close(file);
}

//===-- The thread ------------------------------------------------------===//

void TreeWatch::watch() {
  pthread_setname_np(pthread_self(), "cleave-watch");
  std::vector<pollfd> files;
  while (!ending) {
    files = {{waker, POLLIN, 0}, {listener, POLLIN, 0}, {rollListener, POLLIN, 0}};
    size_t first = files.size();
    for (const std::shared_ptr<Channel> &channel : channels)
      files.push_back(
          {channel->file(), static_cast<int16_t>(POLLIN | (channel->hasToSend() ? POLLOUT : 0)), 0});
    double most = isLost.load() || !hasMet.load() ? kBetweenLooks : beatSeconds / 2;
    poll(files.data(), files.size(), static_cast<int>(most * 1000) + 1);
    std::vector<std::shared_ptr<Channel>> before = channels;
    for (size_t i = 0; i < before.size(); ++i) {
      if (files[first + i].revents & POLLOUT)
        before[i]->flush();
      if ((files[first + i].revents & ~POLLOUT) && !hear(*before[i]))
        channels.erase(std::find(channels.begin(), channels.end(), before[i]));
    }
    if (files[1].revents)
      accept(listener, /*isOfRoll=*/false);
    if (files[2].revents)
      accept(rollListener, /*isOfRoll=*/true);
    doWhatIsAsked();
    keepTime();
  }
  sayGoodbye();
}

// Says the last word and listens for that of the others: a connection that is closed with something unread
// may take along what has been sent.
void TreeWatch::sayGoodbye() {
  bool inOrder = hasAgreed && !isLost.load();
  if (rollListener >= 0) // who comes now is of another run
    close(rollListener);
  rollListener = -1;
  for (std::shared_ptr<Channel> &channel : channels) {
    if (inOrder)
      channel->send(FrameKind::Bye);
    channel->end();
  }
  auto isThrough = [](const std::shared_ptr<Channel> &channel) {
    channel->flush();
    Frame frame;
    bool isThere = channel->receive();
    while (channel->next(frame))
      channel->hasLeft |= frame.kind == FrameKind::Bye;
    return !isThere || (channel->hasLeft && !channel->hasToSend());
  };
  for (auto start = Clock::now(); secondsSince(start) < (inOrder ? kLeaveSeconds : kEndSeconds);) {
    channels.erase(std::remove_if(channels.begin(), channels.end(), isThrough), channels.end());
    if (channels.empty())
      break;
    usleep(1000);
  }
  channels.clear();
}

void TreeWatch::accept(int from, bool isOfRoll) {
  while (true) {
    int file = accept4(from, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (file < 0)
      return;
    int one = 1;
    if (!isOfRoll)
      setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    channels.push_back(std::make_shared<Channel>(file));
    channels.back()->isOfRoll = isOfRoll;
  }
}

// Whether the connection is still there.
bool TreeWatch::hear(Channel &channel) {
  bool isThere = channel.receive();
  Frame frame;
  while (channel.next(frame))
    take(channel, frame);
  if (!isThere && channel.process >= 0 && !channel.hasLeft)
    missed(channel, "dead: " + channel.why());
  return isThere && (channel.process >= 0 || frame.kind == FrameKind::Beat);
}

void TreeWatch::take(Channel &from, const Frame &frame) {
  Unpacker fields(frame.fields);
  if (from.isOfRoll && frame.kind != FrameKind::Lost && frame.kind != FrameKind::Bye)
    return takeOfRoll(from, frame);
  if (from.process < 0 && frame.kind != FrameKind::Hello)
    return;
  switch (frame.kind) {
  case FrameKind::Hello:
    admit(from, fields);
    break;
  case FrameKind::Welcome:
  case FrameKind::Beat:
  case FrameKind::Here:
    break;
  case FrameKind::Lost: {
    Loss found;
    found.rank = fields.number();
    found.process = fields.number();
    found.why = fields.error();
    lose(std::move(found), &from);
    break;
  }
  case FrameKind::Bye:
    from.hasLeft = true;
    break;
  case FrameKind::Up: {
    int64_t number = fields.number();
    for (int64_t left = fields.number(); fields.good() && left > 0; --left) {
      int64_t process = fields.number();
      addUp(number, process, fields.text());
    }
    break;
  }
  case FrameKind::Down: {
    int64_t number = fields.number();
    std::vector<std::string> all;
    for (int64_t left = fields.number(); fields.good() && left > 0; --left)
      all.push_back(fields.text());
    handDown(number, all);
    break;
  }
  case FrameKind::Ask: {
    int64_t question = fields.number(), asking = fields.number(), whom = fields.number();
    if (whom != options.process) {
      if (Channel *next = towards(whom))
        next->send(FrameKind::Ask, Packer().add(question).add(asking).add(whom));
    } else if (Channel *back = towards(asking)) {
      std::string text = options.whereabouts ? options.whereabouts() : "";
      back->send(FrameKind::Answer, Packer().add(question).add(asking).add(text));
    }
    break;
  }
  case FrameKind::Answer: {
    int64_t question = fields.number(), asking = fields.number();
    std::string text = fields.text();
    if (asking != options.process) {
      if (Channel *next = towards(asking))
        next->send(FrameKind::Answer, Packer().add(question).add(asking).add(text));
      break;
    }
    std::lock_guard<std::mutex> lock(mutex);
    answers[question] = std::move(text);
    changed.notify_all();
    break;
  }
  }
}

// One of those below has come.
void TreeWatch::admit(Channel &from, Unpacker fields) {
  std::string secret = fields.text();
  int64_t process = fields.number();
  bool isRight = fields.good() && !peers.empty() && secret == peers[0].secret && process > options.process &&
                 process < options.processes && parentOf(process) == options.process;
  if (!isRight || from.process >= 0)
    return;
  from.process = process;
  from.send(FrameKind::Welcome, Packer().add(peers[0].secret));
  if (isLost.load()) // it is late, but it must know
    from.send(FrameKind::Lost, Packer().add(lost.rank).add(lost.process).add(lost.why));
  std::lock_guard<std::mutex> lock(mutex);
  ++childrenThere;
  changed.notify_all();
}

//===-- Losses ----------------------------------------------------------===//

void TreeWatch::missed(const Channel &channel, const std::string &how) {
  int64_t process = channel.process;
  lose({process,
        firstRankOf(process),
        {"E738",
         "every process must live until the run has ended, found that of " + nameOf(process) + " " + how,
         "",
         {},
         ""}},
       &channel);
}

void TreeWatch::lose(Loss found, const Channel *from) {
  if (isLost.load())
    return;
  lost = std::move(found);
  lostAt = Clock::now();
  for (std::shared_ptr<Channel> &channel : channels)
    if (channel.get() != from && channel->process >= 0)
      channel->send(FrameKind::Lost, Packer().add(lost.rank).add(lost.process).add(lost.why));
  { // others are told first: this process may end as soon as it knows
    std::lock_guard<std::mutex> lock(mutex);
    isLost.store(true, std::memory_order_release);
    changed.notify_all();
  }
  if (!isOwn && options.onLoss)
    options.onLoss(lost);
}

// The process has had its grace, or its time to end.
void TreeWatch::keepTimeAfterLoss() {
  if (!isOnRoll())
    callRoll(); // its keeper is gone, and others may come late
  double since = secondsSince(lostAt);
  bool isDeath = lost.why.code == "E738", isMet = hasMet.load();
  double grace = !isMet ? 0 : isDeath && options.deathSeconds ? options.deathSeconds() : options.graceSeconds;
  if (options.isHurried && options.isHurried())
    grace = std::min(kHurry, grace);
  if (!hasSaidLast && options.lastWord && since >= grace && speak()) {
    hasSaidLast = true;
    if (isMet || isDeath)
      options.lastWord(lost);
  }
  if (options.end && since >= (hasSaidLast ? kTogether : std::max(kLongest, options.graceSeconds + 1)))
    options.end();
}

// Nobody may ever come.
void TreeWatch::keepTimeBeforeMeeting() {
  if (!isOnRoll())
    callRoll();
  Error error = {"E738", "", "", whoHasNotCome(), ""};
  if (!hurriedAt && options.isHurried && options.isHurried())
    hurriedAt = Clock::now();
  if (hurriedAt && secondsSince(*hurriedAt) >= kHurry) {
    error.message =
        "processes must all live until they have joined, found that they were told to end before: "
        "another one has died, or the launcher was stopped";
    lose({-1, -1, error}, nullptr);
  } else if (secondsToJoin() <= (hasFound.load() ? -kMeetsLate : 0)) { // who meets can say more
    char seconds[32];
    std::snprintf(seconds, sizeof(seconds), "%g", options.joinSeconds);
    error.message = std::string("processes must join within ") + seconds + " s, found " +
                    (error.notes.empty() ? "some that have not: they have died, or were never started"
                                         : "some that were never started, or have died");
    error.hint = "more time is to be had with --join-timeout SECONDS";
    lose({-1, -1, error}, nullptr);
  }
}

// What time alone brings: a sign of life is due, or too late.
void TreeWatch::keepTime() {
  if (isLost.load())
    return keepTimeAfterLoss();
  if (!hasMet.load())
    keepTimeBeforeMeeting();
  for (const std::shared_ptr<Channel> &channel : std::vector<std::shared_ptr<Channel>>(channels)) {
    if (channel->process < 0) {
      if (secondsSince(channel->lastHeard()) > kStrangerSeconds)
        channels.erase(std::find(channels.begin(), channels.end(), channel));
      continue;
    }
    if (secondsSince(channel->lastSaid()) >= beatSeconds)
      channel->send(FrameKind::Beat);
    if (options.silenceSeconds > 0 && !channel->hasLeft &&
        secondsSince(channel->lastHeard()) > options.silenceSeconds) {
      char seconds[32];
      std::snprintf(seconds, sizeof(seconds), "%g", options.silenceSeconds);
      missed(*channel, std::string("silent for ") + seconds + " s: it is stopped, or its machine is gone");
    }
  }
}

//===-- All-gathers -----------------------------------------------------===//

void TreeWatch::addUp(int64_t number, int64_t process, std::string text) {
  Gather &gather = gathers[number];
  gather.said.emplace_back(process, std::move(text));
  if (static_cast<int64_t>(gather.said.size()) == sizeBelow(options.process))
    goOn(number, gather);
}

// All below have said theirs.
void TreeWatch::goOn(int64_t number, Gather &gather) {
  std::sort(gather.said.begin(), gather.said.end());
  if (options.process > 0) {
    Packer fields;
    fields.add(number).add(static_cast<int64_t>(gather.said.size()));
    for (const auto &[process, text] : gather.said)
      fields.add(process).add(text);
    gathers.erase(number);
    if (Channel *up = towards(0))
      up->send(FrameKind::Up, fields);
    return;
  }
  std::vector<std::string> all;
  for (auto &[process, text] : gather.said)
    all.push_back(std::move(text));
  gathers.erase(number);
  handDown(number, all);
}

void TreeWatch::handDown(int64_t number, const std::vector<std::string> &all) {
  Packer fields;
  fields.add(number).add(static_cast<int64_t>(all.size()));
  for (const std::string &text : all)
    fields.add(text);
  for (std::shared_ptr<Channel> &channel : channels)
    if (!channel->isOfRoll && channel->process > options.process)
      channel->send(FrameKind::Down, fields);
  std::lock_guard<std::mutex> lock(mutex);
  results[number] = all;
  changed.notify_all();
}

} // namespace cleave::rt
