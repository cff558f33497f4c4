// Runs one entry's instruction list. Everything that can be decided beforehand is: a run allocates nothing,
// looks nothing up and takes no lock.
//
// An operand's address is region base + offset + sum of counter * stride. The first two are resolved when the
// executor is made (the caller's buffers: when they are bound); a loop then moves the pointers of the
// operands it strides over, by one addition each per iteration.
#ifndef CLEAVE_RUNTIME_CORE_EXECUTOR_H
#define CLEAVE_RUNTIME_CORE_EXECUTOR_H

#include "runtime/core/Error.h"
#include "runtime/core/Fault.h"
#include "runtime/core/Profile.h"
#include "runtime/core/Program.h"
#include "runtime/trace/Trace.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cleave::rt {

class Communicator;
class Operation;
class ThreadPool;

// Where an instance's regions begin.
struct Bases {
  char *state = nullptr;
  char *scratch = nullptr;
  char *constants = nullptr;
};

// The first value that is not finite, found by a checked run.
struct NonFinite {
  const Instruction *instruction = nullptr;
  const Operand *operand = nullptr;
  std::string kernel;            // name of the kernel that wrote it
  std::string value;             // "nan", "inf" or "-inf"
  int64_t element = 0;           // row-major position
  std::vector<int64_t> counters; // of the enclosing loops, outermost first
};

// What a checked run found. A value of -inf alone is often a mask, so it is told apart.
struct CheckReport {
  std::optional<NonFinite> first;         // NaN or +inf
  std::optional<NonFinite> firstNegative; // -inf
};

class Executor {
public:
  enum class Outcome { Done, NotFinite, AssertFailed, Failed };
  struct End {
    Outcome outcome = Outcome::Done;
    const Instruction *instruction = nullptr; // the Guard, Assert, collective or fault that stopped it
  };
  struct Hooks {
    bool allowNonFinite = false;
    // Print instructions; `values` holds one address per operand.
    std::function<void(const Instruction &, void *const *values)> print;
  };

  // The program outlives the executor and has passed verify().
  Executor(const Program &program, const Entry &entry, Bases bases);
  Executor(const Executor &) = delete;
  Executor &operator=(const Executor &) = delete;
  ~Executor();

  // Prepares the entry's collectives for this rank. The communicator outlives the executor. Errors of
  // Communicator::prepare().
  Status connect(Communicator &communicator);
  // Why the last run ended with Failed.
  const Error &failure() const { return *failed; }

  // Lets the next run meet with a fault, where it comes to its instruction. E736 where the list has none
  // such; errors of Communicator::prepare().
  Status inject(const Fault &fault, Communicator &communicator);

  // The instruction that runs, or ran last; kNotStarted before the first. Any thread may ask.
  static constexpr uint32_t kNotStarted = UINT32_MAX;
  uint32_t position() const { return now.load(std::memory_order_relaxed); }
  void clearPosition() { now.store(kNotStarted, std::memory_order_relaxed); }

  // Points every operand in an input's or output's buffer to `data`.
  void bindInput(uint32_t slot, void *data) { bind(Region::Input, slot, data); }
  void bindOutput(uint32_t slot, void *data) { bind(Region::Output, slot, data); }

  End run(ThreadPool &pool, const Hooks &hooks);

  // Runs from the start to where the guard `until` finds what is not finite, and tests every floating-point
  // value as it is written. Prints and asserts are passed over.
  CheckReport runChecked(ThreadPool &pool, const Instruction *until);

  // From now on runs are measured against `roofline`, except for Profile::nanoseconds.
  void enableProfile(const Roofline &roofline);
  // From now on runs are logged; the log outlives the executor. Not together with a profile.
  void enableTrace(TraceLog &log) { traced = &log; }

  // Null until profiling is on.
  Profile *profile() { return measured.get(); }

private:
  struct Step {
    Opcode op;
    bool reverse, ahead;
    uint32_t target;  // where to go; LeaveUnless: the LoopBegin of the loop to leave
    uint32_t depth;   // loops around it; LoopBegin and LoopEnd: without their own
    void **arguments; // one pointer per operand
    uint32_t operands;
    uint32_t kernel;
    KernelFunction function;
    int64_t rows, grain, count;
    uint32_t movesBegin, movesEnd; // LoopBegin: what its counter moves
    uint32_t turnsBegin, turnsEnd; // likewise, modulo something
    Operation *operation;          // of collectives, but for Wait
    bool sends, receives;          // whether it has such an operand
  };
  struct Move {
    uint32_t pointer;
    int64_t bytes;
  };
  struct Turn {
    uint32_t pointer;
    int64_t bytes, turns;
  };
  struct Binding {
    Region region;
    uint32_t slot;
    uint32_t pointer;
    int64_t offset;
  };
  enum class Mode { Plain, Profiled, Checked, Faulty, Traced };

  void addStep(const Instruction &instruction, uint32_t depth, const std::vector<uint32_t> &openLoops);
  void collectMoves();
  void bind(Region region, uint32_t slot, void *data);
  template <Mode mode>
  End runSteps(ThreadPool &pool, const Hooks &hooks, CheckReport *report, const Instruction *until);
  template <Mode mode> void launch(ThreadPool &pool, uint32_t at);
  void recordTraffic(uint32_t at);
  void copy(uint32_t at) const;
  template <Mode mode> bool collective(uint32_t at);
  void traceCollective(uint32_t at, int64_t begin);
  Status communicate(const Step &step); // Collective, Start, Wait
  bool strike();
  Status startTraced(const Step &step, const void *in, void *out);
  Status endOpen(const Step &step); // what its token's last Start has begun
  uint32_t follow(const Step &step, uint32_t at);
  void restore(const End &end);
  void endCollectives();
  void movePointers(const Step &loop, int64_t from, int64_t to); // values of its counter
  int64_t counterOf(const Step &loop) const;
  void rewind(const Step &loop);
  bool inLastTurn(const Step &step) const;
  void check(const Step &step, const Instruction &instruction, CheckReport &report) const;

  void placeBlocks(int64_t rank);

  const Program &program;
  const Entry &entry;
  std::vector<Step> steps;
  std::vector<void *> pointers;
  std::vector<Move> moves;
  std::vector<Turn> turns;
  std::vector<Binding> bindings;
  std::vector<int64_t> iterations; // per depth, counting up
  std::vector<uint32_t> loopAt;    // per depth, the step of the loop that runs
  std::unique_ptr<Profile> measured;
  TraceLog *traced = nullptr;
  std::unique_ptr<ReuseDistance> reuse;
  std::vector<std::unique_ptr<Operation>> operations;
  std::vector<Operation *> started; // by token: what its last Start has begun
  struct Begun {
    int64_t at = 0;   // 0: it is through
    int64_t work = 0; // to begin it: see TraceEvent
  };
  std::vector<Begun> begun; // by token, where runs are logged
  Begun ended;              // what its last Start has ended
  int64_t endedAt = 0;      // when what was ended last was done; 0: not known
  std::optional<Error> failed;
  std::atomic<uint32_t> now{kNotStarted};
  std::optional<Fault> fault;           // of the next run
  std::unique_ptr<Operation> otherThan; // Mismatch: what is started instead
  char otherThanData[3] = {};
};

// The first NaN, +inf or -inf in a dense tensor: its row-major position, or -1. `wanted` says which.
enum class Wanted { NanOrPositive, Negative };
int64_t findNonFinite(Type type, const void *data, int64_t elements, Wanted wanted);
// One floating-point element as a double.
double elementAsDouble(Type type, const void *data, int64_t index);
// One element of any type, for people.
std::string elementText(Type type, const void *data, int64_t index);

} // namespace cleave::rt

#endif
