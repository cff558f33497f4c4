// `cleave explain --trace`: what the cost model says of each collective beside what a run took.
#ifndef CLEAVE_TOOLS_CLEAVE_TRACEREPORT_H
#define CLEAVE_TOOLS_CLEAVE_TRACEREPORT_H

#include "runtime/trace/Trace.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cleave::tool {

// Seconds are of one time, means over all times and ranks.
struct TracedCollective {
  std::string name;                         // "all_reduce over "dp" of gpt.w"
  std::string line;                         // of the model
  int64_t times = 0;                        // on one rank, in all runs
  double estimated = 0, canHide = 0;        // by the cost model
  double taken = 0, waited = 0, others = 0; // in the run: under way, waited for, and for ranks to begin

  double hidden() const { return std::max(0.0, taken - waited); }
};

// Equal ones are one; in the order of the program. E740 where the trace is of another program, plan or size.
rt::Result<std::vector<TracedCollective>> compareTrace(const rt::Program &program, const std::string &entry,
                                                       const rt::TraceFacts &trace);

std::string traceText(const std::vector<TracedCollective> &collectives, const rt::TraceFacts &trace);
nlohmann::ordered_json traceJson(const std::vector<TracedCollective> &collectives,
                                 const rt::TraceFacts &trace);

} // namespace cleave::tool

#endif
