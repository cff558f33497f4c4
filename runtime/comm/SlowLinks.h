// Links made slow: collectives take the time that the program's cost model says, whatever carries the bytes.
// For seeing on one machine what a plan does on many.
//
// A collective is done no earlier than `Collective::seconds` behind its start on this rank, and behind the
// end of what this rank has started before over any of its mesh axes: a link carries one at a time. Waiting
// for that costs no processor time. Results are not touched.
#ifndef CLEAVE_RUNTIME_COMM_SLOWLINKS_H
#define CLEAVE_RUNTIME_COMM_SLOWLINKS_H

#include "runtime/comm/Communicator.h"

namespace cleave::rt {

// Until when the links of one rank are busy, by mesh axis, in nanoseconds of the steady clock.
using LinkClocks = std::vector<int64_t>;

// `operation`, made slow. `clocks` outlives it.
std::unique_ptr<Operation> makeSlow(std::unique_ptr<Operation> operation, const Collective &collective,
                                    LinkClocks &clocks);

} // namespace cleave::rt

#endif
