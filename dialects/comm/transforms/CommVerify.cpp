// --comm-verify: checks that a module is a legal comm stage; changes nothing.
#include "dialects/comm/transforms/Passes.h"
#include "dialects/comm/transforms/StageChecks.h"

namespace cleave::comm {
#define GEN_PASS_DEF_COMMVERIFY
#include "dialects/comm/transforms/Passes.h.inc"
} // namespace cleave::comm

namespace {
struct CommVerify : cleave::comm::impl::CommVerifyBase<CommVerify> {
  void runOnOperation() override {
    if (failed(cleave::comm::verifyCommStage(getOperation())))
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
