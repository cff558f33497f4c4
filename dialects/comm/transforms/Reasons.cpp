#include "dialects/comm/transforms/Reasons.h"

#include "dialects/dist/ir/Notation.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

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
  auto argument = dyn_cast<BlockArgument>(value);
  if (argument && entry.getArgAttr(argument.getArgNumber(), model::kStateAttr))
    return "state";
  if (isa_and_present<func::ReturnOp>(user))
    for (auto [i, result] : llvm::enumerate(user->getOperands()))
      if (result == value && entry.getResultAttr(i, model::kStateAttr))
        return "state";
  Operation *op = value.getDefiningOp();
  // What the forward pass has, and the backward pass alone reads so, moves then.
  bool isReadBackwards = user && isa<model::ModelDialect>(user->getDialect()) && !forward.contains(user) &&
                         !update.contains(user);
  if (argument || forward.contains(op))
    return isReadBackwards ? "backward" : argument ? "input" : "forward";
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

// What a body gets from the one scan that runs it, or null: a stack of which this is a slice, a const.
static Value handedIn(BlockArgument argument) {
  func::FuncOp body = functionOf(argument);
  model::ScanOp only;
  unsigned runners = 0;
  for (auto function : body->getParentOfType<ModuleOp>().getOps<func::FuncOp>())
    for (auto scan : function.getOps<model::ScanOp>())
      if (scan.getBody() == body.getSymName() && ++runners == 1)
        only = scan;
  if (runners != 1 || argument.getArgNumber() == 0)
    return nullptr;
  unsigned number = argument.getArgNumber() - 1, consts = only.getConsts().size();
  bool isCarry = number >= consts && number < consts + only.getCarries().size();
  return isCarry ? Value() : only->getOperand(number);
}

// A name for it in the function it belongs to: its own, a state's, an input's, or that of what it is a slice
// of.
static StringRef ownName(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return nameOf(value);
  func::FuncOp function = functionOf(value);
  if (!function->hasAttr(model::kEntryAttr))
    if (Value outer = handedIn(argument))
      return ownName(outer);
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

ReasonAttr Reasons::make(Value value, Operation *user, const Twine &because, const Causes &causes) const {
  MLIRContext *context = value.getContext();
  Builder builder(context);
  ArrayAttr edits, path;
  LocationAttr where = builder.getUnknownLoc();
  if (!causes.get().empty()) {
    const Cause &first = causes.get().front();
    path = first.path;
    for (auto [number, tactic] : llvm::enumerate(dist::PlanOp(plan).getBody().getOps()))
      if (static_cast<int64_t>(number) == first.tactic)
        where = tactic.getLoc();
    edits = editsFor(plan, causes.get());
  }
  std::string hint = edits ? describe(plan, cast<EditAttr>(edits[0])) : "";
  return ReasonAttr::get(context, builder.getStringAttr(pathOf(value, user)),
                         builder.getStringAttr(phaseOf(value, user)), builder.getStringAttr(because),
                         builder.getStringAttr(hint), where, path, edits, LocationAttr(), ArrayAttr());
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
  Causes causes(shards);
  if (step.move == Move::AllReduce || step.move == Move::ReduceScatter) {
    causes.addFactors(value.getDefiningOp(), step.over, /*pending=*/true);
    SmallVector<StringRef> axes = reducedAxes(value.getDefiningOp(), step.over, shards);
    std::string of = axes.empty() ? "what positions pick from a table" : llvm::join(axes, ", ");
    return make(value, user,
                "the " + wordFor(step.combiner) + " over " + of + " is computed over " + over +
                    ": each rank has a part of it, and " + wanted + " is wanted",
                causes);
  }
  std::string reader = user && user->getNumResults() ? pathOf(user->getResult(0), nullptr) : std::string();
  std::string need = reader.empty() ? "it is wanted as " + wanted : reader + " is computed from " + wanted;
  if (isa_and_present<func::ReturnOp>(user))
    need = "it is kept as " + wanted;
  causes.addLayout(value, step.over);
  if (user)
    causes.addFactors(user, step.over, /*pending=*/false, value);
  else // the op that makes it is computed otherwise than it lies
    causes.addFactors(value.getDefiningOp(), step.over, /*pending=*/false);
  return make(value, user, "it lies as " + dist::text(type, from) + "; " + need, causes);
}

ReasonAttr Reasons::ofHalo(Value value, int64_t dim, ArrayRef<AxisRefAttr> over, Operation *user) const {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<StringRef> all = model::axesOf(type);
  StringRef axis = all.empty() ? "a dim" : all[dim];
  std::string reader = pathOf(user->getResult(0), nullptr);
  Causes causes(shards);
  causes.addLayout(value, over);
  causes.addFactors(user, over, /*pending=*/false, value);
  return make(value, user,
              "a window of " + reader + " reaches over the edge of the blocks of " + axis + " over " +
                  dist::text(over),
              causes);
}

//===------------------------------------------------------------------===//
// Several in one
//===------------------------------------------------------------------===//

static ReasonAttr with(ReasonAttr reason, LocationAttr source, ArrayAttr merged) {
  return ReasonAttr::get(reason.getContext(), reason.getValue(), reason.getPhase(), reason.getBecause(),
                         reason.getHint(), reason.getPlan(), reason.getPath(), reason.getEdits(), source,
                         merged);
}

ReasonAttr cleave::comm::mergedReason(ArrayRef<Operation *> collectives) {
  ReasonAttr first;
  SmallVector<Attribute> others, known;
  auto add = [&](ReasonAttr reason, LocationAttr place) {
    ReasonAttr alone = with(reason, reason.getSource() ? reason.getSource() : place, ArrayAttr());
    if (llvm::is_contained(known, alone))
      return;
    known.push_back(alone);
    if (first)
      others.push_back(alone);
    else
      first = with(reason, reason.getSource(), ArrayAttr());
  };
  for (Operation *op : collectives) {
    auto reason = op->getAttrOfType<ReasonAttr>("reason");
    if (!reason)
      continue;
    add(reason, op->getLoc());
    if (reason.getMerged())
      for (auto other : reason.getMerged().getAsRange<ReasonAttr>())
        add(other, op->getLoc());
  }
  return first && !others.empty() ? with(first, first.getSource(), ArrayAttr::get(first.getContext(), others))
                                  : first;
}

ReasonAttr Reasons::ofManual(dist::ManualOp op) const {
  Builder builder(op.getContext());
  auto tactic = op->getAttrOfType<StringAttr>(dist::kTacticAttr);
  std::string value = op.getNumResults() ? pathOf(op.getResult(0), nullptr) : std::string();
  StringRef phase = op.getBody().contains("_backward") ? "backward" : "forward";
  std::string because =
      "the local program of " + (tactic ? "`" + tactic.str() + "`" : "a manual region") + " asks for it";
  std::string hint = tactic ? "leave out `" + tactic.str() + "`" : "";
  return ReasonAttr::get(op.getContext(), builder.getStringAttr(value), builder.getStringAttr(phase),
                         builder.getStringAttr(because), builder.getStringAttr(hint), op->getLoc(),
                         ArrayAttr(), ArrayAttr(), LocationAttr(), ArrayAttr());
}
