// How the clocks of processes are apart, so that what they did when can be shown on one timeline.
//
// Process 0 asks another what time it is, and looks at its own clock before and behind: had the answer taken
// as long as the question, it was read in the middle; it cannot be off by more than half of the way there and
// back. Of several, the quickest counts. Done at the start and at the end, it also shows how much faster one
// runs. Processes of one machine read one clock. All times are nanoseconds of steady clocks.
#ifndef CLEAVE_RUNTIME_TRACE_CLOCKS_H
#define CLEAVE_RUNTIME_TRACE_CLOCKS_H

#include <cstdint>
#include <string>

namespace cleave::rt {

int64_t steadyNanoseconds();

// What tells whether two processes read one clock: equal where they do.
std::string steadyClockName();

// One answer of another process.
struct ClockReading {
  int64_t at = 0;     // of its clock
  int64_t ahead = 0;  // of process 0's
  int64_t within = 0; // by which `ahead` may be wrong
  // asked, answered (its clock), heard
  static ClockReading of(int64_t asked, int64_t answered, int64_t heard) {
    return {answered, answered - (asked + (heard - asked) / 2), (heard - asked + 1) / 2};
  }
};

// Two of them: the clock as seen by process 0. Of one alone: it runs as fast.
struct ClockRelation {
  ClockReading first, last;

  // A time of its clock by that of process 0.
  int64_t translate(int64_t time) const;
  int64_t within() const { return first.within > last.within ? first.within : last.within; }
};

} // namespace cleave::rt

#endif
