// Control flow: bodies become private functions, what they capture becomes arguments.
#include "lang/lower/Lowering.h"

#include "dialects/model/ir/Repeats.h"
#include "lang/lower/Random.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::lower;

// Makes the values of `captures` arguments of the function, from number `at` on.
static void passCaptures(func::FuncOp function, ArrayRef<Value> captures, unsigned at) {
  Block &block = function.getBody().front();
  for (size_t i = 0; i < captures.size(); ++i) {
    Value value = captures[i];
    BlockArgument argument = block.insertArgument(at + i, value.getType(), value.getLoc());
    value.replaceUsesWithIf(argument, [&](OpOperand &use) { return use.getOwner()->getBlock() == &block; });
  }
  function.setFunctionType(FunctionType::get(function.getContext(), block.getArgumentTypes(),
                                             function.getFunctionType().getResults()));
}

// What the function uses and does not define, in order of first use. (Bodies of index ops are isolated.)
static SmallVector<Value> findCaptures(func::FuncOp function) {
  Block &block = function.getBody().front();
  llvm::SetVector<Value> captures;
  for (Operation &op : block)
    for (Value operand : op.getOperands())
      if (operand.getParentBlock() != &block)
        captures.insert(operand);
  return captures.takeVector();
}

Outlined Lowering::outline(StringRef name, Location where, TypeRange arguments, unsigned captureAt,
                           MakeBody makeBody) {
  OpBuilder::InsertionGuard guard(builder);
  func::FuncOp function = startFunction(name, where, /*isPrivate=*/true);
  Block &block = function.getBody().front();
  for (Type type : arguments)
    block.addArgument(type, where);
  SmallVector<Value> given(block.getArguments());
  finishFunction(function, makeBody(given));
  SmallVector<Value> captures = findCaptures(function);
  passCaptures(function, captures, captureAt);
  return {function, captures};
}

// Gives two functions the same captures, `one`'s first.
static void unifyCaptures(Outlined &one, Outlined &two) {
  llvm::SetVector<Value> all(one.captures.begin(), one.captures.end());
  all.insert_range(two.captures);
  for (Outlined *outlined : {&one, &two}) {
    Block &block = outlined->function.getBody().front();
    SmallVector<BlockArgument> old(block.getArguments().take_front(outlined->captures.size()));
    passCaptures(outlined->function, all.getArrayRef(), 0);
    for (auto [value, argument] : llvm::zip(outlined->captures, old)) {
      auto *position = llvm::find(all, value);
      argument.replaceAllUsesWith(block.getArgument(position - all.begin()));
    }
    block.eraseArguments(all.size(), old.size());
    outlined->captures.assign(all.begin(), all.end());
    outlined->function.setFunctionType(FunctionType::get(block.getParentOp()->getContext(),
                                                         block.getArgumentTypes(),
                                                         outlined->function.getFunctionType().getResults()));
  }
}

// [rest...] -> [count, rest...]
static RankedTensorType stacked(Type type, StringRef axis, int64_t count) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<StringRef> axes = model::axesOf(tensor);
  axes.insert(axes.begin(), axis);
  SmallVector<int64_t> sizes(tensor.getShape());
  sizes.insert(sizes.begin(), count);
  return model::tensorOf(tensor.getElementType(), axes, sizes);
}

static RankedTensorType withoutLeading(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<StringRef> axes = model::axesOf(tensor);
  return model::tensorOf(tensor.getElementType(), ArrayRef(axes).drop_front(),
                         tensor.getShape().drop_front());
}

Bound Lowering::emitLoop(const Loop &loop, MakeBody makeBody) {
  StateFrame frame;
  frame.covered.insert(loop.covered.begin(), loop.covered.end());
  SmallVector<Type> types{RankedTensorType::get({}, builder.getI64Type())};
  llvm::append_range(types, ValueRange(loop.carries).getTypes());
  for (Value slice : loop.slices)
    types.push_back(withoutLeading(slice.getType()));
  Outlined body = outline(loop.name, loop.loc, types, 1, [&](ValueRange arguments) {
    frame.block = arguments.front().getParentBlock();
    if (!loop.covered.empty())
      frames.push_back(&frame);
    counters.push_back(arguments.front());
    SmallVector<Value> results = makeBody(arguments);
    counters.pop_back();
    if (!loop.covered.empty())
      frames.pop_back();
    for (const ast::State *state : frame.written)
      results.push_back(frame.values[state]);
    return results;
  });
  SmallVector<Value> slices(loop.slices);
  for (auto [state, argument] : frame.arguments)
    slices.push_back(stateValue(state));
  SmallVector<Type> results;
  for (auto [i, type] : llvm::enumerate(body.function.getFunctionType().getResults()))
    results.push_back(i < loop.carries.size() ? type : stacked(type, loop.axis, loop.count));
  auto op = model::ScanOp::create(builder, loop.loc, results, body.function.getSymName(), loop.count,
                                  loop.axis, /*reverse=*/false, body.captures, loop.carries, slices);
  if (!loop.repeat.empty() && program.plan) // who takes layers apart wants to know
    op->setAttr(model::kRepeatAttr, builder.getStringAttr(loop.repeat));
  ValueRange values = op.getResults();
  size_t own = values.size() - frame.written.size();
  for (auto [state, value] : llvm::zip(frame.written, values.drop_front(own)))
    setState(state, value);
  return Bound(values.take_front(own));
}

// "train.scan", "gpt.head.then": with a dot in it, which no entry has.
std::string Lowering::privateName(StringRef name) const {
  return (prefix.empty() ? entryName : prefix) + "." + name.str();
}

Bound Lowering::emitScan(const ast::Scan &expr) {
  Loop loop{privateName("scan"), loc(expr.location), expr.axis->name, expr.axis->size, {}, {}, {}};
  for (const ast::Expr *init : expr.init)
    loop.carries.push_back(emitTensor(init));
  for (const ast::ScanSlice &slice : expr.slices)
    loop.slices.push_back(emitTensor(slice.source));
  return emitLoop(loop, [&](ValueRange arguments) {
    for (auto [value, argument] : llvm::zip_equal(expr.body->arguments, arguments))
      values[value] = {argument};
    return emitBody(*expr.body);
  });
}

Bound Lowering::emitIf(const ast::If &expr) {
  Location where = loc(expr.location);
  Value condition = emitTensor(expr.condition);
  auto branch = [&](StringRef name, const ast::Body &body) {
    return outline(privateName(name), where, {}, 0, [&](ValueRange) { return emitBody(body); });
  };
  Outlined thenBody = branch("then", *expr.thenBody);
  Outlined elseBody = branch("else", *expr.elseBody);
  unifyCaptures(thenBody, elseBody);
  auto op =
      model::IfOp::create(builder, where, thenBody.function.getFunctionType().getResults(), condition,
                          thenBody.function.getSymName(), elseBody.function.getSymName(), thenBody.captures);
  return Bound(op.getResults());
}

Bound Lowering::emitWhile(const ast::While &expr) {
  Location where = loc(expr.location);
  SmallVector<Value> carries;
  for (const ast::Expr *init : expr.init)
    carries.push_back(emitTensor(init));
  auto part = [&](StringRef name, const ast::Body &body) {
    return outline(privateName(name), where, ValueRange(carries).getTypes(), 0, [&](ValueRange arguments) {
      for (auto [value, argument] : llvm::zip_equal(body.arguments, arguments))
        values[value] = {argument};
      return emitBody(body);
    });
  };
  Outlined condition = part("while", *expr.condition);
  Outlined body = part("do", *expr.body);
  unifyCaptures(condition, body);
  auto op =
      model::WhileOp::create(builder, where, ValueRange(carries).getTypes(), condition.function.getSymName(),
                             body.function.getSymName(), expr.bound, body.captures, carries);
  return Bound(op.getResults());
}
