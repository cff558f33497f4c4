// --sched-buckets: sums that are short messages go as one.
//
//   %a = comm.all_reduce sum %x over @m ["dp"]; %b = comm.all_reduce sum %y over @m ["dp"]
//   ->
//   %p = pipe.pack(%x, %y); %s = comm.all_reduce sum %p over @m ["dp"]; %a, %b = pipe.unpack %s
//
// A message of n members costs its latency 2 (n - 1) times before a byte has come; several cost that once.
// What is packed is made in its part of the whole, so nothing is copied, and every element is summed in rank
// order as before: the bits are the same. Sums of one group, combiner, type and phase join in the order of
// the list, until their bytes take four times the latency; what is longer goes alone, for it is to overlap. A
// sum never waits for one that reads it, nor for a guard, an assert or a print that does. What reads the
// first of them stands behind the last.
//
// Before and after: the sched stage, its lists in their final order. It stands behind sched-reductions, which
// takes the sums of loops, and before sched-overlap, which begins the whole where its last part is made.
#include "compiler/analysis/ActionGraph.h"
#include "compiler/schedule/Passes.h"
#include "dialects/comm/transforms/Overlap.h"
#include "dialects/comm/transforms/Traffic.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace cleave;
using comm::AllReduceOp;
using comm::Technique;

namespace {

constexpr double kEnough = 4; // times the latency that a bucket's bytes take

struct Bucket {
  SmallVector<AllReduceOp> sums;
  llvm::SetVector<Operation *> readers; // what depends on a sum, in the order of the list
  double transfer = 0, latency = 0;     // seconds, of all bytes and of one message
};

class BlockBuckets {
public:
  explicit BlockBuckets(Block &block)
      : block(block), module(block.getParentOp()->getParentOfType<ModuleOp>()),
        choice(choiceOf(module, Technique::Buckets)), isUneven(comm::isUneven(module)) {}
  void run();

private:
  using Key = std::pair<Attribute, Attribute>;

  Key keyOf(AllReduceOp op) const;
  bool isCandidate(Operation *op) const;
  bool isFull(const Bucket &bucket) const;
  void note(Operation *op);
  void add(AllReduceOp op);
  void close(Bucket &bucket);

  Block &block;
  ModuleOp module;
  comm::Choice choice;
  bool isUneven;
  llvm::MapVector<Key, Bucket> open;
};

} // namespace

BlockBuckets::Key BlockBuckets::keyOf(AllReduceOp op) const {
  Builder builder(op.getContext());
  std::optional<comm::ReasonAttr> reason = op.getReason();
  Attribute phase = reason ? Attribute(reason->getPhase()) : builder.getUnitAttr();
  Attribute meaning = op->hasAttr(pipe::kTypeAttr) ? op->getAttr(pipe::kTypeAttr) : builder.getUnitAttr();
  Type element = cast<RankedTensorType>(op.getType()).getElementType();
  return {op.getOver(), builder.getArrayAttr({op.getCombinerAttr(), TypeAttr::get(element), phase, meaning})};
}

// Where ranks have blocks of different sizes they would fill buckets differently.
bool BlockBuckets::isCandidate(Operation *op) const {
  return isa<AllReduceOp>(op) && !comm::isAsync(op) && comm::mayUse(Technique::Buckets, op) &&
         (choice == comm::Choice::Always || !isUneven);
}

bool BlockBuckets::isFull(const Bucket &bucket) const {
  return !isUneven && bucket.transfer >= kEnough * bucket.latency;
}

// Whether an op, or one within, reads what a sum of the bucket or its readers make.
static bool dependsOn(Operation *op, const Bucket &bucket) {
  return op
      ->walk([&](Operation *inner) {
        bool reads = llvm::any_of(inner->getOperands(), [&](Value value) {
          Operation *maker = value.getDefiningOp();
          return maker && (bucket.readers.contains(maker) ||
                           llvm::any_of(bucket.sums, [&](AllReduceOp sum) { return sum == maker; }));
        });
        return reads ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

// An op of the list passes by the open buckets.
void BlockBuckets::note(Operation *op) {
  for (auto &[key, bucket] : open) {
    if (bucket.sums.empty() || !dependsOn(op, bucket))
      continue;
    if (analysis::hasEffect(op) || isCandidate(op))
      close(bucket);
    else
      bucket.readers.insert(op);
  }
}

void BlockBuckets::add(AllReduceOp op) {
  Bucket &bucket = open[keyOf(op)];
  auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(op, op.getMeshAttr());
  comm::Traffic traffic = comm::trafficOf(op);
  double transfer = traffic.bytes / comm::linkOf(mesh, dist::axesOf(op.getOver())).bandwidth;
  double latency = traffic.seconds - transfer;
  if (!isUneven && transfer >= kEnough * latency)
    return; // goes alone
  bucket.sums.push_back(op);
  bucket.transfer += transfer;
  bucket.latency = latency;
  if (isFull(bucket))
    close(bucket);
}

static std::string textOf(ArrayRef<AllReduceOp> sums) {
  std::optional<comm::ReasonAttr> reason = AllReduceOp(sums.front()).getReason();
  return (reason ? reason->getValue().str() : "") + " and " + std::to_string(sums.size() - 1) + " more";
}

// One reason for all: the first one's.
static comm::ReasonAttr reasonOf(ArrayRef<AllReduceOp> sums) {
  std::optional<comm::ReasonAttr> first = AllReduceOp(sums.front()).getReason();
  if (!first)
    return nullptr;
  Builder builder(first->getContext());
  return comm::ReasonAttr::get(first->getContext(), builder.getStringAttr(textOf(sums)), first->getPhase(),
                               first->getBecause(), first->getHint(), first->getPlan(), first->getPath(),
                               first->getEdits(), first->getSource(), first->getMerged());
}

static ArrayAttr membersOf(ArrayRef<AllReduceOp> sums) {
  Builder builder(AllReduceOp(sums.front()).getContext());
  SmallVector<Attribute> members;
  for (AllReduceOp sum : sums) {
    NamedAttrList member;
    if (std::optional<comm::ReasonAttr> reason = sum.getReason())
      member.set("reason", *reason);
    member.set("type", TypeAttr::get(sum.getType()));
    member.set("loc", LocationAttr(sum.getLoc()));
    members.push_back(member.getDictionary(builder.getContext()));
  }
  return builder.getArrayAttr(members);
}

void BlockBuckets::close(Bucket &bucket) {
  Bucket done = std::exchange(bucket, {});
  if (done.sums.size() < 2)
    return;
  AllReduceOp last = done.sums.back();
  OpBuilder builder(last);
  SmallVector<Value> parts;
  SmallVector<Type> types;
  int64_t elements = 0;
  for (AllReduceOp sum : done.sums) {
    parts.push_back(sum.getInput());
    types.push_back(sum.getType());
    elements += cast<RankedTensorType>(sum.getType()).getNumElements();
  }
  Type element = cast<RankedTensorType>(last.getType()).getElementType();
  auto type = RankedTensorType::get(
      {elements}, element, model::AxesAttr::get(builder.getContext(), {builder.getStringAttr("Bucket")}));
  Value packed = pipe::PackOp::create(builder, last.getLoc(), type, parts, nullptr, nullptr);
  auto sum = AllReduceOp::create(builder, last.getLoc(), type, packed, last.getMesh(), last.getOver(),
                                 last.getCombiner(), reasonOf(done.sums), nullptr, nullptr);
  if (Attribute meaning = last->getAttr(pipe::kTypeAttr))
    sum->setAttr(pipe::kTypeAttr, meaning);
  sum->setAttr(comm::kMembersAttr, membersOf(done.sums));
  auto unpacked = pipe::UnpackOp::create(builder, last.getLoc(), types, sum.getResult(), nullptr, nullptr);
  Operation *after = unpacked;
  for (Operation *reader : done.readers)
    if (reader->isBeforeInBlock(after)) {
      reader->moveAfter(after);
      after = reader;
    }
  for (auto [old, fresh] : llvm::zip(done.sums, unpacked.getResults())) {
    old.getResult().replaceAllUsesWith(fresh);
    old.erase();
  }
}

void BlockBuckets::run() {
  for (Operation &op : llvm::make_early_inc_range(block.without_terminator())) {
    note(&op);
    if (isCandidate(&op))
      add(cast<AllReduceOp>(op));
  }
  for (auto &[key, bucket] : open)
    close(bucket);
}

namespace {

struct SchedBuckets : PassWrapper<SchedBuckets, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SchedBuckets)

  StringRef getArgument() const final { return "sched-buckets"; }
  StringRef getDescription() const final { return "Sums that are short messages go as one"; }

  void runOnOperation() final {
    for (auto entry : getOperation().getOps<func::FuncOp>())
      if (entry->hasAttr(model::kEntryAttr))
        BlockBuckets(entry.getBody().front()).run();
  }
};

} // namespace

std::unique_ptr<Pass> cleave::createSchedBucketsPass() { return std::make_unique<SchedBuckets>(); }
