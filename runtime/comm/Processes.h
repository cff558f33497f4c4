// The processes that a program's ranks are in, as a launcher has started them. Process 0 leads: what the
// others are told and what they say goes through it.
//
//   Result<std::shared_ptr<Processes>> joined = joinProcesses(*findLaunch(choice));
//   Result<std::vector<std::string>> hosts = (*joined)->allGather(hostName());
//   std::vector<std::unique_ptr<Communicator>> ends = (*joined)->connect({0, 2, 4}, 600);   // 2 ranks each
//
// One thread at a time uses it, all processes call the same in the same order. Nothing waits for ever: a call
// ends with E754 when it is told to (abandon()), or after its time-out.
#ifndef CLEAVE_RUNTIME_COMM_PROCESSES_H
#define CLEAVE_RUNTIME_COMM_PROCESSES_H

#include "runtime/comm/Communicator.h"
#include "runtime/comm/Launcher.h"

#include <memory>
#include <string>
#include <vector>

namespace cleave::rt {

class Processes {
public:
  virtual ~Processes() = default; // all processes end it together

  virtual int64_t process() const = 0;
  virtual int64_t processes() const = 0;
  // What carries the bytes: "Open MPI v4.1.4".
  virtual std::string library() const = 0;

  // Where each process runs.
  struct Machine {
    std::string host;
    std::string processors; // that it may use, "0 1 4 ": those with the same ones share them
  };
  const std::vector<Machine> &machines() const { return allMachines; }

  // Bytes from one process to another, in order; `timeoutSeconds` of 0 or less: for ever.
  virtual Status send(int64_t to, const std::string &bytes, double timeoutSeconds = 0) = 0;
  virtual Result<std::string> receive(int64_t from, double timeoutSeconds = 0) = 0;

  // Everybody's bytes, by process.
  Result<std::vector<std::string>> allGather(const std::string &mine, double timeoutSeconds = 0);
  // Those of process 0 for all.
  Status broadcast(std::string &bytes, double timeoutSeconds = 0);

  // This process's ends of ranks that are spread in blocks: process p has ranks [firsts[p], firsts[p + 1]),
  // maybe none. `timeoutSeconds`: see makeLocal(). The processes outlive the ends.
  virtual std::vector<std::unique_ptr<Communicator>> connect(const std::vector<int64_t> &firsts,
                                                             double timeoutSeconds) = 0;

  // Lets go of what ranks have started and not ended, after a failure: once all processes have called it and
  // each end's recover(), the ends can be used again. The buffers of what was started are written until then.
  virtual Status settle() = 0;

  // Ends every wait here with an error, now and from now on: some process is gone. Any thread may call it.
  virtual void abandon(const Error &why) = 0;
  // The same; ranks that wait are told that it is this rank who is gone.
  virtual void lose(int64_t rank, const Error &why) = 0;
  virtual bool isAbandoned() const = 0;

protected:
  // By all processes, once.
  Status findMachines();

private:
  std::vector<Machine> allMachines;
};

// Whether ranks of process `self` have to share processors with others: there are more ranks than processors
// that processes of its machine may use, or than its own among those with the same ones. `firsts`: see
// connect().
bool areCrowded(const std::vector<Processes::Machine> &machines, const std::vector<int64_t> &firsts,
                int64_t self);

// Loads the plug-in for the launch's library and joins the others. Errors:
//   E719  the library cannot start, or does not see the processes that were launched
//   E750  no plug-in, or no such library on this machine
//   E751  another MPI library is in this process
//   E752  the port where processes are to meet cannot be had
//   E753  shared memory, which processes of one machine use, cannot be had
Result<std::shared_ptr<Processes>> joinProcesses(const Launch &launch);

} // namespace cleave::rt

#endif
