#include "dialects/model/transforms/StageChecks.h"
#include "dialects/model/transforms/CallOrder.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace cleave::model;

static LogicalResult checkState(func::FuncOp entry, FlatSymbolRefAttr name, Type type, SymbolTable &symbols) {
  auto state = symbols.lookup<StateOp>(name.getValue());
  if (!state)
    return entry.emitError("a state of an entry is declared, got: @") << name.getValue();
  if (state.getType() != type)
    return entry.emitError("a state has the type of its declaration, ")
           << state.getType() << ", got: " << type << " for @" << name.getValue();
  return success();
}

static LogicalResult checkEntry(func::FuncOp entry, SymbolTable &symbols) {
  if (entry.isExternal() || !entry.getBody().hasOneBlock())
    return entry.emitError("an entry has one block, got: ") << entry.getBody().getBlocks().size();
  llvm::StringSet<> inputs, outputs, read, written;
  for (unsigned i = 0; i < entry.getNumArguments(); ++i) {
    auto state = entry.getArgAttrOfType<FlatSymbolRefAttr>(i, kStateAttr);
    auto input = entry.getArgAttrOfType<StringAttr>(i, kInputAttr);
    if (!state == !input)
      return entry.emitError("an argument of an entry is either a state or an input, got: argument ") << i;
    if (state && failed(checkState(entry, state, entry.getArgumentTypes()[i], symbols)))
      return failure();
    StringRef name = state ? state.getValue() : input.getValue();
    if (!(state ? read : inputs).insert(name).second)
      return entry.emitError("an entry takes each state and input once, got twice: ") << name;
    auto source = entry.getArgAttrOfType<FlatSymbolRefAttr>(i, kSourceAttr);
    if (source && !symbols.lookup<DataOp>(source.getValue()))
      return entry.emitError("a source of an input is declared, got: @") << source.getValue();
  }
  for (unsigned i = 0; i < entry.getNumResults(); ++i) {
    auto state = entry.getResultAttrOfType<FlatSymbolRefAttr>(i, kStateAttr);
    auto output = entry.getResultAttrOfType<StringAttr>(i, kOutputAttr);
    if (!state == !output)
      return entry.emitError("a result of an entry is either a state or an output, got: result ") << i;
    if (state && failed(checkState(entry, state, entry.getResultTypes()[i], symbols)))
      return failure();
    StringRef name = state ? state.getValue() : output.getValue();
    if (!(state ? written : outputs).insert(name).second)
      return entry.emitError("an entry returns each state and output once, got twice: ") << name;
  }
  return success();
}

static LogicalResult checkTypes(ModuleOp module) {
  WalkResult result = module.walk([](Operation *op) {
    for (Value value : op->getResults()) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      if (!type)
        continue;
      if (!type.hasStaticShape()) {
        op->emitError("every size is known, got: ") << type;
        return WalkResult::interrupt();
      }
      if (axesOf(type).size() != static_cast<size_t>(type.getRank())) {
        op->emitError("every axis has a name, got: ") << type;
        return WalkResult::interrupt();
      }
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult cleave::model::verifyModelStage(ModuleOp module) {
  SymbolTable symbols(module);
  func::FuncOp recursive;
  calleesFirst(module, symbols, &recursive);
  if (recursive)
    return recursive.emitError("a function does not call itself, got: @") << recursive.getSymName();
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(kEntryAttr) && failed(checkEntry(function, symbols)))
      return failure();
  return checkTypes(module);
}

LogicalResult cleave::model::verifyGradStage(ModuleOp module) {
  SymbolTable symbols(module);
  WalkResult left = module.walk([](GradientOp op) {
    op.emitError("no gradient is left behind the grad stage, got one");
    return WalkResult::interrupt();
  });
  if (left.wasInterrupted())
    return failure();
  for (auto function : module.getOps<func::FuncOp>())
    for (StringRef name : {"model.forward", "model.backward_input", "model.backward_weight"}) {
      auto link = function->getAttrOfType<FlatSymbolRefAttr>(name);
      if (link && !symbols.lookup<func::FuncOp>(link.getValue()))
        return function.emitError("a differentiated body is linked to functions that exist, got: @")
               << link.getValue();
    }
  return verifyModelStage(module);
}
