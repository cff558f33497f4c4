#include "dialects/comm/transforms/Reasons.h"

#include "dialects/dist/ir/Notation.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

//===------------------------------------------------------------------===//
// As users write it
//===------------------------------------------------------------------===//

std::string cleave::comm::describe(Operation *tactic) {
  auto list = [](auto range) { return llvm::join(range, ", "); };
  return llvm::TypeSwitch<Operation *, std::string>(tactic)
      .Case([&](dist::ShardOp op) {
        return "shard " + list(op.getAxes().getAsValueRange<StringAttr>()) + " over " +
               dist::text(dist::axesOf(op.getOver()));
      })
      .Case([&](dist::StoreOp op) {
        return "store " + (op.getSelector().empty() ? op.getKind() : op.getSelector()).str() + " over " +
               dist::text(dist::axesOf(op.getOver()));
      })
      .Case([&](dist::LayoutOfOp op) { return "layout of " + op.getSelector().str(); })
      .Case([&](dist::ReplicateOp op) {
        return "replicate " + op.getSelector().str() + " over " + dist::text(dist::axesOf(op.getOver()));
      })
      .Default([](Operation *) { return std::string(); });
}

//===------------------------------------------------------------------===//
// Phases
//===------------------------------------------------------------------===//

static bool readsTrainingState(Operation *op, func::FuncOp function) {
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    auto argument = dyn_cast<BlockArgument>(operand);
    auto name = argument && argument.getOwner() == &function.getBody().front()
                    ? function.getArgAttrOfType<FlatSymbolRefAttr>(argument.getArgNumber(), model::kStateAttr)
                    : FlatSymbolRefAttr();
    auto state =
        name ? SymbolTable::lookupNearestSymbolFrom<model::StateOp>(function, name) : model::StateOp();
    return state && state.getKind() == "optimizer";
  });
}

Reasons::Reasons(func::FuncOp function, const Shards &shards) : function(function), shards(shards) {
  for (auto op : function->getParentOfType<ModuleOp>().getOps<dist::PlanOp>())
    plan = op;
  if (!function->hasAttr(model::kEntryAttr))
    return;
  Block &block = function.getBody().front();
  SmallVector<Operation *> work;
  for (auto [i, value] : llvm::enumerate(block.getTerminator()->getOperands()))
    if (function.getResultAttr(i, model::kOutputAttr))
      work.push_back(value.getDefiningOp());
  while (!work.empty()) {
    Operation *op = work.pop_back_val();
    if (!op || !forward.insert(op).second)
      continue;
    for (Value operand : op->getOperands())
      work.push_back(operand.getDefiningOp());
  }
  // A scalar made of gradients (their norm) and an optimiser's state begin the update.
  for (Operation &op : block.without_terminator()) {
    if (forward.contains(&op))
      continue;
    bool scalar = op.getNumResults() == 1 && isa<RankedTensorType>(op.getResult(0).getType()) &&
                  cast<RankedTensorType>(op.getResult(0).getType()).getRank() == 0;
    bool follows = llvm::any_of(op.getOperands(), [&](Value operand) {
      return operand.getDefiningOp() && update.contains(operand.getDefiningOp());
    });
    if (scalar || follows || readsTrainingState(&op, function))
      update.insert(&op);
  }
}

StringRef Reasons::phaseOf(Value value, Operation *user) const {
  func::FuncOp entry = function;
  if (!entry->hasAttr(model::kEntryAttr))
    return entry.getSymName().contains("_backward") ? "backward" : "forward";
  if (auto argument = dyn_cast<BlockArgument>(value))
    return entry.getArgAttr(argument.getArgNumber(), model::kStateAttr) ? "state" : "input";
  if (isa_and_present<func::ReturnOp>(user))
    for (auto [i, result] : llvm::enumerate(user->getOperands()))
      if (result == value && entry.getResultAttr(i, model::kStateAttr))
        return "state";
  Operation *op = value.getDefiningOp();
  if (forward.contains(op))
    return "forward";
  return update.contains(op) ? "update" : "backward";
}

//===------------------------------------------------------------------===//
// Values and tactics
//===------------------------------------------------------------------===//

// How many values are looked at for a name.
constexpr unsigned kNearEnough = 64;

static StringRef nameOf(Value value) {
  auto result = dyn_cast<OpResult>(value);
  auto names = result ? result.getOwner()->getAttrOfType<ArrayAttr>("names") : ArrayAttr();
  return names ? cast<StringAttr>(names[result.getResultNumber()]).getValue() : StringRef();
}

static func::FuncOp functionOf(Value value) {
  return value.getParentRegion()->getParentOfType<func::FuncOp>();
}

// A name for it in the function it belongs to: its own, a state's, an input's.
static StringRef ownName(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return nameOf(value);
  func::FuncOp function = functionOf(value);
  if (auto state = function.getArgAttrOfType<FlatSymbolRefAttr>(argument.getArgNumber(), model::kStateAttr))
    return state.getValue();
  auto input = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), model::kInputAttr);
  return input ? input.getValue() : StringRef();
}

// The parameter that a value, returned at this place, becomes.
static StringRef returnedParameter(func::FuncOp function, unsigned place) {
  auto name = function.getResultAttrOfType<FlatSymbolRefAttr>(place, model::kStateAttr);
  auto state = name ? SymbolTable::lookupNearestSymbolFrom<model::StateOp>(function, name) : model::StateOp();
  return state && state.getKind() == "param" ? state.getPath() : StringRef();
}

// What a body returns at this place, stacked by the scan that runs it.
static Value stackOf(func::FuncOp body, unsigned place) {
  Value found;
  body->getParentOfType<ModuleOp>().walk([&](model::ScanOp scan) {
    if (scan.getBody() == body.getSymName() && place >= scan.getCarries().size())
      found = scan.getResult(place);
  });
  return found;
}

// The nearest named value that is computed from it, or the parameter that it updates.
static StringRef nameBehind(Value value) {
  SmallVector<Value> near{value};
  for (unsigned i = 0; i < near.size() && i < kNearEnough; ++i) {
    if (StringRef name = nameOf(near[i]); !name.empty())
      return name;
    for (OpOperand &use : near[i].getUses()) {
      Operation *reader = use.getOwner();
      if (!isa<func::ReturnOp>(reader)) {
        near.append(reader->result_begin(), reader->result_end());
        continue;
      }
      func::FuncOp function = functionOf(near[i]);
      if (StringRef name = returnedParameter(function, use.getOperandNumber()); !name.empty())
        return name;
      if (Value stack = stackOf(function, use.getOperandNumber()))
        near.push_back(stack);
    }
  }
  return "";
}

// The nearest named value that it is computed from; integers (tokens, positions) say little.
static StringRef nameBefore(Value value) {
  SmallVector<Value> near{value};
  for (unsigned i = 0; i < near.size() && i < kNearEnough; ++i) {
    if (!isa<FloatType>(cast<RankedTensorType>(near[i].getType()).getElementType()))
      continue;
    if (StringRef name = ownName(near[i]); !name.empty())
      return name;
    if (Operation *op = near[i].getDefiningOp())
      near.append(op->operand_begin(), op->operand_end());
  }
  return "";
}

// The user's path of a value, or of the nearest one: what is computed from it first, then what it is computed
// from.
std::string Reasons::pathOf(Value value, Operation *user) const {
  if (StringRef name = ownName(value); !name.empty())
    return name.str();
  func::FuncOp here = function;
  if (isa_and_present<func::ReturnOp>(user))
    for (auto [i, result] : llvm::enumerate(user->getOperands()))
      if (auto state = here.getResultAttrOfType<FlatSymbolRefAttr>(i, model::kStateAttr);
          state && result == value)
        return state.getValue().str();
  if (StringRef name = nameBehind(value); !name.empty())
    return name.str();
  if (StringRef name = nameBefore(value); !name.empty())
    return name.str();
  StringRef body = here.getSymName();
  if (!body.consume_back("_backward"))
    body.consume_back("_forward");
  return body.str();
}

static bool names(ArrayAttr list, ArrayRef<StringRef> axes) {
  return llvm::any_of(list.getAsValueRange<StringAttr>(),
                      [&](StringRef name) { return llvm::is_contained(axes, name); });
}

// The tactic that cut these axes of the program over these mesh axes; else the first that uses them.
Operation *Reasons::tacticOf(Value value, ArrayRef<AxisRefAttr> over, ArrayRef<StringRef> axes) const {
  if (!plan)
    return nullptr;
  auto uses = [&](ArrayAttr list) {
    return llvm::any_of(dist::axesOf(list), [&](AxisRefAttr axis) {
      return llvm::any_of(over, [&](AxisRefAttr other) { return shards.overlap(axis, other); });
    });
  };
  Operation *first = nullptr, *stored = nullptr;
  dist::PlanOp tactics = plan;
  for (Operation &op : tactics.getBody().front()) {
    if (auto shard = dyn_cast<dist::ShardOp>(op); shard && uses(shard.getOver())) {
      if (names(shard.getAxes(), axes))
        return shard;
      if (!first)
        first = shard;
    }
    if (auto store = dyn_cast<dist::StoreOp>(op); store && uses(store.getOver()) && !stored)
      stored = store;
  }
  StringRef phase = phaseOf(value, nullptr);
  return stored && (!first || phase != "forward" || isa<BlockArgument>(value)) ? stored : first;
}

ReasonAttr Reasons::make(Value value, Operation *user, const Twine &because, ArrayRef<AxisRefAttr> over,
                         ArrayRef<StringRef> axes) const {
  Builder builder(value.getContext());
  Operation *tactic = tacticOf(value, over, axes);
  std::string hint = tactic ? "leave out `" + describe(tactic) + "`" : "";
  LocationAttr where = tactic ? LocationAttr(tactic->getLoc()) : LocationAttr(builder.getUnknownLoc());
  return ReasonAttr::get(value.getContext(), builder.getStringAttr(pathOf(value, user)),
                         builder.getStringAttr(phaseOf(value, user)), builder.getStringAttr(because),
                         builder.getStringAttr(hint), where);
}

//===------------------------------------------------------------------===//
// Sentences
//===------------------------------------------------------------------===//

// What is reduced, where that is cut over these mesh axes: the names of the program's axes.
static SmallVector<StringRef> reducedAxes(Operation *op, ArrayRef<AxisRefAttr> over, const Shards &shards) {
  SmallVector<StringRef> axes;
  auto factors = op ? op->getAttrOfType<ArrayAttr>(dist::kFactorsAttr) : ArrayAttr();
  auto index = dyn_cast_or_null<model::IndexOp>(op);
  if (!factors || !index)
    return axes;
  for (uint64_t dim = index.getParallel(); dim < factors.size(); ++dim)
    for (AxisRefAttr axis : cast<dist::DimAttr>(factors[dim]).getAxes())
      if (llvm::any_of(over, [&](AxisRefAttr other) { return shards.overlap(axis, other); }) &&
          !llvm::is_contained(axes, index.getAxis(dim)))
        axes.push_back(index.getAxis(dim));
  return axes;
}

static StringRef wordFor(model::Combiner combiner) {
  switch (combiner) {
  case model::Combiner::Max:
    return "greatest";
  case model::Combiner::Min:
    return "least";
  case model::Combiner::Prod:
    return "product";
  default:
    return "sum";
  }
}

ReasonAttr Reasons::of(Value value, const Step &step, LayoutAttr from, LayoutAttr to, Operation *user) const {
  auto type = cast<RankedTensorType>(value.getType());
  std::string over = dist::text(ArrayRef<AxisRefAttr>(step.over)), wanted = dist::text(type, to);
  if (step.move == Move::AllReduce || step.move == Move::ReduceScatter) {
    SmallVector<StringRef> axes = reducedAxes(value.getDefiningOp(), step.over, shards);
    std::string of = axes.empty() ? "what positions pick from a table" : llvm::join(axes, ", ");
    return make(value, user,
                "the " + wordFor(step.combiner) + " over " + of + " is computed over " + over +
                    ": each rank has a part of it, and " + wanted + " is wanted",
                step.over, axes);
  }
  SmallVector<StringRef> axes;
  SmallVector<StringRef> all = model::axesOf(type);
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (!all.empty() && from.getDims()[dim] != to.getDims()[dim])
      axes.push_back(all[dim]);
  std::string reader = user && user->getNumResults() ? pathOf(user->getResult(0), nullptr) : std::string();
  std::string need = reader.empty() ? "it is wanted as " + wanted : reader + " is computed from " + wanted;
  if (isa_and_present<func::ReturnOp>(user))
    need = "it is kept as " + wanted;
  return make(value, user, "it lies as " + dist::text(type, from) + "; " + need, step.over, axes);
}

ReasonAttr Reasons::ofHalo(Value value, int64_t dim, ArrayRef<AxisRefAttr> over, Operation *user) const {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<StringRef> all = model::axesOf(type);
  StringRef axis = all.empty() ? "a dim" : all[dim];
  std::string reader = pathOf(user->getResult(0), nullptr);
  return make(value, user,
              "a window of " + reader + " reaches over the edge of the blocks of " + axis + " over " +
                  dist::text(over),
              over, axis);
}

ReasonAttr Reasons::ofManual(dist::ManualOp op) const {
  Builder builder(op.getContext());
  auto tactic = op->getAttrOfType<StringAttr>(dist::kTacticAttr);
  std::string value = op.getNumResults() ? pathOf(op.getResult(0), nullptr) : std::string();
  StringRef phase = op.getBody().ends_with("_backward") ? "backward" : "forward";
  std::string because =
      "the local program of " + (tactic ? "`" + tactic.str() + "`" : "a manual region") + " asks for it";
  std::string hint = tactic ? "leave out `" + tactic.str() + "`" : "";
  return ReasonAttr::get(op.getContext(), builder.getStringAttr(value), builder.getStringAttr(phase),
                         builder.getStringAttr(because), builder.getStringAttr(hint), op->getLoc());
}
