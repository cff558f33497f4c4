// --sched-reductions: the sums that a loop stacks are begun in their turn and waited for behind the loop.
//
//   %g = pipe.loop { %d = launch @weight_gradient(...); %s = comm.all_reduce sum %d; yield %s }; launch
//   @update(%g)
//   ->
//   %g = pipe.loop { %d = launch @weight_gradient(...); %s = comm.all_reduce sum %d {async}; yield %s }
//   %w = comm.wait %g; launch @update(%w)
//
// So the sums of a layer's gradients run beside the backward pass of the layers before it. Each turn ends
// what the one before has begun. What is sent has two buffers that take turns, unless it is made where the
// sum is stacked. Before and after: the sched stage, its lists in their final order. It stands before
// sched-overlap, which moves the begin of each up to where its operand is made. By the cost model: where
// messages travel by themselves.
#include "compiler/analysis/ActionGraph.h"
#include "compiler/schedule/Passes.h"
#include "dialects/comm/transforms/Overlap.h"

using namespace mlir;
using namespace cleave;
using comm::Technique;

namespace {

struct SchedReductions : PassWrapper<SchedReductions, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SchedReductions)

  StringRef getArgument() const final { return "sched-reductions"; }
  StringRef getDescription() const final {
    return "The sums that a loop stacks are waited for behind the loop";
  }

  void runOnOperation() final {
    SmallVector<pipe::LoopOp> loops;
    getOperation().walk([&](pipe::LoopOp loop) { loops.push_back(loop); });
    for (pipe::LoopOp loop : loops)
      for (unsigned stack = loop.getCarries().size(); stack < loop.getNumResults(); ++stack)
        defer(loop, stack);
  }

  // Whether its operand is made in the turn, and handed on to no other.
  static bool sendsOwn(Operation *op, pipe::LoopOp loop) {
    Operation *maker = op->getOperand(0).getDefiningOp();
    return maker && maker->getBlock() == op->getBlock() && !isa<pipe::ConstantOp, comm::WaitOp>(maker) &&
           !llvm::is_contained(loop.getYield()->getOperands(), op->getOperand(0));
  }

  static void defer(pipe::LoopOp loop, unsigned stack) {
    Operation *op = loop.getYield()->getOperand(stack).getDefiningOp();
    Value made = loop.getResult(stack);
    if (!isa_and_present<comm::AllReduceOp, comm::ReduceScatterOp>(op) || op->getParentOp() != loop ||
        comm::isAsync(op) || comm::isAhead(op) || !op->getResult(0).hasOneUse() || made.use_empty() ||
        loop.getCount() < 2 || !sendsOwn(op, loop) || !comm::mayUse(Technique::Reductions, op))
      return;
    OpBuilder builder(analysis::firstReader(made, *loop->getBlock()));
    op->setAttr("async", builder.getUnitAttr());
    auto wait = comm::WaitOp::create(builder, op->getLoc(), made.getType(), made);
    made.replaceAllUsesExcept(wait, wait);
  }
};

} // namespace

std::unique_ptr<Pass> cleave::createSchedReductionsPass() { return std::make_unique<SchedReductions>(); }
