// A program with its state that runs entries: an Instance on one rank, or a group of ranks. Whoever runs a
// program need not know which.
//
// Shapes are those of the whole: values go in and come out as they are in the program text, however ranks
// share them.
#ifndef CLEAVE_RUNTIME_CORE_RUNNABLE_H
#define CLEAVE_RUNTIME_CORE_RUNNABLE_H

#include "runtime/core/Error.h"
#include "runtime/core/Profile.h"
#include "runtime/core/Program.h"
#include "runtime/trace/Trace.h"

#include <string>

namespace cleave::rt {

// A dense row-major tensor that lies elsewhere.
struct TensorView {
  Shape shape;
  void *data = nullptr;
  template <class T> T *as() const { return static_cast<T *>(data); }
};

class Runnable {
public:
  virtual ~Runnable() = default;

  // Its entries, inputs, outputs and states with the shapes of the whole. Of several ranks, what it says
  // beyond that is rank 0's.
  virtual const Program &program() const = 0;

  // Runs the entry `init`: every state gets its initial value, step 0.
  virtual Status initialise(int64_t seed) = 0;

  // The index of an entry. E701 with a suggestion when there is none.
  Result<int> findEntry(const std::string &name) const;
  // The index of an entry's input or output. E510 with a suggestion when there is none.
  Result<int> findInput(int entry, const std::string &name) const;
  Result<int> findOutput(int entry, const std::string &name) const;

  // Gives an input its value, copied; it wins over the input's data source. E510 unknown input, E511 wrong
  // number of bytes.
  virtual Status setInput(int entry, const std::string &input, const void *data, int64_t bytes) = 0;

  // Lets each run read an input from, and write an output to, memory of the caller's, which must live until
  // the port is set or unbound. One rank does it in place; several copy there and back within run(). A bound
  // input wins over its data source. E510, E511.
  virtual Status bindInput(int entry, const std::string &input, void *data, int64_t bytes) = 0;
  virtual Status bindOutput(int entry, const std::string &output, void *data, int64_t bytes) = 0;
  // Gives that memory back: an input has no value then, by the port's index.
  virtual Status unbindInput(int entry, int input) = 0;
  virtual Status unbindOutput(int entry, int output) = 0;

  // Opens the data sources of an entry and checks that every input has a value, so that run() finds no fault
  // in them. run() does it where it has not been done. E5xx; E512 an input without value.
  virtual Status prepare(int entry) = 0;

  // Runs an entry once. E710 a value is not finite, E711 an assertion failed; the state is then what it was.
  virtual Status run(int entry) = 0;

  // The value an output had after the last run; it lies there until the next call.
  virtual Result<TensorView> output(int entry, const std::string &name) const = 0;
  // What an input was at the last run, or is set to.
  virtual Result<TensorView> input(int entry, const std::string &name) const = 0;

  // A state by its path, `gpt.blocks[3].up.w` or stacked `gpt.blocks[*].up.w`. E612 unknown path.
  virtual Result<TensorView> state(const std::string &path) const = 0;
  virtual Status setState(const std::string &path, const void *data, int64_t bytes) = 0;

  // Built-in states; 0 where a program has none.
  virtual int64_t step() const = 0;
  virtual int64_t seed() const = 0;

  // Writes every state, see SavedState.h.
  virtual Status save(const std::string &path) const = 0;
  // Reads every state, or leaves all as they are.
  virtual Status load(const std::string &path) = 0;
  // Reads published weights by a mapping of the program, see Weights.h. `name`: which; empty: the only one.
  virtual Status loadWeights(const std::string &path, const std::string &name = "") = 0;

  // Of a rank.
  virtual int threads() const = 0;
  // Where the time of an entry's runs went (on rank 0); null unless profiling, or before the entry is
  // prepared.
  virtual const Profile *profile(int entry) const = 0;
  // What each rank's runs of the entry did when; none unless runs are logged.
  virtual std::vector<RankTrace> traces(int entry) const = 0;

  // By name.
  Status run(const std::string &entry);
  Status setInput(const std::string &entry, const std::string &input, const void *data, int64_t bytes);
  Result<TensorView> output(const std::string &entry, const std::string &name) const;
};

} // namespace cleave::rt

#endif
