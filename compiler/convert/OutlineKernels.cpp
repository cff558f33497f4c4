#include "compiler/convert/OutlineKernels.h"

#include "compiler/analysis/KernelWork.h"
#include "compiler/convert/KernelBody.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::convert;
using analysis::Group;

// Values the group reads from outside, each once, in the order of first use.
static SmallVector<Value> inputsOf(const Group &group) {
  llvm::SetVector<Value> inputs;
  llvm::SmallPtrSet<Operation *, 8> members(group.ops.begin(), group.ops.end());
  for (Operation *op : group.ops)
    for (Value operand : op->getOperands())
      if (!members.contains(operand.getDefiningOp()))
        inputs.insert(operand);
  return inputs.takeVector();
}

// Values of the group that anything outside it reads.
static SmallVector<Value> resultsOf(const Group &group) {
  llvm::SmallPtrSet<Operation *, 8> members(group.ops.begin(), group.ops.end());
  SmallVector<Value> results;
  for (Operation *op : group.ops)
    if (llvm::any_of(op->getUsers(), [&](Operation *user) { return !members.contains(user); }))
      results.push_back(op->getResult(0));
  return results;
}

// Scatter and argsort stand in kernels as they are, on plain tensors.
static Value cloneWhole(OpBuilder &builder, Operation *op, IRMapping &mapping) {
  Operation *copy = builder.clone(*op, mapping);
  copy->removeAttr(pipe::kNamesAttr);
  copy->getResult(0).setType(storageOf(op->getResult(0).getType()));
  return copy->getResult(0);
}

static Value emit(OpBuilder &builder, Operation *op, ArrayRef<int64_t> rowDims, IRMapping &mapping) {
  if (auto index = dyn_cast<model::IndexOp>(op))
    return emitIndex(builder, index, rowDims, mapping);
  if (auto gather = dyn_cast<model::GatherOp>(op))
    return emitGather(builder, gather, rowDims, mapping);
  return cloneWhole(builder, op, mapping);
}

// The generic that makes result `value`, or null.
static linalg::GenericOp makerOf(Value value) { return value.getDefiningOp<linalg::GenericOp>(); }

// Whether `argument` is read by `maker` alone, once, exactly where `maker` writes its result.
static bool readOnlyByMaker(BlockArgument argument, linalg::GenericOp maker) {
  if (!argument.hasOneUse() || argument.getUses().begin()->getOwner() != maker)
    return false;
  OpOperand &use = *argument.getUses().begin();
  return maker.getMatchingIndexingMap(&use) == maker.getIndexingMapsArray().back() &&
         maker.getNumReductionLoops() == 0;
}

// Pairs (argument, result) that may share memory; each argument and each result in one pair at most.
static void setInplace(func::FuncOp kernel) {
  SmallVector<int64_t> pairs;
  llvm::SmallDenseSet<unsigned> taken;
  Operation *end = kernel.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(end->getOperands())) {
    for (BlockArgument argument : kernel.getArguments()) {
      if (argument.getType() != value.getType() || taken.contains(argument.getArgNumber()))
        continue;
      linalg::GenericOp maker = makerOf(value);
      auto scatter = value.getDefiningOp<model::ScatterOp>();
      bool updates = scatter && scatter.getInit() == argument && argument.hasOneUse();
      if (!updates && !(maker && readOnlyByMaker(argument, maker)))
        continue;
      taken.insert(argument.getArgNumber());
      llvm::append_values(pairs, static_cast<int64_t>(argument.getArgNumber()), static_cast<int64_t>(i));
      break;
    }
  }
  if (!pairs.empty())
    kernel->setAttr(pipe::kInplaceAttr, DenseI64ArrayAttr::get(kernel.getContext(), pairs));
}

func::FuncOp KernelOutliner::build(const Group &group, ArrayRef<Value> inputs, ArrayRef<Value> results) {
  MLIRContext *context = module.getContext();
  auto types = [](ArrayRef<Value> values) {
    return llvm::map_to_vector(values, [](Value value) -> Type { return storageOf(value.getType()); });
  };
  SmallVector<Location> locs = llvm::map_to_vector(group.ops, [](Operation *op) { return op->getLoc(); });
  Location loc = FusedLoc::get(context, locs);
  auto kernel =
      func::FuncOp::create(loc, "kernel", FunctionType::get(context, types(inputs), types(results)));
  kernel.setPrivate();
  OpBuilder builder = OpBuilder::atBlockBegin(kernel.addEntryBlock());
  IRMapping mapping;
  mapping.map(inputs, kernel.getArguments());
  for (auto [op, rowDims] : llvm::zip(group.ops, group.rowDims))
    mapping.map(op->getResult(0), emit(builder, op, rowDims, mapping));
  func::ReturnOp::create(builder, loc,
                         llvm::map_to_vector(results, [&](Value value) { return mapping.lookup(value); }));
  kernel->setAttr(pipe::kKernelAttr, builder.getUnitAttr());
  kernel->setAttr(pipe::kRowsAttr, builder.getDenseI64ArrayAttr(group.rows));
  setInplace(kernel);
  return kernel;
}

func::FuncOp KernelOutliner::unique(func::FuncOp kernel, StringRef kind) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel->print(stream, OpPrintingFlags().useLocalScope());
  auto [slot, isNew] = known.try_emplace(text, kernel);
  if (!isNew) {
    kernel->erase();
    return slot->second;
  }
  kernel.setName((kind + "_" + Twine(known.size() - 1)).str());
  symbols.insert(kernel);
  return kernel;
}

void KernelOutliner::outline(const Group &group) {
  SmallVector<Value> inputs = inputsOf(group), results = resultsOf(group);
  func::FuncOp built = build(group, inputs, results);
  Location loc = analysis::locationOfParts(built);
  func::FuncOp kernel = unique(built, nameOf(group.kind));
  OpBuilder builder(group.ops.back());
  SmallVector<Type> types = llvm::map_to_vector(results, [](Value value) { return value.getType(); });
  SmallVector<StringRef> names =
      llvm::map_to_vector(results, [](Value value) { return pipe::nameOf(value); });
  bool named = llvm::any_of(names, [](StringRef name) { return !name.empty(); });
  auto launch = pipe::LaunchOp::create(builder, loc, types, FlatSymbolRefAttr::get(kernel), inputs,
                                       named ? builder.getStrArrayAttr(names) : ArrayAttr(), /*places=*/{});
  for (auto [from, to] : llvm::zip(results, launch.getResults()))
    from.replaceAllUsesWith(to);
  for (Operation *op : llvm::reverse(group.ops))
    op->erase();
}
