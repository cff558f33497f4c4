// --comm-merge-reductions: pending sums go down to where they meet, and are discharged once.
//
//   %a = comm.all_reduce sum %p; %b = comm.all_reduce sum %q; %y = %a + %b + %x
//   ->
//   %s = %p + %q + (comm.only sum %x); %y = comm.all_reduce sum %s
//
// Sums over different mesh axes meet over all of these: one that is complete over some is counted once there.
//
// Before and after: a legal comm stage. A sum passes ops that are linear in all that is pending, and whose
// other operands are the same on all ranks; what is added to it from elsewhere is counted once (comm.only).
// Only where the time of collectives falls by the cost model, and where nothing else reads what would have
// been discharged. It stands behind comm-partition, which discharges sums where they arise.
#include "dialects/comm/transforms/Passes.h"
#include "dialects/comm/transforms/Reasons.h"
#include "dialects/comm/transforms/Traffic.h"
#include "dialects/comm/transforms/Varying.h"
#include "dialects/dist/ir/Axes.h"
#include "dialects/model/transforms/Build.h"
#include "dialects/model/transforms/Linear.h"

#include "mlir/IR/IRMapping.h"

namespace cleave::comm {
#define GEN_PASS_DEF_COMMMERGEREDUCTIONS
#include "dialects/comm/transforms/Passes.h.inc"
} // namespace cleave::comm

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

namespace {

// How sums are discharged: all that meet must be alike.
struct Discharge {
  ArrayAttr over;
  int64_t dim = -1;  // reduce_scatter
  int64_t whole = 0; // size of what is scattered along it
  bool operator==(const Discharge &other) const {
    return over == other.over && dim == other.dim && whole == other.whole;
  }
};

// Ops that a sum passes, and the collectives that it takes away.
struct Tree {
  Discharge discharge;
  SmallVector<Operation *> reductions;
  DenseMap<Operation *, SmallVector<bool>> marks; // per op: operands that are pending, or counted once
};

class Merger {
public:
  Merger(func::FuncOp function, Varying &varying) : function(function), varying(varying) {}
  bool run();

private:
  static std::optional<Discharge> dischargeOf(Operation *op);
  static bool join(Discharge &all, const Discharge &one, dist::MeshOp mesh);
  bool grow(Value value, Tree &tree);
  bool growOp(model::IndexOp op, Tree &tree);
  bool isElementwise(model::IndexOp op) const;
  bool markOthers(model::IndexOp op, SmallVector<bool> &marks) const;
  bool othersAreSame(model::IndexOp op, ArrayRef<bool> marks, const Tree &tree);
  Value rebuild(OpBuilder &builder, Value value, const Tree &tree);
  Value rebuildOp(OpBuilder &builder, model::IndexOp op, const Tree &tree);
  static double secondsOf(model::IndexOp op, const Tree &tree);
  bool merge(model::IndexOp op);

  func::FuncOp function;
  Varying &varying;
};

} // namespace

std::optional<Discharge> Merger::dischargeOf(Operation *op) {
  if (auto all = dyn_cast<AllReduceOp>(op))
    if (all.getCombiner() == model::Combiner::Sum)
      return Discharge{all.getOver()};
  if (auto scatter = dyn_cast<ReduceScatterOp>(op))
    if (scatter.getCombiner() == model::Combiner::Sum) {
      auto dim = static_cast<int64_t>(scatter.getDim());
      return Discharge{scatter.getOver(), dim, model::rankedType(scatter.getInput()).getDimSize(dim)};
    }
  return std::nullopt;
}

static dist::MeshOp meshOf(Operation *op) {
  return SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(op, op->getAttrOfType<FlatSymbolRefAttr>("mesh"));
}

static bool have(ArrayAttr axes, Attribute axis) { return llvm::is_contained(axes, axis); }

// The axes over which a sum is complete, and others of its tree are pending.
static ArrayAttr othersThan(Operation *reduction, const Tree &tree) {
  auto own = reduction->getAttrOfType<ArrayAttr>("over");
  SmallVector<Attribute> others;
  llvm::copy_if(tree.discharge.over, std::back_inserter(others),
                [&](Attribute axis) { return !have(own, axis); });
  return ArrayAttr::get(own.getContext(), others);
}

// All_reduces over whole mesh axes meet over the axes of both, in the order of the mesh; others must be
// alike.
bool Merger::join(Discharge &all, const Discharge &one, dist::MeshOp mesh) {
  if (all == one)
    return true;
  auto whole = [](Attribute axis) { return cast<dist::AxisRefAttr>(axis).isWhole(); };
  if (all.dim >= 0 || one.dim >= 0 || !llvm::all_of(all.over, whole) || !llvm::all_of(one.over, whole))
    return false;
  SmallVector<Attribute> over(all.over.begin(), all.over.end());
  for (Attribute axis : one.over)
    if (!have(all.over, axis))
      over.push_back(axis);
  llvm::sort(over, [&](Attribute a, Attribute b) {
    return mesh.find(cast<dist::AxisRefAttr>(a).getName().getValue()) <
           mesh.find(cast<dist::AxisRefAttr>(b).getName().getValue());
  });
  all.over = ArrayAttr::get(all.over.getContext(), over);
  return true;
}

// Everything is read at the result's own place.
bool Merger::isElementwise(model::IndexOp op) const {
  return op.getNumReductions() == 0 && llvm::all_of(llvm::seq<unsigned>(0, op.getInputs().size()),
                                                    [&](unsigned i) { return op.getMap(i).isIdentity(); });
}

// Operands that are added to what is pending join it.
bool Merger::markOthers(model::IndexOp op, SmallVector<bool> &marks) const {
  if (model::isLinearIn(op, marks))
    return true;
  SmallVector<unsigned> open;
  for (unsigned i = 0; i < marks.size(); ++i)
    if (!marks[i] && model::isFloatTensor(op.getInputs()[i]))
      open.push_back(i);
  if (open.size() > 6)
    return false;
  SmallVector<unsigned> subsets = llvm::to_vector(llvm::seq<unsigned>(1, 1u << open.size()));
  llvm::sort(subsets, [](unsigned a, unsigned b) {
    return std::pair(llvm::popcount(a), a) < std::pair(llvm::popcount(b), b);
  });
  for (unsigned subset : subsets) {
    SmallVector<bool> more = marks;
    for (auto [bit, position] : llvm::enumerate(open))
      if (subset >> bit & 1)
        more[position] = true;
    if (model::isLinearIn(op, more)) {
      marks = more;
      return true;
    }
  }
  return false;
}

// A sum of products is the product of the sum where the other factor is the same on all ranks, and what is
// counted once must be what all have. Asked anew of all that is reached: a tree's axes grow with it.
bool Merger::othersAreSame(model::IndexOp op, ArrayRef<bool> marks, const Tree &tree) {
  return llvm::all_of(llvm::zip(op.getInputs(), marks), [&](auto pair) {
    auto [input, mark] = pair;
    Operation *def = input.getDefiningOp();
    if (def && llvm::is_contained(tree.reductions, def))
      return varying.isSame(input, othersThan(def, tree));
    auto inner = def && mark ? tree.marks.find(def) : tree.marks.end();
    if (inner != tree.marks.end())
      return othersAreSame(cast<model::IndexOp>(def), inner->second, tree);
    return varying.isSame(input, tree.discharge.over);
  });
}

bool Merger::growOp(model::IndexOp op, Tree &tree) {
  if (!isa<FloatType>(model::elementType(op.getResult())))
    return false;
  size_t before = tree.reductions.size();
  Discharge discharge = tree.discharge;
  SmallVector<bool> marks;
  for (Value input : op.getInputs())
    marks.push_back(grow(input, tree));
  bool passes = tree.reductions.size() > before && markOthers(op, marks) && othersAreSame(op, marks, tree);
  if (passes && tree.discharge.dim >= 0) // the op works on the whole then: all of it must be pending
    passes = isElementwise(op) && llvm::all_of(marks, [](bool mark) { return mark; }) &&
             llvm::all_of(op.getInputs(), [&](Value input) {
               Operation *def = input.getDefiningOp();
               return def && (dischargeOf(def) || tree.marks.count(def));
             });
  if (!passes) {
    tree.reductions.truncate(before);
    tree.discharge = discharge;
    return false;
  }
  tree.marks[op] = marks;
  return true;
}

// Whether a value is pending once the tree's collectives are gone.
bool Merger::grow(Value value, Tree &tree) {
  Operation *def = value.getDefiningOp();
  if (!def || !value.hasOneUse())
    return false;
  if (std::optional<Discharge> discharge = dischargeOf(def)) {
    if (tree.reductions.empty())
      tree.discharge = *discharge;
    if (!join(tree.discharge, *discharge, meshOf(def)))
      return false;
    tree.reductions.push_back(def);
    return true;
  }
  auto op = dyn_cast<model::IndexOp>(def);
  return op && growOp(op, tree);
}

static RankedTensorType withSize(RankedTensorType type, int64_t dim, int64_t size) {
  if (dim < 0)
    return type;
  SmallVector<int64_t> sizes(type.getShape());
  sizes[dim] = size;
  return RankedTensorType::get(sizes, type.getElementType(), type.getEncoding());
}

Value Merger::rebuildOp(OpBuilder &builder, model::IndexOp op, const Tree &tree) {
  const SmallVector<bool> &marks = tree.marks.find(op)->second;
  SmallVector<Value> inputs(op.getInputs());
  for (auto [input, mark] : llvm::zip(inputs, marks))
    if (mark)
      input = rebuild(builder, input, tree);
  auto made = cast<model::IndexOp>(builder.clone(*op));
  made->setOperands(inputs);
  int64_t dim = tree.discharge.dim;
  if (dim >= 0) {
    SmallVector<int64_t> sizes(op.getSizes());
    sizes[dim] = tree.discharge.whole;
    made.setSizes(sizes);
    made.getResult().setType(withSize(model::rankedType(op.getResult()), dim, tree.discharge.whole));
  }
  return made;
}

Value Merger::rebuild(OpBuilder &builder, Value value, const Tree &tree) {
  Operation *def = value.getDefiningOp();
  auto countOnce = [&](Value complete, ArrayAttr over) -> Value {
    auto mesh = tree.reductions.front()->getAttrOfType<FlatSymbolRefAttr>("mesh");
    return OnlyOp::create(builder, value.getLoc(), complete.getType(), complete, mesh.getValue(), over,
                          model::Combiner::Sum, nullptr, nullptr, nullptr);
  };
  if (def && llvm::is_contained(tree.reductions, def)) {
    ArrayAttr others = othersThan(def, tree);
    Value pending = def->getOperand(0);
    return others.empty() ? pending : countOnce(pending, others);
  }
  if (def && tree.marks.count(def))
    return rebuildOp(builder, cast<model::IndexOp>(def), tree);
  return countOnce(value, tree.discharge.over);
}

// Of discharging the op's result.
double Merger::secondsOf(model::IndexOp op, const Tree &tree) {
  dist::MeshOp mesh = meshOf(tree.reductions.front());
  SmallVector<dist::AxisRefAttr> over = dist::axesOf(tree.discharge.over);
  int64_t members = dist::membersOf(mesh, over);
  bool scatters = tree.discharge.dim >= 0;
  RankedTensorType type =
      withSize(model::rankedType(op.getResult()), tree.discharge.dim, tree.discharge.whole);
  double size = static_cast<double>(type.getNumElements()) * type.getElementTypeBitWidth() / 8;
  return cost::seconds(scatters ? cost::Collective::ReduceScatter : cost::Collective::AllReduce, size,
                       members, linkOf(mesh, over));
}

bool Merger::merge(model::IndexOp op) {
  Tree tree;
  if (!growOp(op, tree))
    return false;
  double before = 0;
  for (Operation *reduction : tree.reductions)
    before += trafficOf(reduction).seconds;
  if (secondsOf(op, tree) >= before)
    return false;
  OpBuilder builder(op);
  Value pending = rebuildOp(builder, op, tree);
  IRMapping mapping;
  mapping.map(tree.reductions.front()->getOperand(0), pending);
  Operation *made = builder.clone(*tree.reductions.front(), mapping);
  made->getResult(0).setType(op.getType());
  made->setAttr("over", tree.discharge.over);
  if (ReasonAttr reason = mergedReason(tree.reductions))
    made->setAttr("reason", reason);
  op.getResult().replaceAllUsesWith(made->getResult(0));
  SmallVector<Operation *> dead{op};
  while (!dead.empty()) {
    Operation *one = dead.pop_back_val();
    if (!one || !one->use_empty() || (!tree.marks.count(one) && !llvm::is_contained(tree.reductions, one)))
      continue;
    SmallVector<Operation *> operands;
    for (Value operand : one->getOperands())
      operands.push_back(operand.getDefiningOp());
    one->erase();
    llvm::append_range(dead, operands);
  }
  varying.forget();
  return true;
}

bool Merger::run() {
  // The last op first: what it reaches goes down all the way.
  bool changed = false;
  for (bool again = true; again;) {
    again = false;
    for (Operation &op : llvm::reverse(function.getBody().front()))
      if (auto index = dyn_cast<model::IndexOp>(op); index && merge(index)) {
        changed = again = true;
        break;
      }
  }
  return changed;
}

namespace {
struct CommMergeReductions : cleave::comm::impl::CommMergeReductionsBase<CommMergeReductions> {
  void runOnOperation() override {
    Varying varying(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        Merger(function, varying).run();
  }
};
} // namespace
