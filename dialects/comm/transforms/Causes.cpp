#include "dialects/comm/transforms/Causes.h"

#include "dialects/dist/ir/FactorMap.h"
#include "dialects/dist/ir/Notation.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

//===------------------------------------------------------------------===//
// Origins
//===------------------------------------------------------------------===//

static ArrayAttr originsOf(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    return function ? function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), dist::kOriginAttr)
                    : ArrayAttr();
  }
  auto all = value.getDefiningOp()->getAttrOfType<ArrayAttr>(dist::kOriginsAttr);
  return all ? dyn_cast<ArrayAttr>(all[cast<OpResult>(value).getResultNumber()]) : ArrayAttr();
}

static StringRef nameOf(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument) {
    Operation *op = value.getDefiningOp();
    if (auto name = dyn_cast<model::NameOp>(op))
      return name.getPath();
    auto names = op->getAttrOfType<ArrayAttr>("names");
    return names ? cast<StringAttr>(names[cast<OpResult>(value).getResultNumber()]).getValue() : StringRef();
  }
  auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
  if (!function)
    return "";
  unsigned place = argument.getArgNumber();
  if (auto state = function.getArgAttrOfType<FlatSymbolRefAttr>(place, model::kStateAttr))
    return state.getValue();
  auto input = function.getArgAttrOfType<StringAttr>(place, model::kInputAttr);
  return input ? input.getValue() : StringRef();
}

std::string cleave::comm::stepOf(Value value) {
  StringRef name = nameOf(value);
  return name.empty() ? dist::text(value.getLoc()) : name.str();
}

bool Causes::overlaps(ArrayRef<AxisRefAttr> axes, ArrayRef<AxisRefAttr> over) const {
  return llvm::any_of(axes, [&](AxisRefAttr axis) {
    return llvm::any_of(over, [&](AxisRefAttr other) { return shards.overlap(axis, other); });
  });
}

// Why dims of a tensor (`only` one of them) are cut over the mesh axes; `last` ends the path.
void Causes::addDims(LayoutAttr layout, ArrayAttr origins, RankedTensorType type, ArrayRef<AxisRefAttr> over,
                     std::optional<unsigned> only, const std::string &last) {
  if (!layout || !origins)
    return;
  SmallVector<StringRef> names = model::axesOf(type);
  for (auto [dim, cut] : llvm::enumerate(layout.getDims())) {
    if ((only && *only != dim) || !overlaps(cut.getAxes(), over))
      continue;
    for (auto origin : origins.getAsRange<dist::OriginAttr>()) {
      if (!overlaps(origin.getAxis(), over) || !overlaps(origin.getAxis(), cut.getAxes()))
        continue;
      StringRef axis = names.empty() ? StringRef() : names[dim];
      if (llvm::any_of(causes, [&](const Cause &known) {
            return known.tactic == origin.getTactic() && known.axis == axis;
          }))
        continue;
      SmallVector<Attribute> path(origin.getPath().getValue());
      auto step = StringAttr::get(origin.getContext(), last);
      if (!last.empty() && (path.empty() || path.back() != step))
        path.push_back(step);
      causes.push_back({origin.getTactic(), axis, ArrayAttr::get(origin.getContext(), path)});
    }
  }
}

void Causes::addLayout(Value value, ArrayRef<AxisRefAttr> over) {
  addDims(dist::layoutOf(value), originsOf(value), cast<RankedTensorType>(value.getType()), over,
          std::nullopt, stepOf(value));
}

void Causes::addFactors(Operation *op, ArrayRef<AxisRefAttr> over, bool pending, Value value) {
  auto dims = op ? op->getAttrOfType<ArrayAttr>(dist::kFactorsAttr) : ArrayAttr();
  std::optional<dist::FactorMap> map = dims ? dist::factorMapOf(op) : std::nullopt;
  if (!map)
    return;
  for (auto [number, factor] : llvm::enumerate(map->factors)) {
    bool sums = factor.kind == dist::FactorKind::Reduction || factor.kind == dist::FactorKind::Indexed;
    if (factor.dim >= dims.size() || (pending && !sums) ||
        !overlaps(cast<dist::DimAttr>(dims[factor.dim]).getAxes(), over))
      continue;
    for (auto [operand, tensor] : llvm::zip(op->getOperands(), map->operands))
      if (std::optional<unsigned> dim = tensor.find(number); dim && operand != value)
        addDims(dist::layoutOf(operand), originsOf(operand), cast<RankedTensorType>(operand.getType()), over,
                dim, stepOf(operand));
    for (auto [result, tensor] : llvm::zip(op->getResults(), map->results))
      if (std::optional<unsigned> dim = tensor.find(number))
        addDims(dist::layoutOf(result), originsOf(result), cast<RankedTensorType>(result.getType()), over,
                dim, stepOf(result));
  }
}

//===------------------------------------------------------------------===//
// Edits
//===------------------------------------------------------------------===//

static Operation *tacticAt(dist::PlanOp plan, int64_t number) {
  if (!plan || number < 0)
    return nullptr;
  auto tactics = plan.getBody().getOps();
  auto at = tactics.begin();
  for (; at != tactics.end() && number > 0; ++at)
    --number;
  return at == tactics.end() ? nullptr : &*at;
}

ArrayAttr cleave::comm::editsFor(dist::PlanOp plan, ArrayRef<Cause> causes) {
  SmallVector<Attribute> edits;
  auto add = [&](int64_t tactic, StringRef axis) {
    MLIRContext *context = plan.getContext();
    Attribute edit = EditAttr::get(context, tactic, StringAttr::get(context, axis));
    if (!llvm::is_contained(edits, edit))
      edits.push_back(edit);
  };
  for (const Cause &cause : causes) {
    Operation *tactic = tacticAt(plan, cause.tactic);
    if (auto shard = dyn_cast_or_null<dist::ShardOp>(tactic); shard && shard.getAxes().size() > 1)
      if (llvm::is_contained(shard.getAxes().getAsValueRange<StringAttr>(), cause.axis))
        add(cause.tactic, cause.axis);
    if (tactic)
      add(cause.tactic, "");
  }
  return edits.empty() ? ArrayAttr() : ArrayAttr::get(plan.getContext(), edits);
}

// Kinds that one line of the plan stores alike: an op each.
static SmallVector<StringRef> kindsOf(dist::StoreOp op) {
  SmallVector<StringRef> kinds;
  for (auto other : op->getParentOfType<dist::PlanOp>().getBody().getOps<dist::StoreOp>())
    if (other == op || (other.getLoc() == op.getLoc() && !isa<UnknownLoc>(op.getLoc()) &&
                        other.getSelector() == op.getSelector() && other.getOver() == op.getOver()))
      kinds.push_back(other.getKind());
  return kinds;
}

// A tactic as it is written.
static std::string describe(Operation *tactic) {
  auto list = [](auto range) { return llvm::join(range, ", "); };
  return llvm::TypeSwitch<Operation *, std::string>(tactic)
      .Case([&](dist::ShardOp op) {
        return "shard " + list(op.getAxes().getAsValueRange<StringAttr>()) + " over " +
               dist::text(dist::axesOf(op.getOver()));
      })
      .Case([&](dist::StoreOp op) {
        std::string of = op.getSelector().empty() ? "" : " of " + op.getSelector().str();
        return "store " + list(kindsOf(op)) + of + " over " + dist::text(dist::axesOf(op.getOver()));
      })
      .Case([&](dist::LayoutOfOp op) { return "layout " + op.getSelector().str() + ": ..."; })
      .Case([&](dist::ReplicateOp op) {
        return "replicate " + op.getSelector().str() + " over " + dist::text(dist::axesOf(op.getOver()));
      })
      .Case([&](dist::RegionOp op) { return op.getText().str(); })
      .Default([](Operation *op) { return op->getName().stripDialect().str(); });
}

std::string cleave::comm::partOf(dist::PlanOp plan, EditAttr edit) {
  auto store = dyn_cast_or_null<dist::StoreOp>(tacticAt(plan, edit.getTactic()));
  return store && kindsOf(store).size() > 1 ? store.getKind().str() : edit.getAxis().getValue().str();
}

std::string cleave::comm::describe(dist::PlanOp plan, EditAttr edit) {
  Operation *tactic = tacticAt(plan, edit.getTactic());
  if (!tactic)
    return "";
  std::string part = partOf(plan, edit);
  return "leave " + (part.empty() ? "" : part + " ") + "out " + (part.empty() ? "" : "of ") + "`" +
         ::describe(tactic) + "`";
}
