// Ranks that are threads of this process: they read each other's buffers and write to them.
#ifndef CLEAVE_RUNTIME_COMM_LOCAL_LOCAL_H
#define CLEAVE_RUNTIME_COMM_LOCAL_LOCAL_H

#include "runtime/comm/Communicator.h"

namespace cleave::rt {

struct LocalOptions {
  double timeoutSeconds = 600; // for which a wait may see nobody come; 0 or less: for ever
  // A thread beside each rank goes on with what is started and not waited for yet. For where processors have
  // nothing else to do, or links are made slow.
  bool helpers = false;
};

// The ends of ranks 0, 1, ...; each is one thread's at a time. They may go in any order.
std::vector<std::unique_ptr<Communicator>> makeLocal(int64_t ranks, LocalOptions options = {});

} // namespace cleave::rt

#endif
