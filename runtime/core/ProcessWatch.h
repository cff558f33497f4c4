// The watch between the processes of a program (comm/watch/), tied to what runs in them: a loss ends the
// waits of this process's ranks, and processes can say where their ranks are.
//
//   auto watch = ProcessWatch::start(launch, options);   // before anything joins the processes
//   (*watch)->meet(processes);                           // all processes do
//   (*watch)->show(&ranks);                              // as long as they are there
//   ...
//   (*watch)->leave();                                   // all processes do, if nothing went wrong
#ifndef CLEAVE_RUNTIME_CORE_PROCESSWATCH_H
#define CLEAVE_RUNTIME_CORE_PROCESSWATCH_H

#include "runtime/comm/Processes.h"
#include "runtime/comm/watch/Watch.h"

#include <mutex>

namespace cleave::rt {

class Ranks;

struct ProcessWatchOptions {
  int64_t ranksPerProcess = 1;
  double timeoutSeconds = 600; // for which a process may be silent; 0 or less: for ever
  double joinSeconds = 120;    // from start() on, for all to have met; 0 or less: for ever
  // Whether somebody else is about to end this process: a launcher has sent SIGTERM, say.
  std::function<bool()> isHurried;
  // Says the error of a process that does not come to do so by itself; then, a while later: ends it. By the
  // watch's thread.
  std::function<void(const Error &)> lastWord;
  std::function<void()> end;
};

class ProcessWatch {
public:
  static Result<std::shared_ptr<ProcessWatch>> start(const Launch &launch,
                                                     const ProcessWatchOptions &options);
  // E738 where processes cannot watch each other, or one is gone; errors of Processes::allGather().
  Status meet(std::shared_ptr<Processes> with);

  // What this process is at before it has ranks: "joins the others by MPI".
  void is(std::string atWhat);
  // The ranks in this process; null before they go.
  void show(const Ranks *ranks);

  // What the ranks of another process are at, a line each; none where it does not answer.
  std::vector<std::string> ask(int64_t process) const;

  // The processes cannot go on together: all others end, too.
  void fail(const Error &why);
  bool isOver() const { return watch->loss() != nullptr; }
  // Then: why, with what this process's ranks are at, or itself.
  Error lossError() const;
  // Whether it is for the caller to say why this process ends.
  bool speak() { return watch->speak(); }
  // For who is about to say it, whatever others know: if it has been said, waits for the end.
  void speakOrEnd();
  void linger() const { watch->linger(); }
  bool hasCompany() const { return watch->hasCompany(); }

  // This process has done its work: what joins the processes is let go, which may take all of them. A loss
  // then has the last word said.
  void retire();
  // All processes have. The loss, where there is one meanwhile.
  Status leave() { return watch->leave(); }

private:
  ProcessWatch() = default;
  void end(const Loss &loss) const;
  Error lastError(const Loss &loss) const;
  std::string whereabouts() const;
  std::vector<std::string> linesOfPlaces() const;

  int64_t process = 0;
  ProcessWatchOptions options;
  mutable std::mutex mutex;
  std::shared_ptr<Processes> processes; // until it retires
  const Ranks *shown = nullptr;
  std::string at = "joins the others by MPI";
  std::vector<std::string> places; // of ranks that are gone
  bool hasWord = false;            // of speakOrEnd()
  std::unique_ptr<Watch> watch;    // ends first
};

} // namespace cleave::rt

#endif
