// --sched-chunks: a product and the collective that it feeds, or that feeds it, are cut and interleaved.
//
//   %y = launch @product(%x, %w); %s = comm.all_reduce sum %y
//   ->
//   %g = pipe.loop count 4 slices(%x in 4) { %p = launch @product_part_4(%slice, %w); %s = all_reduce sum %p
//   {async} } %s = comm.wait %g, its four parts seen as one
//
//   %a = comm.all_gather %x dim 1; %y = launch @product(%a, %w)
//   ->
//   %y = pipe.loop count 4 slices(%x in 4) { %a = all_gather %slice {ahead}; %p = launch @product_part_4(%a,
//   %w) }
//
// While one part is sent the next is computed; while one is computed the next is gathered. Parts are runs of
// rows: of every result, and of all arguments that have them, which lie together, so that nothing is copied.
// A collective along the rows themselves is not cut. Every element is summed in rank order as before; how a
// product groups its own sums may follow its size.
//
// Before and after: the sched stage, its lists in their final order. It stands before sched-prefetch. By the
// cost model: the number of parts (2, 4 or 8) that takes the least time, where messages travel by themselves
// and that is a twentieth less than before.
#include "compiler/schedule/ActionCosts.h"
#include "compiler/schedule/CutKernel.h"
#include "compiler/schedule/Passes.h"
#include "dialects/comm/transforms/Overlap.h"
#include "dialects/comm/transforms/Traffic.h"
#include "dialects/model/transforms/Build.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using comm::Technique;

namespace {

constexpr double kLeastGain = 0.05;

// A launch and the collective before or behind it.
struct Pair {
  pipe::LaunchOp launch;
  Operation *message;
  bool feeds; // the launch feeds the message
};

class Chunker {
public:
  explicit Chunker(ModuleOp module)
      : symbols(module), costs(module), choice(choiceOf(module, Technique::Chunks)),
        isUneven(comm::isUneven(module)) {}
  void run(Block &block);

private:
  std::optional<Pair> pairOf(Operation *message);
  int64_t partsOf(const Pair &pair, int64_t rows);
  void cut(const Pair &pair, const schedule::RowCut &rows, int64_t parts);

  SymbolTable symbols;
  schedule::ActionCosts costs;
  comm::Choice choice;
  bool isUneven;
};

} // namespace

// Whether a collective leaves the first dim alone, so that it does to each run of rows what it does to all.
static bool keepsRows(Operation *op) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<comm::AllReduceOp>([](auto) { return true; })
      .Case<comm::ReduceScatterOp, comm::AllGatherOp>([](auto it) { return it.getDim() > 0; })
      .Case<comm::AllToAllOp>([](auto it) { return it.getSplit() > 0 && it.getConcat() > 0; })
      .Default([](Operation *) { return false; });
}

std::optional<Pair> Chunker::pairOf(Operation *message) {
  if (!keepsRows(message) || comm::isAsync(message) || comm::isAhead(message) ||
      cast<RankedTensorType>(message->getResult(0).getType()).getRank() == 0 ||
      !comm::mayUse(Technique::Chunks, message))
    return std::nullopt;
  auto maker = message->getOperand(0).getDefiningOp<pipe::LaunchOp>();
  if (maker && message->getOperand(0).hasOneUse() && maker->getBlock() == message->getBlock())
    return Pair{maker, message, true};
  if (!message->getResult(0).hasOneUse())
    return std::nullopt;
  auto reader = dyn_cast<pipe::LaunchOp>(*message->getResult(0).user_begin());
  if (reader && reader->getBlock() == message->getBlock())
    return Pair{reader, message, false};
  return std::nullopt;
}

// What `parts` parts take: the first alone, then the longer of both for each, one latency for each message.
static double secondsOf(double work, double latency, double transfer, int64_t parts) {
  auto n = static_cast<double>(parts);
  return work / n + std::max(work, n * latency + transfer);
}

int64_t Chunker::partsOf(const Pair &pair, int64_t rows) {
  auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(
      pair.message, pair.message->getAttrOfType<FlatSymbolRefAttr>("mesh"));
  comm::Traffic traffic = comm::trafficOf(pair.message);
  double transfer =
      traffic.bytes /
      comm::linkOf(mesh, dist::axesOf(pair.message->getAttrOfType<ArrayAttr>("over"))).bandwidth;
  double latency = traffic.seconds - transfer, work = costs.work(pair.launch);
  double before = work + traffic.seconds, least = before * (1 - kLeastGain);
  int64_t best = 1;
  for (int64_t parts : {2, 4, 8}) {
    if (rows % parts != 0 || rows / parts < 2)
      continue;
    double seconds = secondsOf(work, latency, transfer, parts);
    if (seconds < least || (choice == comm::Choice::Always && best == 1)) {
      least = std::min(least, seconds);
      best = parts;
    }
  }
  return best;
}

// The same value as `parts` runs of rows, or as one.
static RankedTensorType stackOf(Type type, int64_t parts) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> sizes(tensor.getShape());
  sizes[0] /= parts;
  auto part = RankedTensorType::get(sizes, tensor.getElementType(), tensor.getEncoding());
  return model::stackedType(part, "Chunks", parts);
}

static Value view(OpBuilder &builder, Location loc, Value value, Type type) {
  return pipe::UnpackOp::create(builder, loc, TypeRange{type}, value, nullptr, nullptr).getResult(0);
}

void Chunker::cut(const Pair &pair, const schedule::RowCut &rows, int64_t parts) {
  pipe::LaunchOp launch = pair.launch;
  Operation *message = pair.message;
  auto kernel = schedule::cutKernel(symbols.lookup<func::FuncOp>(launch.getKernel()), rows, parts, symbols);
  OpBuilder builder(launch);
  Location loc = launch.getLoc();
  Value sent = message->getOperand(0);
  // What each part reads: the message's own operand in place of what it makes.
  SmallVector<Value> slices;
  for (auto [input, isCut] : llvm::zip(launch.getInputs(), rows.arguments)) {
    Value own = !pair.feeds && input == message->getResult(0) ? sent : input;
    if (isCut)
      slices.push_back(view(builder, loc, own, stackOf(own.getType(), parts)));
  }
  SmallVector<Type> stacks;
  SmallVector<Value> made; // what the loop stacks, as it was before
  for (Value result : launch.getResults()) {
    Value end = pair.feeds && result == sent ? message->getResult(0) : result;
    made.push_back(end);
    stacks.push_back(stackOf(end.getType(), parts));
  }
  auto loop = pipe::LoopOp::create(builder, loc, stacks, static_cast<uint64_t>(parts), "Chunks", false,
                                   ValueRange(), slices, launch.getNamesAttr(), nullptr, nullptr);
  Block &body = loop.getBody().emplaceBlock();
  body.addArgument(RankedTensorType::get({}, builder.getI64Type()), loc);
  OpBuilder inner = OpBuilder::atBlockEnd(&body);
  auto place = [&](Operation *op, Value operand, Type whole) {
    Operation *part = inner.clone(*op);
    part->setOperand(0, operand);
    part->getResult(0).setType(model::sliceType(stackOf(whole, parts)));
    return part;
  };
  SmallVector<Value> arguments;
  for (auto [input, isCut] : llvm::zip(launch.getInputs(), rows.arguments)) {
    if (!isCut) {
      arguments.push_back(input);
      continue;
    }
    Value slice = body.addArgument(
        model::sliceType(cast<RankedTensorType>(slices[body.getNumArguments() - 1].getType())), loc);
    if (!pair.feeds && input == message->getResult(0)) {
      Operation *part = place(message, slice, message->getResult(0).getType());
      part->setAttr("ahead", builder.getUnitAttr());
      slice = part->getResult(0);
    }
    arguments.push_back(slice);
  }
  SmallVector<Type> types;
  for (Value result : launch.getResults())
    types.push_back(model::sliceType(stackOf(result.getType(), parts)));
  auto one =
      pipe::LaunchOp::create(inner, loc, types, FlatSymbolRefAttr::get(kernel), arguments, nullptr, nullptr);
  SmallVector<Value> yields(one.getResults());
  for (auto [value, result] : llvm::zip(yields, launch.getResults()))
    if (pair.feeds && result == sent) {
      Operation *part = place(message, value, message->getResult(0).getType());
      part->setAttr("async", builder.getUnitAttr());
      value = part->getResult(0);
    }
  pipe::YieldOp::create(inner, loc, yields);
  for (auto [old, stack] : llvm::zip(made, loop.getResults())) {
    Value whole = stack;
    if (pair.feeds && old == message->getResult(0))
      whole = comm::WaitOp::create(builder, message->getLoc(), stack.getType(), stack);
    old.replaceAllUsesWith(view(builder, loc, whole, old.getType()));
  }
  (pair.feeds ? message : launch.getOperation())->erase();
  (pair.feeds ? launch.getOperation() : message)->erase();
}

void Chunker::run(Block &block) {
  SmallVector<Operation *> messages;
  for (Operation &op : block) {
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        run(inner);
    if (comm::communicates(&op))
      messages.push_back(&op);
  }
  for (Operation *message : messages) {
    std::optional<Pair> pair = isUneven && choice == comm::Choice::Cost ? std::nullopt : pairOf(message);
    auto kernel = pair ? symbols.lookup<func::FuncOp>(pair->launch.getKernel()) : func::FuncOp();
    std::optional<schedule::RowCut> rows = kernel ? schedule::rowCutOf(kernel) : std::nullopt;
    if (!rows)
      continue;
    // The message's rows are the launch's.
    Value joint = pair->feeds ? message->getOperand(0) : message->getResult(0);
    auto inputs = llvm::zip(pair->launch.getInputs(), rows->arguments);
    bool isRows = pair->feeds || llvm::any_of(inputs, [&](auto input) {
                    return std::get<0>(input) == joint && std::get<1>(input);
                  });
    int64_t parts = isRows ? partsOf(*pair, rows->rows) : 1;
    if (parts > 1)
      cut(*pair, *rows, parts);
  }
}

namespace {

struct SchedChunks : PassWrapper<SchedChunks, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SchedChunks)

  StringRef getArgument() const final { return "sched-chunks"; }
  StringRef getDescription() const final {
    return "A product and the collective beside it are cut and interleaved";
  }

  void runOnOperation() final {
    Chunker chunker(getOperation());
    for (auto entry : getOperation().getOps<func::FuncOp>())
      if (entry->hasAttr(model::kEntryAttr))
        chunker.run(entry.getBody().front());
    // Kernels that are launched in parts alone.
    for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (kernel->hasAttr(pipe::kKernelAttr) && SymbolTable::symbolKnownUseEmpty(kernel, getOperation()))
        kernel.erase();
  }
};

} // namespace

std::unique_ptr<Pass> cleave::createSchedChunksPass() { return std::make_unique<SchedChunks>(); }
