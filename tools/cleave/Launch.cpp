#include "tools/cleave/Launch.h"

#include "tools/cleave/Interrupt.h"
#include "tools/cleave/Reporting.h"
#include "tools/cleave/Results.h"

#include <chrono>
#include <cstdio>
#include <thread>
#include <unistd.h>

namespace cleave::tool {

namespace {

// What a process says that cannot leave it to process 0.
int tell(const rt::Error &error, int64_t process, bool json) {
  diag::Engine engine;
  rt::Error mine = error;
  if (process > 0)
    mine.notes.push_back("in process " + std::to_string(process));
  report(engine, mine);
  showDiagnostics(engine, json);
  if (json)
    showJson({{"status", exitStatusOf(error)},
              {"diagnostics", nlohmann::ordered_json::parse(engine.renderJson())}});
  return exitStatusOf(error);
}

// A process other than 0.
int serve(const CommonOptions &common, const SessionOptions &options) {
  watchForInterrupts(); // it is process 0 that stops, and says so
  Session session(options);
  rt::Status status =
      rt::isArtefact(common.file) ? session.open(common.file) : session.load(driverOptions(common));
  if (!status && options.processes->isAbandoned()) {
    // Messages may fail before the watch knows of the death that they fail for.
    for (int i = 0; i < 100 && !options.watch->isOver(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    rt::Error why = options.watch->isOver() ? options.watch->lossError() : status.error();
    return tell(why, options.processes->process(), /*json=*/false);
  }
  if (!status)
    return Rejected; // which process 0 says
  status = session.serve();
  if (status)
    return options.processes->isAbandoned() ? Failed : Fine;
  options.watch->fail(status.error());
  return tell(status.error(), options.processes->process(), /*json=*/false);
}

// All processes do: one leads. Each watches the others, and ends when one of them is gone.
int together(const CommonOptions &common, SessionOptions session,
             const std::function<int(SessionOptions)> &lead) {
  int64_t process = session.processes->process();
  rt::ProcessWatchOptions given;
  given.ranksPerProcess = session.ranksPerProcess;
  given.timeoutSeconds = session.timeoutSeconds;
  given.isHurried = interrupted;
  given.lastWord = [process](const rt::Error &error) {
    tell(error, process, /*json=*/false);
    _exit(Failed);
  };
  rt::Result<std::shared_ptr<rt::ProcessWatch>> watch = rt::ProcessWatch::start(session.processes, given);
  if (!watch) {
    session.processes->abandon(watch.error());
    return tell(watch.error(), process, /*json=*/false);
  }
  watchForInterrupts(); // a launcher that ends all must not keep them from saying why
  session.watch = *watch;
  int status = process == 0 ? lead(session) : serve(common, session);
  bool isOver = session.processes->isAbandoned() || (*watch)->isOver();
  if (!isOver) { // MPI ends while the watch goes on
    session.processes = nullptr;
    (*watch)->retire();
    rt::Status left = (*watch)->leave();
    if (left)
      return status;
    status = tell(left.error(), process, /*json=*/false);
  }
  // What has been told here ends the others, where it has not yet.
  (*watch)->fail(
      {"E738", "the processes of a run go on together, found that this one has ended", "", {}, ""});
  std::fflush(stdout);
  _exit(Failed);
}

} // namespace

int launched(const CommonOptions &common, const LaunchOptions &launch, SessionOptions session,
             const std::function<int(SessionOptions)> &lead) {
  rt::CommunicatorChoice choice;
  rt::parseCommunicator(launch.communicator, choice);
  rt::Result<rt::Launch> found = rt::findLaunch(choice);
  if (found && found->processes == 1)
    return lead(std::move(session));
  watchWhileJoining(rt::claimedPlace().process);
  rt::Result<std::shared_ptr<rt::Processes>> joined = found ? rt::joinProcesses(*found) : found.error();
  if (!joined) {
    stopWatching();
    // All processes of a machine meet with that alike (all of them, with what the launcher says): one says
    // it, before others end and the launcher ends all.
    rt::Claimed place = rt::claimedPlace();
    if ((found ? place.onMachine : place.process) == 0)
      return tell(joined.error(), place.process, common.json);
    std::this_thread::sleep_for(std::chrono::seconds(1));
    return exitStatusOf(joined.error());
  }
  session.processes = *joined;
  session.ranksPerProcess = launch.ranksPerProcess;
  joined = rt::Error(); // the session's, and the watch's
  return together(common, std::move(session), lead);
}

} // namespace cleave::tool
