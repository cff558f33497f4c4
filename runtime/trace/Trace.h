// What the runs of an entry did when, on one rank, and the file that shows it on a timeline.
//
// An executor with a log adds an event per launch, copy and collective; one without a log spends nothing on
// it. The file is in the JSON format that Perfetto (https://ui.perfetto.dev) and chrome://tracing read: a
// process for each rank, with a row for computing and rows for messages under way.
#ifndef CLEAVE_RUNTIME_TRACE_TRACE_H
#define CLEAVE_RUNTIME_TRACE_TRACE_H

#include "runtime/core/Error.h"
#include "runtime/core/Program.h"
#include "runtime/trace/Clocks.h"

#include <string>
#include <vector>

namespace cleave::rt {

// Times are nanoseconds of the steady clock.
struct TraceEvent {
  uint32_t instruction = 0, run = 0; // the entry's runs from 0 on
  int64_t begin = 0, end = 0;        // of the instruction
  // Of the message that it ended, from its start to when it was there; no message: both 0.
  int64_t sent = 0, received = 0;
  int64_t starting = 0; // that the rank took to begin it, less what it did not run for other programs' sake
};

struct TraceLog {
  static constexpr size_t kMost = size_t{1} << 20; // events kept; the rest is counted

  std::vector<TraceEvent> events;
  int64_t left = 0; // not kept
  uint32_t run = 0; // of what is added
  void add(TraceEvent event) {
    event.run = run;
    if (events.size() < kMost)
      events.push_back(event);
    else
      ++left;
  }
};

// One rank's part of a trace.
struct RankTrace {
  const Program *program = nullptr; // what the rank runs
  const TraceLog *log = nullptr;
  int64_t rank = 0;
  ClockRelation clock = {}; // its process's, as process 0 sees it
};

// Tells programs apart: mesh, plan, and what every instruction of the entry does with what, by shapes. What
// is compiled twice of the same source under the same plan has the same.
std::string traceHash(const Program &program, const Entry &entry);

// The file's content. `entry` is its number in every program; ranks in order, all of the mesh or some. Times
// are process 0's, from the first event on.
std::string traceText(const std::vector<RankTrace> &ranks, int entry);

// The last of a log's events, at most so many.
TraceLog lastOf(const TraceLog &log, size_t most);

// What a trace says of one collective on one rank, over all its times.
struct MessageTimes {
  int64_t times = 0;
  double seconds = 0; // under way, each from when its link was free
  double waited = 0;  // of the rank for it: to begin it, and from when all had begun until it was there
  double others = 0;  // of the rank for others that had not
};

struct TraceFacts {
  std::string entry, hash;
  int64_t ranks = 0;                  // in the file
  int64_t ofRanks = 0;                // of the mesh
  double clocksWithin = 0;            // seconds by which times of different ranks may be wrong
  double seconds = 0;                 // from the first event to the last
  std::vector<MessageTimes> messages; // by number of the collective in the program; means over ranks
  // Of the seconds of messages that other work can cover by the cost model, the part that it did: of all
  // ranks in each run, no collective counting for more than can be. No run where there is nothing to cover.
  std::vector<double> hiddenParts;

  // The median of the runs, but for the first where there are more: memory is touched there first. 1: no
  // runs.
  double hiddenPart() const;
};

// Reads a file that traceText made. E741: it cannot be read, or is no such file.
Result<TraceFacts> readTrace(const std::string &path);

} // namespace cleave::rt

#endif
