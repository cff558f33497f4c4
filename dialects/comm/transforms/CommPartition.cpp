// --comm-partition: a module with layouts becomes that of one class of ranks.
//
//   %y = model.index (b: Batch = 8) sum (i: In = 32) ins(%x[b, i], %w[i]) ...   // factors [{"dp"}, {"tp"}]
//   ->
//   %p = model.index (b: Batch = 4) sum (i: In = 8) ins(%x[b, i], %w[i]) ...
//   %y = comm.all_reduce sum %p over @m ["tp"]
//
// Before: a legal dist stage, without calls. After: a legal comm stage. It stands behind propagation, whose
// layouts it obeys, and before everything that looks at sizes.
#include "dialects/comm/transforms/Partition.h"
#include "dialects/comm/transforms/Passes.h"
#include "dialects/model/transforms/Build.h"

#include "mlir/IR/IRMapping.h"

namespace cleave::comm {
#define GEN_PASS_DEF_COMMPARTITION
#include "dialects/comm/transforms/Passes.h.inc"
} // namespace cleave::comm

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

//===------------------------------------------------------------------===//
// Values
//===------------------------------------------------------------------===//

RankedTensorType FunctionPartitioner::wholeType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

LayoutAttr FunctionPartitioner::replicated(Value value) const {
  return dist::replicatedLayout(shards.getMeshName(), wholeType(value).getRank());
}

LayoutAttr FunctionPartitioner::declared(Value value) const {
  LayoutAttr layout = dist::layoutOf(value);
  return layout ? layout : replicated(value);
}

bool cleave::comm::isIdentity(Value value, model::Combiner combiner) {
  auto op = value.getDefiningOp<model::IndexOp>();
  if (!op || op.getNumReductions() != 0)
    return false;
  auto constant =
      cast<model::YieldOp>(op.getBodyBlock().getTerminator()).getValue().getDefiningOp<arith::ConstantOp>();
  return constant && constant.getValue() == identityOf(combiner, model::elementType(value));
}

static bool sends(ArrayRef<Step> steps) {
  return llvm::any_of(steps,
                      [](const Step &step) { return step.move != Move::Slice && step.move != Move::Only; });
}

bool FunctionPartitioner::isThere(Value value, LayoutAttr layout, unsigned depth) {
  auto known = values.find(value);
  if (known != values.end() && llvm::any_of(known->second, [&](auto &entry) {
        return entry.first == layout || !sends(resharder.plan(wholeType(value), entry.first, layout));
      }))
    return true;
  return canRemake(value, layout, depth);
}

Value FunctionPartitioner::convert(Value value, Value local, LayoutAttr from, LayoutAttr to,
                                   Operation *user) {
  if (from == to)
    return local;
  RankedTensorType whole = wholeType(value);
  const SmallVector<Step> &steps = resharder.plan(whole, from, to);
  if (sends(steps))
    if (Value made = remake(value, to))
      return made;
  for (const Step &step : steps) {
    if (step.move == Move::Only && isIdentity(local, step.combiner)) {
      from = step.after;
      continue;
    }
    local = emitStep(builder, value.getLoc(), shards, whole, local, from, step,
                     reasons.of(value, step, from, to, user));
    from = step.after;
  }
  return local;
}

void FunctionPartitioner::define(Value value, Value local, LayoutAttr actual) {
  LayoutAttr layout = declared(value);
  values[value].insert({layout, convert(value, local, actual, layout, nullptr)});
}

Value FunctionPartitioner::get(Value value, LayoutAttr layout, Operation *user) {
  auto &known = values[value];
  auto it = known.find(layout);
  if (it != known.end())
    return it->second;
  // From the layout that costs least; of equals the declared one.
  auto secondsFrom = [&](LayoutAttr from) {
    double seconds = 0;
    for (const Step &step : resharder.plan(wholeType(value), from, layout))
      seconds += step.seconds;
    return seconds;
  };
  auto source = std::min_element(known.begin(), known.end(), [&](const auto &a, const auto &b) {
    return secondsFrom(a.first) < secondsFrom(b.first);
  });
  auto [from, local] = *source;
  Value converted = convert(value, local, from, layout, user);
  values[value].insert({layout, converted});
  return converted;
}

Value FunctionPartitioner::getWhole(Value value, Operation *user) {
  return get(value, replicated(value), user);
}

Value FunctionPartitioner::offset(int64_t extent, ArrayRef<AxisRefAttr> axes) {
  ArrayAttr over = overOf(function.getContext(), axes);
  Value &known = offsets[{extent, over}];
  if (known)
    return known;
  OpBuilder head = OpBuilder::atBlockBegin(fresh);
  bool even = shards.isEven(extent, axes);
  return known = OffsetOp::create(head, function.getLoc(), RankedTensorType::get({}, head.getI64Type()),
                                  shards.getMeshName().getValue(), over, shards.padded(extent),
                                  even ? shards.local(extent, axes) : 0, nullptr, nullptr);
}

Value FunctionPartitioner::combine(Location loc, ArrayRef<std::pair<Value, int64_t>> terms,
                                   int64_t constant) {
  if (terms.size() == 1 && terms.front().second == 1 && constant == 0)
    return terms.front().first;
  SmallVector<Value> inputs;
  for (auto [value, factor] : terms)
    inputs.push_back(value);
  RankedTensorType type = RankedTensorType::get({}, builder.getI64Type());
  return model::makeElementwise(
      builder, loc, type, inputs, [&](OpBuilder &body, Location at, ValueRange scalars) {
        Value sum = arith::ConstantOp::create(body, at, body.getI64IntegerAttr(constant));
        for (auto [scalar, term] : llvm::zip(scalars, terms)) {
          Value factor = arith::ConstantOp::create(body, at, body.getI64IntegerAttr(term.second));
          sum = arith::AddIOp::create(body, at, sum, arith::MulIOp::create(body, at, scalar, factor));
        }
        return sum;
      });
}

LocalDim FunctionPartitioner::localDim(int64_t whole, ArrayRef<AxisRefAttr> axes) const {
  return {whole, AxisList(axes.begin(), axes.end()), shards.local(whole, axes)};
}

//===------------------------------------------------------------------===//
// Attributes of ops
//===------------------------------------------------------------------===//

static constexpr llvm::StringLiteral kDistPrefix = "dist.";

// What an op carries, but for what the dist stage said about it.
void FunctionPartitioner::copyNames(Operation *from, Operation *to) const {
  for (NamedAttribute attribute : from->getDiscardableAttrs())
    if (!attribute.getName().getValue().starts_with(kDistPrefix))
      to->setAttr(attribute.getName(), attribute.getValue());
}

SmallVector<AxisList> FunctionPartitioner::factorsOf(Operation *op, size_t dims) const {
  SmallVector<AxisList> factors(dims);
  if (auto known = op->getAttrOfType<ArrayAttr>(dist::kFactorsAttr))
    for (auto [factor, attribute] : llvm::zip(factors, known)) {
      ArrayRef<AxisRefAttr> axes = cast<dist::DimAttr>(attribute).getAxes();
      factor.assign(axes.begin(), axes.end());
    }
  return factors;
}

LayoutAttr FunctionPartitioner::layoutOfArgument(StringRef callee, unsigned argument, Type type) const {
  auto layout =
      symbols.lookup<func::FuncOp>(callee).getArgAttrOfType<LayoutAttr>(argument, dist::kLayoutAttr);
  return layout ? layout
                : dist::replicatedLayout(shards.getMeshName(), cast<RankedTensorType>(type).getRank());
}

LayoutAttr FunctionPartitioner::resultLayout(ArrayRef<AxisList> factors, size_t parallel,
                                             model::Combiner combiner) const {
  AxisList pending;
  for (const AxisList &axes : factors.drop_front(parallel))
    pending.append(axes);
  SmallVector<dist::PartialAttr> partials;
  if (!pending.empty())
    partials.push_back(dist::PartialAttr::get(shards.getMeshName().getContext(), combiner, pending));
  return makeLayout(shards.getMeshName(), factors.take_front(parallel), partials);
}

//===------------------------------------------------------------------===//
// Control
//===------------------------------------------------------------------===//

// A layout with a whole dim in front.
static LayoutAttr stacked(LayoutAttr layout) {
  SmallVector<AxisList> dims = axesPerDim(layout);
  dims.insert(dims.begin(), AxisList());
  return makeLayout(layout.getMesh(), dims, layout.getPartials());
}

static LayoutAttr unstacked(LayoutAttr layout) {
  return makeLayout(layout.getMesh(), ArrayRef(axesPerDim(layout)).drop_front(), layout.getPartials());
}

static LayoutAttr layoutOfResult(func::FuncOp callee, unsigned result, FlatSymbolRefAttr mesh, Type type) {
  auto layout = callee.getResultAttrOfType<LayoutAttr>(result, dist::kLayoutAttr);
  return layout ? layout : dist::replicatedLayout(mesh, cast<RankedTensorType>(type).getRank());
}

void FunctionPartitioner::partitionScan(model::ScanOp op) {
  SmallVector<Value> operands[3];
  unsigned argument = 1, consts = op.getConsts().size(), carries = op.getCarries().size();
  SmallVector<LayoutAttr> layouts;
  for (Value value : op->getOperands()) {
    unsigned kind = argument <= consts ? 0 : argument <= consts + carries ? 1 : 2;
    LayoutAttr layout = layoutOfArgument(op.getBody(), argument,
                                         kind == 2 ? model::sliceType(wholeType(value)) : value.getType());
    operands[kind].push_back(get(value, kind == 2 ? stacked(layout) : layout, op));
    ++argument;
  }
  auto body = symbols.lookup<func::FuncOp>(op.getBody());
  SmallVector<Type> types;
  for (auto [i, value] : llvm::enumerate(op.getResults())) {
    bool carry = i < carries;
    LayoutAttr layout = layoutOfResult(body, i, shards.getMeshName(),
                                       carry ? wholeType(value) : model::sliceType(wholeType(value)));
    layouts.push_back(carry ? layout : stacked(layout));
    types.push_back(shards.localType(wholeType(value), layouts.back()));
  }
  auto made = model::ScanOp::create(builder, op.getLoc(), types, op.getBody(), op.getCount(), op.getAxis(),
                                    op.getReverse(), operands[0], operands[1], operands[2]);
  copyNames(op, made);
  for (auto [value, local, layout] : llvm::zip(op.getResults(), made.getResults(), layouts))
    define(value, local, layout);
}

void FunctionPartitioner::partitionIf(model::IfOp op) {
  SmallVector<Value> inputs;
  for (auto [i, value] : llvm::enumerate(op.getInputs()))
    inputs.push_back(get(value, layoutOfArgument(op.getThenBody(), i, value.getType()), op));
  auto body = symbols.lookup<func::FuncOp>(op.getThenBody());
  SmallVector<Type> types;
  SmallVector<LayoutAttr> layouts;
  for (auto [i, value] : llvm::enumerate(op.getResults())) {
    layouts.push_back(layoutOfResult(body, i, shards.getMeshName(), value.getType()));
    types.push_back(shards.localType(wholeType(value), layouts.back()));
  }
  auto made = model::IfOp::create(builder, op.getLoc(), types, getWhole(op.getCondition(), op),
                                  op.getThenBody(), op.getElseBody(), inputs);
  copyNames(op, made);
  for (auto [value, local, layout] : llvm::zip(op.getResults(), made.getResults(), layouts))
    define(value, local, layout);
}

void FunctionPartitioner::partitionWhile(model::WhileOp op) {
  SmallVector<Value> operands[2];
  SmallVector<LayoutAttr> layouts;
  for (auto [i, value] : llvm::enumerate(op->getOperands())) {
    LayoutAttr layout = layoutOfArgument(op.getBody(), i, value.getType());
    bool carry = i >= op.getConsts().size();
    operands[carry].push_back(get(value, layout, op));
    if (carry)
      layouts.push_back(layout);
  }
  auto made =
      model::WhileOp::create(builder, op.getLoc(), TypeRange(ValueRange(operands[1])), op.getCondition(),
                             op.getBody(), op.getBound(), operands[0], operands[1]);
  copyNames(op, made);
  for (auto [value, local, layout] : llvm::zip(op.getResults(), made.getResults(), layouts))
    define(value, local, layout);
}

//===------------------------------------------------------------------===//
// Other ops
//===------------------------------------------------------------------===//

void FunctionPartitioner::partitionConstrain(dist::ConstrainOp op) {
  Value result = op.getResult();
  LayoutAttr wanted = dist::layoutOf(result) ? declared(result) : placement(shards.getMesh(), op.getLayout());
  values[result].insert({wanted, get(op.getInput(), wanted, op)});
}

void FunctionPartitioner::partitionConstant(arith::ConstantOp op) {
  auto value = dyn_cast<DenseElementsAttr>(op.getValue());
  LayoutAttr layout = declared(op.getResult());
  if (value && value.isSplat()) {
    auto type = shards.localType(wholeType(op.getResult()), layout);
    auto local = DenseElementsAttr::get(type, value.getSplatValue<Attribute>());
    define(op.getResult(), arith::ConstantOp::create(builder, op.getLoc(), type, local), layout);
    return;
  }
  define(op.getResult(), builder.clone(*op)->getResult(0), replicated(op.getResult()));
}

// Ops that keep the layout of what they read, and those that need whole values.
LogicalResult FunctionPartitioner::partitionOther(Operation *op) {
  bool keeps = isa<model::StopGradientOp, model::NameOp>(op);
  if (auto barrier = dyn_cast<dist::BarrierOp>(op)) {
    define(barrier.getResult(), get(barrier.getInput(), declared(barrier.getInput()), op),
           declared(barrier.getInput()));
    return success();
  }
  if (!keeps && !isa<model::PrintOp, model::AssertOp>(op))
    return op->emitOpError("is not known to the partitioner, got one");
  IRMapping mapping;
  for (Value operand : op->getOperands())
    mapping.map(operand, keeps ? get(operand, declared(operand), op) : getWhole(operand, op));
  Operation *made = builder.clone(*op, mapping);
  made->removeDiscardableAttr(dist::kLayoutsAttr);
  if (keeps) {
    made->getResult(0).setType(made->getOperand(0).getType());
    define(op->getResult(0), made->getResult(0), declared(op->getOperand(0)));
  }
  return success();
}

LogicalResult FunctionPartitioner::partition(Operation *op) {
  if (auto index = dyn_cast<model::IndexOp>(op))
    partitionIndex(index);
  else if (auto gather = dyn_cast<model::GatherOp>(op))
    partitionGather(gather);
  else if (auto scatter = dyn_cast<model::ScatterOp>(op))
    partitionScatter(scatter);
  else if (auto argsort = dyn_cast<model::ArgsortOp>(op))
    partitionArgsort(argsort);
  else if (auto manual = dyn_cast<dist::ManualOp>(op))
    return partitionManual(manual);
  else if (auto collective = dyn_cast<dist::CollectiveOp>(op))
    partitionCollective(collective);
  else if (auto rank = dyn_cast<dist::RankOp>(op))
    partitionRank(rank);
  else if (auto scan = dyn_cast<model::ScanOp>(op))
    partitionScan(scan);
  else if (auto branch = dyn_cast<model::IfOp>(op))
    partitionIf(branch);
  else if (auto loop = dyn_cast<model::WhileOp>(op))
    partitionWhile(loop);
  else if (auto constrain = dyn_cast<dist::ConstrainOp>(op))
    partitionConstrain(constrain);
  else if (auto constant = dyn_cast<arith::ConstantOp>(op))
    partitionConstant(constant);
  else
    return partitionOther(op);
  return success();
}

LogicalResult FunctionPartitioner::run() {
  Block &old = function.getBody().front();
  fresh = new Block();
  function.getBody().push_back(fresh);
  builder.setInsertionPointToEnd(fresh);
  for (BlockArgument argument : old.getArguments()) {
    LayoutAttr layout = declared(argument);
    values[argument].insert(
        {layout, fresh->addArgument(shards.localType(wholeType(argument), layout), argument.getLoc())});
  }
  for (Operation &op : old.without_terminator())
    if (failed(partition(&op)))
      return failure();
  auto end = cast<func::ReturnOp>(old.getTerminator());
  SmallVector<Value> results;
  for (auto [i, value] : llvm::enumerate(end.getOperands()))
    results.push_back(get(value, layoutOfResult(function, i, shards.getMeshName(), value.getType()), end));
  func::ReturnOp::create(builder, end.getLoc(), results);
  function.setFunctionType(
      FunctionType::get(function.getContext(), fresh->getArgumentTypes(), TypeRange(ValueRange(results))));
  old.dropAllDefinedValueUses();
  old.erase();
  return success();
}

//===------------------------------------------------------------------===//
// The module
//===------------------------------------------------------------------===//

static void declareResult(func::FuncOp function, unsigned result, LayoutAttr layout) {
  if (layout && !function.getResultAttr(result, dist::kLayoutAttr))
    function.setResultAttr(result, dist::kLayoutAttr, layout);
}

// What a function that a scan, an if or a while runs returns lies as these hand it on.
static void declareResults(Operation *op, SymbolTable &symbols) {
  auto carriesOf = [&](StringRef name, unsigned first, unsigned count) {
    auto body = symbols.lookup<func::FuncOp>(name);
    for (unsigned i = 0; i < count; ++i)
      declareResult(body, i, body.getArgAttrOfType<LayoutAttr>(first + i, dist::kLayoutAttr));
  };
  if (auto scan = dyn_cast<model::ScanOp>(op)) {
    unsigned carries = scan.getCarries().size();
    carriesOf(scan.getBody(), 1 + scan.getConsts().size(), carries);
    for (unsigned i = carries; i < scan.getNumResults(); ++i)
      if (LayoutAttr layout = dist::layoutOf(scan.getResult(i)))
        declareResult(symbols.lookup<func::FuncOp>(scan.getBody()), i, unstacked(layout));
  } else if (auto loop = dyn_cast<model::WhileOp>(op)) {
    carriesOf(loop.getBody(), loop.getConsts().size(), loop.getCarries().size());
  } else if (auto branch = dyn_cast<model::IfOp>(op)) {
    for (StringRef name : {branch.getThenBody(), branch.getElseBody()})
      for (unsigned i = 0; i < branch.getNumResults(); ++i)
        declareResult(symbols.lookup<func::FuncOp>(name), i, dist::layoutOf(branch.getResult(i)));
  }
}

// Layouts and factors as comm::placement has them.
static void normalize(Operation *op, dist::MeshOp mesh) {
  MLIRContext *context = op->getContext();
  if (auto function = dyn_cast<func::FuncOp>(op)) {
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (auto layout = function.getArgAttrOfType<LayoutAttr>(i, dist::kLayoutAttr))
        function.setArgAttr(i, dist::kLayoutAttr, placement(mesh, layout));
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      if (auto layout = function.getResultAttrOfType<LayoutAttr>(i, dist::kLayoutAttr))
        function.setResultAttr(i, dist::kLayoutAttr, placement(mesh, layout));
  }
  auto rewrite = [&](StringRef name, llvm::function_ref<Attribute(Attribute)> change) {
    if (auto list = op->getAttrOfType<ArrayAttr>(name))
      op->setAttr(name, ArrayAttr::get(context, llvm::map_to_vector(list, change)));
  };
  rewrite(dist::kLayoutsAttr, [&](Attribute attribute) -> Attribute {
    auto layout = dyn_cast<LayoutAttr>(attribute);
    return layout ? placement(mesh, layout) : attribute;
  });
  rewrite(dist::kFactorsAttr, [&](Attribute attribute) -> Attribute {
    return dist::DimAttr::get(context, joined(mesh, cast<dist::DimAttr>(attribute).getAxes()), false, 0);
  });
}

// Both branches, and both functions of a while, take their arguments alike.
static void declareArguments(Operation *op, SymbolTable &symbols) {
  StringRef names[2];
  if (auto branch = dyn_cast<model::IfOp>(op)) {
    names[0] = branch.getThenBody();
    names[1] = branch.getElseBody();
  } else if (auto loop = dyn_cast<model::WhileOp>(op)) {
    names[0] = loop.getBody();
    names[1] = loop.getCondition();
  } else {
    return;
  }
  auto from = symbols.lookup<func::FuncOp>(names[0]), to = symbols.lookup<func::FuncOp>(names[1]);
  for (unsigned i = 0; i < from.getNumArguments(); ++i)
    if (Attribute layout = from.getArgAttr(i, dist::kLayoutAttr))
      to.setArgAttr(i, dist::kLayoutAttr, layout);
}

namespace {
struct CommPartition : cleave::comm::impl::CommPartitionBase<CommPartition> {
  using CommPartitionBase::CommPartitionBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    dist::MeshOp mesh = meshOf(module);
    if (!mesh)
      return; // nothing is shared out
    SmallVector<int64_t> coordinates(rank.begin(), rank.end());
    coordinates.resize(mesh.getSizes().size());
    for (auto [coordinate, size] : llvm::zip(coordinates, mesh.getSizes()))
      if (coordinate < 0 || coordinate >= size) {
        mesh.emitError("a rank lies in the mesh, got coordinate ")
            << coordinate << " of an axis of size " << size;
        return signalPassFailure();
      }
    SymbolTable symbols(module);
    module.walk([&](Operation *op) { normalize(op, mesh); });
    module.walk([&](Operation *op) { declareArguments(op, symbols); });
    module.walk([&](Operation *op) { declareResults(op, symbols); });
    declarePorts(module, symbols);
    FailureOr<Shards> shards = Shards::create(module, mesh, coordinates);
    if (failed(shards))
      return signalPassFailure();
    markLocalPrograms(module, symbols, *shards);
    Resharder resharder(*shards);
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal() && failed(FunctionPartitioner(*shards, resharder, symbols, function).run()))
        return signalPassFailure();
    markStates(module, *shards);
    markPadding(module, *shards);
    module->setAttr(kRankAttr, DenseI64ArrayAttr::get(&getContext(), coordinates));
  }

  // Entries keep the global type of what goes in and out.
  void declarePorts(ModuleOp module, SymbolTable &symbols) {
    for (auto entry : module.getOps<func::FuncOp>()) {
      if (!entry->hasAttr(model::kEntryAttr))
        continue;
      for (unsigned i = 0; i < entry.getNumArguments(); ++i) {
        entry.setArgAttr(i, kGlobalAttr, TypeAttr::get(entry.getArgumentTypes()[i]));
        keepState(symbols, entry.getArgAttrOfType<FlatSymbolRefAttr>(i, model::kStateAttr),
                  entry.getArgAttrOfType<LayoutAttr>(i, dist::kLayoutAttr));
      }
      for (unsigned i = 0; i < entry.getNumResults(); ++i) {
        entry.setResultAttr(i, kGlobalAttr, TypeAttr::get(entry.getResultTypes()[i]));
        keepState(symbols, entry.getResultAttrOfType<FlatSymbolRefAttr>(i, model::kStateAttr),
                  entry.getResultAttrOfType<LayoutAttr>(i, dist::kLayoutAttr));
      }
    }
    // A state lies the same everywhere.
    for (auto entry : module.getOps<func::FuncOp>()) {
      for (unsigned i = 0; i < entry.getNumArguments(); ++i)
        if (LayoutAttr layout =
                layoutOfState(symbols, entry.getArgAttrOfType<FlatSymbolRefAttr>(i, model::kStateAttr)))
          entry.setArgAttr(i, dist::kLayoutAttr, layout);
      for (unsigned i = 0; i < entry.getNumResults(); ++i)
        if (LayoutAttr layout =
                layoutOfState(symbols, entry.getResultAttrOfType<FlatSymbolRefAttr>(i, model::kStateAttr)))
          entry.setResultAttr(i, dist::kLayoutAttr, layout);
    }
  }

  static void keepState(SymbolTable &symbols, FlatSymbolRefAttr name, LayoutAttr layout) {
    if (!name || !layout)
      return;
    Operation *state = symbols.lookup(name.getValue());
    if (state && !state->hasAttr(dist::kLayoutAttr))
      state->setAttr(dist::kLayoutAttr, layout);
  }

  static LayoutAttr layoutOfState(SymbolTable &symbols, FlatSymbolRefAttr name) {
    Operation *state = name ? symbols.lookup(name.getValue()) : nullptr;
    return state ? state->getAttrOfType<LayoutAttr>(dist::kLayoutAttr) : LayoutAttr();
  }

  static int64_t room(const Shards &shards, int64_t extent, ArrayRef<AxisRefAttr> axes) {
    return shards.isPadded(extent, axes) ? shards.local(extent, axes) : 0;
  }

  // The blocks of what goes in and out, where they are padded.
  static DenseI64ArrayAttr paddedDims(const Shards &shards, TypeAttr global, LayoutAttr layout) {
    SmallVector<int64_t> dims;
    if (global && layout)
      for (auto [i, dim] : llvm::enumerate(layout.getDims()))
        dims.push_back(room(shards, cast<RankedTensorType>(global.getValue()).getDimSize(i), dim.getAxes()));
    return llvm::all_of(dims, [](int64_t size) { return size == 0; })
               ? DenseI64ArrayAttr()
               : DenseI64ArrayAttr::get(shards.getMeshName().getContext(), dims);
  }

  static void markPadding(ModuleOp module, const Shards &shards) {
    for (auto entry : module.getOps<func::FuncOp>()) {
      for (unsigned i = 0; i < entry.getNumArguments(); ++i)
        if (auto dims = paddedDims(shards, entry.getArgAttrOfType<TypeAttr>(i, kGlobalAttr),
                                   entry.getArgAttrOfType<LayoutAttr>(i, dist::kLayoutAttr)))
          entry.setArgAttr(i, kPaddedAttr, dims);
      for (unsigned i = 0; i < entry.getNumResults(); ++i)
        if (auto dims = paddedDims(shards, entry.getResultAttrOfType<TypeAttr>(i, kGlobalAttr),
                                   entry.getResultAttrOfType<LayoutAttr>(i, dist::kLayoutAttr)))
          entry.setResultAttr(i, kPaddedAttr, dims);
    }
    for (auto state : module.getOps<model::StateOp>())
      if (auto dims = paddedDims(shards, state->getAttrOfType<TypeAttr>(kGlobalAttr),
                                 state->getAttrOfType<LayoutAttr>(dist::kLayoutAttr)))
        state->setAttr(kPaddedAttr, dims);
  }

  static void markStates(ModuleOp module, const Shards &shards) {
    for (auto state : module.getOps<model::StateOp>()) {
      auto whole = cast<RankedTensorType>(state.getType());
      state->setAttr(kGlobalAttr, TypeAttr::get(whole));
      state.setType(shards.localType(whole, state->getAttrOfType<LayoutAttr>(dist::kLayoutAttr)));
    }
  }
};
} // namespace
