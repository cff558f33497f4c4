// Calls of functions and layers, and what is done to each leaf of a tree.
#include "lang/lower/Lowering.h"

#include "lang/lower/Random.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::lower;

Bound Lowering::emitCall(const ast::Function &callee, ArrayRef<Bound> arguments, unsigned callSite,
                         Location where) {
  llvm::SaveAndRestore savedSite(site, mixSite(site, callSite));
  llvm::SaveAndRestore savedNames(nameValues, false);
  if (callee.composite)
    return emitComposite(callee, arguments, where);
  for (auto [value, argument] : llvm::zip_equal(callee.arguments, arguments))
    values[value] = argument;
  return emitBody(*callee.body);
}

// The function and its backward become functions of the module. What they capture (step, seed, counters) is
// passed to both as further arguments.
Bound Lowering::emitComposite(const ast::Function &callee, ArrayRef<Bound> arguments, Location where) {
  SmallVector<Value> inputs;
  for (const Bound &argument : arguments)
    inputs.push_back(argument.front());
  auto [tactic, instance] = manualFor(callee);
  func::FuncOp function = instance ? emitManual(callee, *tactic, *instance) : composites.lookup(&callee);
  SmallVector<Value> captures;
  if (!function) {
    Outlined forward = outlineForward(callee, where);
    function = forward.function;
    captures = forward.captures;
    if (captures.empty())
      composites[&callee] = function;
  }
  inputs.append(captures);
  auto op = model::CallOp::create(builder, where, function.getFunctionType().getResults(),
                                  function.getSymName(), inputs);
  return Bound(op.getResults().take_front(callee.results.size()));
}

Outlined Lowering::outlineForward(const ast::Function &callee, Location where) {
  SmallVector<Type> types;
  for (const ast::Value *argument : callee.arguments)
    types.push_back(tensorType(argument->type));
  Outlined forward = outline(callee.instanceName, where, types, types.size(), [&](ValueRange arguments) {
    for (auto [value, argument] : llvm::zip_equal(callee.arguments, arguments))
      values[value] = {argument};
    Bound results = emitBody(*callee.body);
    for (const ast::Value *residual : callee.residuals)
      results.push_back(values.at(residual).front());
    return results;
  });
  forward.function->setAttr(model::kCompositeAttr, builder.getStringAttr(callee.name));
  forward.function->setAttr(model::kResidualsAttr, builder.getI64IntegerAttr(callee.residuals.size()));
  if (callee.backward)
    outlineBackward(callee, forward, where);
  return forward;
}

// What only the backward captures becomes an argument of the forward too, so that a call passes it on; then
// the backward takes all captures where the forward has them.
static void shareCaptures(Outlined &forward, Outlined &backward, size_t own, size_t given) {
  Block &front = forward.function.getBody().front(), &back = backward.function.getBody().front();
  for (auto [i, value] : llvm::enumerate(backward.captures)) {
    auto *known = llvm::find(forward.captures, value);
    size_t at = own + (known - forward.captures.begin());
    if (known == forward.captures.end()) {
      front.insertArgument(at, value.getType(), value.getLoc());
      back.insertArgument(at, value.getType(), value.getLoc());
      forward.captures.push_back(value);
      ++given;
    }
    back.getArgument(given + i).replaceAllUsesWith(back.getArgument(at));
  }
  back.eraseArguments(given, backward.captures.size());
  for (func::FuncOp function : {forward.function, backward.function})
    function.setFunctionType(FunctionType::get(function.getContext(),
                                               function.getBody().front().getArgumentTypes(),
                                               function.getFunctionType().getResults()));
}

void Lowering::outlineBackward(const ast::Function &callee, Outlined &forward, Location where) {
  FunctionType type = forward.function.getFunctionType();
  SmallVector<Type> types(type.getInputs());
  llvm::append_range(types, type.getResults());
  for (const ast::Type &result : callee.results)
    types.push_back(tensorType(result));
  size_t own = callee.arguments.size(), captured = forward.captures.size();
  size_t results = callee.results.size(), residuals = callee.residuals.size();
  auto bind = [&](ArrayRef<const ast::Value *> names, ValueRange arguments) {
    for (auto [name, argument] : llvm::zip_equal(names, arguments))
      values[name] = {argument};
  };
  Outlined backward = outline(callee.instanceName + (callee.local ? "_backward" : ".backward"), where, types,
                              types.size(), [&](ValueRange given) {
                                bind(callee.arguments, given.take_front(own));
                                ValueRange rest = given.drop_front(own + captured);
                                ArrayRef<const ast::Value *> seen = callee.backward->arguments;
                                bind(seen.take_front(results), rest.take_front(results));
                                bind(callee.residuals, rest.slice(results, residuals));
                                bind(seen.drop_front(results), rest.drop_front(results + residuals));
                                return emitBody(*callee.backward);
                              });
  shareCaptures(forward, backward, own, types.size());
  forward.function->setAttr(model::kBackwardAttr,
                            FlatSymbolRefAttr::get(&context, backward.function.getSymName()));
}

//===-- Layers ------------------------------------------------------------===//

Bound Lowering::emitLayer(const ast::Layer &callee, const ast::LayerObject *object,
                          ArrayRef<Bound> arguments) {
  llvm::SaveAndRestore savedSelf(self, object);
  llvm::SaveAndRestore savedPrefix(prefix, object->path);
  for (auto [slot, state] : llvm::zip_equal(callee.slots, object->states))
    slots[slot.value] = state;
  for (auto [value, argument] : llvm::zip_equal(callee.arguments, arguments))
    values[value] = argument;
  return emitBody(*callee.body);
}

Bound Lowering::emitLayerCall(const ast::LayerCall &call) {
  SmallVector<Bound> arguments;
  for (const ast::Expr *argument : call.arguments)
    arguments.push_back(emit(argument));
  llvm::SaveAndRestore savedSite(site, mixSite(site, call.site));
  const ast::LayerObject *object = resolve(call.layer);
  if (!call.repeat)
    return emitLayer(*call.callee, object, arguments);
  return emitStack(call, object, arguments);
}

static void collectStates(const ast::LayerObject *object, SmallVectorImpl<const ast::State *> &states) {
  llvm::append_range(states, object->states);
  for (const ast::LayerObject *child : object->children)
    if (child)
      collectStates(child, states);
}

Bound Lowering::emitStack(const ast::LayerCall &call, const ast::LayerObject *object,
                          ArrayRef<Bound> arguments) {
  Loop loop{object->path, loc(call.location), call.repeat->name, call.repeat->size, {}, {}, {}};
  collectStates(object, loop.covered);
  loop.repeat = object->path;
  size_t fed = call.callee->results.size();
  for (const Bound &argument : arguments.take_front(fed))
    loop.carries.push_back(argument.front());
  return emitLoop(loop, [&](ValueRange given) {
    SmallVector<Bound> own;
    for (Value carry : given.drop_front().take_front(fed))
      own.push_back({carry});
    llvm::append_range(own, arguments.drop_front(fed));
    return emitLayer(*call.callee, object, own);
  });
}

//===-- Trees -------------------------------------------------------------===//

static Value emitSum(OpBuilder &builder, Location where, Value left, Value right) {
  IndexEmitter emitter(builder, where, {});
  Value a = emitter.readScalar(left), b = emitter.readScalar(right);
  if (isa<FloatType>(a.getType()))
    return emitter.finish(arith::AddFOp::create(emitter.body(), where, a, b));
  return emitter.finish(arith::AddIOp::create(emitter.body(), where, a, b));
}

// One loop for each of `axes`, outermost first, around `makeBody`, which gets the innermost carries and
// slices.
Bound Lowering::emitMapped(ArrayRef<const ast::Axis *> axes, Loop loop, MakeLeaf makeBody) {
  if (axes.empty())
    return makeBody(loop.carries, loop.slices);
  loop.axis = axes.front()->name;
  loop.count = axes.front()->size;
  return emitLoop(loop, [&](ValueRange given) {
    Loop inner = loop;
    inner.carries.assign(llvm::to_vector(given.slice(1, loop.carries.size())));
    inner.slices.assign(llvm::to_vector(given.drop_front(1 + loop.carries.size())));
    return emitMapped(axes.drop_front(), inner, makeBody);
  });
}

// Trees stand for their leaf number `leaf`, and within a mapped leaf for `slices`, one after the other.
static SmallVector<Bound> argumentsOf(ArrayRef<const ast::Expr *> exprs, ArrayRef<Bound> arguments,
                                      size_t leaf, ArrayRef<Value> slices) {
  SmallVector<Bound> own;
  for (auto [expr, argument] : llvm::zip_equal(exprs, arguments)) {
    if (!expr->type().isTree() || slices.empty()) {
      own.push_back(expr->type().isTree() ? Bound{argument[leaf]} : argument);
      continue;
    }
    own.push_back({slices.front()});
    slices = slices.drop_front();
  }
  return own;
}

// The leaves number `leaf` of all trees among the arguments: what a mapped leaf takes slices of.
static SmallVector<Value> slicedBy(ArrayRef<const ast::Expr *> exprs, ArrayRef<Bound> arguments, size_t leaf,
                                   unsigned mapped) {
  SmallVector<Value> slices;
  for (auto [expr, argument] : llvm::zip_equal(exprs, arguments))
    if (mapped && expr->type().isTree())
      slices.push_back(argument[leaf]);
  return slices;
}

Bound Lowering::emitEach(const ast::Each &each) {
  SmallVector<Bound> arguments;
  for (const ast::Expr *argument : each.arguments)
    arguments.push_back(emit(argument));
  Location where = loc(each.location);
  auto leaves = ast::leavesOf(each.type().tree);
  Bound results;
  for (auto [i, leaf] : llvm::enumerate(each.leaves)) {
    Loop loop{privateName("each"), where, {}, 0, {}, slicedBy(each.arguments, arguments, i, leaf.mapped), {}};
    results.append(emitMapped(
        ArrayRef(leaves[i]->type.axes).take_front(leaf.mapped), loop,
        [&, i = i, &leaf = leaf](ArrayRef<Value>, ArrayRef<Value> slices) {
          return emitCall(*leaf.callee, argumentsOf(each.arguments, arguments, i, slices), leaf.site, where);
        }));
  }
  return results;
}

Value Lowering::emitTotal(const ast::Total &total) {
  SmallVector<Bound> arguments;
  const ast::LayerObject *tree = nullptr;
  for (const ast::Expr *argument : total.arguments) {
    arguments.push_back(emit(argument));
    tree = argument->type().isTree() ? argument->type().tree : tree;
  }
  Location where = loc(total.location);
  auto leaves = ast::leavesOf(tree);
  Value sum;
  for (auto [i, leaf] : llvm::enumerate(total.leaves)) {
    auto valueOf = [&, i = i, &leaf = leaf](ArrayRef<Value> slices) {
      return emitCall(*leaf.callee, argumentsOf(total.arguments, arguments, i, slices), leaf.site, where)
          .front();
    };
    if (!leaf.mapped) {
      Value value = valueOf({});
      sum = sum ? emitSum(builder, where, sum, value) : value;
      continue;
    }
    if (!sum)
      sum = emitConstant(builder, where, builder.getZeroAttr(elementType(total.type().element)));
    Loop loop{
        privateName("total"), where, {}, 0, {sum}, slicedBy(total.arguments, arguments, i, leaf.mapped), {}};
    sum = emitMapped(ArrayRef(leaves[i]->type.axes).take_front(leaf.mapped), loop,
                     [&](ArrayRef<Value> carries, ArrayRef<Value> slices) -> Bound {
                       return {emitSum(builder, where, carries.front(), valueOf(slices))};
                     })
              .front();
  }
  return sum ? sum : emitConstant(builder, where, builder.getZeroAttr(elementType(total.type().element)));
}

// The update is a function of its own, as forward and backward of a repeat are, so that what schedules them
// can place it. Sets of the optimiser's own states happen on the way. A stack of parameters is updated as one
// tensor where the optimiser is pointwise, else layer by layer.
void Lowering::emitUpdate(const ast::Update &update) {
  SmallVector<Bound> arguments;
  for (const ast::Expr *argument : update.arguments)
    arguments.push_back(emit(argument));
  StateFrame &frame = *frames.back(); // of the entry: an update stands nowhere else
  SmallVector<const ast::State *> updated;
  Outlined body = outline(entryName + "_update", loc(update.location), {}, 0, [&](ValueRange) {
    emitLeafUpdates(update, arguments);
    SmallVector<Value> results;
    for (auto [state, value] : frame.values)
      if (value.getParentBlock() == builder.getInsertionBlock()) {
        updated.push_back(state);
        results.push_back(value);
      }
    return results;
  });
  body.function->setAttr(model::kUpdateAttr, builder.getStringAttr(update.object->path));
  auto call =
      model::CallOp::create(builder, loc(update.location), body.function.getFunctionType().getResults(),
                            body.function.getSymName(), body.captures);
  for (auto [state, result] : llvm::zip_equal(updated, call.getResults()))
    frame.values[state] = result;
}

void Lowering::emitLeafUpdates(const ast::Update &update, ArrayRef<Bound> arguments) {
  llvm::SaveAndRestore savedNames(nameValues, false);
  for (auto [i, leaf] : llvm::enumerate(update.leaves)) {
    llvm::SaveAndRestore savedSite(site, mixSite(site, leaf.parameter->path));
    Loop loop{privateName("update"),
              loc(update.location),
              {},
              0,
              {},
              slicedBy(update.arguments, arguments, i, leaf.mapped),
              {leaf.parameter}};
    collectStates(leaf.object, loop.covered);
    emitMapped(ArrayRef(leaf.parameter->type.axes).take_front(leaf.mapped), loop,
               [&, i = i, &leaf = leaf](ArrayRef<Value>, ArrayRef<Value> slices) -> Bound {
                 SmallVector<Bound> own{{stateValue(leaf.parameter)}};
                 llvm::append_range(own, argumentsOf(update.arguments, arguments, i, slices));
                 setState(leaf.parameter, emitLayer(*leaf.callee, leaf.object, own).front());
                 return {};
               });
  }
}
