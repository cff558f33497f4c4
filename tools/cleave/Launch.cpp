#include "tools/cleave/Launch.h"

#include "runtime/core/Fault.h"
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

constexpr char kGone[] = "E738"; // a process

void waitForLoss(const rt::ProcessWatch &watch, int milliseconds) {
  for (int i = 0; i < milliseconds && !watch.isOver(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// Unless the watch has done so.
int tellOnce(const SessionOptions &options, const rt::Error &error) {
  if (options.watch->speak())
    tell(error, options.processes->process(), /*json=*/false);
  return exitStatusOf(error);
}

// A process other than 0.
int serve(CommonOptions common, const SessionOptions &options) {
  common.device.clear(); // process 0 compiles
  Session session(options);
  rt::Status status =
      rt::isArtefact(common.file) ? session.open(common.file) : session.load(driverOptions(common));
  if (!status && options.processes->isAbandoned()) {
    // Messages may fail before the watch knows of the death that they fail for.
    waitForLoss(*options.watch, 1000);
    rt::Error why = options.watch->isOver() ? options.watch->lossError() : status.error();
    return tellOnce(options, why);
  }
  if (!status)
    return Rejected; // which process 0 says
  status = session.serve();
  if (status && !options.processes->isAbandoned())
    return Fine;
  if (status) { // process 0 has let go, and says why; of a death all do
    waitForLoss(*options.watch, 1000);
    if (options.watch->isOver() && options.watch->lossError().code == kGone)
      tellOnce(options, options.watch->lossError());
    return Failed;
  }
  tellOnce(options, status.error());
  options.watch->fail(status.error());
  return exitStatusOf(status.error());
}

rt::Result<std::shared_ptr<rt::ProcessWatch>>
startWatch(const rt::Launch &launch, const LaunchOptions &options, double timeoutSeconds) {
  rt::ProcessWatchOptions given;
  given.ranksPerProcess = options.ranksPerProcess;
  given.timeoutSeconds = timeoutSeconds;
  given.joinSeconds = options.joinTimeout;
  given.isHurried = toldOfTrouble;
  given.lastWord = [process = launch.process](const rt::Error &error) {
    tell(error, process, /*json=*/false);
  };
  given.end = [] {
    std::fflush(stdout);
    _exit(Failed);
  };
  return rt::ProcessWatch::start(launch, given);
}

// All say why they end before the first one does.
[[noreturn]] void endTogether(const rt::ProcessWatch &watch, int status) {
  watch.linger();
  std::fflush(stdout);
  _exit(status);
}

// Others may have failed alike, or this one for a death.
[[noreturn]] void endUnjoined(rt::ProcessWatch &watch, const rt::Error &error, bool json) {
  rt::Claimed place = rt::claimedPlace();
  // All processes of a machine meet with most errors alike: one says it, before others end.
  waitForLoss(watch, place.onMachine == 0 ? 100 : 1000);
  bool isLost = watch.isOver();
  if (isLost && watch.lossError().code == kGone) {
    if (watch.speak())
      tell(watch.lossError(), place.process, json);
  } else if (!isLost && (place.onMachine == 0 || watch.hasCompany())) {
    if (watch.speak())
      tell(error, place.process, json);
    watch.fail(error);
  }
  endTogether(watch, exitStatusOf(error));
}

// All processes do: one leads. Each watches the others, and ends when one of them is gone.
int together(const CommonOptions &common, SessionOptions session,
             const std::function<int(SessionOptions)> &lead) {
  std::shared_ptr<rt::ProcessWatch> watch = session.watch;
  int64_t process = session.processes->process();
  int status = process == 0 ? lead(session) : serve(common, session);
  bool isOver = session.processes->isAbandoned() || watch->isOver();
  if (!isOver) { // MPI ends while the watch goes on
    session.processes = nullptr;
    watch->retire();
    rt::Status left = watch->leave();
    if (left)
      return status;
    if (watch->speak())
      tell(left.error(), process, /*json=*/false);
  }
  (void)watch->speak(); // it has been said
  // What has been told here ends the others, where it has not yet.
  watch->fail({"E738", "the processes of a run go on together, found that this one has ended", "", {}, ""});
  endTogether(*watch, Failed);
}

// What all processes find alike one of them says, before others end and the launcher ends all.
int tellOfAll(const rt::Error &error, bool json) {
  rt::Claimed place = rt::claimedPlace();
  if (place.process == 0)
    return tell(error, place.process, json);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  return exitStatusOf(error);
}

} // namespace

std::optional<int> refusedIfLaunched(const char *command, bool json) {
  rt::Result<rt::Launch> found = rt::findLaunch({});
  if (found && found->processes == 1)
    return std::nullopt;
  if (!found)
    return tellOfAll(found.error(), json);
  return tellOfAll({"E746",
                    std::string("cleave ") + command + " has all ranks in one process, found " +
                        std::to_string(found->processes) + " processes started by " + found->launcher,
                    "",
                    {},
                    "start one"},
                   json);
}

int launched(const CommonOptions &common, const LaunchOptions &launch, SessionOptions session,
             const std::function<int(SessionOptions)> &lead) {
  rt::CommunicatorChoice choice;
  rt::parseCommunicator(launch.communicator, choice);
  rt::Result<rt::Launch> found = rt::findLaunch(choice);
  if (found && found->processes == 1)
    return lead(std::move(session));
  if (!found)
    return tellOfAll(found.error(), common.json);
  rt::faultAt("launch", found->process);
  watchWhileJoining(); // a launcher that ends all must not keep them from saying why
  auto watch = startWatch(*found, launch, session.timeoutSeconds);
  if (!watch)
    return tell(watch.error(), found->process, common.json);
  rt::faultAt("roll", found->process);
  rt::Result<std::shared_ptr<rt::Processes>> joined = rt::joinProcesses(*found);
  if (!joined)
    endUnjoined(**watch, joined.error(), common.json);
  rt::faultAt("join", found->process);
  (*watch)->is("meets the others");
  if (rt::Status met = (*watch)->meet(*joined); !met) {
    (*joined)->abandon(met.error());
    if ((*watch)->speak())
      tell((*watch)->isOver() ? (*watch)->lossError() : met.error(), found->process, /*json=*/false);
    (*watch)->fail(met.error());
    endTogether(**watch, Failed);
  }
  session.processes = *joined;
  session.ranksPerProcess = launch.ranksPerProcess;
  session.watch = *watch;
  joined = rt::Error(); // the session's, and the watch's
  return together(common, std::move(session), lead);
}

} // namespace cleave::tool
