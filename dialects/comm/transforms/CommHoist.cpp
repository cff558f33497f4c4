// --comm-hoist: collectives leave the loops that repeat them.
//
//   carry = carry + all_reduce(x), count times     ->  carry = carry + x; all_reduce(carry) behind the scan
//   stack all_reduce(x), a short message           ->  stack x; all_reduce(the stack)
//   all_gather(const)                              ->  the const is gathered before the scan
//
// Before and after: a legal comm stage. A carry stays pending where all else it is made of is the same on all
// ranks. A sum that is pending all the way costs one message and no memory; a reduce_scatter stays, because
// what is kept in parts would have to be kept whole. It stands behind comm-partition and before
// comm-merge-reductions, which would join the carry to the sum.
#include "dialects/comm/transforms/Passes.h"
#include "dialects/comm/transforms/Reasons.h"
#include "dialects/comm/transforms/Traffic.h"
#include "dialects/comm/transforms/Varying.h"
#include "dialects/model/transforms/CallOrder.h"
#include "dialects/model/transforms/Linear.h"

#include "mlir/IR/IRMapping.h"

namespace cleave::comm {
#define GEN_PASS_DEF_COMMHOIST
#include "dialects/comm/transforms/Passes.h.inc"
} // namespace cleave::comm

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

namespace {

// A body and the one scan that runs it.
class Hoister {
public:
  Hoister(model::ScanOp scan, func::FuncOp body) : scan(scan), body(body), block(body.getBody().front()) {}
  bool run() {
    bool changed = hoistConsts();
    for (unsigned carry = 0; carry < scan.getCarries().size(); ++carry)
      changed |= hoistCarry(carry);
    for (unsigned stack = scan.getCarries().size(); stack < scan.getNumResults(); ++stack)
      changed |= hoistStack(stack);
    return changed;
  }

private:
  Operation *end() { return block.getTerminator(); }
  bool hoistConsts();
  bool hoistCarry(unsigned carry);
  bool hoistStack(unsigned stack);
  bool isShort(Operation *collective);
  void replaceScan(ArrayRef<Value> consts, ArrayRef<Value> carries);

  model::ScanOp scan;
  func::FuncOp body;
  Block &block;
};

} // namespace

static void setType(func::FuncOp function) {
  Block &block = function.getBody().front();
  function.setFunctionType(FunctionType::get(function.getContext(), block.getArgumentTypes(),
                                             TypeRange(block.getTerminator()->getOperands())));
}

// The scan anew, with other consts and carries; what comes out has the types it had.
void Hoister::replaceScan(ArrayRef<Value> consts, ArrayRef<Value> carries) {
  setType(body);
  OpBuilder builder(scan);
  auto made =
      model::ScanOp::create(builder, scan.getLoc(), scan.getResultTypes(), scan.getBody(), scan.getCount(),
                            scan.getAxis(), scan.getReverse(), consts, carries, scan.getSlices());
  made->setDiscardableAttrs(scan->getDiscardableAttrDictionary());
  scan->replaceAllUsesWith(made.getResults());
  scan->erase();
  scan = made;
}

// What is declared of a value once it is gathered: its dims are not cut over these axes.
static DictionaryAttr gathered(DictionaryAttr attributes, Operation *op) {
  auto layout = attributes ? attributes.getAs<dist::LayoutAttr>(dist::kLayoutAttr) : dist::LayoutAttr();
  if (!layout || !isa<AllGatherOp>(op))
    return attributes;
  SmallVector<dist::AxisRefAttr> over = dist::axesOf(op->getAttrOfType<ArrayAttr>("over"));
  SmallVector<dist::DimAttr> dims;
  for (dist::DimAttr dim : layout.getDims()) {
    SmallVector<dist::AxisRefAttr> axes(dim.getAxes());
    llvm::erase_if(axes, [&](dist::AxisRefAttr axis) { return llvm::is_contained(over, axis); });
    dims.push_back(dist::DimAttr::get(op->getContext(), axes, dim.getOpen(), dim.getPriority()));
  }
  NamedAttrList list(attributes);
  list.set(dist::kLayoutAttr, dist::LayoutAttr::get(op->getContext(), layout.getMesh(), dims,
                                                    layout.getReplicated(), layout.getPartials()));
  return list.getDictionary(op->getContext());
}

// What is gathered from a const is the same in every turn.
bool Hoister::hoistConsts() {
  SmallVector<Operation *> found;
  unsigned consts = scan.getConsts().size();
  for (Operation &op : block)
    if (communicates(&op) && op.getNumOperands() == 1)
      if (auto argument = dyn_cast<BlockArgument>(op.getOperand(0));
          argument && argument.getArgNumber() >= 1 && argument.getArgNumber() <= consts)
        found.push_back(&op);
  if (found.empty() || scan.getCount() < 2)
    return false;
  SmallVector<Value> outside(scan.getConsts());
  SmallVector<DictionaryAttr> attributes;
  for (unsigned i = 0; i < body.getNumArguments(); ++i)
    attributes.push_back(body.getArgAttrDict(i));
  for (Operation *op : found) {
    OpBuilder builder(scan);
    IRMapping mapping;
    auto argument = cast<BlockArgument>(op->getOperand(0));
    mapping.map(argument, outside[argument.getArgNumber() - 1]);
    outside.push_back(builder.clone(*op, mapping)->getResult(0));
    unsigned place = outside.size();
    attributes.insert(attributes.begin() + place, gathered(attributes[argument.getArgNumber()], op));
    BlockArgument fresh = block.insertArgument(place, op->getResult(0).getType(), op->getLoc());
    op->getResult(0).replaceAllUsesWith(fresh);
    op->erase();
  }
  body.removeArgAttrsAttr();
  replaceScan(outside, SmallVector<Value>(scan.getCarries()));
  body.setAllArgAttrs(attributes);
  return true;
}

// Whether all but the pending terms is the same on all ranks of the group: a carry that each has another
// block of would be lost but one, and a product with what each has other columns of is no sum of products.
static bool othersAreSame(model::IndexOp op, ArrayRef<AllReduceOp> reductions) {
  Varying varying(op->getParentOfType<ModuleOp>());
  ArrayAttr over = AllReduceOp(reductions.front()).getOver();
  return llvm::all_of(op.getInputs(), [&](Value input) {
    return llvm::is_contained(reductions, input.getDefiningOp<AllReduceOp>()) || varying.isSame(input, over);
  });
}

// carry + all_reduce(x), where nothing else reads the carry.
bool Hoister::hoistCarry(unsigned carry) {
  Value result = end()->getOperand(carry);
  BlockArgument argument = block.getArgument(1 + scan.getConsts().size() + carry);
  auto op = result.getDefiningOp<model::IndexOp>();
  if (!op || !result.hasOneUse() || !argument.hasOneUse() || scan.getCount() < 2)
    return false;
  SmallVector<bool> pending;
  SmallVector<AllReduceOp> reductions;
  bool takesCarry = false;
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    auto reduction = input.getDefiningOp<AllReduceOp>();
    bool sums = reduction && reduction.getCombiner() == model::Combiner::Sum && input.hasOneUse() &&
                (reductions.empty() || reductions.front().getOver() == reduction.getOver());
    bool own = input == argument && op.getMap(i).isIdentity() && op.getNumReductions() == 0;
    if (sums)
      reductions.push_back(reduction);
    takesCarry |= own;
    pending.push_back(sums || own);
  }
  if (reductions.empty() || !takesCarry || !model::isLinearIn(op, pending) || !othersAreSame(op, reductions))
    return false;
  AllReduceOp first = reductions.front();
  OpBuilder builder(scan);
  SmallVector<Value> carries(scan.getCarries());
  carries[carry] =
      OnlyOp::create(builder, first.getLoc(), carries[carry].getType(), carries[carry], first.getMesh(),
                     first.getOver(), model::Combiner::Sum, nullptr, nullptr, nullptr);
  builder.setInsertionPointAfter(scan);
  IRMapping mapping;
  mapping.map(first.getInput(), scan.getResult(carry));
  Operation *behind = builder.clone(*first, mapping);
  behind->getResult(0).setType(scan.getResult(carry).getType());
  if (ReasonAttr reason = mergedReason(SmallVector<Operation *>(reductions.begin(), reductions.end())))
    behind->setAttr("reason", reason);
  scan.getResult(carry).replaceAllUsesExcept(behind->getResult(0), behind);
  for (AllReduceOp reduction : reductions) {
    reduction.getResult().replaceAllUsesWith(reduction.getInput());
    reduction.erase();
  }
  replaceScan(SmallVector<Value>(scan.getConsts()), carries);
  return true;
}

// Whether sending takes less time than beginning to send.
bool Hoister::isShort(Operation *collective) {
  auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(
      collective, collective->getAttrOfType<FlatSymbolRefAttr>("mesh"));
  cost::Link link = linkOf(mesh, dist::axesOf(collective->getAttrOfType<ArrayAttr>("over")));
  Traffic traffic = trafficOf(collective);
  return traffic.bytes / link.bandwidth * 2 < traffic.seconds;
}

// A stack of what short all_reduces give.
bool Hoister::hoistStack(unsigned stack) {
  auto reduction = end()->getOperand(stack).getDefiningOp<AllReduceOp>();
  if (!reduction || !reduction.getResult().hasOneUse() || scan.getCount() < 2 || !isShort(reduction))
    return false;
  OpBuilder builder(scan->getContext());
  builder.setInsertionPointAfter(scan);
  IRMapping mapping;
  mapping.map(reduction.getInput(), scan.getResult(stack));
  Operation *behind = builder.clone(*reduction, mapping);
  behind->getResult(0).setType(scan.getResult(stack).getType());
  scan.getResult(stack).replaceAllUsesExcept(behind->getResult(0), behind);
  end()->setOperand(stack, reduction.getInput());
  reduction.erase();
  return true;
}

namespace {
struct CommHoist : cleave::comm::impl::CommHoistBase<CommHoist> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    for (func::FuncOp body : model::calleesFirst(module, symbols)) { // inner loops first
      SmallVector<Operation *> runners;
      module.walk([&](Operation *op) {
        if (llvm::is_contained(model::calleesOf(op, symbols), body))
          runners.push_back(op);
      });
      if (runners.size() == 1 && isa<model::ScanOp>(runners.front()))
        Hoister(cast<model::ScanOp>(runners.front()), body).run();
    }
  }
};
} // namespace
