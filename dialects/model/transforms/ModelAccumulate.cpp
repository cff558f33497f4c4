// --model-accumulate: runs the part of a training step that has an axis of examples in micro-batches, one
// after the other.
//
//   %g = <forward and backward of all of Batch>     ->  %g = scan over Micro { acc + <the same for a part of
//   Batch> }
//
// Ops that have the axis go into the body of a scan, with the axis shortened; a value that was reduced over
// it is partial over time, and is added up in a carry in the order of micro-batches; what follows from sums
// alone stays behind the scan. Micro-batch t has the examples whose position is t modulo the count: they are
// the same share of every rank's part, so that a cut of the axis over a mesh needs no exchange. `model.iter`
// of the axis becomes the position in the whole, so that random masks keep their bits.
//
// Before: gradients are made, calls are opened. After: the same, and the axis is shorter within. It stands
// before layouts, which then see the loop as any other.
#include "dialects/model/transforms/Accumulate.h"
#include "dialects/model/transforms/Build.h"
#include "dialects/model/transforms/CallOrder.h"
#include "dialects/model/transforms/Linear.h"
#include "dialects/model/transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/SaveAndRestore.h"

namespace cleave::model {
#define GEN_PASS_DEF_MODELACCUMULATE
#include "dialects/model/transforms/Passes.h.inc"
} // namespace cleave::model

using namespace mlir;
using namespace cleave::model;

namespace {

// What a value is to the loop over micro-batches.
enum class Kind {
  Whole,   // the same for all of them
  Split,   // has the axis
  Partial, // reduced over the axis: the loop adds it up
};

// The axis, its size and how it is cut.
struct Cut {
  StringRef axis;
  int64_t size, count;

  int64_t part() const { return size / count; }
  std::optional<int64_t> dimOf(Value value) const {
    RankedTensorType type = rankedType(value);
    for (auto [dim, name] : llvm::enumerate(axesOf(type)))
      if (name == axis && type.getDimSize(dim) == size)
        return dim;
    return std::nullopt;
  }
  bool isCut(IndexOp op, int64_t dim) const { return op.getAxis(dim) == axis && op.getSizes()[dim] == size; }
  bool hasDim(IndexOp op) const {
    return llvm::any_of(llvm::seq<int64_t>(0, op.getNumDims()), [&](int64_t dim) { return isCut(op, dim); });
  }
  RankedTensorType shorten(RankedTensorType type) const {
    SmallVector<int64_t> sizes(type.getShape());
    for (auto [dim, name] : llvm::enumerate(axesOf(type)))
      if (name == axis && sizes[dim] == size)
        sizes[dim] = part();
    return RankedTensorType::get(sizes, type.getElementType(), type.getEncoding());
  }
};

bool isZero(Value value) {
  auto splat = value.getDefiningOp<IndexOp>();
  return splat && splat.getInputs().empty() &&
         matchPattern(cast<YieldOp>(splat.getBodyBlock().getTerminator()).getValue(), m_AnyZeroFloat());
}

// What an op of another dialect runs: the local program of a manual region.
func::FuncOp localProgram(Operation *op, SymbolTable &symbols) {
  if (op->getName().getDialectNamespace() == ModelDialect::getDialectNamespace())
    return {};
  SmallVector<func::FuncOp> callees = calleesOf(op, symbols);
  return callees.size() == 1 ? callees.front() : func::FuncOp();
}

//===------------------------------------------------------------------===//
// What is split, what is partial
//===------------------------------------------------------------------===//

class Analysis {
public:
  Analysis(Cut cut, SymbolTable &symbols) : cut(cut), symbols(symbols) {}

  // The kinds of an op's results, from those of its operands. Fails, with the reason in `why`, where a part
  // of the axis does not give the op what it needs.
  FailureOr<SmallVector<Kind>> visit(Operation *op, ArrayRef<Kind> operands);
  // Whether the op has the axis, itself or within.
  bool hasAxis(Operation *op);
  std::string why;

private:
  FailureOr<SmallVector<Kind>> visitIndex(IndexOp op, ArrayRef<Kind> operands);
  FailureOr<SmallVector<Kind>> visitGather(GatherOp op, ArrayRef<Kind> operands);
  FailureOr<SmallVector<Kind>> visitScatter(ScatterOp op, ArrayRef<Kind> operands);
  FailureOr<SmallVector<Kind>> visitScan(ScanOp op, ArrayRef<Kind> operands);
  FailureOr<SmallVector<Kind>> visitBranches(IfOp op, ArrayRef<Kind> operands);
  FailureOr<SmallVector<Kind>> visitLocal(Operation *op, func::FuncOp body, ArrayRef<Kind> operands);
  FailureOr<SmallVector<Kind>> visitBody(func::FuncOp body, ArrayRef<Kind> arguments);
  FailureOr<SmallVector<Kind>> refuse(const Twine &reason) {
    why = reason.str();
    return failure();
  }
  bool readsPlainly(AffineMap map, RankedTensorType type, function_ref<bool(int64_t)> isCutDim);
  SmallVector<Kind> byType(Operation *op) {
    return llvm::map_to_vector(op->getResults(),
                               [&](Value value) { return cut.dimOf(value) ? Kind::Split : Kind::Whole; });
  }

  Cut cut;
  SymbolTable &symbols;
  unsigned depth = 0; // of bodies
  DenseMap<Operation *, bool> memo;
};

// Whether the map reads the axis of a tensor at the op's own position along it, and the position nowhere
// else.
bool Analysis::readsPlainly(AffineMap map, RankedTensorType type, function_ref<bool(int64_t)> isCutDim) {
  SmallVector<StringRef> names = axesOf(type);
  for (unsigned dim = 0; dim < map.getNumResults(); ++dim) {
    AffineExpr expr = map.getResult(dim);
    bool isAxis = names[dim] == cut.axis && type.getDimSize(dim) == cut.size;
    auto plain = dyn_cast<AffineDimExpr>(expr);
    if (isAxis && !(plain && isCutDim(plain.getPosition())))
      return false;
    if (!isAxis && llvm::any_of(llvm::seq<int64_t>(0, map.getNumDims()),
                                [&](int64_t d) { return isCutDim(d) && expr.isFunctionOfDim(d); }))
      return false;
  }
  return true;
}

FailureOr<SmallVector<Kind>> Analysis::visitIndex(IndexOp op, ArrayRef<Kind> operands) {
  auto isCutDim = [&](int64_t dim) { return cut.isCut(op, dim); };
  bool isReduced = false;
  for (int64_t dim = 0; dim < op.getNumDims(); ++dim)
    isReduced |= isCutDim(dim) && dim >= static_cast<int64_t>(op.getParallel());
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    if (!readsPlainly(op.getMap(i), rankedType(input), isCutDim))
      return refuse("an example is read at another one's position");
  if (llvm::is_contained(operands, Kind::Partial)) {
    if (cut.hasDim(op))
      return refuse("a value reduced over " + cut.axis + " meets single examples");
    SmallVector<bool> marked = llvm::map_to_vector(operands, [](Kind kind) { return kind == Kind::Partial; });
    if (!isLinearIn(op, marked))
      return refuse("a value reduced over " + cut.axis + " is used before all of it is known");
    return SmallVector<Kind>{Kind::Partial};
  }
  if (isReduced && depth && op.getCombiner() != Combiner::Sum)
    return refuse("a loop takes the " + stringifyCombiner(op.getCombiner()) + " of " + cut.axis);
  return SmallVector<Kind>{isReduced ? Kind::Partial : cut.dimOf(op.getResult()) ? Kind::Split : Kind::Whole};
}

FailureOr<SmallVector<Kind>> Analysis::visitGather(GatherOp op, ArrayRef<Kind> operands) {
  if (llvm::is_contained(operands, Kind::Partial))
    return refuse("a value reduced over " + cut.axis + " is used before all of it is known");
  std::optional<int64_t> dim = cut.dimOf(op.getResult());
  auto isCutDim = [&](int64_t d) { return dim && d == *dim; };
  if (!readsPlainly(op.getTableMap(), rankedType(op.getTable()), isCutDim))
    return refuse("an example is read at a position that another value holds");
  for (auto [map, indices] : llvm::zip(op.getIndexMaps().getAsValueRange<AffineMapAttr>(), op.getIndices()))
    if (!readsPlainly(map, rankedType(indices), isCutDim))
      return refuse("an example is read at another one's position");
  return byType(op);
}

FailureOr<SmallVector<Kind>> Analysis::visitScatter(ScatterOp op, ArrayRef<Kind> operands) {
  if (llvm::is_contained(operands, Kind::Partial))
    return refuse("a value reduced over " + cut.axis + " is used before all of it is known");
  std::optional<int64_t> dim = cut.dimOf(op.getUpdates());
  auto isCutDim = [&](int64_t d) { return dim && d == *dim; };
  if (!readsPlainly(op.getResultMap(), rankedType(op.getResult()), isCutDim))
    return refuse("an example is written at a position that another value holds");
  for (auto [map, indices] : llvm::zip(op.getIndexMaps().getAsValueRange<AffineMapAttr>(), op.getIndices()))
    if (!readsPlainly(map, rankedType(indices), isCutDim))
      return refuse("an example is read at another one's position");
  if (!dim || cut.dimOf(op.getResult()))
    return byType(op);
  if (op.getCombiner() != Combiner::Sum || !isZero(op.getInit()))
    return refuse("examples are written, one after the other, to what all share");
  return SmallVector<Kind>{Kind::Partial};
}

FailureOr<SmallVector<Kind>> Analysis::visitBody(func::FuncOp body, ArrayRef<Kind> arguments) {
  llvm::SaveAndRestore deeper(depth, depth + 1);
  DenseMap<Value, Kind> kinds;
  for (auto [argument, kind] : llvm::zip_equal(body.getArguments(), arguments))
    kinds[argument] = kind;
  for (Operation &op : body.getBody().front().without_terminator()) {
    SmallVector<Kind> operands =
        llvm::map_to_vector(op.getOperands(), [&](Value value) { return kinds.lookup(value); });
    FailureOr<SmallVector<Kind>> made = visit(&op, operands);
    if (failed(made))
      return failure();
    for (auto [result, kind] : llvm::zip_equal(op.getResults(), *made))
      kinds[result] = kind;
  }
  return llvm::map_to_vector(body.getBody().front().getTerminator()->getOperands(),
                             [&](Value value) { return kinds.lookup(value); });
}

FailureOr<SmallVector<Kind>> Analysis::visitScan(ScanOp op, ArrayRef<Kind> operands) {
  if (op.getAxis() == cut.axis)
    return refuse("a scan runs over " + cut.axis);
  auto body = symbols.lookup<func::FuncOp>(op.getBody());
  unsigned consts = op.getConsts().size(), carries = op.getCarries().size();
  SmallVector<Kind> arguments{Kind::Whole};
  llvm::append_range(arguments, operands);
  for (auto [i, slice] : llvm::enumerate(op.getSlices())) {
    std::optional<int64_t> dim = cut.dimOf(slice);
    if (dim && *dim == 0)
      return refuse("a scan runs over " + cut.axis);
  }
  while (true) {
    FailureOr<SmallVector<Kind>> results = visitBody(body, arguments);
    if (failed(results))
      return failure();
    bool isStable = true;
    for (unsigned c = 0; c < carries; ++c) {
      Kind &before = arguments[1 + consts + c];
      if (before == (*results)[c])
        continue;
      if ((*results)[c] != Kind::Partial || !isZero(op.getCarries()[c]))
        return refuse("a loop carries what only some examples gave");
      before = Kind::Partial;
      isStable = false;
    }
    if (isStable)
      return *results;
  }
}

FailureOr<SmallVector<Kind>> Analysis::visitBranches(IfOp op, ArrayRef<Kind> operands) {
  if (operands.front() != Kind::Whole)
    return refuse("an if depends on examples");
  auto visitBranch = [&](StringRef name) {
    return visitBody(symbols.lookup<func::FuncOp>(name), operands.drop_front());
  };
  FailureOr<SmallVector<Kind>> first = visitBranch(op.getThenBody()), second = visitBranch(op.getElseBody());
  if (failed(first) || failed(second))
    return failure();
  if (*first != *second)
    return refuse("one branch of an if reduces over " + cut.axis + ", the other does not");
  return first;
}

// A program of blocks, of whole micro-batches: it is not told which one it has.
FailureOr<SmallVector<Kind>> Analysis::visitLocal(Operation *op, func::FuncOp body, ArrayRef<Kind> operands) {
  for (auto [value, block] : llvm::zip(op->getOperands(), body.getArguments()))
    if (cut.dimOf(value) != cut.dimOf(block))
      return refuse("a manual region cuts " + cut.axis);
  SmallVector<func::FuncOp> functions{body};
  for (unsigned i = 0; i != functions.size(); ++i) {
    bool counts = functions[i]
                      .walk([&](IterOp iter) {
                        bool along = cut.isCut(iter->getParentOfType<IndexOp>(), iter.getDim());
                        return along ? WalkResult::interrupt() : WalkResult::advance();
                      })
                      .wasInterrupted();
    if (counts)
      return refuse("a local program reads positions along " + cut.axis);
    functions[i].walk([&](Operation *inner) { llvm::append_range(functions, calleesOf(inner, symbols)); });
  }
  return visitBody(body, operands);
}

FailureOr<SmallVector<Kind>> Analysis::visit(Operation *op, ArrayRef<Kind> operands) {
  if (auto index = dyn_cast<IndexOp>(op))
    return visitIndex(index, operands);
  if (auto gather = dyn_cast<GatherOp>(op))
    return visitGather(gather, operands);
  if (auto scatter = dyn_cast<ScatterOp>(op))
    return visitScatter(scatter, operands);
  if (auto scan = dyn_cast<ScanOp>(op))
    return visitScan(scan, operands);
  if (auto branches = dyn_cast<IfOp>(op))
    return visitBranches(branches, operands);
  if (func::FuncOp body = localProgram(op, symbols))
    return visitLocal(op, body, operands);
  if (llvm::is_contained(operands, Kind::Partial))
    return refuse("a value reduced over " + cut.axis + " is used before all of it is known");
  if (auto sort = dyn_cast<ArgsortOp>(op)) {
    std::optional<int64_t> dim = cut.dimOf(sort.getInput());
    if (dim && *dim + 1 == rankedType(sort.getInput()).getRank())
      return refuse("examples are sorted");
  } else if (isa<WhileOp>(op) && hasAxis(op)) {
    return refuse("a while loop has the axis " + cut.axis);
  }
  return byType(op);
}

bool Analysis::hasAxis(Operation *op) {
  auto [found, isNew] = memo.try_emplace(op, false);
  if (!isNew)
    return found->second;
  auto index = dyn_cast<IndexOp>(op);
  bool has = (index && cut.hasDim(index)) ||
             llvm::any_of(op->getOperands(), [&](Value value) { return cut.dimOf(value).has_value(); }) ||
             llvm::any_of(op->getResults(), [&](Value value) { return cut.dimOf(value).has_value(); });
  for (func::FuncOp callee : calleesOf(op, symbols))
    for (Operation &inner : callee.getBody().front())
      has = has || hasAxis(&inner);
  return memo[op] = has;
}

//===------------------------------------------------------------------===//
// Shorter copies
//===------------------------------------------------------------------===//

// Copies ops with the axis shortened. `turn` is the number of the micro-batch, a scalar i64; null in local
// programs, which do not need it.
class Shortener {
public:
  Shortener(Cut cut, SymbolTable &symbols) : cut(cut), symbols(symbols) {}
  void copy(OpBuilder &builder, Operation &op, IRMapping &mapping, Value turn);

private:
  void placeIterations(IndexOp op, Value turn);
  func::FuncOp shortBody(func::FuncOp body, std::optional<unsigned> place);
  Cut cut;
  SymbolTable &symbols;
  DenseMap<Operation *, func::FuncOp> bodies; // each takes the turn as its first const
};

// Position p of the axis becomes p * count + turn.
void Shortener::placeIterations(IndexOp op, Value turn) {
  SmallVector<IterOp> places;
  op.walk([&](IterOp iter) {
    if (cut.isCut(op, iter.getDim()))
      places.push_back(iter);
  });
  if (places.empty())
    return;
  op.getInputsMutable().append(turn);
  MLIRContext *context = op.getContext();
  SmallVector<Attribute> maps(op.getMaps().getValue()), outside(op.getOutside().getValue());
  maps.push_back(AffineMapAttr::get(AffineMap::get(op.getNumDims(), 0, {}, context)));
  outside.push_back(UnitAttr::get(context));
  op.setMapsAttr(ArrayAttr::get(context, maps));
  op.setOutsideAttr(ArrayAttr::get(context, outside));
  Value number = op.getBodyBlock().addArgument(elementType(turn), op.getLoc());
  for (IterOp iter : places) {
    OpBuilder builder(iter->getContext());
    builder.setInsertionPointAfter(iter);
    Value count = arith::ConstantOp::create(builder, iter.getLoc(), builder.getI64IntegerAttr(cut.count));
    Value scaled = arith::MulIOp::create(builder, iter.getLoc(), iter.getResult(), count);
    Value place = arith::AddIOp::create(builder, iter.getLoc(), scaled, number);
    iter.getResult().replaceAllUsesExcept(place, scaled.getDefiningOp());
  }
}

void Shortener::copy(OpBuilder &builder, Operation &op, IRMapping &mapping, Value turn) {
  Operation *made = builder.clone(op, mapping);
  for (Value result : made->getResults())
    result.setType(cut.shorten(rankedType(result)));
  if (auto index = dyn_cast<IndexOp>(made)) {
    placeIterations(index, turn); // reads the old sizes
    SmallVector<int64_t> sizes(index.getSizes());
    for (auto [dim, size] : llvm::enumerate(sizes))
      if (cut.isCut(cast<IndexOp>(op), dim))
        size = cut.part();
    index.setSizes(sizes);
  } else if (auto scan = dyn_cast<ScanOp>(made)) {
    std::optional<unsigned> place;
    if (turn) {
      place = 1 + scan.getConsts().size();
      scan.getConstsMutable().append(turn);
    }
    scan.setBody(shortBody(symbols.lookup<func::FuncOp>(scan.getBody()), place).getSymName());
  } else if (auto branches = dyn_cast<IfOp>(made)) {
    std::optional<unsigned> place;
    if (turn) {
      place = branches.getInputs().size();
      branches.getInputsMutable().append(turn);
    }
    branches.setThenBody(shortBody(symbols.lookup<func::FuncOp>(branches.getThenBody()), place).getSymName());
    branches.setElseBody(shortBody(symbols.lookup<func::FuncOp>(branches.getElseBody()), place).getSymName());
  } else if (func::FuncOp body = localProgram(made, symbols)) {
    made->setAttr("body", FlatSymbolRefAttr::get(shortBody(body, std::nullopt).getSymNameAttr()));
  }
}

// A copy of a body with the axis shortened. It takes the turn at this place among its arguments: behind the
// consts of a scan, last of an if's inputs.
func::FuncOp Shortener::shortBody(func::FuncOp body, std::optional<unsigned> place) {
  func::FuncOp &made = bodies[body];
  if (made)
    return made;
  auto scalar = RankedTensorType::get({}, IntegerType::get(body.getContext(), 64));
  SmallVector<Type> inputs, results;
  for (Type type : body.getArgumentTypes())
    inputs.push_back(cut.shorten(cast<RankedTensorType>(type)));
  for (Type type : body.getResultTypes())
    results.push_back(cut.shorten(cast<RankedTensorType>(type)));
  if (place)
    inputs.insert(inputs.begin() + *place, scalar);
  func::FuncOp copied = makeFunction(symbols, body, (body.getSymName() + "_micro").str(), inputs, results);
  made = copied;
  Block &block = copied.getBody().front();
  IRMapping mapping;
  SmallVector<Value> arguments(block.getArguments());
  Value turn = place ? arguments[*place] : Value();
  if (place)
    arguments.erase(arguments.begin() + *place);
  mapping.map(body.getArguments(), arguments);
  OpBuilder builder = OpBuilder::atBlockEnd(&block);
  for (Operation &op : body.getBody().front())
    copy(builder, op, mapping, turn);
  return copied;
}

//===------------------------------------------------------------------===//
// The loop
//===------------------------------------------------------------------===//

// One entry.
class Accumulator {
public:
  Accumulator(func::FuncOp entry, Cut cut, SymbolTable &symbols, Location plan)
      : entry(entry), block(entry.getBody().front()), cut(cut), symbols(symbols), plan(plan),
        analysis(cut, symbols), shortener(cut, symbols) {}
  LogicalResult run();

private:
  LogicalResult classify();
  LogicalResult refuse(Operation *op, const Twine &found);
  bool hoist(Value value);
  void collectPorts();
  Value takeSlices(OpBuilder &builder, Value whole);
  Value joinSlices(OpBuilder &builder, Value stacked, RankedTensorType type);
  Value identity(OpBuilder &builder, Value partial);
  func::FuncOp makeBody();
  void replace(ScanOp loop);

  func::FuncOp entry;
  Block &block;
  Cut cut;
  SymbolTable &symbols;
  Location plan;
  Analysis analysis;
  Shortener shortener;

  DenseMap<Value, Kind> kinds; // inside the loop
  llvm::SetVector<Operation *> inside;
  DenseSet<Value> later;                                   // known behind the loop only
  llvm::SetVector<Value> consts, slices, partials, stacks; // of the loop
};

} // namespace

LogicalResult Accumulator::refuse(Operation *op, const Twine &found) {
  InFlightDiagnostic error = emitError(op->getLoc())
                             << "E940: micro-batches split " << cut.axis
                             << " over time, so nothing within a step may need all of it at once; found that "
                             << found;
  error.attachNote(plan) << "split in " << cut.count << " by this line";
  return error;
}

// What is computed from inputs alone is computed once more for all examples, in front of the loop: counts for
// a mean over a mask, say. Parameters make it as dear as the step itself.
bool Accumulator::hoist(Value value) {
  llvm::SetVector<Operation *> needed;
  SmallVector<Value> work{value};
  while (!work.empty()) {
    Value next = work.pop_back_val();
    if (auto argument = dyn_cast<BlockArgument>(next)) {
      auto state = entry.getArgAttrOfType<FlatSymbolRefAttr>(argument.getArgNumber(), kStateAttr);
      if (state && symbols.lookup<StateOp>(state.getAttr()).getKind() != "counter")
        return false;
      continue;
    }
    Operation *op = next.getDefiningOp();
    if (!isPure(op))
      return false;
    if (needed.insert(op))
      llvm::append_range(work, op->getOperands());
  }
  for (Operation &op : block)
    if (needed.contains(&op)) {
      for (Value result : op.getResults()) {
        kinds[result] = cut.dimOf(result) ? Kind::Split : Kind::Whole;
        later.erase(result);
      }
      inside.remove(&op);
    }
  return true;
}

LogicalResult Accumulator::classify() {
  for (BlockArgument argument : entry.getArguments())
    kinds[argument] = cut.dimOf(argument) ? Kind::Split : Kind::Whole;
  for (Operation &op : block.without_terminator()) {
    bool isLater = llvm::any_of(op.getOperands(), [&](Value value) { return later.contains(value); });
    if (!analysis.hasAxis(&op)) {
      for (Value result : op.getResults()) {
        kinds[result] = Kind::Whole;
        if (isLater)
          later.insert(result);
      }
      continue;
    }
    for (Value operand : op.getOperands())
      if (later.contains(operand) && !hoist(operand))
        return refuse(&op, "a value that all examples make up is used with single ones");
    SmallVector<Kind> operands =
        llvm::map_to_vector(op.getOperands(), [&](Value value) { return kinds.lookup(value); });
    FailureOr<SmallVector<Kind>> made = analysis.visit(&op, operands);
    if (failed(made))
      return refuse(&op, analysis.why);
    inside.insert(&op);
    for (auto [result, kind] : llvm::zip_equal(op.getResults(), *made)) {
      kinds[result] = kind;
      if (kind == Kind::Partial)
        later.insert(result);
    }
  }
  return success();
}

// What goes into the loop and what comes out.
void Accumulator::collectPorts() {
  for (Operation &op : block) {
    if (!inside.contains(&op))
      continue;
    for (Value operand : op.getOperands()) {
      if (Operation *def = operand.getDefiningOp(); def && inside.contains(def))
        continue;
      (cut.dimOf(operand) ? slices : consts).insert(operand);
    }
    for (Value result : op.getResults()) {
      bool isNeeded =
          llvm::any_of(result.getUsers(), [&](Operation *user) { return !inside.contains(user); });
      if (isNeeded)
        (kinds.lookup(result) == Kind::Partial ? partials : stacks).insert(result);
    }
  }
}

// [.., axis, ..] -> [count, .., axis / count, ..], the example at p * count + t as element p of part t.
Value Accumulator::takeSlices(OpBuilder &builder, Value whole) {
  RankedTensorType type = stackedType(cut.shorten(rankedType(whole)), "Micro", cut.count);
  int64_t rank = type.getRank();
  SmallVector<AffineExpr> exprs;
  for (int64_t dim = 0; dim + 1 < rank; ++dim) {
    AffineExpr expr = builder.getAffineDimExpr(dim + 1);
    exprs.push_back(dim == *cut.dimOf(whole) ? expr * cut.count + builder.getAffineDimExpr(0) : expr);
  }
  return IndexOp::create(builder, whole.getLoc(), type, whole,
                         AffineMap::get(rank, 0, exprs, builder.getContext()), ArrayRef<Attribute>{},
                         axesOf(type), type.getShape(), rank, Combiner::None,
                         [](OpBuilder &, Location, ValueRange scalars) { return scalars.front(); });
}

Value Accumulator::joinSlices(OpBuilder &builder, Value stacked, RankedTensorType type) {
  SmallVector<AffineExpr> exprs{builder.getAffineConstantExpr(0)};
  for (auto [dim, name] : llvm::enumerate(axesOf(type))) {
    AffineExpr expr = builder.getAffineDimExpr(dim);
    bool isCut = name == cut.axis && type.getDimSize(dim) == cut.size;
    if (isCut)
      exprs.front() = expr % cut.count;
    exprs.push_back(isCut ? expr.floorDiv(cut.count) : expr);
  }
  return IndexOp::create(builder, stacked.getLoc(), type, stacked,
                         AffineMap::get(type.getRank(), 0, exprs, builder.getContext()),
                         ArrayRef<Attribute>{}, axesOf(type), type.getShape(), type.getRank(), Combiner::None,
                         [](OpBuilder &, Location, ValueRange scalars) { return scalars.front(); });
}

// How partial results of a value are combined: as the op that reduced over the axis does.
static Combiner combinerOf(Value partial) {
  auto index = partial.getDefiningOp<IndexOp>();
  return index && index.getNumReductions() ? index.getCombiner() : Combiner::Sum;
}

Value Accumulator::identity(OpBuilder &builder, Value partial) {
  return makeElementwise(builder, partial.getLoc(), rankedType(partial), {},
                         [&](OpBuilder &body, Location at, ValueRange) -> Value {
                           TypedAttr value = identityOf(body, combinerOf(partial), elementType(partial));
                           return arith::ConstantOp::create(body, at, value);
                         });
}

// func @ENTRY_micro(turn, consts, sums so far, slices) -> (sums, stacks)
func::FuncOp Accumulator::makeBody() {
  SmallVector<Type> inputs{RankedTensorType::get({}, IntegerType::get(entry.getContext(), 64))}, results;
  for (Value value : consts)
    inputs.push_back(value.getType());
  for (Value value : partials) {
    inputs.push_back(value.getType());
    results.push_back(value.getType());
  }
  for (Value value : slices)
    inputs.push_back(cut.shorten(rankedType(value)));
  for (Value value : stacks)
    results.push_back(cut.shorten(rankedType(value)));
  func::FuncOp body = makeFunction(symbols, entry, (entry.getSymName() + "_micro").str(), inputs, results);
  Block &made = body.getBody().front();
  Value turn = made.getArgument(0);
  ValueRange sums = ValueRange(made.getArguments()).slice(1 + consts.size(), partials.size());
  IRMapping mapping;
  for (auto [value, argument] : llvm::zip(consts, made.getArguments().drop_front()))
    mapping.map(value, argument);
  for (auto [value, argument] : llvm::zip(slices, made.getArguments().take_back(slices.size())))
    mapping.map(value, argument);
  OpBuilder builder = OpBuilder::atBlockEnd(&made);
  for (Operation &op : block)
    if (inside.contains(&op))
      shortener.copy(builder, op, mapping, turn);
  SmallVector<Value> outputs;
  for (auto [partial, sum] : llvm::zip(partials, sums)) {
    Combiner combiner = combinerOf(partial);
    outputs.push_back(makeElementwise(builder, partial.getLoc(), rankedType(partial),
                                      {sum, mapping.lookup(partial)},
                                      [&](OpBuilder &inner, Location at, ValueRange scalars) {
                                        return combine(inner, at, combiner, scalars[0], scalars[1]);
                                      }));
  }
  for (Value value : stacks)
    outputs.push_back(mapping.lookup(value));
  func::ReturnOp::create(builder, entry.getLoc(), outputs);
  return body;
}

// The ops inside go; what needs sums comes behind the loop.
void Accumulator::replace(ScanOp loop) {
  OpBuilder builder(loop->getContext());
  builder.setInsertionPointAfter(loop);
  SmallVector<Operation *> behind;
  for (Operation &op : block.without_terminator())
    if (&op != loop && !inside.contains(&op) && op.isBeforeInBlock(loop) &&
        llvm::any_of(op.getOperands(), [&](Value value) { return later.contains(value); }))
      behind.push_back(&op);
  Operation *last = loop;
  for (Operation *op : behind) {
    op->moveAfter(last);
    last = op;
  }
  auto replaceOutside = [&](Value value, Value by) {
    value.replaceUsesWithIf(by, [&](OpOperand &use) { return !inside.contains(use.getOwner()); });
  };
  for (auto [value, result] : llvm::zip(partials, loop.getResults()))
    replaceOutside(value, result);
  for (auto [value, result] : llvm::zip(stacks, loop.getResults().drop_front(partials.size())))
    replaceOutside(value, joinSlices(builder, result, rankedType(value)));
  for (Operation *op : llvm::reverse(inside.getArrayRef()))
    op->erase();
}

LogicalResult Accumulator::run() {
  if (failed(classify()))
    return failure();
  if (inside.empty())
    return success();
  collectPorts();
  Operation *last = nullptr;
  for (Operation &op : block)
    if (inside.contains(&op))
      last = &op;
  OpBuilder builder(entry.getContext());
  builder.setInsertionPointAfter(last);
  SmallVector<Value> sums, parts;
  SmallVector<Type> results;
  for (Value value : partials) {
    sums.push_back(identity(builder, value));
    results.push_back(value.getType());
  }
  for (Value value : slices)
    parts.push_back(takeSlices(builder, value));
  for (Value value : stacks)
    results.push_back(stackedType(cut.shorten(rankedType(value)), "Micro", cut.count));
  func::FuncOp body = makeBody();
  auto loop = ScanOp::create(builder, entry.getLoc(), results, body.getSymName(), cut.count, "Micro",
                             /*reverse=*/false, consts.getArrayRef(), sums, parts);
  replace(loop);
  return success();
}

// Whether an entry trains: it gives a parameter a new value.
static bool updatesParameters(func::FuncOp entry, SymbolTable &symbols) {
  for (unsigned i = 0; i < entry.getNumResults(); ++i)
    if (auto state = entry.getResultAttrOfType<FlatSymbolRefAttr>(i, kStateAttr))
      if (symbols.lookup<StateOp>(state.getAttr()).getKind() == "param")
        return true;
  return false;
}

// The size of the axis in an entry: of its inputs, or of the first value that has it. 0 where none has.
static int64_t sizeOf(func::FuncOp entry, StringRef axis) {
  auto sizeIn = [&](ValueRange values) -> int64_t {
    for (Value value : values)
      for (auto [dim, name] : llvm::enumerate(axesOf(rankedType(value))))
        if (name == axis)
          return rankedType(value).getDimSize(dim);
    return 0;
  };
  if (int64_t size = sizeIn(entry.getArguments()))
    return size;
  for (Operation &op : entry.getBody().front())
    if (int64_t size = sizeIn(op.getResults()))
      return size;
  return 0;
}

// Bodies that only what is now in the loop has called.
static void eraseUnused(ModuleOp module) {
  SymbolTable symbols(module);
  DenseSet<Operation *> used;
  SmallVector<func::FuncOp> functions = calleesFirst(module, symbols);
  for (func::FuncOp function : llvm::reverse(functions))
    if (function->hasAttr(kEntryAttr) || !function.isPrivate() || used.contains(function))
      function.walk([&](Operation *op) {
        for (func::FuncOp callee : calleesOf(op, symbols))
          used.insert(callee);
      });
    else
      symbols.erase(function);
}

LogicalResult cleave::model::accumulate(ModuleOp module, StringRef axis, int64_t count, Location plan) {
  SymbolTable symbols(module);
  for (auto entry : llvm::to_vector(module.getOps<func::FuncOp>())) {
    int64_t size = entry->hasAttr(kEntryAttr) && updatesParameters(entry, symbols) ? sizeOf(entry, axis) : 0;
    if (size == 0 || count == 1)
      continue;
    if (size % count)
      return emitError(plan) << "E941: micro-batches are equally large, found " << count << " of " << axis
                             << " = " << size << " in entry '" << entry.getSymName() << "'";
    if (failed(Accumulator(entry, {axis, size, count}, symbols, plan).run()))
      return failure();
  }
  eraseUnused(module);
  return success();
}

namespace {
struct ModelAccumulate : cleave::model::impl::ModelAccumulateBase<ModelAccumulate> {
  using ModelAccumulateBase::ModelAccumulateBase;
  void runOnOperation() override {
    if (failed(accumulate(getOperation(), axis, count, getOperation().getLoc())))
      signalPassFailure();
  }
};
} // namespace
