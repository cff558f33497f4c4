// --sched-prefetch: what a loop gathers of its slices is gathered one turn ahead.
//
//   pipe.loop count 12 slices(%w) { ^(%i, %part): %all = comm.all_gather %part; launch @layer(%all) }
//   ->
//   pipe.loop count 12 slices(%w) { ^(%i, %part): %all = comm.all_gather %part {ahead}; launch @layer(%all) }
//
// The gather of turn i + 1 runs beside the work of turn i; that of the first turn begins before the loop. The
// result has two buffers that take turns. Before and after: the sched stage, its lists in their final order.
// It stands before sched-overlap, which leaves alone what is begun ahead. By the cost model: where messages
// travel by themselves and a turn's work is a tenth of the message's time at least.
#include "compiler/schedule/ActionCosts.h"
#include "compiler/schedule/Passes.h"
#include "dialects/comm/transforms/Overlap.h"
#include "dialects/comm/transforms/Traffic.h"

using namespace mlir;
using namespace cleave;
using comm::Technique;

namespace {

// Less than this part of a message's time is not worth a second buffer.
constexpr double kLeastPart = 0.1;

struct SchedPrefetch : PassWrapper<SchedPrefetch, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SchedPrefetch)

  StringRef getArgument() const final { return "sched-prefetch"; }
  StringRef getDescription() const final {
    return "What a loop gathers of its slices is gathered one turn ahead";
  }

  void runOnOperation() final {
    schedule::ActionCosts costs(getOperation());
    getOperation().walk([&](pipe::LoopOp loop) { prefetch(loop, costs); });
  }

  static bool readsSlice(Operation *op, pipe::LoopOp loop) {
    auto argument = op->getNumOperands() == 1 ? dyn_cast<BlockArgument>(op->getOperand(0)) : BlockArgument();
    return argument && llvm::is_contained(loop.getSliceArgs(), argument);
  }

  static void prefetch(pipe::LoopOp loop, schedule::ActionCosts &costs) {
    double work = costs.work(loop.getBodyBlock());
    for (Operation &op : loop.getBodyBlock()) {
      if (loop.getCount() < 2 || !comm::communicates(&op) || comm::isAsync(&op) || !readsSlice(&op, loop) ||
          !comm::mayUse(Technique::Prefetch, &op))
        continue;
      auto module = loop->getParentOfType<ModuleOp>();
      bool pays = work >= kLeastPart * comm::trafficOf(&op).seconds || comm::isUneven(module) ||
                  choiceOf(module, Technique::Prefetch) == comm::Choice::Always;
      if (!pays)
        continue;
      Builder builder(&op);
      op.setAttr("ahead", builder.getUnitAttr());
    }
  }
};

} // namespace

std::unique_ptr<Pass> cleave::createSchedPrefetchPass() { return std::make_unique<SchedPrefetch>(); }
