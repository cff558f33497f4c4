// --plan-memory: every value gets a place.
//
//   %0 = pipe.launch @a(%x) : ...                   %0 = pipe.launch @a(%x) {places = [#pipe.place<scratch,
//   0>]} %1 = pipe.launch @b(%0) : ...             ->    %1 = pipe.launch @b(%0) {places =
//   [#pipe.place<output 0, 0>]} return %1                                       return %1
//
// Before: the sched stage, its lists in their final order. After: the memory stage (verifyMemoryStage):
// places on all values, pipe.copy where a value must move, `pipe.scratch_bytes` on entries, `pipe.offset` on
// states. It stands behind the ordering, which decides how long values live, and before code generation,
// which needs to know nothing of places: kernels get pointers.
#include "compiler/analysis/ActionTimes.h"
#include "compiler/analysis/MemoryReport.h"
#include "compiler/analysis/Packing.h"
#include "compiler/analysis/StageChecks.h"
#include "compiler/convert/BindStorage.h"
#include "compiler/convert/EncodeProgram.h"
#include "compiler/convert/Passes.h"
#include "dialects/comm/ir/Comm.h"
#include "runtime/core/PrintProgram.h"
#include "runtime/core/Verify.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::convert;
using analysis::ActionTimes;
using analysis::Interval;
using pipe::MemoryRegion;

// One layout of the state region serves all entries.
static void placeStates(ModuleOp module) {
  Builder builder(module.getContext());
  int64_t offset = 0;
  for (auto state : module.getOps<model::StateOp>()) {
    int64_t bytes = pipe::bytesOf(state.getType());
    offset = llvm::alignTo(offset, analysis::alignmentOf(bytes));
    state->setAttr(pipe::kStateOffsetAttr, builder.getI64IntegerAttr(offset));
    offset += bytes;
  }
  module->setAttr(pipe::kStateBytesAttr, builder.getI64IntegerAttr(offset));
}

namespace {

class EntryPlanner {
public:
  EntryPlanner(func::FuncOp entry, int64_t &constantBytes)
      : entry(entry), bound(bindStorage(entry, constantBytes)), times(entry) {}
  LogicalResult run();

private:
  unsigned rootOf(unsigned storage);
  bool isScratch(unsigned storage) { return bound.storages[storage].region == MemoryRegion::Scratch; }
  void findLives();
  void shareInplace();
  void tryShare(Value input, Value made, int64_t time, Operation *action);
  LogicalResult packScratch();
  pipe::PlaceAttr placeOf(Value value);
  void setPlaces();

  func::FuncOp entry;
  StorageBindings bound;
  ActionTimes times;
  std::vector<Interval> lives;   // by storage
  std::vector<int64_t> reads;    // by storage: the last read but for collectives that are under way
  std::vector<unsigned> parents; // storages merged into others
};

} // namespace

unsigned EntryPlanner::rootOf(unsigned storage) {
  while (parents[storage] != storage)
    storage = parents[storage] = parents[parents[storage]];
  return storage;
}

// When a collective that is under way lets its operand go: at its wait.
static int64_t endOfSending(Value value, const ActionTimes &times) {
  int64_t end = -1;
  for (Operation *user : value.getUsers())
    if (Operation *wait = comm::isAsync(user) ? comm::waitOf(user) : nullptr)
      end = std::max(end, times.begin(wait));
  return end;
}

// A storage lives from the first write of its values to the last read of any. Where its parts take turns in a
// loop it lives all through the loop.
void EntryPlanner::findLives() {
  for (auto [i, storage] : llvm::enumerate(bound.storages)) {
    parents.push_back(i);
    lives.push_back({storage.bytes, INT64_MAX, -1, storage.offset});
    reads.push_back(-1);
  }
  for (auto &[value, binding] : bound.bindings) {
    Interval &life = lives[binding.storage];
    int64_t last = times.lastUse(value);
    Operation *op = value.getDefiningOp();
    if (op && op->getNumRegions())
      last = std::max(last, times.end(op));
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      Operation *parent = argument.getOwner()->getParentOp();
      // A loop's counter, carries and slices are there in every iteration.
      if (!isa<func::FuncOp>(parent))
        last = std::max(last, times.end(parent));
    }
    life.begin = std::min(life.begin, times.definition(value));
    reads[binding.storage] = std::max(reads[binding.storage], last);
    life.end = std::max({life.end, last, endOfSending(value, times)});
    Operation *parent = op ? op->getParentOp() : nullptr;
    if (parent && llvm::any_of(binding.turns, [](int64_t turns) { return turns > 0; })) {
      life.begin = std::min(life.begin, times.begin(parent));
      life.end = std::max(life.end, times.end(parent));
    }
  }
}

// An action may write a result over an operand that nothing reads later.
void EntryPlanner::tryShare(Value input, Value made, int64_t time, Operation *action) {
  const Binding &from = bound.bindings[input], &to = bound.bindings[made];
  unsigned old = rootOf(from.storage), fresh = rootOf(to.storage);
  auto isWhole = [&](Value value, const Binding &binding) {
    return binding.depths.empty() && pipe::bytesOf(value.getType()) == bound.storages[binding.storage].bytes;
  };
  auto uses = [&](Value value) { return rootOf(bound.bindings[value].storage) == old; };
  Operation *wait = comm::isAsync(action) ? comm::waitOf(action) : nullptr;
  bool endsHere = reads[old] == time && lives[old].end == (wait ? times.begin(wait) : time);
  if (old == fresh || !isScratch(old) || !isScratch(fresh) || !isWhole(input, from) || !isWhole(made, to) ||
      !endsHere || lives[fresh].begin != time || lives[old].bytes != lives[fresh].bytes ||
      llvm::count_if(action->getOperands(), uses) != 1)
    return;
  parents[fresh] = old;
  lives[old].end = lives[fresh].end;
  reads[old] = reads[fresh];
}

void EntryPlanner::shareInplace() {
  entry.walk<WalkOrder::PreOrder>([&](pipe::ActionInterface action) {
    for (auto [i, input] : llvm::enumerate(action->getOperands()))
      if (int64_t made = action.getInplaceResult(i); made >= 0)
        tryShare(input, action->getResult(made), times.begin(action), action);
  });
}

LogicalResult EntryPlanner::packScratch() {
  std::vector<Interval> intervals;
  std::vector<unsigned> owners;
  for (unsigned i = 0; i < lives.size(); ++i) {
    if (!isScratch(i) || rootOf(i) != i || lives[i].end < 0)
      continue;
    intervals.push_back(lives[i]);
    owners.push_back(i);
  }
  int64_t bytes = analysis::packIntervals(intervals);
  if (bytes > analysis::kMostBytes)
    return entry.emitError(
               "E703: the bytes of the values an entry works on are counted in 62 bits, found more in "
               "entry '")
           << entry.getName() << "'";
  Builder builder(entry.getContext());
  entry->setAttr(pipe::kScratchBytesAttr, builder.getI64IntegerAttr(bytes));
  entry->setAttr(pipe::kScratchAliveAttr, builder.getI64IntegerAttr(analysis::lowerBound(intervals)));
  for (auto [interval, owner] : llvm::zip(intervals, owners))
    lives[owner].offset = interval.offset;
  return success();
}

pipe::PlaceAttr EntryPlanner::placeOf(Value value) {
  const Binding &binding = bound.bindings[value];
  const Storage &storage = bound.storages[binding.storage];
  return pipe::PlaceAttr::get(entry.getContext(), storage.region, storage.slot,
                              lives[rootOf(binding.storage)].offset + binding.offset, binding.depths,
                              binding.strides, binding.turns, binding.mesh, binding.over,
                              binding.memberBytes);
}

void EntryPlanner::setPlaces() {
  Builder builder(entry.getContext());
  auto places = [&](auto values) {
    return builder.getArrayAttr(
        llvm::map_to_vector(values, [&](Value value) -> Attribute { return placeOf(value); }));
  };
  for (BlockArgument argument : entry.getArguments())
    entry.setArgAttr(argument.getArgNumber(), pipe::kPlaceAttr, placeOf(argument));
  Operation *end = entry.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(end->getOperands()))
    entry.setResultAttr(i, pipe::kPlaceAttr, placeOf(value));
  entry.getBody().walk([&](Operation *op) {
    if (op->getNumResults())
      op->setAttr(pipe::kPlacesAttr, places(op->getResults()));
    if (auto loop = dyn_cast<pipe::LoopOp>(op))
      loop.setArgPlacesAttr(places(loop.getBodyBlock().getArguments()));
    if (auto loop = dyn_cast<pipe::WhileOp>(op))
      loop.setArgPlacesAttr(places(loop.getBody().front().getArguments()));
  });
}

LogicalResult EntryPlanner::run() {
  findLives();
  shareInplace();
  if (failed(packScratch()))
    return failure();
  setPlaces();
  return success();
}

namespace {

struct PlanMemory : PassWrapper<PlanMemory, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PlanMemory)

  StringRef getArgument() const final { return "plan-memory"; }
  StringRef getDescription() const final { return "Every value gets a region and an offset"; }
  void getDependentDialects(DialectRegistry &registry) const final { registry.insert<pipe::PipeDialect>(); }

  void runOnOperation() final {
    ModuleOp module = getOperation();
    placeStates(module);
    int64_t constantBytes = 0;
    for (auto entry : module.getOps<func::FuncOp>())
      if (entry->hasAttr(model::kEntryAttr))
        if (failed(EntryPlanner(entry, constantBytes).run()))
          return signalPassFailure();
  }
};

struct PrintMemory : PassWrapper<PrintMemory, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PrintMemory)

  StringRef getArgument() const final { return "print-memory"; }
  StringRef getDescription() const final {
    return "Prints what takes the memory of a module at the memory stage";
  }
  void runOnOperation() final {
    analysis::print(analysis::reportMemory(getOperation()), llvm::outs());
    markAllAnalysesPreserved();
  }
};

// The stage checks as passes, so that tests can hand them what is wrong.
template <LogicalResult (*Check)(ModuleOp)>
struct CheckStage : PassWrapper<CheckStage<Check>, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CheckStage)

  CheckStage(StringRef name) : name(name) {}
  CheckStage(const CheckStage &other) : CheckStage(other.name) {}
  StringRef getArgument() const final { return name; }
  StringRef getDescription() const final { return "Fails where a stage's rules do not hold"; }
  void runOnOperation() final {
    if (failed(Check(this->getOperation())))
      this->signalPassFailure();
  }
  StringRef name;
};

struct PrintExec : PassWrapper<PrintExec, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PrintExec)

  StringRef getArgument() const final { return "print-exec"; }
  StringRef getDescription() const final {
    return "Prints the encoded program of a module at the memory stage";
  }
  void runOnOperation() final {
    rt::Program program = convert::encodeProgram(getOperation());
    llvm::outs() << rt::printProgram(program);
    if (rt::Status status = rt::verify(program); !status)
      getOperation().emitError() << status.error().message;
    markAllAnalysesPreserved();
  }
};

} // namespace

std::unique_ptr<Pass> cleave::createPlanMemoryPass() { return std::make_unique<PlanMemory>(); }

void cleave::registerConvertPasses() {
  registerPass(createConvertModelToKernelsPass);
  registerPass(createPlanMemoryPass);
  registerPass([]() -> std::unique_ptr<Pass> { return std::make_unique<PrintMemory>(); });
  registerPass([]() -> std::unique_ptr<Pass> { return std::make_unique<PrintExec>(); });
  registerPass([]() -> std::unique_ptr<Pass> {
    return std::make_unique<CheckStage<verifySchedStage>>("verify-sched-stage");
  });
  registerPass([]() -> std::unique_ptr<Pass> {
    return std::make_unique<CheckStage<verifyMemoryStage>>("verify-memory-stage");
  });
}
