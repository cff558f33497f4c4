// --sched-overlap: collectives are begun early and waited for late.
//
//   %x = launch @a; %p = launch @b; %s = comm.all_reduce sum %x; launch @c(%s)
//   ->
//   %x = launch @a; %s = comm.all_reduce sum %x {async}; %p = launch @b; %w = comm.wait %s; launch @c(%w)
//
// Collectives keep their order, which is the same on all ranks. A sum begins as soon as its operand is there.
// What makes more than it reads (a gather) begins only so early that the work up to its reader covers it, one
// and a half times. A wait stands before the first reader, or where the message has long come by the cost
// model, for until then both buffers are taken; one that works in place takes no second one, and waits for
// its reader. A link carries one message at a time. A collective with no work beside it stays as it is.
//
// Before: the sched stage, its lists in their final order. After: the same. It stands last in the stage:
// where work stands is known then, and what lives when is decided next.
#include "compiler/analysis/ActionGraph.h"
#include "compiler/schedule/ActionCosts.h"
#include "compiler/schedule/Passes.h"
#include "dialects/comm/transforms/Overlap.h"
#include "dialects/comm/transforms/Traffic.h"

using namespace mlir;
using namespace cleave;
using comm::Technique;

namespace {

constexpr double kMargin = 1.5; // of a message's time, for the model is not exact

class BlockOverlap {
public:
  BlockOverlap(Block &block, schedule::ActionCosts &costs);
  void run();

private:
  struct Message {
    unsigned at;     // its place in the list
    unsigned reader; // that of its first reader, or of the block's end
    double seconds;
    bool grows;      // makes more than it reads
    bool isDeferred; // waited for behind the loop
    unsigned begin = 0, end = 0;
  };

  unsigned firstReader(Operation *op) const;
  unsigned earliest(const Message &message) const;
  void findBegins();
  void findEnds();
  void apply();
  // The last place from which on this much work lies before the time.
  unsigned placeBefore(double time, double work) const;
  unsigned placeBehind(double time) const;

  Block &block;
  analysis::ActionGraph graph;
  std::vector<double> times; // work before each place
  std::vector<Message> messages;
};

} // namespace

BlockOverlap::BlockOverlap(Block &block, schedule::ActionCosts &costs) : block(block), graph(block) {
  double now = 0;
  for (Operation *op : graph.ops) {
    times.push_back(now);
    now += costs.work(op);
  }
  times.push_back(now);
  for (auto [i, op] : llvm::enumerate(graph.ops)) {
    if (!comm::communicates(op) || comm::isAhead(op) || !comm::mayUse(Technique::Early, op))
      continue;
    Message message;
    message.at = i;
    message.seconds = comm::trafficOf(op).seconds;
    message.grows = pipe::bytesOf(op->getResult(0).getType()) > pipe::bytesOf(op->getOperand(0).getType());
    message.isDeferred = comm::isAsync(op);
    message.reader = message.isDeferred ? graph.ops.size() : firstReader(op);
    messages.push_back(message);
  }
}

unsigned BlockOverlap::firstReader(Operation *op) const {
  unsigned first = graph.ops.size();
  for (Operation *user : op->getResult(0).getUsers())
    if (auto found = graph.indices.find(block.findAncestorOpInBlock(*user)); found != graph.indices.end())
      first = std::min(first, found->second);
  return first;
}

// Behind all that must come before.
unsigned BlockOverlap::earliest(const Message &message) const {
  unsigned place = 0;
  Operation *op = graph.ops[message.at];
  for (unsigned before : graph.predecessors[message.at]) {
    auto moved = llvm::find_if(messages, [&](const Message &other) { return other.at == before; });
    if (moved == messages.end())
      place = std::max(place, before + 1);
    else if (llvm::is_contained(op->getOperands(), graph.ops[before]->getResult(0)))
      return message.at; // reads what that one makes
    else
      place = std::max(place, moved->begin);
  }
  return place;
}

unsigned BlockOverlap::placeBefore(double time, double work) const {
  unsigned place = 0;
  while (place + 1 < times.size() && times[place + 1] <= time - work)
    ++place;
  return place;
}

unsigned BlockOverlap::placeBehind(double time) const {
  unsigned place = 0;
  while (place + 1 < times.size() && times[place] < time)
    ++place;
  return place;
}

// A message's link is free for the next one when its own is through.
void BlockOverlap::findBegins() {
  std::vector<unsigned> wanted(messages.size());
  double next = times.back();
  for (size_t i = messages.size(); i-- > 0;) {
    const Message &message = messages[i];
    next = std::min(times[message.reader], next);
    wanted[i] = std::min(message.at, placeBefore(next, kMargin * message.seconds));
    next = std::max(0.0, next - kMargin * message.seconds);
  }
  for (size_t i = 0; i < messages.size(); ++i) {
    Message &message = messages[i];
    message.begin = std::min(earliest(message), message.at);
    if (message.grows)
      message.begin = std::max(message.begin, wanted[i]);
    if (i > 0)
      message.begin = std::max(message.begin, messages[i - 1].begin);
  }
}

void BlockOverlap::findEnds() {
  double free = 0; // the link
  for (Message &message : messages) {
    free = std::max(free, times[message.begin]) + message.seconds;
    double through = free + (kMargin - 1) * message.seconds;
    auto action = cast<pipe::ActionInterface>(graph.ops[message.at]);
    bool inPlace = action.getInplaceResult(0) >= 0;
    message.end = inPlace ? message.reader : std::min(message.reader, placeBehind(through));
    message.end = std::max(message.end, message.begin);
  }
}

void BlockOverlap::apply() {
  llvm::SmallPtrSet<Operation *, 8> moved; // places are those of the old list
  auto placeOf = [&](unsigned place) {
    while (place < graph.ops.size() && moved.contains(graph.ops[place]))
      ++place;
    return place < graph.ops.size() ? graph.ops[place] : block.getTerminator();
  };
  bool always =
      choiceOf(block.getParentOp()->getParentOfType<ModuleOp>(), Technique::Early) == comm::Choice::Always;
  for (Message &message : messages) {
    Operation *op = graph.ops[message.at];
    double beside = times[message.end] - times[message.begin];
    if (message.begin < message.at) {
      op->moveBefore(placeOf(message.begin));
      moved.insert(op);
    }
    if (message.isDeferred || op->getResult(0).use_empty() || (beside <= 0 && !always))
      continue;
    OpBuilder builder(placeOf(message.end));
    Value result = op->getResult(0);
    op->setAttr("async", builder.getUnitAttr());
    auto wait = comm::WaitOp::create(builder, op->getLoc(), result.getType(), result);
    result.replaceAllUsesExcept(wait, wait);
  }
}

namespace {

// Runs a block's list by the cost model and says of each message how much of it is hidden. A link carries one
// message at a time; a loop's second turn tells about all.
class Rehearsal {
public:
  explicit Rehearsal(schedule::ActionCosts &costs) : costs(costs) {}

  void run(Block &block) {
    int turns = isa<pipe::LoopOp>(block.getParentOp()) ? 2 : 1;
    for (Operation &op : block)
      if (comm::isAhead(&op))
        begin(&op);
    for (int turn = 0; turn < turns; ++turn)
      for (Operation &op : block)
        step(&op);
    for (Operation &op : block)
      if (comm::isAsync(&op) || comm::isAhead(&op))
        op.setAttr(comm::kHiddenAttr, Builder(&op).getF64FloatAttr(hidden.lookup(&op) * coveredPart(&op)));
  }

private:
  // What reaches into another turn: the first turn's, or the last one's, has no work beside it.
  static double coveredPart(Operation *op) {
    auto loop = dyn_cast<pipe::LoopOp>(op->getParentOp());
    Operation *wait = comm::isAsync(op) ? comm::waitOf(op) : nullptr;
    bool reaches = loop && (comm::isAhead(op) || (wait && wait->getBlock() != op->getBlock()));
    return reaches ? 1 - 1 / static_cast<double>(loop.getCount()) : 1;
  }

  void step(Operation *op) {
    if (isa<comm::WaitOp>(op)) {
      Operation *begun = comm::begunBy(op);
      if (begun->getBlock() == op->getBlock())
        end(begun);
      return;
    }
    if (!comm::communicates(op)) {
      now += costs.work(op);
      return;
    }
    end(op);
    begin(op);
    if (!comm::isAsync(op) && !comm::isAhead(op))
      end(op);
  }

  void begin(Operation *op) {
    double &free = links[op->getAttr("over")];
    free = through[op] = std::max(now, free) + comm::trafficOf(op).seconds;
  }

  void end(Operation *op) {
    auto at = through.find(op);
    if (at == through.end())
      return;
    double stall = std::max(0.0, at->second - now);
    now += stall;
    hidden[op] = std::max(0.0, comm::trafficOf(op).seconds - stall);
    through.erase(at);
  }

  schedule::ActionCosts &costs;
  double now = 0;
  llvm::DenseMap<Attribute, double> links; // when each is free, by `over`
  llvm::DenseMap<Operation *, double> through, hidden;
};

} // namespace

void BlockOverlap::run() {
  if (messages.empty())
    return;
  findBegins();
  findEnds();
  apply();
}

namespace {

struct SchedOverlap : PassWrapper<SchedOverlap, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SchedOverlap)

  StringRef getArgument() const final { return "sched-overlap"; }
  StringRef getDescription() const final { return "Collectives are begun early and waited for late"; }

  void runOnOperation() final {
    schedule::ActionCosts costs(getOperation());
    for (auto entry : getOperation().getOps<func::FuncOp>())
      if (entry->hasAttr(model::kEntryAttr))
        overlap(entry.getBody().front(), costs);
  }

  static void overlap(Block &block, schedule::ActionCosts &costs) {
    for (Operation &op : block)
      for (Region &region : op.getRegions())
        for (Block &inner : region)
          overlap(inner, costs);
    BlockOverlap(block, costs).run();
    Rehearsal(costs).run(block);
  }
};

} // namespace

std::unique_ptr<Pass> cleave::createSchedOverlapPass() { return std::make_unique<SchedOverlap>(); }

void cleave::registerSchedulePasses() {
  registerPass(createSchedChunksPass);
  registerPass(createSchedPrefetchPass);
  registerPass(createSchedReductionsPass);
  registerPass(createSchedBucketsPass);
  registerPass(createSchedOverlapPass);
}
