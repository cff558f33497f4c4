// Faults on demand: what a test makes happen to see that it is diagnosed. The environment variable
//
//   CLEAVE_FAULT="kind=stall,rank=1,step=3,instruction=12"
//
// asks for one, in each process. A program that is not asked pays one comparison per run of an entry.
//
//   kind         kill      the process of the rank ends at once, as by kill -9
//                stall     the rank goes no further
//                fail      the rank's run ends with E737
//                mismatch  the rank starts another collective than the members of its group
//   moment       kill and stall: as a process of several starts, before it has ranks (one each, for `rank`):
//                  launch    before others can know of it
//                  roll      those of its machine know of it
//                  join      MPI has joined it to the others
//                  listen    others know where it listens       greet  it is connected to one of them,
//                  unnamed compare   all watch each other; before programs are compared make      before its
//                  ranks are made
//   rank         whose; default 0
//   step         in the run that begins with this step counter; default: the first
//   entry        of this entry; default: any but `init`
//   instruction  before this one of the entry's list (`cleave ir --stage exec` numbers them); default 0.
//                mismatch: in place of the first collective from there on that all of a group run alike
#ifndef CLEAVE_RUNTIME_CORE_FAULT_H
#define CLEAVE_RUNTIME_CORE_FAULT_H

#include "runtime/core/Error.h"

#include <cstdint>

namespace cleave::rt {

enum class FaultKind { Kill, Stall, Fail, Mismatch };

struct Fault {
  FaultKind kind = FaultKind::Kill;
  int64_t rank = 0;
  std::optional<int64_t> step;
  std::string entry;  // empty: any but init
  std::string moment; // empty: in an entry
  uint32_t instruction = 0;

  bool strikes(int64_t inRank, const std::string &inEntry, int64_t atStep) const {
    return moment.empty() && rank == inRank && (entry.empty() ? inEntry != "init" : entry == inEntry) &&
           (!step || *step == atStep);
  }
};

// E736 where the text is no fault.
Result<Fault> parseFault(const std::string &text);
// What CLEAVE_FAULT asks for, if anything.
Result<std::optional<Fault>> faultFromEnvironment();
// Makes the fault that it asks for at this moment of this process's start, if it does.
void faultAt(const char *moment, int64_t process);

} // namespace cleave::rt

#endif
