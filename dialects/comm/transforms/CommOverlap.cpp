// --comm-overlap: collectives are begun as soon as what they send is there, and waited for where their
// results are read.
//
//   %x = ...; %p = ...; %a = all_reduce %x; read %a
//   ->
//   %x = ...; %a = all_reduce %x {async}; %p = ...; %w = comm.wait %a; read %w
//
// Before and after: a legal comm stage. Collectives keep their order, which is the same on all ranks. It
// stands last in the stage, for schedules that run work beside messages. Nothing asks for it by default.
#include "dialects/comm/transforms/Passes.h"
#include "dialects/comm/transforms/Traffic.h"

namespace cleave::comm {
#define GEN_PASS_DEF_COMMOVERLAP
#include "dialects/comm/transforms/Passes.h.inc"
} // namespace cleave::comm

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

namespace {
struct CommOverlap : cleave::comm::impl::CommOverlapBase<CommOverlap> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        overlap(function.getBody().front());
  }

  static void overlap(Block &block) {
    Operation *last = nullptr; // the collective before
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (!communicates(&op) || op.hasAttr("async"))
        continue;
      raise(&op, last);
      last = &op;
      wait(&op);
    }
  }

  // Behind what makes its operand, and behind the collective before.
  static void raise(Operation *op, Operation *last) {
    Operation *after = op->getOperand(0).getDefiningOp();
    if (after && last && after->isBeforeInBlock(last))
      after = last;
    else if (!after)
      after = last;
    if (after)
      op->moveAfter(after);
    else
      op->moveBefore(&op->getBlock()->front());
  }

  static void wait(Operation *op) {
    Value result = op->getResult(0);
    Operation *first = nullptr;
    for (Operation *reader : result.getUsers())
      if (!first || reader->isBeforeInBlock(first))
        first = reader;
    if (!first || first == op->getNextNode())
      return; // nothing stands between
    OpBuilder builder(first);
    auto waited = WaitOp::create(builder, op->getLoc(), result.getType(), result);
    result.replaceAllUsesExcept(waited, waited);
    op->setAttr("async", builder.getUnitAttr());
  }
};
} // namespace
