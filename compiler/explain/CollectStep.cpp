// What a rank does in a step, action by action, and how long it takes by the cost model.
#include "compiler/analysis/ActionTimes.h"
#include "compiler/analysis/KernelWork.h"
#include "compiler/analysis/MemoryReport.h"
#include "compiler/cost/Device.h"
#include "compiler/explain/Collect.h"
#include "compiler/explain/Memory.h"
#include "compiler/explain/Notation.h"
#include "dialects/comm/transforms/Traffic.h"

#include <map>

using namespace mlir;
using namespace cleave;
using namespace cleave::explain;

namespace {

class StepCollector {
public:
  StepCollector(func::FuncOp entry, Facts &facts)
      : facts(facts), symbols(entry->getParentOfType<ModuleOp>()), times(entry), uses(entry) {
    for (auto [number, collective] : llvm::enumerate(facts.collectives))
      known.emplace(keyOf(collective), number);
  }

  void block(Block &block) {
    for (Operation &op : block)
      action(op);
  }

  const analysis::ActionTimes &getTimes() const { return times; }

private:
  static std::string keyOf(const CollectiveFacts &facts) {
    std::string key = facts.op + "|" + facts.value + "|" + facts.phase + "|" + facts.source;
    for (const std::string &axis : facts.meshAxes)
      key += "|" + axis;
    return key;
  }

  ActionFacts start(Operation &op, ActionFacts::Kind kind) const {
    ActionFacts action;
    action.kind = kind;
    action.time = times.begin(&op);
    action.source = analysis::sourceOf(op.getLoc());
    action.phase = uses.isForward(&op) ? "forward" : uses.isUpdate(&op) ? "update" : "backward";
    for (Value result : op.getResults())
      if (action.name.empty())
        action.name = pipe::nameOf(result);
    return action;
  }

  double secondsOf(pipe::LaunchOp launch) {
    auto [seconds, isNew] = kernels.try_emplace(launch.getKernel(), 0);
    auto kernel = symbols.lookup<func::FuncOp>(launch.getKernel());
    if (!isNew || !kernel)
      return seconds->second;
    double flops = 0, bytes = 0;
    for (const rt::Work &work : analysis::workOf(kernel)) {
      flops += static_cast<double>(work.flops);
      bytes += static_cast<double>(work.bytes);
    }
    rt::Type type = analysis::arithmeticOf(kernel);
    unsigned bits = type == rt::Type::F64 ? 64 : type == rt::Type::F32 ? 32 : 16;
    return seconds->second = comm::deviceOf(launch).seconds(flops, bytes, bits);
  }

  void collective(Operation &op) {
    ActionFacts action = start(op, ActionFacts::Kind::Collective);
    action.seconds = comm::trafficOf(&op).seconds;
    action.async = op.hasAttr("async");
    action.id = action.time;
    CollectiveFacts own;
    own.op = op.getName().stripDialect().str();
    own.source = action.source;
    for (dist::AxisRefAttr axis : dist::axesOf(op.getAttrOfType<ArrayAttr>("over")))
      own.meshAxes.push_back(text(axis));
    if (auto reason = op.getAttrOfType<comm::ReasonAttr>("reason")) {
      own.value = reason.getValue().getValue();
      own.phase = reason.getPhase().getValue();
      action.name = own.value;
    }
    auto found = known.find(keyOf(own));
    action.collective = found == known.end() ? -1 : static_cast<int64_t>(found->second);
    facts.step.push_back(std::move(action));
  }

  void loop(Operation &op, int64_t count, StringRef axis, MutableArrayRef<Region> regions) {
    ActionFacts action = start(op, ActionFacts::Kind::Loop);
    action.count = count;
    action.name = axis;
    facts.step.push_back(action);
    for (Region &region : regions)
      for (Block &inner : region)
        block(inner);
    action.kind = ActionFacts::Kind::End;
    action.time = times.end(&op);
    facts.step.push_back(std::move(action));
  }

  void action(Operation &op) {
    if (auto launch = dyn_cast<pipe::LaunchOp>(op)) {
      ActionFacts action = start(op, ActionFacts::Kind::Compute);
      action.seconds = secondsOf(launch);
      facts.step.push_back(std::move(action));
    } else if (comm::communicates(&op)) {
      collective(op);
    } else if (auto wait = dyn_cast<comm::WaitOp>(op)) {
      ActionFacts action = start(op, ActionFacts::Kind::Wait);
      if (Operation *begun = comm::begunBy(wait))
        action.id = times.begin(begun);
      facts.step.push_back(std::move(action));
    } else if (auto turns = dyn_cast<pipe::LoopOp>(op)) {
      loop(op, turns.getCount(), turns.getAxis(), op.getRegions());
    } else if (auto turns = dyn_cast<pipe::WhileOp>(op)) {
      loop(op, turns.getBound(), "while", op.getRegions());
    } else if (isa<pipe::IfOp>(op)) { // the first branch stands for both
      loop(op, 1, "if", op.getRegions().take_front());
    }
  }

  Facts &facts;
  SymbolTable symbols;
  analysis::ActionTimes times;
  Uses uses;
  std::map<std::string, size_t> known; // collectives, by what they say of themselves
  llvm::StringMap<double> kernels;
};

} // namespace

void cleave::explain::collectStep(ModuleOp module, StringRef name, Facts &facts) {
  func::FuncOp entry;
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(model::kEntryAttr) && (name.empty() ? !entry : function.getName() == name))
      entry = function;
  if (!entry)
    return;
  StepCollector collector(entry, facts);
  collector.block(entry.getBody().front());
  for (const Moment &moment : momentsOf(entry, collector.getTimes()))
    facts.moments.push_back({moment.time, moment.of(Use::Gradient), moment.of(Use::Activation),
                             moment.of(Use::Buffer), moment.of(Use::Temporary)});
}
