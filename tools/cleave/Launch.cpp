#include "tools/cleave/Launch.h"

#include "tools/cleave/Interrupt.h"
#include "tools/cleave/Reporting.h"

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
  return exitStatusOf(error);
}

// A process other than 0.
int serve(const CommonOptions &common, const SessionOptions &options) {
  watchForInterrupts(); // it is process 0 that stops, and says so
  Session session(options);
  rt::Status status =
      rt::isArtefact(common.file) ? session.open(common.file) : session.load(driverOptions(common));
  if (!status)
    return Rejected; // which process 0 says
  status = session.serve();
  return status ? Fine : tell(status.error(), options.processes->process(), common.json);
}

} // namespace

int launched(const CommonOptions &common, const LaunchOptions &launch, SessionOptions session,
             const std::function<int(SessionOptions)> &lead) {
  rt::CommunicatorChoice choice;
  rt::parseCommunicator(launch.communicator, choice);
  rt::Result<rt::Launch> found = rt::findLaunch(choice);
  if (found && found->processes == 1)
    return lead(std::move(session));
  rt::Result<std::shared_ptr<rt::Processes>> joined = found ? rt::joinProcesses(*found) : found.error();
  if (!joined) {
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
  int status = (*joined)->process() == 0 ? lead(session) : serve(common, session);
  if (!(*joined)->isAbandoned())
    return status; // and all end MPI
  std::fflush(stdout);
  _exit(status == Fine ? Failed : status);
}

} // namespace cleave::tool
