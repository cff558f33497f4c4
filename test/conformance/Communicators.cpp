#include "test/conformance/Communicators.h"

#include "runtime/comm/Processes.h"
#include "runtime/comm/local/Local.h"
#include "runtime/core/Mesh.h"

#include <cstdio>
#include <cstdlib>
#include <thread>

namespace cleave::rt::test {

namespace {

using Ends = std::vector<std::unique_ptr<Communicator>>;

void runOnThreads(const Ends &ends, const std::function<void(Communicator &)> &body) {
  std::vector<std::thread> threads;
  threads.reserve(ends.size());
  for (const std::unique_ptr<Communicator> &end : ends)
    threads.emplace_back([&body, &end] { body(*end); });
  for (std::thread &thread : threads)
    thread.join();
}

// The processes that this one was started with, if any.
Processes *launched() {
  static const std::shared_ptr<Processes> kJoined = []() -> std::shared_ptr<Processes> {
    Result<Launch> launch = findLaunch({});
    if (launch && launch->processes == 1)
      return nullptr;
    Result<std::shared_ptr<Processes>> joined = launch ? joinProcesses(*launch) : launch.error();
    if (joined)
      return *joined;
    std::fprintf(stderr, "%s: %s\n", joined.error().code.c_str(), joined.error().message.c_str());
    std::_Exit(1);
  }();
  return kJoined.get();
}

// Ranks are shared out as they come: several in a process, or none.
void runOnProcesses(Processes &processes, int64_t ranks, double timeoutSeconds,
                    const std::function<void(Communicator &)> &body) {
  std::vector<int64_t> firsts;
  for (int64_t process = 0; process < processes.processes(); ++process)
    firsts.push_back(blockOf(ranks, {{{0, processes.processes(), 1}}}, process).begin);
  firsts.push_back(ranks);
  Ends ends = processes.connect(firsts, timeoutSeconds);
  runOnThreads(ends, body);
  if (Status status = processes.settle(); !status) {
    std::fprintf(stderr, "%s: %s\n", status.error().code.c_str(), status.error().message.c_str());
    std::_Exit(1);
  }
}

} // namespace

const std::vector<CommunicatorKind> &communicators() {
  static const std::vector<CommunicatorKind> kLocal = {
      {"local", [](int64_t ranks, double timeoutSeconds, const std::function<void(Communicator &)> &body) {
         runOnThreads(makeLocal(ranks, {timeoutSeconds}), body);
       }}};
  static const std::vector<CommunicatorKind> kMpi = {
      {"mpi",
       [](int64_t ranks, double timeoutSeconds, const std::function<void(Communicator &)> &body) {
         runOnProcesses(*launched(), ranks, timeoutSeconds, body);
       },
       /*hasOwnThread=*/true}};
  return launched() ? kMpi : kLocal;
}

} // namespace cleave::rt::test
