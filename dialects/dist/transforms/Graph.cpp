#include "dialects/dist/transforms/Graph.h"

#include "dialects/dist/transforms/ManualRegions.h"
#include "dialects/model/transforms/CallOrder.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

//===------------------------------------------------------------------===//
// Slots
//===------------------------------------------------------------------===//

RankedTensorType Slot::type() const {
  Type type = value ? value.getType() : func::FuncOp(function).getFunctionType().getResult(number);
  return dyn_cast<RankedTensorType>(type);
}

Attribute Slot::getAttr(StringRef onFunction, StringRef onOp) const {
  if (!value)
    return func::FuncOp(function).getResultAttr(number, onFunction);
  if (auto argument = dyn_cast<BlockArgument>(value))
    return cast<func::FuncOp>(argument.getOwner()->getParentOp())
        .getArgAttr(argument.getArgNumber(), onFunction);
  auto result = cast<OpResult>(value);
  auto known = result.getOwner()->getAttrOfType<ArrayAttr>(onOp);
  return known ? known[result.getResultNumber()] : Attribute();
}

void Slot::setAttr(StringRef onFunction, StringRef onOp, Attribute attr) const {
  if (!value)
    return func::FuncOp(function).setResultAttr(number, onFunction, attr);
  if (auto argument = dyn_cast<BlockArgument>(value))
    return cast<func::FuncOp>(argument.getOwner()->getParentOp())
        .setArgAttr(argument.getArgNumber(), onFunction, attr);
  auto result = cast<OpResult>(value);
  Operation *op = result.getOwner();
  SmallVector<Attribute> attrs(op->getNumResults(), UnitAttr::get(op->getContext()));
  if (auto known = op->getAttrOfType<ArrayAttr>(onOp))
    attrs.assign(known.begin(), known.end());
  attrs[result.getResultNumber()] = attr;
  op->setAttr(onOp, ArrayAttr::get(op->getContext(), attrs));
}

StringRef Slot::name() const {
  for (StringRef key :
       {StringRef(model::kStateAttr), StringRef(model::kInputAttr), StringRef(model::kOutputAttr)}) {
    if (value && !isa<BlockArgument>(value))
      break;
    Attribute attr = getAttr(key, "");
    if (auto symbol = dyn_cast_or_null<FlatSymbolRefAttr>(attr))
      return symbol.getValue();
    if (auto text = dyn_cast_or_null<StringAttr>(attr))
      return text.getValue();
  }
  if (value && isa<OpResult>(value)) {
    if (auto name = value.getDefiningOp<model::NameOp>())
      return name.getPath();
    if (auto name = dyn_cast_or_null<StringAttr>(getAttr("", "names")))
      return name.getValue();
  }
  return "";
}

func::FuncOp Slot::parent() const {
  return value ? Value(value).getParentRegion()->getParentOfType<func::FuncOp>() : function;
}

Location Slot::loc() const { return value ? value.getLoc() : func::FuncOp(function).getLoc(); }

//===------------------------------------------------------------------===//
// Cells
//===------------------------------------------------------------------===//

namespace {

class GraphBuilder {
public:
  GraphBuilder(ModuleOp module, Graph &graph) : module(module), symbols(module), graph(graph) {}

  LogicalResult run();

private:
  void walkAll(function_ref<void(Operation *)> visit);
  void addSlots();
  void mergeSlots();
  void mergeStates();
  LogicalResult mergeGroups();
  void makeCells();
  LogicalResult readLayouts();
  LogicalResult readLayout(Cell &cell, const Slot &slot, LayoutAttr layout);
  void applyConstraints();
  void addRules();

  void merge(ArrayRef<unsigned> slots) {
    for (unsigned slot : slots.drop_front())
      classes.unionSets(slots.front(), slot);
  }
  unsigned slotOf(Value value) { return slotOfValue.find(value)->second; }
  unsigned slotOf(func::FuncOp function, unsigned result) {
    return slotOfResult.find({function, result})->second;
  }
  func::FuncOp lookup(FlatSymbolRefAttr name) { return symbols.lookup<func::FuncOp>(name.getValue()); }
  func::FuncOp lookup(StringRef name) { return symbols.lookup<func::FuncOp>(name); }

  void addOp(Operation *op);
  void addFunction(func::FuncOp function);
  void addReturn(func::ReturnOp op);
  void noteJoined(Operation *op);
  void addJoin(Operation *op, ArrayRef<Value> values, unsigned target);
  void addScan(model::ScanOp op);
  void addIf(model::IfOp op);
  void addWhile(model::WhileOp op);
  void addManual(ManualOp op);
  // Identity from sources to targets; `drop` leading dims only the sources have, `add` only the targets.
  void addFlow(Operation *op, ArrayRef<unsigned> sources, ArrayRef<unsigned> targets, bool drop = false,
               bool add = false);

  ModuleOp module;
  SymbolTable symbols;
  Graph &graph;
  std::vector<Slot> slots;
  DenseMap<Value, unsigned> slotOfValue;
  DenseMap<std::pair<Operation *, unsigned>, unsigned> slotOfResult;
  llvm::EquivalenceClasses<unsigned> classes;
  DenseSet<std::pair<Operation *, unsigned>> joined; // results of bodies
  DenseSet<Value> grouped;
};

} // namespace

static bool isTensor(Type type) { return isa<RankedTensorType>(type); }

// Ops whose region is a scalar body are one op here.
static void walkTensorOps(func::FuncOp function, function_ref<void(Operation *)> visit) {
  for (Block &block : function.getBody())
    for (Operation &op : block)
      visit(&op);
}

void GraphBuilder::walkAll(function_ref<void(Operation *)> visit) {
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    walkTensorOps(function, visit);
}

void GraphBuilder::addSlots() {
  auto add = [&](Slot slot) {
    classes.insert(slots.size());
    slots.push_back(slot);
    return slots.size() - 1;
  };
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    for (Value argument : function.getArguments())
      if (isTensor(argument.getType()))
        slotOfValue[argument] = add({argument, {}, 0});
    for (auto [number, type] : llvm::enumerate(function.getFunctionType().getResults()))
      if (isTensor(type))
        slotOfResult[{function, number}] = add({{}, function, static_cast<unsigned>(number)});
    walkTensorOps(function, [&](Operation *op) {
      for (Value result : op->getResults())
        if (isTensor(result.getType()))
          slotOfValue[result] = add({result, {}, 0});
    });
  }
}

void GraphBuilder::mergeSlots() {
  walkAll([&](Operation *op) {
    TypeSwitch<Operation *>(op)
        .Case([&](model::ScanOp scan) {
          func::FuncOp body = lookup(scan.getBody());
          for (unsigned i = 0; i != scan.getCarries().size(); ++i)
            merge({slotOf(body.getArgument(1 + scan.getConsts().size() + i)), slotOf(body, i),
                   slotOf(scan.getResult(i))});
        })
        .Case([&](model::IfOp branch) {
          for (auto [i, result] : llvm::enumerate(branch.getResults()))
            merge({slotOf(result), slotOf(lookup(branch.getThenBody()), i),
                   slotOf(lookup(branch.getElseBody()), i)});
        })
        .Case([&](model::WhileOp loop) {
          func::FuncOp body = lookup(loop.getBody()), condition = lookup(loop.getCondition());
          for (auto [i, argument] : llvm::enumerate(body.getArguments()))
            merge({slotOf(argument), slotOf(condition.getArgument(i))});
          for (auto [i, result] : llvm::enumerate(loop.getResults()))
            merge({slotOf(result), slotOf(body, i), slotOf(body.getArgument(loop.getConsts().size() + i))});
        })
        .Case([&](model::CallOp call) {
          for (auto [i, result] : llvm::enumerate(call.getResults()))
            merge({slotOf(result), slotOf(lookup(call.getCallee()), i)});
        });
  });
}

// A state lies in memory in one way for all entries, before and after each.
void GraphBuilder::mergeStates() {
  llvm::MapVector<Attribute, SmallVector<unsigned>> places;
  for (auto [number, slot] : llvm::enumerate(slots))
    if (!slot.value || isa<BlockArgument>(slot.value))
      if (Attribute state = slot.getAttr(model::kStateAttr, ""))
        places[state].push_back(number);
  for (auto &[state, same] : places)
    merge(same);
}

LogicalResult GraphBuilder::mergeGroups() {
  DenseMap<uint64_t, GroupOp> first;
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    for (GroupOp group : function.getOps<GroupOp>()) {
      auto [known, isNew] = first.try_emplace(group.getId(), group);
      GroupOp other = known->second;
      auto shapeOf = [](GroupOp op) { return cast<RankedTensorType>(op.getInput().getType()).getShape(); };
      if (shapeOf(group) != shapeOf(other)) {
        InFlightDiagnostic error = group.emitOpError("needs values of one shape, found ")
                                   << group.getInput().getType() << " and " << other.getInput().getType();
        error.attachNote(other.getLoc()) << "the first of group " << group.getId() << " is here";
        return error;
      }
      grouped.insert(group.getInput());
      merge({slotOf(other.getInput()), slotOf(group.getInput())});
    }
  return success();
}

void GraphBuilder::makeCells() {
  DenseMap<unsigned, unsigned> cellOfLeader;
  for (unsigned slot = 0; slot != slots.size(); ++slot) {
    auto [known, isNew] = cellOfLeader.try_emplace(classes.getLeaderValue(slot), graph.cells.size());
    if (isNew) {
      Cell &cell = graph.cells.emplace_back();
      RankedTensorType type = slots[slot].type();
      llvm::append_range(cell.shape, type.getShape());
      llvm::append_range(cell.axes, model::axesOf(type));
      cell.axes.resize(cell.shape.size());
      cell.cut.dims.resize(cell.shape.size());
      cell.remainder.assign(cell.shape.size(), Graph::Any);
    }
    graph.cells[known->second].slots.push_back(slots[slot]);
    if (!slots[slot].value || isa<BlockArgument>(slots[slot].value))
      if (auto state = dyn_cast_or_null<FlatSymbolRefAttr>(slots[slot].getAttr(model::kStateAttr, "")))
        graph.cells[known->second].state = symbols.lookup<model::StateOp>(state.getValue());
    if (slots[slot].value)
      graph.cellOf[slots[slot].value] = known->second;
    else
      graph.resultCell[{slots[slot].function, slots[slot].number}] = known->second;
  }
}

// A place has one layout: of what a loop carries, the first that is stated is it; values of a group must
// agree.
LogicalResult GraphBuilder::readLayout(Cell &cell, const Slot &slot, LayoutAttr layout) {
  auto error = [&]() { return emitError(slot.loc()) << "layout " << layout << " "; };
  auto mesh = symbols.lookup<MeshOp>(layout.getMesh().getValue());
  if (!mesh)
    return error() << "is on a mesh that is not declared";
  if (layout.getDims().size() != cell.shape.size())
    return error() << "needs a dim for each axis of the value, " << cell.shape.size()
                   << ", got: " << layout.getDims().size();
  FailureOr<Cut> cut = resolve(mesh, layout, error);
  if (failed(cut))
    return failure();
  if (cell.isStated && !(slot.value && grouped.contains(slot.value)))
    return success();
  std::optional<Cut> both = cell.isStated ? agreed(cell.cut, *cut) : *cut;
  if (!both) {
    InFlightDiagnostic refused = error()
                                 << "stands for a value of a group, whose values have one layout; found "
                                 << toAttr(cell.mesh, cell.cut) << " for another";
    for (const Slot &other : cell.slots)
      if (other.value != slot.value && other.getAttr(kLayoutAttr, kLayoutsAttr)) {
        refused.attachNote(other.loc()) << "which is here; leave one of them out, or open its dims";
        break;
      }
    return refused;
  }
  if (!mesh.getAxes().empty()) // one without axes says no more than which dims are closed
    cell.mesh = mesh;
  cell.isStated = true;
  for (auto [dim, old] : llvm::zip(both->dims, cell.cut.dims))
    for (const Axis &axis : dim.axes)
      if (!overlaps(axis, old.axes))
        cell.origins.push_back({axis, -1, -1});
  cell.cut = *both;
  return success();
}

LogicalResult GraphBuilder::readLayouts() {
  for (Cell &cell : graph.cells)
    for (const Slot &slot : cell.slots) {
      auto layout = dyn_cast_or_null<LayoutAttr>(slot.getAttr(kLayoutAttr, kLayoutsAttr));
      if (!layout && slot.value) {
        if (auto constrain = slot.value.getDefiningOp<ConstrainOp>())
          layout = constrain.getLayout();
        else if (auto manual = slot.value.getDefiningOp<ManualOp>())
          layout = openBoundary(
              manual, cast<LayoutAttr>(manual.getOutLayouts()[cast<OpResult>(slot.value).getResultNumber()]));
      }
      if (layout && failed(readLayout(cell, slot, layout)))
        return failure();
    }
  applyConstraints();
  return success();
}

// A value that says nothing itself, and is constrained to one closed layout, has it: what makes it makes it
// so.
void GraphBuilder::applyConstraints() {
  auto isClosed = [](LayoutAttr layout) {
    return llvm::none_of(layout.getDims(), [](DimAttr dim) { return dim.getOpen(); });
  };
  walkAll([&](Operation *op) {
    auto constrain = dyn_cast<ConstrainOp>(op);
    if (!constrain || !isClosed(constrain.getLayout()))
      return;
    Cell &cell = graph.cells[graph.cell(constrain.getInput())];
    bool others = llvm::any_of(constrain.getInput().getUsers(), [&](Operation *user) {
      auto other = dyn_cast<ConstrainOp>(user);
      return other && other.getLayout() != constrain.getLayout();
    });
    if (cell.isStated || cell.slots.size() != 1 || others)
      return;
    const Cell &wanted = graph.cells[graph.cell(constrain.getResult())];
    cell.mesh = wanted.mesh;
    cell.cut = wanted.cut;
    cell.origins = wanted.origins;
    cell.isStated = true;
  });
}

//===------------------------------------------------------------------===//
// Rules
//===------------------------------------------------------------------===//

void GraphBuilder::addFlow(Operation *op, ArrayRef<unsigned> sources, ArrayRef<unsigned> targets, bool drop,
                           bool add) {
  ArrayRef<int64_t> shape = graph.cells[sources.front()].shape;
  Rule rule;
  rule.op = op;
  rule.kind = RuleClass::PassThrough;
  rule.map = identityFactors(drop ? shape.drop_front() : shape, sources.size(), targets.size());
  if (drop)
    for (TensorFactors &source : rule.map.operands)
      source.dims.insert(source.dims.begin(), DimFactors{});
  if (add)
    for (TensorFactors &target : rule.map.results)
      target.dims.insert(target.dims.begin(), DimFactors{});
  rule.operands.assign(sources.begin(), sources.end());
  rule.results.assign(targets.begin(), targets.end());
  if (!rule.map.factors.empty())
    graph.rules.push_back(std::move(rule));
}

static Value returned(func::FuncOp function, unsigned number) {
  return function.getBody().front().getTerminator()->getOperand(number);
}

void GraphBuilder::addReturn(func::ReturnOp op) {
  auto function = op->getParentOfType<func::FuncOp>();
  for (auto [number, value] : llvm::enumerate(op.getOperands())) {
    if (!isTensor(value.getType()) || joined.contains({function, number}))
      continue;
    unsigned source = graph.cell(value), target = graph.cell(function, number);
    if (source != target)
      addFlow(op, source, target);
  }
}

// Notes the results of bodies that come together with other values in one place.
void GraphBuilder::noteJoined(Operation *op) {
  auto note = [&](StringRef body, unsigned count) {
    for (unsigned number = 0; number != count; ++number)
      joined.insert({lookup(body), number});
  };
  if (auto scan = dyn_cast<model::ScanOp>(op))
    note(scan.getBody(), scan.getCarries().size());
  else if (auto loop = dyn_cast<model::WhileOp>(op))
    note(loop.getBody(), loop.getNumResults());
  else if (auto branch = dyn_cast<model::IfOp>(op))
    for (StringRef body : {branch.getThenBody(), branch.getElseBody()})
      note(body, branch.getNumResults());
}

// Everything that comes together in a place spreads to it at once: what a loop starts from and what a turn
// gives, what both branches give.
void GraphBuilder::addJoin(Operation *op, ArrayRef<Value> values, unsigned target) {
  SmallVector<unsigned> sources;
  for (Value value : values)
    if (unsigned source = graph.cell(value); source != target)
      sources.push_back(source);
  if (!sources.empty())
    addFlow(op, sources, target);
}

void GraphBuilder::addScan(model::ScanOp op) {
  func::FuncOp body = lookup(op.getBody());
  unsigned argument = 1;
  for (Value value : op.getConsts())
    addFlow(op, graph.cell(value), graph.cell(body.getArgument(argument++)));
  for (auto [number, value] : llvm::enumerate(op.getCarries()))
    addJoin(op, {value, returned(body, number)}, graph.cell(body.getArgument(argument++)));
  for (Value value : op.getSlices())
    addFlow(op, graph.cell(value), graph.cell(body.getArgument(argument++)), /*drop=*/true);
  addFunction(body);
  for (unsigned i = op.getCarries().size(); i != op.getNumResults(); ++i)
    addFlow(op, graph.cell(body, i), graph.cell(op.getResult(i)), /*drop=*/false, /*add=*/true);
}

void GraphBuilder::addIf(model::IfOp op) {
  func::FuncOp thenBody = lookup(op.getThenBody()), elseBody = lookup(op.getElseBody());
  for (auto [number, value] : llvm::enumerate(op.getInputs()))
    addFlow(op, graph.cell(value),
            {graph.cell(thenBody.getArgument(number)), graph.cell(elseBody.getArgument(number))});
  addFunction(thenBody);
  addFunction(elseBody);
  for (auto [number, result] : llvm::enumerate(op.getResults()))
    addJoin(op, {returned(thenBody, number), returned(elseBody, number)}, graph.cell(result));
}

void GraphBuilder::addWhile(model::WhileOp op) {
  func::FuncOp body = lookup(op.getBody());
  for (auto [number, value] : llvm::enumerate(op.getConsts()))
    addFlow(op, graph.cell(value), graph.cell(body.getArgument(number)));
  for (auto [number, value] : llvm::enumerate(op.getCarries()))
    addJoin(op, {value, returned(body, number)}, graph.cell(op.getResult(number)));
  addFunction(lookup(op.getCondition()));
  addFunction(body);
}

// What goes in and out of a region: blocks of the values at its boundary.
void GraphBuilder::addManual(ManualOp op) {
  func::FuncOp body = lookup(op.getBody());
  auto mesh = symbols.lookup<MeshOp>(op.getMesh());
  auto addBoundary = [&](Attribute layout, Value value, unsigned inner, bool inwards) {
    Rule rule;
    rule.op = op;
    rule.kind = RuleClass::PassThrough;
    TensorFactors outside, inside;
    boundaryFactors(cast<LayoutAttr>(layout), cast<RankedTensorType>(value.getType()), mesh, rule.map,
                    outside, inside);
    rule.map.operands.push_back(inwards ? outside : inside);
    rule.map.results.push_back(inwards ? inside : outside);
    rule.operands = {inwards ? graph.cell(value) : inner};
    rule.results = {inwards ? inner : graph.cell(value)};
    if (!rule.map.factors.empty())
      graph.rules.push_back(std::move(rule));
  };
  for (auto [number, value] : llvm::enumerate(op.getInputs()))
    addBoundary(op.getInLayouts()[number], value, graph.cell(body.getArgument(number)), /*inwards=*/true);
  addFunction(body);
  for (auto [number, value] : llvm::enumerate(op.getResults()))
    addBoundary(op.getOutLayouts()[number], value, graph.cell(body, number), /*inwards=*/false);
}

// Whether every operand that has dims walks along the whole result or is broadcast to it, and nothing else.
static bool isElementwise(const FactorMap &map) {
  if (map.hasReductions())
    return false;
  return llvm::all_of(map.operands, [](const TensorFactors &tensor) {
    return llvm::all_of(tensor.dims, [](const DimFactors &dim) { return dim.read == Read::Plain; });
  });
}

// A gather whose table is read whole along dims, or at positions that are the same for all.
static bool isSlide(Operation *op) {
  auto gather = dyn_cast<model::GatherOp>(op);
  return gather && llvm::all_of(gather.getIndices(), [](Value index) {
           return cast<RankedTensorType>(index.getType()).getRank() == 0;
         });
}

void GraphBuilder::addOp(Operation *op) {
  std::optional<FactorMap> map = factorMapOf(op);
  if (!map || map->factors.empty())
    return;
  Rule rule;
  rule.op = op;
  rule.computes = true;
  for (Value operand : op->getOperands()) {
    rule.operands.push_back(graph.cell(operand));
    auto type = cast<RankedTensorType>(operand.getType());
    rule.multiUse |= type.getRank() != 0 && !operand.hasOneUse();
  }
  for (Value result : op->getResults())
    rule.results.push_back(graph.cell(result));
  rule.elementwise = isElementwise(*map);
  rule.slides = isSlide(op);
  rule.kind = rule.elementwise || rule.slides ? RuleClass::PassThrough : RuleClass::Other;
  if (auto barrier = dyn_cast<BarrierOp>(op)) {
    rule.forward = barrier.getAllowed() == "forward";
    rule.backward = barrier.getAllowed() == "backward";
  }
  rule.map = std::move(*map);
  graph.rules.push_back(std::move(rule));
}

// Rules in the order of execution: what goes into a body, the body, what comes out of it.
void GraphBuilder::addFunction(func::FuncOp function) {
  walkTensorOps(function, [&](Operation *op) {
    TypeSwitch<Operation *>(op)
        .Case([&](model::ScanOp scan) { addScan(scan); })
        .Case([&](model::IfOp branch) { addIf(branch); })
        .Case([&](model::WhileOp loop) { addWhile(loop); })
        .Case([&](ManualOp manual) { addManual(manual); })
        .Case([&](model::CallOp call) {
          func::FuncOp callee = lookup(call.getCallee());
          for (auto [number, value] : llvm::enumerate(call.getInputs()))
            addFlow(op, graph.cell(value), graph.cell(callee.getArgument(number)));
          addFunction(callee);
        })
        .Default([&](Operation *other) { addOp(other); });
  });
}

void GraphBuilder::addRules() {
  DenseSet<Operation *> bodies;
  walkAll([&](Operation *op) {
    noteJoined(op);
    for (func::FuncOp body : model::calleesOf(op, symbols))
      bodies.insert(body);
  });
  module.walk([&](func::ReturnOp op) { addReturn(op); });
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    if (!bodies.contains(function) && !function.isExternal())
      addFunction(function);
  for (auto [number, rule] : llvm::enumerate(graph.rules))
    for (unsigned cell : llvm::concat<const unsigned>(rule.operands, rule.results))
      if (graph.cells[cell].rules.empty() || graph.cells[cell].rules.back() != number)
        graph.cells[cell].rules.push_back(number);
}

LogicalResult GraphBuilder::run() {
  addSlots();
  mergeSlots();
  mergeStates();
  if (failed(mergeGroups()))
    return failure();
  makeCells();
  if (failed(readLayouts()))
    return failure();
  barManualAxes(module, graph);
  addRules();
  return success();
}

LogicalResult cleave::dist::buildGraph(ModuleOp module, Graph &graph) {
  return GraphBuilder(module, graph).run();
}

//===------------------------------------------------------------------===//
// Bodies
//===------------------------------------------------------------------===//

static SmallVector<StringRef> bodyAttrs(Operation *op) {
  return TypeSwitch<Operation *, SmallVector<StringRef>>(op)
      .Case<model::ScanOp, ManualOp>([](auto) { return SmallVector<StringRef>{"body"}; })
      .Case<model::IfOp>([](auto) { return SmallVector<StringRef>{"then_body", "else_body"}; })
      .Case<model::WhileOp>([](auto) { return SmallVector<StringRef>{"condition", "body"}; })
      .Case<model::CallOp>([](auto) { return SmallVector<StringRef>{"callee"}; })
      .Default([](Operation *) { return SmallVector<StringRef>(); });
}

// Removes private functions that nothing runs, and what says that others are linked to them.
static void eraseUnused(ModuleOp module, const DenseSet<Operation *> &used) {
  SmallVector<func::FuncOp> unused;
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    if (function.isPrivate() && !used.contains(function))
      unused.push_back(function);
  for (func::FuncOp function : unused)
    function.erase();
  SymbolTable symbols(module);
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    for (NamedAttribute attr : llvm::to_vector(function->getDiscardableAttrs()))
      if (auto link = dyn_cast<FlatSymbolRefAttr>(attr.getValue()); link && !symbols.lookup(link.getValue()))
        function->removeAttr(attr.getName());
}

void cleave::dist::unshareBodies(ModuleOp module, bool erase) {
  SymbolTable symbols(module);
  DenseSet<Operation *> called, used;
  module.walk([&](Operation *op) {
    for (func::FuncOp callee : model::calleesOf(op, symbols))
      called.insert(callee);
  });
  // Copies are visited too: what they run is theirs alone.
  SmallVector<func::FuncOp> pending;
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    if (function.isPublic() || (!erase && !called.contains(function)))
      pending.push_back(function);
  for (unsigned i = 0; i != pending.size(); ++i) {
    func::FuncOp caller = pending[i];
    caller.walk([&](Operation *op) {
      for (StringRef name : bodyAttrs(op)) {
        auto callee = symbols.lookup<func::FuncOp>(op->getAttrOfType<FlatSymbolRefAttr>(name).getValue());
        if (!used.insert(callee).second) {
          callee = callee.clone();
          symbols.insert(callee, ++Block::iterator(caller));
          op->setAttr(name, FlatSymbolRefAttr::get(callee));
          used.insert(callee);
        }
        pending.push_back(callee);
      }
    });
  }
  if (erase)
    eraseUnused(module, used);
}

//===------------------------------------------------------------------===//
// Constants
//===------------------------------------------------------------------===//

static bool isOfConstants(Value value) {
  Operation *op = value.getDefiningOp();
  if (isa_and_present<arith::ConstantOp>(op))
    return true;
  auto index = dyn_cast_or_null<model::IndexOp>(op);
  return index && index.getNumReductions() == 0 && !index->hasAttr(kLayoutsAttr) &&
         llvm::all_of(index.getInputs(), isOfConstants);
}

static Value copyOfConstants(OpBuilder &builder, Value value) {
  Operation *op = value.getDefiningOp();
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(copyOfConstants(builder, operand));
  Operation *copy = builder.clone(*op);
  copy->setOperands(operands);
  copy->removeAttr("names");
  return copy->getResult(0);
}

void cleave::dist::splitConstants(ModuleOp module) {
  module.walk([](func::FuncOp function) {
    for (Operation &op : llvm::make_early_inc_range(function.getOps()))
      for (OpOperand &operand : op.getOpOperands()) {
        Value value = operand.get();
        auto type = dyn_cast<RankedTensorType>(value.getType());
        bool shared = type && type.getRank() != 0 && !value.hasOneUse() && &*value.use_begin() != &operand;
        if (!shared || !isOfConstants(value))
          continue;
        OpBuilder builder(&op);
        operand.set(copyOfConstants(builder, value));
      }
  });
}

//===------------------------------------------------------------------===//
// Conversions
//===------------------------------------------------------------------===//

unsigned cleave::dist::addConversion(Graph &graph, MeshOp mesh, Value value, const Cut &to,
                                     Operation *before) {
  OpBuilder builder(before);
  auto op = ConstrainOp::create(builder, value.getLoc(), value, toAttr(mesh, to));
  Cell cell = graph.cells[graph.cell(value)];
  unsigned source = graph.cell(value), made = graph.cells.size();
  cell.slots = {{op.getResult(), {}, 0}};
  cell.cut = to;
  cell.computed = to;
  cell.state = {};
  cell.conflicts.clear();
  llvm::erase_if(cell.origins, [&](const Origin &origin) { return !to.uses(origin.axis); });
  graph.cells.push_back(std::move(cell));
  graph.cellOf[op.getResult()] = made;
  Rule rule;
  rule.op = op;
  rule.computes = true;
  rule.kind = RuleClass::PassThrough;
  rule.elementwise = true;
  rule.map = *factorMapOf(op);
  rule.operands = {source};
  rule.results = {made};
  graph.rules.push_back(std::move(rule));
  return made;
}
