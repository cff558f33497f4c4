// What of a rank's peak is parameters, gradients, activations, ... and what there is over the step.
//
// Kinds follow from who makes a value and who reads it, action by action:
//
//   gradient    made by the backward pass, as large as a parameter (or its layer, or its whole), and read by
//   the
//               update; and what a collective or a sum over micro-batches makes such a value of
//   activation  made going forwards, read by the backward pass or the update
//   buffer      there to be sent or received alone: what was gathered and is not kept, terms of a sum that
//               ranks take
//   temporary   the rest
#include "compiler/explain/Memory.h"

#include "compiler/analysis/MemoryReport.h"
#include "compiler/explain/Collect.h"
#include "dialects/comm/transforms/Traffic.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace mlir;
using namespace cleave;
using namespace cleave::explain;

//===------------------------------------------------------------------===//
// The update
//===------------------------------------------------------------------===//

static model::StateOp stateOf(func::FuncOp entry, FlatSymbolRefAttr name) {
  return name ? SymbolTable::lookupNearestSymbolFrom<model::StateOp>(entry, name) : model::StateOp();
}

static bool isTrained(model::StateOp state) {
  return state && (state.getKind() == "param" || state.getKind() == "optimizer");
}

Uses::Uses(func::FuncOp entry) : entry(entry), forward(entry) {
  for (auto state : entry->getParentOfType<ModuleOp>().getOps<model::StateOp>())
    if (isTrained(state))
      addSizes(state);
  findUpdate();
  findGradients();
}

// A parameter's elements: of what lies here and of the whole, of all layers and of one.
void Uses::addSizes(model::StateOp state) {
  auto local = cast<RankedTensorType>(state.getType());
  auto global = state->getAttrOfType<TypeAttr>(comm::kGlobalAttr);
  auto whole = global ? cast<RankedTensorType>(global.getValue()) : local;
  int64_t stacked = state.getPath().count("[*]");
  for (RankedTensorType type : {local, whole}) {
    int64_t elements = type.getNumElements();
    sizes.insert(elements);
    for (int64_t dim = 0; dim < std::min<int64_t>(stacked, type.getRank()); ++dim)
      sizes.insert(elements /= std::max<int64_t>(type.getDimSize(dim), 1));
  }
}

Operation *Uses::top(Operation *op) const {
  func::FuncOp function = entry;
  return function.getBody().front().findAncestorOpInBlock(*op);
}

// What writes a state that is trained, reads what an optimiser keeps, makes a scalar of gradients (their
// norm), and all that reads these.
void Uses::findUpdate() {
  Block &block = entry.getBody().front();
  llvm::DenseSet<Value> kept;
  for (BlockArgument argument : block.getArguments()) {
    auto name = entry.getArgAttrOfType<FlatSymbolRefAttr>(argument.getArgNumber(), model::kStateAttr);
    if (model::StateOp state = stateOf(entry, name); state && state.getKind() == "optimizer")
      kept.insert(argument);
  }
  llvm::DenseSet<Operation *> writers;
  for (auto [i, value] : llvm::enumerate(block.getTerminator()->getOperands()))
    if (isTrained(stateOf(entry, entry.getResultAttrOfType<FlatSymbolRefAttr>(i, model::kStateAttr))))
      writers.insert(value.getDefiningOp());
  auto isScalar = [](Value value) { return cast<RankedTensorType>(value.getType()).getNumElements() == 1; };
  for (Operation &op : block.without_terminator()) {
    if (forward.contains(&op))
      continue;
    bool reads = false, reduces = false;
    op.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        Operation *maker = operand.getDefiningOp() ? top(operand.getDefiningOp()) : nullptr;
        reads |= kept.contains(operand) || (maker && maker != &op && update.contains(maker));
        reduces |= maker && maker != &op && !forward.contains(maker) && !isScalar(operand);
      }
    });
    bool scalars = op.getNumResults() > 0 && llvm::all_of(op.getResults(), isScalar);
    if (reads || writers.contains(&op) || (scalars && reduces))
      update.insert(&op);
  }
}

//===------------------------------------------------------------------===//
// Gradients
//===------------------------------------------------------------------===//

bool Uses::isBackward(Value value) const {
  Operation *op = value.getDefiningOp();
  return op && !forward.contains(op) && !update.contains(top(op));
}

bool Uses::isAsLarge(Value value) const {
  return sizes.contains(cast<RankedTensorType>(value.getType()).getNumElements());
}

// Gathers of a parameter are as large as it, and are none of its gradient.
static bool isSum(Operation *op) { return !isa<comm::AllGatherOp, comm::BroadcastOp>(op); }

void Uses::findGradients() {
  SmallVector<Value> open;
  auto add = [&](Value value) {
    if (isBackward(value) && isAsLarge(value) && isSum(value.getDefiningOp()) &&
        gradients.insert(value).second)
      open.push_back(value);
  };
  for (Operation &op : entry.getBody().front())
    if (update.contains(&op))
      op.walk([&](Operation *inner) { llvm::for_each(inner->getOperands(), add); });
  while (!open.empty()) {
    Value value = open.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (comm::communicates(op) ||
        isa<pipe::CopyOp, comm::WaitOp, comm::SliceOp, pipe::PackOp, pipe::UnpackOp>(op))
      for (Value operand : op->getOperands())
        add(operand);
    unsigned number = cast<OpResult>(value).getResultNumber();
    if (auto loop = dyn_cast<pipe::LoopOp>(op)) { // what a turn adds, or puts on the stack
      Value turn = loop.getBodyBlock().getTerminator()->getOperand(number);
      add(turn);
      if (number < loop.getCarries().size()) {
        add(loop.getCarries()[number]);
        if (Operation *sum = turn.getDefiningOp())
          for (Value term : sum->getOperands())
            if (term.getType() == turn.getType())
              add(term);
      }
    }
  }
}

Use Uses::of(Value value) const {
  if (gradients.contains(value))
    return Use::Gradient;
  Operation *op = value.getDefiningOp();
  if (forward.contains(op) &&
      llvm::any_of(value.getUsers(), [&](Operation *user) { return !forward.contains(user); }))
    return Use::Activation;
  auto sends = [](Operation *user) { return isa<comm::AllReduceOp, comm::ReduceScatterOp>(user); };
  bool isReceived = comm::communicates(op) && !sends(op);
  bool isSent = !value.use_empty() && llvm::all_of(value.getUsers(), sends);
  return isReceived || isSent ? Use::Buffer : Use::Temporary;
}

//===------------------------------------------------------------------===//
// Over the step
//===------------------------------------------------------------------===//

namespace {
// A value in scratch, from the action that makes it to the last that reads it.
struct Held {
  int64_t begin, end, bytes, offset;
  Use use;
};
} // namespace

static std::vector<Held> heldBy(func::FuncOp entry, const Uses &uses, const analysis::ActionTimes &times) {
  std::vector<Held> held;
  entry.walk([&](Operation *op) {
    for (Value value : op->getResults()) {
      pipe::PlaceAttr place = pipe::placeOf(value);
      if (place && place.getRegion() == pipe::MemoryRegion::Scratch && place.getDepths().empty())
        held.push_back({times.definition(value), times.lastUse(value), pipe::bytesOf(value.getType()),
                        place.getOffset(), uses.of(value)});
    }
  });
  return held;
}

std::vector<Moment> cleave::explain::momentsOf(func::FuncOp entry, const analysis::ActionTimes &times) {
  Uses uses(entry);
  std::vector<Held> held = heldBy(entry, uses, times);
  // A value comes at its definition and goes behind its last use; those that share a place are there once.
  struct Event {
    int64_t time;
    bool comes;
    const Held *held;
  };
  std::vector<Event> events;
  for (const Held &one : held) {
    events.push_back({one.begin, true, &one});
    events.push_back({one.end + 1, false, &one});
  }
  llvm::sort(events, [](const Event &a, const Event &b) {
    return std::tuple(a.time, a.comes, a.held) < std::tuple(b.time, b.comes, b.held);
  });
  std::map<int64_t, SmallVector<const Held *, 2>> places;
  std::vector<Moment> moments = {Moment{}};
  auto count = [&](Moment &moment, const SmallVector<const Held *, 2> &there, int64_t sign) {
    // The largest of those that share a place takes its bytes; its kind is that of the one that came first.
    if (there.empty())
      return;
    int64_t bytes = 0;
    for (const Held *one : there)
      bytes = std::max(bytes, one->bytes);
    moment.bytes[static_cast<size_t>(there.front()->use)] += sign * bytes;
  };
  for (const Event &event : events) {
    if (moments.back().time != event.time)
      moments.push_back({event.time, moments.back().bytes});
    SmallVector<const Held *, 2> &there = places[event.held->offset];
    count(moments.back(), there, -1);
    if (event.comes)
      there.push_back(event.held);
    else
      there.erase(llvm::find(there, event.held));
    count(moments.back(), there, 1);
  }
  return moments;
}

MemoryFacts cleave::explain::collectMemory(ModuleOp module) {
  analysis::MemoryReport report = analysis::reportMemory(module);
  MemoryFacts facts;
  facts.peakBytes = report.peakBytes();
  for (const auto &[kind, bytes] : report.stateBytes)
    (kind == "param" ? facts.params : kind == "optimizer" ? facts.optimizer : facts.buffers) += bytes;
  const analysis::EntryMemory *largest = nullptr;
  auto sizeOf = [](const analysis::EntryMemory &entry) {
    return entry.scratchBytes + entry.inputBytes + entry.outputBytes;
  };
  for (const analysis::EntryMemory &entry : report.entries)
    if (!largest || sizeOf(entry) > sizeOf(*largest))
      largest = &entry;
  if (!largest)
    return facts;
  facts.buffers += largest->inputBytes + largest->outputBytes;
  auto entry = SymbolTable(module).lookup<func::FuncOp>(largest->entry);
  std::vector<Moment> moments = momentsOf(entry, analysis::ActionTimes(entry));
  const Moment &fullest =
      *llvm::max_element(moments, [](const Moment &a, const Moment &b) { return a.total() < b.total(); });
  facts.gradients = fullest.of(Use::Gradient);
  facts.activations = fullest.of(Use::Activation);
  facts.buffers += fullest.of(Use::Buffer);
  facts.temporaries = fullest.of(Use::Temporary);
  facts.scratch = largest->scratchBytes;
  facts.gaps = facts.scratch - fullest.total();
  facts.temporaries += facts.gaps;
  return facts;
}
