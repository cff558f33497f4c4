// A program of several ranks in this process, all of them or a part: a thread, an instance and threads of its
// own for each.
//
//   auto made = Ranks::create({programOfClass0, programOfClass1}, {0, 0, 0, 1}, code);
//   Ranks &ranks = **made;
//   ranks.initialise(/*seed=*/1);
//   ranks.run("train");
//   float loss = ranks.output("train", "loss")->as<float>()[0];
//
// Values go in and come out as they are in the program text: whole. One thread at a time uses it. What goes
// wrong on a rank is one error, with a note of the rank it is of and where the others are; the state is then
// as it was, or another rank's failure says why not. Where a rank does not end (E739, or E716 with a note
// that says so), nothing can be run any more: every call has that error. What the rank has stays in memory.
#ifndef CLEAVE_RUNTIME_CORE_RANKS_H
#define CLEAVE_RUNTIME_CORE_RANKS_H

#include "runtime/core/Crew.h"
#include "runtime/core/Instance.h"
#include "runtime/core/Parts.h"

namespace cleave::rt {

struct RanksOptions {
  int threadsPerRank = 0;      // 0: the processors shared out, one at least
  bool pinThreads = false;     // tie each rank's threads to processors of its own
  bool allowNonFinite = false; // see InstanceOptions; so is what follows
  bool profile = false;        // rank 0 is measured
  bool trace = false;          // see InstanceOptions; so is what follows
  bool slowLinks = false;
  int64_t memoryLimit = 0;     // bytes that all ranks together may take
  int64_t mostRanks = 0;       // that may be started; 0: eight for each processor
  double timeoutSeconds = 600; // for which ranks may wait for one of them; 0 or less: for ever
  std::function<void(const std::string &)> print; // what rank 0 prints
};

// Which ranks are in this process, where they are not all: each end's. What it holds is then of these alone:
// SpreadRanks.h puts the parts together.
struct RanksPart {
  int64_t first = 0;
  std::vector<std::unique_ptr<Communicator>> ends; // of ranks first, first + 1, ...; empty: all are here
  int64_t onMachine = 0;                           // ranks that share its memory, all processes' together
};

// The shape on a rank of the state, or of the one of a stack, that a path names, and how it is split; none
// for an unknown path.
struct LocalShape {
  Shape shape;
  Split split;
};
std::optional<LocalShape> localShapeOf(const Program &program, const std::string &path);

class Ranks : public Runnable {
public:
  using Runnable::output;
  using Runnable::run;
  using Runnable::setInput;

  // `classes`: the programs; `classOf`: which of them each rank runs, by rank (empty: all run the first).
  // E715 where these are not the mesh's ranks, or more than may be started; errors of Instance::create().
  static Result<std::unique_ptr<Ranks>> create(std::vector<std::shared_ptr<const Program>> classes,
                                               std::vector<uint32_t> classOf, std::shared_ptr<void> code,
                                               RanksOptions options = {}, RanksPart part = {});
  ~Ranks() override;

  // Entries, ports and states with the shapes of the whole; all else is the first class's.
  const Program &program() const override { return whole; }
  // Those that are here: numbers 0, 1, ... below are of these.
  int64_t ranks() const { return static_cast<int64_t>(instances.size()); }
  int64_t first() const { return firstRank; }
  // One rank's, with its local shapes.
  const Instance &rank(int64_t rank) const { return *instances[rank]; }
  Instance &rank(int64_t rank) { return *instances[rank]; }
  // Whether a rank does not end: nothing can be run any more.
  bool isStuck() const { return stuck.has_value(); }

  // Inputs are cut here, outputs and states put together from the ranks that have them.
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
  int64_t step() const override { return instances[0]->step(); }
  int64_t seed() const override { return instances[0]->seed(); }
  int threads() const override { return instances[0]->threads(); }
  const Profile *profile(int entry) const override { return instances[0]->profile(entry); }
  std::vector<RankTrace> traces(int entry) const override;

  // Global names and shapes: what ranks under any plan save, ranks under any other, or one rank, load. No
  // rank holds more than its part.
  Status save(const std::string &path) const override;
  Status load(const std::string &path) override;
  Status loadWeights(const std::string &path, const std::string &name = "") override;

  // What the first few ranks are at: "rank 3 (dp = 1) is at instruction 12 of ...". Any thread may ask.
  std::vector<std::string> whereabouts() const;

  // What a rank's collectives have moved since clearTraffic().
  std::vector<Traffic> traffic(int64_t rank) const { return ends[rank]->traffic(); }
  void clearTraffic();

private:
  Ranks() = default;
  using Job = std::function<Status(int64_t rank)>;
  // Runs `job` on every rank at once. One error for all: the lowest rank's that failed by itself. `watched`:
  // a rank that is late is given up; the job then holds all that it needs.
  Status each(Job job, bool watched = false);
  struct Call;
  bool isWorthWaiting(const Call &call) const;
  Error failureOf(const Call &call) const;
  void addOthers(const Call &call, int64_t told, Error &error) const;
  void addWhereabouts(const Call &call, int64_t told, Error &error) const;
  Status make(const std::vector<std::shared_ptr<const Program>> &classes,
              const std::vector<uint32_t> &classOf, const std::shared_ptr<void> &code,
              const RanksOptions &options, RanksPart part);
  const Program &programOf(int64_t rank) const { return instances[rank]->program(); }
  std::string nameOf(int64_t rank) const;
  // Gives a rank its part of an input.
  Status giveInput(int64_t rank, int entry, int input, const void *data);
  // A stack of which a program has the parts alone.
  Result<TensorView> join(const std::string &key, const std::vector<Part> &parts,
                          const std::function<Result<TensorView>(const std::string &path)> &partAt) const;
  std::vector<Part> partsOfState(const std::string &path) const;
  using Local = std::function<Result<TensorView>(int64_t rank)>;
  Result<TensorView> gather(const std::string &key, const Shape &local, const Split &split,
                            const Local &valueOf) const;

  double timeoutSeconds = 0;
  std::optional<Error> stuck; // a rank is late for good
  int64_t firstRank = 0;      // of the ranks here
  Program whole;
  std::vector<std::unique_ptr<Communicator>> ends;
  std::vector<std::unique_ptr<Instance>> instances;
  mutable std::map<std::string, Memory> gathered;                  // by what was asked for
  std::map<std::pair<int, int>, void *> boundInputs, boundOutputs; // by entry and port: the caller's memory
  std::unique_ptr<Crew> crew;                                      // ends first
};

} // namespace cleave::rt

#endif
