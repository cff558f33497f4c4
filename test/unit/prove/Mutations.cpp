#include "test/unit/prove/Mutations.h"

#include "dialects/model/transforms/Build.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::test;

static SmallVector<Operation *> collectivesOf(ModuleOp module) {
  SmallVector<Operation *> found;
  module.walk([&](Operation *op) {
    if (isa<comm::AllReduceOp, comm::ReduceScatterOp, comm::AllGatherOp, comm::SliceOp, comm::AllToAllOp,
            comm::PermuteOp>(op) &&
        !op->getResult(0).use_empty())
      found.push_back(op);
  });
  return found;
}

static dist::MeshOp meshOf(Operation *op) {
  return SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(op, op->getAttrOfType<FlatSymbolRefAttr>("mesh"));
}

static int64_t membersOf(Operation *op) {
  int64_t members = 1;
  for (dist::AxisRefAttr axis : dist::axesOf(op->getAttrOfType<ArrayAttr>("over")))
    members *= meshOf(op).sizeOf(axis);
  return members;
}

static bool isSum(Operation *op) {
  auto combiner = op->getAttrOfType<model::CombinerAttr>("combiner");
  return combiner && combiner.getValue() == model::Combiner::Sum && model::isFloatTensor(op->getResult(0));
}

// A mesh axis of the same size that the collective is not over.
static ArrayAttr otherAxis(Operation *op) {
  dist::MeshOp mesh = meshOf(op);
  SmallVector<dist::AxisRefAttr> over = dist::axesOf(op->getAttrOfType<ArrayAttr>("over"));
  if (over.size() != 1 || !over[0].isWhole())
    return {};
  for (auto [name, size] : llvm::zip(mesh.getAxes().getAsRange<StringAttr>(), mesh.getSizes()))
    if (name != over[0].getName() && size == mesh.sizeOf(over[0]))
      return ArrayAttr::get(op->getContext(), {dist::AxisRefAttr::get(op->getContext(), name)});
  return {};
}

// An element-wise reader that is not linear: a sum cannot be taken behind it.
static model::IndexOp curveBehind(Operation *op) {
  for (Operation *user : op->getResult(0).getUsers()) {
    auto index = dyn_cast<model::IndexOp>(user);
    if (!index || !op->hasOneUse() || index.getNumReductions() ||
        index.getType() != op->getOperand(0).getType())
      continue;
    bool curves = llvm::any_of(index.getBodyBlock(), [](Operation &inner) {
      return isa<math::ExpOp, math::TanhOp, math::RsqrtOp, math::LogOp, arith::MaximumFOp>(inner);
    });
    if (curves)
      return index;
  }
  return {};
}

static int64_t dimOf(Operation *op) {
  for (StringRef name : {"dim", "split"})
    if (auto dim = op->getAttrOfType<IntegerAttr>(name))
      return dim.getInt();
  return -1;
}

static bool fits(Fault fault, Operation *op) {
  bool isReduction = isa<comm::AllReduceOp>(op);
  if (membersOf(op) < 2)
    return false;
  if (isa<comm::PermuteOp>(op))
    return fault == Fault::Kept && model::isFloatTensor(op->getResult(0));
  switch (fault) {
  case Fault::Dropped:
  case Fault::Doubled:
  case Fault::Scaled:
    return isReduction && isSum(op);
  case Fault::Moved:
    return isReduction && isSum(op) && curveBehind(op);
  case Fault::OtherAxis:
    return otherAxis(op) != nullptr;
  case Fault::OtherReduction:
    return isSum(op);
  case Fault::Shifted:
    return !isReduction && model::isFloatTensor(op->getResult(0)) &&
           model::rankedType(op->getOperand(0)).getDimSize(dimOf(op)) > 1;
  case Fault::Swapped:
    return isa<comm::AllGatherOp, comm::ReduceScatterOp, comm::SliceOp>(op);
  case Fault::Kept:
    return false;
  }
  return false;
}

std::string cleave::test::nameOf(const Mutation &mutation) {
  static const char *const kNames[] = {"dropped",
                                       "doubled",
                                       "moved",
                                       "over another axis",
                                       "another reduction",
                                       "scaled",
                                       "shifted",
                                       "in another order of ranks",
                                       "kept"};
  return std::string(kNames[static_cast<int>(mutation.fault)]) + ", collective " +
         std::to_string(mutation.op);
}

std::vector<Mutation> cleave::test::mutationsOf(ModuleOp module) {
  std::vector<Mutation> found;
  for (auto [number, op] : llvm::enumerate(collectivesOf(module)))
    for (Fault fault : {Fault::Dropped, Fault::Doubled, Fault::Moved, Fault::OtherAxis, Fault::OtherReduction,
                        Fault::Scaled, Fault::Shifted, Fault::Swapped, Fault::Kept})
      if (fits(fault, op))
        found.push_back({fault, static_cast<unsigned>(number)});
  return found;
}

static void move(Operation *op) {
  model::IndexOp curve = curveBehind(op);
  OpBuilder builder(curve->getBlock(), std::next(curve->getIterator()));
  op->getResult(0).replaceAllUsesWith(op->getOperand(0));
  IRMapping mapping;
  mapping.map(op->getOperand(0), curve.getResult());
  Operation *behind = builder.clone(*op, mapping);
  curve.getResult().replaceAllUsesExcept(behind->getResult(0), behind);
  op->erase();
}

// x[..., (d + 1) mod size, ...]
static Value shifted(OpBuilder &builder, Location loc, Value value, int64_t dim) {
  RankedTensorType type = model::rankedType(value);
  MLIRContext *context = builder.getContext();
  SmallVector<AffineExpr> exprs(model::leadingDims(context, type.getRank(), type.getRank()).getResults());
  exprs[dim] = (exprs[dim] + 1) % type.getDimSize(dim);
  return model::IndexOp::create(builder, loc, type, value, AffineMap::get(type.getRank(), 0, exprs, context),
                                {}, model::axesOf(type), type.getShape(), type.getRank(),
                                model::Combiner::None,
                                [](OpBuilder &, Location, ValueRange values) { return values.front(); });
}

static Value swapped(OpBuilder &builder, Operation *op, Value value) {
  SmallVector<int64_t> sources;
  for (int64_t member = membersOf(op); member-- > 0;)
    sources.push_back(member);
  return comm::PermuteOp::create(builder, op->getLoc(), value.getType(), value,
                                 op->getAttrOfType<FlatSymbolRefAttr>("mesh").getValue(),
                                 op->getAttrOfType<ArrayAttr>("over"), sources, nullptr, nullptr, nullptr);
}

void cleave::test::apply(ModuleOp module, const Mutation &mutation) {
  Operation *op = collectivesOf(module)[mutation.op];
  OpBuilder before(op), behind(op->getBlock(), std::next(op->getIterator()));
  Value result = op->getResult(0);
  switch (mutation.fault) {
  case Fault::Dropped:
  case Fault::Kept:
    result.replaceAllUsesWith(op->getOperand(0));
    op->erase();
    return;
  case Fault::Doubled: {
    IRMapping mapping;
    mapping.map(op->getOperand(0), result);
    Operation *again = behind.clone(*op, mapping);
    result.replaceAllUsesExcept(again->getResult(0), again);
    return;
  }
  case Fault::Moved:
    return move(op);
  case Fault::OtherAxis:
    op->setAttr("over", otherAxis(op));
    return;
  case Fault::OtherReduction:
    op->setAttr("combiner", model::CombinerAttr::get(op->getContext(), model::Combiner::Max));
    return;
  case Fault::Scaled: {
    Value twice = model::makeElementwise(behind, op->getLoc(), model::rankedType(result), result,
                                         [](OpBuilder &body, Location loc, ValueRange values) -> Value {
                                           return arith::AddFOp::create(body, loc, values[0], values[0]);
                                         });
    result.replaceAllUsesExcept(twice, twice.getDefiningOp());
    return;
  }
  case Fault::Shifted:
    op->setOperand(0, shifted(before, op->getLoc(), op->getOperand(0), dimOf(op)));
    return;
  case Fault::Swapped:
    if (isa<comm::AllGatherOp>(op)) {
      op->setOperand(0, swapped(before, op, op->getOperand(0)));
    } else {
      Value other = swapped(behind, op, result);
      result.replaceAllUsesExcept(other, other.getDefiningOp());
    }
    return;
  }
}
