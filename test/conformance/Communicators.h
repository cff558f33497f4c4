// The communicators that must pass: a new one adds itself to communicators() and nothing else.
#ifndef CLEAVE_TEST_CONFORMANCE_COMMUNICATORS_H
#define CLEAVE_TEST_CONFORMANCE_COMMUNICATORS_H

#include "runtime/comm/Communicator.h"

#include <functional>
#include <string>
#include <vector>

namespace cleave::rt::test {

struct CommunicatorKind {
  std::string name;
  // Runs `body` on every rank of a new communicator and returns when all are through. Where ranks are
  // processes, it runs on this one's alone. A wait gives up after `timeoutSeconds`.
  std::function<void(int64_t ranks, double timeoutSeconds, const std::function<void(Communicator &)> &body)>
      run;
  // Whether messages move on, and their ends are known, while nobody waits.
  bool hasOwnThread = false;
};

const std::vector<CommunicatorKind> &communicators();

} // namespace cleave::rt::test

#endif
