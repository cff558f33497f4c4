#include "compiler/schedule/ActionCosts.h"

#include "compiler/analysis/KernelWork.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::schedule;

double ActionCosts::kernel(StringRef name) {
  auto [known, isNew] = kernels.try_emplace(name, 0);
  auto function = isNew ? symbols.lookup<func::FuncOp>(name) : func::FuncOp();
  if (!function || function.isExternal())
    return known->second;
  double flops = 0, bytes = 0;
  for (const rt::Work &part : analysis::workOf(function)) {
    flops += static_cast<double>(part.flops);
    bytes += static_cast<double>(part.bytes);
  }
  auto bits = static_cast<unsigned>(8 * rt::sizeOf(analysis::arithmeticOf(function)));
  return known->second = device.seconds(flops, bytes, bits);
}

double ActionCosts::work(Operation *op) {
  return llvm::TypeSwitch<Operation *, double>(op)
      .Case([&](pipe::LaunchOp launch) { return kernel(launch.getKernel()); })
      .Case([&](pipe::CopyOp copy) {
        return 2 * static_cast<double>(pipe::bytesOf(copy.getType())) / device.bandwidth;
      })
      .Case(
          [&](pipe::LoopOp loop) { return static_cast<double>(loop.getCount()) * work(loop.getBodyBlock()); })
      .Case([&](pipe::WhileOp loop) {
        return work(loop.getCondition().front()) + work(loop.getBody().front());
      })
      .Case([&](pipe::IfOp branch) {
        return std::max(work(branch.getThenBody().front()), work(branch.getElseBody().front()));
      })
      .Default([](Operation *) { return 0.0; });
}

double ActionCosts::work(Block &block) {
  double seconds = 0;
  for (Operation &op : block)
    seconds += work(&op);
  return seconds;
}
