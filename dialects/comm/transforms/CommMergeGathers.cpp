// --comm-merge-gathers: an all_gather of what follows element by element from a reduce_scatter becomes part
// of it: an all_reduce, and the ops between are done for the whole.
//
//   %p = comm.reduce_scatter sum %x; %y = f(%p); %w = comm.all_gather %y
//   ->
//   %a = comm.all_reduce sum %x; %w = f(%a); %p = comm.slice %a      (where %p has other readers)
//
// Before and after: a legal comm stage. The bytes are the same, a collective is saved, and the whole is kept
// from then on. So it is done only where the whole is small beside what its reader works on: a row's maximum
// beside the row. It stands behind comm-simplify, which brings the two together where nothing is between.
#include "dialects/comm/transforms/Passes.h"
#include "dialects/comm/transforms/Traffic.h"
#include "dialects/comm/transforms/Varying.h"
#include "dialects/model/transforms/Build.h"

#include "mlir/IR/IRMapping.h"

namespace cleave::comm {
#define GEN_PASS_DEF_COMMMERGEGATHERS
#include "dialects/comm/transforms/Passes.h.inc"
} // namespace cleave::comm

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

// What the whole takes of what its reader works on, at most.
constexpr int64_t kSmallShare = 16;

namespace {

// The ops between a reduce_scatter, or slices alone, and an all_gather along the same dim and mesh axes.
class Chain {
public:
  Chain(AllGatherOp gather, Varying &varying) : gather(gather), varying(varying) {}
  bool find();
  void merge();

private:
  bool add(Value value);
  bool addOp(model::IndexOp op);
  template <typename T> bool isAlike(T op, Value whole) {
    return op.getOver() == gather.getOver() && op.getMesh() == gather.getMesh() &&
           op.getDim() == gather.getDim() && model::rankedType(whole).getDimSize(dim()) == wholeSize();
  }
  int64_t dim() { return static_cast<int64_t>(gather.getDim()); }
  int64_t wholeSize() { return model::rankedType(gather.getResult()).getDimSize(dim()); }
  bool isSmall();
  Value rebuild(OpBuilder &builder, Value value);

  AllGatherOp gather;
  Varying &varying;
  ReduceScatterOp scatter;
  DenseSet<Operation *> ops;
  DenseMap<Value, Value> wholes;
};

} // namespace

static int64_t bytesOf(Value value) {
  RankedTensorType type = model::rankedType(value);
  return type.getNumElements() * std::max<int64_t>(8, type.getElementTypeBitWidth()) / 8;
}

bool Chain::isSmall() {
  int64_t whole = bytesOf(gather.getResult());
  auto isBeside = [&](Value value) { return bytesOf(value) >= kSmallShare * whole; };
  return llvm::any_of(gather->getUsers(), [&](Operation *reader) {
    return llvm::any_of(reader->getOperands(), isBeside) || llvm::any_of(reader->getResults(), isBeside);
  });
}

bool Chain::addOp(model::IndexOp op) {
  auto position = static_cast<unsigned>(dim());
  bool walks = op.getNumReductions() == 0 &&
               llvm::none_of(op.getBodyBlock().getOps<model::IterOp>(),
                             [&](model::IterOp iter) { return iter.getDim() == position; });
  for (unsigned i = 0; walks && i < op.getInputs().size(); ++i) {
    AffineMap map = op.getMap(i);
    if (!map.isFunctionOfDim(position)) {
      walks = varying.isSame(op.getInputs()[i], gather.getOver()); // it is read for other ranks' blocks too
      continue;
    }
    walks = map.getNumResults() > position &&
            map.getResult(position) == getAffineDimExpr(position, op.getContext()) &&
            llvm::count_if(map.getResults(),
                           [&](AffineExpr expr) { return expr.isFunctionOfDim(position); }) == 1 &&
            add(op.getInputs()[i]);
  }
  ops.insert(op);
  return walks;
}

// Whether the whole of a value, whose block is at hand, is there once the scatter is an all_reduce.
bool Chain::add(Value value) {
  Operation *def = value.getDefiningOp();
  if (!def || ops.contains(def))
    return def != nullptr;
  if (auto slice = dyn_cast<SliceOp>(def))
    return isAlike(slice, slice.getInput());
  if (auto op = dyn_cast<ReduceScatterOp>(def)) {
    if (!isAlike(op, op.getInput()) || (scatter && scatter != op))
      return false; // two of them and one gather are fewer bytes than two all_reduces
    scatter = op;
    return true;
  }
  auto op = dyn_cast<model::IndexOp>(def);
  return op && addOp(op);
}

bool Chain::find() { return isSmall() && add(gather.getInput()); }

Value Chain::rebuild(OpBuilder &builder, Value value) {
  Value &whole = wholes[value];
  if (whole)
    return whole;
  Operation *def = value.getDefiningOp();
  if (auto slice = dyn_cast<SliceOp>(def))
    return whole = slice.getInput();
  auto op = cast<model::IndexOp>(def);
  SmallVector<Value> inputs(op.getInputs());
  for (auto [i, input] : llvm::enumerate(inputs))
    if (op.getMap(i).isFunctionOfDim(dim()))
      input = rebuild(builder, input);
  auto made = cast<model::IndexOp>(builder.clone(*op));
  made->setOperands(inputs);
  SmallVector<int64_t> sizes(op.getSizes());
  sizes[dim()] = wholeSize();
  made.setSizes(sizes);
  RankedTensorType type = model::rankedType(op.getResult());
  made.getResult().setType(RankedTensorType::get(ArrayRef(sizes).take_front(type.getRank()),
                                                 type.getElementType(), type.getEncoding()));
  return wholes[value] = made;
}

void Chain::merge() {
  if (scatter) {
    OpBuilder builder(scatter);
    auto reduced = AllReduceOp::create(builder, scatter.getLoc(), scatter.getInput().getType(),
                                       scatter.getInput(), scatter.getMesh(), scatter.getOver(),
                                       scatter.getCombiner(), scatter.getReasonAttr(), nullptr, nullptr);
    auto part = SliceOp::create(builder, scatter.getLoc(), scatter.getType(), reduced, scatter.getMesh(),
                                scatter.getOver(), scatter.getDim(), nullptr, nullptr, nullptr);
    part.setPadded(scatter.getPadded());
    wholes[scatter.getResult()] = reduced;
    wholes[part.getResult()] = reduced;
    scatter.getResult().replaceAllUsesWith(part);
    scatter.erase();
  }
  OpBuilder builder(gather);
  gather.getResult().replaceAllUsesWith(rebuild(builder, gather.getInput()));
  gather.erase();
}

namespace {
struct CommMergeGathers : cleave::comm::impl::CommMergeGathersBase<CommMergeGathers> {
  void runOnOperation() override {
    SmallVector<AllGatherOp> gathers;
    getOperation().walk([&](AllGatherOp gather) { gathers.push_back(gather); });
    Varying varying(getOperation());
    for (AllGatherOp gather : gathers) {
      Chain chain(gather, varying);
      if (!chain.find())
        continue;
      chain.merge();
      varying.forget();
    }
  }
};
} // namespace
