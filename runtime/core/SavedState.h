// An instance's state as a safetensors file: one tensor per unstacked path (`gpt.blocks[3].attention.wq`),
// global shapes without the stacked axes, so that a program with another plan, or another tool, can load it.
//
// What several ranks hold together is saved as the whole: no rank, and no buffer, has more than its part.
//
// Metadata: "format" = "cleave", "version" = "1", "step", "seed", "layout" (a hash of all paths, types and
// shapes), "axes" (JSON: stacked path -> names of the unstacked axes), "plan" (name and hash of the plan that
// the saving program ran under, where it had one).
#ifndef CLEAVE_RUNTIME_CORE_SAVEDSTATE_H
#define CLEAVE_RUNTIME_CORE_SAVEDSTATE_H

#include "runtime/core/Error.h"
#include "runtime/core/Program.h"
#include "runtime/core/SafeTensors.h"

namespace cleave::rt {

class ThreadPool;

// One rank's states; null where it is in another process.
struct StateHolder {
  const Program *program;
  const char *base;
  int64_t rank = 0;
};
// Writes the next bytes of those that another process's rank has; whether it could.
using StatePull = std::function<bool(int64_t rank, int64_t bytes, PieceWriter &)>;
// Takes bytes of a rank; whether there is to be more.
using StatePush = std::function<bool(const char *data, int64_t bytes)>;

// The unstacked tensors of a state, as one rank has them: its path with every `[*]` replaced, and where it
// lies below `base`.
std::vector<NamedTensor> unstack(const State &state, const char *base);

// Hash of paths, types and shapes of all states as wholes, as 16 hex digits.
std::string layoutHash(const Program &program);

// E610 when the file cannot be written.
Status saveState(const std::string &path, const Program &program, const char *base);
// The same of all ranks, in their order; rank 0 is here. `pull`: for those that are not.
Status saveState(const std::string &path, const std::vector<StateHolder> &ranks, const StatePull &pull = {});
// What saveState() in another process pulls of the ranks that are here, in its order.
void streamState(const std::vector<StateHolder> &ranks, const StatePush &push);

// A file that holds exactly a program's states. Errors of SafeTensors::open, E607 missing tensors, E608
// unexpected ones, E609 wrong type or shape, E611 of another format version.
class StateFile {
public:
  static Result<StateFile> open(const std::string &path, const Program &program);

  // Copies a rank's part of every state to `base`, by all threads. Several ranks may read at once. E601.
  Status read(const Program &program, int64_t rank, char *base, ThreadPool &pool) const;

private:
  explicit StateFile(SafeTensors file) : file(std::move(file)) {}
  SafeTensors file;
};

// Checks the whole file first, then copies: on an error of StateFile::open() the state is untouched.
Status loadState(const std::string &path, const Program &program, char *base, ThreadPool &pool);

} // namespace cleave::rt

#endif
