#include "dialects/dist/transforms/SplitRepeat.h"

#include "dialects/model/ir/Repeats.h"
#include "dialects/model/transforms/Build.h"
#include "dialects/model/transforms/CallOrder.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

//===------------------------------------------------------------------===//
// Parts of tensors
//===------------------------------------------------------------------===//

static RankedTensorType withSize(RankedTensorType type, unsigned dim, int64_t size) {
  SmallVector<int64_t> sizes(type.getShape());
  sizes[dim] = size;
  return model::tensorOf(type.getElementType(), model::axesOf(type), sizes);
}

static SmallVector<AffineExpr> dimsOf(RankedTensorType type) {
  SmallVector<AffineExpr> dims;
  for (unsigned i = 0; i < type.getRank(); ++i)
    dims.push_back(getAffineDimExpr(i, type.getContext()));
  return dims;
}

// An index op with only a range of one of its dims: what it computes there.
static Value cloneRange(OpBuilder &builder, model::IndexOp op, unsigned dim, rt::Layers range) {
  auto copy = cast<model::IndexOp>(builder.clone(*op));
  RankedTensorType type = withSize(model::rankedType(op.getResult()), dim, range.end - range.begin);
  copy.getResult().setType(type);
  SmallVector<int64_t> sizes(op.getSizes());
  sizes[dim] = range.end - range.begin;
  copy.setSizes(sizes);
  if (range.begin == 0)
    return copy.getResult();
  AffineExpr at = getAffineDimExpr(dim, builder.getContext());
  SmallVector<Attribute> maps;
  for (auto map : op.getMaps().getAsValueRange<AffineMapAttr>())
    maps.push_back(AffineMapAttr::get(map.replace({{at, at + range.begin}}, map.getNumDims(), 0)));
  copy.setMapsAttr(builder.getArrayAttr(maps));
  for (auto iter : llvm::to_vector(copy.getBodyBlock().getOps<model::IterOp>())) {
    if (iter.getDim() != dim)
      continue;
    OpBuilder body(iter->getContext());
    body.setInsertionPointAfter(iter);
    Value begin = arith::ConstantOp::create(body, iter.getLoc(), body.getI64IntegerAttr(range.begin));
    Value sum = arith::AddIOp::create(body, iter.getLoc(), iter.getResult(), begin);
    iter.getResult().replaceAllUsesExcept(sum, sum.getDefiningOp());
  }
  return copy.getResult();
}

static Value slice(OpBuilder &builder, Value value, unsigned dim, rt::Layers range) {
  RankedTensorType whole = model::rankedType(value);
  RankedTensorType type = withSize(whole, dim, range.end - range.begin);
  if (auto op = value.getDefiningOp<model::IndexOp>())
    return cloneRange(builder, op, dim, range);
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  auto splat = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
  if (splat)
    return arith::ConstantOp::create(builder, value.getLoc(), type,
                                     DenseElementsAttr::get(type, splat.getSplatValue<Attribute>()));
  SmallVector<AffineExpr> exprs = dimsOf(type);
  exprs[dim] = exprs[dim] + range.begin;
  return model::IndexOp::create(
      builder, value.getLoc(), type, value, AffineMap::get(type.getRank(), 0, exprs, builder.getContext()),
      ArrayRef<Attribute>{}, model::axesOf(type), type.getShape(), type.getRank(), model::Combiner::None,
      [](OpBuilder &, Location, ValueRange scalars) { return scalars[0]; });
}

// The parts one behind the other along a dim.
static Value concatenate(OpBuilder &builder, RankedTensorType type, unsigned dim, ArrayRef<Value> parts,
                         ArrayRef<rt::Layers> ranges) {
  SmallVector<AffineMap> maps;
  for (rt::Layers range : ranges) {
    SmallVector<AffineExpr> exprs = dimsOf(type);
    exprs[dim] = exprs[dim] - range.begin;
    maps.push_back(AffineMap::get(type.getRank(), 0, exprs, builder.getContext()));
  }
  SmallVector<Attribute> outside(parts.size(), builder.getZeroAttr(type.getElementType()));
  return model::IndexOp::create(
      builder, parts.front().getLoc(), type, parts, maps, outside, model::axesOf(type), type.getShape(),
      type.getRank(), model::Combiner::None, [&](OpBuilder &body, Location loc, ValueRange scalars) {
        Value result = scalars.back();
        Value at = model::IterOp::create(body, loc, dim);
        for (size_t i = parts.size() - 1; i-- > 0;) {
          Value end = arith::ConstantOp::create(body, loc, body.getI64IntegerAttr(ranges[i].end));
          Value inside = arith::CmpIOp::create(body, loc, arith::CmpIPredicate::slt, at, end);
          result = arith::SelectOp::create(body, loc, inside, scalars[i], result);
        }
        return result;
      });
}

//===------------------------------------------------------------------===//
// The walk
//===------------------------------------------------------------------===//

namespace {

// A value that is there in parts along a dim.
struct Stack {
  unsigned dim = 0;
  SmallVector<Value> parts;
};

// What of a function is there in parts.
struct Scope {
  DenseMap<Value, Stack> stacks;
  SmallVector<Operation *> replaced; // kept until the end: their results stand for the parts

  const Stack *find(Value value) const {
    auto known = stacks.find(value);
    return known == stacks.end() ? nullptr : &known->second;
  }
  void finish() {
    for (Operation *op : llvm::reverse(replaced))
      op->erase();
    replaced.clear();
  }
};

class Splitter {
public:
  Splitter(ModuleOp module, StringRef path, ArrayRef<rt::Layers> ranges)
      : module(module), symbols(module), path(path), dim(rt::layersOf(path).size() - 1), ranges(ranges) {}

  void run();

private:
  std::string renamed(StringRef name, rt::Layers range) const;
  bool isBelow(StringRef name) const;
  bool mentions(func::FuncOp function);
  void splitStates();
  void splitEntry(func::FuncOp entry);
  // What a function computes; its arguments that are there in parts stand in `scope`.
  void rewrite(func::FuncOp function, Scope &scope);
  void splitScan(model::ScanOp scan, Scope &scope);
  void openScan(model::ScanOp scan, Scope &scope);
  void splitGradient(model::GradientOp op, Scope &scope);
  static llvm::BitVector openArguments(Block &block, unsigned first, ArrayRef<Value> operands,
                                       llvm::function_ref<bool(unsigned)> isSlice, const Scope &outer,
                                       Scope &inner);
  static void finish(func::FuncOp function, ArrayRef<Value> returned, Scope &scope,
                     const llvm::BitVector &gone);
  Value whole(OpBuilder &builder, Value value, Scope &scope);
  SmallVector<Value> partsOf(OpBuilder &builder, Value value, unsigned dim, Scope &scope);
  func::FuncOp copyFor(func::FuncOp function, rt::Layers range, DenseMap<Operation *, func::FuncOp> &copies);
  func::FuncOp bodyFor(func::FuncOp function, rt::Layers range);
  bool runs(model::ScanOp scan, const Scope &scope) const;

  ModuleOp module;
  SymbolTable symbols;
  std::string path; // of the repeat
  unsigned dim;     // of its layers in the states below it
  SmallVector<rt::Layers> ranges;
  llvm::StringMap<SmallVector<model::StateOp>> states; // parts, by the symbol of the whole
  DenseMap<Operation *, bool> mentioned;
};

} // namespace

// "gpt.blocks[*].up" and "optimizer.gpt.blocks[*].up.m" are below "gpt.blocks[*]".
bool Splitter::isBelow(StringRef name) const {
  name.consume_front("optimizer.");
  return name.consume_front(path) && (name.empty() || name.front() == '.');
}

std::string Splitter::renamed(StringRef name, rt::Layers range) const {
  std::string result = name.str();
  if (!isBelow(name))
    return result;
  size_t at = result.find(path), length = path.size();
  size_t bracket = path.rfind('[');
  return result.replace(at + bracket, length - bracket, range.text());
}

bool Splitter::mentions(func::FuncOp function) {
  auto [known, isNew] = mentioned.try_emplace(function, false);
  if (!isNew)
    return known->second;
  bool found = function
                   .walk([&](Operation *op) {
                     auto name = dyn_cast<model::NameOp>(op);
                     if (name && isBelow(name.getPath()))
                       return WalkResult::interrupt();
                     for (func::FuncOp callee : model::calleesOf(op, symbols))
                       if (mentions(callee))
                         return WalkResult::interrupt();
                     auto repeat = op->getAttrOfType<StringAttr>(model::kRepeatAttr);
                     return repeat && isBelow(repeat) ? WalkResult::interrupt() : WalkResult::advance();
                   })
                   .wasInterrupted();
  return mentioned[function] = found;
}

//===------------------------------------------------------------------===//
// Functions of a range
//===------------------------------------------------------------------===//

func::FuncOp Splitter::copyFor(func::FuncOp function, rt::Layers range,
                               DenseMap<Operation *, func::FuncOp> &copies) {
  auto known = copies.find(function);
  if (known != copies.end())
    return known->second;
  func::FuncOp copy = function.clone();
  copy.setSymName(renamed(function.getSymName(), range));
  symbols.insert(copy, std::next(function->getIterator()));
  copies[function] = copy;
  if (auto of = copy->getAttrOfType<StringAttr>(model::kUpdateAttr))
    copy->setAttr(model::kUpdateAttr, StringAttr::get(copy.getContext(), renamed(of, range)));
  copy.walk([&](Operation *op) {
    if (auto name = dyn_cast<model::NameOp>(op))
      name.setPath(renamed(name.getPath(), range));
    if (auto repeat = op->getAttrOfType<StringAttr>(model::kRepeatAttr))
      op->setAttr(model::kRepeatAttr, StringAttr::get(op->getContext(), renamed(repeat, range)));
    for (func::FuncOp callee : model::calleesOf(op, symbols)) {
      if (!mentions(callee))
        continue;
      StringAttr to = copyFor(callee, range, copies).getSymNameAttr();
      for (NamedAttribute attribute : llvm::to_vector(op->getAttrs()))
        if (auto from = dyn_cast<FlatSymbolRefAttr>(attribute.getValue());
            from && from.getValue() == callee.getSymName())
          op->setAttr(attribute.getName(), FlatSymbolRefAttr::get(to));
    }
  });
  return copy;
}

// The body with the numbers of these layers.
func::FuncOp Splitter::bodyFor(func::FuncOp function, rt::Layers range) {
  DenseMap<Operation *, func::FuncOp> copies;
  func::FuncOp copy = copyFor(function, range, copies);
  Value counter = copy.getArgument(0);
  if (range.begin == 0 || counter.use_empty())
    return copy;
  OpBuilder builder = OpBuilder::atBlockBegin(&copy.getBody().front());
  Value number =
      model::makeElementwise(builder, copy.getLoc(), model::rankedType(counter), counter,
                             [&](OpBuilder &body, Location loc, ValueRange scalars) {
                               Value begin =
                                   arith::ConstantOp::create(body, loc, body.getI64IntegerAttr(range.begin));
                               return arith::AddIOp::create(body, loc, scalars[0], begin).getResult();
                             });
  counter.replaceAllUsesExcept(number, number.getDefiningOp());
  return copy;
}

//===------------------------------------------------------------------===//
// Values
//===------------------------------------------------------------------===//

Value Splitter::whole(OpBuilder &builder, Value value, Scope &scope) {
  const Stack *stack = scope.find(value);
  return stack ? concatenate(builder, model::rankedType(value), stack->dim, stack->parts, ranges) : value;
}

SmallVector<Value> Splitter::partsOf(OpBuilder &builder, Value value, unsigned dim, Scope &scope) {
  const Stack *stack = scope.find(value);
  if (stack && stack->dim == dim)
    return stack->parts;
  SmallVector<Value> parts;
  Value all = whole(builder, value, scope);
  for (rt::Layers range : ranges)
    parts.push_back(slice(builder, all, dim, range));
  return parts;
}

// Whether a scan's turns are the layers.
bool Splitter::runs(model::ScanOp scan, const Scope &scope) const {
  auto repeat = scan->getAttrOfType<StringAttr>(model::kRepeatAttr);
  return (repeat && repeat.getValue() == path) || llvm::any_of(scan.getSlices(), [&](Value value) {
           const Stack *stack = scope.find(value);
           return stack && stack->dim == 0;
         });
}

void Splitter::splitScan(model::ScanOp scan, Scope &scope) {
  OpBuilder builder(scan);
  auto body = symbols.lookup<func::FuncOp>(scan.getBody());
  SmallVector<Value> consts, carries;
  for (Value value : scan.getConsts())
    consts.push_back(whole(builder, value, scope));
  for (Value value : scan.getCarries())
    carries.push_back(whole(builder, value, scope));
  SmallVector<SmallVector<Value>> slices;
  for (Value value : scan.getSlices())
    slices.push_back(partsOf(builder, value, 0, scope));
  SmallVector<Stack> made(scan.getNumResults() - carries.size(), {0, SmallVector<Value>(ranges.size())});
  for (size_t n = 0; n < ranges.size(); ++n) {
    size_t part = scan.getReverse() ? ranges.size() - 1 - n : n;
    int64_t count = ranges[part].end - ranges[part].begin;
    SmallVector<Type> types;
    SmallVector<Value> own;
    for (auto [i, type] : llvm::enumerate(scan.getResultTypes()))
      types.push_back(i < carries.size() ? type : withSize(cast<RankedTensorType>(type), 0, count));
    for (const SmallVector<Value> &parts : slices)
      own.push_back(parts[part]);
    auto one = model::ScanOp::create(builder, scan.getLoc(), types, bodyFor(body, ranges[part]).getSymName(),
                                     count, scan.getAxis(), scan.getReverse(), consts, carries, own);
    for (auto [i, value] : llvm::enumerate(one.getResults()))
      if (i < carries.size())
        carries[i] = value;
      else
        made[i - carries.size()].parts[part] = value;
  }
  for (auto [i, value] : llvm::enumerate(scan.getResults()))
    if (i < carries.size())
      value.replaceAllUsesWith(carries[i]);
    else
      scope.stacks.insert({value, made[i - carries.size()]});
  scope.replaced.push_back(scan);
}

// Arguments `first` and on of a block stand for `operands`, of which `outer` knows those that are there in
// parts: these become an argument for each part. The others are null.
llvm::BitVector Splitter::openArguments(Block &block, unsigned first, ArrayRef<Value> operands,
                                        llvm::function_ref<bool(unsigned)> isSlice, const Scope &outer,
                                        Scope &inner) {
  llvm::BitVector gone;
  unsigned at = first;
  for (auto [i, value] : llvm::enumerate(operands)) {
    BlockArgument argument = block.getArgument(at++);
    const Stack *stack = value ? outer.find(value) : nullptr;
    if (!stack)
      continue;
    Stack own{stack->dim - isSlice(i), {}};
    for (Value part : stack->parts) {
      RankedTensorType type = model::rankedType(part);
      own.parts.push_back(
          block.insertArgument(at++, isSlice(i) ? model::sliceType(type) : type, argument.getLoc()));
    }
    gone.resize(block.getNumArguments());
    gone.set(argument.getArgNumber());
    inner.stacks.insert({argument, own});
  }
  gone.resize(block.getNumArguments());
  return gone;
}

// A scan around the repeat: parts go in and come out each on its own.
void Splitter::openScan(model::ScanOp scan, Scope &scope) {
  OpBuilder builder(scan);
  auto body = symbols.lookup<func::FuncOp>(scan.getBody());
  Block &block = body.getBody().front();
  unsigned consts = scan.getConsts().size(), carries = scan.getCarries().size();
  SmallVector<Value> operands[3], opened;
  for (auto [i, value] : llvm::enumerate(scan->getOperands())) {
    unsigned kind = i < consts ? 0 : i < consts + carries ? 1 : 2;
    const Stack *stack = kind == 1 ? nullptr : scope.find(value);
    opened.push_back(stack ? value : Value());
    if (stack)
      operands[kind].append(stack->parts);
    else
      operands[kind].push_back(whole(builder, value, scope));
  }
  Scope inner;
  llvm::BitVector gone =
      openArguments(block, 1, opened, [&](unsigned i) { return i >= consts + carries; }, scope, inner);
  rewrite(body, inner);
  Operation *end = block.getTerminator();
  OpBuilder behind(end);
  SmallVector<Value> returned;
  SmallVector<Type> types;
  SmallVector<const Stack *> stacked; // what is returned in parts
  for (auto [i, value] : llvm::enumerate(end->getOperands())) {
    stacked.push_back(i < carries ? nullptr : inner.find(value));
    if (!stacked.back()) {
      returned.push_back(whole(behind, value, inner));
      types.push_back(scan.getResult(i).getType());
      continue;
    }
    for (Value part : stacked.back()->parts) {
      returned.push_back(part);
      types.push_back(model::stackedType(model::rankedType(part), scan.getAxis(), scan.getCount()));
    }
  }
  auto made = model::ScanOp::create(builder, scan.getLoc(), types, scan.getBody(), scan.getCount(),
                                    scan.getAxis(), scan.getReverse(), operands[0], operands[1], operands[2]);
  made->setDiscardableAttrs(scan->getDiscardableAttrDictionary());
  ValueRange results = made.getResults();
  for (auto [value, stack] : llvm::zip(scan.getResults(), stacked)) {
    size_t count = stack ? ranges.size() : 1;
    if (stack)
      scope.stacks.insert({value, Stack{stack->dim + 1, llvm::to_vector(results.take_front(count))}});
    else
      value.replaceAllUsesWith(results.front());
    results = results.drop_front(count);
  }
  scope.replaced.push_back(scan);
  finish(body, returned, inner, gone);
}

// What a function returns now, without what was replaced in it.
void Splitter::finish(func::FuncOp function, ArrayRef<Value> returned, Scope &scope,
                      const llvm::BitVector &gone) {
  Block &block = function.getBody().front();
  block.getTerminator()->setOperands(returned);
  scope.finish();
  block.eraseArguments(gone);
  function.setFunctionType(
      FunctionType::get(function.getContext(), block.getArgumentTypes(), TypeRange(ValueRange(returned))));
}

void Splitter::splitGradient(model::GradientOp op, Scope &scope) {
  OpBuilder builder(op);
  SmallVector<Value> wrt;
  for (Value value : op.getWrt())
    if (const Stack *stack = scope.find(value))
      wrt.append(stack->parts);
    else
      wrt.push_back(value);
  auto made = model::GradientOp::create(builder, op.getLoc(), TypeRange(ValueRange(wrt)), op.getLoss(), wrt);
  made->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  ValueRange results = made.getResults();
  for (auto [value, result] : llvm::zip(op.getWrt(), op.getResults())) {
    const Stack *stack = scope.find(value);
    size_t count = stack ? ranges.size() : 1;
    if (stack)
      scope.stacks.insert({result, Stack{stack->dim, llvm::to_vector(results.take_front(count))}});
    else
      result.replaceAllUsesWith(results.front());
    results = results.drop_front(count);
  }
  scope.replaced.push_back(op);
}

void Splitter::rewrite(func::FuncOp function, Scope &scope) {
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front().without_terminator())) {
    auto isStack = [&](Value value) { return scope.find(value) != nullptr; };
    if (auto scan = dyn_cast<model::ScanOp>(op)) {
      auto body = symbols.lookup<func::FuncOp>(scan.getBody());
      if (runs(scan, scope))
        splitScan(scan, scope);
      else if (llvm::any_of(scan->getOperands(), isStack) || mentions(body))
        openScan(scan, scope);
      continue;
    }
    auto gradient = dyn_cast<model::GradientOp>(op);
    if (gradient && llvm::any_of(gradient.getWrt(), isStack)) {
      splitGradient(gradient, scope);
      continue;
    }
    OpBuilder builder(&op);
    for (OpOperand &operand : op.getOpOperands())
      if (isStack(operand.get()))
        operand.set(whole(builder, operand.get(), scope));
    for (func::FuncOp callee : model::calleesOf(&op, symbols)) {
      if (!mentions(callee))
        continue;
      Scope inner;
      rewrite(callee, inner);
      Operation *end = callee.getBody().front().getTerminator();
      OpBuilder behind(end);
      SmallVector<Value> returned;
      for (Value value : end->getOperands())
        returned.push_back(whole(behind, value, inner));
      finish(callee, returned, inner, llvm::BitVector(callee.getNumArguments()));
    }
  }
}

//===------------------------------------------------------------------===//
// States and entries
//===------------------------------------------------------------------===//

void Splitter::splitStates() {
  for (auto state : llvm::to_vector(module.getOps<model::StateOp>())) {
    if (!isBelow(state.getPath()))
      continue;
    auto type = cast<RankedTensorType>(state.getType());
    SmallVector<model::StateOp> &parts = states[state.getSymName()];
    Operation *after = state;
    for (rt::Layers range : ranges) {
      auto part = cast<model::StateOp>(state->clone());
      part.setPath(renamed(state.getPath(), range));
      part.setSymName(part.getPath());
      part.setType(withSize(type, dim, range.end - range.begin));
      symbols.insert(part, std::next(after->getIterator()));
      parts.push_back(part);
      after = part;
    }
  }
}

// Arguments and results that are states which the repeat stacks become one for each range.
void Splitter::splitEntry(func::FuncOp entry) {
  Block &block = entry.getBody().front();
  Scope scope;
  auto attributesOf = [&](DictionaryAttr known) {
    return known ? known : DictionaryAttr::get(entry.getContext());
  };
  auto partsOfState = [&](DictionaryAttr attributes) -> ArrayRef<model::StateOp> {
    auto name = attributes.getAs<FlatSymbolRefAttr>(model::kStateAttr);
    auto known = name ? states.find(name.getValue()) : states.end();
    return known == states.end() ? ArrayRef<model::StateOp>() : ArrayRef(known->second);
  };
  auto add = [&](SmallVectorImpl<Attribute> &to, DictionaryAttr known, ArrayRef<model::StateOp> parts) {
    if (parts.empty())
      to.push_back(known);
    for (model::StateOp part : parts) {
      NamedAttrList list(known);
      list.set(model::kStateAttr, FlatSymbolRefAttr::get(part.getSymNameAttr()));
      to.push_back(list.getDictionary(entry.getContext()));
    }
  };
  SmallVector<Attribute> arguments, results;
  llvm::BitVector gone;
  unsigned count = entry.getNumArguments(), at = 0;
  for (unsigned i = 0; i < count; ++i) {
    DictionaryAttr known = attributesOf(entry.getArgAttrDict(i));
    ArrayRef<model::StateOp> parts = partsOfState(known);
    add(arguments, known, parts);
    BlockArgument argument = block.getArgument(at++);
    if (parts.empty())
      continue;
    Stack stack{dim, {}};
    for (model::StateOp part : parts)
      stack.parts.push_back(block.insertArgument(at++, part.getType(), argument.getLoc()));
    gone.resize(block.getNumArguments());
    gone.set(argument.getArgNumber());
    scope.stacks.insert({argument, stack});
  }
  gone.resize(block.getNumArguments());
  rewrite(entry, scope);
  OpBuilder builder(block.getTerminator());
  SmallVector<Value> returned;
  for (auto [i, value] : llvm::enumerate(block.getTerminator()->getOperands())) {
    DictionaryAttr known = attributesOf(entry.getResultAttrDict(i));
    ArrayRef<model::StateOp> parts = partsOfState(known);
    add(results, known, parts);
    if (parts.empty())
      returned.push_back(whole(builder, value, scope));
    else
      returned.append(partsOf(builder, value, dim, scope));
  }
  finish(entry, returned, scope, gone);
  entry.setArgAttrsAttr(ArrayAttr::get(entry.getContext(), arguments));
  entry.setResAttrsAttr(ArrayAttr::get(entry.getContext(), results));
}

void Splitter::run() {
  splitStates();
  for (auto function : llvm::to_vector(module.getOps<func::FuncOp>()))
    if (function->hasAttr(model::kEntryAttr))
      splitEntry(function);
  for (const auto &entry : states)
    symbols.erase(symbols.lookup(entry.first()));
  // Bodies of all layers at once, which nobody runs any more.
  for (bool changed = true; changed;) {
    changed = false;
    for (auto function : llvm::to_vector(module.getOps<func::FuncOp>()))
      if (function.isPrivate() && mentioned.lookup(function) &&
          SymbolTable::symbolKnownUseEmpty(function, module)) {
        mentioned.erase(function);
        symbols.erase(function);
        changed = true;
      }
  }
}

void cleave::dist::splitRepeat(ModuleOp module, StringRef path, ArrayRef<rt::Layers> ranges) {
  Splitter(module, path, ranges).run();
}
