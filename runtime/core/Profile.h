// Where the time of an entry's runs went: by instruction as it is measured, by op and by source line as it is
// told.
#ifndef CLEAVE_RUNTIME_CORE_PROFILE_H
#define CLEAVE_RUNTIME_CORE_PROFILE_H

#include "runtime/device/cpu/Roofline.h"

#include <unordered_map>

namespace cleave::rt {

// Of one instruction, over all runs.
struct InstructionProfile {
  int64_t times = 0;
  int64_t nanoseconds = 0;
  int64_t busy = 0; // nanoseconds that threads worked, all together
  // Bytes of its operands by the level of memory that most likely held them: one run's, all times together.
  std::vector<int64_t> read, written;
};

struct Profile {
  Roofline roofline;
  int64_t runs = 0;
  int64_t nanoseconds = 0; // of whole runs, inputs included
  std::vector<InstructionProfile> instructions;
};

// Guesses which level of memory holds an operand: the nearest one that holds all that was touched since the
// operand was touched last. Memory of a level counts as one cache for all threads, and addresses as touched
// whole.
class ReuseDistance {
public:
  explicit ReuseDistance(const Roofline &roofline) : roofline(&roofline) {}

  // The level of `bytes` at `address`, which are touched now.
  size_t touch(const void *address, int64_t bytes);

private:
  struct Touch {
    int64_t clock = 0, bytes = 0;
  };
  const Roofline *roofline;
  std::unordered_map<const void *, Touch> last;
  int64_t clock = 0;     // bytes touched so far
  int64_t footprint = 0; // bytes at different addresses
};

// One row of a table: a launch (or copy, or collective) of the program, or a line of its text.
struct ProfileRow {
  std::string name;   // what it makes, by the user's paths; "" where nothing has a name
  std::string kernel; // ops only
  std::vector<std::string> lines;
  int64_t calls = 0;
  double seconds = 0;
  double waiting = 0; // seconds of threads that had nothing to do meanwhile, over all threads
  double flops = 0, bytes = 0;
  double roofSeconds = 0; // what the machine needs at least
  std::string roof;       // what bounds it: "arithmetic", a level of memory, or "" where it costs nothing
};

struct ProfileSummary {
  int64_t runs = 0;
  double seconds = 0;                                // of whole runs
  std::vector<std::pair<std::string, double>> bound; // seconds of ops by their roof, arithmetic first
  double between = 0;                                // no op ran: the list itself, inputs, outputs
  double waiting = 0;                                // of threads, while ops ran
  double roofSeconds = 0;                            // of all ops
};

// Slowest first. What never ran is left out.
std::vector<ProfileRow> profileByOp(const Program &program, const Entry &entry, const Profile &profile);
// The time of an op of several lines is shared out by what each part needs at least.
std::vector<ProfileRow> profileByLine(const Program &program, const Entry &entry, const Profile &profile);
ProfileSummary summarise(const Program &program, const Entry &entry, const Profile &profile);

} // namespace cleave::rt

#endif
