// Programs, entries and states.
#include "lang/lower/Lowering.h"

#include "dialects/dist/ir/Dist.h"
#include "lang/lower/Random.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::lower;

static constexpr StringLiteral kTypeAttr = "model.type";
static constexpr StringLiteral kStep = "step";
static constexpr StringLiteral kSeed = "seed";

OwningOpRef<ModuleOp> cleave::lower::lower(const ast::Program &program, MLIRContext &context,
                                           const Options &options) {
  context.loadDialect<model::ModelDialect, arith::ArithDialect, math::MathDialect, func::FuncDialect,
                      tensor::TensorDialect>();
  if (program.plan)
    context.loadDialect<dist::DistDialect>();
  return Lowering(program, context, options).run();
}

Lowering::Lowering(const ast::Program &program, MLIRContext &context, const Options &options)
    : program(program), context(context), options(options),
      module(ModuleOp::create(FileLineColLoc::get(&context, program.path, 1, 1))), symbols(*module),
      builder(&context) {}

OwningOpRef<ModuleOp> Lowering::run() {
  if (program.plan)
    emitPlan(*program.plan);
  emitStates();
  emitData();
  emitInit();
  for (const ast::Entry *entry : program.entries)
    if (options.entries.empty() || llvm::is_contained(options.entries, entry->name))
      emitEntry(*entry);
  return std::move(module);
}

// Element types that the signless tensor type does not tell apart.
static bool needsTypeAttr(ast::ElementType type) {
  return type == ast::ElementType::U8 || type == ast::ElementType::I8;
}

void Lowering::declareState(Location where, StringRef name, StringRef path, StringRef kind, Type type,
                            ast::ElementType element) {
  builder.setInsertionPointToEnd(module->getBody());
  auto op = model::StateOp::create(builder, where, name, path, kind, type);
  if (needsTypeAttr(element))
    op->setAttr(kTypeAttr, builder.getStringAttr(ast::nameOf(element)));
  symbols.insert(op);
}

void Lowering::emitStates() {
  Type counter = RankedTensorType::get({}, builder.getI64Type());
  declareState(module->getLoc(), kStep, kStep, "counter", counter, ast::ElementType::I64);
  declareState(module->getLoc(), kSeed, kSeed, "counter", counter, ast::ElementType::I64);
  for (const ast::State *state : program.states) {
    StringRef kind = state->kind == ast::State::Kind::Parameter   ? "param"
                     : state->kind == ast::State::Kind::Optimizer ? "optimizer"
                                                                  : "buffer";
    declareState(loc(state->location), state->path, state->path, kind, tensorType(state->type),
                 state->type.element);
  }
}

static std::pair<StringRef, SmallVector<NamedAttribute>> describe(const ast::DataSource &data,
                                                                  Builder &builder) {
  SmallVector<NamedAttribute> arguments;
  auto set = [&](StringRef name, Attribute value) { arguments.push_back(builder.getNamedAttr(name, value)); };
  if (data.kind == ast::DataSource::Kind::Synthetic) {
    using Distribution = ast::DataSource::Distribution;
    StringRef name = data.distribution == Distribution::Normal    ? "normal"
                     : data.distribution == Distribution::Uniform ? "uniform"
                                                                  : "integers";
    set("distribution", builder.getStringAttr(name));
    if (data.distribution == Distribution::Integers)
      set("below", builder.getI64IntegerAttr(data.below));
    return {"synthetic", arguments};
  }
  SmallVector<StringRef> paths(data.paths.begin(), data.paths.end());
  set("paths", builder.getStrArrayAttr(paths));
  set("folder", builder.getStringAttr(data.folder));
  if (data.kind == ast::DataSource::Kind::Tokens)
    set("type", builder.getStringAttr(data.tokenType));
  StringRef kind = data.kind == ast::DataSource::Kind::Bytes    ? "bytes"
                   : data.kind == ast::DataSource::Kind::Tokens ? "tokens"
                                                                : "npy";
  return {kind, arguments};
}

void Lowering::emitData() {
  for (const ast::DataSource *data : program.data) {
    auto [kind, arguments] = describe(*data, builder);
    builder.setInsertionPointToEnd(module->getBody());
    symbols.insert(model::DataOp::create(builder, loc(data->location), data->name, kind,
                                         builder.getDictionaryAttr(arguments)));
  }
}

func::FuncOp Lowering::startFunction(StringRef name, Location loc, bool isPrivate) {
  builder.setInsertionPointToEnd(module->getBody());
  auto function = func::FuncOp::create(builder, loc, name, builder.getFunctionType({}, {}));
  if (isPrivate)
    function.setPrivate();
  symbols.insert(function);
  builder.setInsertionPointToEnd(function.addEntryBlock());
  return function;
}

void Lowering::finishFunction(func::FuncOp function, ValueRange results) {
  func::ReturnOp::create(builder, function.getLoc(), results);
  function.setFunctionType(
      builder.getFunctionType(function.getBody().front().getArgumentTypes(), results.getTypes()));
}

Value Lowering::counterState(bool seed) {
  StateFrame &frame = *frames.front();
  Value &value = seed ? frame.seed : frame.step;
  if (!value)
    value = frame.block->addArgument(RankedTensorType::get({}, builder.getI64Type()), module->getLoc());
  return value;
}

Value Lowering::stateValue(const ast::State *state, size_t index) {
  StateFrame &frame = *frames[index];
  if (index > 0 && !frame.covered.contains(state))
    return stateValue(state, index - 1);
  Value &value = frame.values[state];
  if (value)
    return value;
  // In a repeat: what the frame around sees, without its leading axis.
  size_t dropped = 0;
  for (size_t i = 1; i <= index; ++i)
    dropped += frames[i]->covered.contains(state);
  ast::Type type = state->type;
  type.axes.erase(type.axes.begin(), type.axes.begin() + dropped);
  value = frame.block->addArgument(tensorType(type), loc(state->location));
  frame.arguments[state] = value;
  return value;
}

void Lowering::setState(const ast::State *state, Value value) {
  for (StateFrame *frame : llvm::reverse(frames)) {
    if (frame != frames.front() && !frame->covered.contains(state))
      continue;
    frame->values[state] = value;
    frame->written.insert(state);
    return;
  }
}

static void describePort(func::FuncOp function, unsigned i, bool isResult, StringRef attr, Attribute value,
                         ast::ElementType element) {
  auto set = [&](StringRef name, Attribute attribute) {
    if (isResult)
      function.setResultAttr(i, name, attribute);
    else
      function.setArgAttr(i, name, attribute);
  };
  set(attr, value);
  if (needsTypeAttr(element))
    set(kTypeAttr, StringAttr::get(function.getContext(), ast::nameOf(element)));
}

void Lowering::emitInit() {
  func::FuncOp function = startFunction("init", module->getLoc(), false);
  function->setAttr(model::kEntryAttr, builder.getUnitAttr());
  StateFrame frame;
  frame.block = &function.getBody().front();
  frames.assign({&frame});
  nameValues = false;
  counterState(/*seed=*/true);
  frame.step = emitConstant(builder, module->getLoc(), builder.getI64IntegerAttr(0));
  SmallVector<Value> results{frame.step, frame.seed};
  for (const ast::State *state : program.states) {
    prefix = state->path;
    site = mixSite(0, state->path);
    results.push_back(emitComprehension(*state->initialiser));
  }
  finishFunction(function, results);
  describePort(function, 0, false, model::kInputAttr, builder.getStringAttr(kSeed), ast::ElementType::I64);
  auto result = [&](unsigned i, StringRef symbol, ast::ElementType element) {
    describePort(function, i, true, model::kStateAttr, FlatSymbolRefAttr::get(&context, symbol), element);
  };
  result(0, kStep, ast::ElementType::I64);
  result(1, kSeed, ast::ElementType::I64);
  for (auto [i, state] : llvm::enumerate(program.states))
    result(i + 2, state->path, state->type.element);
  frames.clear();
}

void Lowering::emitEntry(const ast::Entry &entry) {
  func::FuncOp function = startFunction(entry.name, loc(entry.location), false);
  function->setAttr(model::kEntryAttr, builder.getUnitAttr());
  StateFrame frame;
  frame.block = &function.getBody().front();
  frames.assign({&frame});
  entryName = entry.name;
  prefix.clear();
  self = nullptr;
  nameValues = options.nameValues;
  inRegion = !options.manualRegions;
  site = 0;
  for (const ast::EntryInput &input : entry.inputs)
    values[input.value] = {
        frame.block->addArgument(tensorType(input.value->type), loc(input.value->location))};
  for (const ast::State *state : program.states)
    if (state->value)
      slots[state->value] = state;
  Bound outputs = emitBody(*entry.body);
  returnFromEntry(entry, frame, outputs);
  for (auto [i, input] : llvm::enumerate(entry.inputs)) {
    describePort(function, i, false, model::kInputAttr, builder.getStringAttr(input.value->name),
                 input.value->type.element);
    if (input.source)
      function.setArgAttr(i, model::kSourceAttr, FlatSymbolRefAttr::get(&context, input.source->name));
    if (input.inOrder)
      function.setArgAttr(i, model::kOrderedAttr, builder.getUnitAttr());
  }
  frames.clear();
}

// Outputs, then what was written, then the next step.
void Lowering::returnFromEntry(const ast::Entry &entry, StateFrame &frame, ArrayRef<Value> outputs) {
  auto function = cast<func::FuncOp>(frame.block->getParentOp());
  SmallVector<Value> results(outputs);
  for (const ast::State *state : frame.written)
    results.push_back(frame.values[state]);
  if (entry.setsState) {
    IndexEmitter emitter(builder, function.getLoc(), {});
    Value step = emitter.readScalar(counterState(/*seed=*/false));
    Value one = arith::ConstantOp::create(emitter.body(), emitter.loc(), builder.getI64IntegerAttr(1));
    results.push_back(emitter.finish(arith::AddIOp::create(emitter.body(), emitter.loc(), step, one)));
  }
  finishFunction(function, results);
  auto argument = [&](Value value, StringRef symbol, ast::ElementType element) {
    describePort(function, cast<BlockArgument>(value).getArgNumber(), false, model::kStateAttr,
                 FlatSymbolRefAttr::get(&context, symbol), element);
  };
  for (auto [state, value] : frame.arguments)
    argument(value, state->path, state->type.element);
  if (frame.step)
    argument(frame.step, kStep, ast::ElementType::I64);
  if (frame.seed)
    argument(frame.seed, kSeed, ast::ElementType::I64);
  for (size_t i = 0; i < outputs.size(); ++i)
    describePort(function, i, true, model::kOutputAttr, builder.getStringAttr(entry.outputNames[i]),
                 entry.body->results[i]->type().element);
  for (auto [i, state] : llvm::enumerate(frame.written))
    describePort(function, outputs.size() + i, true, model::kStateAttr,
                 FlatSymbolRefAttr::get(&context, state->path), state->type.element);
  if (entry.setsState)
    describePort(function, results.size() - 1, true, model::kStateAttr,
                 FlatSymbolRefAttr::get(&context, kStep), ast::ElementType::I64);
}

//===-- Types, places, maps -----------------------------------------------===//

Type Lowering::elementType(ast::ElementType type) {
  switch (type) {
  case ast::ElementType::F32:
    return builder.getF32Type();
  case ast::ElementType::F64:
    return builder.getF64Type();
  case ast::ElementType::BF16:
    return builder.getBF16Type();
  case ast::ElementType::F16:
    return builder.getF16Type();
  case ast::ElementType::I8:
  case ast::ElementType::U8:
    return builder.getI8Type();
  case ast::ElementType::I32:
    return builder.getI32Type();
  case ast::ElementType::I64:
    return builder.getI64Type();
  case ast::ElementType::Bool:
    return builder.getI1Type();
  default:
    llvm_unreachable("sema leaves no such type in a finished program");
  }
}

// What axes are called in the IR: a block has the name of the whole, unless both stand in one tensor.
static SmallVector<StringRef> namesOf(ArrayRef<const ast::Axis *> axes) {
  SmallVector<StringRef> names;
  for (const ast::Axis *axis : axes) {
    auto isCalledSo = [&](const ast::Axis *other) {
      return other != axis && (other->whole ? other->whole : other)->name == axis->whole->name;
    };
    names.push_back(axis->whole && llvm::none_of(axes, isCalledSo) ? axis->whole->name : axis->name);
  }
  return names;
}

RankedTensorType Lowering::tensorType(const ast::Type &type) {
  SmallVector<StringRef> axes = namesOf(type.axes);
  SmallVector<int64_t> sizes;
  for (const ast::Axis *axis : type.axes)
    sizes.push_back(axis->size);
  return model::tensorOf(elementType(type.element), axes, sizes);
}

TypedAttr Lowering::constant(const ast::Literal &literal) {
  Type type = elementType(literal.type().element);
  if (auto real = dyn_cast<FloatType>(type))
    return builder.getFloatAttr(real, literal.real);
  return IntegerAttr::get(type, APInt(type.getIntOrFloatBitWidth(), static_cast<uint64_t>(literal.integer),
                                      /*isSigned=*/true, /*implicitTrunc=*/true));
}

Location Lowering::loc(const diag::Location &location) {
  if (!location)
    return module->getLoc();
  auto [line, column] = location.source->getLineColumn(location.begin);
  return FileLineColLoc::get(&context, location.source->getPath(), line, column);
}

static AffineExpr affineExpr(const ast::Affine &affine,
                             const DenseMap<const ast::IndexVariable *, unsigned> &dims,
                             MLIRContext *context) {
  AffineExpr sum = getAffineConstantExpr(affine.constant, context);
  for (const ast::AffineTerm &term : affine.terms) {
    AffineExpr factor;
    if (term.variable)
      factor = getAffineDimExpr(dims.at(term.variable), context);
    else if (term.symbol >= 0)
      factor = getAffineSymbolExpr(term.symbol, context);
    else if (term.remainder)
      factor = affineExpr(*term.inner, dims, context) % term.divisor;
    else
      factor = affineExpr(*term.inner, dims, context).floorDiv(term.divisor);
    sum = sum + factor * term.coefficient;
  }
  return sum;
}

AffineMap Lowering::affineMap(const std::vector<ast::Affine> &positions,
                              const DenseMap<const ast::IndexVariable *, unsigned> &dims, unsigned numDims,
                              unsigned numSymbols) {
  SmallVector<AffineExpr> exprs;
  for (const ast::Affine &position : positions)
    exprs.push_back(affineExpr(position, dims, &context));
  return AffineMap::get(numDims, numSymbols, exprs, &context);
}

SmallVector<Dim> Lowering::dimsOf(const std::vector<const ast::IndexVariable *> &variables) {
  SmallVector<const ast::Axis *> axes;
  for (const ast::IndexVariable *variable : variables)
    axes.push_back(variable->axis);
  SmallVector<Dim> dims;
  for (auto [axis, name] : llvm::zip(axes, namesOf(axes)))
    dims.push_back({name.str(), axis->size});
  return dims;
}

SmallVector<Dim> Lowering::dimsOf(RankedTensorType type) {
  SmallVector<Dim> dims;
  for (auto [axis, size] : llvm::zip(model::axesOf(type), type.getShape()))
    dims.push_back({axis.str(), size});
  return dims;
}
