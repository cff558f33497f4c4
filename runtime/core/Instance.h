// A program with its state and buffers: what an application runs.
//
//   Result<std::unique_ptr<Instance>> made = Instance::create(program, code, options);
//   Instance &instance = **made;
//   instance.initialise(/*seed=*/1);
//   for (int i = 0; i < 100; ++i)
//     if (Status status = instance.run("train"); !status) ...
//   float loss = instance.output("train", "loss")->as<float>()[0];
//   instance.save("model.safetensors");
//
// Not thread-safe: one thread at a time uses an instance. Several instances may share one program.
#ifndef CLEAVE_RUNTIME_CORE_INSTANCE_H
#define CLEAVE_RUNTIME_CORE_INSTANCE_H

#include "runtime/comm/Communicator.h"
#include "runtime/core/Data.h"
#include "runtime/core/Error.h"
#include "runtime/core/Executor.h"
#include "runtime/core/Runnable.h"
#include "runtime/device/cpu/Memory.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <functional>
#include <map>
#include <memory>

namespace cleave::rt {

class StateFile;

struct InstanceOptions {
  int threads = 0;             // 0: one per processor
  bool pinThreads = false;     // tie workers to processors
  bool allowNonFinite = false; // go on when a scalar output is NaN or infinite
  bool profile = false;        // measure the machine, then the time of every instruction
  bool trace = false;          // log what every run does when
  bool slowLinks = false;      // collectives take the time that the program says, at least (comm/SlowLinks.h)
  int64_t memoryLimit = 0;     // bytes the program may take; 0: what the machine has, negative: any
  // This rank's end, of a program of several ranks; it outlives the instance. Null: the program has one rank.
  Communicator *communicator = nullptr;
  // Receives what `print` writes, a line without its end; empty: standard output.
  std::function<void(const std::string &)> print;
};

class Instance : public Runnable {
public:
  using Runnable::output;
  using Runnable::run;
  using Runnable::setInput;

  // `code` keeps the kernels' machine code alive. E702 when memory cannot be had, E799 for a malformed
  // program.
  static Result<std::unique_ptr<Instance>> create(std::shared_ptr<const Program> program,
                                                  std::shared_ptr<void> code, InstanceOptions options = {});
  ~Instance() override;

  const Program &program() const override { return *source; }

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
  int64_t step() const override { return counter("step"); }
  int64_t seed() const override { return counter("seed"); }
  Status save(const std::string &path) const override;
  Status load(const std::string &path) override;
  // Reads this rank's part of every state.
  Status load(const StateFile &file);
  // Where the states lie.
  const char *stateData() const { return stateMemory.data(); }
  Status loadWeights(const std::string &path, const std::string &name = "") override;
  // "is at instruction 12 of entry 'train', in step 3: kernel 'norm', m.dsl:4:5", or that it has ended. Any
  // thread may ask, also while the instance runs.
  struct Whereabouts {
    std::string text;
    bool waits = false; // that is a collective
  };
  Whereabouts whereabouts() const;
  int threads() const override { return pool.threads(); }
  const Profile *profile(int entry) const override;
  // What runs of the entry did; null where it never ran, or nothing is logged.
  const TraceLog *trace(int entry) const { return runners[entry].log.get(); }
  std::vector<RankTrace> traces(int entry) const override;

private:
  struct Slot { // an input or output buffer
    Memory owned;
    void *data = nullptr;
    bool given = false; // the caller has set it
    const Dataset *feed = nullptr;
    Port whole; // where fed: the port with the shape of the whole
    InputPart part;
  };
  struct Runner {
    std::unique_ptr<TraceLog> log;
    std::unique_ptr<Executor> executor; // made at the first run
    int64_t lastStep = -1;              // of the last run that succeeded
    int64_t runsAtStep = 0;             // in a row that left the step at lastStep
    std::vector<Slot> inputs, outputs;
    bool ready = false;
  };

  Instance(std::shared_ptr<const Program> program, std::shared_ptr<void> code, InstanceOptions options);
  Status allocate();
  Result<Runner *> runner(int entry);
  // The place of a port in its runner, for a value of so many bytes. E510, E511.
  struct Bindable {
    Runner *runner;
    int at;
  };
  Result<Bindable> bindable(int entry, const std::vector<Port> &ports, const char *kind,
                            const std::string &name, int64_t bytes);
  Result<const Dataset *> dataset(const std::string &name);
  void feed(Runner &made, size_t input, int64_t step);
  Status reportNonFinite(int entry, const Instruction &guard);
  int64_t counter(const char *path) const;
  int64_t rank() const { return options.communicator->rank(); }

  std::shared_ptr<const Program> source;
  std::shared_ptr<void> code;
  InstanceOptions options;
  Memory stateMemory, scratch, constants;
  ThreadPool pool;
  Roofline roofline; // where runs are profiled
  Executor::Hooks hooks;
  std::unique_ptr<Communicator> alone; // of a program that has one rank, and collectives all the same
  std::vector<Runner> runners;
  std::map<std::string, std::unique_ptr<Dataset>> datasets;
  std::optional<Fault> fault; // that it will meet with
  // For whereabouts().
  std::atomic<int> atEntry{-1};
  std::atomic<int64_t> atStep{0};
  std::atomic<bool> hasEnded{true};
};

// "label 0.5" or "label f32[N = 3] [1, 2, 3]": what `print` writes.
std::string printedLine(const Instruction &print, void *const *values);

} // namespace cleave::rt

#endif
