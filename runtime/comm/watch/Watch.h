// How the processes of a run learn that one of them is gone, whatever carries their data: each is connected
// to a few others, as a tree, over TCP, by a thread of its own.
//
//   Result<std::unique_ptr<Watch>> watch = Watch::start(options);   // before anything that may wait for
//   others
//   ...
//   (*watch)->meet(exchange);                                       // all processes do, once they can talk
//   ...
//   (*watch)->leave();                                              // all processes do
//
// A process that dies closes its connections, wherever it was; one that is stopped, or whose machine is gone,
// is silent for too long. Whoever is connected to it tells all others (each part of a tree that lost a member
// has such a one), so that every process knows within a few messages' time. The first loss is the only one.
//
// Until they have met, processes of one machine find each other by a name that only they have (the roll): the
// first one to take it has a connection to each of the others.
//
// After a loss no process ends before all have had the time to say why: launchers take the end of one for
// leave to kill the others.
#ifndef CLEAVE_RUNTIME_COMM_WATCH_WATCH_H
#define CLEAVE_RUNTIME_COMM_WATCH_WATCH_H

#include "runtime/core/Error.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace cleave::rt {

// Why the run cannot go on.
struct Loss {
  int64_t process = -1; // that is gone, or has failed
  int64_t rank = -1;    // whose failure it was; of a process that is gone: its first
  Error why;            // E738 where it is gone; what has failed, where it said so
};

struct WatchOptions {
  int64_t process = 0, processes = 1;
  std::vector<int64_t> firstRank; // of each process; empty: a process is a rank
  std::string roll;               // a name that the run's processes have alike; empty: they meet later
  int64_t onMachine = 0;          // processes of the run on this machine; 0: not known
  double silenceSeconds = 600;    // for which a process may not be heard of; 0 or less: for ever
  double joinSeconds = 120;       // from start() on, within which all must have met; 0 or less: for ever
  int64_t branches = 8;           // of the tree

  // What follows is called by the watch's thread.
  // What this process's ranks are at, for processes that wait for them.
  std::function<std::string()> whereabouts;
  // The run cannot go on: end the waits. Not called for this process's own failure.
  std::function<void(const Loss &)> onLoss;
  // It has not spoken since: say so. At once as long as processes have not met; then once `graceSeconds` have
  // passed since the loss (deathSeconds() where a process is gone), or kHurry where `isHurried` says that
  // somebody else is about to end it. Not called for a failure before they met, which who has failed says.
  std::function<void(const Loss &)> lastWord;
  std::function<void()> end; // the process, some time after the last word
  std::function<bool()> isHurried;
  double graceSeconds = 5;
  std::function<double()> deathSeconds; // none: as graceSeconds
  // Where tests make faults: "listen", once others know the address; "greet", once connected to one of them.
  std::function<void(const char *)> moment;
};

class Watch {
public:
  static Result<std::unique_ptr<Watch>> start(WatchOptions options);
  virtual ~Watch() = default;

  // Gives each process's text to all, in their order.
  using Exchange = std::function<Result<std::vector<std::string>>(const std::string &mine)>;
  // E738 where processes cannot be reached, or have not come within `joinSeconds`; the loss; errors of
  // `exchange`, which is called once.
  virtual Status meet(const Exchange &exchange) = 0;
  // Whether others of this machine have come.
  virtual bool hasCompany() const = 0;

  // Tells all others that a rank of this process has failed, or that this process has found one missing.
  virtual void fail(int64_t rank, const Error &why) = 0;
  // The loss, once there is one.
  virtual const Loss *loss() const = 0;
  // Whether it is for the caller to say why the process ends: one says it, once.
  virtual bool speak() = 0;
  // After a loss, before the process ends: waits until others have had the time to say why they do.
  virtual void linger() const = 0;

  // Gives each process's text to all, in their order. All processes do; the loss ends it.
  virtual Result<std::vector<std::string>> allGather(const std::string &mine) = 0;
  // What another process's ranks are at; empty where it does not say within `seconds`.
  virtual std::string ask(int64_t process, double seconds = 1) = 0;

  // Ends the watch, once all processes want to. The process may then end without being missed.
  virtual Status leave() = 0;
};

} // namespace cleave::rt

#endif
