// The ranks of a program in several processes: process 0 leads, the others do as it says.
//
//   process 0                                              the others
//   auto made = SpreadRanks::create(processes, bytes);     serveRanks(*processes, options);   // until then:
//   (*made)->initialise(1);
//   (*made)->run("train");
//   releaseProcesses(*processes);
//
// To process 0 it is a Runnable as any other: values go in and come out whole, and nothing need be called by
// all processes alike. Each rank has its part alone: values are cut and put together block by block, a saved
// state passes through process 0 in pieces, and is read by each process for itself.
#ifndef CLEAVE_RUNTIME_CORE_SPREADRANKS_H
#define CLEAVE_RUNTIME_CORE_SPREADRANKS_H

#include "runtime/comm/Packet.h"
#include "runtime/comm/Processes.h"
#include "runtime/core/Artefact.h"
#include "runtime/core/ProcessWatch.h"
#include "runtime/core/Ranks.h"

namespace cleave::rt {

struct SpreadOptions : RanksOptions {
  std::shared_ptr<ProcessWatch> watch; // that ends waits when a process is gone; may be null
  int64_t ranksPerProcess = 1;
  // Where a process other than 0 that ends by a failure leaves what its ranks did last: this name and the
  // first rank's number behind a dot. Empty: nowhere.
  std::string tracePart;
};

// What a process has of them.
struct PartOfRanks {
  Artefact artefact;
  std::vector<int64_t> firsts; // of each process's ranks; behind them the number of ranks
  std::unique_ptr<Ranks> ranks;
  const std::shared_ptr<const Program> &programOf(int64_t rank) const { return artefact.programOf(rank); }
  int64_t processOf(int64_t rank) const;
};

class SpreadRanks : public Runnable {
public:
  using Runnable::output;
  using Runnable::run;
  using Runnable::setInput;

  // Called by process 0 while the others serve. `bytes`: the artefact's, which all load. E718 where the mesh
  // has another number of ranks than the processes; errors of Ranks::create() and of loading, of any process.
  static Result<std::unique_ptr<SpreadRanks>> create(std::shared_ptr<Processes> processes, Artefact artefact,
                                                     const std::string &bytes, const SpreadOptions &options);

  ~SpreadRanks() override;

  const Program &program() const override { return part.ranks->program(); }
  Status initialise(int64_t seed) override;
  Status setInput(int entry, const std::string &input, const void *data, int64_t bytes) override;
  Status bindInput(int entry, const std::string &input, void *data, int64_t bytes) override;
  Status bindOutput(int entry, const std::string &output, void *data, int64_t bytes) override;
  Status unbindInput(int entry, int input) override;
  Status unbindOutput(int entry, int output) override;
  Status prepare(int entry) override;
  Status run(int entry) override;
  Result<TensorView> output(int entry, const std::string &name) const override;
  Result<TensorView> input(int entry, const std::string &name) const override;
  Result<TensorView> state(const std::string &path) const override;
  Status setState(const std::string &path, const void *data, int64_t bytes) override;
  int64_t step() const override { return part.ranks->step(); }
  int64_t seed() const override { return part.ranks->seed(); }
  Status save(const std::string &path) const override;
  Status load(const std::string &path) override;
  Status loadWeights(const std::string &path, const std::string &name) override;
  int threads() const override { return part.ranks->threads(); }
  const Profile *profile(int entry) const override { return part.ranks->profile(entry); }
  // Of all ranks, by process 0's clock; of its own alone where the processes can do nothing together any
  // more.
  std::vector<RankTrace> traces(int entry) const override;

  // Whether the processes can do nothing together any more.
  bool isOver() const { return over.has_value(); }

private:
  SpreadRanks() = default;
  using Packet = std::function<void(PacketWriter &, int64_t process)>;
  using Value = std::function<LocalShape(const Program &)>; // of a rank that runs that
  using Local = std::function<Result<TensorView>(const Instance &)>;
  // All processes do it; one error for what goes wrong in any.
  Status onAll(int64_t command, const Packet &arguments, const std::function<Status()> &here) const;
  bool letGo() const;
  Error end(Error why) const;
  Status giveInput(int entry, const std::string &input, const void *data);
  Error failureOf(const std::vector<Status> &ended) const;
  Status cutAndSend(int64_t command, const Packet &what, const Value &value, const void *data) const;
  std::vector<std::vector<int64_t>> holdersOfBlocks(const Value &value) const;
  Result<TensorView> gather(int64_t command, const std::string &key, const Packet &what, const Value &value,
                            const Local &valueOf) const;
  Result<TensorView> port(bool isInput, int entry, const std::string &name) const;
  Result<std::string> ask(int64_t other, const std::string &packet) const;
  Result<ClockReading> readClock(int64_t other) const;
  Status readClocks(ClockReading ClockRelation::*when) const;

  std::shared_ptr<Processes> processes;
  std::shared_ptr<ProcessWatch> watch; // may be null
  double timeoutSeconds = 0;
  mutable PartOfRanks part;
  mutable std::optional<Error> over; // nothing can be run any more
  mutable std::map<std::string, Memory> gathered;
  mutable std::vector<ClockRelation> clocks; // by process, where runs are traced
  mutable std::vector<TraceLog> logs;        // of other processes' ranks, as they were fetched last
  std::map<std::pair<int, int>, void *> boundInputs, boundOutputs; // by entry and port
};

// Of a process other than 0: does what process 0 says until it lets go. An error: the processes cannot go on
// together, and this one is to end at once.
Status serveRanks(const std::shared_ptr<Processes> &processes, const SpreadOptions &options);

// Process 0 lets the others go; where not `whole`, all end without MPI, for one of them may not come.
void releaseProcesses(Processes &processes, bool whole = true);

} // namespace cleave::rt

#endif
