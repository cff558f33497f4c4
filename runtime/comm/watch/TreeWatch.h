// A Watch whose processes are a tree: process 0 on top, each with so many below it. Internal to watch/.
//
//   Roll.cpp      how those of one machine find each other, before all others can
//   Meeting.cpp   how they find each other
//   Watch.cpp     the thread, and what it is asked to do
#ifndef CLEAVE_RUNTIME_COMM_WATCH_TREEWATCH_H
#define CLEAVE_RUNTIME_COMM_WATCH_TREEWATCH_H

#include "runtime/comm/watch/Frames.h"
#include "runtime/comm/watch/Watch.h"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace cleave::rt {

// What a process says about itself when all meet.
struct Peer {
  std::string secret; // the first one's holds for all
  std::string host;
  int64_t pid = 0;
  uint16_t port = 0;
  std::vector<std::string> addresses;
};

class TreeWatch : public Watch {
public:
  using Clock = Channel::Clock;

  explicit TreeWatch(WatchOptions given) : options(std::move(given)) {}
  ~TreeWatch() override;

  Status begin();
  void fail(int64_t rank, const Error &why) override;
  Status meet(const Exchange &exchange) override;
  bool hasCompany() const override { return company.load(std::memory_order_relaxed); }
  const Loss *loss() const override { return isLost.load(std::memory_order_acquire) ? &lost : nullptr; }
  bool speak() override { return !hasSpoken.exchange(true); }
  void linger() const override;
  Result<std::vector<std::string>> allGather(const std::string &mine) override;
  std::string ask(int64_t process, double seconds) override;
  Status leave() override;

private:
  struct Gather {
    std::vector<std::pair<int64_t, std::string>> said; // by processes of this part of the tree
  };

  // Who is whose, process 0 on top.
  int64_t parentOf(int64_t process) const { return (process - 1) / options.branches; }
  bool isBelow(int64_t process, int64_t top) const;
  int64_t sizeBelow(int64_t top) const; // processes, itself included
  int64_t childCount() const;
  int64_t firstRankOf(int64_t process) const;
  std::string nameOf(int64_t process) const;
  double secondsToJoin() const; // that are left

  Status findAll(const Exchange &exchange);
  Status reachParent();
  std::shared_ptr<Channel> greet(const std::string &address, const Peer &parent, std::string &why) const;
  Status awaitChildren();

  // The thread's.
  void watch();
  void sayGoodbye();
  void doWhatIsAsked();
  void accept(int from, bool isOfRoll);
  bool hear(Channel &channel);
  void take(Channel &from, const Frame &frame);
  void admit(Channel &from, Unpacker fields);
  void missed(const Channel &channel, const std::string &how);
  void lose(Loss found, const Channel *from);
  void keepTime();
  void keepTimeAfterLoss();
  void keepTimeBeforeMeeting();
  void addUp(int64_t number, int64_t process, std::string text);
  void goOn(int64_t number, Gather &gather);
  void handDown(int64_t number, const std::vector<std::string> &all);
  Channel *towards(int64_t process);

  // The roll; the thread's too.
  void callRoll();
  bool isOnRoll() const;
  void takeOfRoll(Channel &from, const Frame &frame);
  void enrol(Channel &from, Unpacker fields);
  void hasCome(int64_t process, int64_t pid);
  std::vector<std::string> whoHasNotCome() const;

  void post(std::function<void()> task);
  Error endedBy() const;

  WatchOptions options;
  std::vector<Peer> peers; // under the mutex until all have met
  int listener = -1, rollListener = -1, waker = -1;
  const Clock::time_point startedAt = Clock::now();
  double beatSeconds = 5;
  std::thread thread;

  std::vector<std::shared_ptr<Channel>> channels; // the thread's, once it runs
  bool ending = false, hasAgreed = false;         // the thread's
  std::map<int64_t, int64_t> onRoll;              // pids, by process; the thread's
  std::optional<Clock::time_point> hurriedAt;     // the thread's
  std::map<int64_t, Gather> gathers;              // by number; the thread's
  int64_t gathered = 0;                           // the caller's
  int64_t asked = 0;

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::function<void()>> tasks;
  std::map<int64_t, std::vector<std::string>> results; // of gathers that are done
  std::map<int64_t, std::string> answers;
  int64_t childrenThere = 0;
  std::atomic<bool> isLost{false}, hasFound{false}, hasMet{false}, hasSpoken{false}, company{false};
  Loss lost; // set before isLost, once
  Clock::time_point lostAt;
  bool isOwn = false, hasSaidLast = false; // the thread's
};

} // namespace cleave::rt

#endif
