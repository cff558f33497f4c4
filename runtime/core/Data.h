// Data sources: what feeds an entry's inputs. Which part of a source a step sees is a function of seed, step
// and row alone, so a resumed run sees what the uninterrupted one would have seen.
//
// An input [Rows, ...rest] gets, by kind of source:
//   bytes      files, one after the other: per row a window of as many bytes as `rest` has elements
//   tokens     one binary file: the same, in tokens; unsigned or narrow ones are widened
//   npy        array [N, ...rest]: per row one of the N; a 1-D array may also give windows
//   synthetic  every element drawn on its own
//
// Two .npy sources with the same N yield the same rows, so images stay with their labels. In order, windows
// lie end to end and step s begins at row s * Rows, wrapping round. Runs of an entry that leaves the step as
// it is count like steps (Instance::run).
#ifndef CLEAVE_RUNTIME_CORE_DATA_H
#define CLEAVE_RUNTIME_CORE_DATA_H

#include "runtime/core/Error.h"
#include "runtime/core/Program.h"

#include <memory>
#include <vector>

namespace cleave::rt {

// The part of an input that a rank has. Rows and windows are those of the whole, so ranks together read what
// one rank would; only the part is read.
struct InputPart {
  Shape whole;
  std::vector<Block> blocks; // of every dim

  static InputPart of(const Port &input, const Mesh &mesh, int64_t rank);
  bool isWhole() const;
};

// One opened source. Errors, with the location of the source or of the input:
//   E501 missing or unreadable   E502 nothing there (no match, no bytes)   E503 too short for the input
//   E504 types or shapes of source and input differ   E505 not a valid .npy file   E506 malformed source
class Dataset {
public:
  static Result<std::unique_ptr<Dataset>> open(const DataSource &source);
  virtual ~Dataset() = default;

  // Whether the source can feed this input, whose shape is the whole's.
  virtual Status check(const Port &input) const = 0;

  // Fills `target`, a dense tensor of the part's local shape; padding becomes zero. check() has passed.
  // `input` has the shape of the whole.
  void fill(const Port &input, const InputPart &part, int64_t seed, int64_t step, void *target) const;
  // The same of the whole.
  void fill(const Port &input, int64_t seed, int64_t step, void *target) const;

  // What fill() would write, where it lies in the source as it is; else null. Never to be written.
  virtual const void *view(const Port & /*input*/, const InputPart & /*part*/, int64_t /*seed*/,
                           int64_t /*step*/) const {
    return nullptr;
  }

protected:
  // `count` neighbouring elements of the input, from number `first` (row-major) on; all are in one row.
  virtual void readRun(const Port &input, int64_t seed, int64_t step, int64_t first, int64_t count,
                       char *target) const = 0;
};

// A number in [0, bound): uniform, and a function of its arguments alone.
int64_t randomBelow(int64_t bound, int64_t seed, int64_t step, int64_t row);

// The files a list of globs names: sorted per glob, each file once however often it is matched.
// E501 for a name without wildcards that does not exist; E502 for a glob that matches nothing.
Result<std::vector<std::string>> expandGlobs(const DataSource &source);

} // namespace cleave::rt

#endif
